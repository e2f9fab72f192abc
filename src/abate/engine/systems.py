"""From a model to what the solver integrates: which assignments are needed, which states may be taken as settled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy

from abate.engine.solver import System
from abate.engine.solver.operations import LANES
from abate.engine.solver.state import padded
from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.science.model import Model

__all__ = ["evaluate", "initial_states", "settled", "system_of"]

Floats = npt.NDArray[np.float64]

_NOTHING = "nothing_changes"


def system_of(model: Model, outputs: Iterable[str], *, quasi_steady: bool = False) -> System:
    """Equations of a model, with what is to be recorded.

    Parameters
    ----------
    model : Model
    outputs : iterable of str
        States, assignments, parameters or inputs.
    quasi_steady : bool
        Solve for the states that the model marks, see `settled`.

    Raises
    ------
    InputError
        When an output does not exist, or the marked states cannot be solved for.
    """
    names = tuple(outputs)
    known = {*model.states, *model.assignments, *model.parameters, *model.inputs}
    for name in names:
        if name not in known:
            raise InputError(model.name, "there is no such output", value=name, hint=did_you_mean(name, known))
    rates, assignments = settled(model) if quasi_steady else (dict(model.rates), dict(model.assignments))
    # a file of assignments alone has nothing to integrate: one state that stays at 0 carries the time
    rates = rates or {_NOTHING: sympy.Integer(0)}
    return System(
        states=tuple(rates),
        rates=rates,
        assignments=_needed(assignments, rates, names),
        parameters=(*model.parameters, *model.inputs),
        outputs=names,
    )


def settled(model: Model) -> tuple[dict[str, sympy.Expr], dict[str, sympy.Expr]]:
    """Rates and assignments with every state that the model marks as fast put where its rate is zero.

    Returns
    -------
    rates, assignments : dict of name to sympy.Expr
        The marked states have become assignments.

    Raises
    ------
    InputError
        When the model marks none, or one that a dose goes to, whose rate is not linear in it, or that depends on itself
        through another.

    Examples
    --------
    >>> from abate.science.model import load
    >>> rates, assignments = settled(load("hpa_axis/milo"))
    >>> sorted(rates), assignments["x2"]
    (['A', 'P', 'x3'], GR*P*x1)
    """
    if not model.quasi_steady:
        raise InputError(model.name, "the model marks no state as quasi-steady", hint="leave --quasi-steady out")
    dosed = {target.state for target in model.doses.values()} | {dose.state for dose in model.scheduled}
    expanded = _expanded(model.assignments)
    assignments = dict(model.assignments)
    for name in model.quasi_steady:
        state, rate = sympy.Symbol(name), sympy.sympify(model.rates[name])
        slope = sympy.diff(rate, state)
        whole = rate.xreplace(expanded)
        if name in dosed:
            raise InputError(model.name, "a state that a dose goes to cannot be quasi-steady", value=name)
        if slope == 0 or sympy.diff(whole, state, 2) != 0 or sympy.expand(sympy.diff(whole, state) - slope) != 0:
            raise InputError(model.name, "a quasi-steady state needs a rate linear in it", value=name)
        assignments[name] = sympy.simplify(-rate.xreplace({state: sympy.Integer(0)}) / slope)
    rates = {name: rate for name, rate in model.rates.items() if name not in model.quasi_steady}
    return rates, _ordered(model, assignments)


def _expanded(assignments: Mapping[str, sympy.Expr]) -> dict[sympy.Symbol, sympy.Expr]:
    done: dict[sympy.Symbol, sympy.Expr] = {}
    for name, expression in assignments.items():
        done[sympy.Symbol(name)] = sympy.sympify(expression).xreplace(done)
    return done


def _ordered(model: Model, assignments: Mapping[str, sympy.Expr]) -> dict[str, sympy.Expr]:
    """Assignments in dependency order."""
    done: dict[str, sympy.Expr] = {}
    waiting = dict(assignments)
    while waiting:
        ready = {
            name: expression
            for name, expression in waiting.items()
            if not any(s.name in waiting for s in sympy.sympify(expression).free_symbols)
        }
        if not ready:
            circle = ", ".join(name for name in model.quasi_steady if name in waiting)
            raise InputError(model.name, "these quasi-steady states depend on each other in a circle", value=circle)
        done |= ready
        waiting = {name: expression for name, expression in waiting.items() if name not in ready}
    return done


def _needed(
    assignments: Mapping[str, sympy.Expr], rates: Mapping[str, sympy.Expr], outputs: Sequence[str]
) -> dict[str, sympy.Expr]:
    """Assignments on which rates or recorded outputs depend: others are not compiled."""
    wanted = set(outputs)
    for rate in rates.values():
        wanted |= {s.name for s in sympy.sympify(rate).free_symbols}
    for name in reversed(list(assignments)):
        if name in wanted:
            wanted |= {s.name for s in sympy.sympify(assignments[name]).free_symbols}
    return {name: e for name, e in assignments.items() if name in wanted}


def initial_states(model: Model, states: Sequence[str], values: Mapping[str, Floats], time: float) -> dict[str, Floats]:
    """Values of the states that are integrated, an array [n] each, from parameters and inputs."""
    if not model.states:
        return {_NOTHING: np.zeros(())}
    rows = evaluate([model.initial[name] for name in states], values, time)
    return dict(zip(states, rows, strict=True))


@lru_cache(maxsize=64)
def _function(names: tuple[str, ...], expressions: tuple[sympy.Expr, ...]) -> Callable[..., list[Any]]:
    """Return a function of the names: writing it takes longer than calling it, and a fit starts people many times."""
    made: Callable[..., list[Any]] = sympy.lambdify(
        [sympy.Symbol(name) for name in names], list(expressions), modules="numpy", cse=True
    )
    return made


def evaluate(expressions: Sequence[sympy.Expr], values: Mapping[str, Floats], time: float) -> list[Floats]:
    """Values of expressions of parameters, inputs and ``time``, an array [n] each."""
    names = sorted({s.name for e in expressions for s in sympy.sympify(e).free_symbols} - {"time"})
    people = len(next(iter(values.values()))) if values else 1
    function = _function((*names, "time"), tuple(sympy.sympify(e) for e in expressions))
    # whole vectors, so that no value depends on where in an array it stands
    rows = function(*(padded(np.asarray(values[name]), float) for name in names), float(time))
    return [np.broadcast_to(np.asarray(row, dtype=float), (people + -people % LANES,))[:people] for row in rows]
