"""The chosen plan by day: tablets by strength, weekly totals, steps in per cent, refills and reminders."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from abate.ground.errors import InputError
from abate.planner.options import Option
from abate.planner.record import Record
from abate.planner.settings import falls_source, value
from abate.planner.told import Told
from abate.science.regimen import load_tablets
from abate.science.regimen.tablets import Dispensed, TabletSet
from abate.science.regimen.value import number

__all__ = ["Day", "Refill", "Reminder", "Schedule", "schedule"]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LONGEST = 1100
"""Days that a schedule may have."""
AFTER = 28
"""Days shown of a plan that goes on for ever, after its last step."""
_SINCE = 364
"""Days back that prednisone was taken for its end to be asked about."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day: what is taken, and how much less than on the step before (per cent, on the first day of a step)."""

    date: date
    mg: float
    tablets: Dispensed
    lowered_by_per_cent: float | None = None


@dataclass(frozen=True, slots=True)
class Refill:
    """Tablets for some weeks: strength in mg to whole tablets needed (two halves are one tablet)."""

    date: date
    days: int
    tablets: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Reminder:
    """Something to do on a day."""

    date: date
    what: str
    why: str


@dataclass(frozen=True)
class Schedule:
    """The whole plan.

    Attributes
    ----------
    record : Record
    option : Option
    days : tuple of Day
    refills : tuple of Refill
    reminders : tuple of Reminder
    """

    record: Record
    option: Option
    days: tuple[Day, ...]
    refills: tuple[Refill, ...]
    reminders: tuple[Reminder, ...]

    @property
    def total_mg(self) -> float:
        """Prednisone of the whole schedule."""
        return sum(day.mg for day in self.days)

    def weeks(self) -> list[tuple[date, tuple[Day, ...], float]]:
        """Return seven days at a time from the first: first date, days, total in mg."""
        rows = [self.days[at : at + 7] for at in range(0, len(self.days), 7)]
        return [(row[0].date, row, sum(d.mg for d in row)) for row in rows]

    def by_day(self) -> dict[date, list[Reminder]]:
        """Return the reminders of each day that has any."""
        found: dict[date, list[Reminder]] = {}
        for reminder in self.reminders:
            found.setdefault(reminder.date, []).append(reminder)
        return found

    def csv(self) -> str:
        """Return a row a day, with its week's total."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(
            ["date", "weekday", "week", "mg", "tablets", "lowered_by_per_cent", "week_total_mg", "reminder"]
        )
        notes = {day: "; ".join(r.what for r in rows) for day, rows in self.by_day().items()}
        for week, (_, row, total) in enumerate(self.weeks(), start=1):
            for day in row:
                lower = "" if day.lowered_by_per_cent is None else number(day.lowered_by_per_cent)
                cells = [day.date.isoformat(), WEEKDAYS[day.date.weekday()], week, number(day.mg), str(day.tablets)]
                writer.writerow([*cells, lower, number(round(total, 6)), notes.get(day.date, "")])
        return text.getvalue()

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: refills and reminders, and the total; the days are in schedule.csv."""
        return {
            "first_day": self.days[0].date.isoformat(),
            "last_day": self.days[-1].date.isoformat(),
            "days": len(self.days),
            "total_mg": self.total_mg,
            "weekly_totals_mg": [{"from": d.isoformat(), "mg": total} for d, _, total in self.weeks()],
            "refills": [
                {
                    "date": r.date.isoformat(),
                    "days": r.days,
                    "tablets": {f"{number(mg)} mg": count for mg, count in r.tablets},
                }
                for r in self.refills
            ],
            "reminders": [{"date": r.date.isoformat(), "what": r.what, "why": r.why} for r in self.reminders],
        }


def schedule(record: Record, option: Option) -> Schedule:
    """Make the schedule of an option, from the record's today.

    Raises
    ------
    InputError
        If the plan falls too steeply to be written down for anybody, or a dose cannot be made of the tablets at hand.

    Examples
    --------
    >>> from abate.planner.options import option_from_text
    >>> from abate.planner.record import record_from
    >>> record = record_from('''
    ... disease: pmr
    ... diagnosed: 2025-01-01
    ... today: 2025-03-03
    ... drugs: [{regimen: prednisone 10 mg every morning, from: 2025-01-01}]
    ... ''')
    >>> plan = schedule(record, option_from_text(record, "10 mg for 4 weeks, 1 mg less every 4 weeks to 0"))
    >>> len(plan.days), plan.total_mg, str(plan.days[28].tablets), plan.days[28].lowered_by_per_cent
    (280, 1540.0, '1 x 5 mg + 1 x 2.5 mg + 1½ x 1 mg', 10.0)
    """
    if option.abrupt:
        raise InputError(
            f"plan {option.slug}",
            f"no schedule is written for a steroid that is cut abruptly: {option.abrupt[0]}",
            allowed=f"smaller steps ({falls_source()['source']})",
            hint="lengthen the plan, and talk to the doctor",
        )
    length = option.days + (AFTER if option.taper.then > 0 else 0)
    if length > LONGEST:
        raise InputError(
            f"plan {option.slug}",
            "the plan is too long for a schedule",
            value=f"{length} days",
            allowed=f"{LONGEST} days",
        )
    days = tuple(_days(record, option, length))
    return Schedule(record, option, days, tuple(_refills(days)), tuple(_reminders(record, option, days)))


def _days(record: Record, option: Option, length: int) -> Iterable[Day]:
    held = load_tablets(record.tablets)
    tablets = held.only(record.strengths) if record.strengths else held
    drops = {step.first: step.lowered_by_per_cent for step in option.steps}
    course = option.daily(length)
    begun = 0
    for at, mg in enumerate(course):
        if at and mg != course[at - 1]:
            begun = at
        yield Day(record.today + timedelta(days=at), float(mg), _made(tablets, float(mg), at - begun), drops.get(at))


def _made(tablets: TabletSet, mg: float, day: int) -> Dispensed:
    if tablets.can_make(mg):
        return tablets.make(mg)
    cycle = tablets.over_days(mg)
    return cycle[day % len(cycle)]


def _refills(days: tuple[Day, ...]) -> Iterable[Refill]:
    every = int(value("settings", "refill"))
    for at in range(0, len(days), every):
        part = days[at : at + every]
        counts: dict[float, float] = {}
        for day in part:
            for mg, count in day.tablets.parts:
                counts[mg] = counts.get(mg, 0.0) + count
        if counts:
            whole = tuple((mg, math.ceil(count)) for mg, count in sorted(counts.items(), reverse=True))
            yield Refill(part[0].date, len(part), whole)


def _reminders(record: Record, option: Option, days: tuple[Day, ...]) -> list[Reminder]:
    found = []
    low = value("adrenal", "test_at")
    at_low = next((d for d in days if d.mg <= low), None)
    why = (
        f"above {value('adrenal', 'recovered'):g} nmol/L the adrenals have recovered; from "
        f"{value('adrenal', 'uncertain'):g} "
        "stay on the dose and repeat; below that go on and repeat in months (ESE/ES 2024)"
    )
    if at_low is not None and record.dose > 0:
        found.append(
            Reminder(at_low.date, Told("Ask for a morning cortisol: blood at 8 o'clock, before that day's tablet"), why)
        )
    before = record.levels(record.today - timedelta(days=_SINCE), _SINCE)
    if record.dose == 0 and any(before):
        since = Told("Ask whether a morning cortisol was taken since the last tablet")
        found.append(Reminder(days[0].date, since, why))
    if option.taper.then == 0 and record.dose > 0:
        last = max(days[0].date, days[-1].date - timedelta(days=14))
        asked = Told("Before the last tablet: ask whether a morning cortisol was taken and what it showed")
        found.append(Reminder(last, asked, why))
    every = int(value("settings", "lab_every"))
    drug = option.antibody.drug if option.antibody else None
    tests = Told("Blood tests: CRP and ESR")
    if drug:
        tests = Told("Blood tests: CRP and ESR; for {drug}: blood count, liver, lipids", drug=drug)
    blind = f"on {drug} a normal CRP does not exclude a flare" if drug else "a rise with symptoms speaks for a flare"
    found += [Reminder(days[at].date, tests, blind) for at in range(every, len(days), every)]
    return sorted(found, key=lambda r: (r.date, r.what))
