"""Landmark forecasts on virtual patients whose truth is known: does 'a flare within 12 weeks' come as often as said?

A patient is followed at visits until a landmark; from what was seen until then the chance of a flare within 12 weeks
is forecast, and compared with whether it came. One bank of virtual people serves every patient on the same doses: each
is weighed by how likely the patient's visits are in that person. The posterior is the one that the planner samples;
here it is summed over a bank large enough, because thousands of patients are asked about. It tests arithmetic and
calibration inside the model, not the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Dose, compile_model
from abate.ground.randomness import normal
from abate.planner.people import GROUP
from abate.planner.settings import candidate_list
from abate.science.model import load
from abate.science.population import draw, load_population
from abate.science.regimen import load_taper, parse
from abate.science.regimen.drugs import clock_hours
from abate.study.observation import load_clinic

__all__ = ["AHEAD", "LANDMARKS", "Bank", "Landmark", "course_of", "landmarks", "reliability"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

EVERY = 28
"""Days between visits."""
LANDMARKS = (56, 112, 168, 224, 280)
"""Days after the start of treatment at which is asked."""
AHEAD = 84
"""Days of the forecast."""
OTHERS = 1 << 29
"""Keys of the patients begin here, so that nobody is compared with himself."""
VISITS = 3
"""Visits that a forecast reads."""
SMALLEST = 0.5
"""Scores are written in whole points: what is below half a point counts as half a point."""


@dataclass(frozen=True)
class Bank:
    """Virtual people on the same doses, seen at visits.

    Attributes
    ----------
    disease : str
    score, crp : ndarray, shape (visits, n)
        The true symptom score and CRP at each visit, the first on day 0.
    persons : ndarray of int, shape (n,)
    """

    disease: str
    score: Floats
    crp: Floats
    persons: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Landmark:
    """Forecasts of many patients at one day, and what came.

    Attributes
    ----------
    day : int
    chance : ndarray, shape (n,)
        Forecast of a flare within `AHEAD` days.
    came : ndarray of bool, shape (n,)
    effective : ndarray, shape (n,)
        Effective people of the bank behind each forecast.
    """

    day: int
    chance: Floats
    came: Booleans
    effective: Floats


def course_of(
    disease: str, taper: str, dose: float, people: int, seed: int, *, antibody: str = "", first: int = 0
) -> Bank:
    """Let people live through a taper of the library from the start of treatment, nobody changing it.

    Parameters
    ----------
    disease, taper : str
    dose : float
        mg at the start.
    people : int
        A multiple of 16.
    seed : int
    antibody : str
        A regimen, or nothing.
    first : int
        Key of the first person.

    Examples
    --------
    >>> course_of("pmr", "eular-acr-2015", 15.0, 16, 1).score.shape
    (14, 16)
    """
    listed = candidate_list(disease)
    model, population = load(listed.model), load_population(listed.population)
    days = LANDMARKS[-1] + AHEAD
    times = np.arange(0.0, days + 1, EVERY)
    hour = clock_hours()["morning"] / 24
    plan = load_taper(taper, start=dose).from_dose(dose)
    doses = [Dose(k + hour, "prednisone", "oral", float(mg)) for k, mg in enumerate(plan.daily(days)[0]) if mg > 0]
    if antibody:
        given = parse(antibody).doses(0, days, persons=1)
        doses += [
            Dose(float(t), given.drug, given.route, float(a[0]), given.duration_h / 24)
            for t, a in zip(given.time, given.amount, strict=True)
        ]
    kernel = compile_model(model)
    parts = []
    for at in range(0, people, _AT_ONCE):
        who = first + np.arange(at, min(at + _AT_ONCE, people))
        _, parameters = draw(population, model, who, seed)
        rows = kernel.start(parameters, who, seed).advance(float(days), doses, record_at=times)
        parts.append((rows["symptoms"], rows["crp"], who))
    score, crp, who = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    return Bank(disease, np.maximum(score, SMALLEST), crp, who)


_AT_ONCE = 256 * GROUP


def landmarks(bank: Bank, patients: Bank, seed: int, *, visits: int = VISITS, crp: bool = False) -> list[Landmark]:
    """Forecast every patient who has not flared yet, at every landmark.

    Parameters
    ----------
    bank, patients : Bank
        On the same doses; the bank is what the planner knows, the patients are seen with error.
    seed : int
        Of the errors.
    visits : int
        How many visits are read, the landmark's own the last: whatever is read, a forecast from it has to be
        calibrated, and a bank has fewer people like somebody of whom much is known.
    crp : bool
        Whether CRP of the landmark's visit is read too.
    """
    clinic = load_clinic()
    noise, noise_crp = clinic["symptom-score"].noise, clinic["crp"].noise
    level = clinic.flare_level(bank.disease)
    visit = np.arange(patients.score.shape[0])
    errors = np.asarray(normal(seed, "landmark:score", patients.persons[None, :], visit[:, None]))
    seen = np.log(patients.score) + noise * errors
    shown = np.log(patients.crp) + noise_crp * np.asarray(
        normal(seed, "landmark:crp", patients.persons[None, :], visit[:, None])
    )
    flare = first_flare(seen, np.log(level))
    ahead = _chance_by_visit(np.log(bank.score), np.log(level), noise)
    found = []
    for day in LANDMARKS:
        now, then = day // EVERY, (day + AHEAD) // EVERY
        asked = np.flatnonzero((flare > now) & (seen[: now + 1] < np.log(level)).any(axis=0))
        calm = np.prod(1 - ahead[now + 1 : then + 1], axis=0)
        chance, effective = np.empty(asked.size), np.empty(asked.size)
        for k, person in enumerate(asked):
            read = slice(max(now + 1 - visits, 0), now + 1)
            off = (seen[read, person, None] - np.log(bank.score[read])) / noise
            fit = -0.5 * np.sum(off**2, axis=0)
            if crp:
                fit = fit - 0.5 * ((shown[now, person] - np.log(bank.crp[now])) / noise_crp) ** 2
            fit = np.where(np.isfinite(fit), fit, -np.inf)
            weight = np.exp(fit - fit.max())
            weight /= weight.sum()
            chance[k], effective[k] = float(weight @ np.where(weight > 0, 1 - calm, 0.0)), 1 / np.sum(weight**2)
        found.append(Landmark(day, chance, flare[asked] <= then, effective))
    return found


def first_flare(seen: Floats, level: float) -> npt.NDArray[np.int64]:
    """Return the visit of the first flare, beyond the last one for none: at or above the level, after being below it.

    Examples
    --------
    >>> first_flare(np.log([[20.0, 3.0], [4.0, 4.0], [12.0, 5.0]]), np.log(9.35)).tolist()
    [2, 3]
    """
    below = np.maximum.accumulate(seen < level, axis=0)
    flared = (seen >= level) & np.concatenate([np.zeros((1, seen.shape[1]), dtype=bool), below[:-1]])
    return np.asarray(np.where(flared.any(axis=0), flared.argmax(axis=0), seen.shape[0]), dtype=np.int64)


def _chance_by_visit(score: Floats, level: float, noise: float) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr((score - level) / noise))


def reliability(rows: Sequence[Landmark], groups: Sequence[Any] | None = None) -> dict[str, Any]:
    """Return the Brier score against two population rates, the calibration slope and intercept, and the table.

    Parameters
    ----------
    rows : sequence of Landmark
    groups : sequence, optional
        One label a row; the rate of a group is what a forecaster would say who knows the schedule but not the patient.

    Returns
    -------
    dict
        ``slope`` and ``intercept`` of the logistic regression of what came on the logit of what was said; 1 and 0 are
        perfect. ``table``: by tenth of the forecasts, said and came.
    """
    chance = np.concatenate([r.chance for r in rows])
    came = np.concatenate([r.came for r in rows]).astype(float)
    named = _numbered(groups if groups is not None else range(len(rows)))
    labels = np.concatenate([np.full(r.came.size, name) for r, name in zip(rows, named, strict=True)])
    rate = np.zeros_like(came)
    for label in np.unique(labels):
        rate[labels == label] = came[labels == label].mean()
    slope, intercept, error = _calibration(chance, came)
    edges = np.array_split(np.argsort(chance, kind="stable"), 10)
    return {
        "n": int(came.size),
        "came": float(came.mean()),
        "brier": float(np.mean((chance - came) ** 2)),
        "brier_of_population_rate": float(np.mean((came.mean() - came) ** 2)),
        "brier_of_schedule_rate": float(np.mean((rate - came) ** 2)),
        "slope": slope,
        "slope_low": slope - 1.96 * error,
        "slope_high": slope + 1.96 * error,
        "intercept": intercept,
        "effective": float(np.median(np.concatenate([r.effective for r in rows]))),
        "table": [
            {"n": int(e.size), "said": float(chance[e].mean()), "came": float(came[e].mean())} for e in edges if e.size
        ],
    }


def _numbered(groups: Sequence[Any]) -> list[int]:
    known: dict[Any, int] = {}
    return [known.setdefault(group, len(known)) for group in groups]


def _calibration(chance: Floats, came: Floats) -> tuple[float, float, float]:
    """Return slope, intercept and the slope's standard error of a logistic regression, by Newton's method."""
    inside = np.clip(chance, _EDGE, 1 - _EDGE)
    x = np.column_stack([np.ones_like(inside), np.log(inside / (1 - inside))])
    beta = np.array([0.0, 1.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ beta))
        information = x.T @ (x * (p * (1 - p))[:, None])
        step = np.linalg.solve(information, x.T @ (came - p))
        beta = beta + step
        if np.abs(step).max() < 1e-10:  # far below the slope's standard error
            break
    return float(beta[1]), float(beta[0]), float(np.sqrt(np.linalg.inv(information)[1, 1]))


_EDGE = 0.002
"""Forecasts beyond this are taken as this: a bank of some thousand people cannot say more."""


SCHEDULES: tuple[Mapping[str, Any], ...] = (
    {"disease": "pmr", "taper": "eular-acr-2015", "dose": 15.0},
    {"disease": "pmr", "taper": "bsr-2010-slow", "dose": 15.0},
    {"disease": "pmr", "taper": "eular-acr-2015", "dose": 15.0, "antibody": "tocilizumab 162 mg sc every week"},
    {"disease": "gca", "taper": "giacta-26", "dose": 40.0},
    {"disease": "gca", "taper": "giacta-26", "dose": 40.0, "antibody": "tocilizumab 162 mg sc every week"},
)
"""On which doses patients are followed."""


def check(
    people: int = 32768, patients: int = 256, seed: int = 1, *, progress: Callable[[float], None] | None = None
) -> dict[str, Any]:
    """Make the forecasts on every schedule and return `reliability` of all and of each schedule."""
    rows: list[Landmark] = []
    places: list[int] = []
    single = []
    for place, schedule in enumerate(SCHEDULES):
        bank = course_of(**schedule, people=people, seed=seed)
        asked = course_of(**schedule, people=patients, seed=seed, first=OTHERS)
        made = landmarks(bank, asked, seed)
        rows += made
        places += [place] * len(made)
        single.append({**schedule, **reliability(made)})
        if progress:
            progress((place + 1) / len(SCHEDULES))
    groups = [(place, row.day) for place, row in zip(places, rows, strict=True)]
    return {"all": reliability(rows, groups), "schedules": single}
