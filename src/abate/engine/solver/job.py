"""One call as arrays: the stops of a stretch of time, what happens there, and where the outputs go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abate.engine.solver.operations import LANES
from abate.engine.solver.state import Floats, Schedule, State, padded


@dataclass(frozen=True)
class Limits:
    """What a solution may cost and how wrong a step may be.

    Attributes
    ----------
    relative, floor : float
        See `kernel.Tolerance`.
    absolute : float64 array [S]
    exponent : float
        By which an error changes the step size.
    max_steps : int
        Between two stops.
    """

    relative: float
    floor: float
    absolute: Floats
    exponent: float
    max_steps: int


@dataclass(frozen=True)
class Job:
    """Arrays of one call, as the compiled code takes them.

    Attributes
    ----------
    y, p, peak : array [G, K * 16]
        Views of the state.
    stop_time : array [I]
        Every event, record and the end.
    stop_record : array [I]
        Row of `out` to write there, or -1.
    stop_event : array [I + 1]
        First event of each stop.
    kind, target : array [E]
    amount : array [E, G * 16]
    out : array [O, T, G * 16]
    """

    y: Floats
    p: Floats
    peak: Floats
    stop_time: Floats
    stop_record: npt.NDArray[np.int64]
    stop_event: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    amount: Floats
    out: Floats

    @classmethod
    def of(
        cls,
        state: State,
        outputs: int,
        until: float,
        schedule: Schedule | None,
        record_at: Sequence[float] | Floats,
    ) -> Job:
        """Arrays of a call of `kernel.Kernel.advance`, which says what they mean and when they are refused."""
        record = np.asarray(record_at, dtype=float).reshape(-1)
        if not until >= state.time:
            raise ValueError(f"cannot go back from {state.time} to {until}")
        if record.size and (np.any(np.diff(record) <= 0) or record[0] < state.time or record[-1] > until):
            raise ValueError(f"record times must increase within [{state.time}, {until}]")
        empty = Schedule(np.empty(0), np.empty(0, int), np.empty(0, int), np.empty((0, state.people)))
        events = (schedule or empty).between(state.time, until)
        if events.amount.shape[1:] != (state.people,):
            raise ValueError(f"schedule is for {events.amount.shape[1]} people, the state has {state.people}")
        stops = np.unique(np.concatenate([record, events.time, [until]]))
        rows = np.full(len(stops), -1, dtype=np.int64)
        rows[np.searchsorted(stops, record)] = np.arange(len(record))
        first = np.append(np.searchsorted(events.time, stops), len(events.time)).astype(np.int64)
        shape = (outputs, len(record), state.groups * LANES)
        return cls(
            y=state.y.reshape(state.groups, state.y.shape[1] * LANES),
            p=state.p.reshape(state.groups, state.p.shape[1] * LANES),
            peak=state.peak.reshape(state.groups, state.y.shape[1] * LANES),
            stop_time=stops,
            stop_record=rows,
            stop_event=first,
            kind=np.ascontiguousarray(events.kind, dtype=np.int64),
            target=np.ascontiguousarray(events.target, dtype=np.int64),
            amount=padded(events.amount, float),
            out=np.full(shape, np.nan, dtype=state.y.dtype),
        )
