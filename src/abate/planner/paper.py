"""The chosen plan on paper and for other programs: every file that is handed over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from abate.planner.calendar import to_ics
from abate.planner.fhir import bundle
from abate.planner.flags import flags
from abate.planner.schedule import WEEKDAYS, Schedule
from abate.science.regimen.value import number

__all__ = ["handout_pdf", "letter_pdf", "write_papers"]


def handout_pdf(schedule: Schedule) -> bytes:
    """Return the A4 handout: a box to tick for every day, the tablets of each dose, refills, when to get care.

    Raises
    ------
    MissingExtra
        If typst is not installed.
    """
    from abate.report.plan_paper import HandoutWeek, handout
    from abate.report.typesetting import compiled

    first = schedule.days[0].date.weekday()
    names = [WEEKDAYS[(first + k) % 7][:3] for k in range(7)]
    notes: dict[date, list[str]] = {}
    for reminder in schedule.reminders:
        notes.setdefault(reminder.date, []).append(f"{_day(reminder.date)}: {reminder.what} ({reminder.why})")
    weeks = []
    for begin, days, total in schedule.weeks():
        said = "; ".join(text for day in days for text in notes.get(day.date, ()))
        cells = tuple((f"{d.date.day} {d.date:%b}", number(d.mg)) for d in days)
        weeks.append(HandoutWeek(_day(begin), cells, number(round(total, 3)), said))
    tablets: dict[str, list[str]] = {}
    for day in schedule.days:
        told = tablets.setdefault(f"{number(day.mg)} mg", [])
        if str(day.tablets) not in told:
            told.append(str(day.tablets))
    refills = [
        (_day(r.date), f"for {r.days} days: " + ", ".join(f"{count} x {number(mg)} mg" for mg, count in r.tablets))
        for r in schedule.refills
    ]
    care = [f"{flag.says}: {flag.do}" for flag in flags() if schedule.record.disease in flag.diseases]
    title = f"{schedule.record.name}: {schedule.option.label}"
    made = {dose: " or ".join(ways) for dose, ways in tablets.items()}
    return compiled(handout(title, names, weeks, made, refills, care))


def letter_pdf(plan: Mapping[str, Any]) -> bytes:
    """Return the one-page letter to the doctor, from the content of results.json.

    Raises
    ------
    MissingExtra
        If typst is not installed.
    """
    from abate.report.plan_paper import letter
    from abate.report.typesetting import compiled

    return compiled(letter(plan))


def write_papers(schedule: Schedule, plan: Mapping[str, Any], folder: Path) -> list[str]:
    """Write schedule.csv, calendar.ics, plan.fhir.json, handout.pdf and letter.pdf; return their names."""
    from abate.ground.files import write_atomically
    from abate.ground.results import dumps

    made: dict[str, str | bytes] = {
        "schedule.csv": schedule.csv(),
        "calendar.ics": to_ics(schedule),
        "plan.fhir.json": dumps(bundle(schedule)),
        "handout.pdf": handout_pdf(schedule),
        "letter.pdf": letter_pdf(plan),
    }
    for name, content in made.items():
        write_atomically(folder / name, content)
    return list(made)


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
