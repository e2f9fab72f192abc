"""What the missing values of a primary endpoint could hide: the same comparison, the missing taken for something else.

Scores and graded responders are imputed by reference; ordered outcomes by people of the same arm, or of the control,
who stood at the same category before. Everything that cannot be imputed is bounded: the missing at their best, at their
worst, and where between the two the result turns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abate.design.adaptive.operating import generator
from abate.design.analysis.compare import Compared, ordered, pooled, shares, times, wins
from abate.design.analysis.endpoints import Data, Filling, category, outcomes_of, responded
from abate.design.analysis.imputation import imputed, monotone
from abate.design.analysis.missing import reference_based, tipping_point, tipping_responders
from abate.ground.errors import InputError

__all__ = ["sensitivity"]

Array = NDArray[np.float64]
REFERENCE = ("missing-at-random", "jump-to-reference", "copy-reference")

ORDERED_IMPUTATIONS = 20
"""Each is a model to fit; a category moves an odds ratio too little for more to be seen."""


def sensitivity(data: Data, seed: int) -> dict[str, Any]:
    """Return what the missing values could hide, by name of what they are taken for.

    Parameters
    ----------
    data : Data
    seed : int
        Of the imputations.

    Returns
    -------
    dict
        ``missing-at-random``, ``jump-to-reference``, ``copy-reference``, ``best-case``, ``worst-case``,
        ``missing-as-loss``, each a comparison; ``tipping_point``; ``missing`` 0 where nothing is.
    """
    ways = {
        "change": _of_a_score,
        "responders": _of_responders,
        "time-to-flare": _of_a_time,
        "ordered-outcome": _of_an_order,
        "win-ratio": _of_wins,
    }
    return ways[data.kind](data, seed) if data.kind in ways else {}


def _of_a_score(data: Data, seed: int) -> dict[str, Any]:
    filled, count = monotone(data.values)
    a, b = filled[data.people.treated], filled[~data.people.treated]
    found: dict[str, Any] = {"gaps_filled": count}
    if not np.isnan(filled[:, -1]).any():
        return found | {"missing": 0}
    try:
        for method in REFERENCE:
            one = reference_based(a, b, method=method, seed=seed)
            found[method] = {**one.difference.as_dict(), "p": one.p, "missing": one.missing}
        direction = 1.0 if data.lower_is_better else -1.0
        furthest = direction * 3 * float(np.nanstd(filled[:, -1], ddof=1))
        point = tipping_point(a, b, worse=furthest, seed=seed)
        found["tipping_point"] = {"shift": point, "tried_to": furthest, "method": "delta added to imputed values"}
    except InputError as error:
        found["not_estimated"] = str(error)
    return found


def _of_responders(data: Data, seed: int) -> dict[str, Any]:
    known = responded(data, data.values)
    a, b = known[data.people.treated], known[~data.people.treated]
    counts = [(int(np.nansum(one)), int((~np.isnan(one)).sum()), len(one)) for one in (a, b)]
    found: dict[str, Any] = {}
    if counts[0][1] == counts[0][2] and counts[1][1] == counts[1][2]:
        return {"missing": 0}
    for name, mine, other in (("best-case", 1.0, 0.0), ("worst-case", 0.0, 1.0)):
        hit = np.where(np.isnan(known), np.where(data.people.treated, mine, other), known)
        found[name] = shares(hit, data.people.treated, data.people.stratum).as_dict()
    if counts[0][2] - counts[0][1] <= 60 and counts[1][2] - counts[1][1] <= 60:
        rows = tipping_responders(counts[0], counts[1])
        found["tipping_point"] = [{"control_missing_responders": c, "treatment_needed": t} for c, t in rows]
    if data.endpoint.fall is not None or data.endpoint.at_most is not None or data.endpoint.at_least is not None:
        try:
            for method in REFERENCE:
                whole = imputed(data.values, data.people.treated, method, seed=seed)
                each = [shares(responded(data, one), data.people.treated, data.people.stratum) for one in whole]
                found[method] = pooled(each, method.replace("-", " ")).as_dict()
        except InputError as error:
            found["not_estimated"] = str(error)
    return found


def _of_a_time(data: Data, seed: int) -> dict[str, Any]:
    """Count everybody who left the treatment arm early as having had the event then."""
    people = data.people
    due = min(7.0 * data.endpoint.week or people.days, people.days)
    day, watched = people.day(data.endpoint.event), np.minimum(people.followed, due)
    seen = day <= watched
    early = ~seen & (watched < due)
    worst = times(
        np.where(seen, day, watched), seen | (early & people.treated), people.treated, people.stratum, until=due
    )
    return {"worst-case": worst.as_dict() | {"people": int((early & people.treated).sum())}}


def _of_an_order(data: Data, seed: int) -> dict[str, Any]:
    """Impute categories, bound them, and find the category at which the result turns."""
    final = category(data, data.values)
    treated, stratum = data.people.treated, data.people.stratum
    gone = np.isnan(final)
    if not gone.any():
        return {"missing": 0}
    levels = np.unique(final[~gone])
    best, worst = float(levels[0]), float(levels[-1])

    def taken(mine: float, other: float) -> Compared:
        return ordered(np.where(gone, np.where(treated, mine, other), final), treated, stratum)

    found: dict[str, Any] = {"missing": int(gone.sum())}
    before = category(data, _last_seen(data.values))
    for method in ("missing-at-random", "jump-to-reference"):
        rng = generator(seed, f"ordered-{method}")
        each = [
            ordered(_drawn(final, before, treated, rng, reference=method == "jump-to-reference"), treated, stratum)
            for _ in range(ORDERED_IMPUTATIONS)
        ]
        found[method] = pooled(each, f"{method.replace('-', ' ')}, by people at the same category before").as_dict()
    found["best-case"] = taken(best, worst).as_dict()
    found["worst-case"] = taken(worst, best).as_dict()
    found["worst-category"] = taken(worst, worst).as_dict()
    rows = []
    for other in levels:
        turns = _worst_that_stands(levels, lambda mine, other=float(other): _better(taken(mine, other)))
        rows.append({"control_missing_category": _shown(data, float(other)), "treatment_worst_category": turns})
        rows[-1]["treatment_worst_category"] = None if turns is None else _shown(data, turns)
    found["tipping_point"] = rows
    return found


def _shown(data: Data, value: float) -> float:
    """Return a category as the measure has it; inside, the lowest is best."""
    return value if data.lower_is_better else -value


def _better(found: Compared, alpha: float = 0.05) -> bool:
    return found.z > 0 and found.p < alpha


def _worst_that_stands(levels: Array, stands: Any) -> float | None:
    """Return the worst category of the missing treated with which the result stands; it only weakens as they worsen."""
    low, high = -1, len(levels)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if stands(float(levels[middle])) else (low, middle)
    return float(levels[low]) if low >= 0 else None


def _last_seen(values: Array) -> Array:
    """Return values in which the last one before a gap stands to the end, shape (people, weeks)."""
    out = values[:, :-1].copy()
    for k in range(1, out.shape[1]):
        out[:, k] = np.where(np.isnan(out[:, k]), out[:, k - 1], out[:, k])
    return out


def _drawn(
    final: Array, before: Array, treated: NDArray[np.bool_], rng: np.random.Generator, *, reference: bool
) -> Array:
    """Fill missing categories from people who are there, drawn with the uncertainty of who they are.

    The approximate Bayesian bootstrap of Rubin & Schenker (J Am Stat Assoc 1986;81:366-374): donors are drawn with
    replacement first, values from them. Donors were at the same category before; all of the arm where nobody was.
    """
    out, there = final.copy(), ~np.isnan(final)
    for arm in (True, False):
        pool = there & (treated == (arm and not reference))
        missing = ~there & (treated == arm)
        for place in [*np.unique(before[missing & ~np.isnan(before)]).tolist(), np.nan]:
            here = missing & (np.isnan(before) if np.isnan(place) else before == place)
            donors = np.flatnonzero(pool & (before == place))
            donors = donors if len(donors) > 1 else np.flatnonzero(pool)
            if not len(donors):
                raise InputError("endpoint", "nobody of an arm was seen at the last week", value="")
            again = rng.choice(donors, len(donors))
            out[here] = final[rng.choice(again, int(here.sum()))]
    return out


def _of_wins(data: Data, seed: int) -> dict[str, Any]:
    """Bound the win ratio: a missing comparison is a tie in the analysis, and may have been a win or a loss."""
    hidden = sum(int(np.isnan(np.concatenate([one.treated, one.control])).sum()) for one in outcomes_of(data))
    fillings: dict[str, Filling] = {"best-case": "best", "worst-case": "worst", "missing-as-loss": "loss"}
    plain = wins(outcomes_of(data))
    rows = {name: wins(outcomes_of(data, filling=how)) for name, how in fillings.items()}
    if hidden == 0 and all(row.more == plain.more for row in rows.values()):
        return {"missing": 0}
    return {"missing": hidden, "missing-as-tie": plain.as_dict(), **{name: row.as_dict() for name, row in rows.items()}}
