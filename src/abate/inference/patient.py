"""One patient's file: doses, measurements, covariates and known states as rows of a CSV.

====================  ==================================================================================================
column                meaning
====================  ==================================================================================================
``day`` or ``date``   whole days from the start, or a calendar date (2026-03-09); day 0 is the earliest date
``time``              optional, HH:MM; without it a measurement is taken at 00:00 before that day's doses, as visits are
``kind``              ``dose``, ``measurement``, ``covariate`` or ``parameter``
``name``              a drug, a measure (``crp``, ``drug-level``), a covariate (``weight``), a parameter of the model
``value``             a number; a measurement may be ``<3`` (below a limit) or ``>10``
``unit``              of the value
``route``             of a dose, where the drug has more than one
``every``, ``until``  of a dose: repeated every so many days, up to and including a day or date
====================  ==================================================================================================
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.units import convert
from abate.science.regimen.drugs import ROUTES, clock_hours, drug

__all__ = ["Measurement", "Patient", "PatientDose", "parse_patient", "read_patient"]

COLUMNS = ("day", "date", "time", "kind", "name", "value", "unit", "route", "every", "until")
KINDS = ("dose", "measurement", "covariate", "parameter")


@dataclass(frozen=True)
class PatientDose:
    """One dose that was taken: ``time`` in days, ``amount`` in mg, ``duration`` of an infusion in days."""

    time: float
    drug: str
    route: str
    amount: float
    duration: float = 0.0


@dataclass(frozen=True)
class Measurement:
    """One value that was measured.

    Attributes
    ----------
    time : float
        Days.
    name : str
        A measure of the clinic, or an output of the model.
    value : float
        In `unit`; for a censored value, the limit.
    unit : str
        As written; empty where the file gave none.
    censored : {'', '<', '>'}
        Below or above `value`.
    where : str
        File and row, for messages.
    """

    time: float
    name: str
    value: float
    unit: str = ""
    censored: str = ""
    where: str = ""


@dataclass(frozen=True)
class Patient:
    """What is known of one patient.

    Attributes
    ----------
    name : str
    doses : tuple of PatientDose
        In order of time.
    measurements : tuple of Measurement
        In order of time.
    covariates : mapping of name to float
        In the units of the populations.
    parameters : mapping of name to float
        Parameters of the model that are known for this patient (``D_entry``, ``dose_before``), in their own units.
    start : date or None
        Calendar date of day 0, where the file has dates.
    day : float
        Whole day by which everything in the file has happened.
    """

    name: str
    doses: tuple[PatientDose, ...]
    measurements: tuple[Measurement, ...]
    covariates: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)
    start: date | None = None
    day: float = 0


def read_patient(path: str | Path) -> Patient:
    """Read a patient's CSV file.

    Raises
    ------
    InputError
        Naming the row and the column.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(str(path), "there is no such file", hint="check the name") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), "the file cannot be read as UTF-8 text") from error
    return parse_patient(text, where=Path(path).name, name=Path(path).stem)


def parse_patient(text: str, *, where: str = "patient", name: str = "patient") -> Patient:
    """Read a patient from text.

    Raises
    ------
    InputError
        Naming the row and the column.

    Examples
    --------
    >>> text = '''day,kind,name,value,unit,every,until
    ... 0,dose,prednisone,40,mg,1,13
    ... 0,measurement,crp,62,mg/L,,
    ... 28,measurement,crp,<3,mg/L,,'''
    >>> patient = parse_patient(text)
    >>> len(patient.doses), patient.measurements[1].censored, patient.day
    (14, '<', 28)
    """
    reader = csv.DictReader(io.StringIO(text))
    columns = [c.strip() for c in reader.fieldnames or ()]
    _check_columns(columns, where)
    rows = [
        (f"{where}, row {n}", {(k or "").strip(): (v or "").strip() for k, v in row.items() if not isinstance(v, list)})
        for n, row in enumerate(reader, start=2)
    ]
    rows = [(place, row) for place, row in rows if any(row.values()) and not row.get(columns[0], "").startswith("#")]
    clock = _Calendar.of(rows, "date" in columns)
    doses: list[PatientDose] = []
    measurements: list[Measurement] = []
    known: dict[str, dict[str, float]] = {"covariate": {}, "parameter": {}}
    for place, row in rows:
        kind = row["kind"].lower()
        if kind not in KINDS:
            raise InputError(f"{place}, kind", "no such kind", value=row["kind"], allowed=KINDS)
        if not row["name"]:
            raise InputError(f"{place}, name", "the name is missing", allowed="a drug, measure, covariate or parameter")
        if kind == "dose":
            doses += _doses(place, row, clock)
        elif kind == "measurement":
            measurements.append(_measurement(place, row, clock))
        else:
            known[kind][row["name"]] = _number(place, row["value"])
    if not measurements:
        raise InputError(where, "there is no measurement", allowed="rows of kind measurement", hint="add what was seen")
    doses.sort(key=lambda d: d.time)
    measurements.sort(key=lambda m: m.time)
    last = max([m.time for m in measurements] + [d.time + d.duration for d in doses])
    return Patient(
        name, tuple(doses), tuple(measurements), known["covariate"], known["parameter"], clock.start, math.ceil(last)
    )


def _check_columns(columns: list[str], where: str) -> None:
    for column in columns:
        if column not in COLUMNS:
            raise InputError(
                f"{where}, row 1", "no such column", value=column, allowed=COLUMNS, hint=did_you_mean(column, COLUMNS)
            )
    for need in ("kind", "name", "value"):
        if need not in columns:
            raise InputError(f"{where}, row 1", "a column is missing", value=need, allowed=COLUMNS)
    if ("day" in columns) == ("date" in columns):
        raise InputError(f"{where}, row 1", "when things happened needs one column", allowed="day, or date")


@dataclass(frozen=True)
class _Calendar:
    """Turns days or dates into days since the start."""

    dated: bool
    start: date | None

    @classmethod
    def of(cls, rows: list[tuple[str, dict[str, str]]], dated: bool) -> _Calendar:
        days = [_date(place, row["date"]) for place, row in rows if row["date"]] if dated else []
        return cls(dated, min(days) if days else None)

    def day(self, place: str, text: str) -> float:
        if self.dated:
            assert self.start is not None
            return float((_date(place, text) - self.start).days)
        value = _number(f"{place}, day", text)
        if value < 0:
            raise InputError(f"{place}, day", "a day before the start", value=value, allowed="0 or more")
        return value

    def time(self, place: str, row: Mapping[str, str], default: float = 0.0) -> float:
        text = row.get("date" if self.dated else "day", "")
        if not text:
            raise InputError(f"{place}, {'date' if self.dated else 'day'}", "the day is missing")
        hours = default
        if row.get("time"):
            hour, colon, minute = row["time"].partition(":")
            if not (colon and hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) < 60):
                raise InputError(f"{place}, time", "not a time of day", value=row["time"], allowed="HH:MM")
            hours = int(hour) + int(minute) / 60
        return self.day(place, text) + hours / 24


def _date(place: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{place}, date", "not a date", value=text, allowed="year-month-day, as 2026-03-09") from error


def _number(place: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise InputError(place, "not a number", value=text, allowed="a number with a decimal point") from error
    if not math.isfinite(value):
        raise InputError(place, "not a number", value=text, allowed="a finite number")
    return value


def _doses(place: str, row: Mapping[str, str], clock: _Calendar) -> list[PatientDose]:
    which = drug(row["name"])
    route = row.get("route") or which.routes[0]
    route = next((r for r, words in ROUTES.items() if route.lower() in words), route)
    if route not in which.routes:
        raise InputError(f"{place}, route", f"{which.name} is not given so", value=route, allowed=which.routes)
    amount = _number(f"{place}, value", row["value"])
    if amount < 0:
        raise InputError(f"{place}, value", "a dose is negative", value=amount, allowed="0 or more mg")
    if not row.get("unit"):
        raise InputError(f"{place}, unit", "the unit of a dose is missing", allowed="mg")
    amount = convert(amount, row["unit"], "mg", where=f"{place}, unit")
    usual = clock_hours()[which.clock] if which.clock else 0.0
    first = clock.time(place, row, usual)
    duration = which.infusion_h / 24 if route == "iv" else 0.0
    if not row.get("every"):
        if row.get("until"):
            raise InputError(f"{place}, every", "a repeated dose needs its interval", allowed="days between doses")
        return [PatientDose(first, which.name, route, amount, duration)]
    every = _number(f"{place}, every", row["every"])
    if every <= 0:
        raise InputError(f"{place}, every", "not an interval", value=every, allowed="days above 0")
    if not row.get("until"):
        raise InputError(f"{place}, until", "a repeated dose needs its last day", allowed="a day or date")
    last = clock.day(f"{place}, until", row["until"]) + 1
    if last <= first:
        raise InputError(f"{place}, until", "the last day lies before the first", value=row["until"])
    count = math.ceil((last - first) / every - 1e-9)
    return [PatientDose(first + i * every, which.name, route, amount, duration) for i in range(count)]


def _measurement(place: str, row: Mapping[str, str], clock: _Calendar) -> Measurement:
    text = row["value"].replace(" ", "")
    sign = text[:1] if text[:1] in "<>" else ""
    value = _number(f"{place}, value", text.removeprefix(sign))
    if value < 0:
        raise InputError(f"{place}, value", "a measured value is negative", value=value, allowed="0 or more")
    return Measurement(clock.time(place, row), row["name"], value, row.get("unit", ""), sign, place)
