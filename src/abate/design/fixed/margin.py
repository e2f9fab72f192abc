"""Two proportions under a given difference: the most likely shares, for a test with a margin."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["constrained_shares"]

Array = NDArray[np.float64]


def constrained_shares(control: ArrayLike, treatment: ArrayLike, ratio: ArrayLike, null: float) -> tuple[Array, Array]:
    """Return the most likely shares of responders when treatment minus control is `null`.

    Parameters
    ----------
    control, treatment : array_like
        Observed (or expected) shares.
    ratio : array_like
        People on treatment for each on control.
    null : float
        The difference that is taken as true.

    Returns
    -------
    tuple of ndarray
        Share on control, share on treatment.

    References
    ----------
    Farrington CP, Manning G. Stat Med 1990;9:1447-1454, appendix. Miettinen O, Nurminen M. Stat Med 1985;4:213-226.

    Examples
    --------
    >>> p, q = constrained_shares(0.8, 0.8, 1.0, -0.1)
    >>> round(float(p), 4), round(float(q), 4)
    (0.8411, 0.7411)
    """
    q, p, weight = (np.asarray(one, dtype=float) for one in (treatment, control, ratio))
    # In the paper's order: group 1 is treatment, group 2 control, theta = people in 2 over people in 1.
    theta = 1 / weight
    a = 1 + theta
    b = -(1 + theta + q + theta * p + null * (theta + 2))
    c = null**2 + null * (2 * q + theta + 1) + q + theta * p
    d = -q * null * (1 + null)
    v = b**3 / (3 * a) ** 3 - b * c / (6 * a**2) + d / (2 * a)
    u = np.where(v >= 0, 1.0, -1.0) * np.sqrt(np.maximum(b**2 / (3 * a) ** 2 - c / (3 * a), 1e-300))
    w = (math.pi + np.arccos(np.clip(v / u**3, -1.0, 1.0))) / 3
    treated = 2 * u * np.cos(w) - b / (3 * a)
    treated = np.clip(treated, max(null, 0.0), min(1.0 + null, 1.0))
    return np.asarray(treated - null), np.asarray(treated)
