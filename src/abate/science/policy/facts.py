"""Judging conditions for everybody at a visit: array code, one place a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np
import numpy.typing as npt

from abate.science.policy.conditions import (
    All,
    Always,
    Amount,
    Any,
    Compare,
    Condition,
    Drug,
    Happened,
    Measured,
    Not,
    Operator,
    Quantity,
    Setting,
    atoms,
)
from abate.science.policy.measures import in_unit, observable
from abate.science.policy.memory import Memory
from abate.science.policy.plan import last_taken
from abate.science.policy.value import Policy
from abate.science.regimen.value import Span

__all__ = ["Facts", "threshold", "unit_of"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
_NEAR = 1e-9  # days; visits lie on whole days, this only absorbs rounding


def unit_of(quantity: Quantity) -> str:
    """Return the unit in which a quantity is compared."""
    fixed = {"dose": "mg", "day": "day", "since": "day", "count": ""}
    return fixed[quantity.kind] if quantity.kind in fixed else observable()[quantity.name]


def threshold(policy: Policy, quantity: Quantity, value: Amount | Setting, *, where: str = "when") -> float:
    """Return the number that a quantity is compared with, in the quantity's unit.

    Raises
    ------
    UnitError
        If the unit is missing or does not fit.
    """
    unit = unit_of(quantity)
    if isinstance(value, Setting):
        setting = policy.settings[value.name]
        return in_unit(setting.value, setting.unit, unit, where)
    return in_unit(value.value, value.unit, unit, where)


@dataclass
class Facts:
    """What is known at a visit, before anything is decided at it.

    Attributes
    ----------
    policy : Policy
    memory : Memory
    day : int
    observed : mapping of measure to ndarray, shape (n,)
        NaN where it was not measured; a comparison with what is missing never holds.
    latched : dict
        New state of the conditions with hysteresis, filled as they are judged.
    """

    policy: Policy
    memory: Memory
    day: int
    observed: Mapping[str, Floats]
    latched: dict[str, Booleans] = field(default_factory=dict)

    def __post_init__(self) -> None:
        asked = [rule.when for rule in self.policy.rules]
        asked += [self.policy.visits.on_symptoms] if self.policy.visits.on_symptoms else []
        for condition in asked:
            for atom in atoms(condition):
                if isinstance(atom, Compare) and atom.until:
                    self._latch(atom)

    def holds(self, condition: Condition) -> Booleans:
        """Return for whom a condition holds, shape (n,)."""
        if isinstance(condition, Compare):
            return self._compare(condition)
        if isinstance(condition, All):
            return np.asarray(np.logical_and.reduce([self.holds(part) for part in condition.parts]))
        if isinstance(condition, Any):
            return np.asarray(np.logical_or.reduce([self.holds(part) for part in condition.parts]))
        if isinstance(condition, Not):
            return ~self.holds(condition.part)
        if isinstance(condition, Happened):
            return np.asarray((self.memory.count[condition.event] > 0) == condition.ever)
        if isinstance(condition, Drug):
            return np.asarray(self.memory.on(condition.name) == condition.on)
        if isinstance(condition, Measured):
            return ~np.isnan(self.now(condition.name))
        if isinstance(condition, Always):
            return np.ones(self.memory.persons, dtype=bool)
        assert_never(condition)

    def now(self, name: str) -> Floats:
        """Return today's observation of a measure, shape (n,)."""
        return np.asarray(self.observed.get(name, np.full(self.memory.persons, np.nan)), dtype=float)

    def past(self, name: str) -> Floats:
        """Return the observations up to today, shape (visits + 1, n)."""
        earlier = self.memory.history.get(name, np.empty((0, self.memory.persons)))
        return np.concatenate([earlier, self.now(name)[None, :]])

    def value(self, quantity: Quantity) -> Floats:
        """Return the value of a quantity, shape (n,)."""
        n = self.memory.persons
        if quantity.kind == "measure":
            return self.now(quantity.name)
        if quantity.kind == "dose":
            return last_taken(self.memory.plan, self.day)
        if quantity.kind == "day":
            return np.full(n, float(self.day))
        if quantity.kind == "since":
            return self.day - self.memory.last[quantity.name]
        if quantity.kind == "count":
            return self.memory.count[quantity.name].astype(float)
        if quantity.kind == "mean":
            inside = self.past(quantity.name)[self._within(quantity.window)]
            seen = ~np.isnan(inside)
            total = np.where(seen, inside, 0.0).sum(axis=0)
            return np.where(seen.any(axis=0), total / np.maximum(seen.sum(axis=0), 1), np.nan)
        change = self.now(quantity.name) - self._before(quantity)
        return change if quantity.kind == "rise" else -change

    def _before(self, quantity: Quantity) -> Floats:
        """Return the earlier observation that a rise or fall is counted from."""
        earlier = self.past(quantity.name)[:-1]
        if isinstance(quantity.window, Span):
            earlier = earlier[self._within(quantity.window)[:-1]]
        if earlier.shape[0] == 0:
            return np.full(self.memory.persons, np.nan)
        seen = ~np.isnan(earlier)
        first = seen.argmax(axis=0)
        last = earlier.shape[0] - 1 - seen[::-1].argmax(axis=0)
        at = last if quantity.window == "last visit" else first
        return np.asarray(earlier[at, np.arange(self.memory.persons)])

    def _within(self, span: Span | str) -> Booleans:
        length = span.days if isinstance(span, Span) else np.inf
        return np.array([self.day - d <= length + _NEAR for d in (*self.memory.days, self.day)])

    def _compare(self, atom: Compare) -> Booleans:
        if atom.until:
            return self.latched[str(atom)]
        level = threshold(self.policy, atom.quantity, atom.value)
        if atom.window is None:
            return _test(self.value(atom.quantity), atom.operator, level)
        past = _test(self.past(atom.quantity.name), atom.operator, level)
        if isinstance(atom.window.length, int):
            recent = past[-atom.window.length :]
            return np.asarray(recent.all(axis=0) & (past.shape[0] >= atom.window.length))
        inside = self._within(atom.window.length)
        if atom.window.kind == "any":
            return np.asarray(past[inside].any(axis=0))
        missing = np.isnan(self.past(atom.quantity.name)[inside])
        return np.asarray((past[inside] | missing).all(axis=0) & past[-1])

    def _latch(self, atom: Compare) -> None:
        if not atom.until or str(atom) in self.latched:
            return
        value = self.value(atom.quantity)
        before = self.memory.latched.get(str(atom), np.zeros(self.memory.persons, dtype=bool))
        on = _test(value, atom.operator, threshold(self.policy, atom.quantity, atom.value))
        off = _test(value, atom.until[0], threshold(self.policy, atom.quantity, atom.until[1]))
        self.latched[str(atom)] = on | (before & ~off)


def _test(value: Floats, operator: Operator, level: float) -> Booleans:
    """Compare; NaN never holds."""
    tests = {">=": np.greater_equal, ">": np.greater, "<=": np.less_equal, "<": np.less}
    return np.asarray(tests[operator](value, level))
