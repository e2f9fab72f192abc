"""Hodges-Lehmann estimate of a shift, with the interval that the exact signed-rank test gives."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from abate.ground.errors import InputError
from abate.ground.results import Estimate
from abate.study.statistics.ranks import ZeroConvention, doubled_ranks, lower_tail, on_grid, untied_lower_tails
from abate.study.statistics.signed_rank import EXACT_LIMIT

__all__ = ["hodges_lehmann"]


def hodges_lehmann(
    differences: ArrayLike,
    *,
    zeros: ZeroConvention = "wilcoxon",
    level: float = 0.95,
    decimals: int = 6,
) -> Estimate:
    """Median of the Walsh averages, with the interval from inverting the exact signed-rank test.

    A shift belongs to the interval when the exact test, applied to the differences minus that shift, does not
    reject it. The test is made anew at every shift, with the ties and the zeros that fall there, so the interval
    keeps its coverage with tied data; where the set of shifts has a gap, the interval spans it. Two to five
    differences cannot reject any shift at 95 %: then no such interval exists, and the range of the differences
    is given with the coverage that it does have.

    Parameters
    ----------
    differences : array-like, shape (n,)
        After minus before; NaN is left out.
    zeros : {"wilcoxon", "pratt"}
        "wilcoxon" drops differences of zero before anything else; "pratt" keeps them.
    level : float
        Wanted coverage, 0-1.
    decimals : int
        Differences are rounded to so many decimals before they are compared.

    Returns
    -------
    Estimate
        ``level`` is the coverage attained: 1 minus the largest p among the shifts left out. NaN when nothing is left.

    Raises
    ------
    InputError
        When ``level`` is not between 0 and 1, or a difference is infinite.

    References
    ----------
    Hodges JL, Lehmann EL. Ann Math Stat 1963;34:598-611. Tukey's confidence procedure: Hollander M, Wolfe DA,
    Chicken E. Nonparametric Statistical Methods, 3rd ed., Wiley 2014, chapter 3.

    Examples
    --------
    >>> shift = hodges_lehmann([-1, 1, 3, 4, 5, 5])
    >>> shift.estimate, shift.low, shift.high, shift.level
    (3.0, -1.0, 5.0, 0.96875)
    >>> hodges_lehmann([0, 2, 2, 4, 5, 5]).level
    0.9375
    """
    if not 0 < level < 1:
        raise InputError("level", "not a coverage", value=level, allowed="between 0 and 1, such as 0.95")
    values = np.sort(on_grid(differences, decimals))
    total = len(values)
    if zeros == "wilcoxon":
        values = values[values != 0]
    n, unit = len(values), 10.0**decimals
    name = "Hodges-Lehmann, " + ("zeros dropped" if zeros == "wilcoxon" else "zeros kept")
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, level, total, f"{name} (no difference left)")
    pairs = n * (n + 1) // 2
    centre = (_walsh_sum(values, (pairs + 1) // 2) + _walsh_sum(values, pairs // 2 + 1)) / 4 / unit
    alpha = (1 - level) * (1 + 1e-12)  # 1 - 0.9375 must not fall a rounding short of 2/2**5
    if 2 * 0.5**n > alpha:
        method = f"{name}; range of the differences: no exact {level:.4g} interval exists with {n} of them"
        low, high, attained = float(values[0]), float(values[-1]), 1 - 2 * 0.5**n
        return Estimate(centre, low / unit, high / unit, attained, total, method)
    if n > EXACT_LIMIT:
        method = f"{name}; interval by normal approximation (n = {n} above {EXACT_LIMIT})"
        spread = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        out = max(math.floor(pairs / 2 - float(stats.norm.isf(alpha / 2)) * spread), 1)
        low, high = _walsh_sum(values, out) / 2, _walsh_sum(values, pairs + 1 - out) / 2
        return Estimate(centre, low / unit, high / unit, level, total, method)
    low_end, p_low = _edge(_Inversion(values, zeros, alpha))
    high_end, p_high = _edge(_Inversion(-values[::-1], zeros, alpha))
    attained = 1 - max(p_low, p_high)
    method = f"{name}; interval from the exact signed-rank test"
    return Estimate(centre, low_end / 2 / unit, -high_end / 2 / unit, attained, total, method)


@dataclass
class _Inversion:
    """The exact test at every shift where its result can change, from the low end of the sample upwards.

    A shift is held as four times its value: Walsh averages are halves, points between them quarters.
    """

    values: NDArray[np.int64]
    zeros: ZeroConvention
    alpha: float
    seen: dict[int, tuple[NDArray[np.int64], int, float, float]] = field(default_factory=dict)

    def rejected(self, shift: int) -> bool:
        """Whether the test at this shift rejects; the exact distribution is built only if bounds leave a doubt."""
        _, _, least, most = self._facts(shift)
        if most <= self.alpha:
            return True
        return least <= self.alpha and self.p(shift) <= self.alpha

    def p(self, shift: int) -> float:
        """Exact two-sided p at this shift."""
        ranks, smaller, _, _ = self._facts(shift)
        return min(1.0, 2 * lower_tail(ranks, smaller))

    def at_most(self, shift: int) -> float:
        """Upper bound of p at this shift."""
        return self._facts(shift)[3]

    def _facts(self, shift: int) -> tuple[NDArray[np.int64], int, float, float]:
        if shift not in self.seen:
            moved = 4 * self.values - shift
            ranks = doubled_ranks(np.abs(moved), self.zeros)
            smaller = min(int(ranks[moved > 0].sum()), int(ranks[moved < 0].sum()))
            self.seen[shift] = (ranks, smaller, *self._bounds(ranks, smaller))
        return self.seen[shift]

    def _bounds(self, ranks: NDArray[np.int64], smaller: int) -> tuple[float, float]:
        """Bounds of p from the distribution without ties.

        Break each tie in any order: every rank sum moves by at most sum over ties of floor(m*m/4)/2, whatever the
        signs. So the tied tail lies between the untied tails that far below and above.
        """
        n, kept = len(ranks), int(np.count_nonzero(ranks))
        first = 1 if self.zeros == "wilcoxon" else n - kept + 1
        tails = untied_lower_tails(first, first + kept - 1)
        _, count = np.unique(ranks[ranks > 0], return_counts=True)
        slack = int(np.sum(count * count // 4))  # in doubled ranks
        below, above = (smaller - slack) // 2, (smaller + slack) // 2
        least = 2 * float(tails[min(below, len(tails) - 1)]) if below >= 0 else 0.0
        most = 2 * float(tails[above]) if above < len(tails) else 1.0
        return least, most


def _edge(test: _Inversion) -> tuple[float, float]:
    """Lowest shift that is not rejected (twice its value), and the largest p among the shifts below it."""
    values = test.values
    first, second = np.tril_indices(len(values))
    sums, count = np.unique(values[first] + values[second], return_counts=True)
    start = _surely_rejected(test, np.cumsum(count))
    # Points (Walsh averages) at even places, the open gaps after them at odd places.
    end = next(place for place in range(2 * start, 2 * len(sums) - 1) if not test.rejected(_shift(sums, place)))
    outside = 2 * 0.5 ** len(values)  # below the sample every difference is positive
    # An accepted gap reaches down to the Walsh average before it, accepted or not.
    edge = end // 2
    for place in range(2 * edge - 1, 2 * start - 1, -1):
        shift = _shift(sums, place)
        if test.at_most(shift) > outside:
            outside = max(outside, test.p(shift))
    return float(sums[edge]), outside


def _shift(sums: NDArray[np.int64], place: int) -> int:
    """Four times the shift at a place: a Walsh average, or the middle of the gap after it."""
    here = int(sums[place // 2])
    return 2 * here if place % 2 == 0 else here + int(sums[place // 2 + 1])


def _surely_rejected(test: _Inversion, pairs_below: NDArray[np.int64]) -> int:
    """How many of the lowest Walsh averages need no test, by Hoeffding's inequality.

    With t the distance of the smaller rank sum from half the total, p <= 2 exp(-2 t**2 / sum of squared ranks),
    ties or not. The bound is kept below a hundredth of alpha, so that the attained level is not touched either.
    """
    values = test.values
    n = len(values)
    if len(pairs_below) < 500:
        return 0
    least_kept = n - int(np.max(np.unique(values, return_counts=True)[1]))
    least_total = least_kept * (least_kept + 1) / 2
    squares = n * (n + 1) * (2 * n + 1) / 6
    largest = least_total / 2 - math.sqrt(squares * math.log(200 / test.alpha) / 2)
    return int(np.searchsorted(pairs_below, largest, side="right"))


def _count_at_most(values: NDArray[np.int64], limit: int) -> int:
    """How many pairs i <= j of the sorted values have a sum of at most ``limit``."""
    ordered = int(np.searchsorted(values, limit - values, side="right").sum())
    alone = int(np.searchsorted(values, limit // 2, side="right"))
    return (ordered + alone) // 2


def _walsh_sum(values: NDArray[np.int64], rank: int) -> int:
    """The rank-th smallest sum of a pair i <= j, found by halving: no list of all pairs is needed."""
    low, high = 2 * int(values[0]), 2 * int(values[-1])
    while low < high:
        middle = (low + high) // 2
        if _count_at_most(values, middle) >= rank:
            high = middle
        else:
            low = middle + 1
    return low
