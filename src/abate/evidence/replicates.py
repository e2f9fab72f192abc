"""Replicate trials of the published size: where a published figure lies among what the model predicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from abate.evidence.judge import interval, verdict
from abate.evidence.targets import Contrast
from abate.science.population import ensemble_names
from abate.study.endpoints import endpoint_rule, estimate, per_person
from abate.study.observation import load_clinic
from abate.study.tables import StudyTables
from abate.trial.protocol import Trial
from abate.trial.simulate import CHUNK, Setup, course_of, prepare
from abate.trial.tables import study_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["affordable", "many_people", "replicate_scoreboard", "replicated", "uncertain"]

Floats = npt.NDArray[np.float64]

SEEN = ("symptoms", "crp", "esr", "il6", "C", "morning_cortisol")
"""Recorded for every trial, so that trials which measure other things share one compiled model."""
PERSON_YEARS = 10_000
"""What a trial may cost where nobody asks for a number of replicates."""
DAYS_A_YEAR = 365.25


def uncertain(trial: Trial) -> Trial:
    """Return the trial with each replicate's numbers drawn from the plausible sets, where its model has them."""
    if trial.model_name.partition(",")[0] in ensemble_names():
        return trial.model_copy(update={"uncertainty": "ensemble"})
    return trial


def affordable(trial: Trial, replicates: int, person_years: float = PERSON_YEARS) -> int:
    """Return how many replicates a trial may have: those asked for, fewer where they are long and large.

    Examples
    --------
    >>> from abate.trial.protocol import load_trial
    >>> affordable(load_trial("tenor"), 40), affordable(load_trial("pmr-natural-history"), 40)
    (40, 10)
    """
    one = sum(arm.patients for arm in trial.arms.values()) * trial.days / DAYS_A_YEAR
    return max(2, min(replicates, round(person_years / one)))


def replicated(
    trial: Trial,
    *,
    replicates: int,
    seed: int,
    endpoints: Iterable[str] = (),
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """Run replicate trials and return one row a person, with ``arm`` and ``replicate``.

    Parameters
    ----------
    trial : Trial
    replicates : int
        Each has the published size and one plausible set of the model's numbers, the same in all arms.
    seed : int
        Of all draws.
    endpoints : iterable of str
        Beside those of the trial and of its published figures.
    progress : callable, optional
        Called with the share done.
    """
    sizes = {slug: arm.patients for slug, arm in trial.arms.items()}
    setup = prepare(uncertain(trial), outputs=recorded(trial), seed=seed, replicates=sizes)
    people = many_people(
        setup, {slug: replicates * size for slug, size in sizes.items()}, seed, progress, endpoints=endpoints
    )
    people["replicate"] = people.groupby("arm").cumcount() // people["arm"].map(sizes)
    return people


def recorded(trial: Trial) -> tuple[str, ...]:
    """Return the outputs to record: the same for all trials of one model."""
    return SEEN if trial.model_name.startswith("il6_blockade/") else ()


def replicate_scoreboard(
    trial: Trial,
    *,
    replicates: int = 100,
    seed: int = 1,
    contrasts: Iterable[Contrast] = (),
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
    contrasts : iterable of Contrast
        Published figures about several arms.
    progress : callable, optional
        Called with the share done.

    Returns
    -------
    dict
        ``scoreboard`` rows, ``replicates`` and how many judged rows lie inside.
    """
    asked = list(contrasts)
    people = replicated(
        trial, replicates=replicates, seed=seed, endpoints=[c.endpoint for c in asked], progress=progress
    )
    method = f"{replicates} replicate trials of the published size"
    rows = []
    for row in trial.published:
        values = by_replicate(trial, people, row.arm, row.endpoint, at_most=row.n)
        about = {
            "target": row.target,
            "arm": row.arm,
            "endpoint": row.endpoint,
            "source": row.source,
            "grade": row.grade,
            "published": row.figure,
            "calibrated": row.calibrated,
            "misfit": row.misfit,
            "share": endpoint_rule(row.endpoint, trial.endpoint_rules)["estimator"] == "proportion",
            "unit": row.unit,
            "n": row.n,
            "method": method,
        }
        rows.append(about | _judged(values, row.figure, row.grade))
    rows += [_contrast(trial, people, each, method) for each in asked]
    judged = [row for row in rows if row["judged"]]
    return {
        "trial": trial.name,
        "replicates": replicates,
        "inside": sum(bool(row["inside"]) for row in judged),
        "rows": len(judged),
        "scoreboard": rows,
    }


def by_replicate(trial: Trial, people: pd.DataFrame, arm: str, endpoint: str, *, at_most: int | None = None) -> Floats:
    """Return the estimate of an endpoint in an arm, or a group of arms, of each replicate; shape (replicates,).

    Parameters
    ----------
    trial : Trial
    people : DataFrame
        From `replicated`.
    arm, endpoint : str
    at_most : int, optional
        Of how many people the published figure is: where an arm stands for a smaller study, so many are counted of
        those for whom the endpoint is defined.
    """
    arms = trial.groups.get(arm, (arm,))
    here = people[people["arm"].isin(arms)]
    timed = endpoint_rule(endpoint, trial.endpoint_rules)["estimator"] in ("time", "restricted-mean")
    if at_most is not None and len(arms) == 1:
        counted = here if timed else here[here[endpoint].notna()]
        here = counted[counted.groupby("replicate").cumcount() < at_most]
    return np.array(
        [estimate(endpoint, one, own=trial.endpoint_rules).estimate for _, one in here.groupby("replicate")]
    )


def many_people(
    setup: Setup,
    sizes: Mapping[str, int],
    seed: int,
    progress: Callable[[float], None] | None = None,
    *,
    endpoints: Iterable[str] = (),
) -> pd.DataFrame:
    """Run many people of each arm and keep one row a person; memory holds one chunk of courses at a time."""
    import pandas as pd

    frames = []
    names = list(dict.fromkeys([*setup.trial.endpoints, *(row.endpoint for row in setup.trial.published), *endpoints]))
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


def _judged(values: Floats, published: float, grade: str, bound: str = "") -> dict[str, Any]:
    predicted, low, high = interval(values)
    return {
        "predicted": predicted,
        "low": low,
        "high": high,
        "inside": verdict(published, predicted, low, high, bound),
        "judged": grade != "unverified",
        "bound": bound,
    }


def _contrast(trial: Trial, people: pd.DataFrame, contrast: Contrast, method: str) -> dict[str, Any]:
    values = by_replicate(trial, people, contrast.arm, contrast.endpoint)
    if contrast.compare != "itself":
        others = by_replicate(trial, people, contrast.against, contrast.endpoint)
        values = values - others if contrast.compare == "difference" else _odds_ratio(trial, values, others, contrast)
    sizes = [trial.arms[a].patients for a in trial.groups.get(contrast.arm, (contrast.arm,))]
    return {
        "target": contrast.name,
        "arm": f"{contrast.arm} against {contrast.against}" if contrast.against else contrast.arm,
        "endpoint": contrast.endpoint,
        "source": contrast.source,
        "grade": contrast.grade,
        "published": contrast.published,
        "published_low": contrast.low,
        "published_high": contrast.high,
        "calibrated": contrast.calibrated,
        "misfit": contrast.misfit,
        "share": contrast.share,
        "unit": contrast.unit,
        "n": sum(sizes),
        "method": method,
    } | _judged(values, contrast.published, contrast.grade, contrast.bound)


def _odds_ratio(trial: Trial, first: Floats, second: Floats, contrast: Contrast) -> Floats:
    """Return odds ratios with half a person added to each cell (Haldane), so that an empty cell has one too."""
    odds = []
    for values, arm in ((first, contrast.arm), (second, contrast.against)):
        n = sum(trial.arms[a].patients for a in trial.groups.get(arm, (arm,)))
        odds.append((values * n + 0.5) / ((1 - values) * n + 0.5))
    return np.asarray(odds[0] / odds[1])
