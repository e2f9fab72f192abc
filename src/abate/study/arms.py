"""Analysis of a Study with arms: endpoints, contrasts, flow, and what was published beside what is here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from abate.ground.randomness import uniform
from abate.ground.results import Estimate
from abate.study.endpoints import ENDPOINTS, endpoint_rule, estimate, per_person

if TYPE_CHECKING:
    import pandas as pd

    from abate.study.tables import StudyTables

__all__ = ["analyse_arms", "prediction_interval", "scoreboard"]

_RESAMPLES = 2000


def analyse_arms(tables: StudyTables, *, level: float = 0.95) -> dict[str, Any]:
    """Analyse a Study by arm.

    Parameters
    ----------
    tables : StudyTables
        With ``meta``: ``days``, ``arms`` (slug to label), and optionally ``endpoints``, ``groups``, ``reference`` and
        ``published``.
    level : float
        Coverage of the intervals.

    Returns
    -------
    dict
        ``arms.<slug>.{label, n, flow, endpoints}``, ``groups`` alike, ``contrasts.<slug>`` against the reference,
        and ``scoreboard`` rows where something was published.
    """
    meta = tables.meta
    days = float(meta.get("days") or tables.events["time"].max() or 0)
    own = meta.get("endpoint_rules", {})
    names = list(meta.get("endpoints") or ENDPOINTS)
    extra = [row["endpoint"] for row in meta.get("published", ()) if row["endpoint"] not in names]
    people = per_person(tables, days, [*names, *dict.fromkeys(extra)], own)
    members = {slug: [slug] for slug in meta["arms"]}
    groups = {slug: list(arms) for slug, arms in meta.get("groups", {}).items()}
    rows = {slug: people[people["arm"].isin(arms)] for slug, arms in (members | groups).items()}
    result: dict[str, Any] = {
        "study": meta.get("name"),
        "source": meta.get("source"),
        "days": days,
        "arms": {slug: _arm(rows[slug], str(meta["arms"][slug]), names, level, own) for slug in members},
        "groups": {slug: _arm(rows[slug], slug, names, level, own) | {"arms": groups[slug]} for slug in groups},
    }
    reference = meta.get("reference")
    if reference:
        result["reference"] = reference
        result["contrasts"] = {
            slug: _contrast(rows[slug], rows[reference], names, level, own) for slug in members if slug != reference
        }
    if meta.get("published"):
        result["scoreboard"] = scoreboard(rows, meta["published"], level=level, own=own)
    return result


def scoreboard(
    rows: Mapping[str, pd.DataFrame],
    published: Iterable[Mapping[str, Any]],
    *,
    level: float = 0.95,
    own: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Set each published figure beside the prediction interval for a trial of the published size."""
    board = []
    for row in published:
        people = rows[row["arm"]]
        figure = row["events"] / row["n"] if row.get("events") is not None else row["value"]
        predicted = estimate(row["endpoint"], people, level=level, own=own)
        low, high = prediction_interval(row["endpoint"], people, int(row["n"]), level=level, own=own)
        board.append(
            {
                "target": row["target"],
                "arm": row["arm"],
                "endpoint": row["endpoint"],
                "source": row["source"],
                "grade": row["grade"],
                "published": figure,
                "predicted": predicted.estimate,
                "low": low,
                "high": high,
                "inside": bool(low <= figure <= high),
                "calibrated": bool(row["calibrated"]),
                "misfit": row.get("misfit", ""),
                "unit": row.get("unit", ""),
                "n": int(row["n"]),
                "method": "interval for a trial of the published size, from the people here",
            }
        )
    return board


def prediction_interval(
    endpoint: str, people: pd.DataFrame, n: int, *, level: float = 0.95, own: Mapping[str, Any] | None = None
) -> tuple[float, float]:
    """Predict an endpoint in a new sample of `n` people like these.

    A proportion is beta-binomial from Jeffreys' prior, so that the finite number of people here counts too; a median is
    resampled with fixed draws.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"patients-with-a-flare": [1.0] * 250 + [0.0] * 750})
    >>> prediction_interval("patients-with-a-flare", rows, 100)
    (0.16, 0.35)
    """
    rule = endpoint_rule(endpoint, own)
    tail = (1 - level) / 2
    if rule["estimator"] == "time":
        values = people[endpoint].fillna(np.inf)
    else:
        values = people[endpoint].dropna()
    if values.empty:
        return float("nan"), float("nan")
    if rule["estimator"] == "proportion":
        events = float(values.sum())
        law = stats.betabinom(n, events + 0.5, len(values) - events + 0.5)
        return float(law.ppf(tail)) / n, float(law.ppf(1 - tail)) / n
    picks = uniform(0, f"prediction:{endpoint}", np.arange(_RESAMPLES)[:, None], np.arange(n)[None, :])
    medians = np.median(values.to_numpy()[(picks * len(values)).astype(int)], axis=1)
    low, high = np.quantile(medians, [tail, 1 - tail])
    return float(low), float(high)


def _arm(people: pd.DataFrame, label: str, names: list[str], level: float, own: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "label": label,
        "n": len(people),
        "flow": {
            "entered": len(people),
            "remission": int(people["remission"].notna().sum()),
            "flared": int(people["flare"].notna().sum()),
            "rescued": int(people["rescue"].notna().sum()),
            "withdrew": int(people["withdrawal"].notna().sum()),
            **_causes(people),
            "failed": int(people["failure"].notna().sum()),
            "completed": int(people[["withdrawal", "failure"]].isna().all(axis=1).sum()),
        },
        "endpoints": {
            name: {"label": endpoint_rule(name, own)["label"], **estimate(name, people, level=level, own=own).as_dict()}
            for name in names
        },
    }


def _causes(people: pd.DataFrame) -> dict[str, Any]:
    """Count who left for which cause; nothing where no cause is recorded."""
    left = people.loc[people["withdrawal"].notna(), "left_for"]
    if not left.astype(bool).any():
        return {}
    return {"withdrew_for": {name or "not-said": int(n) for name, n in left.value_counts().sort_index().items()}}


def _contrast(
    arm: pd.DataFrame, reference: pd.DataFrame, names: list[str], level: float, own: Mapping[str, Any]
) -> dict[str, Any]:
    from abate.study.statistics.proportions import difference_of_proportions
    from abate.study.statistics.survival import hazard_ratio

    contrast: dict[str, Any] = {}
    for name in names:
        if endpoint_rule(name, own)["estimator"] != "proportion":
            continue
        here, there = arm[name].dropna(), reference[name].dropna()
        if here.empty or there.empty:
            continue
        contrast[name] = difference_of_proportions(
            int(here.sum()), len(here), int(there.sum()), len(there), level=level
        ).as_dict()
    first = [(p["flare"].fillna(p["followed"]), p["flare"].notna()) for p in (arm, reference)]
    if all(seen.any() for _, seen in first):
        contrast["hazard-ratio-of-first-flare"] = hazard_ratio(*first[0], *first[1], level=level).as_dict()
    else:
        contrast["hazard-ratio-of-first-flare"] = Estimate(
            np.nan, np.nan, np.nan, level, len(arm) + len(reference), "not defined: an arm has no flare"
        ).as_dict()
    return contrast
