"""From equations to the expressions a kernel computes: Jacobian, hoisting, sparse LU order.

Three kinds of work are told apart, because they cost differently:

- what depends on parameters alone is computed once, when a parameter changes (``hoisted``);
- what depends on ``time`` alone is computed once for all lanes (``clock``);
- the rest is computed at every stage for every lane, with common subexpressions shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy
from sympy.core.function import AppliedUndef

from abate.engine.solver.system import TIME, System

Expressions = list[sympy.Expr]


@dataclass(frozen=True)
class Problem:
    """Expressions of a system, ready to print.

    ``hoisted`` defines the symbols ``q0, q1, ...`` from parameters; ``clock`` the symbols
    ``s0, s1, ...`` from ``time``; ``rates``, ``time_derivative`` and the entries of ``jacobian``
    use both, the states and the parameters. Missing entries are zero.
    """

    states: tuple[sympy.Symbol, ...]
    parameters: tuple[sympy.Symbol, ...]
    hoisted: tuple[sympy.Expr, ...]
    clock: tuple[sympy.Expr, ...]
    rates: tuple[sympy.Expr, ...]
    time_derivative: dict[int, sympy.Expr]
    jacobian: dict[tuple[int, int], sympy.Expr]
    outputs: tuple[sympy.Expr, ...]


def differentiable(expression: sympy.Expr) -> sympy.Expr:
    """Rewrite what SymPy would differentiate into distributions: Min, Max, Abs, sign, Heaviside."""

    def rewrite(node: sympy.Basic) -> sympy.Basic:
        if isinstance(node, sympy.Max | sympy.Min):
            best, *others = node.args
            for other in others:
                chosen = best > other if isinstance(node, sympy.Max) else best < other
                best = sympy.Piecewise((best, chosen), (other, True))
            return best
        (x,) = node.args[:1]
        if isinstance(node, sympy.Abs):
            return sympy.Piecewise((x, x >= 0), (-x, True))
        if isinstance(node, sympy.sign):
            return sympy.Piecewise((1, x > 0), (-1, x < 0), (0, True))
        return sympy.Piecewise((1, x >= 0), (0, True))

    kinds = (sympy.Max, sympy.Min, sympy.Abs, sympy.sign, sympy.Heaviside)
    rewritten = sympy.sympify(expression).replace(lambda node: isinstance(node, kinds), rewrite)
    return rewritten


def _derivative(expression: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """Derivative, with the steps of floor and ceiling taken as flat."""
    expression = differentiable(expression)
    steps = {node: sympy.Dummy("step") for node in expression.atoms(sympy.floor, sympy.ceiling)}
    derivative = sympy.diff(expression.xreplace(steps), symbol)
    return derivative.xreplace({dummy: node for node, dummy in steps.items()})


class Hoister:
    """Replaces what depends on one kind of symbol only, and remembers the definitions."""

    def __init__(self, only: Iterable[sympy.Symbol], prefix: str) -> None:
        self.only = frozenset(only)
        self.prefix = prefix
        self.definitions: dict[sympy.Expr, sympy.Symbol] = {}
        self._done: dict[sympy.Basic, sympy.Basic] = {}

    def __call__(self, expression: sympy.Basic) -> sympy.Basic:
        """``expression`` with its largest eligible parts replaced by symbols."""
        if expression not in self._done:
            self._done[expression] = self._replace(expression)
        return self._done[expression]

    def _eligible(self, expression: sympy.Basic) -> bool:
        free = expression.free_symbols
        return bool(free) and free <= self.only

    def _name(self, expression: sympy.Expr) -> sympy.Expr:
        if expression.is_Symbol:
            return expression
        if expression not in self.definitions:
            symbol = sympy.Symbol(f"{self.prefix}{len(self.definitions)}")
            self.definitions[expression] = symbol
        return self.definitions[expression]

    def _replace(self, expression: sympy.Basic) -> sympy.Basic:
        if not expression.args or not expression.free_symbols & self.only:
            return expression
        if self._eligible(expression) and isinstance(expression, sympy.Expr):
            return self._name(expression)
        if isinstance(expression, sympy.Add | sympy.Mul):
            mine = [a for a in expression.args if self._eligible(a)]
            numbers = [a for a in expression.args if a.is_number and not a.free_symbols]
            if mine and len(mine) + len(numbers) > 1:
                rest = [a for a in expression.args if a not in mine and a not in numbers]
                known = self._name(expression.func(*mine, *numbers))
                return expression.func(known, *[self(a) for a in rest])
        return expression.func(*[self(a) for a in expression.args])


def split_phases(expression: sympy.Expr) -> sympy.Expr:
    """Expand ``cos(w*time + phase)`` so that the waves are shared and the phases hoisted."""

    def rewrite(node: sympy.Basic) -> sympy.Basic:
        argument = sympy.expand(node.args[0])
        moving, fixed = argument.as_independent(TIME, as_Add=True)[::-1]
        if fixed == 0 or moving.free_symbols != {TIME}:
            return node
        sine, cosine = sympy.sin, sympy.cos
        if isinstance(node, cosine):
            return cosine(moving) * cosine(fixed) - sine(moving) * sine(fixed)
        return sine(moving) * cosine(fixed) + cosine(moving) * sine(fixed)

    waves = (sympy.sin, sympy.cos)
    return expression.replace(lambda node: isinstance(node, waves) and node.has(TIME), rewrite)


def formulate(system: System) -> Problem:
    """Differentiate a system and sort its work by what it depends on."""
    assignments = {sympy.Symbol(k): v for k, v in system.expanded().items()}
    states = tuple(sympy.Symbol(name) for name in system.states)
    # positional names: no clash with Python keywords, with functions or with each other
    y = {s: sympy.Symbol(f"y{i}") for i, s in enumerate(states)}
    p = {sympy.Symbol(name): sympy.Symbol(f"p{i}") for i, name in enumerate(system.parameters)}

    def local(expression: sympy.Expr) -> sympy.Expr:
        flat = sympy.sympify(expression).xreplace(assignments).xreplace({**y, **p})
        return flat.replace(lambda node: isinstance(node, sympy.sign | sympy.Heaviside), differentiable)

    rates = [local(system.rates[name]) for name in system.states]
    outputs = [local(sympy.Symbol(name)) for name in system.outputs]
    unknown = {f for e in (*rates, *outputs) for f in e.atoms(AppliedUndef)}
    if unknown:
        raise ValueError(f"function without a definition: {', '.join(sorted(map(str, unknown)))}")
    names = list(y.values())
    jacobian = {
        (i, j): _derivative(rate, names[j])
        for i, rate in enumerate(rates)
        for j in range(len(names))
        if names[j] in rate.free_symbols
    }
    clocked = {i: _derivative(r, TIME) for i, r in enumerate(rates) if TIME in r.free_symbols}
    per_person = Hoister(p.values(), "q")
    per_time = Hoister([TIME], "s")

    def ready(expression: sympy.Expr) -> sympy.Expr:
        return per_time(per_person(split_phases(expression)))

    return Problem(
        states=tuple(names),
        parameters=tuple(p.values()),
        rates=tuple(ready(r) for r in rates),
        time_derivative={i: ready(d) for i, d in clocked.items() if d != 0},
        jacobian={ij: ready(d) for ij, d in jacobian.items() if d != 0},
        outputs=tuple(ready(o) for o in outputs),
        hoisted=tuple(per_person.definitions),
        clock=tuple(per_time.definitions),
    )


@dataclass(frozen=True)
class Factorisation:
    """Order of elimination of a sparse matrix with pivots on its diagonal.

    ``updates`` lists, pivot by pivot, ``(pivot, rows below, columns to the right)`` in terms of
    the original indices; ``fill`` the entries that elimination creates.
    """

    updates: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...]
    fill: frozenset[tuple[int, int]]

    @property
    def entries(self) -> int:
        """Stored entries of both factors, diagonal included."""
        return sum(1 + len(rows) + len(columns) for _, rows, columns in self.updates)


def markowitz(size: int, pattern: Iterable[tuple[int, int]]) -> Factorisation:
    """Order pivots by least ``(row entries - 1) * (column entries - 1)``.

    References
    ----------
    H. M. Markowitz, The elimination form of the inverse and its application to linear programming,
    Management Science 3 (1957) 255.
    """
    rows: dict[int, set[int]] = {i: {i} for i in range(size)}
    for i, j in pattern:
        rows[i].add(j)
    left = set(range(size))
    updates = []
    fill: set[tuple[int, int]] = set()
    while left:
        columns = {j: {i for i in left if j in rows[i]} for j in left}

        def cost(k: int) -> tuple[int, int]:
            return (len(rows[k] & left) - 1) * (len(columns[k]) - 1), k  # noqa: B023

        pivot = min(left, key=cost)
        left.remove(pivot)
        below = tuple(sorted(columns[pivot] - {pivot}))
        right = tuple(sorted(rows[pivot] & left))
        for i in below:
            fill |= {(i, j) for j in right if j not in rows[i]}
            rows[i].update(right)
        updates.append((pivot, below, right))
    return Factorisation(tuple(updates), frozenset(fill))
