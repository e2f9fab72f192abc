"""Visit labels and dates to days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from abate.ground.errors import InputError

__all__ = ["Visit", "canonical", "date_format", "heading_unit", "parse_date", "parse_visit"]

_DAYS = {"d": 1.0, "w": 7.0, "m": 365.25 / 12, "y": 365.25}
_UNITS = {
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), "w"),
    **dict.fromkeys(("m", "mo", "month", "months"), "m"),
    **dict.fromkeys(("y", "yr", "year", "years"), "y"),
}
_WORDS = "|".join(sorted(_UNITS, key=len, reverse=True))
_BASELINE = re.compile(r"(baseline|base line|bl|base|pre treatment|before treatment|inclusion)")
_AFTER = re.compile(rf"({_WORDS}) ?(-?\d+(?:\.\d+)?)")
_BEFORE = re.compile(rf"(-?\d+(?:\.\d+)?) ?({_WORDS})")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d %b %Y",
    "%d%b%Y",
    "%Y%m%d",
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit: its label in one spelling, and its day (None where the label does not tell)."""

    label: str
    day: float | None


def canonical(day: float) -> str:
    """Return the label of a day.

    Examples
    --------
    >>> canonical(0), canonical(84), canonical(10)
    ('week 0', 'week 12', 'day 10')
    """
    return f"week {day / 7:g}" if day % 7 == 0 else f"day {day:g}"


def parse_visit(text: str, unit: str = "") -> Visit:
    """Read a visit label.

    Parameters
    ----------
    text : str
        ``week 12``, ``W12``, ``Baseline``, ``12 weeks``, ``month 3`` (a twelfth of 365.25 days), ``week_4_arm_1`` ...
    unit : {"", "d", "w", "m", "y"}
        What a bare number counts; from the column's heading.

    Returns
    -------
    Visit
        With ``day = None`` where the label says nothing about time (``V2``).

    Examples
    --------
    >>> parse_visit("Week 12"), parse_visit("baseline_arm_1")
    (Visit(label='week 12', day=84.0), Visit(label='week 0', day=0.0))
    >>> parse_visit("4", "w"), parse_visit("V2")
    (Visit(label='week 4', day=28.0), Visit(label='v2', day=None))
    """
    bare = re.sub(r" arm \d+[a-z]?$", "", " ".join(re.sub(r"[_\s]+", " ", text.strip().lower()).split()))
    bare = re.sub(r"(?<=[a-z])-(?=\d)", " ", bare)
    if _BASELINE.fullmatch(bare):
        return Visit(canonical(0), 0.0)
    found = _AFTER.fullmatch(bare)
    count, word = (found.group(2), found.group(1)) if found else ("", "")
    if not found and (found := _BEFORE.fullmatch(bare)):
        count, word = found.group(1), found.group(2)
    if not found and unit and _NUMBER.fullmatch(bare):
        count, word = bare, unit
    if not count:
        return Visit(bare, None)
    kind = _UNITS[word]
    day = float(count) * _DAYS[kind]
    if kind in "dw":
        return Visit(canonical(day), day)
    return Visit(f"{'month' if kind == 'm' else 'year'} {float(count):g}", float(round(day)))


def heading_unit(heading: str) -> str:
    """Return what a bare number counts under a heading: 'w' under week or weeks, '' under visit.

    Examples
    --------
    >>> heading_unit("Week"), heading_unit("visit"), heading_unit("study_day")
    ('w', '', 'd')
    """
    for word in re.split(r"[^a-z]+", heading.lower()):
        if len(word) > 1 and word in _UNITS:
            return _UNITS[word]
    return ""


def date_format(cells: list[tuple[str, str]], given: str = "") -> str:
    """Find the one format of a column of dates.

    Parameters
    ----------
    cells : list of (where, text)
        Every date with its place.
    given : str
        Format from the map file (``%d/%m/%Y``); then it is only checked.

    Raises
    ------
    InputError
        If a date is in another format than those above it, if day and month cannot be told apart, or if it is no date.
    """
    formats = [given] if given else list(_FORMATS)
    first = cells[0] if cells else ("", "")
    for where, text in cells:
        fitting = [f for f in formats if _fits(text, f)]
        if not fitting:
            elsewhere = any(_fits(text, f) for f in _FORMATS)
            if elsewhere and not given:
                problem = f"a date in a second format (the first, {first[1]!r}, stands at {_short(first[0])})"
                raise InputError(where, problem, value=text, hint="write all dates alike, best as 2024-01-31")
            raise InputError(where, "this is no date", value=text, allowed=given or "dates like 2024-01-31")
        formats = fitting
    if len(formats) > 1 and cells and not _same(cells, formats):
        hint = 'set date_format = "%d/%m/%Y" or "%m/%d/%Y" in a --map file'
        raise InputError(first[0], "day and month of this date cannot be told apart", value=first[1], hint=hint)
    return formats[0]


def parse_date(text: str, format: str) -> date:
    """Read a date in a known format; a time of day behind an ISO date is left out."""
    return datetime.strptime(_date_part(text), format).date()


def _date_part(text: str) -> str:
    return re.split(r"[T ](?=\d{1,2}:\d{2})", text.strip())[0]


def _fits(text: str, format: str) -> bool:
    try:
        parse_date(text, format)
    except ValueError:
        return False
    return True


def _same(cells: list[tuple[str, str]], formats: list[str]) -> bool:
    return all(len({parse_date(text, f) for f in formats}) == 1 for _, text in cells)


def _short(where: str) -> str:
    return where.split(", ", 1)[-1]
