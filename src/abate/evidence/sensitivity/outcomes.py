"""Outcomes of an arm under many sets of numbers, with the same people and the same noise under each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from abate.science.population import ParameterSets
from abate.study.observation import load_clinic
from abate.trial.arm import run_arm
from abate.trial.course import Course
from abate.trial.setup import ARM_STRIDE, Setup

__all__ = ["OUTCOMES", "outcomes"]

Floats = npt.NDArray[np.float64]

OUTCOMES = {
    "flare-risk": "share with a flare",
    "cumulative-glucocorticoid-mg": "cumulative prednisone, mg, mean",
    "morning-cortisol-nmol-l": "morning cortisol at the end, nmol/L, mean",
}
AT_ONCE = 2048
"""People simulated together: many sets of few people are one call of the engine."""
GROUP = 16


def outcomes(
    setup: Setup,
    arm: str,
    sets: ParameterSets,
    *,
    people: int,
    seed: int,
    progress: Callable[[float], None] | None = None,
) -> Floats:
    """Return every outcome of every person under every set, shape (sets, people, outcomes).

    Person k has the same draws, covariates and noise under each set, so that differences are due to the numbers alone.

    Parameters
    ----------
    setup : Setup
        Of the trial, with the morning cortisol among its outputs.
    arm : str
        Slug.
    sets : ParameterSets
    people : int
        Rounded up to whole groups of 16.
    seed : int
        Of all draws.
    progress : callable, optional
        Called with the share done.
    """
    one = np.arange(-(-people // GROUP) * GROUP, dtype=np.int64)
    keys = one + (0 if setup.trial.twins else list(setup.trial.arms).index(arm) * ARM_STRIDE)
    each = max(1, AT_ONCE // one.size)
    parts = []
    for first in range(0, sets.number, each):
        which = np.arange(first, min(first + each, sets.number))
        course = run_arm(
            setup.trial,
            setup.trial.arms[arm],
            setup.policy(setup.trial.arms[arm]),
            setup.population,
            load_clinic(),
            setup.ensemble,
            np.tile(keys, which.size),
            seed,
            numbers=sets.take(np.repeat(which, one.size)),
        )
        parts.append(_read(course).reshape(which.size, one.size, len(OUTCOMES)))
        if progress:
            progress(float(which[-1] + 1) / sets.number)
    return np.concatenate(parts)


def _read(course: Course) -> Floats:
    """Return flare (0 or 1), mg taken while followed, and morning cortisol on the last day, shape (n, 3)."""
    flared = np.zeros(course.persons.size, dtype=bool)
    for _, event, called in course.events:
        if event == "flare":
            flared |= called
    days = np.arange(course.prednisone.shape[1])
    taken = np.where(days[None, :] < course.followed[:, None], course.prednisone, 0.0).sum(axis=1)
    cortisol = course.courses["morning_cortisol"][:, -1]
    return np.stack([flared.astype(float), taken, np.asarray(cortisol, dtype=float)], axis=1)
