"""The planner on virtual patients whose truth is known: what its probabilities are worth inside the model.

One set of people is 'the patients': their diaries are written with error, their truth is kept. Another set is what the
planner knows. Both live through the same doses. This tests the arithmetic and the calibration, not the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Dose, compile_model, whole_groups
from abate.ground.randomness import normal
from abate.planner.complaints import CAUSES, SMALLEST, Diary, causes, fatigue, log_likelihood, points
from abate.planner.explain import weights_of
from abate.planner.people import OUTPUTS
from abate.planner.settings import candidate_list, value
from abate.science.model import load
from abate.science.population import draw, load_population
from abate.science.regimen.drugs import clock_hours
from abate.study.observation import load_clinic

__all__ = ["AFTER", "SCHEDULES", "Cases", "cases", "check", "rule_of_thumb", "score"]

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

SCHEDULES: tuple[tuple[tuple[float, int], ...], ...] = (
    ((15, 56), (10, 56), (5, 28), (2.5, 28), (0, 60)),
    ((12.5, 84), (10, 28), (7.5, 28), (5, 28), (2, 28), (0, 60)),
    ((15, 112), (10, 40)),
    ((10, 112), (5, 40)),
)
"""Doses (mg, days) that patients are asked about."""
AFTER = (2, 10, 20)
"""Days after the last step on which they are asked."""
OTHERS = 1 << 30
"""Keys of 'the patients' begin here, so that nobody is compared with himself."""


@dataclass(frozen=True)
class Cases:
    """Complaints of virtual patients with their truth, and what two ways of telling say.

    Attributes
    ----------
    truth : ndarray of int, shape (n,)
        Index into `CAUSES` on the last day of the diary.
    probability : ndarray, shape (n, causes)
        Of the planner.
    thumb : ndarray of int, shape (n,)
        Of the patients' rule of two and five days.
    """

    truth: Whole
    probability: Floats
    thumb: Whole


def cases(
    steps: tuple[tuple[float, int], ...] = ((15, 56), (10, 56), (5, 28), (2.5, 28), (0, 60)),
    *,
    disease: str = "pmr",
    patients: int = 64,
    people: int = 512,
    day: int | None = None,
    seed: int = 1,
) -> Cases:
    """Explain the complaints of virtual patients some days after a step.

    Parameters
    ----------
    steps : tuple of (mg, days)
        Doses that everybody takes.
    disease : str
    patients, people : int
        How many of either set; multiples of 16.
    day : int, optional
        Day of the schedule on which is asked; default: 4 days after the last step.
    seed : int

    Returns
    -------
    Cases
    """
    listed = candidate_list(disease)
    model, population = load(listed.model), load_population(listed.population)
    daily = np.concatenate([np.full(days, mg) for mg, days in steps])
    asked = sum(days for _, days in steps[:-1]) + 4 if day is None else day
    window = int(value("explanation", "window"))
    begin = max(asked - window, 0)
    sets = []
    for first, count in ((0, people), (OTHERS, patients)):
        who = first + whole_groups(count)[:count]
        _, parameters = draw(population, model, who, seed)
        run = compile_model(model, OUTPUTS).start(parameters, who, seed)
        hour = clock_hours()["morning"] / 24
        doses = [Dose(k + hour, "prednisone", "oral", float(mg)) for k, mg in enumerate(daily[: asked + 1]) if mg > 0]
        rows = run.advance(asked + 1.0, doses, record_at=np.arange(begin + 1.0, asked + 2.0))
        sets.append(rows)
    known, true = sets
    fell = np.flatnonzero(np.diff(daily[: asked + 1]) < 0)
    last_step = int(fell[-1]) + 1 - begin if fell.size else 0
    base = value("explanation", "fatigue_base")
    seen_points, seen_fatigue = _written(true, base, patients, seed)
    days = np.arange(seen_points.shape[0])
    chance, thumb = [], []
    for k in range(patients):
        diary = Diary(days, seen_points[:, k], seen_fatigue[:, k], base)
        weights = weights_of(log_likelihood(diary, known))[-1]
        here = causes(known, model, disease)[-1]
        chance.append([float(weights[here == c].sum()) for c in range(len(CAUSES))])
        thumb.append(rule_of_thumb(diary, last_step, float(daily[asked])))
    return Cases(causes(true, model, disease)[-1], np.array(chance), np.array(thumb))


def _written(true: Any, base: float, n: int, seed: int) -> tuple[Floats, Floats]:
    """Return what the patients wrote: a week shares its error, as `log_likelihood` takes it."""
    level = points(true)
    every = int(value("settings", "diary_every"))
    weeks = np.arange(level.shape[0]) // every
    who = OTHERS + np.arange(n)
    shared = np.asarray(normal(seed, "virtual:points", who[None, :], weeks[:, None]))
    tired = np.asarray(normal(seed, "virtual:fatigue", who[None, :], weeks[:, None]))
    rounded = np.asarray(normal(seed, "virtual:rounding", who[None, :], weeks[:, None]))
    written = level * np.exp(load_clinic()["symptom-score"].noise * shared) + value("explanation", "rounding") * rounded
    written = np.maximum(written, SMALLEST)
    felt = np.clip(fatigue(true, base) + value("explanation", "fatigue_noise") * tired, 0, 10)
    return written, felt


def rule_of_thumb(diary: Diary, step: int, dose: float) -> int:
    """Return what patients' rule says: an index into `CAUSES`.

    Complaints that begin within two days of a step are withdrawal; later than five days, a flare; lasting fatigue at a
    low dose is the adrenals; nothing above the days before the step is none of these.

    Examples
    --------
    >>> days = np.arange(10)
    >>> calm = np.full(10, 2.0)
    >>> risen = np.where(days >= 6, 8.0, 2.0)
    >>> CAUSES[rule_of_thumb(Diary(days, risen, calm, 2.0), 5, 10.0)]
    'withdrawal'
    """
    before = diary.day < step
    usual = float(np.median(diary.points[before])) if before.any() else float(diary.points[0])
    tired = float(np.median(diary.fatigue[before])) if before.any() else diary.base
    least = value("explanation", "felt_flare")
    risen = diary.points > usual + least
    weary = diary.fatigue > tired + value("explanation", "fatigue_noise")
    if not (risen[-1] or weary[-1]):
        return CAUSES.index("none of these")
    bad = risen | weary
    start = len(bad) - int(np.argmin(bad[::-1])) if not bad.all() else 0
    since = int(diary.day[min(start, len(bad) - 1)]) - step
    if weary[-1] and not risen[-1] and dose <= value("explanation", "low_dose") and diary.day[-1] - step > 7:
        return CAUSES.index("adrenals")
    if 0 <= since <= value("explanation", "soon_after"):
        return CAUSES.index("withdrawal")
    return (
        CAUSES.index("flare")
        if since > value("explanation", "later_after") or since < 0
        else CAUSES.index("withdrawal")
    )


def score(found: Cases) -> dict[str, Any]:
    """Return accuracy of both ways, the Brier score against the plain frequencies, and the confusion matrices."""
    n = found.truth.size
    said = found.probability.argmax(axis=1)
    hot = np.eye(len(CAUSES))[found.truth]
    plain = hot.mean(axis=0)
    return {
        "n": n,
        "correct": float(np.mean(said == found.truth)),
        "correct_by_rule_of_thumb": float(np.mean(found.thumb == found.truth)),
        "brier": float(np.mean(np.sum((found.probability - hot) ** 2, axis=1))),
        "brier_of_frequencies": float(np.mean(np.sum((plain - hot) ** 2, axis=1))),
        "confusion": _confusion(found.truth, said),
        "confusion_of_rule_of_thumb": _confusion(found.truth, found.thumb),
    }


def _confusion(truth: Whole, said: Whole) -> dict[str, dict[str, int]]:
    return {a: {b: int(np.sum((truth == i) & (said == j))) for j, b in enumerate(CAUSES)} for i, a in enumerate(CAUSES)}


def check(
    patients: int = 256, people: int = 2048, seed: int = 5, *, progress: Callable[[float], None] | None = None
) -> dict[str, Any]:
    """Ask about patients on every schedule and return `score` of each and of all together."""
    rows, single = [], []
    for place, (steps, after) in enumerate(product(SCHEDULES, AFTER), start=1):
        day = sum(days for _, days in steps[:-1]) + after
        made = cases(steps, day=day, patients=patients, people=people, seed=seed)
        rows.append(made)
        single.append({"mg": [mg for mg, _ in steps], "after": after, **score(made)})
        if progress:
            progress(place / (len(SCHEDULES) * len(AFTER)))
    together = Cases(*(np.concatenate([getattr(r, k) for r in rows]) for k in ("truth", "probability", "thumb")))
    return {"all": score(together), "schedules": single}
