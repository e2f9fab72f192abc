"""What the data can tell: how every figure that was calibrated on moves with every number, against its sampling error.

A number whose movement by one standard deviation of its range moves no figure cannot be learned from these data; with
few people a small movement hides in the noise of the simulation, and where a calibrated ensemble exists its width over
the prior is the better witness. Where several numbers move the figures alike, only their combination is learned: the
directions in which the information is below that of the prior are as wide as the prior.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.evidence.plausible import plausible
from abate.evidence.replicates import recorded
from abate.evidence.scoreboard import judged_trials
from abate.evidence.sensitivity.factors import Factor, factors, parameter_sets
from abate.evidence.sensitivity.locally import STEP, local_scores
from abate.ground.randomness import uniform
from abate.science.model import load
from abate.study.endpoints import endpoint_rule, per_person
from abate.study.observation import load_clinic
from abate.study.tables import StudyTables
from abate.trial.arm import run_arm
from abate.trial.protocol import Trial
from abate.trial.setup import ARM_STRIDE, prepare
from abate.trial.tables import study_rows

__all__ = ["informed"]

Floats = npt.NDArray[np.float64]

RESAMPLES = 100
CLEAR = 3.3
"""Standard errors beyond which a movement is no noise of the simulation: one in a thousand, as many are looked at."""
MEDIAN_ERROR = 1.2533
"""Standard error of a median over that of a mean, for a normal distribution: sqrt(pi/2)."""
AT_ONCE = 1024
GROUP = 16
ROUNDING = 1e-9
WIDE = 0.9
"""An ensemble that is so wide over its prior has learned nothing of a number."""
NEGLIGIBLE = 0.3
"""A loading below this is not written beside a direction."""


@dataclass(frozen=True)
class _Moved:
    """How one figure moves with every factor of its model, in its own standard errors; 0 where that is noise."""

    target: str
    trial: str
    labels: tuple[str, ...]
    by: Floats


def informed(
    *, people: int = 64, seed: int = 1, trials: Sequence[str] = (), progress: Callable[[float], None] | None = None
) -> dict[str, Any]:
    """Find what the calibrated figures of the library's trials tell about each number.

    Parameters
    ----------
    people : int
        In every arm, the same under every set of numbers; rounded up to whole groups of 16.
    seed : int
        Of all draws.
    trials : sequence of str
        By default every trial with figures that were calibrated on.
    progress : callable, optional
        Called with the share done.

    Returns
    -------
    dict
        ``factors`` by label: ``told``, the share of the prior variance that the figures remove, ``figures`` that move
        clearly with it, and the width of the calibrated ensemble over the prior where there is one;
        ``silent``: numbers that move no figure clearly in a simulation of so many people; ``wide``: numbers whose
        ensemble is as wide as their prior; ``directions`` as wide as the prior.
    """
    asked = [t for t in judged_trials("disease") if any(r.calibrated for r in t.published)]
    asked = [t for t in asked if not trials or t.name in trials]
    moved: list[_Moved] = []
    for index, trial in enumerate(asked):
        tell = (lambda share, i=index: progress((i + share) / len(asked))) if progress else None
        moved += _moved(trial, people, seed, tell)
    labels = list(dict.fromkeys(label for each in moved for label in each.labels))
    matrix = np.zeros((len(moved), len(labels)))
    for row, each in enumerate(moved):
        for label, value in zip(each.labels, each.by, strict=True):
            matrix[row, labels.index(label)] = value
    information = matrix.T @ matrix
    left = np.linalg.inv(np.eye(len(labels)) + information)
    widths = _widths(sorted({trial.model_name for trial in asked}))
    rows = {
        label: {
            "told": float(1 - left[k, k]),
            "figures": int(np.count_nonzero(matrix[:, k])),
            "ensemble_over_prior": widths.get(label),
        }
        for k, label in enumerate(labels)
    }
    return {
        "figures": [f"{each.trial}: {each.target}" for each in moved],
        "factors": rows,
        "silent": [label for label, row in rows.items() if row["figures"] == 0],
        "wide": [label for label, width in widths.items() if width >= WIDE],
        "directions": _directions(information, labels),
        "people": people,
        "models": {name: load(name).hash[:12] for name in sorted({trial.model_name for trial in asked})},
    }


def _moved(trial: Trial, people: int, seed: int, progress: Callable[[float], None] | None) -> list[_Moved]:
    setup = prepare(trial.model_copy(update={"uncertainty": "none"}), outputs=recorded(trial))
    known = factors(setup.model)
    published = [row for row in trial.published if row.calibrated]
    needed = sorted({arm for row in published for arm in trial.groups.get(row.arm, (row.arm,))})
    sets = parameter_sets(known, local_scores(known))
    names = [row.endpoint for row in published]
    columns: dict[str, dict[str, Floats]] = {}
    for done, arm in enumerate(needed):
        one = np.arange(-(-people // GROUP) * GROUP, dtype=np.int64)
        keys = one + (0 if trial.twins else list(trial.arms).index(arm) * ARM_STRIDE)
        each = max(1, AT_ONCE // one.size)
        parts = []
        for first in range(0, sets.number, each):
            which = np.arange(first, min(first + each, sets.number))
            numbers = sets.take(np.repeat(which, one.size))
            protocol = trial.arms[arm]
            course = run_arm(
                trial,
                protocol,
                setup.policy(protocol),
                setup.population,
                load_clinic(),
                setup.ensemble,
                np.tile(keys, which.size),
                seed,
                numbers=numbers,
            )
            subjects = np.array([f"{number:06d}" for number in range(keys.size * which.size)], dtype=object)
            tables = StudyTables(**study_rows(course, arm, subjects, load_clinic()), meta={})
            rows = per_person(tables, trial.days, names, trial.endpoint_rules)
            parts.append({n: rows[n].to_numpy(dtype=float).reshape(which.size, -1) for n in names})
            if progress:
                progress((done + float(which[-1] + 1) / sets.number) / len(needed))
        columns[arm] = {n: np.concatenate([part[n] for part in parts]) for n in names}
    return [_figure(trial, row, columns, known, seed) for row in published]


def _figure(
    trial: Trial, row: Any, columns: dict[str, dict[str, Floats]], known: Sequence[Factor], seed: int
) -> _Moved:
    """Return the movement of one figure; values (sets, people), over all arms of its group."""
    arms = trial.groups.get(row.arm, (row.arm,))
    values = np.concatenate([columns[arm][row.endpoint] for arm in arms], axis=1)
    estimator = endpoint_rule(row.endpoint, trial.endpoint_rules)["estimator"]
    many = values.shape[1]
    drawn = uniform(seed, "informed:people", np.arange(RESAMPLES * many)).reshape(RESAMPLES, many)
    picked = (drawn * many).astype(np.int64)

    def moves(which: npt.NDArray[np.int64] | slice) -> Floats:
        middle = _middle(values[:, which], estimator)
        return (middle[2::2] - middle[1::2]) / (2 * STEP)

    slope = moves(slice(None))
    error = np.nanstd(np.stack([moves(which) for which in picked]), axis=0)
    clear = np.abs(np.nan_to_num(slope)) > CLEAR * np.nan_to_num(error, nan=np.inf)
    sampling = _sampling(values[0], row, estimator)
    moved = np.where(clear & (sampling > 0), np.nan_to_num(slope) / (sampling or 1.0), 0.0)
    return _Moved(f"{row.target}, {row.arm}", trial.name, tuple(f.label for f in known), moved)


def _middle(values: Floats, estimator: str) -> Floats:
    """Return the median, or the mean, of those whom an endpoint is defined for; NaN where there is nobody."""
    some = np.asarray((~np.isnan(values)).any(axis=1))
    filled = np.where(some[:, None], values, 0.0)
    return np.where(some, np.nanmedian(filled, axis=1) if estimator == "median" else np.nanmean(filled, axis=1), np.nan)


def _sampling(values: Floats, row: Any, estimator: str) -> float:
    """Return the standard error of a published figure, from its size."""
    if estimator == "proportion":
        # A share of 0 or 1 has an error too: half a person is added to each side.
        share = (row.figure * row.n + 0.5) / (row.n + 1)
        return float(np.sqrt(share * (1 - share) / row.n))
    spread = float(np.nanstd(values))
    return spread / float(np.sqrt(row.n)) * (MEDIAN_ERROR if estimator == "median" else 1.0)


def _directions(information: Floats, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return combinations of numbers about which the figures say less than the prior, the widest first."""
    silent = np.flatnonzero(np.diag(information) == 0)
    told = np.setdiff1d(np.arange(len(labels)), silent)
    values, vectors = np.linalg.eigh(information[np.ix_(told, told)])
    made = []
    for value, vector in zip(values, vectors.T, strict=True):
        if value < 1:
            loud = [k for k in np.argsort(-np.abs(vector)) if abs(vector[k]) >= NEGLIGIBLE]
            loadings = {labels[told[k]]: float(vector[k]) for k in loud}
            known = float(value) if value > ROUNDING else 0.0
            made.append({"information": known, "loadings": loadings})
    return made


def _widths(models: Sequence[str]) -> dict[str, float]:
    """Return the spread of the calibrated ensemble of each number over that of its prior, the narrower of models."""
    found: dict[str, float] = {}
    for name in models:
        model = load(name)
        drawn = plausible(model)
        for factor in factors(model) if drawn is not None else ():
            assert drawn is not None
            column = (drawn.spread if factor.spread else drawn.typical).get(factor.name)
            if column is None:
                continue
            line = np.log(column / (1 - column)) if factor.scale == "logit" else np.log(column)
            width = float(line.std() / factor.sd)
            found[factor.label] = min(width, found.get(factor.label, np.inf))
    return found
