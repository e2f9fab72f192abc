"""Patterns that bring in a new dose day by day: dead slow and nearly stop, and the weekday patterns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["WEEKDAYS", "introduce"]

Booleans = npt.NDArray[np.bool_]

WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_FIVE_WEEKS = ((0, 4), (0, 2, 4), (0, 2, 3, 4), (0, 2, 3, 4, 6), tuple(range(7)))  # Sun Thu / Sun Tue Thu / ...


def introduce(pattern: str, first_weekday: str = "sunday") -> Booleans:
    """Return on which days of a step the new dose is taken (the old one on the others).

    Parameters
    ----------
    pattern : {'dsns', 'five-week', 'seven-week'}
        ``dsns``: cycles of new:old days 1:6 to 1:1, then old:new 1:2 to 1:6 (52 days, 26 of each). ``five-week``: new
        on Sun Thu / Sun Tue Thu / Sun Tue Wed Thu / Sun Tue Wed Thu Sat / every day. ``seven-week``: new on 1, 2,
        ... 7 days a week, spread over the week.
    first_weekday : str
        Weekday of the first day; matters to ``five-week`` alone.

    Returns
    -------
    ndarray of bool, shape (days,)

    Examples
    --------
    >>> days = introduce("dsns")
    >>> days.size, int(days.sum())
    (52, 26)
    >>> introduce("five-week").reshape(5, 7).sum(axis=1).tolist()
    [2, 3, 4, 5, 7]
    """
    if pattern == "dsns":
        return _dead_slow()
    if pattern == "five-week":
        weeks = np.zeros((5, 7), dtype=bool)
        for week, days in zip(weeks, _FIVE_WEEKS, strict=True):
            week[list(days)] = True
        shift = WEEKDAYS.index(first_weekday)
        return np.asarray(np.roll(weeks, -shift, axis=1).ravel())
    weeks = np.zeros((7, 7), dtype=bool)
    for count, week in enumerate(weeks, start=1):
        week[[i * 7 // count for i in range(count)]] = True
    return np.asarray(weeks.ravel())


def _dead_slow() -> Booleans:
    rising = [[True] + [False] * old for old in range(6, 0, -1)]
    falling = [[False] + [True] * new for new in range(2, 7)]
    return np.array([day for cycle in (*rising, *falling) for day in cycle])
