"""Regression to the mean: how much of a fall could be chance at entry, where there is no control group."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from abate.ground.errors import InputError
from abate.ground.results import Estimate
from abate.study.statistics.hodges_lehmann import hodges_lehmann

__all__ = ["RegressionToTheMean", "expected_regression", "regression_to_the_mean"]


@dataclass(frozen=True, slots=True)
class RegressionToTheMean:
    """How far regression to the mean could carry a change.

    Parameters
    ----------
    change : Estimate
        Hodges-Lehmann change, for reference.
    tolerated : float
        The fall (or rise) that could be regression to the mean before the interval of what is left includes zero;
        0 when it includes zero already.
    reliability : tuple of float
        Correlations between two measurements of an untreated person.
    expected : tuple of float
        Change expected at each of them without any effect; empty without a population mean.
    left : tuple of Estimate
        Change left after taking the expected one away; empty without a population mean.
    explains_all_below : float
        The reliability at which regression alone gives the whole change; NaN without a population mean or where
        no value between 0 and 1 does.
    """

    change: Estimate
    tolerated: float
    reliability: tuple[float, ...]
    expected: tuple[float, ...]
    left: tuple[Estimate, ...]
    explains_all_below: float


def expected_regression(baseline_mean: float, population_mean: float, reliability: float) -> float:
    """Change expected without any effect in people chosen for an extreme value.

    Parameters
    ----------
    baseline_mean : float
        Of the people chosen.
    population_mean : float
        Of the people they were chosen from, same unit.
    reliability : float
        Correlation between two measurements of an untreated person, 0-1.

    Returns
    -------
    float
        ``(1 - reliability) * (population_mean - baseline_mean)``.

    Raises
    ------
    InputError
        When the reliability is not within 0..1.

    References
    ----------
    Barnett AG, van der Pols JC, Dobson AJ. Int J Epidemiol 2005;34:215-220.

    Examples
    --------
    >>> expected_regression(75.0, 60.0, 0.8).__round__(6)
    -3.0
    """
    if not 0 <= reliability <= 1:
        raise InputError("reliability", "not a correlation of repeated measurements", value=reliability, allowed="0-1")
    return (1 - reliability) * (population_mean - baseline_mean)


def regression_to_the_mean(
    baseline: ArrayLike,
    follow_up: ArrayLike,
    *,
    population_mean: float | None = None,
    reliability: tuple[float, ...] = (0.9, 0.8, 0.7, 0.6, 0.5),
    level: float = 0.95,
) -> RegressionToTheMean:
    """Sensitivity of a change from baseline to regression to the mean.

    Parameters
    ----------
    baseline, follow_up : array-like, shape (n,)
        Of the same people; a pair with a NaN is left out.
    population_mean : float, optional
        Mean (or median) of the people from whom these were chosen. Without it only ``tolerated`` can be told.
    reliability : tuple of float
        A range to look over; it is not estimated from the data.
    level : float
        Coverage of the intervals.

    Returns
    -------
    RegressionToTheMean

    Raises
    ------
    InputError
        When lengths differ or a reliability is not within 0..1.

    Examples
    --------
    >>> line = regression_to_the_mean([70, 75, 80, 72, 78, 75], [60, 62, 61, 58, 70, 66], population_mean=60)
    >>> line.change.high, line.tolerated
    (-8.0, 8.0)
    """
    before, after = np.asarray(baseline, dtype=np.float64).ravel(), np.asarray(follow_up, dtype=np.float64).ravel()
    if len(before) != len(after):
        raise InputError("follow_up", "not one value a person", value=len(after), allowed=f"{len(before)} values")
    both = np.isfinite(before) & np.isfinite(after)
    before, after = before[both], after[both]
    change = hodges_lehmann(after - before, level=level)
    nearest = min(abs(change.low), abs(change.high))
    tolerated = nearest if change.low > 0 or change.high < 0 else 0.0
    if population_mean is None or not len(before):
        return RegressionToTheMean(change, tolerated, reliability, (), (), math.nan)
    start = float(before.mean())
    expected = tuple(expected_regression(start, population_mean, value) for value in reliability)
    # Zeros kept: estimate and interval then move with the shift, also where it meets somebody's change exactly.
    whole = hodges_lehmann(after - before, zeros="pratt", level=level)
    left = tuple(
        replace(whole, estimate=whole.estimate - shift, low=whole.low - shift, high=whole.high - shift)
        for shift in expected
    )
    gap = population_mean - start
    threshold = 1 - change.estimate / gap if gap else math.nan
    return RegressionToTheMean(
        change, tolerated, reliability, expected, left, threshold if 0 <= threshold <= 1 else math.nan
    )
