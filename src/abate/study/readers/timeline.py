"""When each record was, in days since the person's baseline, and whether the visits are in order."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from abate.ground.errors import InputError
from abate.study.readers.checks import Where
from abate.study.readers.mapping import MapFile
from abate.study.readers.records import Record
from abate.study.readers.visits import Visit, canonical

__all__ = ["check_order", "origins", "timed"]


def timed(records: list[Record]) -> tuple[list[float], list[str], list[str]]:
    """Return the time and the visit label of each record, and what was assumed.

    A study day wins over a date, a date over the visit's label. Day 0 is the date of the visit called baseline or
    week 0, otherwise the person's first date. Without a label, a visit is named after its nearest week.
    """
    origin = origins(records)
    times: list[float] = []
    labels: list[str] = []
    named = False
    for record in records:
        if record.day is not None:
            time = record.day
        elif record.date is not None:
            time = float((record.date - origin[record.subject]).days)
        else:
            assert record.visit.day is not None
            time = record.visit.day
        times.append(time)
        if record.visit.label:
            labels.append(record.visit.label)
        else:
            named = True
            labels.append(canonical(7.0 * round(time / 7)))
    notes = ["no column names the visit: each was named after its nearest week"] if named else []
    if any(record.date is not None and record.day is None for record in records):
        notes.append("days were counted from each person's date of week 0 (without one, from the first date)")
    return times, labels, notes


def check_order(
    records: list[Record], where: Where, columns: dict[str, str], map_file: MapFile, *, by_rows: bool
) -> None:
    """Refuse visits that go back in time: dates against labels, and (in a file typed by hand) row against row.

    Raises
    ------
    InputError
        Naming the row that comes too early or too late.
    """
    if map_file.any_order:
        return
    last: dict[tuple[str, str], Record] = {}
    dated: dict[str, dict[float, tuple[date, Record]]] = {}
    for record in records:
        day = record.visit.day
        if day is None:
            continue
        before = last.get((record.subject, record.id))
        if by_rows and before is not None and before.visit.day is not None and day < before.visit.day:
            hint = "sort the rows by visit, correct the visit, or set any_order = true in a --map file"
            problem = (
                f"visits of {record.subject} are out of order: {before.visit.label} (row {before.row}) stands before"
            )
            raise InputError(
                where(record.row, columns.get("visit", record.column)), problem, value=record.visit.label, hint=hint
            )
        last[record.subject, record.id] = record
        if record.date is not None:
            dated.setdefault(record.subject, {})[day] = (record.date, record)
    for subject, visits in dated.items():
        _dates_agree(subject, visits, where, columns)


def _dates_agree(subject: str, visits: dict[float, tuple[date, Record]], where: Where, columns: dict[str, str]) -> None:
    ordered = [visits[day] for day in sorted(visits)]
    for (earlier, first), (later, second) in pairwise(ordered):
        if later <= earlier:
            problem = (
                f"visits of {subject} are out of order: {second.visit.label} is dated on or before "
                f"{first.visit.label} ({earlier.isoformat()}, row {first.row})"
            )
            place = where(second.row, columns.get("date", second.column))
            raise InputError(place, problem, value=later.isoformat(), hint="correct the date or the visit")


def origins(records: list[Record]) -> dict[str, date]:
    """Return each person's date of day 0: that of the visit at week 0, without one the first date."""
    origin: dict[str, date] = {}
    for record in records:
        if record.date is not None and _is_baseline(record.visit):
            origin.setdefault(record.subject, record.date)
    for record in sorted((r for r in records if r.date is not None), key=lambda r: r.date or date.max):
        if record.date is not None:
            origin.setdefault(record.subject, record.date)
    return origin


def _is_baseline(visit: Visit) -> bool:
    return visit.day == 0
