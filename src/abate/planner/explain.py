"""'Flare, withdrawal or my adrenals?': the model's probability of each, day by day, and what would tell them apart.

Virtual people who lived through the history up to five weeks ago go through the last steps with all that could have
happened to them; the diary weighs them. What moved the complaints of those who fit is the explanation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Dose
from abate.ground.errors import InputError
from abate.ground.randomness import normal
from abate.inference import branch
from abate.inference.seen import level_measure
from abate.planner.complaints import CAUSES, Diary, causes, error, fatigue, log_likelihood, points
from abate.planner.flags import Raised, red_flags
from abate.planner.people import OUTPUTS, People, antibody_of, people_like, speaks, symptom_points
from abate.planner.record import Record
from abate.planner.settings import candidate_list, value
from abate.planner.told import Told
from abate.science.model import Model
from abate.science.regimen.drugs import clock_hours
from abate.study.observation import load_clinic

__all__ = ["Explanation", "Next", "effective_people", "explain", "probabilities", "weights_of", "worth"]

Floats = npt.NDArray[np.float64]
Parts = list[tuple[Floats, Floats | float]]
_HALVINGS = 40
"""Of the interval of a power between 0 and 1: its error is far below anything that is shown."""
COPIES = 4
"""How many ways on from each person of the posterior, so that enough of them fit the diary."""
FEW = 30.0
"""Effective people below which the probabilities rest on a handful."""
UNKNOWN = (
    "Hardly any virtual people fit this diary, so the model may not know what it is: speak with your doctor before any "
    "further step down."
)
ADVICE = {
    "flare": (
        "Speak with your doctor now, and do not lower prednisone further until then. Do not change the dose alone."
    ),
    "withdrawal": (
        "Stay on the present dose and do not lower it. If it does not fade within a week, ask your doctor about "
        "going back to "
        "the last dose that was well tolerated, and a slower plan."
    ),
    "adrenals": (
        "Do not lower the dose, and never stop. Ask your doctor soon for a morning cortisol; when ill, more "
        "prednisone may be "
        "needed, not less."
    ),
    "none of these": (
        "Within the usual ups and downs. Stay on the plan agreed with your doctor, and go on with the diary."
    ),
}


@dataclass(frozen=True, slots=True)
class Next:
    """A measurement and the share of the uncertainty that it is expected to remove, 0-1; blind: hardly any."""

    name: str
    says: str
    removes: float
    blind: bool = False


@dataclass(frozen=True)
class Explanation:
    """What may explain the complaints.

    Attributes
    ----------
    days : tuple of date
    probability : ndarray, shape (days, causes)
        Given the diary up to that day; columns as `CAUSES`.
    next : tuple of Next
        The most telling first.
    flags : tuple of Raised
        They override everything.
    notes : tuple of str
    basis : str
    effective : float
        Effective people behind the last day.
    """

    days: tuple[date, ...]
    probability: Floats
    next: tuple[Next, ...]
    flags: tuple[Raised, ...]
    notes: tuple[str, ...]
    basis: str
    effective: float

    @property
    def likeliest(self) -> str:
        """The likeliest cause on the last day."""
        return CAUSES[int(self.probability[-1].argmax())]

    @property
    def advice(self) -> str:
        """What to do: a red flag's word where there is one. It never tells anybody to stop or cut a steroid."""
        return " ".join(self.advices)

    @property
    def advices(self) -> tuple[str, ...]:
        """The advice by sentence: where hardly anybody fits, nobody is told that all is well."""
        if self.flags:
            return tuple(dict.fromkeys(f.do for f in self.flags))
        likely = (ADVICE[self.likeliest],)
        if self.effective >= FEW:
            return likely
        return (UNKNOWN, *(likely if self.likeliest != "none of these" else ()))

    def as_dict(self) -> dict[str, Any]:
        """Return what results.json holds."""
        return {
            "overridden_by_red_flags": bool(self.flags),
            "red_flags": [flag.as_dict() for flag in self.flags],
            "advice": self.advice,
            "likeliest": self.likeliest,
            "days": [
                {"date": day.isoformat(), **{c: float(p) for c, p in zip(CAUSES, row, strict=True)}}
                for day, row in zip(self.days, self.probability, strict=True)
            ],
            "next": [{"name": n.name, "says": n.says, "removes": n.removes} for n in self.next],
            "notes": list(self.notes),
            "basis": self.basis,
            "effective_people": self.effective,
        }


def explain(
    record: Record, people: int = 256, seed: int = 1, *, progress: Callable[[float], None] | None = None
) -> Explanation:
    """Explain the complaints of the last five weeks.

    Parameters
    ----------
    record : Record
        With days of a diary in the last five weeks.
    people : int
        A multiple of 16.
    seed : int
        Of all draws.
    progress : callable, optional

    Raises
    ------
    InputError
        If the diary says nothing of the last five weeks, or flares of the disease are not modelled.
    """
    if not record.flares_forecast:
        raise InputError("disease", "complaints are not explained in this disease", value=record.disease,
                         allowed="pmr, gca", hint=candidate_list(record.disease).why)  # fmt: skip
    window = min(int(value("explanation", "window")), (record.today - record.diagnosed).days - 1)
    since = record.today - timedelta(days=window)
    recent = [e for e in record.diary if e.date >= since]
    flags = red_flags(record)
    if not any(e.pain is not None or e.stiffness is not None or e.fatigue is not None for e in recent):
        raise InputError(
            "diary", f"nothing is written since {since}", allowed="pain, stiffness or fatigue of some days"
        )
    like = people_like(_until(record, since), people, seed, weeks=(window + 28) // 7, copies=COPIES, progress=progress)
    ahead = int(value("explanation", "wait"))
    courses = _courses(like, record, since, window, ahead)
    usual = [e.fatigue for e in record.diary if e.date < since and e.fatigue is not None]
    base = float(np.median(usual)) if len(usual) > 1 else value("explanation", "fatigue_base")
    model = like.model
    diary = _diary(record, since, model, base)
    fit = (log_likelihood(diary, courses) + _laboratory(record, since, courses))[: window + 1]
    weights = weights_of(fit, enough=FEW)
    truth = causes(courses, model, record.disease)[: window + 1]
    chance = probabilities(weights, truth)
    effective = float(effective_people(weights_of(fit[-1])))
    notes = _notes(record, like, effective)
    shown = tuple(since + timedelta(days=k) for k in range(window + 1))
    best = worth(
        courses, weights[-1], truth[-1], base, ahead, seed, on_antibody=record.antibody(record.today) is not None
    )
    return Explanation(shown, chance, best, flags, notes, like.says, effective)


def _until(record: Record, day: date) -> Record:
    """Return the record as it stood on a day."""
    return record.model_copy(
        update={
            "today": day,
            "diary": tuple(e for e in record.diary if e.date < day),
            "measurements": tuple(m for m in record.measurements if m.date < day),
        }
    )


def _courses(like: People, record: Record, since: date, window: int, ahead: int) -> dict[str, Floats]:
    """Return daily courses, shape (days, n): row k is the end of day ``since + k``; after today the dose is held."""
    run = branch(like.run)
    taken = record.prednisone(since, window)
    held = taken[-1] if taken else record.dose
    hour = clock_hours()["morning"] / 24
    doses = [
        Dose(like.today + k + hour, "prednisone", "oral", taken[k] if k < window else held)
        for k in range(window + ahead + 1)
    ]
    for course in record.drugs:
        regimen = course.read
        if regimen.drug not in ("tocilizumab", "sarilumab"):
            continue
        offset = (since - course.from_).days
        stop = (course.to - course.from_).days + 1 if course.to else np.inf
        weight = {"weight": [record.weight]} if regimen.needs_weight and record.weight else None
        given = regimen.doses(max(offset, 0), max(min(offset + window + ahead + 1, stop), 0), weight)
        doses += [
            Dose(like.today + float(t) - offset, given.drug, given.route, float(a[0]), given.duration_h / 24)
            for t, a in zip(given.time, given.amount, strict=True)
        ]
    ends = like.today + np.arange(1.0, window + ahead + 2)
    rows = run.advance(float(ends[-1]), doses, record_at=ends)
    return {name: rows[name] for name in OUTPUTS}


def _diary(record: Record, since: date, model: Model, base: float) -> Diary:
    entries = [e for e in record.diary if e.date >= since]
    scored = [symptom_points(e, model) for e in entries]
    return Diary(
        np.array([(e.date - since).days for e in entries], dtype=np.int64),
        np.array([np.nan if p is None else p for p in scored]),
        np.array([np.nan if e.fatigue is None else e.fatigue for e in entries]),
        base,
    )


def _laboratory(record: Record, since: date, courses: Mapping[str, Floats]) -> Floats:
    """Return the log-likelihood of the laboratory values of the window up to each day, shape (days, n)."""
    total = np.zeros_like(courses["symptoms"])
    clinic = load_clinic()
    for m in record.measurements:
        if m.date < since or m.censored or m.number <= 0 or not speaks(record, m):
            continue
        measure = clinic[level_measure(antibody_of(record, m)) if m.name == "drug-level" else m.name]
        seen = m.level[0]
        day = (m.date - since).days
        expected = np.log(np.maximum(measure.scale * courses[measure.output][day], 1e-9))
        total[day:] += -0.5 * ((np.log(seen) - expected) / measure.noise) ** 2
    return total


def weights_of(log_likelihood: Floats, enough: float = 0.0) -> Floats:
    """Return weights of people for each day, each row adding up to 1; people whose solution failed count nothing.

    Parameters
    ----------
    log_likelihood : ndarray, shape (days, n)
    enough : float
        Effective people that must speak. Where fewer do, nobody is much like the diary, and the one who is least unlike
        it would speak for all: the diary is then weighed less (its likelihood to a power below 1) until enough do.

    Examples
    --------
    >>> weights_of(np.array([[0.0, 0.0], [0.0, -100.0]])).round(3).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    >>> bool(effective_people(weights_of(np.array([0.0, -100.0, -200.0, -300.0]), enough=2.0)).round(2) == 2)
    True
    """
    clean = np.where(np.isfinite(log_likelihood), log_likelihood, -np.inf)
    clean = clean - clean.max(axis=-1, keepdims=True)
    weights = _normed(clean, np.ones(clean.shape[:-1]))
    if enough <= 0:
        return weights
    low, high = np.zeros(clean.shape[:-1]), np.ones(clean.shape[:-1])
    few = effective_people(weights) < enough
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        fits = effective_people(_normed(clean, middle)) >= enough
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return _normed(clean, np.where(few, low, 1.0))


def _normed(log_weights: Floats, power: Floats) -> Floats:
    speak = np.isfinite(log_weights)
    rows = np.where(speak, np.exp(power[..., None] * np.where(speak, log_weights, 0.0)), 0.0)
    return np.asarray(rows / rows.sum(axis=-1, keepdims=True))


def effective_people(weights: Floats) -> Floats:
    """Return how many equally weighted people such weights are worth, for each row."""
    return np.asarray(1 / np.sum(weights**2, axis=-1))


def probabilities(weights: Floats, truth: npt.NDArray[np.int64]) -> Floats:
    """Return the probability of each cause on each day, shape (days, causes).

    Examples
    --------
    >>> probabilities(np.array([[0.25, 0.75]]), np.array([[0, 3]])).tolist()
    [[0.25, 0.0, 0.0, 0.75]]
    """
    return np.stack([np.where(truth == k, weights, 0.0).sum(axis=-1) for k in range(len(CAUSES))], axis=-1)


def worth(
    courses: Mapping[str, Floats],
    weights: Floats,
    truth: npt.NDArray[np.int64],
    base: float,
    ahead: int,
    seed: int,
    *,
    on_antibody: bool,
) -> tuple[Next, ...]:
    """Return what to measure next, the most telling first: by the expected fall of the entropy of today's causes.

    Parameters
    ----------
    courses : mapping of output to ndarray, shape (days, n)
        Of which the last ``ahead`` rows lie after today.
    weights : ndarray, shape (n,)
        Of today.
    truth : ndarray of int, shape (n,)
        Cause of today's complaints in each person.
    base : float
        Usual fatigue.
    ahead : int
        Days that 'wait' waits.
    seed : int
    on_antibody : bool
    """
    now = -1 - ahead
    clinic = load_clinic()
    entropy = _entropy(probabilities(weights[None], truth[None])[0])
    options: list[tuple[str, str, Parts]] = []
    for name, says in (("morning-cortisol", "a morning cortisol, before the tablet"), ("crp", "CRP"), ("esr", "ESR")):
        measure = clinic[name]
        options.append((name, says, [(np.log(np.maximum(courses[measure.output][now], 1e-9)), measure.noise)]))
    level = points(courses)[-1]
    waited: Parts = [
        (np.log(level), error(np.full_like(level, np.sum(weights * level)), clinic["symptom-score"].noise)),
        (fatigue(courses, base)[-1], value("explanation", "fatigue_noise")),
    ]
    options.append(("wait", f"wait {ahead} days on the same dose, with the diary", waited))
    found = []
    for name, says, parts in options:
        left = _expected_entropy(parts, weights, truth, seed, name)
        removes = max(0.0, (entropy - left) / entropy) if entropy > 1e-9 else 0.0
        blind = name in ("crp", "esr") and removes < value("explanation", "blind")
        if blind:
            says += ", nearly blind here" + (
                ": on an IL-6 receptor blocker it is low whatever happens" if on_antibody else ""
            )
        found.append(Next(name, says, removes, blind))
    return tuple(sorted(found, key=lambda n: -n.removes))


def _entropy(chance: Floats) -> float:
    seen = chance[chance > 0]
    return float(-np.sum(seen * np.log2(seen)))


def _expected_entropy(parts: Parts, weights: Floats, truth: npt.NDArray[np.int64], seed: int, name: str) -> float:
    """Return the entropy of the causes that is left after a measurement, averaged over what it may show."""
    people = weights.size
    distance = np.zeros((people, people))
    for k, (expected, sd) in enumerate(parts):
        shown = expected + sd * np.asarray(normal(seed, f"worth:{name}", np.arange(people), k))
        spread = np.broadcast_to(sd, expected.shape)
        distance += -0.5 * ((shown[:, None] - expected[None, :]) / spread[None, :]) ** 2 - np.log(spread)[None, :]
    posterior = weights_of(np.log(np.maximum(weights, 1e-300))[None, :] + distance)
    chances = probabilities(posterior, np.broadcast_to(truth, posterior.shape))
    return float(np.sum(weights * np.array([_entropy(row) for row in chances])))


def _notes(record: Record, like: People, effective: float) -> tuple[str, ...]:
    notes: list[str] = []
    if record.antibody(record.today) is not None:
        notes.append(Told("On an IL-6 receptor blocker a normal CRP does not exclude a flare: symptoms decide."))
    if effective < FEW:
        notes.append(
            Told(
                "Only {n} effective virtual people fit this diary. It is weighed less until {enough} do: the "
                "probabilities are rough, and the model may not know what this is.",
                n=f"{effective:.0f}",
                enough=f"{FEW:.0f}",
            )
        )
    if any(i.to is None or i.to >= record.today - timedelta(days=14) for i in record.illness):
        notes.append(
            Told(
                "An illness is recorded in the last two weeks: the model does not know it, and it can explain all of "
                "this."
            )
        )
    notes.append(
        Told("How fatigue hangs together with each cause is assumed, not fitted; no patient's course tested this.")
    )
    return (*notes, *like.warnings)
