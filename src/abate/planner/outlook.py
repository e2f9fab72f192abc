"""From courses of people to the numbers of a plan, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from abate.ground.results import Estimate
from abate.planner.settings import numbers, value

if TYPE_CHECKING:
    from abate.planner.options import Option

__all__ = ["QUANTILES", "UNKNOWN", "fan_of", "outlook", "paired_difference", "share", "spread"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LEVEL = 0.95
SPREAD = 0.9
UNKNOWN = Estimate(math.nan, math.nan, math.nan, LEVEL, 0, "not forecast: no model links prednisone to this disease")
"""What is said of flares where they are not modelled."""


def share(hit: Booleans, effective: int | None = None) -> Estimate:
    """Estimate a chance by the share of people, with the exact interval of so many distinct people.

    The interval is that of the simulation: what the model may have wrong is not in it.

    Examples
    --------
    >>> share(np.array([True, False, False, False])).estimate
    0.25
    """
    n = int(hit.size)
    count = n if effective is None else max(1, min(n, effective))
    events = int(hit.sum())
    bottom, top = exact_interval(round(events * count / n), count) if n else (math.nan, math.nan)
    method = "share of virtual people; Clopper-Pearson interval of the simulation alone"
    # the interval is of the distinct people; the estimate itself is of all of them
    estimate = events / n if n else float("nan")
    low, high = (min(bottom, estimate), max(top, estimate)) if n else (bottom, top)
    return Estimate(estimate, low, high, LEVEL, n, method, events)


def exact_interval(events: int, n: int) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a share.

    The same as `abate.study.statistics.proportions`, whose library of statistics takes a second to load.

    Examples
    --------
    >>> low, high = exact_interval(1, 4)
    >>> round(low, 4), round(high, 4)
    (0.0063, 0.8059)
    """
    from scipy.special import betaincinv

    tail = (1 - LEVEL) / 2
    low = float(betaincinv(events, n - events + 1, tail)) if events > 0 else 0.0
    high = float(betaincinv(events + 1, n - events, 1 - tail)) if events < n else 1.0
    return low, high


def spread(values: Floats) -> Estimate:
    """Return the median of people and the band that holds 90 % of them.

    Examples
    --------
    >>> spread(np.arange(101.0)).low
    5.0
    """
    tail = (1 - SPREAD) / 2
    if not values.size:
        return Estimate(float("nan"), float("nan"), float("nan"), SPREAD, 0, "nobody")
    low, middle, high = np.quantile(values, [tail, 0.5, 1 - tail])
    return Estimate(
        float(middle),
        float(low),
        float(high),
        SPREAD,
        int(values.size),
        "median of virtual people; band of 90 % of them",
    )


def paired_difference(first: Floats, second: Floats) -> Estimate:
    """Return the mean difference between two options in the same people, first minus second.

    Examples
    --------
    >>> paired_difference(np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 1.0])).estimate
    1.33
    """
    from scipy.special import stdtrit

    gap = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    n = gap.size
    half = float(stdtrit(n - 1, 0.5 + LEVEL / 2) * gap.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    mean = float(gap.mean())
    return Estimate(
        mean, mean - half, mean + half, LEVEL, n, "paired mean difference in the same virtual people, t interval"
    )


def fan_of(values: Floats) -> dict[str, Any]:
    """Return weekly quantiles of values of shape (n, weeks + 1)."""
    rows = np.quantile(values, QUANTILES, axis=0)
    named = {f"{100 * q:g}": row.tolist() for q, row in zip(QUANTILES, rows, strict=True)}
    return {"weeks": list(range(values.shape[1])), "quantiles": named}


def outlook(
    option: Option,
    weeks: int,
    daily: Floats,
    flare_day: Floats,
    courses: Mapping[str, Floats],
    effective: int,
    threshold: float,
    *,
    flares: bool = True,
) -> dict[str, Any]:
    """Return the estimates of one option; see `abate.planner`.

    Parameters
    ----------
    option : Option
    weeks : int
    daily : ndarray, shape (n, days)
        mg taken.
    flare_day : ndarray, shape (n,)
        Infinite for none.
    courses : mapping of output to ndarray, shape (n, weeks + 1)
    effective : int
        Distinct people.
    threshold : float
        Points at which a flare is called.
    flares : bool
        Whether the model knows what prednisone does to flares; if not, what depends on them is left open.
    """
    well = np.isfinite(courses["symptoms"]).all(axis=1)
    daily, flare_day = daily[well], flare_day[well]
    courses = {name: rows[well] for name, rows in courses.items()}
    end = 7 * weeks

    def chance(hit: Booleans) -> Estimate:
        return share(hit, effective) if flares else UNKNOWN

    by_week = [{"week": w, **chance(flare_day <= 7 * w).as_dict()} for w in range(weeks + 1)]
    off = (daily[:, -1] == 0).astype(bool)
    free = np.cumsum(daily[:, ::-1] > 0, axis=1)[:, ::-1] == 0
    weekly = daily[:, : 7 * weeks].reshape(len(daily), weeks, 7).mean(axis=2)
    dose = np.concatenate([weekly, daily[:, -1:]], axis=1)
    return {
        "weeks": weeks,
        "failed": int((~well).sum()),
        "flare": {
            "total": chance(flare_day <= end),
            "by_week": by_week,
            "while_on_prednisone": chance((flare_day < end) & _on(daily, flare_day)),
            "threshold": {"value": threshold if flares else None, "unit": "point of the symptom score"},
        },
        "cumulative-prednisone-mg": spread(daily.sum(axis=1)),
        "off-prednisone": share(off, effective),
        "off-prednisone-without-flare": chance(off & np.isinf(flare_day)),
        "days-off-prednisone": spread(free.sum(axis=1).astype(float)),
        "adrenal": adrenal(option, daily.shape[1], flare_day, courses["morning_cortisol"], effective),
        "fans": {
            "dose": fan_of(dose),
            "withdrawal": fan_of(courses["W"]),
            "morning-cortisol": fan_of(courses["morning_cortisol"]),
            **({name: fan_of(courses[name]) for name in ("symptoms", "crp")} if flares else {}),
        },
    }


def _on(daily: Floats, flare_day: Floats) -> Booleans:
    """Return who took prednisone on the day before the first flare (on the day itself, where it is today)."""
    at = np.where(np.isfinite(flare_day), flare_day - 1, 0).astype(int).clip(0, daily.shape[1] - 1)
    return np.asarray(np.isfinite(flare_day) & (daily[np.arange(len(daily)), at] > 0))


def adrenal(option: Option, days: int, flare_day: Floats, cortisol: Floats, effective: int) -> list[dict[str, Any]]:
    """Return what a morning cortisol would show at the end of each step that lies within the forecast.

    Of those who had no flare until then: the others are on another dose. The cut-offs are the library's.
    """
    ready, poor = value("adrenal", "recovered"), value("adrenal", "uncertain")
    rows = []
    for step in (*option.steps, None):
        if step is None:
            if option.taper.then > 0 or option.days + 28 > days:
                break
            mg, last = 0.0, min(option.days + 84, days)
        else:
            mg, last = step.mg, step.last + 1
        if last > days:
            break
        if step is not None and step.mg == 0:  # a pattern's last step, which brings in 0 mg: the row after it tells
            continue
        still = flare_day > last
        level = cortisol[still, last // 7]
        there = max(1, round(effective * still.mean())) if still.any() else 1
        rows.append(
            {
                "mg": mg,
                "week": last / 7,
                "ready": share(level > ready, there),
                "uncertain": share((level >= poor) & (level <= ready), there),
                "not_ready": share(level < poor, there),
                "morning-cortisol": {**spread(level).as_dict(), "unit": numbers("adrenal")["recovered"].unit},
            }
        )
    return rows
