"""A person as standard normal numbers: random effects and weekly noise, and the course that they lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Dose, Ensemble, Run, Setting, compile_model
from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.randomness import normal
from abate.inference.patient import Patient
from abate.inference.seen import Seen
from abate.science.model import Input, Model, individual_values, variability
from abate.science.population import Population

__all__ = ["Prior", "noise_settings", "outside_noise", "path"]

Floats = npt.NDArray[np.float64]
Persons = npt.NDArray[np.int64]


def outside_noise(model: Model) -> Model:
    """Return the model with its weekly noise set from outside, so that a path that was inferred can be lived again."""
    inputs = {
        n: replace(i, kind="constant", value=0.0) if i.kind == "ornstein-uhlenbeck" else i
        for n, i in model.inputs.items()
    }
    return replace(model, inputs=inputs)


def path(entry: Input, parameters: Mapping[str, Floats], draws: Floats) -> Floats:
    """Return Ornstein-Uhlenbeck noise from standard normal draws, shape (weeks, n); as the ensemble makes it."""
    assert entry.sd is not None
    assert entry.time_constant is not None
    sd, keep = parameters[entry.sd], np.exp(-entry.every / parameters[entry.time_constant])
    values = np.empty_like(draws)
    for week, draw in enumerate(draws):
        values[week] = sd * draw if week == 0 else keep * values[week - 1] + np.sqrt(1 - keep**2) * sd * draw
    return values


def noise_settings(entry: Input, values: Floats) -> list[Setting]:
    """Return what sets an input week by week; the first week is part of the initial state."""
    return [Setting(week * entry.every, entry.name, row) for week, row in enumerate(values) if week > 0]


@dataclass(frozen=True)
class Prior:
    """People like the patient, before anything was measured.

    A person is a column of independent standard normal numbers: one a random effect, then one a week and noise input.

    Attributes
    ----------
    model : Model
        As loaded.
    patient : Patient
    seen : Seen
    population : Population or None
        From which covariates that the file does not give are drawn.
    seed : int
    """

    model: Model
    patient: Patient
    seen: Seen
    population: Population | None
    seed: int

    def __post_init__(self) -> None:
        known = {*self.model.covariates, *(self.population.draw([0], 0) if self.population else ())}
        for name in self.patient.covariates:
            if name not in known:
                raise InputError(
                    self.patient.name, "no such covariate", value=name, allowed=known, hint=did_you_mean(name, known)
                )
        for name in self.patient.parameters:
            self.model.resolve(name)

    @cached_property
    def effects(self) -> tuple[str, ...]:
        """Parameters that differ between people, and are not known for this patient."""
        fixed = {self.model.resolve(n) for n in self.patient.parameters}
        return tuple(n for n in variability(self.model).names if n not in fixed)

    @cached_property
    def noises(self) -> tuple[Input, ...]:
        """Noise inputs."""
        return tuple(i for i in self.model.inputs.values() if i.kind == "ornstein-uhlenbeck")

    def weeks(self, entry: Input) -> int:
        """Return how many draws of a noise input matter up to the patient's last day."""
        return int(np.ceil(max(self.patient.day, 1e-9) / entry.every))

    @cached_property
    def size(self) -> int:
        """Numbers a person."""
        return len(self.effects) + sum(self.weeks(i) for i in self.noises)

    @cached_property
    def ensemble(self) -> Ensemble:
        """The compiled model, with all of its outputs: one for every patient, whatever was measured."""
        return compile_model(outside_noise(self.model))

    def covariates(self, persons: Persons) -> dict[str, Floats]:
        """Return the covariates of the model: the patient's own, else those of the population, else the reference."""
        drawn = self.population.draw(persons, self.seed) if self.population else {}
        given = {n: np.full(persons.shape, v) for n, v in self.patient.covariates.items()}
        if "bsa" not in given and {"weight", "height"} & set(given) and "bsa" in drawn:
            both = {**drawn, **given}
            given["bsa"] = drawn["bsa"] * (both["weight"] / drawn["weight"]) ** 0.425
            given["bsa"] = given["bsa"] * (both["height"] / drawn["height"]) ** 0.725
        both = {**drawn, **given}
        return {n: both[n] for n in self.model.covariates if n in both}

    def draw(self, persons: Persons) -> Floats:
        """Draw people; shape (size, n)."""
        rows = [normal(self.seed, f"parameter:{name}", persons) for name in self.effects]
        rows += [
            normal(self.seed, f"input:{i.name}", persons, week) for i in self.noises for week in range(self.weeks(i))
        ]
        return np.stack(rows) if rows else np.empty((0, persons.size))

    def typical(self, people: int) -> dict[str, Floats]:
        """Return the covariates that the file gives, for so many people; the others are at the model's reference."""
        return {n: np.full(people, v) for n, v in self.patient.covariates.items() if n in self.model.covariates}

    def parameters(self, numbers: Floats, covariates: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return parameters from numbers of shape (size, n) and covariates of shape (n,)."""
        shape = (numbers.shape[1],)
        normals = dict(zip(self.effects, numbers, strict=False))
        values = individual_values(self.model, covariates, normals)
        made = {n: np.array(np.broadcast_to(v, shape), dtype=float) for n, v in values.items()}
        for name, value in self.patient.parameters.items():
            key = self.model.resolve(name)
            if key in made:
                made[key] = np.full(shape, value)
        return made

    def inputs(self) -> dict[str, float]:
        """Return the inputs that the file sets from the start."""
        named = {self.model.resolve(n): v for n, v in self.patient.parameters.items()}
        return {n: v for n, v in named.items() if n in self.model.inputs}

    def noise(self, numbers: Floats, parameters: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return the weekly noise from numbers of shape (size, n): input to ndarray (weeks, n)."""
        first, found = len(self.effects), {}
        for entry in self.noises:
            found[entry.name] = path(entry, parameters, numbers[first : first + self.weeks(entry)])
            first += self.weeks(entry)
        return found

    def doses(self) -> list[Dose]:
        """Return the patient's doses."""
        return [Dose(d.time, d.drug, d.route, d.amount, d.duration) for d in self.patient.doses]

    def start(self, ensemble: Ensemble, parameters: Mapping[str, Floats], noise: Mapping[str, Floats],
              persons: Persons) -> tuple[Run, list[Setting]]:  # fmt: skip
        """Return people on day 0, and what sets their noise later."""
        first: dict[str, Any] = {**self.inputs(), **{n: v[0] for n, v in noise.items()}}
        run = ensemble.start({**parameters, **first}, persons, self.seed)
        return run, [s for i in self.noises for s in noise_settings(i, noise[i.name])]

    def course(self, numbers: Floats, covariates: Mapping[str, Floats]) -> dict[str, Floats]:
        """Simulate people up to the last measurement; output to ndarray (times, n)."""
        parameters = self.parameters(numbers, covariates)
        persons = np.arange(numbers.shape[1])
        run, settings = self.start(self.ensemble, parameters, self.noise(numbers, parameters), persons)
        times = self.seen.times
        return run.advance(float(times[-1]), self.doses(), settings, record_at=times)
