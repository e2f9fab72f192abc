"""Events of an SBML model: an amount added to a state at a fixed time is a dose; any other event is refused by name."""

from __future__ import annotations

from typing import Any

import libsbml
import sympy

from abate.ground.errors import InputError
from abate.science.model.equations import TIME, ScheduledDose
from abate.science.model.mathml import FormulaReader

__all__ = ["read_events"]


def read_events(model: Any, formula: FormulaReader, where: str, states: set[str]) -> list[ScheduledDose]:
    """Return the events of a model as doses, in order of time.

    Raises
    ------
    InputError
        If an event is triggered by anything but time, is delayed by more than a fixed time, or does more than add
        constants to states.
    """
    doses: list[ScheduledDose] = []
    for event in model.getListOfEvents():
        name = event.getId() or event.getName() or "an event without a name"
        if event.getNumEventAssignments() == 0:
            continue
        when = _fixed_time(event.getTrigger(), formula)
        if when is None:
            raise InputError(
                where, "an event that is not at a fixed time is not supported", value=name, allowed="time >= number"
            )
        when += _fixed_delay(event, formula, where, name)
        assignments = event.getListOfEventAssignments()
        doses += [_dose(assignment, when, formula, where, name, states) for assignment in assignments]
    return sorted(doses, key=lambda dose: dose.time)


def _fixed_time(trigger: Any, formula: FormulaReader) -> float | None:
    node = trigger.getMath() if trigger is not None else None
    if node is None or node.getType() not in (
        libsbml.AST_RELATIONAL_GEQ,
        libsbml.AST_RELATIONAL_GT,
        libsbml.AST_RELATIONAL_LEQ,
        libsbml.AST_RELATIONAL_LT,
    ):
        return None
    left, right = formula.read(node.getChild(0)), formula.read(node.getChild(1))
    if node.getType() in (libsbml.AST_RELATIONAL_LEQ, libsbml.AST_RELATIONAL_LT):
        left, right = right, left
    if left != TIME or right.free_symbols or not right.is_number:
        return None
    when = float(right)
    return when if when > 0 or (when == 0 and not trigger.getInitialValue()) else None


def _fixed_delay(event: Any, formula: FormulaReader, where: str, name: str) -> float:
    """Return the delay of an event; priorities may be ignored, since amounts add up in any order."""
    if not event.isSetDelay():
        return 0.0
    delay = formula.read(event.getDelay().getMath())
    fixed = delay.is_number and delay >= 0
    if not fixed or (delay > 0 and event.getUseValuesFromTriggerTime()):
        raise InputError(
            where,
            "an event with this delay is not supported",
            value=name,
            allowed="a fixed delay, with values from the time of execution",
        )
    return float(delay)


def _dose(
    assignment: Any, when: float, formula: FormulaReader, where: str, name: str, states: set[str]
) -> ScheduledDose:
    state = assignment.getVariable()
    amount = sympy.expand(formula.read(assignment.getMath()) - sympy.Symbol(state))
    if state not in states or {str(s) for s in amount.free_symbols} & (states | {"time"}):
        raise InputError(where, "an event that does more than add an amount to a state is not supported", value=name)
    return ScheduledDose(when, state, amount)
