"""What every way of bringing in a model ends in: bare equations over named symbols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sympy

from abate.ground.errors import InputError

__all__ = ["TIME", "Equations", "ScheduledDose", "Species", "constants_of", "in_dependency_order", "substitute_all"]

TIME = sympy.Symbol("time")


@dataclass(frozen=True)
class ScheduledDose:
    """An amount that the model file itself adds to a state at a fixed time.

    Attributes
    ----------
    time : float
        In the model's own time unit.
    state : str
        The state that receives.
    amount : sympy.Expr
        Of parameters, in the unit of the state.
    """

    time: float
    state: str
    amount: sympy.Expr


@dataclass(frozen=True)
class Species:
    """How a species of an SBML file is read: its symbol means one of the two, by the file's own choice.

    Attributes
    ----------
    amount, concentration : sympy.Expr
        Of the model's names.
    """

    amount: sympy.Expr
    concentration: sympy.Expr


@dataclass(frozen=True)
class Equations:
    """Rates, assignments and starting values, as read from a file; numbers may still be missing.

    Attributes
    ----------
    rates : dict of state to expression
        Per the model's time unit; iteration order is the order of the states.
    assignments : dict of name to expression
        In dependency order.
    initial : dict of state to expression
        Of constants only, fully substituted.
    values : dict of constant to number or None
        None where the file gives no number.
    labels : dict of name to text
        Human names given in the file.
    units : dict of name to unit
        Where the file says so.
    scheduled : tuple of ScheduledDose
        Doses at fixed times.
    time_unit : str
        As far as the file says, else ``""``.
    species : dict of name to Species
        Of a file with species: how each is read as an amount and as a concentration.
    """

    rates: Mapping[str, sympy.Expr]
    assignments: Mapping[str, sympy.Expr]
    initial: Mapping[str, sympy.Expr]
    values: Mapping[str, float | None]
    labels: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    scheduled: tuple[ScheduledDose, ...] = ()
    time_unit: str = ""
    species: Mapping[str, Species] = field(default_factory=dict)


def in_dependency_order(expressions: Mapping[str, sympy.Expr], where: str) -> dict[str, sympy.Expr]:
    """Sort named expressions so that each uses only earlier ones; ties keep their order.

    Raises
    ------
    InputError
        If some of them define each other in a circle.

    Examples
    --------
    >>> a, b = sympy.symbols("a b")
    >>> list(in_dependency_order({"c": a + b, "b": a}, "example"))
    ['b', 'c']
    """
    needs = {
        name: [str(s) for s in sorted(expression.free_symbols, key=str) if str(s) in expressions]
        for name, expression in expressions.items()
    }
    ordered: dict[str, sympy.Expr] = {}
    open_names: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        if name in open_names:
            circle = " -> ".join([*open_names[open_names.index(name) :], name])
            raise InputError(where, "these define each other in a circle", value=circle, hint="break the circle")
        open_names.append(name)
        for other in needs[name]:
            visit(other)
        open_names.pop()
        ordered[name] = expressions[name]

    for name in expressions:
        visit(name)
    return ordered


def substitute_all(expression: sympy.Expr, definitions: Mapping[str, sympy.Expr]) -> sympy.Expr:
    """Replace every defined name by its definition until none is left (definitions must not be circular)."""
    for _ in range(len(definitions) + 1):
        here = {s: definitions[str(s)] for s in expression.free_symbols if str(s) in definitions}
        if not here:
            return expression
        expression = expression.subs(here, simultaneous=True)
    raise AssertionError("circular definitions reached substitution")


def constants_of(expressions: Iterable[sympy.Basic]) -> set[str]:
    """Return the names of all symbols in some expressions, without time."""
    names: set[str] = set()
    for expression in expressions:
        names |= {str(s) for s in expression.free_symbols}
    return names - {"time"}
