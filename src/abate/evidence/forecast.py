"""Prospective forecasts: trials of known design whose results were not used, recorded before anyone compares."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.evidence.judge import interval
from abate.evidence.replicates import by_replicate, replicated
from abate.evidence.scoreboard import Effort
from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, library_path, load_toml
from abate.study.endpoints import ENDPOINTS, endpoint_rule
from abate.trial.protocol import Trial, load_trial, trial_names

__all__ = ["forecast", "forecast_names", "forecast_trial"]

Floats = npt.NDArray[np.float64]


def forecast_names() -> list[str]:
    """Return the trials of the library whose design is published and whose results were not used.

    Examples
    --------
    >>> "saphyr" in forecast_names(), "giacta" in forecast_names()
    (True, False)
    """
    return [str(name) for name in load_toml(library_path("targets", "forecasts.toml")).data["names"]]


def forecast(
    trials: Iterable[Trial],
    effort: Effort,
    *,
    seed: int = 1,
    progress: Callable[[str, float], None] | None = None,
    today: datetime.date | None = None,
) -> dict[str, Any]:
    """Forecast trials and record when, of which design, and with which model.

    Parameters
    ----------
    trials : iterable of Trial
    effort : Effort
    seed : int
        Of all draws.
    progress : callable, optional
        Called with a trial and the share of it that is done.
    today : date, optional
        The date of the record; by default today's.
    """
    from abate.science.model import load

    made: dict[str, Any] = {}
    models: dict[str, str] = {}
    for trial in trials:
        tell = (lambda share, name=trial.name: progress(name, share)) if progress else None
        made[trial.name] = forecast_trial(trial, effort, seed=seed, progress=tell)
        models[trial.model_name] = load(trial.model_name).hash[:12]
    day = today or datetime.datetime.now(datetime.UTC).date()
    return {"recorded": day.isoformat(), "forecasts": made, "models": models}


def forecast_trial(
    trial: Trial,
    effort: Effort,
    *,
    seed: int = 1,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Forecast every endpoint of one trial, over replicates, sets of numbers and tapers that fit what is published.

    Median times to an event are left out; a ``restricted-mean`` of a trial's own is forecast.

    Raises
    ------
    InputError
        If the trial has published figures: what is known cannot be forecast.
    """
    if trial.published:
        raise InputError(
            "--forecast",
            "the trial has published figures, so nothing is left to forecast",
            value=trial.name,
            hint=f"compare with them: abate validate {trial.name}",
        )
    variants = _variants(trial)
    replicates = max(2, effort.of(trial) // len(variants))
    parts = []
    for number, (_, varied) in enumerate(variants):
        tell = (lambda share, n=number: progress((n + share) / len(variants))) if progress else None
        parts.append(replicated(varied, replicates=replicates, seed=seed + number, progress=tell))
    rows = []
    for endpoint in trial.endpoints:
        if endpoint_rule(endpoint, trial.endpoint_rules)["estimator"] == "time":
            continue  # a median time is not reached in replicates where fewer than half flare: no mean, no percentile
        for arm in (*trial.arms, *trial.groups):
            values = [by_replicate(trial, people, arm, endpoint) for people in parts]
            rows.append(_row(trial, endpoint, arm, values, [label for label, _ in variants]))
    return {
        "title": trial.title,
        "source": trial.source,
        "digest": digest(trial),
        "replicates": replicates * len(variants),
        "tapers": [label for label, _ in variants],
        "rows": rows,
    }


def digest(trial: Trial) -> str:
    """Return a digest of a trial's design: equal for equal designs, on any machine.

    Drop-out by cause counts where a design states it, so that one recorded before it could be stated keeps its digest.
    """
    stated = trial.model_dump(mode="json")
    for part in (stated, *stated["arms"].values()):
        if part["dropout"] is not None and not part["dropout"]["causes"]:
            del part["dropout"]["causes"]
    for arm in stated["arms"].values():
        if arm["dropout"] is None:
            del arm["dropout"]
    text = json.dumps(stated, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def known_trial(name: str) -> Trial:
    """Load a trial to forecast, by name or from a file.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in trial_names() and not name.endswith((".yaml", ".yml")):
        known = forecast_names()
        raise InputError("NAME", "there is no such trial", value=name, allowed=known, hint=did_you_mean(name, known))
    return load_trial(name)


def _variants(trial: Trial) -> list[tuple[dict[str, str], Trial]]:
    """Return the trial with each choice of tapers: the first of every arm, the second of every arm, and so on."""
    choices: Mapping[str, list[str]] = (
        load_toml(library_path("targets", "forecasts.toml")).data.get(trial.name, {}).get("tapers", {})
    )
    longest = max((len(tapers) for tapers in choices.values()), default=1)
    made = []
    for index in range(longest):
        picked = {arm: tapers[min(index, len(tapers) - 1)] for arm, tapers in choices.items() if arm in trial.arms}
        arms = {
            slug: arm.model_copy(update={"taper": picked[slug]}) if slug in picked else arm
            for slug, arm in trial.arms.items()
        }
        made.append((picked, trial.model_copy(update={"arms": arms})))
    return made


def _row(trial: Trial, endpoint: str, arm: str, values: list[Floats], labels: list[dict[str, str]]) -> dict[str, Any]:
    rule = endpoint_rule(endpoint, trial.endpoint_rules)
    predicted, low, high = interval(np.concatenate(values))
    members = trial.groups.get(arm, (arm,))
    variants = [
        {"taper": label[arm], **dict(zip(("predicted", "low", "high"), interval(part), strict=True))}
        for label, part in zip(labels, values, strict=True)
        if arm in label
    ]
    return {
        "endpoint": endpoint,
        "label": str(rule.get("label") or ENDPOINTS[endpoint]),
        "arm": arm,
        "n": sum(trial.arms[a].patients for a in members),
        "predicted": predicted,
        "low": low,
        "high": high,
        "share": rule["estimator"] == "proportion",
        "unit": str(rule.get("unit", "")),
        "variants": variants,
    }
