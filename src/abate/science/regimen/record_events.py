"""What dosing records mean: exact events in time, and following them with any solver, steady states included.

Semantics as PREDPP documents them (NONMEM help: EVID, ADDL, SS, RATE, lag). A dose enters at its time plus the lag of
its compartment. Bioavailability scales an amount given at once; of an infusion at a given rate it scales the duration,
of one with a given duration the rate. A reset empties the system and cancels what is pending. Doses at the time of a
record come before it. At steady state the implied earlier doses, one every II, include those on their way or running.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError, SolveError
from abate.science.regimen.records import Records

__all__ = ["DoseParameters", "Flow", "follow"]

Floats = npt.NDArray[np.float64]
_CLOSE = 1e-9  # in the unit of TIME; the same moment reached by different sums
_STEADY = 1e-12  # relative change over an interval: below the digits of any printed result
_MOST_INTERVALS = 20_000


class Flow(Protocol):
    """Something that carries the amounts in compartments forward in time."""

    def __call__(self, state: Floats, rates: Floats, duration: float) -> Floats:
        """Return the amounts after a time, with constant inputs into each compartment, shape (compartments,)."""
        ...


@dataclass(frozen=True, slots=True)
class DoseParameters:
    """What a model says about a dose: lag and bioavailability, and the rate or duration of RATE -1 and -2."""

    lag: float = 0.0
    bioavailability: float = 1.0
    rate: float = math.nan
    duration: float = math.nan


@dataclass(frozen=True, slots=True)
class _Dose:
    """One dose as it enters: at once (rate 0), or at a rate for a time."""

    cmt: int
    amount: float
    rate: float
    duration: float
    lag: float


def follow(
    records: Records,
    flow: Flow,
    compartments: int,
    parameters: Callable[[int, int], DoseParameters] | None = None,
    *,
    linear: bool = False,
) -> Floats:
    """Return the amounts in every compartment at every record of one subject.

    Parameters
    ----------
    records : Records
        Of one subject.
    flow : Flow
        Carries the amounts forward; exact for the answer to be exact.
    compartments : int
        How many.
    parameters : callable (row, compartment from 0) -> DoseParameters, optional
        Lag, bioavailability, rate and duration that hold at a record.
    linear : bool
        Whether `flow` is affine in the amounts, so that a steady state is one linear system; otherwise doses are
        repeated until nothing changes.

    Returns
    -------
    ndarray, shape (records, compartments)
        Just after each record's own event.

    Raises
    ------
    SolveError
        If a steady state is not reached; the subject is named.
    InputError
        If a record needs a rate or duration that the parameters do not give.

    Examples
    --------
    >>> import numpy as np
    >>> from abate.science.regimen.records import parse_records
    >>> records = parse_records("ID,TIME,AMT,II,ADDL\\n1,0,100,12,1\\n1,12,0,0,0")
    >>> flow = lambda state, rates, t: state * np.exp(-0.1 * t)
    >>> follow(records, flow, 1)[:, 0].round(3).tolist()
    [100.0, 130.119]
    """
    course = _Course(flow, compartments, linear, float(records.columns["ID"][0]) if len(records) else 0.0)
    states = np.empty((len(records), compartments))
    for row in range(len(records)):
        record = {name: float(values[row]) for name, values in records.columns.items()}
        event = int(record["EVID"])
        if event in (3, 4):
            course.reset(record["TIME"])
        course.advance(record["TIME"])
        if event in (1, 4):
            cmt = int(record["CMT"]) - 1
            given = parameters(row, cmt) if parameters else DoseParameters()
            course.dose(record, _dose(record, cmt, given))
        states[row] = course.state
    return states


def _dose(record: dict[str, float], cmt: int, given: DoseParameters) -> _Dose:
    amount, rate = record["AMT"] * given.bioavailability, record["RATE"]
    if rate == 0:
        return _Dose(cmt, amount, 0.0, 0.0, given.lag)
    if rate == -2:
        _need(given.duration, "duration", record)
        return _Dose(cmt, 0.0, amount / given.duration, given.duration, given.lag)
    if rate == -1:
        _need(given.rate, "rate", record)
        rate = given.rate
    return _Dose(cmt, 0.0, rate, amount / rate, given.lag)


def _need(value: float, name: str, record: dict[str, float]) -> None:
    if not value > 0:
        where = f"ID {record['ID']:g}, TIME {record['TIME']:g}, RATE"
        raise InputError(where, f"the record needs a {name} of the model, which is not given", value=record["RATE"])


@dataclass
class _Course:
    """The state of one subject's system, and the doses on their way."""

    flow: Flow
    compartments: int
    linear: bool
    subject: float
    time: float = 0.0
    state: Floats = field(init=False)
    rates: Floats = field(init=False)
    pending: list[tuple[float, int, int, float, float]] = field(default_factory=list)
    counter: int = 0
    started: bool = False

    def __post_init__(self) -> None:
        self.state, self.rates = np.zeros(self.compartments), np.zeros(self.compartments)

    def reset(self, time: float) -> None:
        """Empty the system: amounts, running infusions and pending doses."""
        self.state, self.rates = np.zeros(self.compartments), np.zeros(self.compartments)
        self.pending, self.time, self.started = [], time, True

    def advance(self, time: float) -> None:
        """Go to a time; what enters at that very time has entered."""
        if not self.started:
            self.time, self.started = time, True
        while self.pending and self.pending[0][0] <= time + _CLOSE:
            when, _, cmt, amount, rate = heapq.heappop(self.pending)
            self._flow(when)
            self.state[cmt] += amount
            self.rates[cmt] += rate
        self._flow(time)

    def dose(self, record: dict[str, float], dose: _Dose) -> None:
        """Give the dose of a record, its steady state before and its additional doses after."""
        steady = int(record["SS"])
        if steady:
            before, rates, pending = self.state, self.rates, self.pending
            if steady == 1:
                before, rates, pending = np.zeros_like(before), np.zeros_like(rates), []
            self.state, self.rates, self.pending = self._steady(record, dose)
            self.state, self.rates = self.state + before, self.rates + rates
            self.pending = [*self.pending, *pending]
            heapq.heapify(self.pending)
        if steady and record["AMT"] == 0:
            return
        for more in range(int(record["ADDL"]) + 1):
            self._enter(record["TIME"] + more * record["II"] + dose.lag, dose)
        self.advance(record["TIME"])

    def _enter(self, time: float, dose: _Dose) -> None:
        self._push(time, dose.cmt, dose.amount, dose.rate)
        if dose.duration:
            self._push(time + dose.duration, dose.cmt, 0.0, -dose.rate)

    def _push(self, time: float, cmt: int, amount: float, rate: float) -> None:
        self.counter += 1
        heapq.heappush(self.pending, (time, self.counter, cmt, amount, rate))

    def _flow(self, time: float) -> None:
        if time > self.time:
            self.state = self.flow(self.state, self.rates, time - self.time)
        self.time = max(self.time, time)

    def _steady(
        self, record: dict[str, float], dose: _Dose
    ) -> tuple[Floats, Floats, list[tuple[float, int, int, float, float]]]:
        """Return amounts, running rates and pending doses of the implied earlier doses, at the time of the record."""
        rates = np.zeros(self.compartments)
        if record["AMT"] == 0:
            rates[dose.cmt] = dose.rate
            return self._fixed(lambda x: self.flow(x, rates, 1.0), record), np.zeros(self.compartments), []
        every, time = record["II"], record["TIME"]
        always = math.floor(dose.duration / every + _CLOSE)
        rest = dose.duration - always * every if dose.duration > always * every + _CLOSE else 0.0

        def run(state: Floats, duration: float) -> Floats:
            state = state.copy()
            state[dose.cmt] += dose.amount
            for length, count in ((min(rest, duration), always + 1), (max(duration - rest, 0.0), always)):
                inputs = np.zeros(self.compartments)
                inputs[dose.cmt] = dose.rate * count
                state = self.flow(state, inputs, length) if length > 0 else state
            return state

        trough = self._fixed(lambda x: run(x, every), record)
        kept, self.pending = self.pending, []
        first = math.ceil(dose.lag / every - _CLOSE)  # the latest implied dose that has entered, counted back from now
        if dose.lag == 0:
            state, first = trough, 1
        else:
            state = run(trough, first * every - dose.lag)
        for back in range(1, first + always + 2):
            entered = time + dose.lag - back * every
            if entered > time + _CLOSE:
                self._enter(entered, dose)
            elif dose.duration and entered + dose.duration > time + _CLOSE:
                rates[dose.cmt] += dose.rate
                self._push(entered + dose.duration, dose.cmt, 0.0, -dose.rate)
        pending, self.pending = self.pending, kept
        return state, rates, pending

    def _fixed(self, step: Callable[[Floats], Floats], record: dict[str, float]) -> Floats:
        """Return the amounts that a step gives back unchanged."""
        zero = np.zeros(self.compartments)
        if self.linear:
            base = step(zero)
            matrix = np.stack([step(unit) - base for unit in np.eye(self.compartments)], axis=1)
            return np.asarray(np.linalg.solve(np.eye(self.compartments) - matrix, base))
        state = zero
        for _ in range(_MOST_INTERVALS):
            after = step(state)
            if np.all(np.abs(after - state) <= _STEADY * np.abs(after)):
                return after
            state = after
        raise SolveError(
            f"ID {self.subject:g}, TIME {record['TIME']:g}: the doses do not reach a steady state; drop SS, or check II"
        )
