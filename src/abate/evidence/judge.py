"""From an experiment to a row of the scoreboard: prediction, interval, and whether the published figure is inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.evidence.experiments import Recorded, read_values, run, statistic
from abate.evidence.targets import Experiment, Shown, Subsystem, Target

__all__ = ["LEVEL", "experiment_rows", "interval", "verdict"]

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
DAYS_A_YEAR = 365.25


def experiment_rows(
    subsystem: Subsystem,
    *,
    replicates: int,
    seed: int,
    person_years: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run every experiment of a subsystem once and judge each of its targets.

    Parameters
    ----------
    subsystem : Subsystem
    replicates : int
        Studies of the published size, each with one plausible set of the model's numbers.
    seed : int
        Of all draws.
    person_years : float, optional
        What one experiment may cost; a long and large one then has fewer replicates.
    progress : callable, optional
        Called with the share done.

    Returns
    -------
    rows, shown : list of dict
        One row a target, in the order of the file; and what is predicted with nothing published beside it.
    """
    rows: dict[int, dict[str, Any]] = {}
    predicted: dict[int, dict[str, Any]] = {}
    for done, (name, experiment) in enumerate(subsystem.experiments.items()):
        asked = [(i, t) for i, t in enumerate(subsystem.target) if t.experiment == name]
        also = [(i, t) for i, t in enumerate(subsystem.shown) if t.experiment == name]
        if asked or also:
            untreated = any(r.relative == "untreated" for r in [t.read for _, t in asked] + [s.read for _, s in also])
            many = replicates if person_years is None else _affordable(experiment, replicates, person_years)
            recorded = run(experiment, replicates=many, seed=seed, untreated=untreated)
            rows.update({i: _row(target, recorded, name, experiment.patients) for i, target in asked})
            predicted.update({i: _shown(each, recorded, experiment.patients) for i, each in also})
        if progress:
            progress((done + 1) / len(subsystem.experiments))
    return [rows[index] for index in sorted(rows)], [predicted[index] for index in sorted(predicted)]


def _affordable(experiment: Experiment, replicates: int, person_years: float) -> int:
    one = experiment.patients * experiment.days / DAYS_A_YEAR
    return max(2, min(replicates, round(person_years / one)))


def interval(values: Floats, *, within: float = 0.0, within_by: float = 0.0) -> tuple[float, float, float]:
    """Return the mean of replicates and the interval in which a published figure would agree with them.

    The interval runs between percentiles of the replicates; a tolerance widens it, so that a figure `within` a share of
    itself, or `within_by` of its unit, from the nearest replicate still counts.

    Examples
    --------
    >>> interval(np.array([10.0]), within=0.2)
    (10.0, 8.333333333333334, 12.5)
    """
    known = values[~np.isnan(values)]
    if known.size == 0:
        return float("nan"), float("nan"), float("nan")
    tail = 100 * (1 - LEVEL) / 2
    with np.errstate(invalid="ignore"):
        low, high = np.percentile(known, [tail, 100 - tail])
    ends = sorted((low / (1 + within), low / (1 - within))), sorted((high / (1 + within), high / (1 - within)))
    return float(known.mean()), float(ends[0][0] - within_by), float(ends[1][1] + within_by)


def verdict(published: float, predicted: float, low: float, high: float, bound: str = "") -> bool:
    """Tell whether a published figure lies in the interval, or the whole interval on the published side.

    Examples
    --------
    >>> verdict(0.5, 0.8, 0.7, 0.9), verdict(0.5, 0.8, 0.7, 0.9, "above")
    (False, True)
    """
    if bound == "above":
        return low > published
    if bound == "below":
        return high < published
    return low <= published <= high


def _shown(shown: Shown, recorded: Recorded, patients: int) -> dict[str, Any]:
    predicted, low, high = interval(statistic(read_values(recorded, shown.read), shown.read))
    return {
        "name": shown.name,
        "predicted": predicted,
        "low": low,
        "high": high,
        "unit": shown.unit,
        "share": shown.share,
        "n": patients,
    }


def _row(target: Target, recorded: Recorded, experiment: str, patients: int) -> dict[str, Any]:
    values = statistic(read_values(recorded, target.read), target.read)
    predicted, low, high = interval(values, within=target.within, within_by=target.within_by)
    method = f"{values.size} studies of {patients}" if patients > 1 else "a typical person"
    if patients == 1 and values.size > 1:
        method += f", {values.size} plausible sets of numbers"
    if target.because:
        near = f"{100 * target.within:g} %" if target.within else f"{target.within_by:g} {target.unit}".strip()
        method += f"; within {near}: {target.because}"
    return {
        "target": target.name,
        "source": target.source,
        "grade": target.grade,
        "published": target.published,
        "predicted": predicted,
        "low": low,
        "high": high,
        "inside": verdict(target.published, predicted, low, high, target.bound),
        "judged": target.judged and target.grade != "unverified",
        "bound": target.bound,
        "calibrated": target.calibrated,
        "misfit": target.misfit,
        "share": target.share,
        "unit": target.unit,
        "n": patients,
        "experiment": experiment,
        "method": method,
    }
