"""What becomes of the same people on each option: visits, decisions, doses, as in a trial; from today on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Dose
from abate.ground.errors import InputError
from abate.ground.randomness import uniform
from abate.inference import branch
from abate.planner.options import Option
from abate.planner.outlook import outlook
from abate.planner.people import OUTPUTS, People
from abate.planner.settings import value
from abate.science.policy import Memory, Policy, begin, decide
from abate.science.regimen import Regimen
from abate.science.regimen.drugs import clock_hours
from abate.study.observation import load_clinic

__all__ = ["Forecast", "forecast", "forecasts"]

Floats = npt.NDArray[np.float64]

STEROID = "prednisone"
LEAD = 84
"""Days of real doses that the policy sees before today, for 'back to the dose before'."""
VISIT_KEYS = 1 << 20
"""Visits of a plan draw their errors apart from those of a trial."""


@dataclass(frozen=True)
class Forecast:
    """What became of n people on one option.

    Attributes
    ----------
    option : Option
    people : People
    weeks : int
    daily : ndarray, shape (n, days)
        mg taken each day from today.
    flare_day : ndarray, shape (n,)
        Day of the first flare from today, infinite for none.
    courses : dict of output to ndarray, shape (n, weeks + 1)
        Weekly, today first; NaN for people whose solution failed.
    """

    option: Option
    people: People
    weeks: int
    daily: Floats
    flare_day: Floats
    courses: Mapping[str, Floats]

    @property
    def solved(self) -> npt.NDArray[np.bool_]:
        """Whose solution did not fail, shape (n,)."""
        return np.asarray(np.isfinite(self.courses["symptoms"]).all(axis=1))

    def as_dict(self) -> dict[str, Any]:
        """Return what results.json holds of the option: the plan, and every estimate with its interval."""
        return dict(self._told)

    @cached_property
    def _told(self) -> dict[str, Any]:
        return {**self.option.as_dict(), **outlook(self.option, self.weeks, self.daily, self.flare_day, self.courses,
                                                   self.people.effective, self.threshold,
                                                   flares=self.people.record.flares_forecast)}  # fmt: skip

    @property
    def threshold(self) -> float:
        """Points of the symptom score at which a visit calls a flare; NaN where flares are not modelled."""
        if not self.people.record.flares_forecast:
            return float("nan")
        policy = self.option.decides
        for name in ("flare-threshold", "flare-level"):
            if name in policy.settings:
                return policy.settings[name].value
        return load_clinic().flare_level(self.people.record.disease)


def forecasts(
    people: People,
    options: Mapping[str, Option],
    *,
    weeks: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Forecast]:
    """Forecast every option for the same people."""
    made = {}
    for place, (slug, option) in enumerate(options.items(), start=1):
        made[slug] = forecast(people, option, weeks=weeks)
        if progress:
            progress(place / len(options))
    return made


def forecast(people: People, option: Option, weeks: int | None = None) -> Forecast:
    """Forecast one option.

    Parameters
    ----------
    people : People
        From `people_like`: the same people, with the same noise to come, for every option.
    option : Option
    weeks : int, optional
        How far ahead; by default as far as the library says, at most as far as the people's noise reaches.

    Returns
    -------
    Forecast

    Raises
    ------
    InputError
        If the weeks lie outside what the people were made for.
    """
    asked = weeks if weeks is not None else int(value("settings", "horizon"))
    reach = int(people.until - people.today) // 7 - 1
    if not 4 <= asked <= max(reach, 4):
        raise InputError("--weeks", "not a horizon", value=asked, allowed=f"4 to {reach} weeks")
    policy = option.decides
    who, seed = people.posterior.persons, people.posterior.seed
    days = 7 * asked
    memory = _memory(people, option, policy, days)
    run = branch(people.run)
    clinic = load_clinic()
    measures = [m for m in policy.measures if m in clinic.measures]
    courses = {name: np.full((people.n, asked + 1), np.nan) for name in OUTPUTS}
    flare_day = np.full(people.n, np.inf)
    last = np.full(people.n, -np.inf)
    visits = _visit_days(policy, days)
    for index, day in enumerate(visits):
        truth = {name: rows[0] for name, rows in run.advance(people.today + day).items()}
        _keep(courses, day, truth)
        seen = clinic.observe(truth, measures, who, VISIT_KEYS + index, seed)
        draws = {d: uniform(seed, f"policy:{d}", who, VISIT_KEYS + index) for d in policy.draws}
        until = visits[index + 1] if index + 1 < len(visits) else None
        decisions = decide(policy, LEAD + day, seen, memory, draws, next_visit=None if until is None else LEAD + until)
        memory = decisions.memory
        flared = decisions.events.get("flare", np.zeros(people.n, dtype=bool))
        flare_day = np.where(flared & np.isinf(flare_day), float(day), flare_day)
        if until is None:
            break
        doses = [*_tablets(people, memory, day, until), *_antibody(people, option, memory, day, until, last)]
        weekly = np.arange((day // 7 + 1) * 7, until, 7)
        between = run.advance(people.today + until, doses, record_at=people.today + weekly.astype(float))
        for place, when in enumerate(weekly):
            _keep(courses, int(when), {name: rows[place] for name, rows in between.items()})
    return Forecast(option, people, asked, memory.plan[:, LEAD : LEAD + days], flare_day, courses)


def _memory(people: People, option: Option, policy: Policy, days: int) -> Memory:
    """Return what the policy knows today: doses of the last weeks, the plan ahead, whether there is remission."""
    who, seed = people.posterior.persons, people.posterior.seed
    draws = {d: uniform(seed, f"policy:{d}", who, 0) for d in policy.draws}
    memory = begin(policy, people.n, LEAD + days + 1, draws=draws, drug=option.antibody is not None)
    past = people.record.prednisone(people.record.today - timedelta(days=LEAD), LEAD)
    ahead = option.daily(memory.plan.shape[1] - LEAD)
    memory = memory.with_plan(np.broadcast_to([*past, *ahead], memory.plan.shape).copy())
    if people.record.remission and "remission" in policy.events:
        count = {**memory.count, "remission": np.ones(people.n, dtype=np.int64)}
        memory = replace(memory, count=count, last={**memory.last, "remission": np.zeros(people.n)})
    return memory


def _visit_days(policy: Policy, days: int) -> list[int]:
    every = max(1, round(policy.visits.every.days))
    return sorted({*range(0, days, every), days})


def _keep(courses: Mapping[str, Floats], day: int, values: Mapping[str, Floats]) -> None:
    if day % 7 == 0:
        for name, course in courses.items():
            course[:, day // 7] = values[name]


def _tablets(people: People, memory: Memory, day: int, until: int) -> Iterator[Dose]:
    hour = clock_hours()["morning"] / 24
    for ahead in range(day, until):
        yield Dose(people.today + ahead + hour, STEROID, "oral", memory.plan[:, LEAD + ahead])


def _antibody(people: People, option: Option, memory: Memory, day: int, until: int, last: Floats) -> Iterator[Dose]:
    """Yield the antibody's doses; `last` holds the day of each person's last one and is moved on."""
    regimen: Regimen | None = option.antibody
    if regimen is None:
        return
    since = option.antibody_since
    weight = {"weight": [people.record.weight]} if regimen.needs_weight and people.record.weight else None
    given = regimen.doses(day + since, until + since, weight)
    for time, amount in zip(given.time - since, given.amount, strict=True):
        every = memory.drug_every
        due = memory.drug_on & (np.isnan(every) | (time - last >= every - 1e-9))
        last[due] = time
        when = people.today + float(time) + given.lag_h / 24
        yield Dose(when, given.drug, given.route, np.where(due, float(amount[0]), 0.0), given.duration_h / 24)
