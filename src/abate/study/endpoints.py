"""Endpoints of a trial, from the tables of a Study: one row a person, then one estimate an arm.

The same code reads a simulated and an observed Study: remission, flares, rescues and withdrawals are in `events`,
what was taken is in `doses`, measures in `measurements`. The rules and their sources are in ``library/endpoints``; a
trial file may define its own with the same kinds.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, library_path
from abate.ground.results import Estimate

if TYPE_CHECKING:
    import pandas as pd

    from abate.study.tables import StudyTables

__all__ = ["ENDPOINTS", "KINDS", "check_rule", "endpoint_rule", "estimate", "last_week", "per_person"]

GLUCOCORTICOIDS = ("prednisone", "prednisolone")
DAYS_A_MONTH = 365.25 / 12
ROUNDING = 0.01
Rule = Mapping[str, Any]
Column = Any


@cache
def _library() -> dict[str, dict[str, Any]]:
    path = library_path("endpoints", "endpoints.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


class _Names(Mapping[str, str]):
    """Names of the endpoints and their labels, read when asked for."""

    def __getitem__(self, name: str) -> str:
        return str(_library()[name]["label"])

    def __iter__(self) -> Iterator[str]:
        return iter(_library())

    def __len__(self) -> int:
        return len(_library())


ENDPOINTS: Mapping[str, str] = _Names()


def endpoint_rule(name: str, own: Mapping[str, Rule] | None = None) -> dict[str, Any]:
    """Return the definition of an endpoint: label, kind, estimator, its numbers, source and grade.

    Examples
    --------
    >>> endpoint_rule("sustained-remission")["by_week"]
    12
    """
    return dict(own[name] if own and name in own else _library()[name])


def check_rule(name: str, rule: Rule) -> None:
    """Refuse the definition of an endpoint that lacks something.

    Raises
    ------
    InputError
        Naming the key.
    """
    where = f"endpoint {name}"
    kind = rule.get("kind")
    if kind not in KINDS:
        raise InputError(
            where, "there is no such kind", value=kind, allowed=list(KINDS), hint=did_you_mean(str(kind), KINDS)
        )
    _, estimators, needed = KINDS[kind]
    if rule.get("estimator") not in estimators:
        raise InputError(where, "the estimator does not fit", value=rule.get("estimator"), allowed=estimators)
    missing = [key for key in (*needed, "label", "source") if key not in rule]
    if missing:
        raise InputError(where, f"the key {missing[0]!r} is missing")


def per_person(
    tables: StudyTables, days: float, names: Iterable[str] | None = None, own: Mapping[str, Rule] | None = None
) -> pd.DataFrame:
    """Reduce the tables of a Study to one row a person.

    Parameters
    ----------
    tables : StudyTables
        Of the whole Study.
    days : float
        Length of the trial; what comes later is not looked at.
    names : iterable of str, optional
        Endpoints; by default every one of the library that the trial is long enough for.
    own : mapping, optional
        Endpoints that the trial defines itself.

    Returns
    -------
    DataFrame
        Indexed by subject: ``arm``; days of first ``remission``, ``flare``, ``rescue``, ``withdrawal`` and ``failure``
        (NaN where it did not happen), ``flares`` counted, ``followed`` days, ``glucocorticoid_mg``; and one column an
        endpoint, named like it (NaN where it is not defined for a person). ``attrs["late"]`` says which endpoints lie
        beyond the end of the study.
    """
    people = tables.subjects.set_index("subject")[["arm"]].copy()
    events = tables.events[tables.events["time"] <= days]
    for kind in ("remission", "flare", "rescue", "withdrawal", "failure"):
        people[kind] = events[events["event"] == kind].groupby("subject")["time"].min().reindex(people.index)
    people["flares"] = events[events["event"] == "flare"].groupby("subject").size().reindex(people.index, fill_value=0)
    people["followed"] = people["withdrawal"].fillna(days)
    people["glucocorticoid_mg"] = _taken(people, tables, 0.0, people["followed"])
    late: dict[str, str] = {}
    for name in names if names is not None else ENDPOINTS:
        rule = endpoint_rule(name, own)
        last = last_week(rule)
        if 7 * last > days:
            if names is not None:
                people[name] = np.nan
                late[name] = f"not reached: it asks for week {last:g}, the study ends in week {days / 7:.4g}"
            continue
        people[name] = KINDS[rule["kind"]][0](people, tables, rule, days)
    people.attrs["late"] = late
    return people


def last_week(rule: Rule) -> float:
    """Return the last week that an endpoint asks for; 0 where it asks for none of its own.

    Examples
    --------
    >>> last_week(endpoint_rule("remission-by-week-12")), last_week(endpoint_rule("patients-with-a-flare"))
    (12.0, 0.0)
    """
    at = rule.get("at_week", 0) + rule.get("within_weeks", 0)
    return float(max(at, rule.get("to_week", 0), rule.get("by_week", 0)))


def estimate(
    name: str, people: pd.DataFrame, *, level: float = 0.95, own: Mapping[str, Rule] | None = None
) -> Estimate:
    """Estimate one endpoint from the rows of one arm.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"patients-with-a-flare": [1.0, 0.0, 0.0, 1.0]})
    >>> estimate("patients-with-a-flare", rows).events
    2
    """
    from abate.study.statistics.location import mean, median
    from abate.study.statistics.proportions import proportion
    from abate.study.statistics.survival import kaplan_meier, rmst

    rule = endpoint_rule(name, own)
    if rule["estimator"] == "time":
        seen = people["flare"].notna()
        return kaplan_meier(people["flare"].fillna(people["followed"]), seen, level=level).median()
    if rule["estimator"] == "restricted-mean":
        until = float(people["followed"].max())
        return rmst(people["flare"].fillna(people["followed"]), people["flare"].notna(), until, level=level)
    values = people[name].dropna()
    if values.empty:
        why = people.attrs.get("late", {}).get(name, "not defined: nobody to count")
        return Estimate(np.nan, np.nan, np.nan, level, 0, why)
    if rule["estimator"] == "median":
        return median(values.to_numpy(), level=level)
    if rule["estimator"] == "mean":
        return mean(values.to_numpy(), level=level)
    if rule["estimator"] == "rate":
        return _rate(values, people["followed"], rule, level)
    return proportion(int(values.sum()), len(values), level=level, interval="wilson")


def _taken(people: pd.DataFrame, tables: StudyTables, start: Any, end: Any) -> Column:
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


def _flares(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    return (_count_flares(people, tables, rule, days) >= rule["at_least"]).astype(float)


def _flare_off(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    """Of those who took none for four weeks before a week: a flare within so many weeks after it."""
    day = 7 * rule["at_week"]
    off = (_taken(people, tables, day - 28, day) == 0) & _here(people, day)
    later = {"from_week": rule["at_week"], "to_week": rule["at_week"] + rule["within_weeks"]}
    return (_count_flares(people, tables, later, days) >= 1).astype(float).where(off)


def _rate(flares: Column, followed: Column, rule: Rule, level: float) -> Estimate:
    """Events over person-months, with the exact Poisson interval (Garwood 1936)."""
    from scipy.stats import chi2

    events, per = float(flares.sum()), float(rule["per_person_months"])
    months = float(followed.reindex(flares.index).sum()) / DAYS_A_MONTH
    tail = (1 - level) / 2
    low = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.0
    high = float(chi2.isf(tail, 2 * events + 2)) / 2
    method = f"flares over {months:.0f} person-months, exact Poisson interval"
    return Estimate(per * events / months, per * low / months, per * high / months, level, len(flares), method)


def _time_to_flare(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    return people["flare"]


def _cumulative(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    return _taken(people, tables, 0.0, people["followed"].clip(upper=7 * rule.get("to_week", days / 7)))


def _free(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    nothing = _taken(people, tables, days - 7 * rule["for_weeks"], days) == 0
    return (nothing & _here(people, days)).astype(float)


def _free_remission(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    day = 7 * rule["at_week"]
    off = _taken(people, tables, day - 1, day) == 0
    well = (people["remission"] <= day) & ~(people["flare"] <= day) & ~(people["rescue"] <= day)
    return (off & well & _here(people, day)).astype(float)


def _on(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    day = 7 * rule["at_week"]
    on = (_taken(people, tables, day - 1, day) > 0).astype(float)
    return on.where(_here(people, day))


def _dose_at_flare(people: pd.DataFrame, tables: StudyTables) -> Column:
    flared = people[people["flare"].notna()]
    return _taken(flared, tables, flared["flare"] - 1, flared["flare"]).reindex(people.index)


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
    dose = _taken(people, tables, day - 1, day)
    most = rule.get("glucocorticoid_at_most", 0.0)
    if "glucocorticoid_at_most_per_kg" in rule:
        weight = tables.subjects.set_index("subject")["weight"].reindex(people.index)
        most = rule["glucocorticoid_at_most_per_kg"] * weight
    # Tablets come in steps; a milligram's hundredth is rounding.
    little = dose <= most + ROUNDING
    if "glucocorticoid_fall" in rule:
        little |= _taken(people, tables, 0.0, 1.0) - dose >= rule["glucocorticoid_fall"] - ROUNDING
    well = _at(people, tables, rule["measure"], float(day)) < rule["limit"]
    return (well & little & _here(people, day)).astype(float)


def _ever_above(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    """Above a limit at any visit from a week on; ``without_flare`` leaves out visits at which a flare was called."""
    seen = tables.measurements
    here = (seen["measure"] == rule["measure"]) & (seen["value"] > rule["limit"])
    here &= (seen["time"] >= 7 * rule["from_week"]) & (seen["time"] <= 7 * rule.get("to_week", days / 7))
    above = seen[here][["subject", "time"]]
    if rule.get("without_flare"):
        flares = tables.events[tables.events["event"] == "flare"][["subject", "time"]]
        above = above.merge(flares, how="left", on=["subject", "time"], indicator=True)
        above = above[above["_merge"] == "left_only"]
    return people.index.to_series().isin(above["subject"]).astype(float)


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
    "ever-above": (_ever_above, ("proportion",), ("measure", "limit", "from_week")),
    "controlled": (_controlled, ("proportion",), ("measure", "limit", "at_week")),
    "measure-at-most": (_at_most, ("proportion",), ("measure", "limit", "at_week")),
    "measure-above": (_above, ("proportion",), ("measure", "limit", "at_week")),
}
"""kind -> (column of one row a person, estimators that fit, keys that a rule needs)."""
