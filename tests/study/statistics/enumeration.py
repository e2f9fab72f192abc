"""Signed-rank statistics by writing down all 2**n sign patterns: slow, plain, and nothing shared with the package."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations_with_replacement

import numpy as np
from scipy import stats


@lru_cache(maxsize=16)
def patterns(n: int) -> np.ndarray:
    return (np.arange(2**n)[:, None] >> np.arange(n)) & 1


def ranks_of(d: np.ndarray, zeros: str) -> tuple[np.ndarray, np.ndarray]:
    """Mid-ranks of the non-zero differences, and whether each is positive."""
    if zeros == "wilcoxon":
        d = d[d != 0]
        return stats.rankdata(np.abs(d)), d > 0
    ranks = stats.rankdata(np.abs(d))
    return ranks[d != 0], d[d != 0] > 0


def p_two_sided(d: np.ndarray, zeros: str = "wilcoxon") -> float:
    ranks, positive = ranks_of(d, zeros)
    if not len(ranks):
        return 1.0
    plus = patterns(len(ranks)) @ ranks
    smaller = np.minimum(plus, ranks.sum() - plus)
    observed = ranks[positive].sum()
    return float(np.mean(smaller <= min(observed, ranks.sum() - observed)))


def interval(d: np.ndarray, zeros: str, level: float) -> tuple[float, float, float]:
    """Hull of the shifts that the test accepts, or the range where it accepts everything; and 1 - largest p outside.

    ``d`` holds multiples of 1/8, so that every average and every middle of two averages is exact.
    """
    if zeros == "wilcoxon":
        d = d[d != 0]
    walsh = np.array(sorted({(a + b) / 2 for a, b in combinations_with_replacement(d.tolist(), 2)}))
    middles = (walsh[:-1] + walsh[1:]) / 2
    outer = np.array([walsh[0] - 1, walsh[-1] + 1])
    p_outer = [p_two_sided(d - shift, zeros) for shift in outer]
    if max(p_outer) > (1 - level) * (1 + 1e-12):
        return d.min(), d.max(), 1 - max(p_outer)
    p_walsh = np.array([p_two_sided(d - shift, zeros) for shift in walsh])
    p_middle = np.array([p_two_sided(d - shift, zeros) for shift in middles])
    inside = list(walsh[p_walsh > 1 - level])
    for k in np.flatnonzero(p_middle > 1 - level):
        inside += [walsh[k], walsh[k + 1]]
    low, high = min(inside), max(inside)
    outside = [*p_outer, *p_walsh[(walsh < low) | (walsh > high)], *p_middle[(middles < low) | (middles > high)]]
    return low, high, 1 - max(outside)
