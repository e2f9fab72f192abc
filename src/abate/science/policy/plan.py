"""A plan is a calendar: mg for every person and day. Decisions rewrite it from today on, never before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abate.science.regimen import Taper

__all__ = ["down_to", "insert", "last_taken", "next_lower", "previous_higher", "rewrite"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
_TINY = 1e-9  # doses are multiples of 0.01 mg; this only absorbs rounding


def last_taken(plan: Floats, day: int) -> Floats:
    """Return the dose last taken before a day (the planned one on the first day), mg, shape (n,)."""
    return plan[:, max(day - 1, 0)]


def rewrite(plan: Floats, rows: Rows, day: int, course: Floats) -> None:
    """Put a course in the place of what was planned from a day on, for some people, in place.

    Parameters
    ----------
    plan : ndarray, shape (n, days)
    rows : ndarray of int, shape (m,)
    day : int
    course : ndarray, shape (m, days of the course)
        Its last dose goes on to the end of the plan.
    """
    left = plan.shape[1] - day
    if left <= 0 or rows.size == 0:
        return
    width = min(left, course.shape[1])
    plan[rows, day : day + width] = course[:, :width]
    if width < left:
        plan[rows, day + width :] = course[:, -1:]


def insert(plan: Floats, rows: Rows, day: int, doses: Floats) -> None:
    """Put some days before the rest of the plan, which waits, in place; ``doses`` has shape (m, days)."""
    rewrite(plan, rows, day, np.concatenate([doses, plan[rows, day:]], axis=1))


def previous_higher(plan: Floats, rows: Rows, day: int) -> Floats:
    """Return the last dose taken that was higher than the present one (the present one where there is none)."""
    now = last_taken(plan, day)[rows]
    past = plan[rows, :day]
    higher = past > now[:, None] + _TINY
    last = past.shape[1] - 1 - higher[:, ::-1].argmax(axis=1) if day else np.zeros(rows.size, dtype=np.int64)
    return np.where(higher.any(axis=1), past[np.arange(rows.size), last], now) if day else now


def next_lower(plan: Floats, rows: Rows, day: int) -> None:
    """Bring the next lower dose of the plan forward to today, and what follows with it, in place."""
    now = last_taken(plan, day)[rows]
    ahead = plan[rows, day:]
    lower = ahead < now[:, None] - _TINY
    shift = np.where(lower.any(axis=1), lower.argmax(axis=1), 0)
    at = np.minimum(np.arange(ahead.shape[1])[None, :] + shift[:, None], ahead.shape[1] - 1)
    plan[rows, day:] = np.take_along_axis(ahead, at, axis=1)


def down_to(
    first: Floats,
    last: Floats,
    *,
    mg: float,
    days: int,
    hold: Floats,
    taper: Taper | None,
    stretch: Floats,
    length: int,
) -> Floats:
    """Return a course from one dose down to another by equal steps, a hold, and a taper from there.

    Parameters
    ----------
    first, last : ndarray, shape (m,)
        mg; where it begins and where the steps end.
    mg, days : float, int
        Size and length of the steps; 0 mg for none.
    hold : ndarray, shape (m,)
        Days at `last`.
    taper : Taper or None
        Entered after the hold at the step of `last`; None stays there.
    stretch : ndarray, shape (m,)
        How many times longer the taper's stretchable steps are.
    length : int
        Days of the course.

    Returns
    -------
    ndarray, shape (m, length)
    """
    day = np.arange(length)[None, :]
    steps = np.ceil((first - last) / mg - 1e-6).clip(0).astype(np.int64) if mg else np.zeros(first.size, dtype=np.int64)
    course = np.maximum(first[:, None] - mg * (day // max(days, 1)), last[:, None])
    after = day - (steps * days + np.rint(hold).astype(np.int64))[:, None]
    if taper is None:
        return np.where(after >= 0, last[:, None], course)
    tapered = taper.dose_on(np.maximum(after, 0), last[:, None], stretch[:, None])
    return np.where(after >= 0, tapered, course)
