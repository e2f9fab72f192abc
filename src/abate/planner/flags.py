"""Red flags: signs that need care now. They override everything that a model says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from abate.ground.files import did_you_mean, library_path, load_toml
from abate.ground.quantity import Grade
from abate.ground.schema import read

if TYPE_CHECKING:
    from abate.planner.record import Record

__all__ = ["RECENT_DAYS", "Flag", "Raised", "check_signs", "flags", "red_flags"]

RECENT_DAYS = 14
"""How far back a sign in the diary still speaks; a choice, long on purpose."""


class Flag(BaseModel):
    """One sign: what it is, what it may mean, and what to do."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    says: str
    about: str
    urgency: Literal["now", "today"]
    diseases: tuple[str, ...]
    do: str


class _About(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str = Field(min_length=1)
    grade: Grade


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    flags: tuple[Flag, ...]
    about: _About


@dataclass(frozen=True)
class Raised:
    """A red flag that the diary raises: who says what to do, and since when."""

    name: str
    date: date
    says: str
    about: str
    urgency: str
    do: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "date": self.date.isoformat()}


@cache
def _file() -> _File:
    return read(_File, load_toml(library_path("plans", "red-flags.toml")))


def flags() -> tuple[Flag, ...]:
    """Return every sign of the library.

    Examples
    --------
    >>> [flag.name for flag in flags() if flag.urgency == "now"][:2]
    ['vision', 'vomiting']
    """
    return _file().flags


def check_signs(signs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the signs if all are known.

    Raises
    ------
    ValueError
        Naming the nearest, as a validator of pydantic does.
    """
    known = [flag.name for flag in flags()]
    for sign in signs:
        if sign not in known:
            near = did_you_mean(sign, known)
            raise ValueError(
                f"there is no such sign: {sign}; allowed: {', '.join(known)}" + (f"; {near}" if near else "")
            )
    return signs


def red_flags(record: Record) -> tuple[Raised, ...]:
    """Return the red flags of the last two weeks of a diary, the most urgent first.

    Examples
    --------
    >>> from abate.planner.record import record_from
    >>> record = record_from('''
    ... disease: pmr
    ... diagnosed: 2025-01-01
    ... today: 2025-03-01
    ... drugs: [{regimen: prednisone 15 mg every morning, from: 2025-01-01}]
    ... diary: [{date: 2025-02-28, pain: 1, signs: [vision]}]
    ... ''')
    >>> [(flag.name, flag.urgency) for flag in red_flags(record)]
    [('vision', 'now')]
    """
    since = record.today - timedelta(days=RECENT_DAYS)
    known = {flag.name: flag for flag in flags()}
    latest: dict[str, date] = {}
    for entry in record.diary:
        if entry.date >= since:
            for sign in entry.signs:
                latest[sign] = max(entry.date, latest.get(sign, entry.date))
    found = [
        Raised(name, day, known[name].says, known[name].about, known[name].urgency, known[name].do)
        for name, day in latest.items()
        if record.disease in known[name].diseases
    ]
    return tuple(sorted(found, key=lambda f: (f.urgency != "now", -f.date.toordinal())))
