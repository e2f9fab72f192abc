"""What simulated trials say about a design: how often it rejects, how many people it takes."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abate.ground.errors import InputError
from abate.ground.results import Estimate

__all__ = ["Operating", "generator"]


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return a generator of its own for a purpose, the same on every machine.

    Examples
    --------
    >>> bool(generator(1, "a").random() == generator(1, "a").random())
    True
    """
    stream = int.from_bytes(hashlib.blake2b(purpose.encode(), digest_size=8).digest(), "little")
    return np.random.Generator(np.random.Philox(key=np.array([seed, stream], dtype=np.uint64)))


@dataclass(frozen=True)
class Operating:
    """Operating characteristics under one truth.

    Attributes
    ----------
    rejected : ndarray of bool, shape (trials,)
        Whether a trial declared a difference in the direction of benefit (either direction under the null).
    people : ndarray, shape (trials,)
        People in each trial.
    bias : float
        Mean estimate less the truth.
    """

    rejected: NDArray[np.bool_]
    people: NDArray[np.float64]
    bias: float = math.nan

    def __post_init__(self) -> None:
        if len(self.rejected) < 1:
            raise InputError("--simulate", "no trial was simulated", allowed="1 or more")

    @property
    def rate(self) -> float:
        """Share of trials that rejected."""
        return float(np.mean(self.rejected))

    @property
    def error(self) -> float:
        """Monte-Carlo standard error of the rate."""
        return math.sqrt(max(self.rate * (1 - self.rate), 1e-12) / len(self.rejected))

    def consistent_with(self, nominal: float, errors: float = 3.0) -> bool:
        """Tell whether the rate is no more than so many Monte-Carlo standard errors from a nominal one."""
        return abs(self.rate - nominal) <= errors * math.sqrt(nominal * (1 - nominal) / len(self.rejected))

    def estimate(self) -> Estimate:
        """Return the rate with its Wilson interval."""
        from abate.study.statistics.proportions import wilson

        n, hits = len(self.rejected), int(np.sum(self.rejected))
        low, high = wilson(hits, n)
        return Estimate(hits / n, low, high, 0.95, n, "share of simulated trials, Wilson interval", events=hits)

    def as_dict(self) -> dict[str, Any]:
        """Return what results.json holds."""
        return {
            "rejected": self.estimate().as_dict(),
            "monte_carlo_error": self.error,
            "mean_people": float(np.mean(self.people)),
            "sd_people": float(np.std(self.people)),
            "bias": self.bias,
        }
