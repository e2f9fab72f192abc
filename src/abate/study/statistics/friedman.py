"""Friedman's test over several visits of the same people, exact where it can be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from abate.ground.errors import InputError
from abate.study.statistics.ranks import doubled_ranks, on_grid

__all__ = ["Friedman", "friedman"]

# Sorted rank totals times orderings to be held at once; about 100 MB and a second a person.
WORK_LIMIT = 2_000_000


@dataclass(frozen=True, slots=True)
class Friedman:
    """Result of a Friedman test: chi-square ``statistic``, ``p``, smallest p attainable, people and visits."""

    statistic: float
    p: float
    smallest_p: float
    n: int
    visits: int
    method: str


def friedman(values: ArrayLike, *, decimals: int = 6) -> Friedman:
    """Test whether the visits differ, each person being compared with themselves.

    Parameters
    ----------
    values : array-like, shape (n, visits)
        One row a person; rows with a missing value are left out.
    decimals : int
        Values are rounded to so many decimals before they are ranked.

    Returns
    -------
    Friedman
        Exact permutation p over all orders within each person, ties as they fall; the chi-square approximation,
        named so, where there are too many.

    Raises
    ------
    InputError
        When there are fewer than two visits, or ``values`` is not a table.

    References
    ----------
    Friedman M. J Am Stat Assoc 1937;32:675-701.

    Examples
    --------
    >>> round(friedman([[9, 5, 4], [8, 6, 5], [9, 7, 3], [7, 6, 2]]).p, 5)
    0.00463
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise InputError("values", "not a table of people by two visits or more", value=table.shape)
    table = table[np.isfinite(table).all(axis=1)]
    n, visits = table.shape
    if n == 0:
        return Friedman(math.nan, 1.0, 1.0, 0, visits, "Friedman test (not done: nobody has every visit)")
    rows = [on_grid(row, decimals) for row in table]
    ranks = np.array([doubled_ranks(row - row.min() + 1, "wilcoxon") for row in rows])
    totals = ranks.sum(axis=0)
    # With the ties fixed, the statistic rises with the sum of squared rank totals.
    scale = float((ranks.astype(float) ** 2).sum() - n * visits * (visits + 1) ** 2) / (visits - 1)
    distance = float(((totals - n * (visits + 1)) ** 2).sum())
    statistic = distance / scale if scale else 0.0
    smallest = min(1.0, math.factorial(visits) / math.factorial(visits) ** n)
    p = _exact(ranks, int((totals**2).sum()))
    if p is not None:
        return Friedman(statistic, p, smallest, n, visits, "Friedman test, exact")
    p = float(stats.chi2.sf(statistic, visits - 1))
    return Friedman(statistic, p, smallest, n, visits, "Friedman test, chi-square approximation")


def _exact(ranks: NDArray[np.int64], observed: int) -> float | None:
    """P(sum of squared totals >= observed), each person's ranks in every order; None when that is too much work.

    Totals are kept sorted: the orders of the people still to come treat all visits alike, so only the multiset
    of totals matters, which leaves visits! times fewer states.
    """
    states: NDArray[np.int64] = np.zeros((1, ranks.shape[1]), dtype=np.int64)
    masses: NDArray[np.float64] = np.ones(1)
    for row in ranks:
        if ranks.shape[1] > 7:
            return None
        orders, ways = np.unique(np.array(list(permutations(row.tolist()))), axis=0, return_counts=True)
        if len(states) * len(orders) > WORK_LIMIT:
            return None
        grown = np.sort((states[:, None, :] + orders[None, :, :]).reshape(-1, ranks.shape[1]), axis=1)
        weight = (masses[:, None] * (ways / ways.sum())[None, :]).ravel()
        states, place = np.unique(grown, axis=0, return_inverse=True)
        masses = np.bincount(place.ravel(), weights=weight).astype(np.float64)
    return min(1.0, float(masses[(states**2).sum(axis=1) >= observed].sum()))
