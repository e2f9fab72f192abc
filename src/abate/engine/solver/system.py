"""An initial-value problem as names and plain SymPy: what the solver compiles."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy

TIME = sympy.Symbol("time")
"""The independent variable, as it appears in rates and assignments."""


@dataclass(frozen=True)
class System:
    """Ordinary differential equations, one set for everyone.

    Parameters
    ----------
    states : tuple of str
        Names of the states, in the order of the arrays.
    rates : mapping
        Time derivative of every state; may use states, assignments, parameters and ``time``.
    assignments : mapping
        Named expressions in dependency order; may use states, parameters, ``time`` and the
        assignments before them.
    parameters : tuple of str
        Names of the per-person numbers, in the order of the arrays: parameters proper, and inputs
        that events may set (an infusion rate, a weekly noise value).
    outputs : tuple of str
        States, assignments or parameters to record.

    Raises
    ------
    ValueError
        When a name is used twice or not defined, or a rate is missing.

    Examples
    --------
    >>> import sympy
    >>> amount, k = sympy.symbols("amount k")
    >>> System(("amount",), {"amount": -k * amount}, {}, ("k",), ("amount",)).outputs
    ('amount',)
    """

    states: tuple[str, ...]
    rates: Mapping[str, sympy.Expr]
    assignments: Mapping[str, sympy.Expr] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [*self.states, *self.parameters, *self.assignments, TIME.name]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"defined twice: {', '.join(twice)}")
        if set(self.rates) != set(self.states):
            odd = sorted(set(self.rates) ^ set(self.states))
            raise ValueError(f"states and rates do not match: {', '.join(odd)}")
        known = {*self.states, *self.parameters, TIME.name}
        for name, expression in self.assignments.items():
            _check(f"assignment {name!r}", expression, known)
            known.add(name)
        for name, expression in self.rates.items():
            _check(f"rate of {name!r}", expression, known)
        for name in self.outputs:
            if name not in known:
                raise ValueError(f"output {name!r} is not a state, assignment or parameter")

    @property
    def hash(self) -> str:
        """Content hash: equal for equal equations in equal order."""
        text = [*self.states, "|", *self.parameters, "|", *self.outputs, "|"]
        text += [f"{name}={sympy.srepr(self.assignments[name])}" for name in self.assignments]
        text += [f"{name}'={sympy.srepr(sympy.sympify(self.rates[name]))}" for name in self.states]
        return hashlib.sha256("\n".join(text).encode()).hexdigest()

    def expanded(self) -> dict[str, sympy.Expr]:
        """Assignments with everything replaced down to states, parameters and ``time``."""
        done: dict[sympy.Symbol, sympy.Expr] = {}
        for name, expression in self.assignments.items():
            done[sympy.Symbol(name)] = sympy.sympify(expression).xreplace(done)
        return {symbol.name: expression for symbol, expression in done.items()}


def _check(what: str, expression: sympy.Expr, known: set[str]) -> None:
    unknown = sorted(s.name for s in sympy.sympify(expression).free_symbols if s.name not in known)
    if unknown:
        raise ValueError(f"{what} uses {', '.join(unknown)}, which nothing defines before it")
