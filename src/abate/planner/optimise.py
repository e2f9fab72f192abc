"""The least prednisone at a flare risk that the user sets: a search over plans in people like the patient (Optuna).

Every plan is tried on the same people with the same noise to come. What is chosen as the best of many on one set of
people looks better than it is, so the few that remain are tried again on the same people with another future: what is
reported comes from that, and the choice from both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError, MissingExtra
from abate.ground.results import Estimate
from abate.planner.forecast import Forecast, forecast
from abate.planner.options import Option
from abate.planner.outlook import LEVEL, paired_difference, share
from abate.planner.people import People
from abate.planner.schedule import LONGEST
from abate.planner.search import option_of, space, suggest
from abate.planner.settings import value

__all__ = ["Optimum", "Tried", "afresh", "front_of", "optimise"]

Floats = npt.NDArray[np.float64]

AFRESH = 1 << 24
"""Keys of the other futures begin here."""
FEWEST = 8
"""People without a flare of whom it is said how often the adrenals are ready; a choice."""
FINALISTS = 6
"""Plans that are tried again."""


@dataclass(frozen=True)
class Tried:
    """A plan and what became of people on it: shares, and mean mg.

    Attributes
    ----------
    option : Option
    settings : mapping
        What the search chose; empty for the reference.
    flare, ready, prednisone : float
        Chance of a flare, chance that the adrenals are ready at its last step, mean mg with the rescue of flares.
    """

    option: Option
    settings: Mapping[str, Any]
    flare: float
    ready: float
    prednisone: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "label": self.option.label,
            "settings": dict(self.settings),
            "flare": self.flare,
            "adrenals-ready": self.ready if np.isfinite(self.ready) else None,
            "mean-prednisone-mg": self.prednisone,
        }


@dataclass(frozen=True)
class Optimum:
    """What a search found.

    Attributes
    ----------
    risk : float
        Flare risk that was allowed.
    chosen : Forecast
        The plan with the least prednisone at that risk, on another future; the nearest where none keeps to it.
    reference : Forecast
        The guideline's plan on the same people and future.
    kept : bool
        Whether the chosen plan keeps to the risk and to the adrenals.
    ready : float
        Chance of ready adrenals at the last step that was asked for.
    front : tuple of Tried
        Plans of which no other has fewer flares, readier adrenals and less prednisone at once.
    guideline : Tried
    tried : int
    """

    risk: float
    chosen: Forecast
    reference: Forecast
    kept: bool
    ready: float
    front: tuple[Tried, ...]
    guideline: Tried
    tried: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the search chose: `abate.planner.search.option_of` makes the plan of it again."""

    @property
    def saved(self) -> Estimate:
        """Share of the reference's mean prednisone that the chosen plan saves; bootstrap over people."""
        ours, theirs = self.chosen.daily.sum(axis=1), self.reference.daily.sum(axis=1)
        picks = np.random.default_rng(0).integers(0, ours.size, size=(2000, ours.size))
        drawn = 1 - ours[picks].mean(axis=1) / theirs[picks].mean(axis=1)
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        middle = float(1 - ours.mean() / theirs.mean())
        return Estimate(middle, float(low), float(high), LEVEL, ours.size, "share of mean mg; bootstrap over people")

    @property
    def says(self) -> str:
        """The result as a sentence."""
        flares = float(np.isfinite(self.chosen.flare_day).mean())
        theirs = float(np.isfinite(self.reference.flare_day).mean())
        name = self.reference.option.label
        if not self.kept:
            return (
                f"No plan that was tried keeps the chance of a flare at or below {self.risk:.0%} with adrenals that "
                f"are ready in {self.ready:.0%} or more: the one that comes nearest has {flares:.0%} flares"
            )
        saved = self.saved
        amount = f"{abs(saved.estimate):.0%} {'less' if saved.estimate > 0 else 'more'} prednisone"
        return (
            f"At a flare risk of at most {self.risk:.0%} the plan that was found takes {amount} than {name!r} "
            f"(less by {saved.low:.0%} to {saved.high:.0%}), with {flares:.0%} flares against {theirs:.0%}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what results.json holds of the search."""
        ours, theirs = np.isfinite(self.chosen.flare_day), np.isfinite(self.reference.flare_day)
        effective = self.chosen.people.effective
        return {
            "risk": self.risk,
            "adrenals_ready": self.ready,
            "kept": self.kept,
            "says": self.says,
            "plans_tried": self.tried,
            "chosen": self.chosen.option.slug,
            "settings": dict(self.settings),
            "flare": share(ours, effective),
            "flare_of_reference": share(theirs, effective),
            "flare_difference": paired_difference(ours.astype(float), theirs.astype(float)),
            "saved": self.saved,
            "front": [row.as_dict() for row in self.front],
            "guideline": self.guideline.as_dict(),
            "space": {"source": space().source, "grade": space().grade},
        }


def optimise(
    people: People,
    reference: Option,
    risk: float | None = None,
    *,
    antibodies: Sequence[str] | None = None,
    trials: int = 60,
    weeks: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Optimum:
    """Search for the least prednisone at a flare risk.

    Parameters
    ----------
    people : People
    reference : Option
        With which the found plan is compared; usually the guideline's.
    risk : float, optional
        Chance of a flare within the forecast that is accepted, 0-1; by default the record's, else the reference's own.
    antibodies : sequence of str, optional
        Regimens that may be chosen, ``none`` for none; by default what is taken now.
    trials : int
        Plans to try.
    weeks : int, optional
        How far ahead.
    progress : callable, optional

    Raises
    ------
    InputError
        If flares of the disease are not modelled, no prednisone is taken, or the risk is no chance.
    MissingExtra
        If optuna is not installed.
    """
    record = people.record
    if not record.flares_forecast:
        raise InputError(
            "--optimise", "flares are not forecast in this disease", value=record.disease, allowed="pmr, gca"
        )
    if record.dose <= 0:
        raise InputError("--optimise", "no prednisone is taken now, so there is nothing to save")
    wanted = record.flare_risk if risk is None else risk
    if wanted is not None and not 0 < wanted < 1:
        raise InputError("--risk", "not a chance", value=wanted, allowed="between 0 and 1")
    now = record.antibody(record.today)
    allowed = list(dict.fromkeys(antibodies or [now.regimen if now else "none"]))
    base = _tried(forecast(people, reference, weeks), {})
    limit = base.flare if wanted is None else wanted
    ready = min(space().adrenals_ready, base.ready) if np.isfinite(base.ready) else 0.0
    aim = _Aim(limit, ready)
    found = _search(people, allowed, trials, weeks, aim, _part(progress, 0.0, 0.8))
    other = afresh(people, weeks)
    again = forecast(other, reference, weeks)
    if wanted is None:
        aim = _Aim((base.flare + float(np.isfinite(again.flare_day).mean())) / 2, ready)
    chosen, settings, kept = _choice(found, other, aim, weeks, _part(progress, 0.8, 1.0))
    return Optimum(aim.flare, chosen, again, kept, ready, front_of(found), base, len(found), settings)


def _part(progress: Callable[[float], None] | None, low: float, high: float) -> Callable[[float], None]:
    """Tell a part of the work as that part of the whole."""
    return lambda done: progress(low + (high - low) * done) if progress else None


@dataclass(frozen=True, slots=True)
class _Aim:
    """What a plan must keep to."""

    flare: float
    ready: float

    def missed(self, flare: float, ready: float) -> float:
        """Return by how much a plan misses it; where hardly anybody stays without a flare, adrenals are not known."""
        return max(flare - self.flare, 0.0) + (max(self.ready - ready, 0.0) if np.isfinite(ready) else self.ready)


def _search(
    people: People, allowed: Sequence[str], trials: int, weeks: int | None, aim: _Aim, tell: Callable[[float], None]
) -> list[Tried]:
    try:
        import optuna
    except ImportError:
        raise MissingExtra("planner", "optuna") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a search that is stopped is no failure
    seed = people.posterior.seed
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(16, max(trials // 3, 1)))
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    for settings in _begin_with(people, allowed):
        study.enqueue_trial(settings, skip_if_exists=True)
    found: dict[tuple[Any, ...], Tried] = {}
    scale = 7.0 * (weeks or int(value("settings", "horizon"))) * max(people.record.dose, 1.0)

    def judge(trial: optuna.Trial) -> tuple[float, float]:
        settings = suggest(people.record, allowed, trial.suggest_categorical)
        key = tuple(settings.values())
        if key not in found:
            option = option_of(people.record, settings)
            if option.abrupt or option.days > LONGEST:  # no schedule could be written of it
                raise optuna.TrialPruned
            found[key] = _tried(forecast(people, option, weeks), settings)
        made = found[key]
        tell((trial.number + 1) / trials)
        return aim.missed(made.flare, made.ready), made.prednisone / scale

    study.optimize(judge, n_trials=trials)
    return list(found.values())


def _begin_with(people: People, allowed: Sequence[str]) -> list[dict[str, Any]]:
    """Return a slow, a middling and a quick plan with each antibody, so that no search begins in the dark."""
    made = []
    for antibody in allowed:
        for place in (0.0, 0.5, 1.0):

            def pick(name: str, rows: Sequence[Any], place: float = place) -> Any:
                quick = name.startswith("step_mg") or name == "hold_at"
                at = place if quick else 1 - place
                return rows[round(at * (len(rows) - 1))]

            settings = suggest(people.record, [antibody], pick)
            made.append(settings if len(allowed) > 1 else {k: v for k, v in settings.items() if k != "antibody"})
    return made


def _tried(made: Forecast, settings: Mapping[str, Any]) -> Tried:
    rows = made.as_dict()["adrenal"]
    # Of those without a flare until then: where hardly anybody is left they tell nothing.
    last = [row["ready"] for row in rows if row["mg"] > 0][-1:]
    ready = last[0].estimate if last and last[0].n >= FEWEST else float("nan")
    well = made.solved
    return Tried(
        made.option, settings, float(np.isfinite(made.flare_day[well]).mean()), float(ready),
        float(made.daily[well].sum(axis=1).mean()),
    )  # fmt: skip


def _choice(
    found: Sequence[Tried], people: People, aim: _Aim, weeks: int | None, tell: Callable[[float], None]
) -> tuple[Forecast, Mapping[str, Any], bool]:
    """Try the best again on another future; return the least prednisone that keeps to the aim in both together."""
    order = sorted(found, key=lambda row: (aim.missed(row.flare, row.ready), row.prednisone))[:FINALISTS]
    best: list[tuple[float, float, int, Forecast]] = []
    for place, row in enumerate(order, start=1):
        made = forecast(people, row.option, weeks)
        again = _tried(made, row.settings)
        both = aim.missed((again.flare + row.flare) / 2, (again.ready + row.ready) / 2)
        best.append((both, again.prednisone, place, made))
        tell(place / len(order))
    missed, _, place, chosen = min(best, key=lambda row: row[:3])
    return chosen, order[place - 1].settings, missed <= 0


def afresh(people: People, weeks: int | None = None) -> People:
    """Return the same people with another future."""
    posterior = replace(people.posterior, persons=people.posterior.persons + AFRESH)
    run = posterior.run(until=people.until)
    return replace(people, posterior=posterior, run=run)


def front_of(found: Sequence[Tried]) -> tuple[Tried, ...]:
    """Return the plans that no other beats in flares, adrenals and prednisone at once, by prednisone.

    Examples
    --------
    >>> def plan(flare, ready, mg):
    ...     return Tried(None, {}, flare, ready, mg)
    >>> [row.prednisone for row in front_of([plan(0.2, 0.5, 900.0), plan(0.3, 0.5, 950.0), plan(0.1, 0.5, 990.0)])]
    [900.0, 990.0]
    """
    rows = np.array([[r.flare, -np.nan_to_num(r.ready), r.prednisone] for r in found]).reshape(-1, 3)
    kept = []
    for place, row in enumerate(rows):
        better = (rows <= row).all(axis=1) & (rows < row).any(axis=1)
        twin = (rows[:place] == row).all(axis=1).any()
        if not better.any() and not twin:
            kept.append(found[place])
    return tuple(sorted(kept, key=lambda r: r.prednisone))
