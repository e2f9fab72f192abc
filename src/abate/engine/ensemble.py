"""A model and people: who starts where, which noise each week brings, and what is recorded.

The trial steps a `Run` visit by visit; a plain simulation advances it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import sympy

from abate.engine.solver import Event, Kernel, Kind, State, System, Tolerance, compile_system
from abate.ground.errors import InputError
from abate.ground.randomness import normal
from abate.science.model import Model

__all__ = ["DoseEvents", "Ensemble", "Run"]

Floats = npt.NDArray[np.float64]


class DoseEvents(Protocol):
    """What the ensemble needs to know of doses: `abate.science.regimen.Doses` fits."""

    drug: str
    route: str
    amount: Floats
    duration_h: float

    @property
    def enters(self) -> Floats:
        """Days at which the drug is released, shape (E,)."""


@dataclass(frozen=True)
class Ensemble:
    """A model compiled for an ensemble of people.

    Parameters
    ----------
    model : Model
        Equations, numbers, inputs and dose targets.
    outputs : tuple of str
        States and assignments to record.
    tolerance : Tolerance, optional
        Of the solver.

    Examples
    --------
    >>> from abate.science.model import load
    >>> from abate.science.regimen import parse
    >>> ensemble = Ensemble(load("tocilizumab/ra"), ("C",))
    >>> people = {name: np.full(16, p.value) for name, p in ensemble.model.parameters.items()}
    >>> run = ensemble.start(people, np.arange(16), seed=1)
    >>> doses = parse("tocilizumab 8 mg/kg iv every 4 weeks").doses(0, 28, {"weight": np.full(16, 70.0)})
    >>> run.advance(28, [doses], record_at=[1 / 24, 14])["C"][0].round()
    array([159.,  44.], dtype=float32)
    """

    model: Model
    outputs: tuple[str, ...]
    tolerance: Tolerance | None = None

    @cached_property
    def kernel(self) -> Kernel:
        """The compiled system; compiling takes some seconds once, later runs load it from the cache."""
        model = self.model
        known = {*model.states, *model.assignments}
        for name in self.outputs:
            if name not in known:
                raise InputError(model.name, "there is no such output", value=name, allowed=list(model.outputs))
        system = System(
            model.states, model.rates, model.assignments, (*model.parameters, *model.inputs), tuple(self.outputs)
        )
        return compile_system(system)

    def start(self, parameters: Mapping[str, npt.ArrayLike], persons: npt.NDArray[np.int64], seed: int) -> Run:
        """Put people at time 0.

        Parameters
        ----------
        parameters : mapping from name to array_like, shape (n,)
            A value a person for every parameter; inputs that are not given start at the model's value.
        persons : ndarray of int, shape (n,)
            Keys of the noise; whole groups of 16, so that nobody depends on who else is there.
        seed : int
            Of the run.
        """
        n = len(persons)
        values = {name: np.broadcast_to(np.asarray(v, dtype=float), (n,)) for name, v in parameters.items()}
        for name, given in self.model.inputs.items():
            values.setdefault(name, np.full(n, given.value))
        noises = [_Noise.of(self.model, name, values, persons, seed) for name in self.model.inputs]
        noise = [one for one in noises if one is not None]
        for one in noise:
            values[one.name] = one.draw(0)
        initial = _initial(self.model, values, n)
        return Run(self, self.kernel.state(initial, values, n), values, noise)


@dataclass
class _Noise:
    """An Ornstein-Uhlenbeck input: constant over a stretch of days, each value drawn from the one before."""

    name: str
    sd: Floats
    share: Floats
    every: float
    persons: npt.NDArray[np.int64]
    seed: int
    value: Floats | None = None
    count: int = 0

    @classmethod
    def of(
        cls, model: Model, name: str, values: Mapping[str, Floats], persons: npt.NDArray[np.int64], seed: int
    ) -> _Noise | None:
        given = model.inputs[name]
        if given.kind != "ornstein-uhlenbeck" or given.sd is None or given.time_constant is None:
            return None
        share = np.exp(-given.every / values[given.time_constant])
        return cls(name, values[given.sd], share, given.every, persons, seed)

    def draw(self, index: int) -> Floats:
        """Return the values of the stretch with this index; indices are asked for in order."""
        fresh = self.sd * normal(self.seed, f"input:{self.name}", self.persons, index)
        if self.value is None:
            self.value = fresh
        elif index == self.count + 1:
            self.value = self.share * self.value + np.sqrt(1 - self.share**2) * fresh
        self.count = index
        return self.value

    def events(self, start: float, end: float) -> Iterable[Event]:
        """Yield the changes in [start, end), the one at time 0 excepted."""
        first = max(int(np.ceil(start / self.every - 1e-9)), 1)
        for index in range(first, int(np.ceil(end / self.every - 1e-9))):
            yield Event(index * self.every, Kind.SET, self.name, self.draw(index))


@dataclass
class Run:
    """People on their way: advanced in place, from visit to visit."""

    ensemble: Ensemble
    state: State
    values: Mapping[str, Floats]
    noise: list[_Noise]
    later: list[Event] = field(default_factory=list)  # the end of an infusion, a delayed release: after the next stop

    @property
    def time(self) -> float:
        """Where everybody stands, days."""
        return float(self.state.time)

    @property
    def codes(self) -> npt.NDArray[np.int64]:
        """How each person's solution stands, shape (n,); 0 is well."""
        return self.state.codes.astype(np.int64)

    def read(self, time: float) -> dict[str, Floats]:
        """Return the outputs at the present time, shape (n,) each."""
        out = self.ensemble.kernel.advance(self.state, time, None, [time], tolerance=self.ensemble.tolerance)
        return {name: np.asarray(out[i, 0], dtype=float) for i, name in enumerate(self.ensemble.outputs)}

    def advance(
        self, until: float, doses: Iterable[DoseEvents] = (), record_at: Sequence[float] | Floats = ()
    ) -> dict[str, Floats]:
        """Move everybody on.

        Parameters
        ----------
        until : float
            Days; events at `until` belong to the next call.
        doses : iterable of Doses
            What is given in between; amounts of shape (E, n).
        record_at : sequence of float
            Days within [time, until] at which the outputs are recorded, before any event of that time.

        Returns
        -------
        dict from output to ndarray, shape (n, len(record_at))

        Raises
        ------
        InputError
            If the model has no target for a drug by a route.
        """
        n = self.state.people
        start = self.time
        events = [event for one in self.noise for event in one.events(start, until)]
        events += self.later + [event for dose in doses for event in self._events(dose)]
        self.later = [event for event in events if event.time >= until]
        schedule = self.ensemble.kernel.schedule(events, n)
        out = self.ensemble.kernel.advance(self.state, until, schedule, record_at, tolerance=self.ensemble.tolerance)
        return {name: np.ascontiguousarray(out[i].T) for i, name in enumerate(self.ensemble.outputs)}

    def _events(self, dose: DoseEvents) -> Iterable[Event]:
        targets = self.ensemble.model.doses
        target = targets.get((dose.drug, dose.route))
        if target is None:
            known = ", ".join(f"{drug} {route}" for drug, route in targets)
            raise InputError(
                self.ensemble.model.name, "the model has no such dose", value=f"{dose.drug} {dose.route}", allowed=known
            )
        share = self.values[target.bioavailability] if target.bioavailability else 1.0
        for time, amount in zip(dose.enters + target.lag, dose.amount * share, strict=True):
            if dose.duration_h > 0 and target.rate_input:
                length = dose.duration_h / 24
                yield Event(float(time), Kind.ADD_TO_PARAMETER, target.rate_input, amount / length)
                yield Event(float(time) + length, Kind.ADD_TO_PARAMETER, target.rate_input, -amount / length)
            else:
                yield Event(float(time), Kind.ADD, target.state, amount)


def _initial(model: Model, values: Mapping[str, Floats], n: int) -> dict[str, Floats]:
    known: dict[str, Floats] = {**values, "time": np.zeros(n)}
    for state, expression in model.initial.items():
        names = sorted(str(symbol) for symbol in expression.free_symbols)
        value = sympy.lambdify([sympy.Symbol(name) for name in names], expression, "numpy")(*(known[k] for k in names))
        known[state] = np.broadcast_to(np.asarray(value, dtype=float), (n,))
    return {state: known[state] for state in model.states}
