"""Wilcoxon's signed-rank test, exact with ties and zeros, and the effect size that belongs to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from abate.ground.errors import InputError
from abate.study.statistics.ranks import ZeroConvention, doubled_ranks, lower_tail, on_grid

__all__ = ["EXACT_LIMIT", "Alternative", "SignedRank", "signed_rank", "smallest_attainable_p"]

Alternative = Literal["two-sided", "less", "greater"]

EXACT_LIMIT = 400
"""Up to so many non-zero differences the test is exact; above, a normal approximation is used and named."""


@dataclass(frozen=True, slots=True)
class SignedRank:
    """Result of a signed-rank test.

    Parameters
    ----------
    p : float
        1 when every difference is zero.
    smallest_p : float
        The smallest p that so many non-zero differences can give, whatever their size.
    statistic : float
        The smaller of both rank sums.
    w_plus, w_minus : float
        Rank sums of the positive and of the negative differences.
    rank_biserial : float
        (W+ - W-) / (W+ + W-): -1 when all fell, +1 when all rose; NaN when all are zero.
    n, n_nonzero : int
        Differences, and those that are not zero.
    zeros : {"wilcoxon", "pratt"}
        Convention for zero differences.
    alternative : {"two-sided", "less", "greater"}
    method : str
        Name of the test as it was done.
    """

    p: float
    smallest_p: float
    statistic: float
    w_plus: float
    w_minus: float
    rank_biserial: float
    n: int
    n_nonzero: int
    zeros: ZeroConvention
    alternative: Alternative
    method: str


def signed_rank(
    differences: ArrayLike,
    *,
    zeros: ZeroConvention = "wilcoxon",
    alternative: Alternative = "two-sided",
    decimals: int = 6,
) -> SignedRank:
    """Test whether paired differences lie around zero.

    Parameters
    ----------
    differences : array-like, shape (n,)
        After minus before; NaN is left out.
    zeros : {"wilcoxon", "pratt"}
        What to do with differences of zero: drop them before ranking, or after.
    alternative : {"two-sided", "less", "greater"}
        "less": the differences lie below zero.
    decimals : int
        Differences are rounded to so many decimals before they are compared, so that rounding noise breaks no tie.

    Returns
    -------
    SignedRank

    Raises
    ------
    InputError
        When a name is unknown or a difference is infinite.

    Notes
    -----
    Exact for up to `EXACT_LIMIT` non-zero differences: the distribution of the rank sum over all 2**n sign
    patterns, with the mid-ranks as they fall. The two-sided p is P(min(W+, W-) <= observed).

    References
    ----------
    Wilcoxon F. Biometrics Bull 1945;1:80-83. Pratt JW. J Am Stat Assoc 1959;54:655-667.
    Kerby DS. Compr Psychol 2014;3:11.IT.3.1 (matched rank-biserial correlation).

    Examples
    --------
    >>> signed_rank([1, 2, 3, 4, 5, 6]).p
    0.03125
    >>> signed_rank([-1, 1, 3, 4, 5, 5]).p
    0.09375
    """
    if alternative not in ("two-sided", "less", "greater"):
        raise InputError(
            "alternative", "unknown alternative", value=alternative, allowed=("two-sided", "less", "greater")
        )
    grid = on_grid(differences, decimals)
    ranks = doubled_ranks(np.abs(grid), zeros)
    plus, minus = int(ranks[grid > 0].sum()), int(ranks[grid < 0].sum())
    nonzero = int(np.count_nonzero(grid))
    p, how = _p_value(ranks, plus, minus, alternative)
    convention = "zeros dropped (Wilcoxon)" if zeros == "wilcoxon" else "zeros ranked, then dropped (Pratt)"
    return SignedRank(
        p=p,
        smallest_p=smallest_attainable_p(nonzero, alternative),
        statistic=min(plus, minus) / 2,
        w_plus=plus / 2,
        w_minus=minus / 2,
        rank_biserial=(plus - minus) / (plus + minus) if nonzero else math.nan,
        n=len(grid),
        n_nonzero=nonzero,
        zeros=zeros,
        alternative=alternative,
        method=f"Wilcoxon signed-rank test, {how}, {convention}",
    )


def smallest_attainable_p(n_nonzero: int, alternative: Alternative = "two-sided") -> float:
    """Smallest p that a signed-rank or sign test of ``n_nonzero`` differences can give.

    Examples
    --------
    >>> [smallest_attainable_p(n) for n in (3, 6, 10)]
    [0.25, 0.03125, 0.001953125]
    """
    sides = 2.0 if alternative == "two-sided" else 1.0
    return min(1.0, sides * 0.5**n_nonzero)


def _p_value(ranks: NDArray[np.int64], plus: int, minus: int, alternative: Alternative) -> tuple[float, str]:
    nonzero = int(np.count_nonzero(ranks))
    exact = nonzero <= EXACT_LIMIT
    tail = lower_tail if exact else _normal_lower_tail
    if alternative == "two-sided":
        p = min(1.0, 2 * tail(ranks, min(plus, minus)))
    else:
        # By symmetry of the coins, P(W+ >= w+) = P(W- <= w-).
        p = tail(ranks, plus if alternative == "less" else minus)
    how = "exact" if exact else f"normal approximation with tie correction (n = {nonzero} above {EXACT_LIMIT})"
    return p, how


def _normal_lower_tail(doubled: NDArray[np.int64], doubled_sum: int) -> float:
    ranks = doubled / 2
    centre, spread = ranks.sum() / 2, math.sqrt(float(np.sum(ranks**2)) / 4)
    return float(stats.norm.cdf((doubled_sum / 2 + 0.5 - centre) / spread))
