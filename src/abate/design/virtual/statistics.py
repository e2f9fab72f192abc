"""The tests of a virtual trial, for many trials at once: arrays of people by replicate.

``value`` has shape (replicates, people, 2), treatment first; for a time to an event ``seen`` says whether it happened.
Estimates are treatment minus control (log hazard ratio for a time), each with its standard error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Compared", "compare_means", "compare_shares", "compare_times"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """One comparison in each replicate, each array of shape (replicates,)."""

    z: Array
    estimate: Array
    error: Array


def compare_shares(value: Array) -> Compared:
    """Compare two proportions by the pooled z test; the error is that of the unpooled difference.

    Examples
    --------
    >>> value = np.zeros((1, 100, 2)); value[0, :50, 0] = 1; value[0, :25, 1] = 1
    >>> round(float(compare_shares(value).z[0]), 3)
    3.651
    """
    n = np.sum(~np.isnan(value), axis=1)
    p = np.nansum(value, axis=1) / n
    mean = np.nansum(value, axis=(1, 2)) / n.sum(axis=1)
    null = np.sqrt(mean * (1 - mean) * (1 / n).sum(axis=1))
    error = np.sqrt((p * (1 - p) / n).sum(axis=1))
    gap = p[:, 0] - p[:, 1]
    return Compared(np.divide(gap, null, out=np.zeros_like(gap), where=null > 0), gap, error)


def compare_means(value: Array) -> Compared:
    """Compare two means by Welch's statistic."""
    n = np.sum(~np.isnan(value), axis=1)
    mean = np.nansum(value, axis=1) / n
    spread = np.nansum((value - mean[:, None, :]) ** 2, axis=1) / np.maximum(n - 1, 1)
    error = np.sqrt((spread / n).sum(axis=1))
    gap = mean[:, 0] - mean[:, 1]
    return Compared(np.divide(gap, error, out=np.zeros_like(gap), where=error > 0), gap, error)


def compare_times(time: Array, seen: NDArray[np.bool_]) -> Compared:
    """Compare times to an event by the log-rank test, with Peto's one-step log hazard ratio.

    References
    ----------
    Peto R, et al. Br J Cancer 1977;35:1-39.
    """
    replicates = len(time)
    moments = np.unique(time[seen])
    if not len(moments):
        nothing = np.zeros(replicates)
        return Compared(nothing, nothing, np.full(replicates, np.inf))
    # People leave the risk set after the last moment that they reach; all counts at once, by replicate, moment and arm.
    reached = np.searchsorted(moments, time, side="right")
    leaving, happened = _counts(reached, len(moments) + 1), _counts(np.where(seen, reached, 0), len(moments) + 1)
    at_risk = leaving[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:].astype(float)
    events = happened[:, 1:].astype(float)
    total, died = at_risk.sum(axis=2), events.sum(axis=2)
    use = (total > 1) & (died > 0)
    share = np.divide(at_risk[:, :, 0], total, out=np.zeros_like(total), where=use)
    shrink = np.divide(total - died, total - 1, out=np.zeros_like(total), where=use)
    observed = np.where(use, events[:, :, 0], 0.0).sum(axis=1)
    expected = (died * share).sum(axis=1)
    variance = (died * share * (1 - share) * shrink).sum(axis=1)
    excess = observed - expected
    root = np.sqrt(variance)
    z = np.divide(excess, root, out=np.zeros(replicates), where=root > 0)
    estimate = np.divide(excess, variance, out=np.zeros(replicates), where=variance > 0)
    return Compared(z, estimate, np.divide(1.0, root, out=np.full(replicates, np.inf), where=root > 0))


def _counts(place: NDArray[np.int64], places: int) -> NDArray[np.int64]:
    """Count people by replicate, place and arm, shape (replicates, places, 2)."""
    replicates = len(place)
    row = np.arange(replicates)[:, None, None]
    flat = (row * places + place) * 2 + np.arange(2)
    return np.bincount(flat.ravel(), minlength=replicates * places * 2).reshape(replicates, places, 2)
