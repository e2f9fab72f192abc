"""Endpoints of a trial, from the tables of a Study: one row a person, then one estimate an arm.

The same code reads a simulated and an observed Study: remission, flares, rescues and withdrawals are in `events`,
what was taken is in `doses`, CRP in `measurements`. The rules and their sources are in ``library/endpoints``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.ground.files import library_path
from abate.ground.results import Estimate

if TYPE_CHECKING:
    import pandas as pd

    from abate.study.tables import StudyTables

__all__ = ["ENDPOINTS", "endpoint_rule", "estimate", "per_person"]

GLUCOCORTICOIDS = ("prednisone", "prednisolone")


@cache
def _rules() -> dict[str, dict[str, Any]]:
    path = library_path("endpoints", "endpoints.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


class _Names(Mapping[str, str]):
    """Names of the endpoints and their labels, read when asked for."""

    def __getitem__(self, name: str) -> str:
        return str(_rules()[name]["label"])

    def __iter__(self) -> Any:
        return iter(_rules())

    def __len__(self) -> int:
        return len(_rules())


ENDPOINTS: Mapping[str, str] = _Names()


def endpoint_rule(name: str) -> dict[str, Any]:
    """Return the definition of an endpoint: label, estimator, rule, source and grade.

    Examples
    --------
    >>> endpoint_rule("sustained-remission")["remission_by_week"]
    12
    """
    return dict(_rules()[name])


def per_person(tables: StudyTables, days: float) -> pd.DataFrame:
    """Reduce the tables of a Study to one row a person.

    Parameters
    ----------
    tables : StudyTables
        Of the whole Study.
    days : float
        Length of the trial; what comes later is not looked at.

    Returns
    -------
    DataFrame
        Indexed by subject: ``arm``; days of first ``remission``, ``flare``, ``rescue`` and ``withdrawal`` (NaN where it
        did not happen), ``flares`` counted; ``followed`` days; and each endpoint's measure (NaN where not defined).
    """
    people = tables.subjects.set_index("subject")[["arm"]].copy()
    events = tables.events[tables.events["time"] <= days]
    for kind in ("remission", "flare", "rescue", "withdrawal", "failure"):
        people[kind] = events[events["event"] == kind].groupby("subject")["time"].min().reindex(people.index)
    people["flares"] = events[events["event"] == "flare"].groupby("subject").size().reindex(people.index, fill_value=0)
    people["followed"] = people["withdrawal"].fillna(days)
    steroid = tables.doses[tables.doses["drug"].isin(GLUCOCORTICOIDS)]
    people["glucocorticoid_mg"] = _taken(steroid, 0.0, people["followed"], people.index)
    last = people["followed"] - 7.0 * endpoint_rule("glucocorticoid-free")["last_weeks"]
    free = (_taken(steroid, last, people["followed"], people.index) == 0) & people["withdrawal"].isna()
    people["glucocorticoid_free"] = free.astype(float)
    people["flared"] = people["flare"].notna().astype(float)
    _remission(people, tables, days)
    _at_flare(people, steroid, tables)
    return people


def estimate(name: str, people: pd.DataFrame, *, level: float = 0.95) -> Estimate:
    """Estimate one endpoint from the rows of one arm.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"flared": [1.0, 0.0, 0.0, 1.0]})
    >>> estimate("patients-with-a-flare", rows).events
    2
    """
    from abate.study.statistics.location import median
    from abate.study.statistics.proportions import proportion
    from abate.study.statistics.survival import kaplan_meier

    rule = _rules()[name]
    if rule["estimator"] == "time":
        seen = people["flare"].notna()
        return kaplan_meier(people["flare"].fillna(people["followed"]), seen, level=level).median()
    values = people[rule["measure"]].dropna()
    if values.empty:
        return Estimate(np.nan, np.nan, np.nan, level, 0, "not defined: nobody to count")
    if rule["estimator"] == "median":
        return median(values.to_numpy(), level=level)
    return proportion(int(values.sum()), len(values), level=level, interval="wilson")


def _taken(doses: pd.DataFrame, start: Any, end: pd.Series[float], index: Any) -> Any:
    """Sum what each person took in [start, end): rows are runs of equal doses."""
    first = doses["time"].to_numpy()
    interval = doses["interval"].to_numpy()
    stop = end.reindex(doses["subject"]).to_numpy()
    begin = start.reindex(doses["subject"]).to_numpy() if hasattr(start, "reindex") else start

    def before(limit: Any) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            count = np.where(interval > 0, np.ceil((limit - first) / interval - 1e-9), np.where(limit > first, 1, 0))
        return np.clip(count, 0, doses["count"].to_numpy())

    amount = (before(stop) - before(begin)) * doses["amount"].to_numpy()
    return doses.assign(_amount=amount).groupby("subject")["_amount"].sum().reindex(index, fill_value=0.0)


def _remission(people: pd.DataFrame, tables: StudyTables, days: float) -> None:
    rule = _rules()["sustained-remission"]
    early = people["remission"] <= 7 * rule["remission_by_week"]
    kept = people[["flare", "rescue", "withdrawal", "failure"]].isna().all(axis=1)
    people["early_remission"] = early.astype(float)
    people["sustained_remission_without_crp"] = (early & kept).astype(float)
    people["sustained_remission"] = (early & kept & ~_crp_raised_again(people, tables, rule, days)).astype(float)


def _crp_raised_again(people: pd.DataFrame, tables: StudyTables, rule: dict[str, Any], days: float) -> Any:
    """Tell who had a raised CRP that was still raised at the next visit of the rule's calendar."""
    seen = tables.measurements
    step = 7 * rule["crp_every_weeks"]
    seen = seen[(seen["measure"] == "crp") & (seen["time"] >= 7 * rule["crp_from_week"]) & (seen["time"] <= days)]
    seen = seen[np.isclose(seen["time"] % step, 0)].sort_values(["subject", "time"])
    raised = (seen["value"] >= rule["crp_limit"]).astype(int)
    run = raised.copy()
    for back in range(1, rule["crp_in_a_row"]):
        run += raised.groupby(seen["subject"]).shift(back, fill_value=0)
    again = (run == rule["crp_in_a_row"]).groupby(seen["subject"]).any()
    return again.reindex(people.index, fill_value=False).astype(bool)


def _at_flare(people: pd.DataFrame, steroid: pd.DataFrame, tables: StudyTables) -> None:
    flared = people[people["flare"].notna()]
    day_before = _taken(
        steroid[steroid["subject"].isin(flared.index)], flared["flare"] - 1, flared["flare"], flared.index
    )
    dose = day_before.reindex(people.index)
    people["on_glucocorticoid_at_flare"] = (dose > 0).astype(float).where(people["flare"].notna())
    people["glucocorticoid_at_flare_mg"] = dose.where(dose > 0)
    crp = tables.measurements[tables.measurements["measure"] == "crp"]
    crp = crp.merge(flared[["flare"]], left_on="subject", right_index=True)
    at = crp[np.isclose(crp["time"], crp["flare"])].groupby("subject")["value"].first()
    limit = _rules()["normal-crp-at-first-flare"]["crp_limit"]
    people["normal_crp_at_flare"] = (at < limit).astype(float).reindex(people.index)
