"""Weekly noise of an input: counter-based draws that belong to a person and an occasion, whoever else is simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abate.engine.solver import Event, Kind
from abate.ground.randomness import normal
from abate.science.model import Input, Model

__all__ = ["Noise", "noisy"]

Floats = npt.NDArray[np.float64]


@dataclass
class Noise:
    """Ornstein-Uhlenbeck noise of one input: a draw holds for ``every`` days."""

    name: str
    every: float
    value: Floats
    sd: Floats
    keep: Floats
    seed: int
    persons: npt.NDArray[np.int64]
    occasion: int

    @classmethod
    def of(
        cls, entry: Input, values: Mapping[str, Floats], seed: int, persons: npt.NDArray[np.int64], time: float
    ) -> Noise:
        """Noise of an input, moved on to ``time``."""
        assert entry.sd is not None
        assert entry.time_constant is not None
        sd = np.asarray(values[entry.sd], dtype=float)
        keep = np.exp(-entry.every / np.asarray(values[entry.time_constant], dtype=float))
        noise = cls(entry.name, entry.every, np.zeros(persons.shape), sd, keep, seed, persons, 0)
        noise.value = sd * noise._draw()
        while (noise.occasion + 1) * noise.every <= time:
            noise._next()
        return noise

    def _draw(self) -> Floats:
        return np.asarray(normal(self.seed, f"input:{self.name}", self.persons, self.occasion))

    def _next(self) -> None:
        self.occasion += 1
        self.value = self.keep * self.value + np.sqrt(1 - self.keep**2) * self.sd * self._draw()

    def events(self, start: float, end: float) -> list[Event]:
        """Changes with ``start <= time < end``; the first draw is part of the initial state."""
        changes = []
        while (self.occasion + 1) * self.every < end:
            self._next()
            changes.append(Event(self.occasion * self.every, Kind.SET, self.name, self.value))
        return changes


def noisy(model: Model) -> list[Input]:
    """Inputs of a model that are noise."""
    return [entry for entry in model.inputs.values() if entry.kind == "ornstein-uhlenbeck"]
