"""Standard errors and intervals by drawing subjects again, with replacement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from abate.ground.randomness import uniform
from abate.inference.nlme.course import Courses
from abate.inference.nlme.dataset import Dataset, Unit
from abate.inference.nlme.fit import PopulationFit
from abate.inference.nlme.information import flatten
from abate.inference.nlme.interruption import keep, kept, key_of
from abate.inference.nlme.saem import Plan, run_saem
from abate.inference.nlme.structure import CovariateEffect

__all__ = ["Bootstrap", "bootstrap", "redrawn"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bootstrap:
    """What the fits to redrawn data sets found.

    Attributes
    ----------
    names : tuple of str
        As in `Flat`.
    values : ndarray, shape (replicates, p)
    """

    names: tuple[str, ...]
    values: Floats

    def payload(self, level: float = 0.95) -> dict[str, dict[str, float]]:
        """Return standard error and percentile interval of every number, typical values on their scale."""
        tail = (1 - level) / 2
        low, high = np.quantile(self.values, (tail, 1 - tail), axis=0)
        se = self.values.std(axis=0, ddof=1)
        return {
            n: {"se": float(se[i]), "low": float(low[i]), "high": float(high[i]), "replicates": len(self.values)}
            for i, n in enumerate(self.names)
        }


def redrawn(data: Dataset, rows: npt.NDArray[np.int64]) -> Dataset:
    """Return a data set of some of the subjects; who is drawn twice is two people."""
    units: list[Unit] = []
    observations: list[npt.NDArray[np.int64]] = []
    owner: list[npt.NDArray[np.int64]] = []
    place = 0
    for new, old in enumerate(rows.tolist()):
        for unit in (u for u in data.units if u.subject == old):
            units.append(replace(unit, subject=new, rows=np.arange(place, place + unit.rows.size)))
            observations.append(unit.rows)
            owner.append(np.full(unit.rows.size, new))
            place += unit.rows.size
    taken = np.concatenate(observations)
    return replace(
        data,
        ids=np.arange(1.0, rows.size + 1),
        units=tuple(units),
        subject=np.concatenate(owner),
        time=data.time[taken],
        value=data.value[taken],
        censored=data.censored[taken],
        output=data.output[taken],
        covariates={n: v[rows] for n, v in data.covariates.items()},
        occasions=data.occasions[rows],
    )


def bootstrap(
    fit: PopulationFit,
    replicates: int,
    seed: int,
    plan: Plan | None = None,
    progress: Callable[[float], None] | None = None,
    checkpoint: Path | None = None,
) -> Bootstrap:
    """Fit redrawn data sets, each from the estimates of the fit.

    Parameters
    ----------
    fit : PopulationFit
    replicates : int
        200 for a standard error, 1,000 for an interval.
    seed : int
    plan : Plan, optional
        Default: 100 iterations to look around, 100 to average.
    progress : callable, optional
        Called with the share done.
    checkpoint : Path, optional
        Where to keep the fits that are done; when the file is there already, the others follow.
    """
    n = fit.data.subjects
    key = key_of([fit.flat.values, fit.data.value, seed, plan])
    found = list(kept(checkpoint, key).get("values", ()))[:replicates]
    for k in range(len(found), replicates):
        rows = np.minimum((uniform(seed, "bootstrap", np.arange(n), k) * n).astype(np.int64), n - 1)
        data = redrawn(fit.data, rows)
        effects = tuple(CovariateEffect(e.parameter, e.text, e.values[rows]) for e in fit.structure.effects)
        present = fit.structure.present[rows]
        shape = replace(fit.structure, effects=effects, start=fit.trace.parameters, present=present)
        trace = run_saem(shape, data, Courses(shape, data), seed + k + 1, plan or Plan(100, 100))
        found.append(flatten(shape, data, trace.parameters).values)
        if checkpoint is not None:
            keep(checkpoint, key, {"values": np.array(found)})
        if progress:
            progress((k + 1) / replicates)
    return Bootstrap(fit.flat.names, np.array(found))
