"""Steady states: the amounts that doses given forever leave at the time of a record (SS 1 and 2).

In a linear model the amounts after an interval are an affine function of those before it: one interval from nothing and
one from each compartment give the steady state exactly. Otherwise intervals are repeated until nothing changes; who has
no steady state (a dose rate above what can be eliminated) gets NaN, and so no likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import sympy

from abate.engine.ensemble import Ensemble
from abate.engine.solver import Kind, Tolerance
from abate.engine.solver.state import Event
from abate.inference.nlme.dataset import DoseEvent, Steady
from abate.inference.nlme.infusion import Infusions, infused, slot
from abate.science.model import TIME, Model

__all__ = ["SteadyStates"]

Floats = npt.NDArray[np.float64]

_FINE = Tolerance(relative=1e-7, floor=1e-6)  # errors of an interval add up over all intervals
_SETTLED = 1e-6  # relative change over an interval: well below the solver's usual error
_MOST_INTERVALS = 1000
_SMALL = 8  # states up to which linearity is worth a look


@dataclass(frozen=True)
class SteadyStates:
    """Steady states of a compiled model.

    Attributes
    ----------
    ensemble : Ensemble
    model : Model
        Its targets of doses.
    """

    ensemble: Ensemble
    model: Model

    @cached_property
    def _linear(self) -> bool:
        model = self.ensemble.model
        if len(model.states) > _SMALL:
            return False
        states = [sympy.Symbol(n) for n in model.states]
        moving = {*states, TIME}
        return all(not rate.diff(s).free_symbols & moving for rate in _expanded(model) for s in states)

    def amounts(
        self, steady: Steady, amount: Floats, values: dict[str, Floats], start: Floats, threads: int | None
    ) -> Floats:
        """Return the amounts at the time of the record, before its own dose; shape (states, people).

        Parameters
        ----------
        steady : Steady
        amount : ndarray, shape (people,)
            Of everyone's doses, in place of that of `steady`.
        values : mapping of name to ndarray, shape (people,)
            Parameters and inputs of everyone.
        start : ndarray, shape (states, people)
            Amounts before any dose: where a non-linear model begins.
        threads : int, optional
        """
        interval = _Interval.of(steady, amount, values, self, threads)
        found = self._solve(interval, values, start) if self._linear else self._repeat(interval, values, start)
        target = next((t for t in self.model.doses.values() if t.state == steady.dose.state), None)
        lag = target.lag if target else 0.0
        if lag and steady.every:
            elapsed = np.ceil(lag / steady.every - 1e-9) * steady.every - lag
            found = interval.run(found, values, float(elapsed)) if elapsed > 0 else found
        return np.where(interval.possible, found, np.nan)

    def _solve(self, interval: _Interval, values: dict[str, Floats], start: Floats) -> Floats:
        count, people = start.shape
        size = float(np.max(interval.amount)) or 1.0
        many = {n: np.tile(v, count + 1) for n, v in values.items()}
        first = np.zeros((count, count + 1, people))
        first[range(count), range(1, count + 1)] = size
        wide = interval.tiled(count + 1)
        after = wide.run(first.reshape(count, -1), many, wide.length).reshape(count, count + 1, people)
        base = after[:, 0]
        matrix = (after[:, 1:] - base[:, None]) / size  # to, from, person
        left = np.eye(count)[None] - matrix.transpose(2, 0, 1)
        usable = np.isfinite(left).all(axis=(1, 2)) & (np.abs(np.linalg.det(np.nan_to_num(left))) > 1e-12)
        solved = np.full((people, count), np.nan)
        solved[usable] = np.linalg.solve(left[usable], base.T[usable][:, :, None])[:, :, 0]
        return np.asarray(solved.T)

    def _repeat(self, interval: _Interval, values: dict[str, Floats], start: Floats) -> Floats:
        state, settled = start, np.zeros(start.shape[1], dtype=bool)
        for _ in range(_MOST_INTERVALS):
            after = interval.run(state, values, interval.length)
            change = np.abs(after - state)
            settled = np.all(change <= _SETTLED * np.maximum(np.abs(after), 1e-12 * np.abs(after).max(axis=0)), axis=0)
            state = after
            if (settled | ~np.isfinite(state).all(axis=0)).all():
                break
        return np.where(settled, state, np.nan)


@dataclass(frozen=True)
class _Interval:
    """One interval between doses: what happens in it."""

    ensemble: Ensemble
    amount: Floats
    length: float
    events: tuple[Event, ...]
    possible: npt.NDArray[np.bool_]
    threads: int | None

    @classmethod
    def of(
        cls, steady: Steady, amount: Floats, values: dict[str, Floats], states: SteadyStates, threads: int | None
    ) -> _Interval:
        events, possible = _events(steady.dose, amount, steady.every, values, states.model)
        return cls(states.ensemble, amount, steady.every or 1.0, tuple(events), possible, threads)

    def tiled(self, times: int) -> _Interval:
        """Return the interval for so many copies of everyone."""
        events = tuple(e._replace(amount=np.tile(e.amount, times)) for e in self.events)
        return _Interval(self.ensemble, self.amount, self.length, events, np.tile(self.possible, times), self.threads)

    def run(self, state: Floats, values: dict[str, Floats], length: float) -> Floats:
        """Carry amounts of shape (states, people) through the interval's first part of some length."""
        kernel = self.ensemble.kernel
        people = state.shape[1]
        at = kernel.state(np.nan_to_num(state), values, people, 0.0)
        kernel.advance(at, length, kernel.schedule(self.events, people), (), tolerance=_FINE, threads=self.threads)
        after = at.values()
        return np.where((at.codes == 0) & np.isfinite(state).all(axis=0), after, np.nan)


def _events(
    dose: DoseEvent, amount: Floats, every: float, values: dict[str, Floats], model: Model
) -> tuple[list[Event], npt.NDArray[np.bool_]]:
    """Return what happens from one dose to the next, and for whom that is possible."""
    always = np.ones(amount.size, dtype=bool)
    if not (every and not dose.modelled and not dose.duration):
        name = str(infused(model, dose.state).rate_input)
    if not every:
        return [Event(0.0, Kind.ADD_TO_PARAMETER, name, Infusions(model).of(dose, amount, values)[0])], always
    if dose.modelled:
        rate, duration = Infusions(model).of(dose, amount, values)
        one, end = slot(name, 0)
        # an infusion longer than the interval would still be running: not followed
        return [Event(0.0, Kind.SET, one, rate), Event(0.0, Kind.SET, end, duration)], duration <= every
    if dose.duration:
        rate = amount / dose.duration
        whole = int(np.floor(dose.duration / every + 1e-9))
        rest = dose.duration - whole * every
        events = [Event(0.0, Kind.ADD_TO_PARAMETER, name, rate * (whole + (rest > 1e-9)))]
        if rest > 1e-9:
            events.append(Event(rest, Kind.ADD_TO_PARAMETER, name, -rate))
        return events, always
    target = next((t for t in model.doses.values() if t.state == dose.state), None)
    scale = values[target.bioavailability] if target and target.bioavailability else 1.0
    return [Event(0.0, Kind.ADD, dose.state, amount * scale)], always


def _expanded(model: Model) -> list[sympy.Expr]:
    """Return the rates in terms of states, parameters and time."""
    known: dict[sympy.Symbol, sympy.Expr] = {}
    for name, expression in model.assignments.items():
        known[sympy.Symbol(name)] = sympy.sympify(expression).xreplace(known)
    return [sympy.sympify(rate).xreplace(known) for rate in model.rates.values()]
