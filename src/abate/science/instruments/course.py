"""GiACTA's definitions that span visits: flares after a remission, and sustained remission at week 52."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["SustainedRemission", "flares_after_remission", "sustained_remission"]

# The endpoint's calendar is part of the definition (GiACTA design paper), not a number about the body.
REMISSION_BY = 12 * 7.0
ENDPOINT_AT = 52 * 7.0
CRP_LIMIT_MG_PER_DL = 1.0


@dataclass(frozen=True, slots=True)
class SustainedRemission:
    """The verdict (None = cannot be known) and why."""

    met: bool | None
    reason: str


def flares_after_remission(remission: Sequence[bool | None], flare: Sequence[bool | None]) -> tuple[int, ...]:
    """Return the visits at which a flare begins: after a first remission, and not at the visit before.

    Parameters
    ----------
    remission, flare : sequence of bool or None, one a visit in time order
        `flare` is version A or B of the per-visit criterion.

    Examples
    --------
    >>> flares_after_remission([False, True, False, False, True, False], [True, False, True, True, False, True])
    (2, 5)
    """
    first = next((index for index, value in enumerate(remission) if value), None)
    if first is None:
        return ()
    return tuple(k for k in range(first + 1, len(flare)) if flare[k] and not flare[k - 1])


def sustained_remission(
    time: Sequence[float],
    remission: Sequence[bool | None],
    flare: Sequence[bool | None],
    crp_mg_per_dl: Sequence[float | None],
) -> SustainedRemission:
    """Judge sustained remission at week 52.

    Remission within 12 weeks, then no flare, and CRP below 1 mg/dL to week 52; a single raised CRP does not break it
    unless the next visit's is raised too. The clause on the protocol taper is unverified and left to whoever knows the
    doses.

    Parameters
    ----------
    time : sequence of float
        Days since baseline, ascending.
    remission, flare : sequence of bool or None
        Per visit; `flare` of version A or B (say which in your report).
    crp_mg_per_dl : sequence of float or None
        Per visit.

    Returns
    -------
    SustainedRemission

    References
    ----------
    Design of the trial of tocilizumab in giant cell arteritis. Int J Rheumatol 2013:912562.

    Examples
    --------
    >>> weeks = [0, 4, 12, 24, 36, 52]
    >>> course = [False, True, True, True, True, True]
    >>> crp = [3.0, 0.1, 0.1, 1.4, 0.1, 0.1]
    >>> sustained_remission([7 * w for w in weeks], course, [False] * 6, crp).met
    True
    """
    early = [value for when, value in zip(time, remission, strict=True) if when <= REMISSION_BY]
    first = next((k for k, value in enumerate(early) if value), None)
    if first is None:
        unknown = None in early
        return SustainedRemission(
            None if unknown else False, "remission by week 12 not known" if unknown else "no remission by week 12"
        )
    kept = [k for k in range(first, len(time)) if time[k] <= ENDPOINT_AT]
    if any(flare[k] for k in kept[1:]):
        return SustainedRemission(False, "a flare after remission")
    raised = [(c := crp_mg_per_dl[k]) is not None and c >= CRP_LIMIT_MG_PER_DL for k in kept]
    if any(one and other for one, other in pairwise(raised)):
        return SustainedRemission(False, "CRP raised at two visits in a row")
    if time[kept[-1]] < ENDPOINT_AT:
        return SustainedRemission(None, f"followed to day {time[kept[-1]]:g} only")
    if any(flare[k] is None or crp_mg_per_dl[k] is None for k in kept[1:]):
        return SustainedRemission(None, "a flare or a CRP after remission is not known")
    return SustainedRemission(True, "remission by week 12, no flare, CRP not raised twice in a row")
