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

__all__ = ["ENDPOINTS", "KINDS", "check_rule", "endpoint_rule", "estimate", "per_person"]

GLUCOCORTICOIDS = ("prednisone", "prednisolone")
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
        endpoint, named like it (NaN where it is not defined for a person).
    """
    people = tables.subjects.set_index("subject")[["arm"]].copy()
    events = tables.events[tables.events["time"] <= days]
    for kind in ("remission", "flare", "rescue", "withdrawal", "failure"):
        people[kind] = events[events["event"] == kind].groupby("subject")["time"].min().reindex(people.index)
    people["flares"] = events[events["event"] == "flare"].groupby("subject").size().reindex(people.index, fill_value=0)
    people["followed"] = people["withdrawal"].fillna(days)
    people["glucocorticoid_mg"] = _taken(people, tables, 0.0, people["followed"])
    for name in names if names is not None else ENDPOINTS:
        rule = endpoint_rule(name, own)
        last = max(rule.get("at_week", 0), rule.get("to_week", 0))
        if names is None and 7 * last > days:
            continue
        people[name] = KINDS[rule["kind"]][0](people, tables, rule, days)
    return people


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
    from abate.study.statistics.location import median
    from abate.study.statistics.proportions import proportion
    from abate.study.statistics.survival import kaplan_meier

    rule = endpoint_rule(name, own)
    if rule["estimator"] == "time":
        seen = people["flare"].notna()
        return kaplan_meier(people["flare"].fillna(people["followed"]), seen, level=level).median()
    values = people[name].dropna()
    if values.empty:
        return Estimate(np.nan, np.nan, np.nan, level, 0, "not defined: nobody to count")
    if rule["estimator"] == "median":
        return median(values.to_numpy(), level=level)
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


def _flares(people: pd.DataFrame, tables: StudyTables, rule: Rule, days: float) -> Column:
    until = 7 * rule.get("to_week", days / 7)
    events = tables.events[(tables.events["event"] == "flare") & (tables.events["time"] <= until)]
    count = events.groupby("subject").size().reindex(people.index, fill_value=0)
    return (count >= rule["at_least"]).astype(float)


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
    "time-to-flare": (_time_to_flare, ("time",), ()),
    "cumulative-glucocorticoid": (_cumulative, ("median",), ()),
    "glucocorticoid-free": (_free, ("proportion",), ("for_weeks",)),
    "glucocorticoid-free-remission": (_free_remission, ("proportion",), ("at_week",)),
    "on-glucocorticoid": (_on, ("proportion",), ("at_week",)),
    "on-glucocorticoid-at-flare": (_on_at_flare, ("proportion",), ()),
    "glucocorticoid-at-flare": (_mg_at_flare, ("median",), ()),
    "below-at-flare": (_below_at_flare, ("proportion",), ("measure", "limit")),
    "measure-at": (_measure_at, ("median",), ("measure", "at_week")),
    "measure-at-most": (_at_most, ("proportion",), ("measure", "limit", "at_week")),
    "measure-above": (_above, ("proportion",), ("measure", "limit", "at_week")),
}
"""kind -> (column of one row a person, estimators that fit, keys that a rule needs)."""
