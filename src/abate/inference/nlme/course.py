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
from abate.engine.solver.operations import LANES
from abate.engine.solver.state import padded
from abate.inference.nlme.dataset import Dataset, Unit
from abate.inference.nlme.infusion import with_infusions
from abate.inference.nlme.people import People
from abate.inference.nlme.schedule import BatchSchedule
from abate.inference.nlme.steady import SteadyStates
from abate.inference.nlme.structure import Structure
from abate.inference.prior import outside_noise
from abate.science.model import individual_values

__all__ = ["Courses"]

Floats = npt.NDArray[np.float64]

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

    @property
    def first_occasions(self) -> npt.NDArray[np.int64]:
        return np.array([u.occasion(-np.inf) for u in self.units], dtype=np.int64)


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
        doses = [d for u in self.data.units for d in (*u.doses, *(s.dose for s in u.steady if s.every))]
        return compile_model(with_infusions(outside_noise(self.structure.model), doses), self.data.outputs)

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
        """Units with similar times together; those that begin in a steady state apart from the others."""
        time = self.data.time
        ordered = sorted(
            self.data.units,
            key=lambda u: (
                _steady_key(u),
                time[u.rows].tolist(),
                [d.time for d in u.doses],
                u.subject,
            ),
        )
        batches: list[list[Unit]] = []
        stops: set[float] = set()
        for unit in ordered:
            mine = {*time[unit.rows].tolist(), *(d.time for d in unit.doses), *(t for t, _ in unit.occasions)}
            last = batches[-1][-1] if batches else None
            alike = last is not None and _steady_key(last) == _steady_key(unit)
            if alike and len(stops | mine) <= max(_MOST_STOPS, len(mine)):
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
        for place, batch in enumerate(self._batches):
            width = max(1, _MOST_PEOPLE // len(batch.units))
            for first in range(0, candidates, width):
                part = slice(first, min(first + width, candidates))
                self._run(place, phi[:, part], found[:, part])
        return found

    def _run(self, place: int, phi: Floats, found: Floats) -> None:
        batch = self._batches[place]
        subjects = np.array([u.subject for u in batch.units])
        people = self._people(batch, subjects, phi[subjects])
        size = people.units * people.width
        values = dict(people.constant)
        kernel = self._ensemble.kernel
        threads = self.threads or (None if size >= 512 else 1)
        initial, added = self._begin(batch, people, threads)
        schedule, broken = self._schedules[place].schedule(people, added)
        broken |= ~np.isfinite(np.concatenate([initial, *added.values()])).all(axis=0)
        state = kernel.state(np.nan_to_num(initial), values, size, batch.start)
        rows = kernel.advance(state, batch.end, schedule, batch.times, threads=threads)
        rows[:, :, broken] = np.nan
        for i, unit in enumerate(batch.units):
            at = np.searchsorted(batch.times, self.data.time[unit.rows])
            found[unit.rows] = rows[self.data.output[unit.rows], at, i * people.width : (i + 1) * people.width]

    def _begin(self, batch: _Batch, people: People, threads: int | None) -> tuple[Floats, dict[int, Floats]]:
        """Return the amounts that a batch begins with, and those that later steady states add."""
        size = people.units * people.width
        first = self._initial(dict(people.constant), size, batch.start)
        initial = empty = np.stack([first[n] for n in self._ensemble.model.states])
        added: dict[int, Floats] = {}
        for number, entry in enumerate(batch.units[0].steady):
            now = people.during(np.array([u.occasion(entry.time) for u in batch.units], dtype=np.int64))
            amount = np.repeat([u.steady[number].dose.amount for u in batch.units], people.width)
            found = SteadyStates(self._ensemble, self.structure.model).amounts(entry, amount, now, empty, threads)
            if entry.onto:
                added[number] = found
            else:
                initial = found
        return initial, added

    def _people(self, batch: _Batch, subjects: npt.NDArray[np.int64], phi: Floats) -> People:
        """Return the parameters of every candidate, phi of shape (units, width, q)."""
        structure, width = self.structure, phi.shape[1]
        size = subjects.size * width
        values = {n: np.repeat(v[subjects], width) for n, v in self._factors.items()}
        inputs = {n: np.full(size, i.value) for n, i in self._ensemble.model.inputs.items()}
        varying: dict[str, Floats] = {}
        with np.errstate(over="ignore"):
            natural = structure.natural(phi)
            for j in structure.typical:
                name = structure.names[j]
                # the model's own covariate factor stays on the value that is tried
                base = structure.model.parameters[name].value
                factor = values[name] / base if base else np.ones(size)
                values[name] = natural[:, :, j].reshape(-1) * factor
                columns = structure.occasions.get(name)
                if columns is not None:
                    at = structure.natural_of(j, phi[:, :, j, None] + phi[:, :, columns])
                    varying[name] = at.transpose(2, 0, 1) * factor.reshape(subjects.size, width)
        first = batch.first_occasions
        people = People({**values, **inputs}, varying, subjects.size, width)
        return People(people.during(first), varying, subjects.size, width)

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
    def _schedules(self) -> list[BatchSchedule]:
        return [BatchSchedule.of(b.units, self._ensemble, self.structure.model) for b in self._batches]


def _steady_key(unit: Unit) -> list[tuple[object, ...]]:
    """Return what units that begin together must share; amounts may differ."""
    return [
        (s.time, s.every, s.onto, d.state, d.duration, d.rate, d.rate_by, d.duration_by, unit.start)
        for s in unit.steady
        for d in [s.dose]
    ]
