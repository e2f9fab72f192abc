"""Values imputed over and over, so that any comparison can be made on whole data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abate.design.adaptive.operating import generator
from abate.design.analysis.missing import completed
from abate.ground.errors import InputError

__all__ = ["IMPUTATIONS", "imputed", "monotone"]

Array = NDArray[np.float64]

IMPUTATIONS = 50
"""Enough that the chance of the imputations moves a p by less than it is read to."""


def monotone(values: Array) -> tuple[Array, int]:
    """Fill single gaps by a straight line between their neighbours, and a missing baseline by the mean.

    Returns
    -------
    tuple of ndarray, shape (people, weeks), and int
        What is still missing is so to the end; how many values were filled.

    Examples
    --------
    >>> filled, count = monotone(np.array([[8.0, np.nan, 4.0, np.nan]]))
    >>> filled.tolist(), count
    ([[8.0, 6.0, 4.0, nan]], 1)
    """
    out = values.copy()
    lacking = np.isnan(out[:, 0])
    if lacking.any():
        out[lacking, 0] = np.nanmean(out[:, 0])
    places = np.arange(values.shape[1])
    for row in out:
        there = ~np.isnan(row)
        last = int(places[there].max())
        gaps = ~there & (places < last)
        row[gaps] = np.interp(places[gaps], places[there], row[there])
    return out, int(np.isnan(values).sum() - np.isnan(out).sum())


def imputed(
    values: Array, treated: NDArray[np.bool_], method: str, *, seed: int, imputations: int = IMPUTATIONS
) -> list[Array]:
    """Return whole data, over and over.

    Parameters
    ----------
    values : ndarray, shape (people, weeks)
        The baseline first.
    treated : ndarray of bool, shape (people,)
    method : {'missing-at-random', 'jump-to-reference', 'copy-reference'}
        For the treated; the control is imputed at random.
    seed : int

    Raises
    ------
    InputError
        When too few people are left at a visit to impute the others from.
    """
    filled, _ = monotone(values)
    if not np.isnan(filled).any():
        return [filled]
    if min(int(treated.sum()), int((~treated).sum())) < values.shape[1] + 2:
        raise InputError(
            "endpoint", "too few people in an arm to impute from", value=int(min(treated.sum(), len(treated)))
        )
    rng = generator(seed, f"imputed-{method}")
    out = []
    for _ in range(imputations):
        one = filled.copy()
        one[treated], one[~treated] = completed(filled[treated], filled[~treated], method, rng)
        out.append(one)
    return out
