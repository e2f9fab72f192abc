"""Changes between two visits: the IMMPACT thresholds and the flares by change, compared exactly."""

from __future__ import annotations

from fractions import Fraction

from abate.science.instruments.definition import Change
from abate.science.instruments.operations import exact

__all__ = ["changed", "responder"]


def responder(baseline: float, follow: float, percent: int = 30) -> bool | None:
    """Tell whether a score fell by at least a percentage of its baseline, without rounding.

    ``100 * (baseline - follow) >= percent * baseline`` in whole numbers, so 10 -> 7 is a fall of 30 % here, where
    ``(10 - 7) / 10 >= 0.3`` depends on rounding.

    Parameters
    ----------
    baseline, follow : float
        Both in the same unit, 0 or more.
    percent : int
        30 for a moderate, 50 for a substantial improvement of pain.

    Returns
    -------
    bool or None
        None when the baseline is 0: a percentage of nothing is not defined.

    References
    ----------
    Dworkin RH et al. J Pain 2008;9:105.

    Examples
    --------
    >>> responder(10, 7), responder(7, 5), responder(6, 4), responder(0, 0)
    (True, False, True, None)
    """
    base, after = exact(baseline), exact(follow)
    if base <= 0:
        return None
    return 100 * (base - after) >= percent * base


def changed(rule: Change, before: Fraction | None, after: Fraction | None) -> bool | None:
    """Tell whether a change rule of an instrument is met.

    Parameters
    ----------
    rule : Change
        Direction, kind and size.
    before, after : Fraction or None
        The earlier and the later score; None = missing.

    Returns
    -------
    bool or None
        None where a score is missing, or a fraction of 0 is asked for.
    """
    if before is None or after is None:
        return None
    size = before - after if rule.direction == "fall" else after - before
    if rule.kind == "points":
        return size >= exact(rule.at_least)
    return size >= exact(rule.at_least) * before if before > 0 else None
