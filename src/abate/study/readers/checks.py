"""What is refused, with the row to look at, and what is asked, before the values become a Study."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from statistics import median

from abate.ground import units
from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.science import instruments
from abate.study.readers.mapping import MapFile
from abate.study.readers.names import measures
from abate.study.readers.records import Record

__all__ = ["Where", "check_baseline", "check_ranges", "check_twice", "check_units", "in_study_units", "questions"]

Where = Callable[[int, str], str]
# Codes that spreadsheets and statistics packages commonly use for a missing answer.
_CODES = frozenset((-9, -8, -7, -1, -99, -999, 9, 99, 999, 9999, 88, 888))


def check_ranges(records: Iterable[Record], where: Where) -> None:
    """Refuse an answer that its item does not allow.

    Raises
    ------
    InputError
        With file, row, column, the value and what is allowed.
    """
    items = instruments.items()
    for record in records:
        place = where(record.row, record.column)
        if record.id in items:
            try:
                instruments.check_answer(items[record.id], record.value, place)
            except InputError as error:
                hint = "if this code stands for a missing answer, set missing = [CODE] in a --map file"
                raise InputError(
                    place,
                    error.problem,
                    value=error.value,
                    allowed=error.allowed,
                    hint=hint if record.value in _CODES else None,
                ) from None
            continue
        known = measures().get(record.id)
        if known is None:
            continue
        if (known.low is not None and record.value < known.low) or (
            known.high is not None and record.value > known.high
        ):
            unit = f" {known.unit}" if known.unit else ""
            allowed = (
                f"{known.low:g} to {known.high:g}{unit}" if known.high is not None else f"{known.low:g} or more{unit}"
            )
            raise InputError(place, f"{known.label} is out of range", value=record.value, allowed=allowed)


def check_twice(records: Iterable[Record], where: Where, subject_column: str) -> None:
    """Refuse two values of one measure for one person at one visit.

    Raises
    ------
    InputError
        Naming both rows.
    """
    seen: dict[tuple[str, object, str], Record] = {}
    for record in records:
        key = (record.subject, record.visit.label or record.date or record.day, record.id)
        first = seen.setdefault(key, record)
        if first is not record:
            visit = record.visit.label or str(record.date or f"day {record.day}")
            was = f"first in row {first.row}, {record.id} {first.value:g}"
            problem = f"{record.subject} stands twice at {visit} ({was}), here with {record.value:g}"
            raise InputError(where(record.row, subject_column), problem, hint="keep one, or correct the visit")


def check_baseline(
    records: list[Record], times: list[float], where: Where, visit_column: str, map_file: MapFile
) -> None:
    """Refuse a person without a baseline, where others have one.

    Raises
    ------
    InputError
        Naming the person's first row.
    """
    based = {record.subject for record, time in zip(records, times, strict=True) if time <= 0}
    if not based or map_file.allow_missing_baseline:
        return
    for record in records:
        if record.subject not in based:
            hint = "add the rows of week 0, or set allow_missing_baseline = true in a --map file"
            problem = f"{record.subject} has no baseline visit; the first is"
            raise InputError(
                where(record.row, visit_column), problem, value=record.visit.label or str(record.date), hint=hint
            )


def check_units(records: Iterable[Record], map_file: MapFile) -> None:
    """Refuse a unit of the map file that would be passed over: a name that is misspelt would leave values ten-fold off.

    Raises
    ------
    InputError
        If ``[units]`` names what is neither in the file nor a known measure, or a measure that has no unit.
    """
    there = {record.id for record in records}
    for name, unit in map_file.units.items():
        known = measures().get(name)
        where = f"{map_file.path}, units"
        if known is None and name not in there:
            near = did_you_mean(name, [*there, *measures()])
            raise InputError(where, "there is no such measure", value=name, allowed=sorted(there), hint=near)
        if known is not None and not known.unit:
            raise InputError(where, f"{name} has no unit", value=unit, hint="leave it out")


def in_study_units(records: list[Record], where: Where, map_file: MapFile) -> tuple[list[Record], dict[str, str]]:
    """Convert every value to the unit that a Study keeps, and tell which were in another.

    Raises
    ------
    InputError
        If one measure comes in two units (unless the map file allows it), or a unit is unknown or of another kind.
    """
    converted: dict[str, str] = {}
    first: dict[str, Record] = {}
    out = []
    for record in records:
        known = measures().get(record.id)
        if known is None or not known.unit:
            out.append(replace(record, unit="" if known else record.unit))
            continue
        unit = record.unit or known.unit
        before = first.setdefault(record.id, record)
        place = where(record.row, "unit")
        if unit != (before.unit or known.unit) and not map_file.mixed_units:
            problem = f"{record.id} is in {unit} here, but in {before.unit or known.unit} in row {before.row}"
            raise InputError(
                place,
                problem,
                value=f"{record.value:g} {unit}",
                hint="correct one, or set mixed_units = true in a --map file",
            )
        value = record.value
        if unit != known.unit:
            factor = Fraction(str(units.convert(1.0, unit, known.unit, where=place)))
            value = float(Fraction(str(value)) * factor)
            if factor != 1:
                converted[record.id] = unit
        out.append(replace(record, value=value, unit=known.unit))
    return out, converted


def questions(records: list[Record], times: list[float], where: Where) -> list[str]:
    """Ask what to check before the numbers are trusted: values ten-fold off, a measure without its baseline."""
    asked = []
    for name in sorted({record.id for record in records}):
        known = measures().get(name)
        if known and known.ask:
            chosen = [(r, t) for r, t in zip(records, times, strict=True) if r.id == name]
            asked += _ten_fold([r for r, _ in chosen], [r for r, t in chosen if t <= 0], where)
    return asked + _without_baseline(records, times, where)


def _ten_fold(values: list[Record], baseline: list[Record], where: Where) -> list[str]:
    known = measures()[values[0].id]
    ask = known.ask
    assert ask is not None
    most = max(values, key=lambda record: record.value)
    advice = f'if they are in {ask.other_unit}, set [units] {known.id} = "{ask.other_unit}" in a --map file'
    if most.value < ask.all_below and len(values) >= 3:
        place = where(most.row, most.column)
        return [f"{place}: no {known.id} exceeds {most.value:g} {known.unit}: is the unit right? {advice}"]
    found = []
    for record in baseline:
        others = [other.value for other in baseline if other is not record]
        if len(others) >= 2 and record.value * ask.ratio_to_others <= median(others):
            place = where(record.row, record.column)
            found.append(
                f"{place}: {known.id} of {record.subject} at baseline is {record.value:g} {known.unit}, about a tenth "
                f"of the others' (median {median(others):g}): is this row in {ask.other_unit}?"
            )
    return found


def _without_baseline(records: list[Record], times: list[float], where: Where) -> list[str]:
    """A measure that one person lacks at baseline but has later, where others have it at baseline (items as one)."""

    def head(name: str) -> str:
        return name.partition("/")[0]

    based = {(r.subject, head(r.id)) for r, t in zip(records, times, strict=True) if t <= 0}
    common = {name for _, name in based}
    lacking: dict[tuple[str, str], Record] = {}
    for record in records:
        key = (record.subject, head(record.id))
        if key not in based and key[1] in common:
            lacking.setdefault(key, record)
    return [
        f"{where(r.row, r.column)}: {subject} has {name} here but none at baseline: no change can be given"
        for (subject, name), r in lacking.items()
    ]
