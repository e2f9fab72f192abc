"""Residual error: likelihood of observations, values below a limit, and the standard deviations themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_ndtr, ndtr, ndtri

from abate.inference.nlme.dataset import Dataset

__all__ = ["best_sigma", "fill_censored", "log_likelihood", "spread"]

Floats = npt.NDArray[np.float64]

_SMALLEST = 1e-10  # of a prediction, so that its logarithm and a proportional error stay finite


def spread(predicted: Floats, sigma: Floats, errors: Sequence[str], output: npt.NDArray[np.int64]) -> Floats:
    """Return the standard deviation of every observation, on the scale on which its error is normal.

    Parameters
    ----------
    predicted : ndarray, shape (observations, ...)
    sigma : ndarray, shape (outputs, 2)
    errors : sequence of str
    output : ndarray of int, shape (observations,)
    """
    shape = (-1,) + (1,) * (predicted.ndim - 1)
    additive, share = (sigma[output, k].reshape(shape) for k in (0, 1))
    exponential = np.array([e == "exponential" for e in errors])[output].reshape(shape)
    on_scale = np.hypot(additive, share * np.maximum(predicted, _SMALLEST))
    return np.asarray(np.where(exponential, share, np.maximum(on_scale, _SMALLEST)))


def difference(value: Floats, predicted: Floats, errors: Sequence[str], output: npt.NDArray[np.int64]) -> Floats:
    """Return observed minus predicted; of logarithms where the error is exponential."""
    shape = (-1,) + (1,) * (predicted.ndim - 1)
    plain = value.reshape(shape) - predicted if value.ndim == 1 else value - predicted
    exponential = np.array([e == "exponential" for e in errors])[output]
    if exponential.any():
        rows = exponential
        observed = np.log(np.maximum(value[rows], _SMALLEST))
        observed = observed.reshape((-1,) + (1,) * (predicted.ndim - 1)) if value.ndim == 1 else observed
        plain = plain.copy()
        plain[rows] = observed - np.log(np.maximum(predicted[rows], _SMALLEST))
    return np.asarray(plain)


def log_likelihood(data: Dataset, predicted: Floats, sigma: Floats, errors: Sequence[str]) -> Floats:
    """Return each observation's log-likelihood, shape (observations, candidates); below a limit by M3 (Beal 2001)."""
    sd = spread(predicted, sigma, errors, data.output)
    z = difference(data.value, predicted, errors, data.output) / sd
    exponential = np.array([e == "exponential" for e in errors])[data.output]
    jacobian = np.where(exponential & ~data.censored, np.log(np.maximum(data.value, _SMALLEST)), 0.0)
    density = -0.5 * z**2 - np.log(sd) - 0.5 * np.log(2 * np.pi) - jacobian[:, None]
    if data.censored.any():
        density[data.censored] = log_ndtr(z[data.censored])
    return np.where(np.isfinite(density), density, -np.inf)


def fill_censored(data: Dataset, predicted: Floats, sigma: Floats, errors: Sequence[str], chance: Floats) -> Floats:
    """Return differences with those of censored values drawn below their limit, shape (observations, candidates)."""
    found = difference(data.value, predicted, errors, data.output)
    rows = data.censored
    if rows.any():
        sd = spread(predicted, sigma, errors, data.output)[rows]
        below = np.maximum(ndtr(found[rows] / sd), 1e-300)
        found = found.copy()
        found[rows] = sd * ndtri(np.clip(chance * below, 1e-300, 1 - 1e-16))
    return found


def best_sigma(differences: Floats, predicted: Floats, kind: str, start: Floats) -> Floats:
    """Return the (additive, proportional) standard deviations that explain some differences best."""
    if kind in ("additive", "exponential"):
        root = float(np.sqrt(np.mean(differences**2)))
        return np.array([root, 0.0]) if kind == "additive" else np.array([0.0, root])
    size = np.maximum(np.abs(predicted), _SMALLEST)
    if kind == "proportional":
        return np.array([0.0, float(np.sqrt(np.mean((differences / size) ** 2)))])

    def minus(log_sigma: Floats) -> float:
        variance = np.exp(2 * log_sigma[0]) + np.exp(2 * log_sigma[1]) * size**2
        return float(0.5 * np.sum(differences**2 / variance + np.log(variance)))

    begin = np.log(np.maximum(start, 1e-4))
    found = minimize(minus, begin, method="Nelder-Mead", options={"maxiter": 60, "xatol": 1e-3, "fatol": 1e-3})
    return np.asarray(np.exp(found.x))
