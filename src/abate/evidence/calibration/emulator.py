"""How the chance of an outcome depends on the numbers of a model: a logistic surface through single people.

Every simulated person comes from a parameter set of their own, so each tells about another place; a ridge keeps bends
and interactions that the people do not ask for near zero. One fit stands for thousands of trials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Emulator", "features", "fit"]

Floats = npt.NDArray[np.float64]

RIDGE = (1e-6, 1.0, 30.0)
"""Penalty on intercept, slopes, and bends with interactions: the latter need evidence of tens of people."""
ROUNDS = 50


def features(scores: Floats) -> Floats:
    """Return 1, the scores, their squares and their products; shape (n, 1 + k + k (k + 1) / 2).

    Examples
    --------
    >>> features(np.array([[2.0, 3.0]])).tolist()
    [[1.0, 2.0, 3.0, 4.0, 6.0, 9.0]]
    """
    i, j = np.triu_indices(scores.shape[1])
    return np.concatenate([np.ones((len(scores), 1)), scores, scores[:, i] * scores[:, j]], axis=1)


@dataclass(frozen=True)
class Emulator:
    """Log odds of an outcome, or logarithm of a mean, as a quadratic of standard scores.

    Attributes
    ----------
    columns : tuple of int
        Which of all free numbers it knows.
    weights : ndarray, shape (features,)
    error : float
        Standard error of the chance or mean: the median over the people that it was fitted to.
    share : bool
        False for a mean.
    """

    columns: tuple[int, ...]
    weights: Floats
    error: float
    share: bool = True

    def predict(self, scores: Floats) -> Floats:
        """Chance of the outcome, or its mean, at scores (n, all free numbers); shape (n,)."""
        return self.at(features(scores[:, self.columns]))

    def at(self, x: Floats) -> Floats:
        """The same at features that are known already."""
        line = np.clip(x @ self.weights, -30, 30)
        return np.asarray(1 / (1 + np.exp(-line)) if self.share else np.exp(line))


def fit(scores: Floats, outcome: Floats, columns: tuple[int, ...], *, share: bool = True) -> Emulator:
    """Fit the chance of an outcome, or its mean.

    Parameters
    ----------
    scores : ndarray, shape (people, all free numbers)
    outcome : ndarray, shape (people,)
        0 or 1, or with ``share=False`` any positive number; NaN where it is not defined for a person.
    columns : tuple of int
        The numbers that can matter.
    """
    known = ~np.isnan(outcome)
    x, y = features(scores[known][:, columns]), outcome[known]
    k = len(columns)
    penalty = np.concatenate([[RIDGE[0]], np.full(k, RIDGE[1]), np.full(x.shape[1] - 1 - k, RIDGE[2])])
    # The base rate first: Newton's steps from an even chance overshoot where the outcome is rare.
    weights = np.zeros(x.shape[1])
    rate = (y.sum() + 0.5) / (y.size + 1)
    weights[0] = np.log(rate / (1 - rate)) if share else np.log(y.mean())
    scatter = 1.0 if share else float(np.mean((y - y.mean()) ** 2) / y.mean())
    for _ in range(ROUNDS):
        line = np.clip(x @ weights, -30, 30)
        p = 1 / (1 + np.exp(-line)) if share else np.exp(line)
        # A mean is a quasi-Poisson regression: its variance is `scatter` times the mean.
        weight = p * (1 - p) if share else p / scatter
        curvature = (x * weight[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(curvature, x.T @ (y - p) / scatter - penalty * weights)
        weights = weights + step * min(1.0, 2.0 / np.abs(step).max())
        if np.abs(step).max() < 1e-6:
            break
    # The standard error of the line at every person, and with it that of the chance or mean.
    error = np.sqrt(np.einsum("ij,ij->i", x @ np.linalg.inv(curvature), x)) * (p * (1 - p) if share else p)
    return Emulator(columns, weights, float(np.median(error)), share)
