"""Covariates of a population: distributions from a file, drawn by inversion so that limits and bands are exact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from scipy.special import ndtr, ndtri

from abate.ground.errors import InputError
from abate.ground.files import Document, did_you_mean, library_path, load_toml
from abate.ground.quantity import Grade
from abate.ground.randomness import uniform
from abate.ground.schema import explain
from abate.ground.units import convert

__all__ = ["Covariate", "Population", "WeightBand", "load_population", "population_names"]

Floats = npt.NDArray[np.float64]


class _Sourced(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    value: float
    unit: str
    source: str = Field(min_length=1)
    grade: Grade


class Share(_Sourced):
    """A yes-or-no trait: the share of people who have it."""

    kind: Literal["share"]
    value: float = Field(ge=0, le=1)
    of: str = "yes"
    otherwise: str = "no"


class Normal(_Sourced):
    """Normal between limits."""

    kind: Literal["normal"]
    sd: float = Field(ge=0)
    low: float = -np.inf
    high: float = np.inf


class LogNormal(_Sourced):
    """Log-normal between limits; ``value`` is the median."""

    kind: Literal["lognormal"]
    value: float = Field(gt=0)
    sd_log: float = Field(ge=0)
    low: float = 0.0
    high: float = np.inf


Distribution = Annotated[Share | Normal | LogNormal, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[Any] = TypeAdapter(Distribution)
UNITS = {
    "age": "year",
    "weight": "kg",
    "height": "cm",
    "hdl": "mg/dL",
    "rf": "international_unit/mL",
    "tpro": "g/L",
    "alb": "g/L",
    "crcl": "mL/min",
    "sex": "dimensionless",
    "smoker": "dimensionless",
}


@dataclass(frozen=True)
class Covariate:
    """One covariate: a distribution, or one a sex."""

    name: str
    by_sex: Mapping[str, Any]

    def draw(
        self, persons: npt.NDArray[np.int64], female: npt.NDArray[np.bool_], seed: int, band: WeightBand
    ) -> Floats:
        """Draw the covariate of some people; shape (n,)."""
        chance = uniform(seed, f"covariate:{self.name}", persons)
        parts = [_invert(self.by_sex[sex], chance, self.name, band) for sex in ("female", "male")]
        return np.where(female, parts[0], parts[1])


@dataclass(frozen=True)
class WeightBand:
    """Body weights that are asked for, in kg.

    Examples
    --------
    >>> WeightBand.parse(">=100 kg")
    WeightBand(low=100.0, high=inf)
    >>> WeightBand.parse("60-100 kg")
    WeightBand(low=60.0, high=100.0)
    """

    low: float = 0.0
    high: float = float("inf")

    @classmethod
    def parse(cls, text: str) -> WeightBand:
        """Read ``>=100 kg``, ``<60 kg`` or ``60-100 kg``.

        Raises
        ------
        InputError
            If the text is none of these, or the unit is missing.
        """
        match = re.fullmatch(r"\s*(>=?|<=?)?\s*([\d.]+)\s*(?:-\s*([\d.]+))?\s*([A-Za-z/]*)\s*", text)
        if not match or bool(match[1]) == bool(match[3]):
            raise InputError("--weight", "not a weight band", value=text, allowed="'>=100 kg', '<60 kg' or '60-100 kg'")
        if not match[4]:
            raise InputError("--weight", "the unit is missing", value=text, allowed=f"{text.strip()} kg")
        first = convert(float(match[2]), match[4], "kg", where="--weight")
        if match[3]:
            second = convert(float(match[3]), match[4], "kg", where="--weight")
            if not first < second:
                raise InputError("--weight", "the band is empty", value=text, allowed="the lighter weight first")
            return cls(first, second)
        return cls(low=first) if match[1].startswith(">") else cls(high=first)


@dataclass(frozen=True)
class Population:
    """Who takes part: covariates with their sources.

    Examples
    --------
    >>> people = load_population("gca").draw(np.arange(4), seed=1)
    >>> sorted(people)[:3], people["weight"].shape
    (['age', 'alb', 'bsa'], (4,))
    """

    name: str
    title: str
    disease: str
    covariates: tuple[Covariate, ...]

    def draw(self, persons: npt.ArrayLike, seed: int, band: WeightBand | None = None) -> dict[str, Floats]:
        """Draw the covariates of people.

        Parameters
        ----------
        persons : array_like of int, shape (n,)
            Who; the same person has the same covariates in any company.
        seed : int
            Of the run.
        band : WeightBand, optional
            Restrict body weight; the distribution within the band is the exact conditional one.

        Returns
        -------
        dict from name to ndarray, shape (n,)
            In the units of the file, and ``female``, ``smoker`` as 0/1, ``bsa`` in m2 (Du Bois 1916).
        """
        who = np.atleast_1d(np.asarray(persons, dtype=np.int64))
        limits = band or WeightBand()
        sex = next(c for c in self.covariates if c.name == "sex").by_sex["female"]
        female = uniform(seed, "covariate:sex", who) < sex.value
        people: dict[str, Floats] = {"female": female.astype(float)}
        for covariate in self.covariates:
            if covariate.name != "sex":
                people[covariate.name] = covariate.draw(who, female, seed, limits)
        # Du Bois & Du Bois 1916, Arch Intern Med 17:863: a definition of body surface, not a fact about these people.
        people["bsa"] = 0.007184 * people["weight"] ** 0.425 * people["height"] ** 0.725
        return people


def population_names() -> list[str]:
    """Return the names of the populations in the library."""
    return sorted(path.stem for path in library_path("populations").glob("*.toml"))


def load_population(name: str | Path) -> Population:
    """Load a population of the library by name, or from a TOML file.

    Raises
    ------
    InputError
        If there is none of that name, or the file is wrong.
    """
    text = str(name)
    path = Path(text) if text.endswith(".toml") else library_path("populations", f"{text}.toml")
    if not path.exists():
        names = population_names()
        raise InputError(
            "population", "there is no such population", value=text, allowed=names, hint=did_you_mean(text, names)
        )
    return _read(load_toml(path), path.stem)


def _read(document: Document, name: str) -> Population:
    covariates = []
    for key, entry in document.data.items():
        if not isinstance(entry, dict):
            continue
        if key not in UNITS:
            raise document.error((key,), "no such covariate", allowed=list(UNITS), hint=did_you_mean(key, UNITS))
        split = "female" in entry or "male" in entry
        parts = {sex: entry.get(sex, {}) if split else entry for sex in ("female", "male")}
        by_sex = {sex: _distribution(document, (key, sex) if split else (key,), part) for sex, part in parts.items()}
        covariates.append(Covariate(key, by_sex))
    missing = sorted(set(UNITS) - {c.name for c in covariates})
    if missing:
        raise InputError(document.path, "covariates are missing", value=", ".join(missing), allowed=list(UNITS))
    return Population(
        name, str(document.data.get("title", name)), str(document.data.get("disease", "")), tuple(covariates)
    )


def _distribution(document: Document, key: tuple[str, ...], entry: dict[str, Any]) -> Any:
    try:
        found: Any = _ADAPTER.validate_python(entry)
    except ValidationError as error:
        raise explain(Distribution, document, error, key) from error
    if key[0] in ("sex", "smoker") and found.kind != "share":
        raise document.error((*key, "kind"), "this covariate is a share", value=found.kind, allowed="share")
    convert(1.0, found.unit, UNITS[key[0]], where=document.where((*key, "unit")))
    return found


def _invert(spread: Any, chance: Floats, name: str, band: WeightBand) -> Floats:
    if spread.kind == "share":
        return np.asarray(chance < spread.value, dtype=float)
    log = spread.kind == "lognormal"
    low, high = spread.low, spread.high
    if name == "weight":
        low, high = max(low, band.low), min(high, band.high)
        if low >= high:
            raise InputError(
                "--weight",
                "nobody in this population has such a weight",
                value=f"{band.low:g}-{band.high:g} kg",
                allowed=f"within {spread.low:g}-{spread.high:g} kg",
            )
    factor = convert(1.0, spread.unit, UNITS[name])
    sd = spread.sd_log if log else spread.sd
    if sd == 0:
        return np.full(chance.shape, spread.value * factor)

    def score(limit: float) -> float:
        with np.errstate(divide="ignore"):
            return float(((np.log(limit) - np.log(spread.value)) if log else (limit - spread.value)) / sd)

    floor, ceiling = ndtr(score(low)), ndtr(score(high))
    z = ndtri(floor + chance * (ceiling - floor))
    values = spread.value * np.exp(sd * z) if log else spread.value + sd * z
    return np.asarray(np.clip(values, low, high) * factor)
