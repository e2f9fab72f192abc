"""One visit: who meets which rule, and what follows. A pure function of what was observed and what is remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.science.policy.actions import (
    Action,
    Call,
    DrugOrder,
    Gate,
    Hold,
    Lengthen,
    RepeatWeek,
    Rescue,
    Retest,
    SpaceDrug,
    StepBack,
    StepDown,
    StopPrednisone,
    Stress,
)
from abate.science.policy.conditions import Compare, atoms
from abate.science.policy.facts import Facts
from abate.science.policy.measures import in_unit, observable
from abate.science.policy.memory import Memory, drawn, stretch
from abate.science.policy.plan import down_to, insert, last_taken, next_lower, previous_higher, rewrite
from abate.science.policy.value import Policy, Rule
from abate.science.regimen.value import Span, number

__all__ = ["Decisions", "decide", "wants_visit"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Decisions:
    """What was decided at a visit.

    Attributes
    ----------
    day : int
    memory : Memory
        Of after the visit; hand it in at the next one. ``memory.plan[:, day:]`` is the prednisone from today on.
    fired : ndarray of bool, shape (rules, n)
        Which rules decided for whom.
    rule : ndarray of int, shape (n,)
        The first rule that decided, -1 for none; an index into ``policy.rules``.
    events : mapping of event to ndarray of bool, shape (n,)
        Which events were called today.
    changed : ndarray of bool, shape (n,)
        Whose prednisone plan was changed.
    dose : ndarray, shape (n,)
        mg of today.
    """

    policy: Policy
    day: int
    memory: Memory
    fired: Booleans
    events: Mapping[str, Booleans]
    changed: Booleans
    observed: Mapping[str, Floats] = field(repr=False)
    before: Memory = field(repr=False)

    @property
    def rule(self) -> npt.NDArray[np.int64]:
        """The first rule that decided for each person, -1 for none, shape (n,)."""
        return (
            np.where(self.fired.any(axis=0), self.fired.argmax(axis=0), -1)
            if len(self.fired)
            else np.full(self.memory.persons, -1)
        )

    @property
    def dose(self) -> Floats:
        """mg of today, shape (n,)."""
        return self.memory.plan[:, self.day]

    def ledger(self) -> Iterator[dict[str, Any]]:
        """Yield a row for every decision: person (index), day, rule, what was seen, what was decided, why."""
        was = last_taken(self.before.plan, self.day)
        for index, rule in enumerate(self.policy.rules):
            names = [
                a.quantity.name for a in atoms(rule.when) if isinstance(a, Compare) and a.quantity.name in self.observed
            ]
            names += [a.measure for a in rule.do if isinstance(a, Gate) and a.measure in self.observed]
            for person in np.flatnonzero(self.fired[index]):
                seen = {name: float(self.observed[name][person]) for name in dict.fromkeys(names)}
                seen = {name: value for name, value in seen.items() if not np.isnan(value)}
                yield {
                    "person": int(person),
                    "day": self.day,
                    "rule": rule.id,
                    "seen": {**seen, "dose": float(was[person])},
                    "decided": self._decided(rule, int(person)),
                    "reason": rule.because,
                }

    def _seen(self, measure: str, person: int) -> float:
        return float(self.observed[measure][person]) if measure in self.observed else float("nan")

    def _decided(self, rule: Rule, person: int) -> str:
        dose = number(round(float(self.memory.plan[person, self.day]), 3))
        parts = []
        for action in rule.do:
            if isinstance(action, Rescue):
                parts.append(f"rescue to {dose} mg" + (f", then {action.then}" if action.then else ""))
            elif isinstance(action, Gate):
                parts.append(f"{_gate_says(action, self._seen(action.measure, person))} ({dose} mg)")
            elif isinstance(action, Hold | StepDown | StepBack | RepeatWeek | Stress):
                parts.append(f"{action} ({dose} mg)")
            else:
                parts.append(str(action))
        return "; ".join(parts)


def decide(
    policy: Policy,
    day: int,
    observed: Mapping[str, npt.ArrayLike],
    memory: Memory,
    draws: Mapping[str, npt.ArrayLike] | None = None,
    *,
    next_visit: int | None = None,
    present: npt.ArrayLike = True,
) -> Decisions:
    """Decide at a visit for everybody.

    Rules are judged in order on the same facts: today's observations, and what was remembered before today. A rule
    decides for a person when its condition holds and no rule before it has claimed the same thing (prednisone, drug)
    for that person today; so there is never more than one change of prednisone at a visit.

    Parameters
    ----------
    policy : Policy
    day : int
        Whole day of the visit, before the dose of that morning.
    observed : mapping of measure to array_like, shape (n,)
        NaN where it was not measured. Measures that the policy does not declare are ignored.
    memory : Memory
    draws : mapping of name to array_like in (0, 1), shape (n,), optional
        For the names in ``policy.draws``.
    next_visit : int, optional
        Day until which ``hold`` holds; by default after ``policy.visits.every``.
    present : array_like of bool, shape (n,)
        Who is seen; nothing is decided for the others.

    Returns
    -------
    Decisions

    Raises
    ------
    InputError
        If the day lies before an earlier visit or outside the plan, or a draw is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from abate.science.policy import begin, decide, load_policy
    >>> policy = load_policy("giacta")
    >>> memory = begin(policy, 2, 364, start_dose=[60, 40])
    >>> draws = {name: np.array([0.5, 0.5]) for name in policy.draws}
    >>> memory = decide(policy, 14, {"symptom-score": [3.0, 20.0]}, memory, draws).memory
    >>> later = decide(policy, 70, {"symptom-score": [30.0, 2.0]}, memory, draws)
    >>> [policy.rules[i].id for i in later.rule], later.dose.tolist()
    (['flare', 'remission'], [30.0, 8.0])
    """
    if not 0 <= day < memory.plan.shape[1] or (memory.days and day < memory.days[-1]):
        allowed = f"{memory.days[-1] if memory.days else 0} to {memory.plan.shape[1] - 1}"
        raise InputError("day", "a visit lies before an earlier one or outside the plan", value=day, allowed=allowed)
    seen = {name: np.asarray(observed[name], dtype=float) for name in policy.measures if name in observed}
    facts = Facts(policy, memory, day, seen)
    work = _Work(policy, facts, day, draws, next_visit or day + round(policy.visits.every.days))
    here = np.broadcast_to(np.asarray(present, dtype=bool), (memory.persons,))
    fired = np.zeros((len(policy.rules), memory.persons), dtype=bool)
    every = {name for rule in policy.rules for name in rule.channels}
    claimed = {name: np.zeros(memory.persons, dtype=bool) for name in every}
    for index, rule in enumerate(policy.rules):
        hit = facts.holds(rule.when) & here
        for name in rule.channels:
            hit = hit & ~claimed[name]
        for name in rule.channels:
            claimed[name] = claimed[name] | hit
        fired[index] = hit
        if hit.any():
            for action in rule.do:
                work.do(rule, action, np.flatnonzero(hit))
    after = work.memory(seen)
    changed = np.any(after.plan[:, day:] != memory.plan[:, day:], axis=1)
    return Decisions(policy, day, after, fired, work.called, changed, seen, memory)


def wants_visit(policy: Policy, day: int, observed: Mapping[str, npt.ArrayLike], memory: Memory) -> Booleans:
    """Return who asks for a visit between the scheduled ones (``visits.on-symptoms``), shape (n,)."""
    if policy.visits.on_symptoms is None:
        return np.zeros(memory.persons, dtype=bool)
    seen = {name: np.asarray(observed[name], dtype=float) for name in policy.measures if name in observed}
    return Facts(policy, memory, day, seen).holds(policy.visits.on_symptoms)


def _gate_levels(gate: Gate) -> tuple[float, float]:
    """Return the levels of a gate, hold and stop, in the unit of its measure."""
    unit = observable()[gate.measure]
    return in_unit(gate.hold_from, gate.unit, unit, "gate"), in_unit(gate.stop_above, gate.unit, unit, "gate")


def _gate_says(gate: Gate, value: float) -> str:
    hold, stop = _gate_levels(gate)
    if np.isnan(value):
        return f"{gate.measure} not measured: continue"
    if value > stop:
        return f"{gate.measure} above {number(gate.stop_above)} {gate.unit}: stop prednisone"
    if value >= hold:
        return f"{gate.measure} from {number(gate.hold_from)} {gate.unit}: hold and retest in {gate.retest}"
    return f"{gate.measure} below {number(gate.hold_from)} {gate.unit}: continue"


class _Work:
    """The arrays that a visit changes: copies of the memory's, given back as a new memory."""

    def __init__(
        self, policy: Policy, facts: Facts, day: int, draws: Mapping[str, npt.ArrayLike] | None, next_visit: int
    ) -> None:
        self.policy, self.facts, self.day, self.draws, self.next_visit = policy, facts, day, draws, next_visit
        self.old = facts.memory
        self.plan = self.old.plan.copy()
        self.step_days = self.old.step_days.copy()
        self.given = {name: on.copy() for name, on in self.old.given.items()}
        self.every = {name: days.copy() for name, days in self.old.every.items()}
        self.called = {event: np.zeros(self.old.persons, dtype=bool) for event in policy.events}
        self.due = dict(self.old.due)

    def do(self, rule: Rule, action: Action, rows: npt.NDArray[np.int64]) -> None:
        now = last_taken(self.old.plan, self.day)[rows]
        if isinstance(action, Call):
            self.called[action.event][rows] = True
        elif isinstance(action, Hold):
            self._insert(rows, now, action.length)
        elif isinstance(action, StepDown):
            next_lower(self.plan, rows, self.day)
        elif isinstance(action, StepBack):
            self._insert(rows, previous_higher(self.plan, rows, self.day), action.length)
        elif isinstance(action, RepeatWeek):
            week = self.plan[rows, max(self.day - 7, 0) : self.day]
            insert(self.plan, rows, self.day, week if week.size else self.plan[rows, :1])
        elif isinstance(action, Stress):
            dose = np.maximum(action.times * now, action.at_least)
            self._insert(rows, np.minimum(dose, self.policy.prednisone_limit), action.length)
        elif isinstance(action, Rescue):
            self._rescue(rule, action, rows, now)
        elif isinstance(action, Lengthen):
            length = self.policy.start.step_length
            longest = length.at_most.days if length else np.inf
            self.step_days[rows] = np.minimum(self.step_days[rows] * action.factor, longest)
        elif isinstance(action, StopPrednisone):
            self.plan[rows, self.day :] = 0.0
        elif isinstance(action, Gate):
            self._gate(action, rows, now)
        elif isinstance(action, DrugOrder):
            for name in self.old.names(action.drug):
                self.given[name][rows] = action.order == "resume"
        elif isinstance(action, SpaceDrug):
            for name in self.old.names(action.drug):
                self.every[name][rows] = action.every.days
        elif isinstance(action, Retest):
            self._ask(action.measure, rows, action.after)

    def memory(self, seen: Mapping[str, Floats]) -> Memory:
        """Return the memory after the visit."""
        old = self.old
        missing = np.full((len(old.days), old.persons), np.nan)
        history = {
            name: np.concatenate([old.history.get(name, missing), self.facts.now(name)[None, :]])
            for name in self.policy.measures
        }
        due = {
            name: np.where(np.isnan(self.facts.now(name)) | (d > self.day), d, np.inf) for name, d in self.due.items()
        }
        return replace(
            old,
            plan=self.plan,
            step_days=self.step_days,
            count={event: old.count[event] + hit for event, hit in self.called.items()},
            last={event: np.where(hit, float(self.day), old.last[event]) for event, hit in self.called.items()},
            days=(*old.days, self.day),
            history=history,
            latched=self.facts.latched,
            given=self.given,
            every=self.every,
            due=due,
        )

    def _insert(self, rows: npt.NDArray[np.int64], dose: Floats, length: Span | None) -> None:
        days = max(round(length.days) if length else self.next_visit - self.day, 1)
        insert(self.plan, rows, self.day, np.repeat(dose[:, None], days, axis=1))

    def _rescue(self, rule: Rule, action: Rescue, rows: npt.NDArray[np.int64], now: Floats) -> None:
        top = self._rescue_dose(rule, action, rows, now)
        taper = self.policy.tapers[action.then] if action.then else None
        step_days = self.step_days[rows]
        factor = np.ones_like(step_days) if taper is None else stretch(taper, step_days)
        hold = np.zeros(rows.size)
        if isinstance(action.hold, Span):
            hold[:] = action.hold.days
        elif action.hold:
            base = taper.steps[taper.stretch_from].days if taper and taper.stretch_from is not None else 0.0
            hold = np.where(np.isnan(step_days), base, step_days)
        course = down_to(
            top,
            np.minimum(now, top) if action.down else top,
            mg=action.down[0] if action.down else 0.0,
            days=round(action.down[1].days) if action.down else 0,
            hold=hold,
            taper=taper,
            stretch=factor,
            length=self.plan.shape[1] - self.day,
        )
        rewrite(self.plan, rows, self.day, course)
        self.called["rescue"][rows] = True

    def _rescue_dose(self, rule: Rule, action: Rescue, rows: npt.NDArray[np.int64], now: Floats) -> Floats:
        limit = self.policy.prednisone_limit
        if not action.to:
            return np.minimum(np.maximum(now + action.by, action.at_least), limit)
        choices = np.sort(np.asarray(action.to))[::-1]
        count = (choices[None, :] >= now[:, None] + action.above - 1e-9).sum(axis=1)
        chosen = np.zeros(rows.size, dtype=np.int64)
        if len(choices) > 1:
            u = drawn(self.draws, rule.id, self.old.persons)[rows]
            chosen = np.minimum((u * count).astype(np.int64), np.maximum(count - 1, 0))
        return np.minimum(np.where(count > 0, choices[chosen], np.maximum(choices[0], now)), limit)

    def _gate(self, action: Gate, rows: npt.NDArray[np.int64], now: Floats) -> None:
        hold, stop = _gate_levels(action)
        value = self.facts.now(action.measure)[rows]
        self.plan[rows[value > stop], self.day :] = 0.0
        held = (value >= hold) & (value <= stop)
        self._insert(rows[held], now[held], action.retest)
        self._ask(action.measure, rows[held], action.retest)

    def _ask(self, measure: str, rows: npt.NDArray[np.int64], after: Span) -> None:
        due = self.due.get(measure, np.full(self.old.persons, np.inf)).copy()
        due[rows] = self.day + after.days
        self.due[measure] = due
