"""Arms of an observed study side by side: who changed more, without a claim that the arms were alike."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from abate.study.paired import Series
from abate.study.statistics.rank_sum import rank_sum

__all__ = ["NOTE", "between_arms", "sentences"]

NOTE = (
    "Everywhere else each person is compared with themselves, all arms together. The comparison of arms is evidence "
    "only where people were put into them by chance, and as many tests were made as there are measures and visits."
)


def between_arms(series: Series) -> dict[str, Any]:
    """Compare changes from baseline between every two arms.

    Parameters
    ----------
    series : Series
        Of all arms.

    Returns
    -------
    dict
        ``arms`` (slug to how many people), ``note``, and ``measures.<slug>.visits.<slug>.<arm>-<arm>`` with ``n`` and
        ``median_change`` by arm, the exact rank-sum ``p``, ``smallest_p``, ``superiority`` (share of pairs in which the
        first arm changed more upwards) and ``method``; empty where there is one arm.
    """
    arms = series.subjects["arm"].astype(str).to_numpy()
    names = list(dict.fromkeys(arms.tolist()))
    if len(names) < 2:
        return {}
    measures: dict[str, Any] = {}
    for measure in series.measures:
        values = measure.values.to_numpy(dtype=np.float64)
        visits: dict[str, Any] = {}
        for column, visit in enumerate(series.follow_ups, 1):
            change = values[:, column] - values[:, 0]
            seen = {name: change[(arms == name) & np.isfinite(change)] for name in names}
            pairs = {f"{a}-{b}": _pair(seen, a, b) for a, b in combinations(names, 2) if seen[a].size and seen[b].size}
            if pairs:
                visits[visit.slug] = pairs
        if visits:
            measures[measure.slug] = {"label": measure.label, "visits": visits}
    return {"arms": {name: int((arms == name).sum()) for name in names}, "note": NOTE, "measures": measures}


def _pair(seen: dict[str, np.ndarray], one: str, two: str) -> dict[str, Any]:
    test = rank_sum(seen[one], seen[two])
    return {
        "n": {one: int(seen[one].size), two: int(seen[two].size)},
        "median_change": {one: float(np.median(seen[one])), two: float(np.median(seen[two]))},
        "p": test.p,
        "smallest_p": test.smallest_p,
        "superiority": test.superiority,
        "method": test.method,
    }


def sentences(found: dict[str, Any]) -> list[str]:
    """Return the comparison in lines, and what it is worth.

    Examples
    --------
    >>> sentences({})
    []
    """
    if not found:
        return []
    lines = ["Arms: " + ", ".join(f"{name} ({n})" for name, n in found["arms"].items()) + "."]
    for measure in found["measures"].values():
        for visit, pairs in measure["visits"].items():
            for row in pairs.values():
                (one, first), (two, second) = row["median_change"].items()
                lines.append(
                    f"{measure['label']}, {visit}: median change {first:.4g} in {one} and {second:.4g} in {two}, "
                    f"p = {row['p']:.3g} (smallest attainable {row['smallest_p']:.2g})."
                )
    return [*lines, found["note"]]
