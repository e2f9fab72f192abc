"""A compiled system: make a state, advance it, read outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.engine.solver.job import Job, Limits
from abate.engine.solver.native import Code, native
from abate.engine.solver.operations import LANES
from abate.engine.solver.processor import advance_on_processor
from abate.engine.solver.rodas5p import RODAS5P
from abate.engine.solver.rosenbrock import Rosenbrock
from abate.engine.solver.source import ENTRIES, Layout, generate
from abate.engine.solver.state import Event, Floats, Schedule, State, lane_groups, rows_of
from abate.engine.solver.straight import compile_to_ir
from abate.engine.solver.symbolic import formulate
from abate.engine.solver.system import System

if TYPE_CHECKING:
    from abate.engine.solver.gpu.card import CardCode


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
    code: Code | CardCode = field(repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Machine code does not travel: it is compiled, or loaded from the cache, where the kernel arrives."""
        return _compiled_there, (self.system, self.method, self.bits, self.device)

    @property
    def device(self) -> str:
        """Where people are computed: ``"cpu"`` or ``"gpu"``."""
        return "cpu" if isinstance(self.code, Code) else "gpu"

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
        # on a card everyone has a step size of their own, and two to restart with: after a dose, after a setting
        steppers, slots = (groups, len(y[0]) + len(p[0])) if self.device == "cpu" else (groups * LANES, 2)
        return State(
            people=people,
            time=float(time),
            y=y,
            p=p,
            step=np.zeros(steppers),
            restart=np.full((steppers, slots), np.inf),
            peak=np.zeros_like(y),
            code=np.zeros((groups, LANES), dtype=np.int8),
            steps=np.zeros((steppers, 2), dtype=np.int64),
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
        job = Job.of(state, len(self.system.outputs), until, schedule, record_at)
        allowed = tolerance or Tolerance()
        limits = Limits(
            allowed.relative,
            allowed.floor,
            np.array([allowed.absolute.get(name, 0.0) for name in self.system.states], dtype=float),
            -1.0 / self.method.order,
            max_steps,
        )
        if isinstance(self.code, Code):
            advance_on_processor(self.code, state, job, limits, threads, progress)
        else:
            from abate.engine.solver.gpu.card import advance_on_card

            advance_on_card(self.code, state, job, limits)
            if progress:
                progress(state.people)
        state.time = float(until)
        return job.out[:, :, : state.people]


def compile_system(system: System, *, method: Rosenbrock = RODAS5P, precision: int = 64, device: str = "cpu") -> Kernel:
    """Generate and compile the kernel of a system, or load it from the cache on disk.

    Parameters
    ----------
    system : System
        Equations.
    method : Rosenbrock
        Method of integration.
    precision : int
        64 (float64), or 32 (float32: twice as fast, relative error from about 2e-5).
    device : str
        ``"cpu"``, or ``"gpu"``: one thread a person on an NVIDIA card, by numba-cuda.

    Returns
    -------
    Kernel
        Bound to the compiled code; cheap to keep and to share between threads.

    Raises
    ------
    ValueError
        For a precision or device that does not exist.
    MissingExtra, InputError
        When ``"gpu"`` is asked for without numba-cuda, or without a card.
    """
    if precision not in (32, 64):
        raise ValueError(f"precision is {precision}, allowed are 32 and 64")
    if device not in ("cpu", "gpu"):
        raise ValueError(f"device is {device!r}, allowed are cpu and gpu")
    key = f"{system.hash} {method!r} {precision}"
    if device == "gpu":
        from abate.engine.solver.gpu.card import compile_for_card

        single = generate(formulate(system), method, Layout.single())
        on_card = compile_for_card(key, single, len(system.outputs), len(system.states), precision)
        return Kernel(system, method, precision, on_card)

    def write() -> tuple[Any, dict[str, int]]:
        source = generate(formulate(system), method, Layout.lanes(precision))
        return compile_to_ir(source.text, precision), {"hoisted": source.hoisted, "work": source.work}

    return Kernel(system, method, precision, native(key, ENTRIES, write))


def _compiled_there(system: System, method: Rosenbrock, precision: int, device: str) -> Kernel:
    return compile_system(system, method=method, precision=precision, device=device)
