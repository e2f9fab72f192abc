"""Exposure against labels and studies: one row a published mean, SD or accumulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.evidence.exposure import Exposure, exposure, summary
from abate.evidence.judge import interval, verdict
from abate.ground.files import library_path, load_toml
from abate.ground.randomness import uniform
from abate.ground.results import slug

__all__ = ["exposure_scoreboard"]

Floats = npt.NDArray[np.float64]

SAMPLES = 400
MEASURES = {"cmax": "Cmax", "cmin": "Cmin", "auc": "AUC"}


def exposure_scoreboard(
    *, patients: int = 2000, seed: int = 1, progress: Callable[[float], None] | None = None
) -> dict[str, Any]:
    """Predict every published exposure of the library.

    Returns
    -------
    dict
        ``scoreboard`` rows and ``exposure.<slug>`` of every target.
    """
    document = load_toml(library_path("targets", "exposure.toml"))
    within, targets = document.data["within"], document.data["target"]
    rows: list[dict[str, Any]] = []
    predicted: dict[str, Any] = {}
    for index, target in enumerate(targets):
        made = exposure(
            target["dose"],
            model=target["model"],
            population=target["population"],
            patients=patients,
            seed=seed,
            weight=target.get("weight"),
            doses=target["doses"],
        )
        found = summary(made)
        predicted[slug(target["name"])] = found
        for measure in ("cmax", "cmin", "auc"):
            asked = [what for what in ("mean", "sd", "accumulation") if what in target.get(measure, {})]
            rows += [_row(target, measure, what, made, target.get("within", within), seed) for what in asked]
        if progress:
            progress((index + 1) / len(targets))
    judged = [row for row in rows if row["judged"]]
    inside = sum(row["inside"] for row in judged)
    return {"inside": inside, "rows": len(judged), "scoreboard": rows, "exposure": predicted}


def _row(
    target: dict[str, Any], measure: str, what: str, made: Exposure, within: dict[str, float], seed: int
) -> dict[str, Any]:
    """Return one row; its interval is that of samples of the published size, or of a tolerance about the prediction."""
    published = float(target[measure][what])
    values = getattr(made, measure)
    predicted = float(_statistic(values[None], what)[0])
    if "people" in target:
        people = int(target["people"])
        drawn = values[:, _samples(values.shape[1], people, seed)]
        _, low, high = interval(_statistic(np.swapaxes(drawn, 0, 1), what))
        method = f"{SAMPLES} samples of {people} people"
    else:
        near = within[measure if what == "mean" else what]
        _, low, high = interval(np.array([predicted]), within=near)
        method = f"within {100 * near:g} % of the published figure: a label pools studies"
    return {
        "target": f"{target['name']}: {MEASURES[measure]}, {what if what != 'sd' else 'SD'}",
        "source": target["source"],
        "grade": target["grade"],
        "published": published,
        "predicted": predicted,
        "low": low,
        "high": high,
        "inside": verdict(published, predicted, low, high),
        "judged": target["grade"] != "unverified",
        "calibrated": bool(target["calibrated"]) and what == "mean",
        "misfit": str(target.get("misfit", "")),
        "unit": "" if what == "accumulation" else target[measure]["unit"],
        "n": int(target.get("people", values.shape[1])),
        "method": method,
    }


def _statistic(values: Floats, what: str) -> Floats:
    """Return mean, SD or accumulation; values (samples, 2, people), of the first and the last interval."""
    first, last = values[:, 0], values[:, 1]
    if what == "accumulation":
        return np.asarray(last.mean(axis=1) / first.mean(axis=1))
    if what == "sd":
        spread = last.std(axis=1, ddof=1) if last.shape[1] > 1 else np.full(last.shape[0], np.nan)
        return np.asarray(spread)
    return np.asarray(last.mean(axis=1))


def _samples(of: int, people: int, seed: int) -> npt.NDArray[np.int64]:
    """Draw which people each sample holds, shape (samples, people)."""
    chance = uniform(seed, "exposure-samples", np.arange(SAMPLES * people))
    return np.asarray((chance * of).astype(np.int64).reshape(SAMPLES, people))
