"""The best parameters of a PEtab problem: many starts, quasi-Newton steps, the curvature at the best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import ndtri
from scipy.stats import qmc

from abate.ground.errors import SolveError
from abate.ground.randomness import uniform
from abate.ground.results import Estimate
from abate.inference.petab.objective import Objective
from abate.inference.petab.problem import Problem

__all__ = ["ProblemFit", "fit_problem"]

Floats = npt.NDArray[np.float64]

_LOOK = 256  # candidates that are looked at
_CLIMB = 8  # of them, the best are improved
_STEP = 1e-4  # of a slope, on the scale of the search: far above the solver's error at its tolerance here
_WIDE = 1e-2  # of the curvature, of a parameter's range of the search, at most
_SAME = 0.01  # in the objective: starts that agree


@dataclass(frozen=True)
class ProblemFit:
    """What was found.

    Attributes
    ----------
    problem : Problem
    values : ndarray, shape (p,)
    covariance : ndarray, shape (p, p)
        On the scale of the search: the logarithm where the lower bound is above 0; NaN without curvature.
    objective : float
        Minus the log-likelihood, and minus log priors.
    starts : ndarray
        Objectives that the starts ended with, from the best.
    fitted, noise : ndarray, shape (measurements,)
    warnings : tuple of str
    seed : int
    """

    problem: Problem
    values: Floats
    covariance: Floats
    objective: float
    starts: Floats
    fitted: Floats
    noise: Floats
    warnings: tuple[str, ...]
    seed: int

    def estimates(self, level: float = 0.95) -> dict[str, dict[str, Any]]:
        """Return every estimate with standard error and interval."""
        z = float(ndtri(0.5 + level / 2))
        found = {}
        for j, (free, value) in enumerate(zip(self.problem.free, self.values, strict=True)):
            with np.errstate(invalid="ignore"):
                se = float(np.sqrt(self.covariance[j, j]))
            if free.logged:
                low, high, own = value * np.exp(-z * se), value * np.exp(z * se), value * se
            else:
                low, high, own = value - z * se, value + z * se, se
            n, method = len(self.problem.measurements), "maximum likelihood; interval from the observed information"
            found[free.name] = Estimate(float(value), float(low), float(high), level, n, method).as_dict() | {"se": own}
        return found

    def payload(self) -> dict[str, Any]:
        """Return what results.json holds."""
        return {
            "model": self.problem.model.name,
            "model_hash": self.problem.model.hash,
            "problem": self.problem.name,
            "parameters": self.estimates(),
            "objective": self.objective,
            "starts": [float(v) for v in self.starts],
            "measurements": [
                {"experiment": m.experiment, "observable": m.observable, "time": m.time, "value": m.value,
                 "fitted": float(f), "noise": float(s)}
                for m, f, s in zip(self.problem.measurements, self.fitted, self.noise, strict=True)
            ],
            "warnings": list(self.warnings),
            "notes": [],
        }  # fmt: skip


def fit_problem(problem: Problem, *, seed: int = 1, progress: Callable[[float], None] | None = None) -> ProblemFit:
    """Estimate the parameters of a PEtab problem.

    Parameters
    ----------
    problem : Problem
        From `read_problem`.
    seed : int
        Of the starts.
    progress : callable, optional
        Called with the share done.

    Raises
    ------
    SolveError
        If the model can be solved for none of the starts.
    """
    objective = Objective(problem)
    scale = _Scale(problem)
    starts = scale.starts(seed)
    found = objective(scale.natural(starts))
    if not np.isfinite(found).any():
        raise SolveError(f"{problem.name}: the model gives no likelihood anywhere within the bounds; check them")
    ends = []
    for k, column in enumerate(np.argsort(found, kind="stable")[:_CLIMB]):
        if np.isfinite(found[column]):
            ends.append(_climb(objective, scale, starts[:, column]))
        if progress:
            progress((k + 1) / (_CLIMB + 1))
    ends.sort(key=lambda end: end[0])
    value, place = ends[0]
    covariance, curved = _curvature(objective, scale, place)
    seen, noise = objective.predict(scale.natural(place[:, None]))
    values = scale.natural(place[:, None])[:, 0]
    warnings = _warnings(problem, scale, place, curved, np.array([e[0] for e in ends]))
    return ProblemFit(
        problem, values, covariance, float(value), np.array([e[0] for e in ends]), seen[:, 0], noise[:, 0], warnings,
        seed,
    )  # fmt: skip


class _Scale:
    """Where the search goes: logarithms of what has a lower bound above 0."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.logged = np.array([f.logged for f in problem.free])
        ends = np.array([[f.low, f.high] for f in problem.free])
        self.low, self.high = self._inner(ends[:, 0]), self._inner(ends[:, 1])

    def _inner(self, values: Floats) -> Floats:
        return np.where(self.logged, np.log(np.where(self.logged, values, 1.0)), values)

    def natural(self, places: Floats) -> Floats:
        """Turn places of shape (p, n) into parameters."""
        return np.where(self.logged[:, None], np.exp(np.where(self.logged[:, None], places, 0.0)), places)

    def starts(self, seed: int) -> Floats:
        """Return where to look, shape (p, n): the nominal values, and points spread evenly between the bounds."""
        p = len(self.problem.free)
        sobol = qmc.Sobol(p, scramble=False).random(_LOOK)
        spread = (sobol + uniform(seed, "petab:starts", 0, np.arange(p))) % 1.0
        places = self.low[:, None] + (self.high - self.low)[:, None] * spread.T
        nominal = np.array([np.nan if f.nominal is None else f.nominal for f in self.problem.free])
        usable = np.isfinite(nominal) & (~self.logged | (nominal > 0))
        first = np.where(usable, self._inner(np.where(usable, nominal, 1.0)), (self.low + self.high) / 2)
        places[:, 0] = np.clip(first, self.low, self.high)
        return np.asarray(places)


def _climb(objective: Objective, scale: _Scale, start: Floats) -> tuple[float, Floats]:
    p = start.size

    def value_and_slope(place: Floats) -> tuple[float, Floats]:
        around = np.repeat(place[:, None], 2 * p + 1, axis=1)
        around[range(p), range(1, p + 1)] += _STEP
        around[range(p), range(p + 1, 2 * p + 1)] -= _STEP
        found = np.minimum(objective(scale.natural(around)), 1e15)
        return float(found[0]), (found[1 : p + 1] - found[p + 1 :]) / (2 * _STEP)

    bounds = list(zip(scale.low, scale.high, strict=True))
    found = minimize(value_and_slope, start, jac=True, method="L-BFGS-B", bounds=bounds,
                     options={"maxiter": 300, "ftol": 1e-12, "gtol": 1e-6})  # fmt: skip
    return float(found.fun), np.asarray(found.x)


def _curvature(objective: Objective, scale: _Scale, place: Floats) -> tuple[Floats, bool]:
    """Return the covariance of the estimates on the scale of the search, and whether all directions curve."""
    p = place.size
    steps = np.minimum(1e-2, _WIDE * (scale.high - scale.low))
    pairs = [(i, j) for i in range(p) for j in range(i)]
    moves = [np.zeros(p)]
    for i in range(p):
        moves += [np.eye(p)[i], -np.eye(p)[i]]
    for i, j in pairs:
        moves += [np.eye(p)[i] + np.eye(p)[j], -np.eye(p)[i] - np.eye(p)[j]]
    values = objective(scale.natural(place[:, None] + (np.array(moves) * steps).T))
    matrix = np.zeros((p, p))
    plus, minus = values[1 : 2 * p + 1 : 2], values[2 : 2 * p + 1 : 2]
    matrix[np.diag_indices(p)] = (plus - 2 * values[0] + minus) / steps**2
    for k, (i, j) in enumerate(pairs):
        both = values[2 * p + 1 + 2 * k] + values[2 * p + 2 + 2 * k]
        cross = (both - plus[i] - minus[i] - plus[j] - minus[j] + 2 * values[0]) / (2 * steps[i] * steps[j])
        matrix[i, j] = matrix[j, i] = cross
    root = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-300))
    if not np.isfinite(matrix).all() or np.linalg.eigvalsh(matrix / np.outer(root, root)).min() <= 1e-9:
        return np.full((p, p), np.nan), False
    return np.asarray(np.linalg.inv(matrix)), True


def _warnings(problem: Problem, scale: _Scale, place: Floats, curved: bool, ends: Floats) -> tuple[str, ...]:
    found = []
    near = 1e-6 * (scale.high - scale.low)
    for free, at, low, high in zip(problem.free, place, scale.low, scale.high, strict=True):
        if at <= low + near[0] or at >= high - near[0]:
            found.append(f"{free.name} ends at its bound: its interval says nothing")
    if not curved:
        found.append("the objective is flat in some direction: no standard errors; the data do not tell all parameters")
    agree = int(np.sum(ends < ends[0] + _SAME))
    if ends.size > 1 and agree == 1:
        found.append(f"only one of {ends.size} improved starts reached the best objective: there may be a better one")
    return tuple(found)
