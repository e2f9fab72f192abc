"""What a visit sees: measures of a person, from the course of the model, with the error of measuring them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, library_path, load_toml
from abate.ground.quantity import Grade
from abate.ground.randomness import normal
from abate.ground.schema import read

__all__ = ["Clinic", "Level", "Measure", "charted", "load_clinic"]

Floats = npt.NDArray[np.float64]


class Level(BaseModel):
    """A value of a measure with a meaning, and who says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    value: float
    unit: str
    source: str = Field(min_length=1)
    grade: Grade


class Measure(BaseModel):
    """One measure: which model output it sees, how, and how well."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    output: str
    label: str
    scale: float
    unit: str
    noise: float = Field(ge=0)
    stream: str
    source: str = Field(min_length=1)
    grade: Grade
    low: float = 0.0
    high: float = float("inf")
    plus: dict[str, float] = {}
    """Other measures of the same visit that are added, with their factors."""
    beside: tuple[str, ...] = ()
    """Other measures that are added where the model has their output: the antibodies, of which a person has one."""
    needs: tuple[str, ...] = ()
    """Outputs that a model must have besides, without which the output means something else."""
    flare: dict[str, Level] = {}
    """At which value a visit calls a flare, by disease."""


@dataclass(frozen=True)
class Clinic:
    """All measures that a visit can take.

    Examples
    --------
    >>> clinic = load_clinic()
    >>> seen = clinic.observe({"crp": np.array([5.0, 80.0])}, ["crp"], persons=np.array([0, 1]), visit=3, seed=1)
    >>> seen["crp"].shape
    (2,)
    """

    measures: Mapping[str, Measure]

    def outputs(self, names: Iterable[str], known: Collection[str] | None = None) -> list[str]:
        """Return the model outputs that some measures see; of `known` ones, where a model is given by its outputs."""
        wanted = []
        for name in names:
            beside = [b for b in self[name].beside if known is None or self[b].output in known]
            wanted += [name, *self[name].plus, *beside]
        return sorted({self[name].output for name in wanted})

    def simulated(self, names: Iterable[str], known: Collection[str]) -> list[str]:
        """Return those of some measures that a model with these outputs can show, in order; the others need data.

        Examples
        --------
        >>> load_clinic().simulated(["fiqr", "crp"], ["symptoms", "crp", "W"])
        ['crp']
        """
        return [
            name
            for name in names
            if name in self.measures
            and all({self[part].output, *self[part].needs} <= set(known) for part in (name, *self[name].plus))
        ]

    def __getitem__(self, name: str) -> Measure:
        if name not in self.measures:
            raise InputError(
                "measures",
                "there is no such measure",
                value=name,
                allowed=list(self.measures),
                hint=did_you_mean(name, self.measures),
            )
        return self.measures[name]

    def flare_level(self, disease: str, name: str = "symptom-score") -> float:
        """Return the value of a measure at which a visit calls a flare of a disease.

        Raises
        ------
        InputError
            If there is none for the disease.

        Examples
        --------
        >>> load_clinic().flare_level("pmr")
        9.35
        """
        levels = self[name].flare
        if disease not in levels:
            raise InputError(f"{name}, flare", "no flare level is known for this disease", value=disease,
                             allowed=list(levels), hint=did_you_mean(disease, levels))  # fmt: skip
        return levels[disease].value

    def observe(
        self, truth: Mapping[str, Floats], names: Iterable[str], persons: npt.NDArray[np.int64], visit: int, seed: int
    ) -> dict[str, Floats]:
        """Measure people at a visit.

        Parameters
        ----------
        truth : mapping from output to ndarray, shape (n,)
            The course of the model at the time of the visit.
        names : iterable of str
            Measures to take.
        persons : ndarray of int, shape (n,)
            Who; keys of the draws.
        visit : int
            The how many-th visit; keys of the draws.
        seed : int
            Of the run.

        Returns
        -------
        dict from measure to ndarray, shape (n,)
        """
        return {name: self._see(name, truth, persons, visit, seed) for name in names}

    def _see(
        self, name: str, truth: Mapping[str, Floats], persons: npt.NDArray[np.int64], visit: int, seed: int
    ) -> Floats:
        measure = self[name]
        value = measure.scale * truth[measure.output]
        if measure.noise > 0:
            value = value * np.exp(measure.noise * normal(seed, f"visit:{measure.stream}", persons, visit))
        beside = {part: 1.0 for part in measure.beside if self[part].output in truth}
        for part, factor in (*measure.plus.items(), *beside.items()):
            value = value + factor * self._see(part, truth, persons, visit, seed)
        return np.asarray(np.clip(value, measure.low, measure.high))


@cache
def charted() -> dict[str, str]:
    """Return the labels of measures that only data can hold: no model gives them.

    Examples
    --------
    >>> charted()["infection"]
    'Infection or other acute illness: 1 yes, 0 no'
    """
    rows = load_toml(library_path("measures", "charted.toml")).data["charted"]
    return {name: str(row["label"]) for name, row in rows.items()}


@cache
def load_clinic(name: str = "clinic") -> Clinic:
    """Load the measures of the library.

    Raises
    ------
    InputError
        If an entry is wrong.
    """
    document = load_toml(library_path("observation", f"{name}.toml"))
    measures = {key: read(Measure, document, (key,)) for key in document.data}
    return Clinic(measures)
