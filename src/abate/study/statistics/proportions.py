"""Proportions and their differences, with the intervals that hold when there are six people."""

from __future__ import annotations

import math
from typing import Literal

from scipy import stats

from abate.ground.errors import InputError
from abate.ground.results import Estimate

__all__ = ["ProportionInterval", "clopper_pearson", "difference_of_proportions", "proportion", "wilson"]

ProportionInterval = Literal["wilson", "clopper-pearson"]


def wilson(events: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Score interval of a proportion.

    Parameters
    ----------
    events, n : int
        How many of how many.
    level : float
        Nominal coverage, 0-1.

    Returns
    -------
    tuple of float
        Lower and upper limit; NaN when ``n`` is 0.

    Raises
    ------
    InputError
        When ``events`` is not within 0..n, or ``level`` not within 0..1.

    References
    ----------
    Wilson EB. J Am Stat Assoc 1927;22:209-212.

    Examples
    --------
    >>> low, high = wilson(4, 6)
    >>> round(low, 3), round(high, 3)
    (0.3, 0.903)
    """
    _check(events, n, level)
    if n == 0:
        return math.nan, math.nan
    z = float(stats.norm.isf((1 - level) / 2))
    share = events / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and n the limits are 0 and 1 in exact arithmetic; rounding would leave 1e-17 there.
    return (0.0 if events == 0 else centre - half), (1.0 if events == n else centre + half)


def clopper_pearson(events: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a proportion, from the binomial tails; never covers less than ``level``.

    Parameters
    ----------
    events, n : int
        How many of how many.
    level : float
        Nominal coverage, 0-1.

    Returns
    -------
    tuple of float
        Lower and upper limit; NaN when ``n`` is 0.

    Raises
    ------
    InputError
        When ``events`` is not within 0..n, or ``level`` not within 0..1.

    References
    ----------
    Clopper CJ, Pearson ES. Biometrika 1934;26:404-413.

    Examples
    --------
    >>> low, high = clopper_pearson(4, 6)
    >>> round(low, 3), round(high, 3)
    (0.223, 0.957)
    """
    _check(events, n, level)
    if n == 0:
        return math.nan, math.nan
    tail = (1 - level) / 2
    low = 0.0 if events == 0 else float(stats.beta.ppf(tail, events, n - events + 1))
    high = 1.0 if events == n else float(stats.beta.isf(tail, events + 1, n - events))
    return low, high


def proportion(
    events: int, n: int, *, level: float = 0.95, interval: ProportionInterval = "clopper-pearson"
) -> Estimate:
    """Estimate a proportion with its interval.

    Parameters
    ----------
    events, n : int
        How many of how many.
    level : float
        Nominal coverage, 0-1.
    interval : {"clopper-pearson", "wilson"}
        The exact interval, or the score interval, which is shorter and right on average.

    Returns
    -------
    Estimate
        With ``events``; NaN throughout when ``n`` is 0.

    Raises
    ------
    InputError
        When the counts, the level or the interval's name are not usable.

    Examples
    --------
    >>> proportion(3, 6).method
    'proportion, Clopper-Pearson interval'
    """
    if interval == "clopper-pearson":
        name, (low, high) = "Clopper-Pearson", clopper_pearson(events, n, level)
    elif interval == "wilson":
        name, (low, high) = "Wilson", wilson(events, n, level)
    else:
        raise InputError("interval", "unknown interval", value=interval, allowed=("clopper-pearson", "wilson"))
    share = events / n if n else math.nan
    return Estimate(share, low, high, level, n, f"proportion, {name} interval", events=events)


def difference_of_proportions(events_1: int, n_1: int, events_2: int, n_2: int, *, level: float = 0.95) -> Estimate:
    """Difference of two independent proportions, first minus second, with Newcombe's hybrid score interval.

    Parameters
    ----------
    events_1, n_1, events_2, n_2 : int
        How many of how many in each group.
    level : float
        Nominal coverage, 0-1.

    Returns
    -------
    Estimate
        ``n`` is the sum of both groups; NaN when a group is empty.

    Raises
    ------
    InputError
        When a count or the level is not usable.

    References
    ----------
    Newcombe RG. Stat Med 1998;17:873-890, method 10.

    Examples
    --------
    >>> estimate = difference_of_proportions(56, 70, 48, 80)
    >>> round(estimate.low, 4), round(estimate.high, 4)
    (0.0524, 0.3339)
    """
    low_1, high_1 = wilson(events_1, n_1, level)
    low_2, high_2 = wilson(events_2, n_2, level)
    method = "difference of proportions, Newcombe hybrid score interval"
    if n_1 == 0 or n_2 == 0:
        return Estimate(math.nan, math.nan, math.nan, level, n_1 + n_2, method)
    share_1, share_2 = events_1 / n_1, events_2 / n_2
    difference = share_1 - share_2
    low = difference - math.hypot(share_1 - low_1, high_2 - share_2)
    high = difference + math.hypot(high_1 - share_1, share_2 - low_2)
    return Estimate(difference, low, high, level, n_1 + n_2, method)


def _check(events: int, n: int, level: float) -> None:
    if n < 0:
        raise InputError("n", "a number of people is negative", value=n, allowed="0 or more")
    if not 0 <= events <= n:
        raise InputError("events", "more events than people, or fewer than none", value=events, allowed=f"0 to {n}")
    if not 0 < level < 1:
        raise InputError("level", "not a coverage", value=level, allowed="between 0 and 1, such as 0.95")
