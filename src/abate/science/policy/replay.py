"""What a policy would have decided on recorded charts, and where that differs from what was done.

At every visit the policy is shown what the chart shows up to then, and the doses that were really taken. It is asked
what it would do next, that is compared with what was done next, and then the chart goes on as it was: what would have
come of the other decision is not known and never made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.science.policy.actions import Rescue
from abate.science.policy.charts import Charts
from abate.science.policy.decide import Decisions, decide
from abate.science.policy.memory import Memory, begin, stretch
from abate.science.policy.plan import last_taken
from abate.science.policy.value import Policy
from abate.science.regimen import Taper

__all__ = ["Replayed", "replay"]

Floats = npt.NDArray[np.float64]
_ABOVE = "the plan begins below this dose"
_SAME_DAYS = 0.5  # injections are counted by days
_SAME_MG = 0.05  # below half of the smallest tablet: another number for the same dose


@dataclass(frozen=True, slots=True)
class Replayed:
    """One visit of one subject.

    Attributes
    ----------
    subject, day : str, int
    rule : str
        The rules that would have decided, with commas; empty for none.
    seen : dict
        What was observed at the visit, and the dose last taken.
    decided, reason : str
        What the policy would have done, and why.
    policy_mg, chart_mg : float
        Prednisone of that day by the policy and in the chart.
    comparison : str
        ``agrees``; ``only the policy changes``, ``only the chart changes``, ``both change, differently``; or, with
        nothing to compare, ``last visit`` and ``above the plan`` (a dose that its taper does not reach).
    """

    subject: str
    day: int
    rule: str
    seen: dict[str, float]
    decided: str
    reason: str
    policy_mg: float
    chart_mg: float
    comparison: str

    @property
    def differs(self) -> bool:
        """Whether the policy would have decided otherwise."""
        return self.comparison not in ("agrees", "last visit", "above the plan")


def replay(policy: Policy, charts: Charts, *, taper: Taper | None = None) -> Iterator[Replayed]:
    """Yield every visit of some charts with what a policy would have decided.

    Where the chart left the policy's plan before a visit, the plan is taken up again at the dose really taken, with the
    days already spent on it. Where a rule chooses a dose at random, the choice nearest to what was done is taken, so
    that chance is no difference.

    Parameters
    ----------
    policy : Policy
    charts : Charts
    taper : Taper, optional
        Of the plan, in the place of the policy's own.

    Yields
    ------
    Replayed
        Visit by visit.
    """
    plan_of = taper or policy.tapers[policy.start.taper]
    taken = charts.prednisone
    first = charts.days[0]
    start = np.minimum(taken[:, first], policy.prednisone_limit)
    half = dict.fromkeys(policy.draws, np.full(len(charts.subjects), 0.5))
    memory = begin(
        policy, len(charts.subjects), taken.shape[1], start_dose=start, draws=half, taper=plan_of, drug=charts.given
    )
    memory = memory.with_plan(_taken_up(memory, plan_of, taken, first, np.ones(len(start), dtype=bool), start))
    for index, day in enumerate(charts.days):
        until = charts.days[index + 1] if index + 1 < len(charts.days) else None
        if index:
            since = charts.days[index - 1]
            left = np.any(np.abs(memory.plan[:, since:day] - taken[:, since:day]) > _SAME_MG, axis=1)
            memory = memory.with_plan(_taken_up(memory, plan_of, taken, day, left, last_taken(taken, day)))
        memory = replace(memory, given={name: on[index].copy() for name, on in charts.given.items()})
        if index:
            # What the policy would have spaced, and the chart did not, goes on as in the chart.
            close = {name: apart[index - 1] < memory.every[name] - _SAME_DAYS for name, apart in charts.apart.items()}
            memory = replace(memory, every={n: np.where(close[n], np.nan, days) for n, days in memory.every.items()})
        observed = {name: values[index] for name, values in charts.observed.items()}
        draws = _nearest_draws(policy, last_taken(memory.plan, day), taken[:, day]) | {
            "step-length": half.get("step-length", np.zeros(0))
        }
        decisions = decide(policy, day, observed, memory, draws, next_visit=until)
        above = last_taken(taken, day) > plan_of.table.max() + _SAME_MG
        yield from _rows(charts, decisions, index, until, above)
        memory = decisions.memory


def _taken_up(
    memory: Memory, taper: Taper, taken: Floats, day: int, left: npt.NDArray[np.bool_], dose: Floats
) -> Floats:
    """Return the plan with the doses really taken before a day; who left it takes the taper up at their own dose."""
    plan = memory.plan.copy()
    plan[:, :day] = taken[:, :day]
    rows = np.flatnonzero(left)
    if rows.size:
        factor = stretch(taper, memory.step_days[rows])
        done = _days_done(taper, taken[rows, :day], dose[rows], factor)
        ahead = np.arange(plan.shape[1] - day)[None, :] + done[:, None]
        plan[rows, day:] = taper.dose_on(ahead, dose[rows, None], factor[:, None])
    return plan


def _days_done(taper: Taper, past: Floats, dose: Floats, factor: Floats) -> npt.NDArray[np.int64]:
    """Return how many days of the step of their dose people have behind them: as many as they took it in a row."""
    changed = np.abs(past[:, ::-1] - dose[:, None]) > _SAME_MG
    run = np.where(changed.any(axis=1), changed.argmax(axis=1), past.shape[1]) if past.shape[1] else np.zeros(dose.size)
    step = np.minimum(taper.entry(dose), len(taper.steps) - 1)
    stretched = np.array([taper.stretch_from is not None and s >= taper.stretch_from for s in step])
    length = np.array([taper.steps[s].days for s in step]) * np.where(stretched, factor, 1.0)
    same = np.abs(taper.levels[step] - dose) <= _SAME_MG
    return np.where(same, np.minimum(run, np.ceil(length)), 0).astype(np.int64)


def _nearest_draws(policy: Policy, now: Floats, done: Floats) -> dict[str, Floats]:
    """Return the draws with which each rescue chooses the dose nearest to what was done."""
    draws: dict[str, Floats] = {}
    for rule in policy.rules:
        for action in rule.do:
            if isinstance(action, Rescue) and len(action.to) > 1:
                choices = np.sort(np.asarray(action.to))[::-1]
                open_ = choices[None, :] >= now[:, None] + action.above - 1e-9
                distance = np.where(open_, np.abs(choices[None, :] - done[:, None]), np.inf)
                draws[rule.id] = (distance.argmin(axis=1) + 0.5) / np.maximum(open_.sum(axis=1), 1)
    return draws


def _rows(
    charts: Charts, decisions: Decisions, index: int, until: int | None, above: npt.NDArray[np.bool_]
) -> Iterator[Replayed]:
    day, taken = charts.days[index], charts.prednisone
    entries: dict[int, list[dict[str, Any]]] = {}
    for row in decisions.ledger():
        entries.setdefault(row["person"], []).append(row)
    before = last_taken(taken, day)
    for person, subject in enumerate(charts.subjects):
        found = entries.get(person, [])
        values = {name: float(rows[index, person]) for name, rows in charts.observed.items()}
        seen = {name: value for name, value in values.items() if not np.isnan(value)}
        yield Replayed(
            subject,
            day,
            ", ".join(str(row["rule"]) for row in found),
            seen | {"dose": float(before[person])},
            "; ".join(str(row["decided"]) for row in found) or (_ABOVE if above[person] else "go on with the plan"),
            "; ".join(str(row["reason"]) for row in found),
            float(decisions.dose[person]),
            float(taken[person, day]),
            _compare(charts, decisions, index, until, person, above=bool(above[person])),
        )


@dataclass(frozen=True, slots=True)
class _Drugs:
    """Whether the drugs beside prednisone go on as the policy would have them, and who changes something."""

    same: bool
    policy_changes: bool
    chart_changes: bool


def _drugs(charts: Charts, decisions: Decisions, index: int, person: int) -> _Drugs:
    after, before = decisions.memory, decisions.before
    policy, chart, same = False, False, True
    for name, given in charts.given.items():
        now, later = bool(given[index][person]), bool(given[index + 1][person])
        wanted = bool(after.given[name][person])
        every, was = after.every[name][person], before.every[name][person]
        # A chart gives a spaced drug when its doses lie so far apart, or there is no second one to tell by.
        close = wanted and charts.apart[name][index][person] < every - _SAME_DAYS
        same = same and wanted == later and not close
        policy = policy or wanted != now or (close and every != was)
        chart = chart or later != now
    return _Drugs(same, policy, chart)


def _compare(charts: Charts, decisions: Decisions, index: int, until: int | None, person: int, *, above: bool) -> str:
    if until is None:
        return "last visit"
    day, after = charts.days[index], decisions.memory
    drugs = _drugs(charts, decisions, index, person)
    wanted, done = after.plan[person, day:until], charts.prednisone[person, day:until]
    if np.all(np.abs(wanted - done) <= _SAME_MG) and drugs.same:
        return "agrees"
    policy_changes = bool(decisions.changed[person]) or drugs.policy_changes
    if above and not policy_changes:
        return "above the plan"
    planned = decisions.before.plan[person, day:until]
    chart_changes = bool(np.any(np.abs(done - planned) > _SAME_MG)) or drugs.chart_changes
    if policy_changes and chart_changes:
        return "both change, differently"
    return "only the policy changes" if policy_changes else "only the chart changes"
