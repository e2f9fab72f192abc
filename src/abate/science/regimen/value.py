"""A regimen as a value: what is given, how, how often, for how long; and the doses that follow from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.science.regimen.drugs import clock_hours, drug

__all__ = ["Doses", "Regimen", "Span", "number"]

Floats = npt.NDArray[np.float64]
Unit = Literal["min", "h", "day", "week", "dose"]
_DAYS: dict[str, float] = {"min": 1 / 1440, "h": 1 / 24, "day": 1.0, "week": 7.0}
_PER_MG: dict[str, float] = {"mg": 1.0, "ug": 1e-3, "g": 1e3}


def number(value: float) -> str:
    """Write a number as people do, without losing a digit.

    Examples
    --------
    >>> number(162.0), number(12.5)
    ('162', '12.5')
    """
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


@dataclass(frozen=True, slots=True)
class Span:
    """A length as it was written: 4 weeks, 30 min, 8 doses."""

    count: float
    unit: Unit

    @property
    def days(self) -> float:
        """Length in days (not defined for doses)."""
        return self.count * _DAYS[self.unit]

    def __str__(self) -> str:
        many = "" if self.count == 1 or self.unit in ("h", "min") else "s"
        return f"{number(self.count)} {self.unit}{many}"


@dataclass(frozen=True, slots=True)
class Doses:
    """Doses of one drug by one route: the same times for everybody, an amount for each person.

    Attributes
    ----------
    drug, route : str
        What reaches the body, and how.
    time : ndarray, shape (E,)
        Days; when the dose is taken or the infusion starts.
    amount : ndarray, shape (E, n)
        mg per person.
    duration_h : float
        Hours of the infusion; 0 for a dose given at once.
    lag_h : float
        Hours between taking it and its release (delayed-release tablets).
    """

    drug: str
    route: str
    time: Floats
    amount: Floats
    duration_h: float = 0.0
    lag_h: float = 0.0

    @property
    def enters(self) -> Floats:
        """Days at which the drug is released, shape (E,)."""
        return np.asarray(self.time + self.lag_h / 24)


@dataclass(frozen=True, slots=True)
class Regimen:
    """A regimen as people write it; ``str`` gives the text back.

    Attributes
    ----------
    amounts : tuple of float
        Doses taken in turn (usually one; ``10/7.5 mg`` has two).
    unit : str
        ``mg``, ``ug``, ``g`` or one of them per kg.
    every : Span or None
        Time between doses; None for a single dose.
    drug, route : str or None
        As written; left out, the caller names the drug and the drug its usual route.
    over : Span or None
        Duration of the infusion.
    clock : str or None
        ``morning``, ``noon``, ``evening``, ``night`` or ``HH:MM``.
    at_most : float or None
        Largest single dose in mg.
    lasting : Span or None
        How long, or how many doses; None for until further notice.
    start : float
        Day of the first dose; ``from week 4`` is day 28, as visits are counted.

    Examples
    --------
    >>> from abate.science.regimen import parse
    >>> regimen = parse("tocilizumab 8 mg/kg iv over 1 h every 4 weeks, at most 800 mg")
    >>> doses = regimen.doses(0, 84, {"weight": [70.0, 120.0]})
    >>> doses.time.tolist(), doses.amount[0].tolist(), doses.duration_h
    ([0.0, 28.0, 56.0], [560.0, 800.0], 1.0)
    """

    amounts: tuple[float, ...]
    unit: str
    every: Span | None
    drug: str | None = None
    route: str | None = None
    over: Span | None = None
    clock: str | None = None
    at_most: float | None = None
    lasting: Span | None = None
    start: float = 0.0

    def __post_init__(self) -> None:
        if not self.amounts or any(a < 0 or not math.isfinite(a) for a in self.amounts):
            raise InputError("regimen", "a dose cannot be negative", value=self.amounts, allowed="0 or more")
        if self.every is not None and not self.every.days > 0:
            raise InputError("regimen", "the time between doses must be above 0", value=str(self.every))
        if self.route is not None and self.drug is not None and self.route not in drug(self.drug).routes:
            raise InputError(
                "regimen", f"{self.drug} is not given this way", value=self.route, allowed=drug(self.drug).routes
            )

    def __str__(self) -> str:
        words = [self.drug] if self.drug else []
        words += ["/".join(number(a) for a in self.amounts), self.unit]
        words += [self.route] if self.route else []
        words += [f"over {self.over}"] if self.over else []
        words.append(self._schedule())
        if self.clock and ":" in self.clock:
            words.append(f"at {self.clock}")
        text = " ".join(words)
        if self.at_most is not None:
            text += f", at most {number(self.at_most)} mg"
        if self.start:
            weeks = (self.start / 7).is_integer()
            text += f" from week {number(self.start / 7)}" if weeks else f" from day {number(self.start)}"
        return text + (f" for {self.lasting}" if self.lasting else "")

    def of(self, name: str) -> Regimen:
        """Return the same regimen of a named drug (unchanged when it names one itself)."""
        return self if self.drug else replace(self, drug=drug(name).name)

    @property
    def needs_weight(self) -> bool:
        """Whether the dose depends on body weight."""
        return self.unit.endswith("/kg")

    @property
    def largest_mg(self) -> float:
        """The largest dose in mg (a kg, where it goes by weight), before its own largest dose."""
        return max(self.amounts) * _PER_MG[self.unit.removesuffix("/kg")]

    def times(self, start: float, end: float) -> Floats:
        """Return the days of the doses in [start, end), shape (E,)."""
        every = self.every.days if self.every else math.inf
        first = self.start + self._hours() / 24
        limit = self._limit(every)
        if self.every is None:
            times = np.array([first])
        else:
            count = min(limit, max(0, math.ceil((end - first) / every) + 1))
            times = first + np.arange(int(count)) * every
        return times[(times >= start) & (times < end)]

    def doses(
        self,
        start: float,
        end: float,
        people: Mapping[str, npt.ArrayLike] | None = None,
        *,
        persons: int | None = None,
    ) -> Doses:
        """Return the doses given in [start, end).

        Parameters
        ----------
        start, end : float
            Days; the end is not included.
        people : mapping of str to array_like, shape (n,), optional
            Covariates; ``weight`` in kg is needed for a dose per kg.
        persons : int, optional
            How many people, when no covariate says so (default 1).

        Returns
        -------
        Doses
            Times in days and mg per person.

        Raises
        ------
        InputError
            If the drug is not named, or a weight is missing or not above 0.
        """
        if self.drug is None:
            raise InputError(
                "regimen", "no drug is named", value=str(self), hint="write it first: tocilizumab 162 mg ..."
            )
        known = drug(self.drug)
        route = self.route or known.routes[0]
        times = self.times(start, end)
        per_person = self._per_person(people, persons)
        every = self.every.days if self.every else math.inf
        first = self.start + self._hours() / 24
        turn = (
            np.zeros(times.size, dtype=np.int64) if self.every is None else np.rint((times - first) / every).astype(int)
        )
        amount = per_person[:, turn % len(self.amounts)].T
        duration = self.over.days * 24 if self.over else known.infusion_h if route == "iv" else 0.0
        return Doses(known.active, route, times, np.ascontiguousarray(amount), duration, known.lag_h)

    def _per_person(self, people: Mapping[str, npt.ArrayLike] | None, persons: int | None) -> Floats:
        columns = {k: np.atleast_1d(np.asarray(v)) for k, v in (people or {}).items()}
        n = persons if persons is not None else max((c.size for c in columns.values()), default=1)
        base = np.asarray(self.amounts) * _PER_MG[self.unit.removesuffix("/kg")]
        if not self.needs_weight:
            amount = np.broadcast_to(base, (n, base.size))
        elif "weight" not in columns:
            raise InputError("regimen", "a dose per kg needs the people's weight", value=str(self))
        else:
            weight = columns["weight"].astype(float)
            if not np.all(weight > 0):
                raise InputError(
                    "weight", "a weight is missing or not above 0", value=float(weight.min()), allowed="kg"
                )
            amount = np.broadcast_to(weight, (n,))[:, None] * base
        return np.asarray(np.minimum(amount, np.inf if self.at_most is None else self.at_most))

    def _limit(self, every: float) -> float:
        if self.lasting is None:
            return math.inf
        if self.lasting.unit == "dose":
            return self.lasting.count
        return math.ceil(self.lasting.days / every - 1e-9)  # a span of exactly k intervals holds k doses

    def _hours(self) -> float:
        clock = self.clock
        if clock is None and self.drug and self.every is not None and self.every.days == 1:
            clock = drug(self.drug).clock
        if clock is None:
            return 0.0
        if ":" in clock:
            hours, minutes = clock.split(":")
            return int(hours) + int(minutes) / 60
        return clock_hours()[clock]

    def _schedule(self) -> str:
        if self.every is None:
            return "once"
        if self.clock and ":" not in self.clock:
            return f"every {self.clock}"
        if len(self.amounts) == 2 and self.every == Span(1, "day"):
            return "alternate days"
        return f"every {self.every.unit}" if self.every.count == 1 and self.every.unit != "h" else f"every {self.every}"
