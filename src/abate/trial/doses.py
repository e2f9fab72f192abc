"""Doses as rows of a Study: daily amounts become runs of equal doses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["daily_rows", "repeated_rows"]

Floats = npt.NDArray[np.float64]


def daily_rows(daily: Floats, followed: Floats, drug: str, hour: float) -> pd.DataFrame:
    """Turn a table of daily doses into runs of equal doses, zeros left out.

    Parameters
    ----------
    daily : ndarray, shape (n, days)
        mg on each day.
    followed : ndarray, shape (n,)
        Day on which a person left; what would have been taken later is not recorded.
    drug : str
        What was taken, by mouth.
    hour : float
        Hour of the day.

    Returns
    -------
    DataFrame
        Columns of the table ``doses``, with ``person`` (row of `daily`) in place of ``subject``.

    Examples
    --------
    >>> rows = daily_rows(np.array([[10.0, 10.0, 0.0, 5.0]]), np.array([4.0]), "prednisone", 8.0)
    >>> rows[["time", "amount", "count"]].values.tolist()
    [[0.3333333333333333, 10.0, 2.0], [3.3333333333333335, 5.0, 1.0]]
    """
    import pandas as pd

    n, days = daily.shape
    # A dose at 8:00 of the day on which somebody leaves is no longer recorded: they leave at 00:00.
    taken = np.where(np.arange(days) < np.ceil(followed)[:, None], daily, 0.0)
    starts = np.ones((n, days), dtype=bool)
    starts[:, 1:] = taken[:, 1:] != taken[:, :-1]
    person, first = np.nonzero(starts)
    ends = np.append(first[1:], days)
    ends[np.append(person[1:] != person[:-1], True)] = days
    amount = taken[person, first]
    keep = amount > 0
    return pd.DataFrame(
        {
            "person": person[keep],
            "time": first[keep] + hour / 24,
            "drug": drug,
            "route": "oral",
            "amount": amount[keep],
            "unit": "mg",
            "duration": 0.0,
            "count": (ends - first)[keep],
            "interval": np.where((ends - first)[keep] > 1, 1.0, 0.0),
        }
    )


def repeated_rows(
    times: Floats, amounts: Floats, followed: Floats, drug: str, route: str, duration: float
) -> pd.DataFrame:
    """Turn doses of an antibody into runs: one row a person while the amount and the interval stay the same.

    Parameters
    ----------
    times : ndarray, shape (E,)
        Days.
    amounts : ndarray, shape (E, n)
        mg a person; 0 where the dose was left out.
    followed : ndarray, shape (n,)
        Day on which a person left.
    drug, route : str
        What and how.
    duration : float
        Of an infusion, days.

    Returns
    -------
    DataFrame
        As `daily_rows`.

    Examples
    --------
    >>> weekly = np.array([0.0, 7.0, 14.0])
    >>> rows = repeated_rows(weekly, np.full((3, 1), 162.0), np.array([10.0]), "tocilizumab", "sc", 0)
    >>> rows[["amount", "count", "interval"]].values.tolist()
    [[162.0, 2.0, 7.0]]
    """
    import pandas as pd

    person, index = np.nonzero(np.where(times[:, None] < followed[None, :], amounts, 0.0).T)
    when, mg = times[index], amounts[index, person]
    if not when.size:
        first = np.empty(0, dtype=np.int64)
    else:
        other = np.append(True, person[1:] != person[:-1])
        gap = np.append(0.0, np.diff(when))
        # A run ends where the person or the dose changes, or the interval differs from the one before it.
        uneven = np.append(False, ~np.isclose(gap[1:], gap[:-1])) & ~other & ~np.append(True, other[:-1])
        first = np.flatnonzero(other | uneven | np.append(True, mg[1:] != mg[:-1]))
    count = np.diff(np.append(first, when.size))
    second = np.minimum(first + 1, max(when.size - 1, 0))
    return pd.DataFrame(
        {
            "person": person[first],
            "time": when[first],
            "drug": drug,
            "route": route,
            "amount": mg[first],
            "unit": "mg",
            "duration": duration,
            "count": count,
            "interval": np.where(count > 1, when[second] - when[first], 0.0),
        }
    )
