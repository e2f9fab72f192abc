"""Exposure against labels and studies: one row a published mean, SD or accumulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from abate.evidence.exposure import exposure, summary
from abate.ground.files import library_path, load_toml
from abate.ground.results import slug

__all__ = ["exposure_scoreboard"]


def exposure_scoreboard(
    *, patients: int = 2000, seed: int = 1, progress: Callable[[float], None] | None = None
) -> dict[str, Any]:
    """Predict every published exposure of the library.

    Returns
    -------
    dict
        ``scoreboard`` rows and ``exposure.<slug>`` of every target.
    """
    document = load_toml(library_path("evidence", "pharmacokinetics.toml"))
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
            rows += _rows(target, measure, found[measure], within)
        if progress:
            progress((index + 1) / len(targets))
    inside = sum(row["inside"] for row in rows)
    return {"inside": inside, "rows": len(rows), "scoreboard": rows, "exposure": predicted}


def _rows(
    target: dict[str, Any], measure: str, found: dict[str, Any], within: dict[str, float]
) -> list[dict[str, Any]]:
    published = target.get(measure, {})
    rows = []
    for what in ("mean", "sd", "accumulation"):
        if what not in published:
            continue
        figure, near = float(published[what]), within[measure if what == "mean" else what]
        value = float(found[what])
        rows.append(
            {
                "target": f"{target['name']}: {measure.capitalize()} {what}",
                "source": target["source"],
                "grade": target["grade"],
                "published": figure,
                "predicted": value,
                "low": figure * (1 - near),
                "high": figure * (1 + near),
                "inside": abs(value - figure) <= near * figure,
                "calibrated": bool(target["calibrated"]) and what == "mean",
                "misfit": str(target.get("misfit", "")),
                "unit": "" if what == "accumulation" else published["unit"],
                "n": int(found["n"]),
                "method": f"predicted within {100 * near:g} % of the published figure",
            }
        )
    return rows
