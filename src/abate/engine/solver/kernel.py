"""A compiled system: make a state, advance it, read outputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.engine.solver.driver import compiled_driver
from abate.engine.solver.native import Code, native
from abate.engine.solver.operations import LANES
from abate.engine.solver.rodas5p import RODAS5P
from abate.engine.solver.rosenbrock import Rosenbrock
from abate.engine.solver.source import ENTRIES, generate
from abate.engine.solver.state import Event, Floats, Schedule, State, lane_groups, padded, rows_of
from abate.engine.solver.straight import compile_to_ir
from abate.engine.solver.symbolic import formulate
from abate.engine.solver.system import System

_BLOCK = 16
"""Most lane groups a thread takes at once: small enough for progress bars and Ctrl-C."""


@dataclass(frozen=True)
class Tolerance:
    """Error allowed in a step.

    Attributes
    ----------
    relative : float
        Share of the size of a state.
    floor : float
        Below this share of the largest value that a state has had so far, its error is judged as
        if it were that large.
    absolute : mapping
        Smallest error per state, in its unit, that is ever asked for.
    """

    relative: float = 2e-4
    floor: float = 1e-3
    absolute: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Kernel:
    """Compiled code of one :class:`System`.

    Examples
    --------
    >>> import numpy as np, sympy
    >>> from abate.engine.solver import Event, Kind, System, compile_system
    >>> amount, k = sympy.symbols("amount k")
    >>> system = System(("amount",), {"amount": -k * amount}, {}, ("k",), ("amount",))
    >>> kernel = compile_system(system)
    >>> state = kernel.state({"amount": 0.0}, {"k": np.array([0.5, 1.0])}, people=2)
    >>> dose = kernel.schedule([Event(0.0, Kind.ADD, "amount", 100.0)], people=2)
    >>> kernel.advance(state, 2.0, dose, [0.0, 2.0])[0].round(2)
    array([[ 0.  ,  0.  ],
           [36.79, 13.53]])
    """

    system: System
    method: Rosenbrock
    bits: int
    code: Code = field(repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Machine code does not travel: it is compiled, or loaded from the cache, where the kernel arrives."""
        return _compiled_there, (self.system, self.method, self.bits)

    @property
    def dtype(self) -> Any:
        """Precision of states and parameters."""
        return np.float64 if self.bits == 64 else np.float32

    def state(
        self,
        initial: Mapping[str, Any] | Floats,
        parameters: Mapping[str, Any] | Floats,
        people: int,
        time: float = 0.0,
    ) -> State:
        """State of ``people`` persons at ``time``.

        Parameters
        ----------
        initial, parameters : mapping or array
            By name, a number or an array [n] each; or arrays [S, n] and [P, n].
        people : int
            Number of persons n, at least 1.
        time : float
            Time of the state.

        Raises
        ------
        ValueError
            When a name or shape does not fit the system.
        """
        if people < 1:
            raise ValueError(f"people is {people}, at least 1 is needed")
        system = self.system
        y = lane_groups(rows_of(initial, system.states, people, "initial states"), self.dtype)
        p = lane_groups(rows_of(parameters, system.parameters, people, "parameters"), self.dtype)
        groups = -(-people // LANES)
        return State(
            people=people,
            time=float(time),
            y=y,
            p=p,
            step=np.zeros(groups),
            restart=np.full((groups, len(system.states) + len(system.parameters)), np.inf),
            peak=np.zeros_like(y),
            code=np.zeros((groups, LANES), dtype=np.int8),
            steps=np.zeros((groups, 2), dtype=np.int64),
        )

    def schedule(self, events: Iterable[Event], people: int) -> Schedule:
        """Schedule of named events for ``people`` persons."""
        return Schedule.of(events, people, self.system.states, self.system.parameters)

    def advance(
        self,
        state: State,
        until: float,
        schedule: Schedule | None = None,
        record_at: Sequence[float] | Floats = (),
        *,
        tolerance: Tolerance | None = None,
        max_steps: int = 10_000,
        threads: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Floats:
        """Integrate everyone to ``until``, in place.

        Events with ``state.time <= time < until`` happen (those at ``until`` belong to the next
        call); a record at the time of an event is taken before it. Every event, record and end is
        a step's end. A run cut in two at a time that is also a record or an event of the whole run
        gives the same bits as the whole run.

        Parameters
        ----------
        state : State
            Moved to ``until``.
        until : float
            End.
        schedule : Schedule, optional
            Events; those outside the interval are left for other calls.
        record_at : sequence of float
            Increasing times within ``[state.time, until]``.
        tolerance : Tolerance, optional
            Error allowed.
        max_steps : int
            Steps between two stops after which the most difficult person of a group is given up.
        threads : int, optional
            Default: one a processor. The result does not depend on it.
        progress : callable, optional
            Called with the number of people newly finished, from the calling thread.

        Returns
        -------
        array [O, T, n]
            Outputs in the order of ``system.outputs``; NaN for people whose solution failed
            (``state.codes`` says why).

        Raises
        ------
        ValueError
            When times do not increase or lie outside, or the schedule does not fit the people.
        """
        job = _Job.of(self, state, until, schedule, record_at)
        allowed = tolerance or Tolerance()
        absolute = np.array([allowed.absolute.get(name, 0.0) for name in self.system.states])

        driver = compiled_driver(self.bits)
        addresses = np.array([self.code.addresses[name] for name in ENTRIES], dtype=np.int64)
        plane = LANES * len(self.system.states)
        sizes = (2 * plane + 2 * LANES, LANES * self.code.facts["hoisted"], max(self.code.facts["work"], plane))
        flat, stride, row = job.out.reshape(-1), job.out[0].size if len(job.out) else 0, job.out.shape[2]
        exponent = -1.0 / self.method.order

        def run(first: int, last: int) -> int:
            scratch, q, work = (self._aligned(size) for size in sizes)
            driver(
                addresses, first, last, state.time, job.y, job.p, state.step, state.restart, job.peak, state.code,
                state.steps, job.stop_time, job.stop_record, job.stop_event, job.kind, job.target, job.amount,
                absolute, allowed.relative, allowed.floor, exponent, max_steps, scratch, q, work, flat, stride, row,
                512 // self.bits,
            )  # fmt: skip
            return min(last * LANES, state.people) - first * LANES

        _run_blocks(run, state.groups, threads or os.cpu_count() or 1, progress)
        state.time = float(until)
        return job.out[:, :, : state.people]

    def _aligned(self, size: int) -> Floats:
        """Scratch memory that begins with a cache line, so that a SIMD value never lies across two."""
        raw = np.zeros(size + 64, dtype=self.dtype)
        offset = (-raw.ctypes.data % 64) // raw.itemsize
        return raw[offset : offset + size]


@dataclass(frozen=True)
class _Job:
    """Arrays of one call, as the compiled code takes them."""

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
        kernel: Kernel,
        state: State,
        until: float,
        schedule: Schedule | None,
        record_at: Sequence[float] | Floats,
    ) -> _Job:
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
        shape = (len(kernel.system.outputs), len(record), state.groups * LANES)
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
            out=np.full(shape, np.nan, dtype=kernel.dtype),
        )


def _run_blocks(
    run: Callable[[int, int], int],
    groups: int,
    threads: int,
    progress: Callable[[int], None] | None,
) -> None:
    """Share lane groups out among threads; each group is computed by itself."""
    block = max(1, min(_BLOCK, groups // (4 * threads)))
    bounds = [(first, min(first + block, groups)) for first in range(0, groups, block)]
    if threads == 1 or len(bounds) == 1:
        for first, last in bounds:
            done = run(first, last)
            if progress:
                progress(done)
        return
    with ThreadPoolExecutor(min(threads, len(bounds))) as pool:
        waiting: set[Future[int]] = {pool.submit(run, *bound) for bound in bounds}
        try:
            while waiting:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    done = future.result()
                    if progress:
                        progress(done)
        except BaseException:
            for future in waiting:
                future.cancel()
            raise


def compile_system(system: System, *, method: Rosenbrock = RODAS5P, precision: int = 64) -> Kernel:
    """Generate and compile the kernel of a system, or load it from the cache on disk.

    Parameters
    ----------
    system : System
        Equations.
    method : Rosenbrock
        Method of integration.
    precision : int
        64 (float64), or 32 (float32: twice as fast, relative error from about 2e-5).

    Returns
    -------
    Kernel
        Bound to the compiled code; cheap to keep and to share between threads.
    """
    if precision not in (32, 64):
        raise ValueError(f"precision is {precision}, allowed are 32 and 64")

    def write() -> tuple[Any, dict[str, int]]:
        source = generate(formulate(system), method, precision)
        return compile_to_ir(source.text, precision), {"hoisted": source.hoisted, "work": source.work}

    code = native(f"{system.hash} {method!r} {precision}", ENTRIES, write)
    return Kernel(system, method, precision, code)


def _compiled_there(system: System, method: Rosenbrock, precision: int) -> Kernel:
    return compile_system(system, method=method, precision=precision)
