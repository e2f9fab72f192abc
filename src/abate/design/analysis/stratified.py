"""Responders over strata: the Cochran-Mantel-Haenszel test and the stratified difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from abate.ground.errors import InputError
from abate.ground.results import Estimate

__all__ = ["Stratified", "cochran_mantel_haenszel", "tables_of"]


@dataclass(frozen=True)
class Stratified:
    """A comparison of responders over strata.

    Attributes
    ----------
    statistic, p : float
        Chi-squared with one degree of freedom, without continuity correction.
    difference : Estimate
        Mantel-Haenszel risk difference, treatment minus control, with Sato's interval.
    odds_ratio : Estimate
        Mantel-Haenszel common odds ratio with the Robins-Breslow-Greenland interval.
    """

    statistic: float
    p: float
    difference: Estimate
    odds_ratio: Estimate


def tables_of(responded: ArrayLike, treated: ArrayLike, stratum: ArrayLike) -> NDArray[np.float64]:
    """Return one 2 x 2 table a stratum: ``[[treated yes, no], [control yes, no]]``, shape (strata, 2, 2)."""
    hit, arm, place = (np.asarray(values) for values in (responded, treated, stratum))
    rows = []
    for name in np.unique(place):
        here = place == name
        rows.append(
            [
                [
                    np.sum(here & arm.astype(bool) & hit.astype(bool)),
                    np.sum(here & arm.astype(bool) & ~hit.astype(bool)),
                ],
                [
                    np.sum(here & ~arm.astype(bool) & hit.astype(bool)),
                    np.sum(here & ~arm.astype(bool) & ~hit.astype(bool)),
                ],
            ]
        )
    return np.asarray(rows, dtype=float)


def cochran_mantel_haenszel(tables: ArrayLike, *, level: float = 0.95) -> Stratified:
    """Compare responders over strata.

    Parameters
    ----------
    tables : array_like, shape (strata, 2, 2)
        ``[[treated yes, treated no], [control yes, control no]]``.
    level : float
        Coverage of the intervals.

    Raises
    ------
    InputError
        When no stratum holds people of both arms.

    References
    ----------
    Mantel N, Haenszel W. J Natl Cancer Inst 1959;22:719-748. Sato T. Biometrics 1989;45:1323-1324.
    Robins J, Breslow N, Greenland S. Biometrics 1986;42:311-323.

    Examples
    --------
    >>> found = cochran_mantel_haenszel([[[10, 5], [4, 11]], [[8, 7], [5, 10]]])
    >>> round(found.p, 4)
    0.0216
    """
    cells = np.asarray(tables, dtype=float)
    if cells.ndim != 3 or cells.shape[1:] != (2, 2) or (cells < 0).any():
        raise InputError("strata", "not 2 x 2 tables", value=list(cells.shape), allowed="(strata, 2, 2)")
    treated, control = cells[:, 0].sum(axis=1), cells[:, 1].sum(axis=1)
    cells = cells[(treated > 0) & (control > 0)]
    if len(cells) == 0:
        raise InputError("strata", "no stratum holds people of both arms")
    a, b, c, d = cells[:, 0, 0], cells[:, 0, 1], cells[:, 1, 0], cells[:, 1, 1]
    m, k, n = a + b, c + d, cells.sum(axis=(1, 2))
    yes = a + c
    variance = float(np.sum(m * k * yes * (n - yes) / (n**2 * np.maximum(n - 1, 1))))
    excess = float(np.sum(a - m * yes / n))
    statistic = excess**2 / variance if variance > 0 else 0.0
    z = float(stats.norm.isf((1 - level) / 2))
    weight = m * k / n
    difference = float(np.sum(weight * (a / m - c / k)) / weight.sum())
    p_part = (m**2 * c - k**2 * a + m * k * (k - m) / 2) / n**2
    q_part = (a * (k - c) + c * (m - a)) / (2 * n)
    error = math.sqrt(max(float(difference * p_part.sum() + q_part.sum()), 0.0)) / float(weight.sum())
    people = int(n.sum())
    gap = Estimate(
        difference, difference - z * error, difference + z * error, level, people, "Mantel-Haenszel difference, Sato"
    )
    return Stratified(statistic, float(stats.chi2.sf(statistic, 1)), gap, _odds_ratio(a, b, c, d, n, z, level))


def _odds_ratio(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    c: NDArray[np.float64],
    d: NDArray[np.float64],
    n: NDArray[np.float64],
    z: float,
    level: float,
) -> Estimate:
    method = "Mantel-Haenszel odds ratio, Robins-Breslow-Greenland"
    r, s = a * d / n, b * c / n
    if r.sum() == 0 or s.sum() == 0:
        return Estimate(
            math.nan, math.nan, math.nan, level, int(n.sum()), f"{method} (none: a cell is empty throughout)"
        )
    p, q = (a + d) / n, (b + c) / n
    first = (p * r).sum() / (2 * r.sum() ** 2)
    middle = (p * s + q * r).sum() / (2 * r.sum() * s.sum())
    last = (q * s).sum() / (2 * s.sum() ** 2)
    ratio = float(r.sum() / s.sum())
    half = z * math.sqrt(float(first + middle + last))
    return Estimate(ratio, ratio * math.exp(-half), ratio * math.exp(half), level, int(n.sum()), method)
