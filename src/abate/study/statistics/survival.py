"""Time to event: Kaplan-Meier with numbers at risk, hazard ratio, log-rank test, restricted mean time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from abate.ground.errors import InputError
from abate.ground.results import Estimate
from abate.study.statistics.cox import log_hazard_ratio

__all__ = ["KaplanMeier", "difference_of_rmst", "hazard_ratio", "kaplan_meier", "log_rank", "rmst"]


@dataclass(frozen=True)
class KaplanMeier:
    """A Kaplan-Meier curve: steps at the event times, first row at time 0.

    Parameters
    ----------
    time : ndarray, shape (k,)
        0 and every time at which somebody had the event or left; in the unit of the input.
    survival, low, high : ndarray, shape (k,)
        Share still without the event just after that time, with its pointwise interval
        (exponential Greenwood, that is log-minus-log); NaN limits where nobody had the event yet
        or nobody is left.
    greenwood : ndarray, shape (k,)
        Running sum of d / (n (n - d)).
    at_risk, events, censored : ndarray of int, shape (k,)
        At risk just before that time; events and departures at it.
    level : float
        Coverage of the interval.
    """

    time: NDArray[np.float64]
    survival: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    greenwood: NDArray[np.float64]
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    censored: NDArray[np.int64]
    level: float

    @property
    def n(self) -> int:
        """How many people."""
        return int(self.at_risk[0])

    def survival_at(self, time: float) -> Estimate:
        """Share without the event at a time, with its interval; NaN after the last person left event-free."""
        row = int(np.searchsorted(self.time, time, side="right")) - 1
        method = "Kaplan-Meier, exponential Greenwood interval"
        if time > self.time[-1] and self.survival[-1] > 0:
            return Estimate(math.nan, math.nan, math.nan, self.level, self.n, method)
        return Estimate(
            float(self.survival[row]), float(self.low[row]), float(self.high[row]), self.level, self.n, method
        )

    def number_at_risk(self, times: ArrayLike) -> NDArray[np.int64]:
        """How many are still at risk just before each of ``times``, shape (m,).

        Examples
        --------
        >>> kaplan_meier([2, 3, 5], [1, 0, 1]).number_at_risk([0, 3, 4])
        array([3, 2, 1])
        """
        rows = np.searchsorted(self.time, np.asarray(times, dtype=np.float64), side="left")
        left = np.append(self.at_risk, 0)
        return np.asarray(left[rows], dtype=np.int64)

    def median(self) -> Estimate:
        """Median time, with the limits where the pointwise interval crosses one half; NaN where it never does."""
        return Estimate(
            _first_at_or_below_half(self.time, self.survival),
            _first_at_or_below_half(self.time, self.low),
            _first_at_or_below_half(self.time, self.high),
            self.level,
            self.n,
            "Kaplan-Meier median, inverted exponential Greenwood interval",
        )


def kaplan_meier(durations: ArrayLike, event: ArrayLike, *, level: float = 0.95) -> KaplanMeier:
    """Kaplan-Meier estimate of staying without the event.

    Parameters
    ----------
    durations : array-like, shape (n,)
        Time to the event or to leaving, 0 or more.
    event : array-like of bool, shape (n,)
        True where the event was seen, False where the person left without it.
    level : float
        Pointwise coverage.

    Returns
    -------
    KaplanMeier

    Raises
    ------
    InputError
        When nobody is given, lengths differ, or a duration is negative or missing.

    References
    ----------
    Kaplan EL, Meier P. J Am Stat Assoc 1958;53:457-481.

    Examples
    --------
    >>> curve = kaplan_meier([6, 6, 6, 7, 10], [True, True, False, True, False])
    >>> curve.survival.round(2)
    array([1. , 0.6, 0.3, 0.3])
    """
    times, seen = _checked(durations, event)
    grid = np.unique(np.append(times, 0.0))
    place = np.searchsorted(grid, times)
    events = np.bincount(place[seen], minlength=len(grid))
    leaving = np.bincount(place[~seen], minlength=len(grid))
    at_risk = len(times) - np.concatenate([[0], np.cumsum(events + leaving)[:-1]])
    survival = np.cumprod(1 - events / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(np.where(events > 0, events / (at_risk * (at_risk - events)), 0.0))
        # Kalbfleisch and Prentice: the interval on log(-log S) stays within 0..1.
        spread = float(stats.norm.isf((1 - level) / 2)) * np.sqrt(greenwood) / np.log(survival)
        low = np.exp(-np.exp(np.log(-np.log(survival)) - spread))
        high = np.exp(-np.exp(np.log(-np.log(survival)) + spread))
    certain = (survival == 1) | (survival == 0)
    low[certain] = np.where(survival[certain] == 1, 1.0, np.nan)
    high[certain] = np.where(survival[certain] == 1, 1.0, np.nan)
    return KaplanMeier(grid, survival, low, high, greenwood, at_risk, events, leaving, level)


def hazard_ratio(
    durations_1: ArrayLike, event_1: ArrayLike, durations_2: ArrayLike, event_2: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """Hazard ratio of the first group against the second, from a Cox model with Efron's handling of ties.

    Parameters
    ----------
    durations_1, durations_2 : array-like, shape (n_1,) and (n_2,)
        Times of both groups.
    event_1, event_2 : array-like of bool
        Whether the event was seen.
    level : float
        Coverage of the Wald interval.

    Returns
    -------
    Estimate
        NaN throughout, with the reason in ``method``, where no finite ratio exists: a group has no event, or the
        groups do not overlap in time.

    Raises
    ------
    InputError
        As for `kaplan_meier`.

    References
    ----------
    Cox DR. J R Stat Soc B 1972;34:187-220.

    Examples
    --------
    >>> round(hazard_ratio([1, 3, 5, 7], [1] * 4, [2, 4, 6, 8], [1] * 4).estimate, 2)
    1.63
    """
    first, seen_first = _checked(durations_1, event_1)
    second, seen_second = _checked(durations_2, event_2)
    n = len(first) + len(second)
    method = "Cox hazard ratio, Efron ties, Wald interval"
    log_ratio, error = log_hazard_ratio(
        np.concatenate([first, second]), np.concatenate([seen_first, seen_second]), np.arange(n) < len(first)
    )
    if math.isnan(log_ratio):
        why = "the groups do not overlap" if seen_first.any() and seen_second.any() else "a group has no event"
        return Estimate(math.nan, math.nan, math.nan, level, n, f"{method} (none: {why})")
    half = float(stats.norm.isf((1 - level) / 2)) * error
    return Estimate(math.exp(log_ratio), math.exp(log_ratio - half), math.exp(log_ratio + half), level, n, method)


def log_rank(durations_1: ArrayLike, event_1: ArrayLike, durations_2: ArrayLike, event_2: ArrayLike) -> float:
    """Two-sided p of the log-rank test between two groups; NaN when there is no event at all.

    References
    ----------
    Mantel N. Cancer Chemother Rep 1966;50:163-170.

    Examples
    --------
    >>> round(log_rank([1, 2, 3], [1, 1, 1], [4, 5, 6], [1, 1, 1]), 4)
    0.0246
    """
    first, seen_first = _checked(durations_1, event_1)
    second, seen_second = _checked(durations_2, event_2)
    times = np.unique(np.concatenate([first[seen_first], second[seen_second]]))
    if not len(times):
        return math.nan
    risk_1, died_1 = _risk_and_events(first, seen_first, times)
    risk_2, died_2 = _risk_and_events(second, seen_second, times)
    risk, died = risk_1 + risk_2, died_1 + died_2
    expected = died * risk_1 / risk
    shrink = np.where(risk > 1, (risk - died) / np.maximum(risk - 1, 1), 0.0)
    variance = float(np.sum(died * (risk_1 / risk) * (risk_2 / risk) * shrink))
    if variance == 0:
        return math.nan
    return float(stats.chi2.sf(float(np.sum(died_1 - expected)) ** 2 / variance, 1))


def rmst(durations: ArrayLike, event: ArrayLike, until: float, *, level: float = 0.95) -> Estimate:
    """Restricted mean time without the event: the area under the Kaplan-Meier curve up to ``until``.

    Parameters
    ----------
    durations, event : array-like, shape (n,)
        As for `kaplan_meier`.
    until : float
        Where the area ends, in the unit of the durations.
    level : float
        Coverage of the normal interval with Greenwood's variance.

    Returns
    -------
    Estimate
        In the unit of the durations.

    Raises
    ------
    InputError
        When ``until`` is not positive, or lies beyond the last observation of a curve that has not reached 0.

    References
    ----------
    Royston P, Parmar MKB. BMC Med Res Methodol 2013;13:152.

    Examples
    --------
    >>> rmst([1, 2, 3, 4], [1, 1, 1, 1], 4).estimate
    2.5
    """
    times, _ = _checked(durations, event)
    area, variance = _restricted_mean(durations, event, until)
    half = float(stats.norm.isf((1 - level) / 2)) * math.sqrt(variance)
    method = f"restricted mean time to {until:g}, Greenwood variance, normal interval"
    return Estimate(area, area - half, area + half, level, len(times), method)


def difference_of_rmst(
    durations_1: ArrayLike,
    event_1: ArrayLike,
    durations_2: ArrayLike,
    event_2: ArrayLike,
    until: float,
    *,
    level: float = 0.95,
) -> Estimate:
    """Difference of two groups' restricted mean times, first minus second.

    Parameters, errors and references are those of `rmst`.

    Examples
    --------
    >>> difference_of_rmst([2, 4], [1, 1], [1, 3], [1, 1], 4).estimate
    1.0
    """
    area_1, variance_1 = _restricted_mean(durations_1, event_1, until)
    area_2, variance_2 = _restricted_mean(durations_2, event_2, until)
    half = float(stats.norm.isf((1 - level) / 2)) * math.sqrt(variance_1 + variance_2)
    n = np.size(durations_1) + np.size(durations_2)
    method = f"difference of restricted mean times to {until:g}, Greenwood variance, normal interval"
    return Estimate(area_1 - area_2, area_1 - area_2 - half, area_1 - area_2 + half, level, n, method)


def _restricted_mean(durations: ArrayLike, event: ArrayLike, until: float) -> tuple[float, float]:
    curve = kaplan_meier(durations, event)
    if not until > 0:
        raise InputError("until", "the horizon is not after time 0", value=until, allowed="more than 0")
    if until > curve.time[-1] and curve.survival[-1] > 0:
        raise InputError(
            "until",
            "the horizon lies beyond the last observation, where the curve is not known",
            value=until,
            allowed=f"at most {curve.time[-1]:g}",
        )
    edges = np.append(curve.time[curve.time < until], until)
    rows = len(edges) - 1
    pieces = np.diff(edges) * curve.survival[:rows]
    # Area still to come after each step, for Greenwood's variance of the area.
    ahead = np.cumsum(pieces[::-1])[::-1]
    risk, died = curve.at_risk[:rows].astype(float), curve.events[:rows].astype(float)
    open_step = died < risk
    term = np.zeros(rows)
    term[open_step] = died[open_step] / (risk[open_step] * (risk[open_step] - died[open_step]))
    return float(pieces.sum()), float(np.sum(ahead**2 * term))


def _risk_and_events(
    durations: NDArray[np.float64], seen: NDArray[np.bool_], times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    risk = len(durations) - np.searchsorted(np.sort(durations), times, side="left")
    own = np.sort(durations[seen])
    died = np.searchsorted(own, times, side="right") - np.searchsorted(own, times, side="left")
    return risk.astype(float), died.astype(float)


def _first_at_or_below_half(time: NDArray[np.float64], curve: NDArray[np.float64]) -> float:
    # A median counts as reached at exactly one half; the slack keeps 0.5 + 1e-17 from missing it.
    below = np.flatnonzero(curve <= 0.5 + 1e-12)
    return float(time[below[0]]) if len(below) else math.nan


def _checked(durations: ArrayLike, event: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    times = np.asarray(durations, dtype=np.float64).ravel()
    seen = np.asarray(event).astype(bool).ravel()
    if len(times) != len(seen):
        raise InputError("event", "not one entry a duration", value=len(seen), allowed=f"{len(times)} entries")
    if not len(times):
        raise InputError("durations", "nobody is given", allowed="at least one person")
    if not np.isfinite(times).all() or (times < 0).any():
        offender = times[~np.isfinite(times) | (times < 0)][0]
        raise InputError("durations", "a time is missing or negative", value=float(offender), allowed="0 or more")
    return times, seen
