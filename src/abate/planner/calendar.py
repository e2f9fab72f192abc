"""The schedule as a calendar that every phone opens (extra ``clinic``: icalendar)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from abate.ground.errors import MissingExtra
from abate.planner.schedule import Day, Schedule
from abate.science.regimen.value import number

__all__ = ["to_ics"]

NOTE = "For research and conversation with your clinician, not a prescription. Never stop prednisone abruptly."


def to_ics(schedule: Schedule) -> bytes:
    """Return an iCalendar file: an all-day event for every run of equal days, one for every reminder and refill.

    Raises
    ------
    MissingExtra
        If icalendar is not installed.
    """
    try:
        from icalendar import Calendar, Event
    except ImportError:
        raise MissingExtra("clinic", "icalendar") from None
    calendar = Calendar()
    calendar.add("prodid", "-//abate//plan//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"Prednisone: {schedule.option.label}")
    stamp = datetime.combine(schedule.record.today, time(), tzinfo=UTC)
    for first, days, title, said in _entries(schedule):
        event = Event()
        event.add("uid", _uid(schedule, first, title))
        event.add("dtstamp", stamp)
        event.add("dtstart", first)
        event.add("dtend", first + timedelta(days=days))
        event.add("summary", title)
        event.add("description", f"{said} {NOTE}".strip())
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _entries(schedule: Schedule) -> Iterator[tuple[date, int, str, str]]:
    for run in _runs(schedule.days):
        first = run[0]
        lower = first.lowered_by_per_cent
        said = f"{lower:g} % less than before." if lower and lower > 0 else ""
        yield first.date, len(run), f"Prednisone {number(first.mg)} mg: {first.tablets}", said
    for reminder in schedule.reminders:
        yield reminder.date, 1, reminder.what, f"{reminder.why[:1].upper()}{reminder.why[1:]}."
    for refill in schedule.refills:
        boxes = ", ".join(f"{count} x {number(mg)} mg" for mg, count in refill.tablets)
        yield refill.date, 1, f"Tablets for {refill.days} days: {boxes}", ""


def _runs(days: tuple[Day, ...]) -> Iterator[list[Day]]:
    run: list[Day] = []
    for day in days:
        if run and (day.mg, day.tablets) != (run[-1].mg, run[-1].tablets):
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def _uid(schedule: Schedule, first: date, title: str) -> str:
    """Stable, so that a calendar imported again replaces its events; it tells nothing of the patient."""
    words = f"{schedule.record.name}|{schedule.option.slug}|{first.isoformat()}|{title}"
    return f"{hashlib.sha256(words.encode()).hexdigest()[:24]}@abate.invalid"
