"""People x model x doses: compile a model once, then move its people from visit to visit.

A trial loop steps a :class:`Run`; between two steps it may look at the outputs, decide, and hand
over each person's next doses. What a person lives through depends on the seed, the person's
number, parameters and doses alone, as long as lane groups are whole: simulate persons
``16 g .. 16 g + 15`` together (`whole_groups` says who) and drop whom you did not ask for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.engine.noise import Noise, noisy
from abate.engine.solver import Event, Kernel, Kind, State, Tolerance, compile_system
from abate.engine.solver.operations import LANES
from abate.engine.systems import evaluate, initial_states, system_of
from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.science.model import DoseTarget, Model

__all__ = ["Dose", "Ensemble", "Run", "Setting", "compile_model", "simulate", "whole_groups"]

Floats = npt.NDArray[np.float64]

_NOTHING = "nothing_changes"


@dataclass(frozen=True)
class Dose:
    """A dose for everyone, with an amount per person.

    Attributes
    ----------
    time : float
        Start, days.
    drug, route : str
        A key of ``model.doses``: ``"tocilizumab", "sc"``.
    amount : float or array [n]
        In the unit of the dose target, before bioavailability; 0 for whom nothing is given.
    duration : float
        Days that an infusion runs; 0 for a bolus.
    """

    time: float
    drug: str
    route: str
    amount: float | Floats
    duration: float = 0.0


@dataclass(frozen=True)
class Setting:
    """An input or parameter set to new values; NaN leaves a person alone."""

    time: float
    name: str
    value: float | Floats


def whole_groups(people: int, first: int = 0) -> npt.NDArray[np.int64]:
    """Persons to simulate so that ``first .. first + people - 1`` are among whole lane groups.

    Examples
    --------
    >>> ids = whole_groups(20)
    >>> ids.size, int(ids[-1])
    (32, 31)
    """
    begin = first // LANES * LANES
    end = -(-(first + people) // LANES) * LANES
    return np.arange(begin, end, dtype=np.int64)


@dataclass(frozen=True)
class Ensemble:
    """A compiled model.

    Attributes
    ----------
    model : Model
    kernel : Kernel
        Its parameters are those of the model, then its inputs.
    outputs : tuple of str
        Names recorded, in order.
    """

    model: Model
    kernel: Kernel
    outputs: tuple[str, ...]

    def start(
        self,
        parameters: Mapping[str, Any],
        persons: npt.ArrayLike,
        seed: int,
        *,
        time: float = 0.0,
        tolerance: Tolerance | None = None,
        threads: int | None = None,
    ) -> Run:
        """People at the model's initial state.

        Parameters
        ----------
        parameters : mapping of name to array [n] or number
            Of parameters and inputs; what is missing is at its typical value.
        persons : array_like of int, shape (n,)
            Numbers that key the draws; see `whole_groups`.
        seed : int
            Of the run.
        time : float
            Day at which they start.
        tolerance : Tolerance, optional
            Of the solver.
        threads : int, optional
            Default: one a processor; the result does not depend on it.

        Raises
        ------
        InputError
            For a name that the model does not know, or a shape that does not fit.
        """
        model = self.model
        who = np.atleast_1d(np.asarray(persons, dtype=np.int64))
        known = [*model.parameters, *model.inputs]
        for name, value in parameters.items():
            if name not in known:
                raise InputError(model.name, "no such parameter", value=name, hint=did_you_mean(name, known))
            if np.shape(value) not in {(), who.shape}:
                raise InputError(model.name, f"{name}: {np.shape(value)} values for {who.size} people")
        typical = {name: p.value for name, p in model.parameters.items()}
        typical.update({name: i.value for name, i in model.inputs.items()})
        values: dict[str, Floats] = {}
        for name in known:
            value = np.asarray(parameters.get(name, typical[name]), dtype=np.float64)
            values[name] = np.broadcast_to(value, who.shape)
        noise = [Noise.of(entry, values, seed, who, time) for entry in noisy(model)]
        values.update({n.name: n.value for n in noise})
        initial = initial_states(model, self.kernel.system.states, values, time)
        state = self.kernel.state(initial, values, who.size, time)
        run = Run(self, state, seed, who, noise, tolerance or Tolerance(), threads)
        for dose in model.scheduled:
            amount = evaluate([dose.amount], values, dose.time)[0]
            run._pending.append(Event(float(dose.time), Kind.ADD, dose.state, amount))
        return run


class Run:
    """People on their way; made by `Ensemble.start`.

    Attributes
    ----------
    ensemble : Ensemble
    state : State
        Of the solver.
    persons : array [n]
    """

    def __init__(
        self,
        ensemble: Ensemble,
        state: State,
        seed: int,
        persons: npt.NDArray[np.int64],
        noise: Sequence[Noise],
        tolerance: Tolerance,
        threads: int | None,
    ) -> None:
        self.ensemble = ensemble
        self.state = state
        self.seed = seed
        self.persons = persons
        self._noise = list(noise)
        self._tolerance = tolerance
        self._threads = threads
        self._pending: list[Event] = []

    @property
    def time(self) -> float:
        """Day that everyone has reached."""
        return self.state.time

    @property
    def codes(self) -> npt.NDArray[np.int8]:
        """Result code of every person, array [n]; 0 is well (`solver.Code`)."""
        return self.state.codes

    def parameter(self, name: str) -> Floats:
        """Present values of a parameter or input, array [n]."""
        row = self.ensemble.kernel.system.parameters.index(name)
        return np.asarray(self.state.p[:, row].reshape(-1)[: self.state.people], dtype=float)

    def advance(
        self,
        until: float,
        doses: Iterable[Dose] = (),
        settings: Iterable[Setting] = (),
        *,
        record_at: Sequence[float] | Floats | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Floats]:
        """Move everyone to ``until``.

        Doses and settings may lie beyond ``until`` (they wait), and infusions may run across it. What is due exactly
        at ``until`` happens in the next call: a record there, and a visit, comes before it.

        Parameters
        ----------
        until : float
            Day.
        doses, settings : iterable
            Due now or later.
        record_at : sequence of float, optional
            Increasing days within ``[time, until]``; default ``(until,)``.
        progress : callable, optional
            Called with the number of people newly finished.

        Returns
        -------
        dict of output name to array [T, n]
            NaN for people whose solution failed.

        Raises
        ------
        InputError
            For a dose that the model has no target for, or one that lies in the past.
        """
        for dose in doses:
            self._pending += self._events(dose)
        for setting in settings:
            self._pending.append(self._checked(Event(setting.time, Kind.SET, setting.name, setting.value)))
        weekly = [event for noise in self._noise for event in noise.events(self.time, until)]
        due = weekly + [e for e in self._pending if e.time < until]
        self._pending = [e for e in self._pending if e.time >= until]
        times = (until,) if record_at is None else record_at
        kernel = self.ensemble.kernel
        rows = kernel.advance(
            self.state,
            until,
            kernel.schedule(due, self.state.people),
            times,
            tolerance=self._tolerance,
            threads=self._threads,
            progress=progress,
        )
        return dict(zip(self.ensemble.outputs, rows, strict=True))

    def _checked(self, event: Event) -> Event:
        names = self.ensemble.kernel.system.parameters
        if event.kind != Kind.ADD and event.target not in names:
            hint = did_you_mean(event.target, names)
            raise InputError(self.ensemble.model.name, "there is no such input", value=event.target, hint=hint)
        if not event.time >= self.time:
            raise InputError(
                self.ensemble.model.name, f"{event.target}: day {event.time:g} is before the present, day {self.time:g}"
            )
        return event

    def _events(self, dose: Dose) -> list[Event]:
        model = self.ensemble.model
        target = _target(model, dose)
        amount = np.broadcast_to(np.asarray(dose.amount, dtype=float), self.persons.shape)
        if not np.all(amount >= 0):
            raise InputError(model.name, f"a dose of {dose.drug} on day {dose.time:g} is negative or not a number")
        if target.bioavailability is not None:
            amount = amount * self.parameter(target.bioavailability)
        start = dose.time + target.lag
        if dose.duration <= 0:
            return [self._checked(Event(start, Kind.ADD, target.state, amount))]
        if target.rate_input is None:
            allowed = "a bolus (duration 0)"
            raise InputError(
                model.name, f"{dose.drug} {dose.route} has no infusion", value=dose.duration, allowed=allowed
            )
        rate = amount / dose.duration
        first = self._checked(Event(start, Kind.ADD_TO_PARAMETER, target.rate_input, rate))
        return [first, Event(start + dose.duration, Kind.ADD_TO_PARAMETER, target.rate_input, -rate)]


def compile_model(
    model: Model,
    outputs: Sequence[str] | None = None,
    *,
    precision: int = 64,
    device: str = "cpu",
    quasi_steady: bool = False,
) -> Ensemble:
    """Compile a model, or load its compiled form from the cache.

    Parameters
    ----------
    model : Model
        Numbers of the model may be changed freely afterwards: only its equations are compiled in.
    outputs : sequence of str, optional
        States, assignments or parameters to record; default ``model.outputs``.
    precision : int
        64 or 32.
    device : str
        ``"cpu"`` or ``"gpu"``.
    quasi_steady : bool
        Take the states that the model marks as fast to be where their rate is zero: fewer equations, larger steps, and
        an error that is to be measured.

    Raises
    ------
    InputError
        When an output does not exist, no state is marked, or there is no card.
    MissingExtra
        When a card is asked for without numba-cuda.

    Examples
    --------
    >>> from abate.engine.ensemble import Dose, compile_model
    >>> from abate.science.model import load
    >>> ensemble = compile_model(load("tocilizumab/ra"), ["C"])
    >>> run = ensemble.start({"CL": [0.2, 0.4]}, persons=[0, 1], seed=1)
    >>> run.advance(1.0, [Dose(0.0, "tocilizumab", "iv", 560.0, duration=1 / 24)])["C"].shape
    (1, 2)
    >>> later = run.advance(28.0, record_at=[7.0, 14.0, 28.0])["C"]
    >>> bool((later[:, 0] > later[:, 1]).all())
    True
    """
    system = system_of(model, model.outputs if outputs is None else outputs, quasi_steady=quasi_steady)
    kernel = compile_system(system, precision=precision, device=device)
    return Ensemble(model, kernel, system.outputs)


def simulate(
    model: Model,
    parameters: Mapping[str, Any],
    doses: Iterable[Dose],
    days: float,
    *,
    seed: int = 0,
    persons: npt.ArrayLike | None = None,
    record_at: Sequence[float] | Floats | None = None,
    outputs: Sequence[str] | None = None,
    tolerance: Tolerance | None = None,
) -> dict[str, Floats]:
    """Simulate people from day 0 on doses known beforehand.

    Parameters
    ----------
    model : Model
    parameters : mapping of name to array [n] or number
    doses : iterable of Dose
    days : float
        End.
    seed : int
        Of the weekly noise.
    persons : array_like of int, optional
        Default ``0 .. n - 1``.
    record_at : sequence of float, optional
        Default: every whole day from 0.
    outputs : sequence of str, optional
        Default ``model.outputs``.
    tolerance : Tolerance, optional

    Returns
    -------
    dict of output name to array [T, n]

    Examples
    --------
    >>> from abate.science.model import load
    >>> course = simulate(load("tocilizumab/ra"), {}, [Dose(0.0, "tocilizumab", "sc", 162.0)], 28.0)
    >>> course["C"].shape
    (29, 1)
    """
    shapes = [np.shape(v) for v in parameters.values() if np.shape(v)]
    people = shapes[0][0] if shapes else 1
    who = np.arange(people) if persons is None else np.atleast_1d(np.asarray(persons))
    times = np.arange(math.floor(days) + 1.0) if record_at is None else record_at
    run = compile_model(model, outputs).start(parameters, who, seed, tolerance=tolerance)
    return run.advance(days, doses, record_at=times)


def _target(model: Model, dose: Dose) -> DoseTarget:
    key = (dose.drug, dose.route)
    if key not in model.doses:
        allowed = [" ".join(k) for k in model.doses]
        raise InputError(model.name, "the model takes no such dose", value=" ".join(key), allowed=allowed)
    return model.doses[key]
