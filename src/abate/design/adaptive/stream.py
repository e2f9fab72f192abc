"""What the looks of many simulated trials see, whatever the endpoint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtri

__all__ = ["Stream", "as_normal", "people", "steps"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Stream:
    """What each look of each trial sees, arrays of shape (trials, looks)."""

    z: Array
    estimate: Array
    people: Array


def steps(looks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return how many more people each look has than the one before, by arm."""
    before = [(0, 0), *looks[:-1]]
    return [(after[0] - now[0], after[1] - now[1]) for now, after in zip(before, looks, strict=True)]


def people(looks: list[tuple[int, int]], trials: int) -> Array:
    """Return the people in all at each look, shape (trials, looks)."""
    return np.tile([float(n + m) for n, m in looks], (trials, 1))


def as_normal(t: Array, freedom: float) -> Array:
    """Turn t into the z of the same p: small looks keep their error."""
    tail = np.maximum(stats.t.sf(np.abs(t), freedom), 1e-300)
    return np.asarray(np.sign(t) * -ndtri(tail))
