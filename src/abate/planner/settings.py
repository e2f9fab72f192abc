"""Numbers that plans use, from the library: cut-offs, windows, what is tried for which disease."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from abate.ground.files import library_path, load_toml, load_yaml
from abate.ground.quantity import Grade, Quantity
from abate.ground.schema import read

__all__ = ["Candidate", "Candidates", "candidate_list", "fall_windows", "largest_fall", "numbers", "value"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Number(_Strict):
    value: float
    unit: str
    label: str
    source: str = Field(min_length=1)
    grade: Grade


class Candidate(_Strict):
    """An option of the library's list: a taper, or a policy that decides."""

    name: str
    label: str
    taper: str | None = None
    policy: str | None = None


class Candidates(_Strict):
    """What is tried for a disease, with the model, the population, and who decides after a flare.

    Where ``flares`` is false no model links prednisone to the disease: plans then tell of prednisone, withdrawal and
    the adrenals alone, and ``why`` says so.
    """

    name: str
    title: str
    disease: str
    model: str
    population: str
    policy: str
    antibody: str = ""
    source: str = Field(min_length=1)
    grade: Grade
    options: tuple[Candidate, ...]
    reference: str
    flares: bool = True
    why: str = ""


class _Fall(_Strict):
    within: int = Field(gt=0)
    """Days."""
    from_: float = Field(alias="from", ge=0)
    below: float = float("inf")
    at_most: float = Field(gt=0)


class _Falls(_Strict):
    source: str = Field(min_length=1)
    grade: Grade
    unit: str
    falls: tuple[_Fall, ...]


@cache
def numbers(name: str) -> dict[str, Quantity]:
    """Return the numbers of a file of the library's plans, by name.

    Examples
    --------
    >>> numbers("adrenal")["recovered"].value
    300.0
    """
    document = load_toml(library_path("plans", f"{name}.toml"))
    found: dict[str, Quantity] = {}
    for key in document.data:
        row = read(_Number, document, (key,))
        found[key] = Quantity(row.value, row.unit, row.source, row.grade)
    return found


def value(file: str, name: str) -> float:
    """Return one number."""
    return numbers(file)[name].value


@cache
def candidate_list(disease: str) -> Candidates:
    """Return what is tried for a disease.

    Examples
    --------
    >>> candidate_list("pmr").reference
    'guideline'
    """
    return read(Candidates, load_yaml(library_path("plans", f"{disease}.yaml")))


def fall_windows() -> tuple[int, ...]:
    """Return within how many days a fall of the dose is judged.

    Examples
    --------
    >>> fall_windows()
    (7, 28)
    """
    return tuple(sorted({row.within for row in _falls().falls}))


def largest_fall(dose: float, within: int = 7) -> float:
    """Return by how many mg the daily dose may fall within some days, from a dose.

    Examples
    --------
    >>> largest_fall(60) > largest_fall(12.5) > largest_fall(5)
    True
    >>> largest_fall(10, within=28), largest_fall(60, within=28)
    (7.5, inf)
    """
    rows = (row for row in _falls().falls if row.within == within and row.from_ < dose <= row.below)
    return next((row.at_most for row in rows), math.inf)


@cache
def _falls() -> _Falls:
    return read(_Falls, load_toml(library_path("plans", "abrupt.toml")))


def falls_source() -> dict[str, Any]:
    """Return who says how fast a dose may fall."""
    return {"source": _falls().source, "grade": _falls().grade}
