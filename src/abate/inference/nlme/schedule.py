"""What is done to a batch of units: doses, infusions, changes of occasion, as one schedule for all candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Ensemble
from abate.engine.solver import Kind
from abate.engine.solver.state import Schedule
from abate.inference.nlme.dataset import DoseEvent, Unit
from abate.inference.nlme.infusion import TURNS, Infusions, infused, slot
from abate.inference.nlme.people import People
from abate.science.model import Model

__all__ = ["BatchSchedule"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_Key = tuple[float, Kind, str, str | None]


@dataclass(frozen=True)
class _Row:
    """An event of a batch: an amount and an occasion a unit, scaled by a parameter of everyone."""

    time: float
    kind: Kind
    target: str
    scale: str | None
    amount: Floats
    occasion: Integers


@dataclass(frozen=True)
class BatchSchedule:
    """Doses of a batch; those of different units at one time and place are one event with an amount a unit.

    Attributes
    ----------
    units : tuple of Unit
    rows : tuple of _Row
        Doses and infusions of a given length.
    modelled : tuple of (int, int, DoseEvent)
        Infusions that end with a person's own parameters: unit, turn and dose.
    """

    units: tuple[Unit, ...]
    rows: tuple[_Row, ...]
    modelled: tuple[tuple[int, int, DoseEvent], ...]
    ensemble: Ensemble
    model: Model

    @classmethod
    def of(cls, units: Sequence[Unit], ensemble: Ensemble, model: Model) -> BatchSchedule:
        """Collect what is done to some units."""
        amounts: dict[_Key, Floats] = {}
        occasions: dict[_Key, Integers] = {}
        modelled: list[tuple[int, int, DoseEvent]] = []
        for i, unit in enumerate(units):
            turns: dict[str, int] = {}
            for dose in sorted(unit.doses, key=lambda d: d.time):
                if dose.modelled:
                    turn = turns.get(dose.state, 0)
                    modelled.append((i, turn % TURNS, dose))
                    turns[dose.state] = turn + 1
                    continue
                for key, amount in _events(dose, model):
                    amounts.setdefault(key, np.zeros(len(units)))[i] += amount
                    occasions.setdefault(key, np.zeros(len(units), dtype=np.int64))[i] = unit.occasion(dose.time)
        rows = [_Row(*key, amounts[key], occasions[key]) for key in sorted(amounts, key=lambda key: key[0])]
        return cls(tuple(units), tuple(rows), tuple(modelled), ensemble, model)

    def schedule(self, people: People, steady: Mapping[int, Floats]) -> tuple[Schedule, npt.NDArray[np.bool_]]:
        """Give every candidate its unit's doses by its own parameters.

        Parameters
        ----------
        people : People
        steady : mapping of int to ndarray, shape (states, people)
            Amounts that the units' steady states of that number add.

        Returns
        -------
        Schedule
        ndarray of bool, shape (people,)
            Candidates whose infusions overlap more than can be followed.
        """
        system = self.ensemble.kernel.system
        found: list[tuple[float, int, int, int, Floats]] = []  # time, order within it, kind, target, amount
        for time, name, values in self._changes(people):
            found.append((time, 0, int(Kind.SET), system.parameters.index(name), values))
        for number, added in steady.items():
            time = self.units[0].steady[number].time
            for place, row in enumerate(added):
                found.append((time, 1, int(Kind.ADD), place, np.nan_to_num(row)))
        for row in self.rows:
            names = system.states if row.kind == Kind.ADD else system.parameters
            amount = np.repeat(row.amount, people.width)
            if row.scale is not None:
                amount = amount * people.at(row.scale, row.occasion)
            found.append((row.time, 2, int(row.kind), names.index(row.target), amount))
        infusions, lost = self._infusions(people)
        found += infusions
        found.sort(key=lambda entry: entry[:2])
        size = people.units * people.width
        schedule = Schedule(
            np.array([f[0] for f in found], dtype=float),
            np.array([f[2] for f in found], dtype=np.int64),
            np.array([f[3] for f in found], dtype=np.int64),
            np.stack([f[4] for f in found]) if found else np.empty((0, size)),
        )
        return schedule, lost

    def _changes(self, people: People) -> list[tuple[float, str, Floats]]:
        """Parameters of a new occasion; NaN for whom none begins."""
        times = sorted({t for u in self.units for t, _ in u.occasions[1:]}) if people.varying else []
        found = []
        for time in times:
            begins = np.array([any(t == time for t, _ in u.occasions[1:]) for u in self.units])
            occasion = np.array([u.occasion(time) for u in self.units], dtype=np.int64)
            for name in people.varying:
                values = np.where(np.repeat(begins, people.width), people.at(name, occasion), np.nan)
                found.append((time, name, values))
        return found

    def _infusions(self, people: People) -> tuple[list[tuple[float, int, int, int, Floats]], npt.NDArray[np.bool_]]:
        names, width = self.ensemble.kernel.system.parameters, people.width
        size = people.units * width
        lost = np.zeros(size, dtype=bool)
        ends: dict[tuple[str, int], Floats] = {}
        found: list[tuple[float, int, int, int, Floats]] = []
        for i, turn, dose in sorted(self.modelled, key=lambda m: m[2].time):
            occasion = np.array([u.occasion(dose.time) for u in self.units], dtype=np.int64)
            rate, duration = Infusions(self.model).of(dose, dose.amount, people.during(occasion))
            target = infused(self.model, dose.state)
            own = np.zeros(size, dtype=bool)
            own[i * width : (i + 1) * width] = True
            begin = dose.time + target.lag
            one, end = slot(str(target.rate_input), turn)
            last = ends.setdefault((one, turn), np.full(size, -np.inf))
            # the turn before must have ended by now
            lost |= own & ((last > begin + 1e-12) | ~np.isfinite(rate) | ~np.isfinite(duration))
            last[own] = (begin + duration)[own]
            for name, values in ((one, rate), (end, begin + duration)):
                found.append((begin, 2, int(Kind.SET), names.index(name), np.where(own, values, np.nan)))
        return found, lost


def _events(dose: DoseEvent, model: Model) -> list[tuple[_Key, float]]:
    targets = [t for t in model.doses.values() if t.state == dose.state]
    if dose.duration:
        target = infused(model, dose.state)
        start, rate = dose.time + target.lag, dose.amount / dose.duration
        entry, kind = str(target.rate_input), Kind.ADD_TO_PARAMETER
        # without bioavailability: otherwise the infusion is one that ends with each person's own
        return [((start, kind, entry, None), rate), ((start + dose.duration, kind, entry, None), -rate)]
    lag, scale = (targets[0].lag, targets[0].bioavailability) if targets else (0.0, None)
    return [((dose.time + lag, Kind.ADD, dose.state, scale), dose.amount)]
