"""The primary endpoint of a design under one estimand, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from abate.design.analysis.compare import Compared, ordered, pooled, scores, shares, times, wins
from abate.design.analysis.estimands import Intercurrent, intercurrent
from abate.design.analysis.imputation import imputed
from abate.design.analysis.people import People, values_of
from abate.design.analysis.wins import Outcome
from abate.design.protocol.file import DesignFile, Endpoint, Estimand
from abate.ground.errors import InputError

if TYPE_CHECKING:
    from abate.study.tables import StudyTables

__all__ = ["Data", "Filling", "category", "compared", "data_of", "last_before", "outcomes_of", "responded"]

Filling = Literal["tie", "best", "worst", "loss"]
"""What a missing value of a ranked composite is taken for: nothing, the treatment's gain or loss, or one's own loss."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Data:
    """An endpoint of a Study: who, and what was seen.

    Attributes
    ----------
    kind : {'responders', 'change', 'time-to-flare', 'ordered-outcome', 'win-ratio'}
    endpoint : Endpoint
    people : People
    values : ndarray, shape (people, weeks)
        Of the measure, the baseline first; empty for a time or a win ratio.
    weeks : tuple of int
    tables : StudyTables
    window : float
        Days around a visit.
    """

    kind: str
    endpoint: Endpoint
    people: People
    values: Array
    weeks: tuple[int, ...]
    tables: StudyTables
    window: float

    @property
    def lower_is_better(self) -> bool:
        """Whether a fall of the measure is wanted."""
        return self.endpoint.better == "lower"


def data_of(tables: StudyTables, design: DesignFile, people: People, endpoint: Endpoint, kind: str) -> Data:
    """Return the data of an endpoint.

    Raises
    ------
    InputError
        When the Study does not hold what the endpoint needs.
    """
    window = float(design.visits.window_days)
    values: Array = np.zeros((people.n, 0))
    weeks: tuple[int, ...] = ()
    if kind in ("responders", "change", "ordered-outcome"):
        planned = tuple(week for week in design.visits.weeks if week <= endpoint.week)
        if planned[0] != 0:
            planned = (0, *planned)
        if _is_defined(tables, endpoint.measure):
            values, weeks = _defined(tables, people, endpoint), (0, endpoint.week)
        else:
            values, weeks = values_of(tables, people, endpoint.measure, planned, window=window)
        if weeks[-1] != endpoint.week:
            raise InputError(
                f"endpoint {endpoint.name!r}",
                "the Study holds no value of it at its week",
                value=f"week {endpoint.week}",
                allowed=[f"week {week}" for week in weeks],
            )
    if kind == "win-ratio" and not endpoint.ranking:
        raise InputError(
            f"endpoint {endpoint.name!r}",
            "a win ratio needs its ranking",
            hint="in the design file, as ranking: [{event: death}, {measure: fiqr, week: 12, margin: 5}]",
        )
    data = Data(kind, endpoint, people, values, weeks, tables, window)
    if kind == "responders":
        responded(data, values)  # says now what the file leaves open
    return data


def _is_defined(tables: StudyTables, name: str) -> bool:
    """Tell whether a name is an endpoint of the library or of the Study, and no measure that was taken."""
    from abate.study.endpoints import ENDPOINTS

    known = name in ENDPOINTS or name in tables.meta.get("endpoint_rules", {})
    return known and not bool((tables.measurements["measure"] == name).any())


def _defined(tables: StudyTables, people: People, endpoint: Endpoint) -> Array:
    """Return an endpoint that a Study defines from events and doses, after a baseline of nothing."""
    from abate.study.endpoints import per_person

    own = tables.meta.get("endpoint_rules", {})
    rows = per_person(tables, people.days, [endpoint.measure], own)
    found = rows[endpoint.measure].reindex(list(people.subjects)).to_numpy(dtype=float)
    return np.column_stack([np.zeros(people.n), found])


def compared(data: Data, estimand: Estimand, *, seed: int, level: float = 0.95) -> tuple[Compared, str]:
    """Compare the arms under an estimand; the second value says how missing values were met.

    Raises
    ------
    InputError
        When the estimand cannot be estimated.
    """
    events = intercurrent(estimand, data.people)
    if data.kind == "responders":
        return _shares(data, events, seed, level)
    if data.kind == "change":
        return _scores(data, events, level)
    if data.kind == "time-to-flare":
        return _times(data, events, level)
    if data.kind == "ordered-outcome":
        return _ordered(data, events, level)
    return _wins(data, events, level)


def responded(data: Data, values: Array) -> Array:
    """Return who responds at the last week, 1 or 0, NaN where the value is missing, shape (people,)."""
    endpoint, last = data.endpoint, values[:, -1]
    unknown = np.isnan(last)
    if endpoint.fall is not None:
        base = values[:, 0]
        hit = last <= (1 - endpoint.fall) * base + 1e-12
        unknown = unknown | np.isnan(base)
    elif endpoint.at_most is not None:
        hit = last <= endpoint.at_most + 1e-12
    elif endpoint.at_least is not None:
        hit = last >= endpoint.at_least - 1e-12
    else:
        strange = sorted({float(v) for v in last[~unknown]} - {0.0, 1.0})
        if strange:
            raise InputError(
                f"endpoint {endpoint.name!r}",
                "nothing says who is a responder, and the measure is not 0 or 1",
                value=strange[0],
                hint="in the design file: fall: 0.3 (of the first value), or at_most, or at_least",
            )
        hit = last > 0.5
    return np.where(unknown, np.nan, hit.astype(float))


def _shares(data: Data, events: Intercurrent, seed: int, level: float) -> tuple[Compared, str]:
    people = data.people
    due = 7.0 * data.endpoint.week
    failed = events.composite <= due
    values = last_before(data, events)
    known = np.where(failed, 0.0, responded(data, values))
    missing = int(np.isnan(known).sum())
    if not missing:
        return shares(known, people.treated, people.stratum, level=level), "nothing was missing"
    if _is_graded(data):
        try:
            whole = imputed(values, people.treated, "missing-at-random", seed=seed)
        except InputError:
            whole = []
        if whole:
            found = []
            for one in whole:
                hit = np.where(np.isnan(known), responded(data, one), known)
                found.append(shares(hit, people.treated, people.stratum, level=level))
            words = f"{missing} missing values of {data.endpoint.measure} imputed at random"
            return replace(pooled(found, words, level=level), more={"seen": _seen(known, people)}), words
    hit = np.nan_to_num(known, nan=0.0)
    words = f"{missing} people without a value counted as not responding"
    return shares(hit, people.treated, people.stratum, level=level), words


def _seen(known: Array, people: People) -> dict[str, list[int]]:
    """Return responders, people with a value and people, by arm."""
    arms = (("treatment", people.treated), ("control", ~people.treated))
    return {
        name: [int(np.nansum(known[mine])), int((~np.isnan(known[mine])).sum()), int(mine.sum())] for name, mine in arms
    }


def _is_graded(data: Data) -> bool:
    one = data.endpoint
    return any(rule is not None for rule in (one.fall, one.at_most, one.at_least))


def last_before(data: Data, events: Intercurrent) -> Array:
    """Return values as an estimand leaves them, the last one before a while-on-treatment event carried to the end."""
    values = events.observed(data.values, data.weeks)
    stopped = np.isfinite(events.while_on_treatment) & (events.while_on_treatment <= 7.0 * data.endpoint.week)
    for row in np.flatnonzero(stopped):
        there = np.flatnonzero(~np.isnan(values[row]))
        if len(there):
            values[row, -1] = values[row, there[-1]]
    return values


def _scores(data: Data, events: Intercurrent, level: float) -> tuple[Compared, str]:
    people, due = data.people, 7.0 * data.endpoint.week
    failed = events.composite <= due
    values = last_before(data, events)
    missing = int(np.isnan(values[:, -1]).sum())
    if failed.any():
        # A failure has no score: it ranks below every one that was seen, and the arms are compared by ranks.
        sign = -1.0 if data.lower_is_better else 1.0
        final = np.where(failed, -1e12, sign * (values[:, -1] - values[:, 0]))
        seen = ~np.isnan(final)
        a, b = final[seen & people.treated], final[seen & ~people.treated]
        words = f"{int(failed.sum())} people with the event rank last; {int((~seen).sum())} without a value left out"
        found = wins([Outcome(a, b)], level=level)
        return replace(found, method=f"Wilcoxon's test of the changes; {found.method}"), words
    if np.isfinite(events.while_on_treatment).any():
        return scores(values[:, [0, -1]], (0, data.endpoint.week), people.treated, people.stratum, level=level), (
            "the last value before the event was carried to the end"
        )
    return (
        scores(values, data.weeks, people.treated, people.stratum, level=level),
        f"{missing} missing at week {data.endpoint.week}, at random given what was seen",
    )


def _times(data: Data, events: Intercurrent, level: float) -> tuple[Compared, str]:
    people = data.people
    due = min(7.0 * data.endpoint.week or people.days, people.days)
    happened = np.minimum(people.day(data.endpoint.event), events.composite)
    censored = np.minimum(np.minimum(people.followed, due), np.minimum(events.hypothetical, events.while_on_treatment))
    seen = happened <= censored
    duration = np.where(seen, happened, censored)
    words = f"{int((~seen & (duration < due)).sum())} people censored before week {due / 7:g}"
    return times(duration, seen, people.treated, people.stratum, until=due, level=level), words


def _ordered(data: Data, events: Intercurrent, level: float) -> tuple[Compared, str]:
    people = data.people
    final = category(data, last_before(data, events))
    failed = events.composite <= 7.0 * data.endpoint.week
    if failed.any():
        final = np.where(failed, np.nanmax(final), final)
    words = f"{int(np.isnan(final).sum())} people without a value left out"
    return ordered(final, people.treated, people.stratum, level=level), words


def category(data: Data, values: Array) -> Array:
    """Return the category at the last week, the lowest best, shape (people,)."""
    return np.asarray((1.0 if data.lower_is_better else -1.0) * values[:, -1])


def _wins(data: Data, events: Intercurrent, level: float) -> tuple[Compared, str]:
    return wins(outcomes_of(data, events), level=level), "a comparison that a missing value hides is a tie"


def outcomes_of(data: Data, events: Intercurrent | None = None, *, filling: Filling = "tie") -> list[Outcome]:
    """Return the outcomes of a ranking, the most important first.

    Parameters
    ----------
    data : Data
    events : Intercurrent, optional
        Of an estimand; none is as under the treatment policy.
    filling : {'tie', 'best', 'worst', 'loss'}
        What missing values are taken for, and time after somebody left early: nothing; the best on treatment and the
        worst on control; the other way round; the worst on both.

    Raises
    ------
    InputError
        When nobody was seen at a week of the ranking.
    """
    people, due = data.people, 7.0 * data.endpoint.week
    treated = people.treated
    none = np.full(people.n, np.inf)
    events = Intercurrent(none, none, none) if events is None else events
    outcomes = []
    if np.isfinite(events.composite).any():
        outcomes.append(_waiting(np.minimum(events.composite, np.inf), people.followed, treated, 0.0))
    # Of whom a missing value is taken for the worst.
    worst = {"tie": none < 0, "best": ~treated, "worst": treated, "loss": none > 0}[filling]
    for one in data.endpoint.ranking:
        if one.event is not None:
            day = people.day(one.event)
            watched = np.minimum(np.minimum(people.followed, due), events.hypothetical)
            if filling != "tie":
                left = (day > watched) & (watched < due)
                day = np.where(left & worst, watched, day)
                watched = np.where(left & ~worst, due, watched)
            outcomes.append(_waiting(day, watched, treated, one.margin))
            continue
        week = data.endpoint.week if one.week is None else one.week
        values, weeks = values_of(data.tables, people, str(one.measure), (0, week), window=data.window)
        if weeks[-1] != week:
            raise InputError(f"endpoint {data.endpoint.name!r}", f"no {one.measure} was seen in week {week}")
        values = events.observed(values, weeks)
        change = (values[:, -1] - values[:, 0]) * (-1.0 if one.better == "lower" else 1.0)
        if filling != "tie":
            change = np.where(np.isnan(change), np.where(worst, -np.inf, np.inf), change)
        outcomes.append(Outcome(change[treated], change[~treated], margin=one.margin))
    return outcomes


def _waiting(day: Array, watched: Array, treated: NDArray[np.bool_], margin: float) -> Outcome:
    seen = day <= watched
    time = np.where(seen, day, watched)
    return Outcome(time[treated], time[~treated], seen[treated], seen[~treated], margin)
