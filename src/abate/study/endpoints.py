"""Endpoints of a trial, from the tables of a Study: one row a person, then one estimate an arm.

The same code reads a simulated and an observed Study: remission, flares, rescues and withdrawals are in `events`,
what was taken is in `doses`, measures in `measurements`. The rules and their sources are in ``library/endpoints``; a
trial file may define its own with the same kinds.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, library_path
from abate.ground.results import Estimate
from abate.study.endpoint_kinds import KINDS, Column, Rule, cause, taken

if TYPE_CHECKING:
    import pandas as pd

    from abate.study.tables import StudyTables

__all__ = ["ENDPOINTS", "KINDS", "check_rule", "endpoint_rule", "estimate", "last_week", "per_person"]

DAYS_A_MONTH = 365.25 / 12


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
    causes = rule.get("failed_by_leaving_for", [])
    if not isinstance(causes, (list, tuple)) or not all(isinstance(cause, str) for cause in causes):
        allowed = "causes of drop-out, as in [lack-of-efficacy]"
        raise InputError(where, "failed_by_leaving_for is no list of names", value=causes, allowed=allowed)
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
        (NaN where it did not happen), ``left_for`` (a slug where a cause is known), ``flares`` counted, ``followed``
        days, ``glucocorticoid_mg``; and one column an endpoint, named like it (NaN where it is not defined for a
        person). ``attrs["late"]`` says which endpoints lie beyond the end of the study.
    """
    people = tables.subjects.set_index("subject")[["arm"]].copy()
    events = tables.events[tables.events["time"] <= days]
    for kind in ("remission", "flare", "rescue", "withdrawal", "failure"):
        people[kind] = events[events["event"] == kind].groupby("subject")["time"].min().reindex(people.index)
    people["flares"] = events[events["event"] == "flare"].groupby("subject").size().reindex(people.index, fill_value=0)
    left = events[events["event"] == "withdrawal"].sort_values("time", kind="stable").groupby("subject")
    people["left_for"] = left["detail"].first().map(cause).reindex(people.index, fill_value="")
    people["followed"] = people["withdrawal"].fillna(days)
    people["glucocorticoid_mg"] = taken(people, tables, 0.0, people["followed"])
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
    if people.attrs.get("late", {}).get(name):
        return Estimate(np.nan, np.nan, np.nan, level, 0, people.attrs["late"][name])
    if rule["estimator"] == "time":
        seen = people[name].notna()
        return kaplan_meier(people[name].fillna(people["followed"]), seen, level=level).median()
    if rule["estimator"] == "restricted-mean":
        until = float(people["followed"].max())
        return rmst(people[name].fillna(people["followed"]), people[name].notna(), until, level=level)
    values = people[name].dropna()
    if values.empty:
        return Estimate(np.nan, np.nan, np.nan, level, 0, "not defined: nobody to count")
    if rule["estimator"] == "median":
        return median(values.to_numpy(), level=level)
    if rule["estimator"] == "mean":
        return mean(values.to_numpy(), level=level)
    if rule["estimator"] == "rate":
        return _rate(values, people["followed"], rule, level)
    return proportion(int(values.sum()), len(values), level=level, interval="wilson")


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
