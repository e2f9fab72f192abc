"""Several tests at once: Holm's step-down and the fixed sequence."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abate.ground.errors import InputError

__all__ = ["fixed_sequence", "holm"]


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm-adjusted p values; they hold the familywise error without assuming anything about dependence.

    Parameters
    ----------
    p_values : array-like, shape (m,)
        NaN (a test that was not done) is left out of the count and stays NaN.

    Returns
    -------
    ndarray, shape (m,)

    Raises
    ------
    InputError
        When a p is not within 0..1.

    References
    ----------
    Holm S. Scand J Stat 1979;6:65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(6).tolist()
    [0.03, 0.06, 0.06]
    """
    p = _checked(p_values)
    adjusted = np.full(len(p), np.nan)
    done = np.flatnonzero(~np.isnan(p))
    order = done[np.argsort(p[done], kind="stable")]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p[order]), 1.0)
    return adjusted


def fixed_sequence(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p values of tests made in an order fixed beforehand: each is as large as any before it.

    Parameters
    ----------
    p_values : array-like, shape (m,)
        In the order of testing. A test that was not done (NaN) closes the gate: it and all after it count as 1.

    Returns
    -------
    ndarray, shape (m,)

    Raises
    ------
    InputError
        When a p is not within 0..1.

    References
    ----------
    Westfall PH, Krishen A. J Stat Plan Inference 2001;99:25-40.

    Examples
    --------
    >>> fixed_sequence([0.01, 0.2, 0.03]).tolist()
    [0.01, 0.2, 0.2]
    """
    return np.maximum.accumulate(np.nan_to_num(_checked(p_values), nan=1.0))


def _checked(p_values: ArrayLike) -> NDArray[np.float64]:
    p = np.asarray(p_values, dtype=np.float64).ravel()
    wrong = (p < 0) | (p > 1)
    if wrong.any():
        raise InputError("p", "not a probability", value=float(p[wrong][0]), allowed="0 to 1")
    return p
