"""The generated source: one system and one method as straight-line Python.

Every function works on one value: of a half group of eight people (float64) on a processor, of one person on a graphics
card. The `Layout` says how far apart the values of successive states lie in people's arrays and in scratch memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sympy

from abate.engine.solver.operations import LANES
from abate.engine.solver.printing import block
from abate.engine.solver.rosenbrock import Rosenbrock
from abate.engine.solver.symbolic import Factorisation, Problem, markowitz

Targets = list[tuple[str, sympy.Expr]]


@dataclass(frozen=True)
class Layout:
    """Numbers between one state and the next.

    Attributes
    ----------
    people : int
        In the arrays of people: states, parameters, weights.
    scratch : int
        In scratch memory, which holds one value at a time.
    """

    people: int
    scratch: int

    @classmethod
    def lanes(cls, bits: int) -> Layout:
        """Groups of sixteen people, computed eight (float64) or sixteen (float32) at once."""
        return cls(LANES, 512 // bits)

    @classmethod
    def single(cls) -> Layout:
        """One person by itself."""
        return cls(1, 1)


_KINDS = {"time": "float", "h": "float", "diagonal": "float", "rtol": "float", "stride": "int"}
"""Arguments that are not memory."""

HUGE = 1e30
"""Error of a lane that is not finite."""

ENTRIES = ("prepare", "rates_of_group", "observe", "step")
"""Functions that the driver calls."""


def _function(name: str, arguments: str, body: Iterable[str], gives: str = "None") -> str:
    typed = ", ".join(f"{a.strip()}: {_KINDS.get(a.strip(), 'memory')}" for a in arguments.split(","))
    return "\n".join([f"def {name}({typed}) -> {gives}:", *(f"    {line}" for line in body)]) + "\n"


def _used(expressions: Iterable[sympy.Expr]) -> set[str]:
    return {s.name for e in expressions for s in e.free_symbols}


def _loads(problem: Problem, expressions: Sequence[sympy.Expr], layout: Layout, state_stride: int) -> list[str]:
    """Lines that fetch what the expressions use: clock values first, then people's numbers."""
    used = _used(expressions)
    clock: Targets = [(f"s{i}", e) for i, e in enumerate(problem.clock) if f"s{i}" in used]
    lines = block(clock, prefix="t") if clock else []
    for i in range(len(problem.states)):
        if f"y{i}" in used:
            lines.append(f"y{i} = load(y, {i * state_stride})")
    for i in range(len(problem.parameters)):
        if f"p{i}" in used:
            lines.append(f"p{i} = load(p, {i * layout.people})")
    for i in range(len(problem.hoisted)):
        if f"q{i}" in used:
            lines.append(f"q{i} = load(q, {i * layout.people})")
    return lines


def _prepare(problem: Problem, layout: Layout) -> str:
    body = _loads(problem, problem.hoisted, layout, layout.people)
    body += block([(f"q{i}", e) for i, e in enumerate(problem.hoisted)])
    body += [f"store(q, {i * layout.people}, q{i})" for i in range(len(problem.hoisted))]
    return _function("prepare", "p, q", body or ["pass"])


def _rates(problem: Problem, name: str, stride: int, layout: Layout) -> str:
    body = _loads(problem, problem.rates, layout, stride)
    body += block([(f"f{i}", e) for i, e in enumerate(problem.rates)])
    body += [f"store(out, {i * stride}, f{i})" for i in range(len(problem.rates))]
    return _function(name, "time, y, p, q, out", body)


def _observe(problem: Problem, layout: Layout) -> str:
    body = _loads(problem, problem.outputs, layout, layout.people)
    body += block([(f"o{i}", e) for i, e in enumerate(problem.outputs)])
    body += [f"store(out, {i} * stride, o{i})" for i in range(len(problem.outputs))]
    return _function("observe", "time, y, p, q, out, stride", body or ["pass"])


def _linearise(problem: Problem, order: Factorisation, layout: Layout) -> str:
    """Rates, time derivative and the factors of ``I/(h*gamma) - J``, sharing subexpressions."""
    size = len(problem.states)
    targets: Targets = [(f"f{i}", e) for i, e in enumerate(problem.rates)]
    targets += [(f"d{i}", e) for i, e in problem.time_derivative.items()]
    targets += [(f"w_{i}_{j}", -e) for (i, j), e in problem.jacobian.items()]
    body = _loads(problem, [e for _, e in targets], layout, layout.people) + block(targets)
    body += [f"store(out, {i * layout.scratch}, f{i})" for i in range(size)]
    body += [f"store(drift, {i * layout.scratch}, d{i})" for i in problem.time_derivative]
    present = set(problem.jacobian)
    for i in range(size):
        known = f" + w_{i}_{i}" if (i, i) in present else ""
        body.append(f"w_{i}_{i} = diagonal{known}")
        present.add((i, i))
    slot = 0
    for pivot, below, right in order.updates:
        # the pivot of a state without a diagonal entry is a plain float: stored to all lanes
        body.append(f"r_{pivot} = 1.0 / w_{pivot}_{pivot}")
        body.append(f"store(lu, {slot * layout.scratch}, r_{pivot})")
        slot += 1
        for j in right:
            body.append(f"store(lu, {slot * layout.scratch}, w_{pivot}_{j})")
            slot += 1
        for i in below:
            body.append(f"l_{i}_{pivot} = w_{i}_{pivot} * r_{pivot}")
            body.append(f"store(lu, {slot * layout.scratch}, l_{i}_{pivot})")
            slot += 1
            for j in right:
                known = f"w_{i}_{j}" if (i, j) in present else ""
                body.append(f"w_{i}_{j} = {known} - l_{i}_{pivot} * w_{pivot}_{j}")
                present.add((i, j))
    return _function(
        "linearise",
        "time, diagonal, y, p, q, out, drift, lu",
        body,
    )


def _solve(size: int, order: Factorisation, layout: Layout) -> str:
    """Forward and backward substitution in place."""
    body = [f"b{i} = load(b, {i * layout.scratch})" for i in range(size)]
    backward: list[list[str]] = []
    slot = 0
    for pivot, below, right in order.updates:
        lines = []
        inverse = slot
        slot += 1
        terms = []
        for j in right:
            terms.append(f"load(lu, {slot * layout.scratch}) * b{j}")
            slot += 1
        text = " - ".join([f"b{pivot}", *terms])
        lines.append(f"b{pivot} = ({text}) * load(lu, {inverse * layout.scratch})")
        backward.append([*lines, f"store(b, {pivot * layout.scratch}, b{pivot})"])
        for i in below:
            body.append(f"b{i} = b{i} - load(lu, {slot * layout.scratch}) * b{pivot}")
            slot += 1
    for lines in reversed(backward):
        body += lines
    return _function("solve", "lu, b", body)


def _combination(coefficients: Sequence[float], names: Sequence[str]) -> list[tuple[str, float]]:
    return [(n, c) for n, c in zip(names, coefficients, strict=False) if c != 0.0]


def _stage(method: Rosenbrock, i: int, size: int, drifting: Sequence[int], layout: Layout) -> list[str]:
    """Lines of stage ``i``: argument, rates, right-hand side, solve."""
    k = [f"k{j}" for j in range(method.stages)]
    lines = [f"# stage {i + 1}"]
    if i > 0:
        increments = method.a[i] == (*method.a[i - 1], 1.0)
        lines.append(f"for i in range({size}):")
        if increments:
            total = f"load(stage, i * {layout.scratch}) + load({k[i - 1]}, i * {layout.scratch})"
        else:
            terms = [f"{c!r} * load({n}, i * {layout.scratch})" for n, c in _combination(method.a[i], k)]
            total = " + ".join([f"load(y, i * {layout.people})", *terms])
        lines.append(f"    store(stage, i * {layout.scratch}, {total})")
        lines.append(f"rates(time + {method.alpha[i]!r} * h, stage, p, q, {k[i]})")
        weighted = _combination(method.c[i], k)
        lines += [f"c{j} = {c!r} * rate" for j, (_, c) in enumerate(weighted)]
        terms = [f"c{j} * load({n}, i * {layout.scratch})" for j, (n, _) in enumerate(weighted)]
        total = " + ".join([f"load({k[i]}, i * {layout.scratch})", *terms])
        lines.append(f"for i in range({size}):")
        lines.append(f"    store({k[i]}, i * {layout.scratch}, {total})")
    if method.d[i] != 0.0:
        for s in drifting:
            at = s * layout.scratch
            moved = f"load({k[i]}, {at}) + ({method.d[i]!r} * h) * load(drift, {at})"
            lines.append(f"store({k[i]}, {at}, {moved})")
    lines.append(f"solve(lu, {k[i]})")
    return lines


def _finish(method: Rosenbrock, size: int, layout: Layout) -> list[str]:
    """Lines that form the new state and the error of every lane."""
    k = [f"k{j}" for j in range(method.stages)]
    landed = method.m == (*method.a[-1], 1.0)
    lines = []
    for i in range(size):
        at = i * layout.scratch
        if landed:
            new = f"load(stage, {at}) + load({k[-1]}, {at})"
        else:
            new = " + ".join(["old", *(f"{c!r} * load({n}, {at})" for n, c in _combination(method.m, k))])
        parts = [f"load({n}, {at})" if c == 1.0 else f"{c!r} * load({n}, {at})" for n, c in _combination(method.e, k)]
        lines += [
            f"old = load(y, {i * layout.people})",
            f"value = {new}",
            f"store(new, {i * layout.people}, value)",
            "size = maximum(magnitude(old), magnitude(value))",
            f"part = ({' + '.join(parts)}) * rough_reciprocal(load(weight, {i * layout.people}) + rtol * size)",
            "total = part * part" if i == 0 else "total = total + part * part",
        ]
    return [
        *lines,
        f"error = root(total * {1.0 / size!r})",
        f"error = select(error < {HUGE!r}, error, {HUGE!r})",  # NaN becomes huge too
        "store(errors, 0, error)",
        "return largest(select(load(alive, 0) > 0.0, error, 0.0))",
    ]


def _step(problem: Problem, order: Factorisation, method: Rosenbrock, layout: Layout) -> str:
    size = len(problem.states)
    offset = 0
    body = []
    for name in [f"k{j}" for j in range(method.stages)] + ["stage", "drift", "lu"]:
        body.append(f"{name} = shift(work, {offset})")
        offset += size * layout.scratch
    body.append("rate = 1.0 / h")
    body.append(f"linearise(time, {1.0 / method.gamma!r} * rate, y, p, q, k0, drift, lu)")
    for i in range(method.stages):
        body += _stage(method, i, size, sorted(problem.time_derivative), layout)
    body += _finish(method, size, layout)
    arguments = "time, h, y, p, q, weight, alive, rtol, new, errors, work"
    return _function("step", arguments, body, gives="float")


@dataclass(frozen=True)
class Source:
    """Generated functions and the memory they need.

    Attributes
    ----------
    text : str
        Definitions, in order of use.
    hoisted : int
        SIMD rows of what depends on parameters alone.
    work : int
        Numbers of scratch memory of a step.
    """

    text: str
    hoisted: int
    work: int


def generate(problem: Problem, method: Rosenbrock, layout: Layout) -> Source:
    """Source of the functions that integrate ``problem`` with ``method``.

    Parameters
    ----------
    problem : Problem
        Expressions of the system.
    method : Rosenbrock
        Table of the method.
    layout : Layout
        Of the arrays.
    """
    size = len(problem.states)
    order = markowitz(size, problem.jacobian)
    parts = [
        _prepare(problem, layout),
        _rates(problem, "rates", layout.scratch, layout),
        _rates(problem, "rates_of_group", layout.people, layout),
        _observe(problem, layout),
        _linearise(problem, order, layout),
        _solve(size, order, layout),
        _step(problem, order, method, layout),
    ]
    return Source("\n\n".join(parts), len(problem.hoisted), work_size(size, method, order.entries, layout))


def work_size(size: int, method: Rosenbrock, entries: int, layout: Layout) -> int:
    """Numbers of scratch memory of a step: stages, argument, drift and factors."""
    return layout.scratch * (size * (method.stages + 2) + entries)
