"""What complaints mean in virtual people: their true cause, and how likely a diary is in each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abate.planner.settings import value
from abate.science.model import Model
from abate.study.observation import load_clinic

__all__ = ["CAUSES", "Diary", "causes", "error", "fatigue", "log_likelihood", "points"]

Floats = npt.NDArray[np.float64]

CAUSES = ("flare", "withdrawal", "adrenals", "none of these")
"""Explanations, in the order of every array of them."""
SMALLEST = 0.5
"""Scores are written in whole points: what is below half a point counts as half a point."""


@dataclass(frozen=True)
class Diary:
    """Days of a diary as arrays; NaN for what was not written.

    Attributes
    ----------
    day : ndarray of int, shape (entries,)
        Rows of the daily courses, increasing.
    points, fatigue : ndarray, shape (entries,)
        Symptom score of pain and stiffness; fatigue 0-10.
    base : float
        The person's usual fatigue.
    """

    day: npt.NDArray[np.int64]
    points: Floats
    fatigue: Floats
    base: float


def points(courses: Mapping[str, Floats]) -> Floats:
    """Return what a diary of pain and stiffness shows, shape (days, n): disease and withdrawal together."""
    return np.maximum(courses["symptoms"], SMALLEST)


def fatigue(courses: Mapping[str, Floats], base: float) -> Floats:
    """Return fatigue 0-10, shape (days, n): disease, withdrawal and adrenals add up."""
    made = base + value("explanation", "fatigue_disease") * courses["u"]
    made = made + value("explanation", "fatigue_withdrawal") * courses["W"]
    made = made + value("explanation", "fatigue_adrenal") * courses["adrenal_index"]
    return np.clip(made, 0.0, 10.0)


def error(level: Floats, sd: float) -> Floats:
    """Return the standard deviation of the logarithm of a written score: of a visit's reading, and of rounding."""
    return np.asarray(np.sqrt(sd**2 + (value("explanation", "rounding") / level) ** 2))


def causes(courses: Mapping[str, Floats], model: Model, disease: str) -> npt.NDArray[np.int64]:
    """Return the true cause of each person's complaints on each day, shape (days, n): an index into `CAUSES`.

    It is whatever adds most, each measured by how much of it counts as a cause: the disease by its rise over the
    person's best day so far or by the level at which a visit calls a flare, withdrawal, or the adrenals; none of
    these where nothing adds enough.
    """
    level = model.parameters[model.resolve("score")].value * courses["u"]
    risen = (level - np.minimum.accumulate(level, axis=0)) / value("explanation", "felt_flare")
    added = np.stack(
        [
            np.maximum(risen, level / load_clinic().flare_level(disease)),
            courses["W"] / value("explanation", "felt_withdrawal"),
            value("explanation", "adrenal_points") * courses["adrenal_index"] / value("explanation", "felt_adrenals"),
        ]
    )
    return np.where(added.max(axis=0) >= 1, added.argmax(axis=0), len(CAUSES) - 1)


def log_likelihood(diary: Diary, courses: Mapping[str, Floats]) -> Floats:
    """Return the log-likelihood of the diary up to each day, shape (days, n).

    Days close together share their error: an entry counts by the days since the one before it, at most as a whole one.
    """
    sd = load_clinic()["symptom-score"].noise
    level, tired = points(courses), fatigue(courses, diary.base)
    expected = np.log(level)
    every = value("settings", "diary_every")
    total = np.zeros_like(expected)
    before = -np.inf
    for day, seen, felt in zip(diary.day, diary.points, diary.fatigue, strict=True):
        weight = min(1.0, (day - before) / every)
        before = float(day)
        if np.isfinite(seen):
            # rounding weighs little in a high score: who shows little cannot have written much by rounding
            spread = error(np.maximum(level[day], seen), sd)
            off = (np.log(max(seen, SMALLEST)) - expected[day]) / spread
            total[day:] += weight * (-0.5 * off**2 - np.log(spread))
        if np.isfinite(felt):
            total[day:] += weight * -0.5 * ((felt - tired[day]) / value("explanation", "fatigue_noise")) ** 2
    return total
