"""A plan as people type it: '10 mg for 4 weeks, 9 mg for 4 weeks, then 1 mg less every 4 weeks to 0'."""

from __future__ import annotations

import re

from abate.ground.errors import InputError
from abate.science.regimen import Taper
from abate.science.regimen.taper import Step

__all__ = ["taper_from_text"]

_NUMBER = r"\d+(?:\.\d+)?"
_HOLD = re.compile(rf"({_NUMBER}(?:\s*/\s*{_NUMBER})*)\s*mg(?: a day| daily)? for (\d+) (day|week|month)s?")
_LESS = re.compile(
    rf"(?:down by )?({_NUMBER})\s*(mg|%)(?: less)? every (?:(\d+) )?(day|week|month)s?"
    rf"(?: (?:down )?to ({_NUMBER})(?:\s*mg)?)?"
)
_DAYS = {"day": 1, "week": 7, "month": 28}
LONGEST = 7305
"""Days that a plan may have: twenty years."""
HIGHEST = 1000.0
"""mg a day."""
_ALLOWED = (
    "'10 mg for 4 weeks', '10/7.5 mg for 4 weeks' in turn, '1 mg less every 4 weeks to 0', '10 % less every month to 1'"
)


def taper_from_text(text: str, *, name: str = "plan", title: str = "", where: str = "plan") -> Taper:
    """Read a plan.

    Parameters
    ----------
    text : str
        Clauses between commas, semicolons, new lines or ``then``; a month is 4 weeks. After the last clause
        prednisone is 0 where the plan ends there, else the last dose goes on.

    Raises
    ------
    InputError
        Naming the clause that is not understood.

    Examples
    --------
    >>> taper = taper_from_text("7 mg for 4 weeks, then 1 mg less every 8 weeks to 5")
    >>> [(step.level, step.days) for step in taper.steps], taper.then
    ([(7.0, 28), (6.0, 56), (5.0, 56)], 5.0)
    """
    steps: list[Step] = []
    for clause in _clauses(text):
        held, less = _HOLD.fullmatch(clause), _LESS.fullmatch(clause)
        if held:
            doses = tuple(float(n) for n in held[1].split("/"))
            if max(doses) > HIGHEST:
                raise InputError(where, "this is no dose of a day", value=clause, allowed=f"up to {HIGHEST:g} mg")
            if int(held[2]) == 0:
                raise InputError(where, "this step has no days", value=clause, allowed=_ALLOWED)
            _check_length(steps, int(held[2]) * _DAYS[held[3]], clause, where)
            steps.append(Step(doses, int(held[2]) * _DAYS[held[3]], sum(doses) / len(doses)))
        elif less:
            steps += _lowered(less, steps, clause, where)
        else:
            raise InputError(where, "this part is not understood", value=clause, allowed=_ALLOWED)
    if not steps:
        raise InputError(where, "the plan is empty", value=text, allowed=_ALLOWED)
    then = steps[-1].level
    if then == 0:
        steps = _without_end(steps)
    if not steps:
        raise InputError(where, "the plan gives no dose above 0", value=text, allowed=_ALLOWED)
    source = "as the doctor or the patient wrote it"
    return Taper(name, title or text, "prednisone", source, "assumed", tuple(steps), then)


def _clauses(text: str) -> list[str]:
    parts = re.split(r"[,;\n]|\bthen\b", text.casefold())
    return [" ".join(p.split()) for p in parts if p.strip()]


def _lowered(found: re.Match[str], before: list[Step], clause: str, where: str) -> list[Step]:
    if not before:
        raise InputError(
            where, "the plan does not say from which dose", value=clause, hint="begin with '10 mg for 4 weeks'"
        )
    by, unit, last = float(found[1]), found[2], float(found[5] or 0)
    days = int(found[3] or 1) * _DAYS[found[4]]
    if by <= 0 or days <= 0 or (unit == "%" and (by >= 100 or last <= 0)):
        raise InputError(where, "these steps lead nowhere", value=clause, allowed=_ALLOWED)
    steps: list[Step] = []
    dose = before[-1].level
    while dose > last + 1e-9:  # absorbs the rounding of repeated subtraction
        _check_length(before, days * (len(steps) + 1), clause, where)
        dose = max(round(dose - (by if unit == "mg" else dose * by / 100), 6), last)
        steps.append(Step((dose,), days, dose))
    return steps


def _check_length(before: list[Step], days: int, clause: str, where: str) -> None:
    """Refuse what goes on beyond a plan, before it is laid out by day."""
    if sum(step.days for step in before) + days > LONGEST:
        raise InputError(where, "the plan is too long", value=clause, allowed=f"up to {LONGEST // 365} years")


def _without_end(steps: list[Step]) -> list[Step]:
    """Leave out steps of 0 mg at the end: what follows the plan is 0 anyway."""
    while steps and steps[-1].level == 0:
        steps = steps[:-1]
    return steps
