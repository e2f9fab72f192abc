"""The most probable person: Gauss-Newton in standard normal numbers, its slopes from people who differ a little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr

from abate.inference.prior import Prior

__all__ = ["MostProbable", "most_probable"]

Floats = npt.NDArray[np.float64]

_STEP = 0.02  # of a standard normal number: well above the solver's error, well below a random effect's spread
_SHARES = (1.0, 0.5, 0.25, 0.1, 0.03)  # of the Gauss-Newton step, tried side by side
_ENOUGH = 0.01  # in log posterior density


@dataclass(frozen=True)
class MostProbable:
    """The top of the posterior and its curvature.

    Attributes
    ----------
    numbers : ndarray, shape (size,)
    log_density : float
        Log-likelihood plus log prior density, without the constant of the prior.
    slopes : ndarray, shape (measurements, size)
        Of the deviance residuals.
    """

    numbers: Floats
    log_density: float
    slopes: Floats


def most_probable(prior: Prior, start: Floats, iterations: int = 8) -> MostProbable:
    """Climb to the most probable person.

    Parameters
    ----------
    prior : Prior
    start : ndarray, shape (size,)
        Where to begin: a person drawn from the prior who explains the measurements best.
    iterations : int
        At most; each costs as many people as there are numbers.

    Returns
    -------
    MostProbable
    """
    here = start
    density, residuals, slopes = _slopes(prior, here)
    for _ in range(iterations):
        curvature = np.eye(prior.size) + slopes.T @ slopes
        step = -np.linalg.solve(curvature, slopes.T @ residuals + here)
        tried = here[:, None] + step[:, None] * np.array(_SHARES)
        values = _log_density(prior, tried)
        best = int(np.argmax(values))
        if not values[best] > density + _ENOUGH:
            break
        here = tried[:, best]
        density, residuals, slopes = _slopes(prior, here)
    return MostProbable(here, density, slopes)


def deviance_residuals(prior: Prior, numbers: Floats) -> tuple[Floats, Floats]:
    """Return residuals whose half squares add up to minus the log-likelihood, and the log-likelihood itself."""
    course = prior.course(numbers, prior.typical(numbers.shape[1]))
    raw = prior.seen.residuals(course)
    rows = []
    for measurement, r in zip(prior.seen.measurements, raw, strict=True):
        if measurement.censored:
            # The probability of being beyond the limit, as a residual: 0 when it is certain.
            side = r if measurement.censored == "<" else -r
            rows.append(np.sqrt(np.maximum(-2 * log_ndtr(side), 0.0)))
        else:
            rows.append(r)
    return np.stack(rows), prior.seen.log_likelihood(course)


def _log_density(prior: Prior, numbers: Floats) -> Floats:
    _, likelihood = deviance_residuals(prior, numbers)
    return np.asarray(likelihood - 0.5 * np.sum(numbers**2, axis=0))


def _slopes(prior: Prior, here: Floats) -> tuple[float, Floats, Floats]:
    size = here.size
    around = np.repeat(here[:, None], size + 1, axis=1)
    around[np.arange(size), np.arange(1, size + 1)] += _STEP
    residuals, likelihood = deviance_residuals(prior, around)
    slopes = (residuals[:, 1:] - residuals[:, :1]) / _STEP
    density = float(likelihood[0] - 0.5 * np.sum(here**2))
    return density, residuals[:, 0], np.nan_to_num(slopes)
