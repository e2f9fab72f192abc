"""Responders by relative improvement, decided on whole numbers so that 30 % is 30 %."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abate.ground.errors import InputError
from abate.study.statistics.ranks import on_grid

__all__ = ["Responders", "responders"]


@dataclass(frozen=True, slots=True)
class Responders:
    """Who responded.

    Parameters
    ----------
    responded : ndarray of bool, shape (n,)
        False also where it cannot be told.
    defined : ndarray of bool, shape (n,)
        Both values are there and the baseline is above zero.
    percent : int
        Improvement asked for.
    """

    responded: NDArray[np.bool_]
    defined: NDArray[np.bool_]
    percent: int

    @property
    def events(self) -> int:
        """How many responded."""
        return int(self.responded.sum())

    @property
    def n(self) -> int:
        """Of how many it can be told."""
        return int(self.defined.sum())


def responders(
    baseline: ArrayLike,
    follow_up: ArrayLike,
    percent: int,
    *,
    higher_is_worse: bool = True,
    decimals: int = 6,
) -> Responders:
    """Decide who improved by at least ``percent`` of the baseline.

    Parameters
    ----------
    baseline, follow_up : array-like, shape (n,)
        Of the same people; NaN where missing.
    percent : int
        30 for a moderate, 50 for a substantial fall of pain (IMMPACT).
    higher_is_worse : bool
        Whether an improvement is a fall.
    decimals : int
        Values are rounded to so many decimals and compared as whole numbers: 100*(b - f) >= percent*b.

    Returns
    -------
    Responders

    Raises
    ------
    InputError
        When lengths differ or ``percent`` is not within 1..100.

    References
    ----------
    Dworkin RH, Turk DC, Wyrwich KW, et al. J Pain 2008;9:105-121.

    Examples
    --------
    >>> responders([10, 7, 6, 3, 0], [7, 5, 4, 2, 0], 30).responded.tolist()
    [True, False, True, True, False]
    """
    before, after = np.asarray(baseline, dtype=np.float64).ravel(), np.asarray(follow_up, dtype=np.float64).ravel()
    if len(before) != len(after):
        raise InputError("follow_up", "not one value a person", value=len(after), allowed=f"{len(before)} values")
    if not 0 < percent <= 100:
        raise InputError("percent", "not a share of the baseline", value=percent, allowed="1 to 100")
    defined = np.isfinite(before) & np.isfinite(after)
    defined &= np.where(defined, before, 0.0) > 0
    start = on_grid(np.where(defined, before, 0.0), decimals)
    end = on_grid(np.where(defined, after, 0.0), decimals)
    gain = start - end if higher_is_worse else end - start
    return Responders(defined & (100 * gain >= percent * start), defined, percent)
