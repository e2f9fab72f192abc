"""Where a sample lies: medians with distribution-free intervals, means, quartiles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from abate.ground.results import Estimate

__all__ = ["mean", "median", "quartiles", "sample"]


def sample(values: ArrayLike) -> NDArray[np.float64]:
    """Return the finite values as a flat array; missing ones (NaN) are left out."""
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]


def median(values: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Median with the order-statistic interval, which assumes no distribution.

    The interval runs from the k-th smallest to the k-th largest value, with the largest k whose coverage
    is still at least ``level``. Coverage comes in steps, so the level attained is stated. Where even the
    whole range covers less (five people and 95 %), the range is given with the level that it has.

    Parameters
    ----------
    values : array-like, shape (n,)
        NaN is left out.
    level : float
        Wanted coverage, 0-1.

    Returns
    -------
    Estimate
        ``level`` is the coverage attained.

    References
    ----------
    Thompson WR. Ann Math Stat 1936;7:122-128.

    Examples
    --------
    >>> interval = median([1, 2, 3, 4, 5, 6])
    >>> interval.estimate, interval.low, interval.high, interval.level
    (3.5, 1.0, 6.0, 0.96875)
    """
    ordered = np.sort(sample(values))
    n = len(ordered)
    method = "median, order-statistic interval"
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, level, 0, method)
    # k-th smallest to k-th largest misses the median when fewer than k values lie on one side.
    rank = max(int(stats.binom.ppf((1 - level) / 2, n, 0.5)), 1)
    while rank > 1 and 2 * stats.binom.cdf(rank - 1, n, 0.5) > 1 - level:
        rank -= 1
    while 2 * stats.binom.cdf(rank, n, 0.5) <= 1 - level:
        rank += 1
    attained = 1 - 2 * float(stats.binom.cdf(rank - 1, n, 0.5))
    if attained < level:
        method += f" (range: no {level:.0%} interval exists with n = {n})"
    return Estimate(
        float(np.median(ordered)), float(ordered[rank - 1]), float(ordered[n - rank]), max(attained, 0.0), n, method
    )


def mean(values: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Mean with Student's t interval.

    Parameters
    ----------
    values : array-like, shape (n,)
        NaN is left out.
    level : float
        Nominal coverage, 0-1.

    Returns
    -------
    Estimate
        Limits are NaN with fewer than two values.

    Examples
    --------
    >>> interval = mean([1, 2, 3, 4])
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.446, 4.554)
    """
    kept = sample(values)
    n = len(kept)
    method = "mean, Student t interval"
    if n < 2:
        return Estimate(float(kept[0]) if n else math.nan, math.nan, math.nan, level, n, method)
    centre = float(kept.mean())
    half = float(stats.t.isf((1 - level) / 2, n - 1)) * float(kept.std(ddof=1)) / math.sqrt(n)
    return Estimate(centre, centre - half, centre + half, level, n, method)


def quartiles(values: ArrayLike) -> tuple[float, float]:
    """Lower and upper quartile by linear interpolation; NaN without values.

    Examples
    --------
    >>> quartiles([1, 2, 3, 4, 5])
    (2.0, 4.0)
    """
    kept = sample(values)
    if not len(kept):
        return math.nan, math.nan
    low, high = np.quantile(kept, [0.25, 0.75])
    return float(low), float(high)
