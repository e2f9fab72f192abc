"""Rules that conflict or can never decide, found when a policy is loaded.

Every condition is made of a few facts, and a comparison only changes its answer at its thresholds. So the possible
visits fall into finitely many cells: one value at, below, between and above the thresholds of each quantity, with or
without each event. Two rules overlap when some cell fulfils both; a rule is dead when no cell is left to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from abate.ground.files import Document, library_path, load_toml
from abate.science.policy.actions import ANTIBODY, Call, Gate, Rescue, StopPrednisone
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
    atoms,
)
from abate.science.policy.facts import threshold
from abate.science.policy.value import Policy, Rule
from abate.science.regimen import antibodies

__all__ = ["Cells", "check", "physiological_mg"]

Booleans = npt.NDArray[np.bool_]
_MOST_CELLS = 2_000_000  # above this a check is left out, for want of memory; no policy of the library comes near
_BOTH = np.array([0.0, 1.0])


@cache
def physiological_mg() -> float:
    """Return the upper end of the physiological dose of prednisone, mg a day: the most that may be stopped at once."""
    return float(load_toml(library_path("drugs", "equivalence.toml")).data["adrenal"]["prednisone"][1])


def check(document: Document, policy: Policy, order: list[int]) -> None:
    """Refuse a policy whose rules conflict, can never decide, or would stop prednisone abruptly.

    Parameters
    ----------
    document : Document
        Whose lines are named.
    policy : Policy
    order : list of int
        Place in the file of each rule of the policy.

    Raises
    ------
    InputError
        Naming the rules, and a visit at which it shows.
    """
    _no_dead_rule(document, policy, order)
    for later, rule in enumerate(policy.rules):
        for earlier in range(later):
            other = policy.rules[earlier]
            shared = sorted(rule.channels & other.channels)
            if not shared or rule.priority != other.priority or rule.do == other.do:
                continue
            witness = Cells(policy, (rule.when, other.when)).first(All((rule.when, other.when)))
            if witness is not None:
                raise document.error(
                    ("rules", order[later], "when"),
                    f"the rules {other.id!r} and {rule.id!r} both decide on {shared[0]}, at equal priority, {witness}",
                    hint="give one of them a higher priority, or let their conditions exclude each other",
                )
        if any(isinstance(a, StopPrednisone | Gate) for a in rule.do):
            high = Compare(Quantity("dose"), ">", Amount(physiological_mg(), "mg"))
            witness = Cells(policy, (rule.when, high)).first(All((rule.when, high)))
            if witness is not None:
                raise document.error(
                    ("rules", order[later], "when"),
                    f"the rule {rule.id!r} could stop prednisone abruptly, {witness}",
                    allowed=f"only where the rule asks for a dose <= {physiological_mg():g} mg",
                )


def _no_dead_rule(document: Document, policy: Policy, order: list[int]) -> None:
    """Find rules that no visit fulfils or that earlier rules forestall; an event needs a living rule that calls it."""
    possible: set[str] = set()
    alive: set[int] = set()
    while True:
        found = {i for i, rule in enumerate(policy.rules) if _reachable(policy, rule, possible)}
        if found == alive:
            break
        alive = found
        possible = {e for i in alive for e in _events(policy.rules[i])}
    for index, rule in enumerate(policy.rules):
        key = ("rules", order[index], "when")
        if index not in alive:
            raise document.error(
                key, f"the rule {rule.id!r} can never decide: nothing fulfils its condition", value=str(rule.when)
            )
        before = [r for r in policy.rules[:index] if r.channels & rule.channels]
        if before and rule.channels:
            cells = Cells(policy, (rule.when, *(r.when for r in before)), possible)
            free = All((rule.when, Not(Any(tuple(r.when for r in before)))))
            if cells.size <= _MOST_CELLS and cells.first(free) is None:
                names = ", ".join(repr(r.id) for r in before)
                decide = "decides" if len(before) == 1 else "decide"
                raise document.error(key, f"the rule {rule.id!r} can never decide: {names} always {decide} first")


def _reachable(policy: Policy, rule: Rule, possible: set[str]) -> bool:
    cells = Cells(policy, (rule.when,), possible)
    return cells.size > _MOST_CELLS or cells.first(rule.when) is not None


def _events(rule: Rule) -> Iterator[str]:
    for action in rule.do:
        if isinstance(action, Call):
            yield action.event
        elif isinstance(action, Rescue):
            yield "rescue"


class Cells:
    """The finitely many kinds of visit that some conditions can tell apart, as arrays over a grid.

    Parameters
    ----------
    policy : Policy
    conditions : iterable of Condition
    possible : set of str, optional
        Events that may have happened (default: all).
    """

    def __init__(self, policy: Policy, conditions: Iterable[Condition], possible: set[str] | None = None) -> None:
        self.policy = policy
        self.atoms = [atom for condition in conditions for atom in atoms(condition)]
        levels: dict[Quantity, set[float]] = {}
        events: set[str] = set()
        self.axes: dict[str, npt.NDArray[np.float64]] = {}
        for atom in self.atoms:
            if isinstance(atom, Compare):
                levels.setdefault(atom.quantity, set()).update(self._levels(atom))
                if atom.until or atom.window:
                    self.axes[str(atom)] = _BOTH
            elif isinstance(atom, Happened):
                events.add(atom.event)
            elif isinstance(atom, Drug):
                self.axes[f"on {atom.name}"] = _BOTH
            elif isinstance(atom, Measured):
                levels.setdefault(Quantity("measure", atom.name), set())
        for quantity, found in levels.items():
            self.axes[str(quantity)] = _values(quantity, found)
            if quantity.kind in ("since", "count"):
                events.add(quantity.name)
        for event in sorted(events):
            self.axes[f"event {event}"] = _BOTH if possible is None or event in possible else _BOTH[:1]
        self._grid: dict[str, npt.NDArray[np.float64]] | None = None

    @property
    def size(self) -> int:
        """How many cells there are, before inconsistent ones are left out."""
        return math.prod(values.size for values in self.axes.values())

    def first(self, condition: Condition) -> str | None:
        """Return a cell that fulfils a condition, in words, or None."""
        if self.size > _MOST_CELLS:
            return None
        if self._grid is None:
            mesh = np.meshgrid(*self.axes.values(), indexing="ij")
            self._grid = {name: values.ravel() for name, values in zip(self.axes, mesh, strict=True)}
        found = np.flatnonzero(self._holds(condition) & self._consistent())
        if not found.size:
            return None
        cell = {name: float(values[found[0]]) for name, values in self._grid.items()}
        return "such as at " + ", ".join(filter(None, (_say(name, value) for name, value in cell.items())))

    def _at(self, name: str) -> npt.NDArray[np.float64]:
        assert self._grid is not None
        return self._grid[name]

    def _levels(self, atom: Compare) -> set[float]:
        found = {threshold(self.policy, atom.quantity, atom.value)}
        return found | ({threshold(self.policy, atom.quantity, atom.until[1])} if atom.until else set())

    def _consistent(self) -> Booleans:
        """Return which cells can occur: counts and times fit their event, windows fit today's comparison."""
        fits = np.ones(self.size, dtype=bool)
        for name in self.axes:
            if name.startswith("time since "):
                fits &= np.isinf(self._at(name)) != (self._at(f"event {name[11:]}") > 0)
            if name.startswith("number of "):
                fits &= (self._at(name) > 0) == (self._at(f"event {name[10:]}") > 0)
            if name[3:] in antibodies() and name.startswith("on ") and f"on {ANTIBODY}" in self.axes:
                fits &= (self._at(f"on {ANTIBODY}") > 0) | (self._at(name) == 0)
        for atom in self.atoms:
            if isinstance(atom, Compare) and (atom.window or atom.until):
                fits &= self._window_fits(atom)
        return fits

    def _window_fits(self, atom: Compare) -> Booleans:
        state = self._at(str(atom)) > 0
        now = self._test(atom.quantity, atom.operator, threshold(self.policy, atom.quantity, atom.value))
        if atom.until:
            off = self._test(atom.quantity, atom.until[0], threshold(self.policy, atom.quantity, atom.until[1]))
            return np.where(now, state, ~(state & off))
        any_visit = atom.window is not None and atom.window.kind == "any"
        return (state | ~now) if any_visit else (now | ~state)

    def _holds(self, condition: Condition) -> Booleans:
        if isinstance(condition, Compare):
            if condition.window or condition.until:
                return self._at(str(condition)) > 0
            level = threshold(self.policy, condition.quantity, condition.value)
            return self._test(condition.quantity, condition.operator, level)
        if isinstance(condition, All):
            return np.asarray(np.logical_and.reduce([self._holds(part) for part in condition.parts]))
        if isinstance(condition, Any):
            return np.asarray(np.logical_or.reduce([self._holds(part) for part in condition.parts]))
        if isinstance(condition, Not):
            return ~self._holds(condition.part)
        if isinstance(condition, Happened):
            return np.asarray((self._at(f"event {condition.event}") > 0) == condition.ever)
        if isinstance(condition, Drug):
            return np.asarray((self._at(f"on {condition.name}") > 0) == condition.on)
        if isinstance(condition, Measured):
            return ~np.isnan(self._at(condition.name))
        return np.full(self.size, isinstance(condition, Always))

    def _test(self, quantity: Quantity, operator: Operator, level: float) -> Booleans:
        value = self._at(str(quantity))
        tests = {">=": np.greater_equal, ">": np.greater, "<=": np.less_equal, "<": np.less}
        return np.asarray(tests[operator](value, level))


def _say(name: str, value: float) -> str:
    """Return one coordinate of a cell in words."""
    if name.startswith("event "):
        return f"{'after' if value else 'never'} {name[6:]}"
    if np.isnan(value):
        return f"{name} missing"
    if name.startswith("on "):
        return name if value else f"off {name[3:]}"
    if any(f" {sign} " in name for sign in (">=", ">", "<=", "<")):
        return name if value else f"not {name}"
    return "" if np.isinf(value) else f"{name} {value:g}"


def _values(quantity: Quantity, levels: set[float]) -> npt.NDArray[np.float64]:
    """Return one value at, below, between and above the thresholds; NaN for a missing observation."""
    ordered = sorted(levels)
    if quantity.kind == "count":
        return np.array(sorted({max(0, math.floor(x) + d) for x in ordered for d in (-1, 0, 1)} | {0, 1}), dtype=float)
    values = [*ordered, *((a + b) / 2 for a, b in pairwise(ordered))]
    values += [ordered[0] - 1, ordered[0] / 2, ordered[-1] + 1] if ordered else [0.0]
    if quantity.kind not in ("rise", "fall"):
        values = [v for v in values if v >= 0]
    last = {"since": [np.inf], "dose": [], "day": []}.get(quantity.kind, [np.nan])
    return np.array([*sorted(set(values)), *last])
