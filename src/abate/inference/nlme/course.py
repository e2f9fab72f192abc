"""What the model predicts for every observation, for many candidate parameters of every subject at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy

from abate.engine.ensemble import Ensemble, compile_model
from abate.engine.solver import Kind
from abate.engine.solver.operations import LANES
from abate.engine.solver.state import Schedule, padded
from abate.inference.nlme.dataset import Dataset, DoseEvent, Unit
from abate.inference.nlme.structure import Structure
from abate.inference.prior import outside_noise
from abate.science.model import Model, individual_values

__all__ = ["Courses"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_MOST_STOPS = 160  # distinct times that subjects of one batch may have between them
_MOST_PEOPLE = 32768  # simulated at once, to bound memory


@dataclass(frozen=True)
class _Batch:
    """Units that are simulated together."""

    units: tuple[Unit, ...]
    start: float
    end: float
    times: Floats

    @classmethod
    def of(cls, units: Sequence[Unit], time: Floats) -> _Batch:
        rows = np.concatenate([u.rows for u in units])
        times = np.unique(time[rows])
        return cls(tuple(units), min(u.start for u in units), float(times[-1]), times)


@dataclass(frozen=True)
class Courses:
    """Predictions.

    Attributes
    ----------
    structure : Structure
    data : Dataset
    threads : int or None
        The result does not depend on it.
    """

    structure: Structure
    data: Dataset
    threads: int | None = None

    @cached_property
    def _ensemble(self) -> Ensemble:
        return compile_model(outside_noise(self.structure.model), self.data.outputs)

    @cached_property
    def _factors(self) -> dict[str, Floats]:
        """Typical value a subject of every parameter: the model's covariates, from columns of the file."""
        model, upper = self.structure.model, {n.upper(): v for n, v in self.data.covariates.items()}
        known = {n: upper[n.upper()] for n in model.covariates if n.upper() in upper}
        known = {n: np.where(np.isnan(v), model.covariates[n].reference, v) for n, v in known.items()}
        values = individual_values(model, known, {})
        return {n: np.array(np.broadcast_to(v, (self.data.subjects,)), dtype=float) for n, v in values.items()}

    @cached_property
    def _batches(self) -> list[_Batch]:
        """Units with similar times together."""
        time = self.data.time
        ordered = sorted(self.data.units, key=lambda u: (time[u.rows].tolist(), [d.time for d in u.doses], u.subject))
        batches: list[list[Unit]] = []
        stops: set[float] = set()
        for unit in ordered:
            mine = {*time[unit.rows].tolist(), *(d.time for d in unit.doses)}
            if batches and len(stops | mine) <= max(_MOST_STOPS, len(mine)):
                batches[-1].append(unit)
                stops |= mine
            else:
                batches.append([unit])
                stops = set(mine)
        return [_Batch.of(batch, time) for batch in batches]

    def predict(self, phi: Floats) -> Floats:
        """Predict every observation.

        Parameters
        ----------
        phi : ndarray, shape (subjects, candidates, q)
            On the scale of the random effects.

        Returns
        -------
        ndarray, shape (observations, candidates)
            NaN where a solution failed.
        """
        candidates = phi.shape[1]
        found = np.full((self.data.value.size, candidates), np.nan)
        for batch in self._batches:
            width = max(1, _MOST_PEOPLE // len(batch.units))
            for first in range(0, candidates, width):
                part = slice(first, min(first + width, candidates))
                self._run(batch, phi[:, part], found[:, part])
        return found

    def _run(self, batch: _Batch, phi: Floats, found: Floats) -> None:
        subjects = np.array([u.subject for u in batch.units])
        width = phi.shape[1]
        with np.errstate(over="ignore"):
            natural = self.structure.natural(phi[subjects])
        people = subjects.size * width
        values = {n: np.repeat(v[subjects], width) for n, v in self._factors.items()}
        for j, name in enumerate(self.structure.names):
            # the model's own covariate factor stays on the value that is tried
            base = self.structure.model.parameters[name].value
            factor = values[name] / base if base else np.ones(people)
            values[name] = natural[:, :, j].reshape(-1) * factor
        values |= {n: np.full(people, i.value) for n, i in self._ensemble.model.inputs.items()}
        kernel = self._ensemble.kernel
        state = kernel.state(self._initial(values, people, batch.start), values, people, batch.start)
        rows = kernel.advance(
            state,
            batch.end,
            self._plans[batch.units[0].subject, batch.start, len(batch.units)].schedule(values, width),
            batch.times,
            threads=self.threads or (None if people >= 512 else 1),
        )
        for i, unit in enumerate(batch.units):
            at = np.searchsorted(batch.times, self.data.time[unit.rows])
            found[unit.rows] = rows[self.data.output[unit.rows], at, i * width : (i + 1) * width]

    @cached_property
    def _starter(self) -> tuple[list[str], Any]:
        """The initial states as one function of parameters and inputs."""
        model = self._ensemble.model
        expressions = [sympy.sympify(model.initial[name]) for name in model.states]
        names = sorted({s.name for e in expressions for s in e.free_symbols} - {"time"})
        symbols = [sympy.Symbol(n) for n in [*names, "time"]]
        return names, sympy.lambdify(symbols, expressions, modules="numpy", cse=True)

    def _initial(self, values: dict[str, Floats], people: int, time: float) -> dict[str, Floats]:
        names, function = self._starter
        rows = function(*(padded(values[n], float) for n in names), time)
        whole = people + -people % LANES
        found = [np.broadcast_to(np.asarray(row, dtype=float), (whole,))[:people] for row in rows]
        return dict(zip(self._ensemble.model.states, found, strict=True))

    @cached_property
    def _plans(self) -> dict[tuple[int, float, int], _Plan]:
        return {(b.units[0].subject, b.start, len(b.units)): _Plan.of(b, self._ensemble) for b in self._batches}


@dataclass(frozen=True)
class _Plan:
    """Doses of a batch; those of different subjects at one time and place are one event with an amount a subject."""

    time: Floats
    kind: Integers
    target: Integers
    amount: Floats
    scaled_by: tuple[str | None, ...]

    @classmethod
    def of(cls, batch: _Batch, ensemble: Ensemble) -> _Plan:
        amounts: dict[tuple[float, Kind, str, str | None], Floats] = {}
        for i, unit in enumerate(batch.units):
            for dose in unit.doses:
                for key, amount in _events(dose, ensemble.model):
                    amounts.setdefault(key, np.zeros(len(batch.units)))[i] += amount
        keys = sorted(amounts, key=lambda key: key[0])
        states, parameters = ensemble.kernel.system.states, ensemble.kernel.system.parameters
        places = [states.index(k[2]) if k[1] == Kind.ADD else parameters.index(k[2]) for k in keys]
        return cls(
            np.array([k[0] for k in keys], dtype=float),
            np.array([int(k[1]) for k in keys], dtype=np.int64),
            np.array(places, dtype=np.int64),
            np.stack([amounts[k] for k in keys]) if keys else np.empty((0, len(batch.units))),
            tuple(k[3] for k in keys),
        )

    def schedule(self, values: dict[str, Floats], width: int) -> Schedule:
        """Give every candidate of a subject the subject's doses, by its own bioavailability."""
        amount = np.repeat(self.amount, width, axis=1)
        for row, name in enumerate(self.scaled_by):
            if name is not None:
                amount[row] *= values[name]
        return Schedule(self.time, self.kind, self.target, amount)


def _events(dose: DoseEvent, model: Model) -> list[tuple[tuple[float, Kind, str, str | None], float]]:
    targets = [t for t in model.doses.values() if t.state == dose.state]
    if dose.duration:
        target = next(t for t in targets if t.rate_input)
        start, rate = dose.time + target.lag, dose.amount / dose.duration
        entry, kind = str(target.rate_input), Kind.ADD_TO_PARAMETER
        # a rate is scaled like an amount; the end takes away what the start added
        scale = target.bioavailability
        return [((start, kind, entry, scale), rate), ((start + dose.duration, kind, entry, scale), -rate)]
    lag, scale = (targets[0].lag, targets[0].bioavailability) if targets else (0.0, None)
    return [((dose.time + lag, Kind.ADD, dose.state, scale), dose.amount)]
