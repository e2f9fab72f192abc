"""One patient's record: a local YAML file that the patient owns. Nothing of it leaves the machine.

Every change writes the whole file beside the old one and renames it, so that an interruption loses at most the entry
being written, and the file is never unreadable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from abate.ground.errors import InputError, UnitError
from abate.ground.files import Document, load_yaml, write_atomically
from abate.ground.schema import read
from abate.planner.laboratory import in_clinic_unit
from abate.planner.settings import candidate_list, value
from abate.planner.steroids import daily_level, glucocorticoids, mg_on, running_on
from abate.science.regimen import Regimen, load_tablets, parse

__all__ = [
    "FORMAT",
    "Course",
    "Entry",
    "Illness",
    "Measured",
    "Plan",
    "Record",
    "load_record",
    "record_from",
    "record_text",
    "save_record",
]

FORMAT = 1
"""Format of the file. A newer one is refused by name; an older one is read as it was meant."""

Score = float | None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


@cache
def _parsed(text: str) -> Regimen:
    return parse(text)


class Course(_Strict):
    """A drug taken from a day on: ``regimen`` as people write it, until ``to`` (included) or until today."""

    regimen: str = Field(description="such as 'prednisone 10 mg every morning' or 'tocilizumab 162 mg sc every week'")
    from_: date = Field(alias="from")
    to: date | None = None

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @field_validator("regimen")
    @classmethod
    def _understood(cls, text: str) -> str:
        try:
            written = parse(text)
        except InputError as error:
            raise ValueError(str(error)) from error
        if written.drug is None:
            raise ValueError("no drug is named: write it first, as in 'prednisone 10 mg every morning'")
        if written.needs_weight and written.drug not in ("tocilizumab", "sarilumab"):
            raise ValueError("a dose per kg is understood for the antibodies only; write the dose in mg")
        if written.drug in glucocorticoids() and written.route in (None, "oral"):
            most = value("settings", "largest_dose")
            if max(written.doses(written.start, written.start + 1, persons=1).amount.sum(), *written.amounts) > most:
                raise ValueError(f"more than anybody takes by mouth; allowed: up to {most:g} mg a day")
        return text

    @model_validator(mode="after")
    def _forwards(self) -> Course:
        if self.to is not None and self.to < self.from_:
            raise ValueError(f"it ends on {self.to}, before it begins on {self.from_}")
        return self

    @property
    def read(self) -> Regimen:
        """The regimen as a value."""
        return _parsed(self.regimen)


class Entry(_Strict):
    """One day of the diary: scores 0-10, stiffness in minutes, signs by the names of the library's red flags."""

    date: date
    pain: Score = Field(None, ge=0, le=10, description="worst pain of the disease's places, 0-10")
    stiffness: Score = Field(None, ge=0, le=1440, description="morning stiffness, minutes")
    fatigue: Score = Field(None, ge=0, le=10, description="0-10")
    signs: tuple[str, ...] = Field((), description="names of the signs in the list of red flags")
    note: str = ""

    @field_validator("signs")
    @classmethod
    def _known(cls, signs: tuple[str, ...]) -> tuple[str, ...]:
        from abate.planner.flags import check_signs

        return check_signs(signs)


class Measured(_Strict):
    """A laboratory value, below or above a limit where it says so (``<3``)."""

    date: date
    name: Literal["crp", "esr", "il6", "drug-level", "morning-cortisol"]
    value: float | str
    unit: str

    @field_validator("value")
    @classmethod
    def _number(cls, value: float | str) -> float | str:
        text = str(value).strip()
        try:
            number = float(text.removeprefix("<").removeprefix(">"))
        except ValueError as error:
            raise ValueError("not a number; allowed: a number, or a limit such as '<3'") from error
        if not (math.isfinite(number) and number >= 0):
            raise ValueError("not a level; allowed: 0 or more")
        return text if text[:1] in "<>" else number

    @model_validator(mode="after")
    def _measurable(self) -> Measured:
        try:
            in_clinic_unit(self.name, self.number, self.unit)
        except UnitError as error:
            raise ValueError(f"{self.name}, {error}") from error
        return self

    @property
    def level(self) -> tuple[float, str]:
        """The value, or the limit, and its unit as the clinic's measure has it."""
        return in_clinic_unit(self.name, self.number, self.unit)

    @property
    def number(self) -> float:
        """The value, or the limit."""
        return float(str(self.value).removeprefix("<").removeprefix(">"))

    @property
    def censored(self) -> str:
        """``<``, ``>`` or nothing."""
        return str(self.value)[:1] if isinstance(self.value, str) and self.value[:1] in "<>" else ""


class Illness(_Strict):
    """Days of another illness, such as an infection."""

    from_: date = Field(alias="from")
    to: date | None = None
    what: str = ""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="after")
    def _forwards(self) -> Illness:
        if self.to is not None and self.to < self.from_:
            raise ValueError(f"it ends on {self.to}, before it begins on {self.from_}")
        return self


class Plan(_Strict):
    """A plan that the doctor or the patient proposes.

    Either ``text`` ("10 mg for 4 weeks, then 1 mg less every 4 weeks to 0"), or the ``taper`` or ``policy`` of the
    library or a file. ``antibody`` is a regimen, ``none``, or left out for what is taken now.
    """

    name: str = Field(min_length=1)
    label: str = ""
    text: str | None = None
    taper: str | None = None
    policy: str | None = None
    antibody: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Plan:
        if (self.text is not None) + (self.taper is not None) + (self.policy is not None) == 0:
            raise ValueError("a plan needs one of text, taper and policy")
        if self.text is not None and self.taper is not None:
            raise ValueError("a plan has a text or a taper, not both")
        return self


class Record(_Strict):
    """What is known of one patient.

    Attributes
    ----------
    disease : {'pmr', 'gca', 'ra', 'fibromyalgia'}
    today : date
        Day from which plans begin; the day on which it is read where the file does not say.
    diagnosed : date
        When the disease began to be treated.
    weight, height : float
        kg and cm.
    drugs : tuple of Course
        With real dates; a later course of a glucocorticoid takes the place of an earlier one.
    diary, measurements, illness, plans
    flare_risk : float, optional
        Chance of a flare that the patient would accept, 0-1; for ``--optimise``.
    """

    format: int = FORMAT
    name: str = "patient"
    disease: Literal["pmr", "gca", "ra", "fibromyalgia"]
    today: date = Field(default_factory=date.today)
    diagnosed: date
    born: int | None = Field(None, ge=1900, le=2100)
    sex: Literal["female", "male"] | None = None
    weight: float | None = Field(None, gt=20, lt=350)
    height: float | None = Field(None, gt=100, lt=250)
    remission: bool | None = Field(
        None, description="whether the disease is quiet now; left out: judged from the diary"
    )
    tablets: str = "us"
    strengths: tuple[float, ...] = Field((), description="strengths at hand, mg; empty: all of the set")
    drugs: tuple[Course, ...]
    diary: tuple[Entry, ...] = ()
    measurements: tuple[Measured, ...] = ()
    illness: tuple[Illness, ...] = ()
    plans: tuple[Plan, ...] = ()
    flare_risk: float | None = Field(None, gt=0, lt=1)

    @field_validator("tablets")
    @classmethod
    def _set(cls, name: str) -> str:
        try:
            load_tablets(name)
        except InputError as error:
            raise ValueError(str(error)) from error
        return name

    @model_validator(mode="after")
    def _in_order(self) -> Record:
        if self.diagnosed > self.today:
            raise ValueError(f"diagnosed {self.diagnosed} lies after today, {self.today}")
        dated = [("diary", e.date) for e in self.diary] + [("measurements", m.date) for m in self.measurements]
        dated += [("drugs", c.from_) for c in self.drugs] + [("illness", i.from_) for i in self.illness]
        for what, day in dated:
            if day > self.today:
                hint = "; what will be taken is a plan" if what == "drugs" else ""
                raise ValueError(f"{what}: {day} lies after today, {self.today}{hint}")
        days = [e.date for e in self.diary]
        twice = sorted({d for d in days if days.count(d) > 1})
        if twice:
            raise ValueError(f"diary: {twice[0]} stands twice; keep one entry a day")
        if not any(c.read.drug in glucocorticoids() for c in self.drugs):
            raise ValueError("drugs: no prednisone or other glucocorticoid is recorded; add what was taken, with dates")
        return self

    @property
    def flares_forecast(self) -> bool:
        """Whether a model knows what prednisone does to flares of this disease."""
        return candidate_list(self.disease).flares

    def with_entry(self, entry: Entry) -> Record:
        """Return the record with a day of the diary added, or replaced where the day exists.

        Raises
        ------
        InputError
            If the day lies in the future.
        """
        if entry.date > self.today:
            raise InputError(
                "diary", "the day lies in the future", value=str(entry.date), allowed=f"up to {self.today}"
            )
        kept = [e for e in self.diary if e.date != entry.date]
        return self.model_copy(update={"diary": tuple(sorted([*kept, entry], key=lambda e: e.date))})

    def prednisone(self, first: date, days: int) -> list[float]:
        """Return mg of prednisone taken on each day from a date on; other glucocorticoids by equal effect."""
        return [mg_on(self.drugs, first + timedelta(days=k)) for k in range(days)]

    def levels(self, first: date, days: int) -> list[float]:
        """Return the same with doses that alternate at their mean."""
        return [daily_level(self.drugs, first + timedelta(days=k)) for k in range(days)]

    @property
    def dose(self) -> float:
        """mg of prednisone a day taken until yesterday: what today's dose continues."""
        return self.levels(self.today - timedelta(days=1), 1)[0]

    @property
    def steroid(self) -> str:
        """The glucocorticoid taken until yesterday; prednisone where there is none."""
        course = running_on(self.drugs, self.today - timedelta(days=1))
        return str(course.read.drug) if course else "prednisone"

    def ill(self, day: date) -> Illness | None:
        """Return the illness that still moves CRP, ESR and IL-6 on a day."""
        after = timedelta(days=value("settings", "after_illness"))
        return next((i for i in self.illness if i.from_ <= day <= (i.to or self.today) + after), None)

    def antibody(self, day: date) -> Course | None:
        """Return the course of tocilizumab or sarilumab that runs on a day."""
        running = [
            c for c in self.drugs
            if c.read.drug in ("tocilizumab", "sarilumab") and c.from_ <= day and (c.to is None or day <= c.to)
        ]  # fmt: skip
        return max(running, key=lambda c: c.from_) if running else None


def load_record(path: str | Path) -> Record:
    """Read a record.

    Raises
    ------
    InputError
        With file, line and key, for whatever is wrong; a file of a newer version is refused by name.
    """
    return record_from_document(load_yaml(path))


def record_from(data: Mapping[str, Any] | str, *, where: str = "patient") -> Record:
    """Make a record from a mapping (a form), or from the text of a file.

    Raises
    ------
    InputError
        With the key, for whatever is wrong.

    Examples
    --------
    >>> record = record_from('''
    ... disease: pmr
    ... diagnosed: 2025-01-01
    ... today: 2025-03-01
    ... drugs: [{regimen: prednisone 15 mg every morning, from: 2025-01-01}]
    ... ''')
    >>> record.dose
    15.0
    """
    if isinstance(data, str):
        return record_from_document(load_yaml(where, text=data))
    return record_from_document(Document(where, dict(data)))


def record_from_document(document: Document) -> Record:
    """Check a document and make it a record."""
    version = document.data.get("format", FORMAT)
    if isinstance(version, int) and version > FORMAT:
        raise document.error(
            ("format",),
            "the file was written by a newer version",
            value=version,
            allowed=f"up to {FORMAT}",
            hint="upgrade abate",
        )
    return read(Record, document)


def record_text(record: Record) -> str:
    """Return the record as the text of its file.

    Examples
    --------
    >>> text = '''
    ... disease: pmr
    ... diagnosed: 2025-01-01
    ... today: 2025-03-01
    ... drugs: [{regimen: prednisone 15 mg every morning, from: 2025-01-01}]
    ... '''
    >>> record_from(record_text(record_from(text))) == record_from(text)
    True
    """
    data = record.model_dump(mode="python", by_alias=True, exclude_defaults=True)
    data = {"format": record.format, "today": record.today, **data}
    return yaml.safe_dump(_lists(data), sort_keys=False, allow_unicode=True, width=100)


def save_record(record: Record, path: str | Path) -> Path:
    """Write the record; the old file stays whole until the new one is.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    write_atomically(path, record_text(record))
    return Path(path)


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _lists(v) for k, v in value.items()}
    return [_lists(v) for v in value] if isinstance(value, (list, tuple)) else value
