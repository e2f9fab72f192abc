"""What missing follow-up could hide: complete cases beside the worst case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abate.ground.results import Estimate
from abate.study.statistics.hodges_lehmann import hodges_lehmann
from abate.study.statistics.proportions import proportion
from abate.study.statistics.signed_rank import SignedRank, signed_rank

__all__ = ["MissingChange", "MissingResponse", "change_with_missing", "response_with_missing", "worst_change"]


@dataclass(frozen=True, slots=True)
class MissingChange:
    """A change analysed twice: in those who were seen, and with the missing taken at their worst.

    Parameters
    ----------
    missing : int
        People with a baseline and no value at the visit.
    complete, worst : Estimate
        Hodges-Lehmann estimates; the same where nobody is missing.
    complete_test, worst_test : SignedRank
    assumed : float
        The change that each missing person is given in the worst case; NaN where nobody is missing.
    """

    missing: int
    complete: Estimate
    worst: Estimate
    complete_test: SignedRank
    worst_test: SignedRank
    assumed: float


@dataclass(frozen=True, slots=True)
class MissingResponse:
    """Responders among those seen, and with everybody missing counted as a non-responder, or as a responder."""

    missing: int
    complete: Estimate
    worst: Estimate
    best: Estimate


def worst_change(changes: ArrayLike, *, higher_is_worse: bool) -> float:
    """The worst change anybody had, or 0 where everybody got better.

    Examples
    --------
    >>> worst_change([-20, -5], higher_is_worse=True), worst_change([-20, 4], higher_is_worse=True)
    (0.0, 4.0)
    """
    seen = _finite(changes)
    if not len(seen):
        return 0.0
    worst = max(float(seen.max()), 0.0) if higher_is_worse else min(float(seen.min()), 0.0)
    return worst + 0.0


def change_with_missing(changes: ArrayLike, *, higher_is_worse: bool = True, level: float = 0.95) -> MissingChange:
    """Analyse changes from baseline with NaN for people whose follow-up is missing.

    In the worst case each of them is given the worst change that anybody had, and no better than none.

    Parameters
    ----------
    changes : array-like, shape (n,)
        One a person with a baseline; NaN where the visit is missing.
    higher_is_worse : bool
        Direction of the measure.
    level : float
        Coverage of the intervals.

    Returns
    -------
    MissingChange

    Examples
    --------
    >>> result = change_with_missing([-10, -20, -30, -25, -15, -12, float("nan")])
    >>> result.complete_test.p, result.worst_test.p, result.worst.estimate
    (0.03125, 0.03125, -18.5)
    >>> change_with_missing([-10, -20, -30, -25, 15, -12, float("nan")]).assumed
    15.0
    """
    values = np.asarray(changes, dtype=np.float64).ravel()
    gone = np.isnan(values)
    assumed = worst_change(values, higher_is_worse=higher_is_worse) if gone.any() else float("nan")
    filled = np.where(gone, assumed, values)
    return MissingChange(
        missing=int(gone.sum()),
        complete=hodges_lehmann(values, level=level),
        worst=hodges_lehmann(filled, level=level),
        complete_test=signed_rank(values),
        worst_test=signed_rank(filled),
        assumed=assumed,
    )


def response_with_missing(events: int, seen: int, total: int, *, level: float = 0.95) -> MissingResponse:
    """Responders among those seen, and the bounds that the missing leave.

    Parameters
    ----------
    events, seen, total : int
        Responders, people seen, people who should have been seen.
    level : float
        Coverage of the exact intervals.

    Examples
    --------
    >>> bounds = response_with_missing(3, 5, 6)
    >>> bounds.complete.estimate, bounds.worst.estimate, round(bounds.best.estimate, 4)
    (0.6, 0.5, 0.6667)
    """
    missing = total - seen
    return MissingResponse(
        missing,
        proportion(events, seen, level=level),
        proportion(events, total, level=level),
        proportion(events + missing, total, level=level),
    )


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]
