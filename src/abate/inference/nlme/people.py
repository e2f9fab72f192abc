"""Parameters of simulated people: candidates of every unit, some of them differing between occasions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["People"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class People:
    """Candidates of some units: person ``i * width + c`` is candidate c of unit i.

    Attributes
    ----------
    constant : mapping of name to ndarray, shape (units * width,)
        Parameters and inputs; of those that vary between occasions, the value of the unit's first one.
    varying : mapping of name to ndarray, shape (occasions, units, width)
        Parameters that vary between occasions.
    units, width : int
    """

    constant: Mapping[str, Floats]
    varying: Mapping[str, Floats]
    units: int
    width: int

    def at(self, name: str, occasion: Integers) -> Floats:
        """Return a parameter of everyone at the units' given occasions, shape (units * width,)."""
        if name not in self.varying:
            return self.constant[name]
        return self.varying[name][occasion, np.arange(self.units)].reshape(-1)

    def during(self, occasion: Integers) -> dict[str, Floats]:
        """Return all parameters at the units' given occasions."""
        return {**self.constant, **{n: self.at(n, occasion) for n in self.varying}}
