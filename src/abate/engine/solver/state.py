"""The state of a batch of people, and the schedule of what is done to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from abate.engine.solver.operations import LANES

Floats = npt.NDArray[Any]


class Kind(IntEnum):
    """What an event does to its target."""

    ADD = 0
    """Add to a state: a dose. 0 leaves a person alone."""
    SET = 1
    """Set a parameter or input. NaN leaves a person alone."""
    ADD_TO_PARAMETER = 2
    """Add to a parameter or input: an infusion starts (+rate) or ends (-rate), overlaps add up."""


class Code(IntEnum):
    """How a person's solution ended."""

    OK = 0
    NOT_FINITE = 1
    STEP_TOO_SMALL = 2
    TOO_MANY_STEPS = 3


class Event(NamedTuple):
    """One event: when, what, to which state or parameter, and how much (one number, or one each)."""

    time: float
    kind: Kind
    target: str
    amount: float | Floats


@dataclass(frozen=True)
class Schedule:
    """Events in order of time, the same times for everyone, an amount per person.

    Attributes
    ----------
    time : float64 array [E]
        Sorted; events at one time happen in their order here.
    kind : int64 array [E]
        See :class:`Kind`.
    target : int64 array [E]
        Index of the state (``ADD``) or of the parameter (otherwise).
    amount : float64 array [E, n]
        In the unit of the target.
    """

    time: Floats
    kind: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    amount: Floats

    @classmethod
    def of(
        cls,
        events: Iterable[Event | tuple[float, Kind, str, Any]],
        people: int,
        states: Sequence[str],
        parameters: Sequence[str],
    ) -> Schedule:
        """Schedule of named events; ties keep the order given.

        Raises
        ------
        ValueError
            When a target does not exist, a time is not finite, or amounts do not fit ``people``.
        """
        ordered = sorted((Event(*event) for event in events), key=lambda event: event.time)
        amount = np.empty((len(ordered), people))
        target = np.empty(len(ordered), dtype=np.int64)
        for i, event in enumerate(ordered):
            names = states if event.kind == Kind.ADD else parameters
            what = "state" if event.kind == Kind.ADD else "parameter"
            if event.target not in names:
                raise ValueError(f"event at {event.time}: no {what} is called {event.target!r}")
            if not np.isfinite(event.time):
                raise ValueError(f"event on {event.target!r}: time {event.time} is not finite")
            values = np.asarray(event.amount, dtype=float)
            if values.shape not in {(), (people,)}:
                raise ValueError(
                    f"event on {event.target!r} at {event.time}: amounts of shape {values.shape} for {people} people"
                )
            target[i] = list(names).index(event.target)
            amount[i] = values
        return cls(
            np.array([event.time for event in ordered], dtype=float),
            np.array([int(event.kind) for event in ordered], dtype=np.int64),
            target,
            amount,
        )

    def between(self, start: float, end: float) -> Schedule:
        """The events with ``start <= time < end``."""
        first, last = np.searchsorted(self.time, [start, end], side="left")
        part = slice(int(first), int(last))
        return Schedule(self.time[part], self.kind[part], self.target[part], self.amount[part])


@dataclass
class State:
    """Where a batch of people stands; :meth:`Kernel.advance` moves it on in place.

    Lane group ``g`` holds persons ``16 g`` to ``16 g + 15``; missing members of the last group are
    copies of its last person.

    Attributes
    ----------
    people : int
        Number of people n.
    time : float
        Common time.
    y : array [G, S, 16]
        States.
    p : array [G, P, 16]
        Parameters and inputs.
    step : float64 array [G]
        Step size to go on with; 0 before the first step. On a card [16 G], one a person.
    restart : float64 array [G, S + P]
        Step size that worked after the last disturbance of each state or parameter. On a card [16 G, 2]: after the
        last dose, after the last parameter set.
    peak : array [G, S, 16]
        Largest size of every state so far: the scale of its absolute tolerance.
    code : int8 array [G, 16]
        See :class:`Code`.
    steps : int64 array [G, 2]
        Accepted and rejected steps so far; on a card [16 G, 2].
    """

    people: int
    time: float
    y: Floats
    p: Floats
    step: Floats
    restart: Floats
    peak: Floats
    code: npt.NDArray[np.int8]
    steps: npt.NDArray[np.int64]

    @property
    def groups(self) -> int:
        """Number of lane groups."""
        return len(self.y)

    @property
    def codes(self) -> npt.NDArray[np.int8]:
        """Result code of every person, array [n]."""
        return self.code.reshape(-1)[: self.people].copy()

    def values(self) -> Floats:
        """States of every person, array [S, n]."""
        return people_last(self.y, self.people)

    def parameters(self) -> Floats:
        """Parameters and inputs of every person, array [P, n]."""
        return people_last(self.p, self.people)

    def copy(self) -> State:
        """An independent copy, to branch from."""
        return deepcopy(self)


def padded(values: Floats, dtype: Any) -> Floats:
    """Rows of people [..., n] filled up with copies of the last person to whole lane groups."""
    people = values.shape[-1]
    missing = -people % LANES
    widths = [(0, 0)] * (values.ndim - 1) + [(0, missing)]
    return np.ascontiguousarray(np.pad(values, widths, mode="edge"), dtype=dtype)


def lane_groups(values: Floats, dtype: Any) -> Floats:
    """Rows of people [K, n] as groups of lanes [G, K, 16]."""
    whole = padded(values, dtype)
    groups = whole.reshape(len(whole), whole.shape[1] // LANES, LANES).transpose(1, 0, 2)
    return np.ascontiguousarray(groups)


def people_last(groups: Floats, people: int) -> Floats:
    """Groups of lanes [G, K, 16] as rows of people [K, n]."""
    rows = groups.transpose(1, 0, 2).reshape(groups.shape[1], len(groups) * LANES)
    return np.ascontiguousarray(rows[:, :people])


def rows_of(values: Mapping[str, Any] | Floats, names: Sequence[str], people: int, what: str) -> Floats:
    """Named numbers, one or one a person, as an array [K, n].

    Raises
    ------
    ValueError
        When a name is missing or unknown, or a shape does not fit.
    """
    if isinstance(values, Mapping):
        odd = sorted(set(values) ^ set(names))
        if odd:
            raise ValueError(f"{what}: missing or unknown: {', '.join(odd)}")
        rows = np.empty((len(names), people))
        for i, name in enumerate(names):
            rows[i] = values[name]
        return rows
    array = np.asarray(values, dtype=float)
    if array.shape != (len(names), people):
        raise ValueError(f"{what}: shape {array.shape}, expected {(len(names), people)}")
    return array
