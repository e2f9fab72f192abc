"""The proportional-odds model of an ordered outcome, by Newton's method on its concave log-likelihood."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

__all__ = ["proportional_odds"]

Array = NDArray[np.float64]
STEPS, HALVINGS = 60, 30
# Half the squared Newton step in units of its own error: what is left to gain is far below rounding of any number read.
SETTLED = 1e-20
# Where a column separates the categories, the slope dies away with the curvature; such a fit looks settled but is not.
FLAT = 1e10


def proportional_odds(category: NDArray[np.int64], design: Array) -> tuple[Array, Array]:
    """Fit logit P(category <= j) = cut_j - x b, so that a positive b means higher categories.

    Parameters
    ----------
    category : ndarray of int, shape (n,)
        0, 1, ... up to the highest, each seen at least once.
    design : ndarray, shape (n, p)
        Without an intercept: the cuts are one.

    Returns
    -------
    tuple of ndarray, shape (p,)
        The b, log odds ratios, and their standard errors; NaN where no finite ones exist (a column separates the
        categories, or repeats another).

    References
    ----------
    McCullagh P. J R Stat Soc B 1980;42:109-142.

    Examples
    --------
    >>> b, error = proportional_odds(np.array([0, 0, 1, 2, 0, 1, 2, 2]), np.repeat([[0.0], [1.0]], 4, axis=0))
    >>> b.round(2), error.round(2)
    (array([1.1]), array([1.35]))
    """
    cuts = int(category.max())
    share = np.cumsum(np.bincount(category, minlength=cuts + 1))[:-1] / len(category)
    at = np.concatenate([logit(share), np.zeros(design.shape[1])])
    value, slope, curve = _likelihood(at, category, design)
    for _ in range(STEPS):
        if not np.linalg.cond(curve) < FLAT:
            break
        step = np.linalg.solve(curve, slope)
        left = float(slope @ step)
        if left < SETTLED:
            return at[cuts:], np.sqrt(np.diag(np.linalg.inv(curve))[cuts:])
        better = _likelihood(at + step, category, design)
        for _ in range(HALVINGS):
            if better[0] >= value:
                break
            step = step / 2
            better = _likelihood(at + step, category, design)
        at, (value, slope, curve) = at + step, better
    return (np.full(design.shape[1], np.nan),) * 2


def _likelihood(at: Array, category: NDArray[np.int64], design: Array) -> tuple[float, Array, Array]:
    """Log-likelihood, its slope, and its curvature turned positive; -inf where the cuts are out of order."""
    cuts = len(at) - design.shape[1]
    people = np.arange(len(category))
    # Each person lies between two cuts, the first of all at -inf and the last at +inf.
    above, below = np.zeros((2, len(category), len(at)))
    inner = category < cuts
    above[people[inner], category[inner]] = 1
    above[inner, cuts:] = -design[inner]
    outer = category > 0
    below[people[outer], category[outer] - 1] = 1
    below[outer, cuts:] = -design[outer]
    high, low = np.where(inner, expit(above @ at), 1.0), np.where(outer, expit(below @ at), 0.0)
    chance = high - low
    if not (chance > 0).all():
        return -np.inf, np.zeros(len(at)), np.zeros((len(at), len(at)))
    up, down = high * (1 - high) / chance, low * (1 - low) / chance
    row = up[:, None] * above - down[:, None] * below
    bend = (up * (1 - 2 * high))[:, None] * above
    curve = row.T @ row - above.T @ bend + below.T @ ((down * (1 - 2 * low))[:, None] * below)
    return float(np.log(chance).sum()), row.sum(axis=0), curve
