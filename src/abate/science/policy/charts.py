"""Recorded charts as arrays: who was seen when, what was observed, and what was taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.ground.units import convert
from abate.science.policy.measures import in_unit, observable
from abate.science.policy.value import Policy
from abate.science.regimen import antibodies, drug, equivalent

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STEROID", "Charts", "charts"]

Floats = npt.NDArray[np.float64]
STEROID = "prednisone"


@dataclass(frozen=True)
class Charts:
    """Charts of people who were seen on the same days.

    Attributes
    ----------
    subjects : tuple of str
    days : tuple of int
        Days of the visits, shape (visits,).
    observed : mapping of measure to ndarray, shape (visits, n)
        NaN where it was not recorded.
    prednisone : ndarray, shape (n, horizon)
        mg taken on every day, other glucocorticoids by the anti-inflammatory table.
    given : mapping of drug to ndarray of bool, shape (visits, n)
        Whether each drug of the policy, and each antibody, was being given.
    apart : mapping of drug to ndarray, shape (visits, n)
        Days between its doses: the shortest time to the next one, of those given from the visit to the next visit; NaN
        where there is none.
    """

    subjects: tuple[str, ...]
    days: tuple[int, ...]
    observed: dict[str, Floats]
    prednisone: Floats
    given: dict[str, npt.NDArray[np.bool_]]
    apart: dict[str, Floats]


def charts(
    policy: Policy, doses: pd.DataFrame, measurements: pd.DataFrame, *, where: str = "study"
) -> Iterator[Charts]:
    """Yield the charts of a study, grouped by the days on which people were seen.

    Parameters
    ----------
    policy : Policy
        Whose measures are wanted.
    doses, measurements : DataFrame
        The tables of a study.
    where : str
        Named in errors.

    Raises
    ------
    InputError
        If nothing that the policy reads was recorded, no prednisone was, or a unit does not convert.
    """
    seen = measurements[measurements["measure"].isin(policy.measures) & (measurements["item"] == "")]
    if seen.empty:
        recorded = sorted(set(measurements.loc[measurements["item"] == "", "measure"]))
        raise InputError(
            where, f"nothing that the policy {policy.name} reads was recorded", value=recorded, allowed=policy.measures
        )
    seen = seen.assign(day=np.floor(seen["time"] + 1e-9).astype(int), value=_in_units(seen, where))
    last_dose = (doses["time"] + doses["count"] * doses["interval"]).max() if len(doses) else 0.0
    daily = _daily(doses, where, int(max(seen["day"].max() + 1, np.ceil(last_dose))))
    courses = _courses(doses, (*antibodies(), *policy.drugs))
    schedules: dict[tuple[int, ...], list[str]] = {}
    for subject, rows in seen.groupby("subject", sort=False):
        if str(subject) in daily:
            schedules.setdefault(tuple(sorted(set(rows["day"]))), []).append(str(subject))
    wide: Any = seen.pivot_table(index=["measure", "day"], columns="subject", values="value", aggfunc="last")
    for days, subjects in schedules.items():
        observed = {}
        for measure in policy.measures:
            if measure in wide.index.get_level_values(0):
                observed[measure] = wide.loc[measure].reindex(index=list(days), columns=subjects).to_numpy(dtype=float)
        given, apart = {}, {}
        for name, of in courses.items():
            times = [of.get(s, np.empty(0)) for s in subjects]
            given[name] = np.array([[_covers(t, day) for t in times] for day in days], dtype=bool)
            ends = (*days[1:], np.inf)
            apart[name] = np.array([[_apart(t, a, b) for t in times] for a, b in zip(days, ends, strict=True)])
        yield Charts(tuple(subjects), days, observed, np.stack([daily[s] for s in subjects]), given, apart)


def _in_units(rows: pd.DataFrame, where: str) -> Floats:
    values = rows["value"].to_numpy(dtype=float).copy()
    for measure, unit in {(m, u) for m, u in zip(rows["measure"], rows["unit"], strict=True)}:
        here = ((rows["measure"] == measure) & (rows["unit"] == unit)).to_numpy()
        wanted = observable()[measure]
        if unit and unit != wanted:
            values[here] *= in_unit(1.0, unit, wanted, f"{where}, {measure}")
    return values


def _daily(doses: pd.DataFrame, where: str, horizon: int) -> dict[str, Floats]:
    """Return mg of prednisone on every day, for every subject with a glucocorticoid."""
    daily: dict[str, Floats] = {}
    columns = ("subject", "drug", "amount", "unit", "time", "count", "interval")
    for subject, name, amount, unit, time, count, interval in zip(*(doses[name] for name in columns), strict=True):
        active = _active(name)
        if active in antibodies():
            continue
        try:
            factor = equivalent(1.0, active, STEROID, purpose="anti-inflammatory").mg
        except InputError:
            continue  # a drug that is no glucocorticoid, such as methotrexate
        mg = convert(float(amount), str(unit), "mg", where=f"{where}, doses of {name}") * factor
        course = daily.setdefault(str(subject), np.zeros(horizon))
        days = np.floor(float(time) + np.arange(int(count)) * float(interval) + 1e-9).astype(int)
        np.add.at(course, days[(days >= 0) & (days < horizon)], mg)
    if not daily:
        raise InputError(where, "no prednisone was recorded", allowed="doses of prednisone or another glucocorticoid")
    return daily


def _active(name: object) -> str:
    """Return the drug that reaches the body, whatever the chart calls it."""
    try:
        return drug(str(name)).active
    except InputError:
        return str(name).casefold()


def _courses(doses: pd.DataFrame, names: tuple[str, ...]) -> dict[str, dict[str, Floats]]:
    """Return the days on which each subject had each drug that somebody had; one interval after the last is added."""
    courses: dict[str, dict[str, Floats]] = {}
    taken = doses[doses["amount"] > 0]
    active = taken["drug"].map(_active)
    for name in dict.fromkeys(names):
        for subject, rows in taken[active == name].groupby("subject"):
            each = zip(rows["time"], rows["count"], rows["interval"], strict=True)
            times = np.sort(np.concatenate([time + np.arange(count) * interval for time, count, interval in each]))
            gap = float(np.median(np.diff(times))) if times.size > 1 else float(rows["interval"].max())
            courses.setdefault(name, {})[str(subject)] = np.append(times, times[-1] + gap)
    return courses


def _covers(times: Floats, day: int) -> bool:
    return bool(times.size) and bool(np.floor(times[0]) <= day <= times[-1])


def _apart(times: Floats, day: float, until: float) -> float:
    """Return the shortest time to the next dose, of those given in [day, until); NaN for none."""
    here = times[:-1]
    between = np.diff(here)[np.searchsorted(here, day) : np.searchsorted(here, until)]
    return float(between.min()) if between.size else np.nan
