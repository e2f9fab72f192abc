"""The kinds of endpoints: what each makes of one person's tables, one value a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.ground.results import slug

if TYPE_CHECKING:
    import pandas as pd

    from abate.study.tables import StudyTables

__all__ = ["GLUCOCORTICOIDS", "KINDS", "Column", "Rule", "cause", "taken"]

GLUCOCORTICOIDS = ("prednisone", "prednisolone")
ROUNDING = 0.01
Rule = Mapping[str, Any]
Column = Any


def cause(detail: Any) -> str:
    """Return for which cause somebody left, from what is recorded; empty where it says no more than that.

    Examples
    --------
    >>> cause("Lack of efficacy"), cause("left the study")
    ('lack-of-efficacy', '')
    """
    name = slug(detail) if isinstance(detail, str) else ""
    return "" if name == "left-the-study" else name


def taken(people: pd.DataFrame, tables: StudyTables, start: Any, end: Any) -> Column:
    """Sum the glucocorticoid that each person took in [start, end): rows of doses are runs of equal ones."""
    import pandas as pd

    doses = tables.doses[tables.doses["drug"].isin(GLUCOCORTICOIDS) & tables.doses["subject"].isin(people.index)]
    first, interval, many = (doses[c].to_numpy() for c in ("time", "interval", "count"))

    def before(limit: Any) -> Any:
        bound = pd.Series(limit, index=people.index).reindex(doses["subject"]).to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            runs = np.ceil((bound - first) / interval - 1e-9)
        return np.clip(np.where(interval > 0, runs, bound > first), 0, many)

    amount = (before(end) - before(start)) * doses["amount"].to_numpy()
    return doses.assign(_amount=amount).groupby("subject")["_amount"].sum().reindex(people.index, fill_value=0.0)


def _at(people: pd.DataFrame, tables: StudyTables, measure: str, day: Any) -> Column:
    """Return a measure of each person on a day (one a person, or one for all); NaN where it was not taken."""
    import pandas as pd

    seen = tables.measurements[(tables.measurements["measure"] == measure) & (tables.measurements["item"] == "")]
    wanted = pd.Series(day, index=people.index).reindex(seen["subject"]).to_numpy()
    return seen[np.isclose(seen["time"], wanted)].groupby("subject")["value"].first().reindex(people.index)


def _here(people: pd.DataFrame, day: float) -> Column:
    return people["withdrawal"].isna() | (people["withdrawal"] > day)


def _sustained_remission(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    early = people["remission"] <= 7 * rule["by_week"]
    kept = people[["flare", "rescue", "withdrawal", "failure"]].isna().all(axis=1)
    met = early & kept
    if "crp_limit" in rule:
        met &= ~_crp_raised_again(people, tables, rule, days)
    return met.astype(float)


def _crp_raised_again(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
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


def _remission(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    return (people["remission"] <= 7 * rule["by_week"]).astype(float)


def _count_flares(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    """Count each person's flares after ``from_week`` (by default from the start) up to ``to_week`` (to the end)."""
    since, until = 7 * rule.get("from_week", -1), 7 * rule.get("to_week", days / 7)
    time = tables.events["time"]
    events = tables.events[(tables.events["event"] == "flare") & (time > since) & (time <= until)]
    return events.groupby("subject").size().reindex(people.index, fill_value=0).astype(float)


def _left_for(people: pd.DataFrame, rule: Rule) -> Column:
    """Return the day on which somebody left for a cause that the rule counts as a failure; NaN where nobody did."""
    return people["withdrawal"].where(people["left_for"].isin(rule.get("failed_by_leaving_for", ())))


def _flares(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    since, until = 7 * rule.get("from_week", -1), 7 * rule.get("to_week", days / 7)
    left = _left_for(people, rule)
    failed = (left > since) & (left <= until)
    return ((_count_flares(people, tables, rule, days) >= rule["at_least"]) | failed).astype(float)


def _flare_off(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    """Of those who took none for four weeks before a week: a flare within so many weeks after it."""
    day = 7 * rule["at_week"]
    off = (taken(people, tables, day - 28, day) == 0) & _here(people, day)
    later = {"from_week": rule["at_week"], "to_week": rule["at_week"] + rule["within_weeks"]}
    return (_count_flares(people, tables, later, days) >= 1).astype(float).where(off)


def _flare_after_stop(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    """Of those who came off prednisone and were seen long enough: a flare within so many weeks of their last dose."""
    stop = _first_stop(people, tables, 7 * rule["off_weeks"])
    until = stop + 7 * rule["within_weeks"]
    flares = tables.events[tables.events["event"] == "flare"]
    bounds = flares[["subject"]].assign(time=flares["time"])
    after = bounds["time"] > stop.reindex(bounds["subject"]).to_numpy()
    soon = after & (bounds["time"] <= until.reindex(bounds["subject"]).to_numpy())
    flared = people.index.to_series().isin(bounds[soon]["subject"])
    return flared.astype(float).where(until <= people["followed"])


def _first_stop(people: pd.DataFrame, tables: StudyTables, pause: float) -> Column:
    """Return the day after each person's first dose that no other follows within a pause (days); NaN where none is."""
    doses = tables.doses[tables.doses["drug"].isin(GLUCOCORTICOIDS) & (tables.doses["amount"] > 0)]
    doses = doses.assign(
        first=np.floor(doses["time"]), last=np.floor(doses["time"] + doses["interval"] * (doses["count"] - 1)) + 1
    ).sort_values(["subject", "first"], kind="stable")
    doses["last"] = doses.groupby("subject")["last"].cummax()
    following = doses.groupby("subject")["first"].shift(-1)
    # After the last dose of all, a pause is known only as far as the person was followed.
    following = following.fillna(people["followed"].reindex(doses["subject"]).set_axis(doses.index))
    stops = doses[following - doses["last"] >= pause]
    return stops.groupby("subject")["last"].first().reindex(people.index)


def _time_to_flare(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    import pandas as pd

    return pd.concat([people["flare"], _left_for(people, rule)], axis=1).min(axis=1)


def _cumulative(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    return taken(people, tables, 0.0, people["followed"].clip(upper=7 * rule.get("to_week", days / 7)))


def _free(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    nothing = taken(people, tables, days - 7 * rule["for_weeks"], days) == 0
    return (nothing & _here(people, days)).astype(float)


def _free_remission(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    day = 7 * rule["at_week"]
    off = taken(people, tables, day - 1, day) == 0
    well = (people["remission"] <= day) & ~(people["flare"] <= day) & ~(people["rescue"] <= day)
    return (off & well & _here(people, day)).astype(float)


def _on(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    day = 7 * rule["at_week"]
    on = (taken(people, tables, day - 1, day) > 0).astype(float)
    return on.where(_here(people, day))


def _dose_at_flare(people: pd.DataFrame, tables: StudyTables) -> Column:
    flared = people[people["flare"].notna()]
    return taken(flared, tables, flared["flare"] - 1, flared["flare"]).reindex(people.index)


def _on_at_flare(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    return (_dose_at_flare(people, tables) > 0).astype(float).where(people["flare"].notna())


def _mg_at_flare(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    dose = _dose_at_flare(people, tables)
    return dose.where(dose > 0)


def _much_at_flare(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    return (_dose_at_flare(people, tables) > rule["limit"]).astype(float).where(people["flare"].notna())


def _last_dose(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    """Return the day after the last dose of a glucocorticoid; 0 for whom none was given."""
    doses = tables.doses[tables.doses["drug"].isin(GLUCOCORTICOIDS) & (tables.doses["amount"] > 0)]
    last = np.floor(doses["time"] + doses["interval"] * (doses["count"] - 1)) + 1
    return last.groupby(doses["subject"]).max().reindex(people.index, fill_value=0.0)


def _controlled(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    """Below a limit of a measure, on little prednisone (mg a day, or mg a kg) or on so much less than at the start."""
    day = 7 * rule["at_week"]
    dose = taken(people, tables, day - 1, day)
    most = rule.get("glucocorticoid_at_most", 0.0)
    if "glucocorticoid_at_most_per_kg" in rule:
        weight = tables.subjects.set_index("subject")["weight"].reindex(people.index)
        most = rule["glucocorticoid_at_most_per_kg"] * weight
    # Tablets come in steps; a milligram's hundredth is rounding.
    little = dose <= most + ROUNDING
    if "glucocorticoid_fall" in rule:
        little |= taken(people, tables, 0.0, 1.0) - dose >= rule["glucocorticoid_fall"] - ROUNDING
    well = _at(people, tables, rule["measure"], float(day)) < rule["limit"]
    return (well & little & _here(people, day)).astype(float)


def _ever_beyond(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    """Beyond a limit at any visit from a week on; ``without_flare`` leaves out visits at which a flare was called."""
    seen = tables.measurements
    beyond = seen["value"] < rule["limit"] if rule["kind"] == "ever-below" else seen["value"] > rule["limit"]
    here = (seen["measure"] == rule["measure"]) & beyond
    here &= (seen["time"] >= 7 * rule["from_week"]) & (seen["time"] <= 7 * rule.get("to_week", days / 7))
    found = seen[here][["subject", "time"]]
    if rule.get("without_flare"):
        flares = tables.events[tables.events["event"] == "flare"][["subject", "time"]]
        found = found.merge(flares, how="left", on=["subject", "time"], indicator=True)
        found = found[found["_merge"] == "left_only"]
    return people.index.to_series().isin(found["subject"]).astype(float)


def _fall(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    """Tell whose measure fell by at least a share of its value at the start."""
    start = _at(people, tables, rule["measure"], 0.0)
    share = (start - _measure_at(people, tables, rule, days)) / start.where(start > 0)
    return (share >= rule["by_share"]).astype(float).where(share.notna())


def _below_at_flare(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    value = _at(people, tables, rule["measure"], people["flare"])
    return (value < rule["limit"]).astype(float).where(value.notna())


def _measure_at(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    return _at(people, tables, rule["measure"], 7.0 * rule["at_week"])


def _at_most(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    value = _measure_at(people, tables, rule, days)
    return (value <= rule["limit"]).astype(float).where(value.notna())


def _above(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    value = _measure_at(people, tables, rule, days)
    return (value > rule["limit"]).astype(float).where(value.notna())


Compute = Callable[["pd.DataFrame", "StudyTables", Rule, float], Column]
KINDS: dict[str, tuple[Compute, tuple[str, ...], tuple[str, ...]]] = {
    "sustained-remission": (_sustained_remission, ("proportion",), ("by_week",)),
    "remission": (_remission, ("proportion",), ("by_week",)),
    "flares": (_flares, ("proportion",), ("at_least",)),
    "flares-off-glucocorticoid": (_flare_off, ("proportion",), ("at_week", "within_weeks")),
    "flares-after-stopping": (_flare_after_stop, ("proportion",), ("off_weeks", "within_weeks")),
    "flare-rate": (_count_flares, ("rate",), ("per_person_months",)),
    "number-of-flares": (_count_flares, ("mean",), ()),
    "time-to-flare": (_time_to_flare, ("time", "restricted-mean"), ()),
    "cumulative-glucocorticoid": (_cumulative, ("median", "mean"), ()),
    "glucocorticoid-duration": (_last_dose, ("median", "mean"), ()),
    "glucocorticoid-free": (_free, ("proportion",), ("for_weeks",)),
    "glucocorticoid-free-remission": (_free_remission, ("proportion",), ("at_week",)),
    "on-glucocorticoid": (_on, ("proportion",), ("at_week",)),
    "on-glucocorticoid-at-flare": (_on_at_flare, ("proportion",), ()),
    "glucocorticoid-at-flare": (_mg_at_flare, ("median",), ()),
    "glucocorticoid-above-at-flare": (_much_at_flare, ("proportion",), ("limit",)),
    "below-at-flare": (_below_at_flare, ("proportion",), ("measure", "limit")),
    "measure-at": (_measure_at, ("median", "mean"), ("measure", "at_week")),
    "measure-fall": (_fall, ("proportion",), ("measure", "at_week", "by_share")),
    "ever-above": (_ever_beyond, ("proportion",), ("measure", "limit", "from_week")),
    "ever-below": (_ever_beyond, ("proportion",), ("measure", "limit", "from_week")),
    "controlled": (_controlled, ("proportion",), ("measure", "limit", "at_week")),
    "measure-at-most": (_at_most, ("proportion",), ("measure", "limit", "at_week")),
    "measure-above": (_above, ("proportion",), ("measure", "limit", "at_week")),
}
"""kind -> (column of one row a person, estimators that fit, keys that a rule needs)."""
