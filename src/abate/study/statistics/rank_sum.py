"""Two independent groups: the rank-sum test, exact with ties."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from abate.study.statistics.ranks import doubled_ranks, on_grid

__all__ = ["RankSum", "rank_sum"]

EXACT_LIMIT = 60


@dataclass(frozen=True, slots=True)
class RankSum:
    """Result of a rank-sum test: two-sided ``p``, smallest p attainable, share of pairs won by the first group."""

    p: float
    smallest_p: float
    superiority: float
    n_1: int
    n_2: int
    method: str


def rank_sum(first: ArrayLike, second: ArrayLike, *, decimals: int = 6) -> RankSum:
    """Wilcoxon-Mann-Whitney test of two independent groups.

    Exact up to 60 values in all, over every way to choose who belongs to the first group, with mid-ranks as they
    fall; above that a normal approximation with tie correction, which the method's name then says.

    Parameters
    ----------
    first, second : array-like, shape (n_1,) and (n_2,)
        NaN is left out.
    decimals : int
        Values are rounded to so many decimals first.

    Returns
    -------
    RankSum

    References
    ----------
    Mann HB, Whitney DR. Ann Math Stat 1947;18:50-60.

    Examples
    --------
    >>> rank_sum([1, 2], [3, 4, 5, 6]).p
    0.13333333333333333
    """
    one, two = on_grid(first, decimals), on_grid(second, decimals)
    n_1, n_2 = len(one), len(two)
    name = "Wilcoxon-Mann-Whitney test"
    if not n_1 or not n_2:
        return RankSum(math.nan, 1.0, math.nan, n_1, n_2, f"{name} (not done: a group is empty)")
    pooled = np.concatenate([one, two])
    # Shifted above zero, so that no value is taken for a zero difference.
    ranks = doubled_ranks(pooled - pooled.min() + 1, "wilcoxon")
    observed, centre = int(ranks[:n_1].sum()), n_1 * (n_1 + n_2 + 1)
    distance = abs(observed - centre)
    superiority = (observed / 2 - n_1 * (n_1 + 1) / 2) / (n_1 * n_2)
    smallest = min(1.0, 2 / math.comb(n_1 + n_2, n_1)) if n_1 + n_2 < 1000 else 0.0
    if n_1 + n_2 <= EXACT_LIMIT:
        share = _share_at_least(ranks, n_1, centre, distance)
        return RankSum(share, smallest, superiority, n_1, n_2, f"{name}, exact")
    spread = math.sqrt(n_1 * n_2 / (n_1 + n_2) * float(np.var(ranks / 2, ddof=1)))
    z = max(distance / 2 - 0.5, 0) / spread if spread else 0.0
    p = float(2 * stats.norm.sf(z))
    return RankSum(min(1.0, p), smallest, superiority, n_1, n_2, f"{name}, normal approximation with tie correction")


def _share_at_least(ranks: NDArray[np.int64], chosen: int, centre: int, distance: int) -> float:
    """Share of the choices of ``chosen`` ranks whose sum lies at least so far from its expectation."""
    total = int(ranks.sum())
    ways = np.zeros((chosen + 1, total + 1))
    ways[0, 0] = 1.0
    for rank in ranks.tolist():
        ways[1:, rank:] += ways[:-1, : total + 1 - rank].copy()
    sums = np.arange(total + 1)
    counts = ways[chosen]
    return float(counts[np.abs(sums - centre) >= distance].sum() / counts.sum())
