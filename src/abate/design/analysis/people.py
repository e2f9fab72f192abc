"""What a planned analysis needs of each person: arm, stratum, values by week, and the first day of each event."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abate.design.protocol.file import DesignFile
from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.results import slug
from abate.study.endpoint_kinds import cause

if TYPE_CHECKING:
    import pandas as pd

    from abate.study.tables import StudyTables

__all__ = ["Flags", "People", "people_of", "values_of"]

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class People:
    """Everybody randomised, as randomised.

    Attributes
    ----------
    subjects : tuple of str
    treated : ndarray of bool, shape (people,)
        Of a crossover: who takes the treatment first.
    stratum : ndarray of str, shape (people,)
        One name for each combination of the factors; all the same where there are none.
    first : dict of event to ndarray, shape (people,)
        Day on which it first happened; NaN where it did not.
    followed : ndarray, shape (people,)
        Day until which somebody was watched.
    days : float
        Planned length.
    """

    subjects: tuple[str, ...]
    treated: Flags
    stratum: NDArray[np.str_]
    first: Mapping[str, Array]
    followed: Array
    days: float

    @property
    def n(self) -> int:
        """How many people."""
        return len(self.subjects)

    def day(self, event: str) -> Array:
        """Return the first day of an event, infinite where it did not happen, shape (people,)."""
        return np.nan_to_num(self.first.get(event, np.full(self.n, math.nan)), nan=math.inf)

    def take(self, rows: NDArray[np.int64]) -> People:
        """Return some people, who may come more than once."""
        return replace(
            self,
            subjects=tuple(self.subjects[row] for row in rows),
            treated=self.treated[rows],
            stratum=self.stratum[rows],
            first={event: days[rows] for event, days in self.first.items()},
            followed=self.followed[rows],
        )


def people_of(tables: StudyTables, design: DesignFile) -> tuple[People, tuple[str, ...]]:
    """Return the people of a Study as the design sees them, and notes on what it lacks.

    Parameters
    ----------
    tables : StudyTables
        Arms are known by the design's names or labels.
    design : DesignFile

    Raises
    ------
    InputError
        When an arm is not of this design, or an arm is empty.
    """
    notes = []
    rows = tables.subjects.drop_duplicates("subject").reset_index(drop=True)
    treated = _treated(rows["arm"], design)
    # A file that was read knows factors, like arms, by the slugs of their names.
    found = {factor: _column(rows, factor) for factor in design.randomisation.strata}
    factors = {factor: column for factor, column in found.items() if column is not None}
    lacking = [factor for factor in found if factor not in factors]
    if lacking:
        notes.append(f"the Study does not hold {', '.join(lacking)}: the analysis is not stratified by it")
    names = ["; ".join(f"{f}={rows[column][k]}" for f, column in factors.items()) for k in range(len(rows))]
    stratum = np.array(names, dtype=np.str_)
    first: dict[str, Array] = {}
    for event, of in tables.events.groupby("event"):
        first[str(event)] = of.groupby("subject")["time"].min().reindex(rows["subject"]).to_numpy(dtype=float)
        if event == "withdrawal":
            for why, some in of.groupby(of["detail"].map(cause)):
                if why:
                    days_of = some.groupby("subject")["time"].min().reindex(rows["subject"])
                    first[f"withdrawal: {why}"] = days_of.to_numpy(dtype=float)
    days = float(7 * design.weeks)
    seen = tables.measurements.dropna(subset=["value"]).groupby("subject")["time"].max()
    last = seen.reindex(rows["subject"]).to_numpy(dtype=float)
    left = first.get("withdrawal", np.full(len(rows), math.nan))
    window = float(max(design.visits.window_days, 3))
    # Whoever was seen at the last visit was watched to the end; whoever was not, until he was last seen.
    stayed = np.where(np.isnan(last) | (last >= days - window), days, last)
    followed = np.clip(np.fmin(left, stayed), 0.0, days)
    return People(tuple(map(str, rows["subject"])), treated, stratum, first, followed, days), tuple(notes)


def values_of(
    tables: StudyTables, people: People, measure: str, weeks: tuple[int, ...], *, window: float
) -> tuple[Array, tuple[int, ...]]:
    """Return values by week, NaN where somebody was not seen, and the weeks at which anybody was.

    The value that counts for a week is the one nearest to it within the window.

    Returns
    -------
    tuple of ndarray, shape (people, weeks), and tuple of int

    Raises
    ------
    InputError
        When the Study does not hold the measure, or nobody has a baseline.
    """
    rows = _rows(tables, measure)
    place = {subject: k for k, subject in enumerate(people.subjects)}
    values = np.full((people.n, len(weeks)), math.nan)
    distance = np.full(values.shape, math.inf)
    reach = max(window, 3.0)
    for subject, time, value in zip(rows["subject"], rows["time"], rows["value"], strict=True):
        who = place.get(str(subject))
        if who is None:
            continue
        for k, week in enumerate(weeks):
            away = abs(float(time) - 7 * week)
            if away <= reach and away < distance[who, k]:
                values[who, k], distance[who, k] = float(value), away
    there = ~np.isnan(values).all(axis=0)
    if not there[0]:
        raise InputError(measure, "nobody has a baseline (week 0)", hint="visits are matched by their day")
    kept = np.flatnonzero(there)
    return values[:, kept], tuple(weeks[k] for k in kept)


def _column(rows: pd.DataFrame, factor: str) -> str | None:
    """Return the column of the subjects that holds a factor."""
    return next((name for name in (factor, slug(factor)) if name in rows), None)


def _rows(tables: StudyTables, measure: str) -> pd.DataFrame:
    rows = tables.measurements
    whole = rows[(rows["measure"] == measure) & (rows["item"] == "")].dropna(subset=["value"])
    if whole.empty:
        from abate.study.paired import look

        # Answers item by item are scored as `abate analyse` does.
        for one in look(tables).measures:
            if one.slug == measure:
                long = one.values.rename_axis("subject").reset_index()
                long = long.melt("subject", var_name="visit", value_name="value").dropna(subset=["value"])
                times = rows.groupby("visit")["time"].median()
                return long.assign(time=long["visit"].map(times))
        names = sorted(set(rows["measure"]))
        raise InputError(
            "design, endpoint.measure",
            "the Study does not hold this measure",
            value=measure,
            allowed=names,
            hint=did_you_mean(measure, names),
        )
    return whole


def _treated(arms: pd.Series[str], design: DesignFile) -> Flags:
    if design.is_crossover:
        called = [(sequence.names, k == 0) for k, sequence in enumerate(design.sequences)]
    else:
        called = [((arm.name, arm.label), arm is design.treatment) for arm in (design.treatment, design.control)]
    # A file of ADaM knows arms by their labels, and its reader makes slugs of them.
    known = {way: is_treatment for names, is_treatment in called for name in names for way in (name, slug(name))}
    strange = sorted(set(map(str, arms)) - set(known))
    if strange:
        raise InputError(
            "subjects, arm",
            "this arm is not of the design",
            value=strange[0],
            allowed=[names[0] for names, _ in called],
            hint=did_you_mean(strange[0], list(known)),
        )
    treated: Flags = np.array([known[str(arm)] for arm in arms], dtype=np.bool_)
    if treated.all() or not treated.any():
        raise InputError("subjects, arm", "one of the arms has nobody", value=str(arms.iloc[0]) if len(arms) else "")
    return treated
