"""Reading a taper from YAML: steps by week, by day, by length, or made by a rule (1 mg or 10 % at a time)."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Literal

from pydantic import Field

from abate.ground.errors import InputError, UnitError
from abate.ground.files import Document, did_you_mean, library_path, load_yaml
from abate.ground.quantity import Grade
from abate.science.regimen.drugs import drug
from abate.science.regimen.patterns import WEEKDAYS, introduce
from abate.science.regimen.schema import StrictModel, validated
from abate.science.regimen.taper import Step, Taper

__all__ = ["StepEntry", "TaperFile", "load_taper", "taper_from", "tapers"]

Number = int | float
_RANGE = re.compile(r"(\d+)(?:\s*(?:-|to)\s*(\d+))?")
_LENGTH = re.compile(r"(\d+)\s*(day|week)s?")
MOST_STEPS = 10_000
"""A rule that makes more steps than this is a slip: a step a day would last 27 years."""
_BY = re.compile(r"(\d+(?:\.\d+)?)\s*(mg|%|per cent)?")


class StepEntry(StrictModel):
    """One entry of ``steps``: either a dose for some time, or a rule that makes several steps."""

    weeks: int | str | None = Field(None, description="weeks counted from 1, such as 3 or 9-10")
    days: int | str | None = Field(None, description="days counted from 1, such as 1-52")
    lasting: str | None = Field(None, alias="for", description="length, such as 3 weeks or 10 days")
    dose: Number | str | None = Field(None, description="mg a day; a bare number, as the unit stands above")
    doses: list[Number] | None = Field(None, description="mg on successive days, taken in turn")
    from_: Number | Literal["start"] | None = Field(None, alias="from", description="first dose of a rule, or start")
    to: Number | None = Field(None, description="last dose of a rule")
    by: str | None = Field(None, description="how much each step is lowered: 1 mg or 10 %")
    every: str | None = Field(None, description="length of each step of a rule: 4 weeks")
    round: Number | None = Field(None, description="per-cent steps are rounded to a multiple of this")
    pattern: Literal["dsns", "five-week", "seven-week"] | None = Field(
        None, description="how each new dose is brought in"
    )
    weekday: str | None = Field(None, description="weekday of the first day, for the five-week pattern")
    stretchable: bool = Field(False, description="whether a policy may make the steps longer person by person")


class TaperFile(StrictModel):
    """Keys of a taper file."""

    name: str
    title: str
    drug: str
    unit: Literal["mg"] | None = None
    source: str
    grade: Grade
    start: Number | None = Field(None, description="usual first dose of a taper made by a rule")
    steps: list[StepEntry]
    then: Number = 0
    notes: str = ""


def load_taper(name_or_path: str | Path, *, start: float | None = None) -> Taper:
    """Read a taper of the library by name, or of a file by path.

    Parameters
    ----------
    name_or_path : str or Path
        ``giacta-26``, or a ``.yaml`` file.
    start : float, optional
        First dose in mg, of a taper that a rule makes from its start.

    Raises
    ------
    InputError
        If there is no such taper (the nearest name is suggested), a dose is negative, weeks overlap or leave a gap,
        a unit is missing or given twice, a key is unknown.

    Examples
    --------
    >>> load_taper("dsns").steps[0].days
    52
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        if str(name_or_path) not in tapers():
            hint = did_you_mean(str(name_or_path), tapers())
            raise InputError("taper", "there is no such taper", value=str(name_or_path), allowed=tapers(), hint=hint)
        path = library_path("tapers", f"{name_or_path}.yaml")
    return taper_from(load_yaml(path), start=start)


@cache
def tapers() -> tuple[str, ...]:
    """Return the names of the library's tapers.

    Examples
    --------
    >>> "giacta-26" in tapers()
    True
    """
    return tuple(sorted(p.stem for p in library_path("tapers").glob("*.yaml")))


def taper_from(document: Document, *, start: float | None = None) -> Taper:
    """Make a taper from a document that was read; see `load_taper`."""
    _check_units(document)
    content = validated(document, TaperFile)
    name = drug(content.drug, where=document.where(("drug",))).name
    steps: list[Step] = []
    stretch_from: int | None = None
    for index, entry in enumerate(content.steps):
        made = _Entry(document, index, entry, content.start if start is None else start).steps(steps)
        if entry.stretchable and stretch_from is None:
            stretch_from = len(steps)
        if stretch_from is not None and not entry.stretchable:
            raise document.error(
                ("steps", index), "after a stretchable step all must be stretchable", hint="add stretchable: true"
            )
        steps += made
    if not isfinite(content.then):
        raise document.error(("then",), "this is not a number of mg", value=content.then, allowed="a finite number")
    if content.then < 0:
        raise document.error(("then",), "a dose cannot be negative", value=content.then, allowed="0 or more mg")
    if not steps:
        raise document.error(("steps",), "a taper needs at least one step")
    return Taper(
        name=content.name,
        title=content.title,
        drug=name,
        source=content.source,
        grade=content.grade,
        steps=tuple(steps),
        then=float(content.then),
        stretch_from=stretch_from,
        notes=content.notes,
    )


def _check_units(document: Document) -> None:
    """A unit stands once, above the steps; one in a step as well, or nowhere, is refused."""
    above = document.data.get("unit")
    steps = document.data.get("steps")
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        dose = step.get("dose") if isinstance(step, dict) else None
        if isinstance(dose, str):
            key = ("steps", index, "dose")
            if re.match(r"\s*[-+.\d]+\s*[a-z]", dose) and above is not None:
                raise UnitError(
                    document.where(key),
                    "the unit is given twice",
                    value=dose,
                    allowed="a bare number: unit stands above",
                )
            raise UnitError(
                document.where(key),
                "the dose is not a number",
                value=dose,
                allowed="a bare number, with unit: mg above the steps",
            )
    if above is None:
        raise UnitError(
            document.where(("steps",)), "the unit is missing", allowed="unit: mg", hint="add unit: mg above the steps"
        )


class _Entry:
    """One entry of ``steps`` and where it stands, turned into steps."""

    def __init__(self, document: Document, index: int, entry: StepEntry, start: float | None) -> None:
        self.document, self.key, self.entry, self.start = document, ("steps", index), entry, start

    def error(self, name: str, problem: str, value: object, allowed: str) -> InputError:
        return self.document.error((*self.key, name), problem, value=value, allowed=allowed)

    def steps(self, before: list[Step]) -> list[Step]:
        entry = self.entry
        for name, given in entry.model_dump(by_alias=True).items():
            for value in given if isinstance(given, list) else [given]:
                if isinstance(value, float) and not isfinite(value):
                    raise self.error(name, "this is not a number of mg", value, "a finite number")
        if any(part is not None for part in (entry.from_, entry.to, entry.by, entry.every)):
            if entry.from_ is None or entry.to is None or entry.by is None or entry.every is None:
                hint = "or give a dose and how long"
                raise self.document.error(self.key, "a rule needs from, to, by and every", hint=hint)
            first = self.start if entry.from_ == "start" else entry.from_
            if first is None:
                raise self.error("from", "the taper has no start dose", "start", "a number, or start: 10 above")
            return self._rule(float(first), float(entry.to), entry.by, entry.every)
        doses = tuple(map(float, entry.doses or ())) or ((float(entry.dose),) if entry.dose is not None else ())
        if not doses or (entry.doses and entry.dose is not None):
            raise self.document.error(
                self.key, "a step needs one of dose and doses", allowed="dose: 15 or doses: [10, 7.5]"
            )
        if min(doses) < 0:
            name = "doses" if entry.doses else "dose"
            raise self.error(name, "a dose cannot be negative", min(doses), "0 or more mg")
        days = self._days(sum(step.days for step in before))
        return [Step(doses, days, sum(doses) / len(doses))]

    def _days(self, done: int) -> int:
        given = [n for n in ("weeks", "days", "lasting") if getattr(self.entry, n) is not None]
        if len(given) != 1:
            raise self.document.error(
                self.key, "a step needs one of weeks, days and for", value=given, allowed="weeks: 9-10"
            )
        name = given[0]
        value = getattr(self.entry, name)
        if name == "lasting":
            return self._length("for", value)
        found = _RANGE.fullmatch(str(value).strip())
        if not found:
            raise self.error(name, "this is not a range", value, "such as 3 or 9-10")
        unit = 7 if name == "weeks" else 1
        first, last = int(found.group(1)), int(found.group(2) or found.group(1))
        if first < 1 or last < first:
            raise self.error(name, "the range runs backwards or begins before 1", value, "counted from 1")
        begin = (first - 1) * unit
        expected = (
            f"{name} from {done // unit + 1}"
            if done % unit == 0
            else "for: a length, after a step that ends within a week"
        )
        if begin < done:
            raise self.error(name, f"these {name} overlap the step before", value, expected)
        if begin > done:
            raise self.error(name, f"there is a gap before these {name}", value, expected)
        return (last - first + 1) * unit

    def _length(self, name: str, value: str) -> int:
        found = _LENGTH.fullmatch(value.strip())
        if not found or int(found.group(1)) < 1:
            raise self.error(name, "this is not a length", value, "such as 3 weeks or 10 days")
        return int(found.group(1)) * (7 if found.group(2) == "week" else 1)

    def _rule(self, first: float, last: float, by: str, every: str) -> list[Step]:
        entry = self.entry
        if last < 0:
            raise self.error("to", "a dose cannot be negative", last, "0 or more mg")
        if first < last:
            raise self.error("to", "a taper goes down", last, f"at most {first} mg")
        levels = self._levels(first, last, by)
        days = self._length("every", every)
        if entry.pattern is None:
            return [Step((level,), days, level) for level in levels]
        weekday = (entry.weekday or "sunday").casefold()
        if weekday not in WEEKDAYS:
            raise self.error("weekday", "there is no such weekday", entry.weekday, ", ".join(WEEKDAYS))
        new = introduce(entry.pattern, weekday)
        if new.size != days:
            raise self.error(
                "every", f"a step of the {entry.pattern} pattern has {new.size} days", every, f"{new.size} days"
            )
        return [Step(tuple(low if day else high for day in new), days, low) for high, low in pairwise(levels)]

    def _levels(self, first: float, last: float, by: str) -> list[float]:
        found = _BY.fullmatch(by.strip())
        if not found or float(found.group(1)) <= 0:
            raise self.error("by", "this is not a step", by, "such as 1 mg or 10 %")
        if found.group(2) is None:
            where = self.document.where((*self.key, "by"))
            raise UnitError(where, "the unit is missing", value=by, allowed="1 mg or 10 %")
        size, relative = float(found.group(1)), found.group(2) != "mg"
        if relative and (last <= 0 or size >= 100) and not self.entry.round:
            raise self.error("to", "per-cent steps never reach this dose", last, "a dose above 0, or round: 0.5")
        least = (self.entry.round or 0) if relative else size
        few = (first - last) / least <= MOST_STEPS if least else first * (1 - size / 100) ** MOST_STEPS <= last
        if not few:
            raise self.error("by", f"this makes more than {MOST_STEPS:,} steps", by, "larger steps")
        levels = [first]
        while levels[-1] > last + 1e-9:  # absorbs the rounding of repeated subtraction
            now = levels[-1]
            lower = now * (1 - size / 100) if relative else now - size
            if self.entry.round:
                lower = round(lower / self.entry.round) * self.entry.round
                lower = lower if lower < now else now - self.entry.round
            levels.append(round(max(lower, last), 9))
        return levels
