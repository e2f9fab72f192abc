"""Who leaves a trial when, and for which cause: hazards that compete, some of them only after an event.

Each cause has a draw of its own, keyed by (seed, cause, person): an exponential threshold. A person leaves for the
cause whose hazard, added up over the days, reaches its threshold first. So nothing else that is drawn for the person
changes when a cause is added, and a cause keeps its days when another one is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abate.ground.randomness import uniform
from abate.trial.pieces import Cause, Dropout

__all__ = ["UNTOLD", "Leaving"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

UNTOLD = "left the study"
"""What is recorded where a trial states one rate and no cause."""


@dataclass
class _Hazard:
    """One cause: what is left of each person's threshold, and the span of days over which it is used up."""

    name: str
    per_day: float
    after: str | None
    window: float
    left: Floats
    begin: Floats
    end: Floats

    @property
    def day(self) -> Floats:
        """The day on which each person leaves for this cause, as far as is known; infinite where none is."""
        with np.errstate(divide="ignore", invalid="ignore"):
            day = self.begin + self.left / self.per_day
        return np.asarray(np.where(day < self.end, day, np.inf))

    def happened(self, day: float, who: Booleans) -> None:
        """Begin, or lengthen, the span of those to whom the event happened today."""
        on = who & (day <= self.end)
        fresh = who & ~on
        used = np.where(fresh & np.isfinite(self.begin), (self.end - self.begin) * self.per_day, 0.0)
        self.left = self.left - used
        self.begin = np.where(fresh, day, self.begin)
        self.end = np.where(who, day + self.window, self.end)


class Leaving:
    """The day on which each person of an arm leaves, known as far as events have happened.

    Parameters
    ----------
    dropout : Dropout or None
        Of the arm.
    days : int
        Length of the trial; who stays is followed until then.
    persons : ndarray of int, shape (n,)
        Keys of the draws.
    seed : int
        Of the run.

    Attributes
    ----------
    day : ndarray, shape (n,)
        Day on which each person leaves, or the end.

    Examples
    --------
    >>> cause = {"rate": 2.0, "unit": "1/year", "after": "flare", "source": "assumed", "grade": "assumed"}
    >>> leaving = Leaving(Dropout(causes={"lack-of-efficacy": cause}), 364, np.arange(100), seed=1)
    >>> bool((leaving.day < 364).any())
    False
    >>> leaving.happened(90, {"flare": np.arange(100) < 50})
    >>> gone = leaving.day < 364
    >>> bool(gone[:50].any()), bool(gone[50:].any()), set(leaving.causes[gone])
    (True, False, {'lack-of-efficacy'})
    """

    def __init__(self, dropout: Dropout | None, days: int, persons: npt.NDArray[np.int64], seed: int) -> None:
        self._days, self._n = float(days), persons.size
        self._hazards = [] if dropout is None else [_hazard(*item, persons, seed) for item in _rates(dropout)]
        self._look()

    def _look(self) -> None:
        day = np.full(self._n, self._days)
        self._cause = np.full(self._n, -1)
        for index, hazard in enumerate(self._hazards):
            earlier = hazard.day < day
            day = np.where(earlier, hazard.day, day)
            self._cause = np.where(earlier, index, self._cause)
        self.day: Floats = day

    @property
    def causes(self) -> npt.NDArray[np.object_]:
        """Why each person leaves, shape (n,); empty for those who stay."""
        names = np.array([*(hazard.name for hazard in self._hazards), ""], dtype=object)
        return np.asarray(names[self._cause])

    def happened(self, day: float, events: Mapping[str, Booleans]) -> None:
        """Take note of what was called today, shape (n,) each; a day that has passed does not change."""
        told = [(h, events[h.after]) for h in self._hazards if h.after is not None and h.after in events]
        told = [(hazard, called & (self.day > day)) for hazard, called in told if called.any()]
        for hazard, called in told:
            hazard.happened(float(day), called)
        if told:
            self._look()


def _rates(dropout: Dropout) -> list[tuple[str, str, float, Cause | None]]:
    """Return name, purpose of the draw, hazard a day, and the cause itself."""
    rows: list[tuple[str, str, float, Cause | None]] = []
    if dropout.rate is not None:
        rows.append((UNTOLD, "dropout", dropout.per_day, None))
    rows += [(name, f"dropout:{name}", cause.per_day, cause) for name, cause in dropout.causes.items()]
    return [row for row in rows if row[2] > 0]


def _hazard(
    name: str, purpose: str, per_day: float, cause: Cause | None, persons: npt.NDArray[np.int64], seed: int
) -> _Hazard:
    threshold = -np.log(uniform(seed, purpose, persons))
    after = cause.after if cause else None
    window = 7.0 * cause.for_weeks if cause and cause.for_weeks else np.inf
    first, last = (0.0, np.inf) if after is None else (np.inf, -np.inf)
    return _Hazard(name, per_day, after, window, threshold, np.full(persons.shape, first), np.full(persons.shape, last))
