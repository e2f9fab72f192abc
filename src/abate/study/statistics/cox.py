"""Cox's proportional hazards for two groups, over strata, with Efron's handling of ties.

With one group against another the partial likelihood has one unknown, the log hazard ratio, and its score falls
with it: whether a finite ratio exists is seen from the score's two ends, and the ratio itself is a bracketed root.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

__all__ = ["log_hazard_ratio"]


def log_hazard_ratio(
    durations: NDArray[np.float64],
    event: NDArray[np.bool_],
    first: NDArray[np.bool_],
    stratum: NDArray[np.str_] | None = None,
) -> tuple[float, float]:
    """Log hazard ratio of the first group against everybody else, and its standard error.

    Parameters
    ----------
    durations : ndarray, shape (n,)
        Time to the event or to leaving.
    event : ndarray of bool, shape (n,)
        True where the event was seen.
    first : ndarray of bool, shape (n,)
        True for the first group.
    stratum : ndarray, shape (n,), optional
        People are compared with those of their own stratum alone.

    Returns
    -------
    tuple of float
        Both NaN where no finite ratio exists: a group has no event, or every event of one group comes after the
        other has left.

    References
    ----------
    Cox DR. J R Stat Soc B 1972;34:187-220. Efron B. J Am Stat Assoc 1977;72:557-565.

    Examples
    --------
    >>> import numpy as np
    >>> days = np.array([1.0, 3, 5, 7, 2, 4, 6, 8])
    >>> ratio, error = log_hazard_ratio(days, np.ones(8, dtype=bool), np.arange(8) < 4)
    >>> round(float(np.exp(ratio)), 2), round(error, 2)
    (1.63, 0.77)
    """
    places = [np.ones(len(durations), dtype=bool)]
    if stratum is not None:
        places = [stratum == name for name in np.unique(stratum)]
    steps = [_steps(durations[here], event[here], first[here]) for here in places]
    ours, others = (np.concatenate([step[k] for step in steps]) for k in (0, 1))
    seen = float((event & first).sum())
    # As the ratio grows, the first group is expected to have every event at which one of it is at risk.
    if not np.count_nonzero(others == 0) < seen < np.count_nonzero(ours > 0):
        return math.nan, math.nan
    both = (ours > 0) & (others > 0)
    odds = np.log(ours[both]) - np.log(others[both])
    seen -= np.count_nonzero(others == 0)

    def score(beta: float) -> float:
        return float(seen - expit(odds + beta).sum())

    reach = 1.0
    while score(-reach) < 0 or score(reach) > 0:
        reach *= 2
    beta = float(brentq(score, -reach, reach, xtol=1e-13, rtol=1e-14))
    share = expit(odds + beta)
    return beta, 1 / math.sqrt(float((share * (1 - share)).sum()))


def _steps(
    durations: NDArray[np.float64], event: NDArray[np.bool_], first: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At risk in each group, one entry an event; of d tied events the k-th sees k / d of them already gone (Efron)."""
    times = np.unique(durations[event])
    tied = np.zeros(len(times))
    groups = []
    for here in (first, ~first):
        risk = here.sum() - np.searchsorted(np.sort(durations[here]), times, side="left")
        own = np.sort(durations[here & event])
        died = np.searchsorted(own, times, side="right") - np.searchsorted(own, times, side="left")
        tied += died
        groups.append((risk, died))
    count = tied.astype(int)
    row = np.repeat(np.arange(len(times)), count)
    gone = (np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)) / tied[row]
    ours, others = (risk[row] - gone * died[row] for risk, died in groups)
    return ours, others
