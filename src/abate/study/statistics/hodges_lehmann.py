"""Hodges-Lehmann estimate of a shift, with the interval that the exact signed-rank test gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from abate.ground.errors import InputError
from abate.ground.results import Estimate
from abate.study.statistics.ranks import ZeroConvention, lower_tail, on_grid, untied_lower_tails
from abate.study.statistics.signed_rank import EXACT_LIMIT

__all__ = ["hodges_lehmann"]

BLOCK = 128  # shifts that are ranked at once


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
    low, high, attained = _exact_interval(values.tobytes(), zeros, alpha)
    method = f"{name}; interval from the exact signed-rank test"
    return Estimate(centre, low / unit, high / unit, attained, total, method)


@lru_cache(maxsize=128)
def _exact_interval(values: bytes, zeros: ZeroConvention, alpha: float) -> tuple[float, float, float]:
    """Both ends, in grid steps, and the level attained; kept, because one analysis asks for the same more than once."""
    sample = np.frombuffer(values, dtype=np.int64)
    low, p_low = _edge(_Inversion(sample, zeros, alpha))
    high, p_high = _edge(_Inversion(-sample[::-1], zeros, alpha))
    return low / 2, -high / 2, 1 - max(p_low, p_high)


class _Inversion:
    """The exact test at every shift where its result can change, from the low end of the sample upwards.

    Places 0, 2, 4 ... are the Walsh averages, places 1, 3, 5 ... the open gaps after them. A shift is held as four
    times its value, a Walsh average as twice its value: then all of it is whole numbers.
    """

    def __init__(self, values: NDArray[np.int64], zeros: ZeroConvention, alpha: float) -> None:
        self.values, self.zeros, self.alpha = values, zeros, alpha
        first, second = np.tril_indices(len(values))
        self.sums, count = np.unique(values[first] + values[second], return_counts=True)
        self.pairs_below = np.cumsum(count)
        self.shifts = np.empty(2 * len(self.sums) - 1, dtype=np.int64)
        self.shifts[::2], self.shifts[1::2] = 2 * self.sums, self.sums[:-1] + self.sums[1:]
        self._blocks: dict[int, _Block] = {}

    def rejected(self, place: int) -> bool:
        """Whether the test at this shift rejects; the exact distribution is built only if bounds leave a doubt."""
        block, row = self._at(place)
        if block.most[row] <= self.alpha:
            return True
        return bool(block.least[row] <= self.alpha) and self.p(place) <= self.alpha

    def p(self, place: int) -> float:
        """Exact two-sided p at this shift."""
        block, row = self._at(place)
        return min(1.0, 2 * lower_tail(block.ranks[row], int(block.smaller[row])))

    def at_most(self, place: int) -> float:
        """Upper bound of p at this shift."""
        block, row = self._at(place)
        return float(block.most[row])

    def _at(self, place: int) -> tuple[_Block, int]:
        number, row = divmod(place, BLOCK)
        if number not in self._blocks:
            self._blocks[number] = self._block(self.shifts[number * BLOCK : (number + 1) * BLOCK])
        return self._blocks[number], row

    def _block(self, shifts: NDArray[np.int64]) -> _Block:
        """Ranks, smaller rank sum and bounds of p at many shifts at once.

        The bounds come from the distribution without ties. Break each tie in any order: every rank sum moves by at
        most the sum over ties of floor(m*m/4)/2, whatever the signs. So the tied tail lies between the untied tails
        that far below and above.
        """
        moved = 4 * self.values[None, :] - shifts[:, None]
        ranks, slack = _doubled_ranks_by_row(np.abs(moved), self.zeros)
        plus = np.where(moved > 0, ranks, 0).sum(axis=1)
        smaller = np.minimum(plus, np.where(moved < 0, ranks, 0).sum(axis=1))
        kept = np.count_nonzero(moved, axis=1)
        least, most = np.zeros(len(shifts)), np.ones(len(shifts))
        for size in np.unique(kept).tolist():
            rows = np.flatnonzero(kept == size)
            first = 1 if self.zeros == "wilcoxon" else len(self.values) - size + 1
            tails = untied_lower_tails(first, first + size - 1)
            below, above = (smaller[rows] - slack[rows]) // 2, (smaller[rows] + slack[rows]) // 2
            end = len(tails) - 1
            least[rows] = np.where(below >= 0, 2 * tails[np.clip(below, 0, end)], 0.0)
            most[rows] = np.where(above <= end, 2 * tails[np.clip(above, 0, end)], 1.0)
        return _Block(ranks, smaller, least, most)


@dataclass(frozen=True, slots=True)
class _Block:
    """What the test knows at some shifts: doubled ranks (k, n), smaller rank sums and bounds of p (k,)."""

    ranks: NDArray[np.int64]
    smaller: NDArray[np.int64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]


def _doubled_ranks_by_row(
    magnitudes: NDArray[np.int64], zeros: ZeroConvention
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`doubled_ranks` of each row, and the sum over its ties of floor(m*m/4)."""
    order = np.argsort(magnitudes, axis=1, kind="stable")
    ordered = np.take_along_axis(magnitudes, order, axis=1)
    n = magnitudes.shape[1]
    place = np.broadcast_to(np.arange(n), ordered.shape)
    opens = np.ones(ordered.shape, dtype=bool)
    opens[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    closes = np.ones(ordered.shape, dtype=bool)
    closes[:, :-1] = opens[:, 1:]
    first = np.maximum.accumulate(np.where(opens, place, 0), axis=1)
    last = np.minimum.accumulate(np.where(closes, place, n)[:, ::-1], axis=1)[:, ::-1]
    count = last - first + 1
    slack = np.where(opens & (ordered > 0), count * count // 4, 0).sum(axis=1)
    doubled = first + last + 2
    if zeros == "wilcoxon":
        doubled = doubled - 2 * np.count_nonzero(ordered == 0, axis=1)[:, None]
    doubled = np.where(ordered == 0, 0, doubled)
    ranks = np.empty_like(doubled)
    np.put_along_axis(ranks, order, doubled, axis=1)
    return ranks, slack


def _edge(test: _Inversion) -> tuple[float, float]:
    """Lowest shift that is not rejected (twice its value), and the largest p among the shifts below it."""
    start = _surely_rejected(test)
    end = next(place for place in range(2 * start, len(test.shifts)) if not test.rejected(place))
    outside = 2 * 0.5 ** len(test.values)  # below the sample every difference is positive
    # An accepted gap reaches down to the Walsh average before it, accepted or not.
    edge = end // 2
    for place in range(2 * edge - 1, 2 * start - 1, -1):
        if test.at_most(place) > outside:
            outside = max(outside, test.p(place))
    return float(test.sums[edge]), outside


def _surely_rejected(test: _Inversion) -> int:
    """How many of the lowest Walsh averages need no test, by Hoeffding's inequality.

    With t the distance of the smaller rank sum from half the total, p <= 2 exp(-2 t**2 / sum of squared ranks),
    ties or not. The bound is kept below a hundredth of alpha, so that the attained level is not touched either.
    """
    n = len(test.values)
    if len(test.sums) < 500:
        return 0
    least_kept = n - int(np.max(np.unique(test.values, return_counts=True)[1]))
    least_total = least_kept * (least_kept + 1) / 2
    squares = n * (n + 1) * (2 * n + 1) / 6
    largest = least_total / 2 - math.sqrt(squares * math.log(200 / test.alpha) / 2)
    return int(np.searchsorted(test.pairs_below, largest, side="right"))


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
