"""Signed ranks and the exact null distribution of their sum, ties and zeros included."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abate.ground.errors import InputError

__all__ = ["ZeroConvention", "doubled_ranks", "lower_tail", "on_grid", "untied_lower_tails"]

ZeroConvention = Literal["wilcoxon", "pratt"]


def on_grid(differences: ArrayLike, decimals: int = 6) -> NDArray[np.int64]:
    """Round differences to a decimal grid and return them as whole numbers of grid steps.

    7.5 - 7.4 and 3.2 - 3.1 are one tie to a reader and two numbers to a processor; ranks need the reader's view.

    Parameters
    ----------
    differences : array-like, shape (n,)
        Finite; NaN is left out.
    decimals : int
        The grid step is ``10**-decimals``.

    Returns
    -------
    ndarray of int64, shape (m,)
        In steps of the grid.

    Raises
    ------
    InputError
        When a difference is infinite, or too large for the grid.

    Examples
    --------
    >>> on_grid([7.5 - 7.4, 3.2 - 3.1], decimals=3)
    array([100, 100])
    """
    values = np.asarray(differences, dtype=np.float64).ravel()
    values = values[~np.isnan(values)]
    scaled = values * 10.0**decimals
    # Sums of four values are taken later; past 2**53 a double no longer holds whole numbers.
    if len(values) and not np.max(np.abs(scaled)) < 2**51:
        raise InputError(
            "differences",
            "a difference is too large for the grid",
            value=float(values[np.argmax(np.abs(scaled))]),
            allowed=f"below {2**51 / 10.0**decimals:.3g} with decimals = {decimals}",
        )
    return np.rint(scaled).astype(np.int64)


def doubled_ranks(magnitudes: NDArray[np.int64], zeros: ZeroConvention) -> NDArray[np.int64]:
    """Twice the mid-ranks of the magnitudes; 0 for a magnitude of 0.

    Doubling makes mid-ranks whole, so that sums of them compare exactly.

    Parameters
    ----------
    magnitudes : ndarray of int, shape (n,)
        Absolute differences in grid steps.
    zeros : {"wilcoxon", "pratt"}
        Wilcoxon's convention ranks the non-zero magnitudes alone; Pratt's ranks all and then drops the zeros,
        whose ranks are lost.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    InputError
        When the convention has another name.

    References
    ----------
    Wilcoxon F. Biometrics Bull 1945;1:80-83. Pratt JW. J Am Stat Assoc 1959;54:655-667.

    Examples
    --------
    >>> magnitudes = np.array([0, 2, 2, 5])
    >>> doubled_ranks(magnitudes, "wilcoxon"), doubled_ranks(magnitudes, "pratt")
    (array([0, 3, 3, 6]), array([0, 5, 5, 8]))
    """
    if zeros not in ("wilcoxon", "pratt"):
        raise InputError("zeros", "unknown convention for zero differences", value=zeros, allowed=("wilcoxon", "pratt"))
    _, place, count = np.unique(magnitudes, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    ranks = (2 * last - count + 1)[place].astype(np.int64)
    at_zero = magnitudes == 0
    if zeros == "wilcoxon":
        ranks -= 2 * int(at_zero.sum())
    ranks[at_zero] = 0
    return ranks


def lower_tail(doubled: NDArray[np.int64], doubled_sum: int) -> float:
    """P(sum of the ranks with positive sign <= observed), each sign a fair coin.

    Dynamic programming over the doubled sum: exact to the last bit up to 53 ranks, because every probability
    is a whole number of 2**-n; beyond that the error is a rounding a rank.

    Parameters
    ----------
    doubled : ndarray of int, shape (n,)
        Doubled mid-ranks; zeros among them change nothing.
    doubled_sum : int
        Twice the observed sum.

    Returns
    -------
    float

    Examples
    --------
    >>> lower_tail(np.array([2, 4, 6]), 2)  # sums 0 and 1 of the eight
    0.25
    """
    steps = doubled[doubled > 0]
    if doubled_sum < 0:
        return 0.0
    if doubled_sum >= int(steps.sum()):
        return 1.0
    divisor = int(np.gcd.reduce(steps))
    steps = np.sort(steps // divisor)
    return float(_masses(steps, doubled_sum // divisor).sum())


@lru_cache(maxsize=64)
def untied_lower_tails(first: int, last: int) -> NDArray[np.float64]:
    """P(sum <= w) for w = 0 .. floor(total/2), the ranks being first, first + 1, ..., last without ties."""
    steps = np.arange(first, last + 1, dtype=np.int64)
    tails = np.cumsum(_masses(steps, int(steps.sum()) // 2))
    tails.setflags(write=False)
    return tails


def _masses(steps: NDArray[np.int64], top: int) -> NDArray[np.float64]:
    """Probabilities of the sums 0..top; steps in rising order, so that early rounds touch few sums."""
    masses = np.zeros(top + 1)
    masses[0] = 1.0
    reached = 0
    for step in steps.tolist():
        reached = min(reached + step, top)
        masses[: reached + 1] *= 0.5
        if step <= top:
            # The right-hand side is read whole before it is added: sums without this rank, halved already.
            masses[step : reached + 1] += masses[: reached + 1 - step].copy()
    return masses
