"""The data of a crossover, period by period, under one estimand, and what its missing periods could hide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abate.design.analysis.compare import Compared
from abate.design.analysis.crossover import crossed_scores, crossed_shares, mixed_scores
from abate.design.analysis.endpoints import Data, last_before, responded
from abate.design.analysis.estimands import intercurrent
from abate.design.analysis.people import People, values_of
from abate.design.protocol.file import DesignFile, Endpoint, Estimand
from abate.ground.errors import InputError

if TYPE_CHECKING:
    from abate.study.tables import StudyTables

__all__ = ["Crossed", "crossed_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Crossed:
    """An endpoint of a crossover: the data of each period, their days counted from its own start.

    Attributes
    ----------
    kind : {'responders', 'change'}
    periods : tuple of Data
        First and second.
    people : People
        Over both; ``treated`` says who took the treatment first.
    """

    kind: str
    periods: tuple[Data, Data]
    people: People

    def compared(self, estimand: Estimand) -> tuple[Compared, str]:
        """Compare the treatments under an estimand; the second value says how missing periods were met.

        Raises
        ------
        InputError
            When the estimand cannot be estimated.
        """
        first, second = (_outcome(period, estimand) for period in self.periods)
        return self._compared(first, second)

    def _compared(self, first: Array, second: Array) -> tuple[Compared, str]:
        one = int((np.isnan(first) != np.isnan(second)).sum())
        none = int((np.isnan(first) & np.isnan(second)).sum())
        lost = f"; {none} without any are left out" if none else ""
        if self.kind == "responders":
            found = crossed_shares(first, second, self.people.treated)
            return (
                found,
                f"{one + none} people without both periods are left out" if one + none else "nothing was missing",
            )
        if one:
            found = mixed_scores(first, second, self.people.treated, self.people.stratum)
            return found, f"{one} people of whom one period was seen are in the mixed model{lost}"
        found = crossed_scores(first, second, self.people.treated, self.people.stratum)
        return found, f"{none} people without any value are left out" if none else "nothing was missing"

    def sensitivity(self) -> dict[str, Any]:
        """Return what missing periods could hide, by what they are taken for."""
        policy = Estimand(name="policy", population="all", variable="value", summary="estimate")
        first, second = (_outcome(period, policy) for period in self.periods)
        missing = int(np.isnan(first).sum() + np.isnan(second).sum())
        if not missing:
            return {"missing": 0}
        early, stratum = self.people.treated, self.people.stratum
        if self.kind == "responders":
            return {"missing": missing} | {
                name: crossed_shares(*_filled(first, second, early, on, off), early).as_dict()
                for name, on, off in (("best-case", 1.0, 0.0), ("worst-case", 0.0, 1.0), ("not-responding", 0.0, 0.0))
            }
        plain = crossed_scores(first, second, early, stratum)
        # Second minus first of those with both is the period's; whoever lacks a period gets that and nothing else.
        period = plain.more["period_effect"]["estimate"]
        gone = np.isnan(first) & ~np.isnan(second), ~np.isnan(first) & np.isnan(second)
        alike = crossed_scores(
            np.where(gone[0], second - period, first), np.where(gone[1], first + period, second), early, stratum
        )
        return {
            "missing": missing,
            "people-with-both-periods": plain.as_dict(),
            "no-benefit-for-the-others": alike.as_dict(),
        }


def crossed_of(tables: StudyTables, design: DesignFile, people: People, endpoint: Endpoint, kind: str) -> Crossed:
    """Return the data of an endpoint in both periods.

    Raises
    ------
    InputError
        When the Study does not hold what the endpoint needs in one of them.
    """
    if kind not in ("responders", "change"):
        raise InputError(
            "design, layout",
            "a crossover is analysed for responders and scores",
            value=kind,
            allowed="--layout parallel",
        )
    planned = tuple(week for week in design.visits.weeks if week <= endpoint.week)
    start = design.second_period
    window = float(design.visits.window_days)
    values, weeks = values_of(
        tables, people, endpoint.measure, tuple(sorted({*planned, *(start + week for week in planned)})), window=window
    )
    place = {week: k for k, week in enumerate(weeks)}
    periods = []
    for number, offset in ((1, 0), (2, start)):
        kept = [week for week in planned if offset + week in place]
        if not kept or kept[-1] != endpoint.week:
            raise InputError(
                f"endpoint {endpoint.name!r}",
                f"the Study holds no value of it at its week of period {number}",
                value=f"week {offset + endpoint.week}",
                allowed=[f"week {week}" for week in weeks],
            )
        seen = values[:, [place[offset + week] for week in kept]]
        if kept[0] != 0:
            seen, kept = np.column_stack([np.full(people.n, np.nan), seen]), [0, *kept]
        mine = _within(people, tables, 7.0 * offset, 7.0 * start if number == 1 else people.days)
        periods.append(Data(kind, endpoint, mine, seen, tuple(kept), tables, window))
    found = Crossed(kind, (periods[0], periods[1]), people)
    if kind == "responders":
        for period in found.periods:
            responded(period, period.values)  # says now what the file leaves open
    return found


def _within(people: People, tables: StudyTables, start: float, end: float) -> People:
    """Return people with the first day of each event in one period, counted from its start.

    Whoever withdrew in an earlier period has withdrawn on its first day.
    """
    first = {}
    for event, of in tables.events.groupby("event"):
        times = of["time"].astype(float)
        here = of[(times >= start) & (times <= end)] if start else of[times < end]
        days = here.groupby("subject")["time"].min().reindex(list(people.subjects)).to_numpy(dtype=float) - start
        first[str(event)] = days
    # Leaving happens once, whatever the cause: it lasts.
    for event in people.first:
        if event.startswith("withdrawal"):
            day = people.day(event) - start
            first[event] = np.where(day <= end - start, np.maximum(day, 0.0), np.nan)
    return replace(people, first=first, followed=np.clip(people.followed - start, 0.0, end - start), days=end - start)


def _outcome(data: Data, estimand: Estimand) -> Array:
    """Return the outcome of a period under an estimand, NaN where nothing tells it, shape (people,)."""
    events = intercurrent(estimand, data.people)
    failed = events.composite <= 7.0 * data.endpoint.week
    values = last_before(data, events)
    if data.kind == "responders":
        return np.where(failed, 0.0, responded(data, values))
    if failed.any():
        raise InputError(
            f"estimand {estimand.name!r}",
            "a failure has no score to be set against the other period",
            value=f"{int(failed.sum())} people",
            hint="nearest feasible: an endpoint of responders (at_most, at_least or fall)",
        )
    return np.asarray(values[:, -1])


def _filled(first: Array, second: Array, early: NDArray[np.bool_], on: float, off: float) -> tuple[Array, Array]:
    """Fill missing periods: with one value on treatment, another on control."""
    return (
        np.where(np.isnan(first), np.where(early, on, off), first),
        np.where(np.isnan(second), np.where(early, off, on), second),
    )
