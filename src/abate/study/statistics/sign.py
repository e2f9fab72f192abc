"""Tests that only ask which way people went: the sign test and McNemar's test, both exact."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from abate.ground.errors import InputError
from abate.study.statistics.proportions import clopper_pearson
from abate.study.statistics.ranks import on_grid
from abate.study.statistics.signed_rank import Alternative, smallest_attainable_p

__all__ = ["McNemar", "SignTest", "mcnemar", "sign_test"]


@dataclass(frozen=True, slots=True)
class SignTest:
    """Result of a sign test: ``p``, the smallest p attainable, and how many rose, fell and stayed."""

    p: float
    smallest_p: float
    rose: int
    fell: int
    same: int
    method: str = "sign test, exact, zeros dropped"


@dataclass(frozen=True, slots=True)
class McNemar:
    """Result of McNemar's test.

    Parameters
    ----------
    p, smallest_p : float
        Exact two-sided p, and the smallest that so many discordant pairs can give.
    gained, lost : int
        Pairs that went from no to yes, and from yes to no.
    odds_ratio, low, high : float
        gained / lost with its exact conditional interval; infinite or NaN where a count is zero.
    level : float
    n : int
        Pairs.
    method : str
    """

    p: float
    smallest_p: float
    gained: int
    lost: int
    odds_ratio: float
    low: float
    high: float
    level: float
    n: int
    method: str = "McNemar test, exact (binomial on the discordant pairs)"


def sign_test(differences: ArrayLike, *, alternative: Alternative = "two-sided", decimals: int = 6) -> SignTest:
    """Exact sign test: are falls and rises equally likely?

    Parameters
    ----------
    differences : array-like, shape (n,)
        After minus before; NaN is left out, zeros are dropped.
    alternative : {"two-sided", "less", "greater"}
        "less": falls are more likely.
    decimals : int
        Differences are rounded to so many decimals first.

    Returns
    -------
    SignTest

    References
    ----------
    Hollander M, Wolfe DA, Chicken E. Nonparametric Statistical Methods, 3rd ed., Wiley 2014, chapter 3.

    Examples
    --------
    >>> sign_test([-3, -2, -5, -1, -4, 1]).p
    0.21875
    """
    grid = on_grid(differences, decimals)
    rose, fell = int((grid > 0).sum()), int((grid < 0).sum())
    p = {
        "two-sided": min(1.0, 2 * _binomial_tail(min(rose, fell), rose + fell)),
        "less": _binomial_tail(rose, rose + fell),
        "greater": _binomial_tail(fell, rose + fell),
    }[alternative]
    return SignTest(p, smallest_attainable_p(rose + fell, alternative), rose, fell, len(grid) - rose - fell)


def mcnemar(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> McNemar:
    """Exact McNemar test of two yes-or-no answers of the same people.

    Parameters
    ----------
    first, second : array-like of bool, shape (n,)
        Pairs in the same order.
    level : float
        Coverage of the interval of the odds ratio.

    Returns
    -------
    McNemar

    Raises
    ------
    InputError
        When the lengths differ.

    References
    ----------
    McNemar Q. Psychometrika 1947;12:153-157.

    Examples
    --------
    >>> mcnemar([1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0]).p
    1.0
    """
    one, two = np.asarray(first).astype(bool).ravel(), np.asarray(second).astype(bool).ravel()
    if len(one) != len(two):
        raise InputError("second", "not one answer a pair", value=len(two), allowed=f"{len(one)} answers")
    gained, lost = int((~one & two).sum()), int((one & ~two).sum())
    discordant = gained + lost
    low, high = clopper_pearson(gained, discordant, level)
    return McNemar(
        p=min(1.0, 2 * _binomial_tail(min(gained, lost), discordant)),
        smallest_p=smallest_attainable_p(discordant),
        gained=gained,
        lost=lost,
        odds_ratio=gained / lost if lost else (math.inf if gained else math.nan),
        low=low / (1 - low) if discordant else math.nan,
        high=math.nan if not discordant else (high / (1 - high) if high < 1 else math.inf),
        level=level,
        n=len(one),
    )


def _binomial_tail(count: int, n: int) -> float:
    if n <= 1000:  # whole-number arithmetic: exact
        ways: int = sum(math.comb(n, k) for k in range(count + 1))
        return float(ways / 2**n)
    return float(stats.binom.cdf(count, n, 0.5))
