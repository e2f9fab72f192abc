"""Replicate trials of the published size: where a published figure lies among what the model predicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.study.endpoints import endpoint_rule, estimate, per_person
from abate.study.observation import load_clinic
from abate.study.tables import StudyTables
from abate.trial.protocol import Trial
from abate.trial.simulate import CHUNK, Setup, course_of, prepare
from abate.trial.tables import study_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["many_people", "replicate_scoreboard"]


def replicate_scoreboard(
    trial: Trial,
    *,
    replicates: int = 100,
    seed: int = 1,
    level: float = 0.95,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Run replicate trials of the published size and set each published figure against their distribution.

    Parameters
    ----------
    trial : Trial
        With published figures.
    replicates : int
        How many trials.
    seed : int
        Of all draws.
    level : float
        Of the prediction interval: its limits are percentiles of the replicates.
    progress : callable, optional
        Called with the share done.

    Returns
    -------
    dict
        ``scoreboard`` rows, ``replicates`` and how many rows lie inside.
    """
    setup = prepare(trial, outputs=())
    sizes = {slug: arm.patients for slug, arm in trial.arms.items()}
    people = many_people(setup, {slug: replicates * size for slug, size in sizes.items()}, seed, progress)
    number = people.groupby("arm").cumcount()
    people["replicate"] = number // people["arm"].map(sizes)
    rows = []
    for row in trial.published:
        arms = trial.groups.get(row.arm, (row.arm,))
        here = people[people["arm"].isin(arms)]
        values = np.array(
            [estimate(row.endpoint, one, own=trial.endpoint_rules).estimate for _, one in here.groupby("replicate")]
        )
        known = values[~np.isnan(values)]
        tail = 100 * (1 - level) / 2
        low, high = np.percentile(known, [tail, 100 - tail]) if known.size else (np.nan, np.nan)
        rows.append(
            {
                "target": row.target,
                "arm": row.arm,
                "endpoint": row.endpoint,
                "source": row.source,
                "grade": row.grade,
                "published": row.figure,
                "predicted": float(known.mean()) if known.size else float("nan"),
                "low": float(low),
                "high": float(high),
                "inside": bool(low <= row.figure <= high),
                "calibrated": row.calibrated,
                "misfit": row.misfit,
                "share": endpoint_rule(row.endpoint, trial.endpoint_rules)["estimator"] == "proportion",
                "unit": row.unit,
                "n": row.n,
                "method": f"{replicates} replicate trials of the published size",
            }
        )
    inside = sum(bool(row["inside"]) for row in rows)
    return {"trial": trial.name, "replicates": replicates, "inside": inside, "rows": len(rows), "scoreboard": rows}


def many_people(
    setup: Setup, sizes: dict[str, int], seed: int, progress: Callable[[float], None] | None = None
) -> pd.DataFrame:
    """Run many people of each arm and keep one row a person; memory holds one chunk of courses at a time."""
    import pandas as pd

    frames = []
    names = list(dict.fromkeys([*setup.trial.endpoints, *(row.endpoint for row in setup.trial.published)]))
    total, done = sum(sizes.values()), 0
    for arm, size in sizes.items():
        for first in range(0, size, CHUNK):
            persons = np.arange(first, min(first + CHUNK, size))
            course = course_of(setup, arm, persons, seed)
            subjects = np.array([f"{arm}/{number:06d}" for number in persons], dtype=object)
            rows = study_rows(course, arm, subjects, load_clinic())
            frames.append(per_person(StudyTables(**rows, meta={}), setup.trial.days, names, setup.trial.endpoint_rules))
            done += persons.size
            if progress:
                progress(done / total)
    return pd.concat(frames)
