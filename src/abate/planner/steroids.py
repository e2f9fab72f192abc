"""What a record's courses of glucocorticoids come to: mg of prednisone a day, whatever the drug and the pattern.

Another glucocorticoid counts by the table of equal effect on inflammation. The table of suppression of the adrenals
differs from it (methylprednisolone, dexamethasone suppress more): the record says so where it matters.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from abate.ground.errors import InputError
from abate.science.regimen import Regimen, equivalent
from abate.science.regimen.drugs import drug, drugs

if TYPE_CHECKING:
    from abate.planner.record import Course

__all__ = ["PREDNISONE", "daily_level", "glucocorticoids", "mg_on", "per_mg", "running_on"]

PREDNISONE = ("prednisone", "prednisolone", "prednisone-delayed-release")
"""Drugs of which a milligram is a milligram of prednisone."""


@cache
def glucocorticoids() -> tuple[str, ...]:
    """Return the drugs of the library that count as prednisone.

    Examples
    --------
    >>> "methylprednisolone" in glucocorticoids(), "methotrexate" in glucocorticoids()
    (True, False)
    """
    return tuple(name for name in drugs() if _counts(name))


@cache
def per_mg(name: str) -> float:
    """Return mg of prednisone with the effect on inflammation of one mg of a glucocorticoid.

    Examples
    --------
    >>> per_mg("prednisolone"), per_mg("methylprednisolone")
    (1.0, 1.25)
    """
    return equivalent(1.0, drug(name).active, "prednisone", purpose="anti-inflammatory").mg


def running_on(courses: Iterable[Course], day: date) -> Course | None:
    """Return the course of a glucocorticoid that counts on a day: the one begun last."""
    running = [
        c for c in courses
        if c.read.drug in glucocorticoids() and c.from_ <= day and (c.to is None or day <= c.to)
    ]  # fmt: skip
    return max(running, key=lambda c: c.from_) if running else None


def mg_on(courses: Iterable[Course], day: date) -> float:
    """Return mg of prednisone taken on a day."""
    course = running_on(courses, day)
    if course is None:
        return 0.0
    offset = (day - course.from_).days
    taken = float(course.read.doses(float(offset), offset + 1.0).amount.sum())
    return taken * per_mg(str(course.read.drug))


def daily_level(courses: Iterable[Course], day: date) -> float:
    """Return mg of prednisone a day that a course comes to: the mean of its turns and of days without a dose."""
    course = running_on(courses, day)
    if course is None or course.read.every is None:
        return mg_on(courses, day) if course else 0.0
    days = _pattern(course.read)
    end = max((day - course.from_).days + 1.0, days)  # in its first days a pattern counts as if it were complete
    return float(course.read.doses(end - days, end).amount.sum()) / days * per_mg(str(course.read.drug))


def _pattern(regimen: Regimen) -> float:
    """Return after how many whole days a regimen repeats itself."""
    assert regimen.every is not None
    span = regimen.every.days * len(regimen.amounts)
    days = max(1.0, span)
    while not days.is_integer() and days < 60:  # doses every 36 h: three days hold two of them
        days += span
    return float(round(days))


def _counts(name: str) -> bool:
    try:
        per_mg(name)
    except InputError:
        return False
    return True
