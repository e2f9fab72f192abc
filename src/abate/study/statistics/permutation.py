"""Paired permutation test: the mean change against every way the signs could have fallen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abate.study.statistics.ranks import lower_tail, on_grid
from abate.study.statistics.signed_rank import smallest_attainable_p

__all__ = ["PermutationTest", "paired_permutation"]

# A table of this many sums takes a few milliseconds a difference; two halves of 20 signs are 2**20 sums each.
TABLE_LIMIT = 1_000_000
HALVES_LIMIT = 40
DRAWS = 100_000


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """Result of a paired permutation test of the mean: ``mean`` change, ``p``, smallest p attainable, name."""

    mean: float
    p: float
    smallest_p: float
    n: int
    method: str


def paired_permutation(differences: ArrayLike, *, decimals: int = 6, seed: int = 1) -> PermutationTest:
    """Two-sided test of the mean difference by flipping signs.

    Exact wherever that can be done: by a table of sums where the differences lie on a coarse grid, by joining
    two halves of the sign patterns up to 40 non-zero differences. Beyond both, 100,000 drawn patterns, which
    the method's name then says; the observed pattern counts as one of them, so p is never 0.

    Parameters
    ----------
    differences : array-like, shape (n,)
        After minus before; NaN is left out.
    decimals : int
        Differences are rounded to so many decimals first.
    seed : int
        Of the drawn patterns, where they are drawn.

    Returns
    -------
    PermutationTest

    References
    ----------
    Fisher RA. The Design of Experiments. Oliver and Boyd 1935, section 21.

    Examples
    --------
    >>> paired_permutation([1, 2, 3, 4, 5, 6]).p
    0.03125
    """
    grid = on_grid(differences, decimals)
    size = np.abs(grid[grid != 0])
    if not len(size):
        return PermutationTest(
            0.0 if len(grid) else float("nan"), 1.0, 1.0, len(grid), "paired permutation test, exact"
        )
    size = size // int(np.gcd.reduce(size))
    rises = np.sort(size)
    total = int(size.sum())
    positive = int((np.abs(grid) * (grid > 0)).sum()) // int(np.gcd.reduce(np.abs(grid[grid != 0])))
    # |sum of signed differences| is large exactly when the positive part is far from half the total.
    smaller = min(positive, total - positive)
    if smaller <= TABLE_LIMIT:
        p, how = 2 * lower_tail(rises, smaller), "exact"
    elif len(size) <= HALVES_LIMIT:
        p, how = 2 * _tail_by_halves(rises, smaller), "exact"
    else:
        p, how = _tail_by_draws(rises, smaller, seed), f"{DRAWS:,} drawn sign patterns, seed {seed}"
    mean = float(grid.mean()) / 10.0**decimals
    return PermutationTest(
        mean, min(1.0, p), smallest_attainable_p(len(size)), len(grid), f"paired permutation test of the mean, {how}"
    )


def _subset_sums(values: NDArray[np.int64]) -> NDArray[np.int64]:
    sums = np.zeros(1, dtype=np.int64)
    for value in values:
        sums = np.concatenate([sums, sums + value])
    return np.sort(sums)


def _tail_by_halves(values: NDArray[np.int64], most: int) -> float:
    left, right = _subset_sums(values[::2]), _subset_sums(values[1::2])
    return float(np.searchsorted(right, most - left, side="right").sum()) / 2.0 ** len(values)


def _tail_by_draws(values: NDArray[np.int64], smaller: int, seed: int) -> float:
    generator = np.random.Generator(np.random.Philox(key=seed))
    total, extreme = int(values.sum()), 0
    for _ in range(DRAWS // 10_000):
        signs = generator.integers(0, 2, size=(10_000, len(values)), dtype=np.int8)
        positive = signs @ values
        extreme += int((np.minimum(positive, total - positive) <= smaller).sum())
    return (extreme + 1) / (DRAWS + 1)
