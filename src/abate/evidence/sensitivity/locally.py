"""Local sensitivity: how far an outcome moves when one number moves by one standard deviation of its range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.evidence.sensitivity.factors import Factor
from abate.ground.randomness import uniform
from abate.ground.results import Estimate

__all__ = ["effects", "local_scores"]

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 400
STEP = 1.0
"""A standard deviation up and down: outcomes step when people cross a threshold, which a small step would miss."""


def local_scores(known: Sequence[Factor]) -> Floats:
    """Return scores of the centre, then every factor down and up, shape (1 + 2*factors, factors).

    Examples
    --------
    >>> local_scores([Factor("a", "a", False, 1.0, 0.3, "log", True)]).tolist()
    [[0.0], [-1.0], [1.0]]
    """
    rows = [np.zeros(len(known))]
    for k in range(len(known)):
        for sign in (-1.0, 1.0):
            row = np.zeros(len(known))
            row[k] = sign * STEP
            rows.append(row)
    return np.stack(rows)


def effects(known: Sequence[Factor], values: Floats, seed: int) -> dict[str, dict[str, Any]]:
    """Return the change of an outcome's mean for one standard deviation of each factor, by central differences.

    Parameters
    ----------
    known : sequence of Factor
    values : ndarray, shape (1 + 2*factors, people)
        The outcome of every person, in the order of `local_scores`.
    seed : int
        Of the bootstrap over people: both sides of a difference are the same people.

    Returns
    -------
    dict
        By label: ``change`` (in the outcome's unit), ``low`` and ``high`` the outcome at minus and plus one deviation.
    """
    people = values.shape[1]
    drawn = (uniform(seed, "sensitivity:people", np.arange(RESAMPLES * people)) * people).astype(np.int64)
    picked = drawn.reshape(RESAMPLES, people)
    base = float(values[0].mean())
    made: dict[str, dict[str, Any]] = {}
    for k, factor in enumerate(known):
        slope = (values[2 + 2 * k] - values[1 + 2 * k]) / (2 * STEP)
        low, high = np.percentile(slope[picked].mean(axis=1), [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2])
        middle = float(slope.mean())
        method = f"half the difference of {STEP:g} SD up and down, same people, bootstrap over people"
        made[factor.label] = {
            "change": Estimate(middle, float(low), float(high), LEVEL, people, method),
            "down": base - middle,
            "up": base + middle,
        }
    return made
