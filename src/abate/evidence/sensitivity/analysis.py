"""The sensitivity of a trial: Sobol and local, of every outcome in its arms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from abate.evidence.replicates import SEEN
from abate.evidence.sensitivity.factors import Factor, factors, parameter_sets
from abate.evidence.sensitivity.globally import sobol_indices, sobol_scores
from abate.evidence.sensitivity.locally import effects, local_scores
from abate.evidence.sensitivity.outcomes import OUTCOMES, outcomes
from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.trial.protocol import Trial
from abate.trial.setup import Setup, prepare

__all__ = ["sensitivity"]

LOCAL_PEOPLE = 4
"""Local differences are cheap: so many times the people of the global design."""


def sensitivity(
    trial: Trial,
    *,
    arms: Sequence[str] = (),
    method: str = "both",
    samples: int = 16,
    people: int = 64,
    seed: int = 1,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Measure how flare risk, cumulative prednisone and morning cortisol of a trial depend on the model's numbers.

    Parameters
    ----------
    trial : Trial
        On a model with an adrenal axis.
    arms : sequence of str
        By default the first and the reference arm.
    method : {'both', 'sobol', 'local'}
    samples : int
        Base samples of the Sobol design: a power of two; the model is run for ``samples*(factors + 2)`` sets.
    people : int
        Under every set, the same ones.
    seed : int
        Of all draws.
    progress : callable, optional
        Called with the share done.

    Raises
    ------
    InputError
        If an arm does not exist, or a size is out of range.
    """
    if samples < 2 or samples & (samples - 1):
        raise InputError("--samples", "a Sobol design needs a power of two", value=samples, allowed="4, 8, 16, 32 ...")
    if people < 2:
        raise InputError("--patients", "an outcome of an arm needs people", value=people, allowed="2 or more")
    if method not in ("both", "sobol", "local"):
        raise InputError("--method", "there is no such method", value=method, allowed=("both", "sobol", "local"))
    setup = prepare(trial.model_copy(update={"uncertainty": "none"}), outputs=SEEN)
    if "morning_cortisol" not in setup.ensemble.outputs:
        raise InputError("NAME", "the model of this trial has no adrenal axis", value=trial.model_name)
    known = factors(setup.model)
    chosen = _arms(trial, arms)
    made: dict[str, Any] = {}
    for index, arm in enumerate(chosen):
        tell = (lambda share, i=index: progress((i + share) / len(chosen))) if progress else None
        made[arm] = _arm(setup, arm, known, method, samples, people, seed, tell)
    return {
        "trial": trial.name,
        "title": trial.title,
        "models": {trial.model_name: setup.model.hash[:12]},
        "factors": {f.label: _about(f) for f in known},
        "outcomes": dict(OUTCOMES),
        "samples": samples if method != "local" else None,
        "people": people,
        "arms": made,
    }


def _arm(
    setup: Setup,
    arm: str,
    known: Sequence[Factor],
    method: str,
    samples: int,
    people: int,
    seed: int,
    progress: Callable[[float], None] | None,
) -> dict[str, Any]:
    both = method == "both"
    share = 0.8 if both else 1.0
    made: dict[str, dict[str, Any]] = {o: {f.label: {} for f in known} for o in OUTCOMES}
    if method != "local":
        scores = sobol_scores(known, samples, seed)
        tell = (lambda done: progress(share * done)) if progress else None
        values = outcomes(setup, arm, parameter_sets(known, scores), people=people, seed=seed, progress=tell)
        for k, outcome in enumerate(OUTCOMES):
            _join(made[outcome], sobol_indices(known, np.nanmean(values[:, :, k], axis=1), seed))
    if method != "sobol":
        many = LOCAL_PEOPLE * people
        tell = (lambda done: progress(1 - (1 - share if both else 1) * (1 - done))) if progress else None
        values = outcomes(setup, arm, parameter_sets(known, local_scores(known)), people=many, seed=seed, progress=tell)
        for k, outcome in enumerate(OUTCOMES):
            _join(made[outcome], effects(known, values[:, :, k], seed))
    return {"label": setup.trial.arms[arm].label, "sensitivity": made}


def _join(rows: dict[str, Any], more: Mapping[str, Mapping[str, Any]]) -> None:
    for label, found in more.items():
        rows[label].update(found)


def _arms(trial: Trial, arms: Sequence[str]) -> list[str]:
    for arm in arms:
        if arm not in trial.arms:
            known = list(trial.arms)
            raise InputError("--arm", "there is no such arm", value=arm, allowed=known, hint=did_you_mean(arm, known))
    first = next(iter(trial.arms))
    return list(dict.fromkeys(arms)) or list(dict.fromkeys([first, trial.reference or first]))


def _about(factor: Factor) -> dict[str, Any]:
    low, high = factor.value([-1.0, 1.0])
    return {
        "centre": factor.centre,
        "minus_one_sd": float(low),
        "plus_one_sd": float(high),
        "calibrated": factor.calibrated,
    }
