"""A taper as a value: steps of a daily dose, and the dose on any day for people who enter at different steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.ground.quantity import Grade
from abate.science.regimen.value import number

__all__ = ["Step", "Taper"]

Floats = npt.NDArray[np.float64]
_TINY = 1e-9  # doses are multiples of 0.01 mg or quotients of such; this only absorbs rounding


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a taper.

    Attributes
    ----------
    doses : tuple of float
        mg, day after day, taken in turn (one number for a constant dose).
    days : int
        Length of the step.
    level : float
        mg that the step is named after (the new dose of a pattern, the mean of an alternation).
    """

    doses: tuple[float, ...]
    days: int
    level: float

    def course(self) -> Floats:
        """Return mg on each day, shape (days,)."""
        return np.resize(np.asarray(self.doses, dtype=float), self.days)


@dataclass(frozen=True)
class Taper:
    """A taper of the library or of a file.

    Attributes
    ----------
    name, title, drug : str
        What it is, of which drug.
    source, grade : str
        Who says so, and how far to trust the transcription.
    steps : tuple of Step
        In order; day 0 is the first day of the first step.
    then : float
        mg a day after the last step.
    stretch_from : int or None
        First step whose length may be stretched person by person (None: none may).
    notes : str
        What was assumed.

    Examples
    --------
    >>> from abate.science.regimen import load_taper
    >>> taper = load_taper("giacta-26")
    >>> taper.total(), taper.total(40), taper.duration
    (2632.0, 1862.0, 182)
    >>> taper.dose_on([0, 6, 7, 14], 50).tolist()
    [50.0, 50.0, 40.0, 35.0]
    """

    name: str
    title: str
    drug: str
    source: str
    grade: Grade
    steps: tuple[Step, ...]
    then: float = 0.0
    stretch_from: int | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        doses = [d for step in self.steps for d in step.doses] + [self.then]
        if not self.steps or any(step.days < 1 for step in self.steps):
            raise InputError(self.name, "a taper needs steps of at least one day")
        if any(d < 0 or not math.isfinite(d) for d in doses):
            raise InputError(self.name, "a dose cannot be negative", value=min(doses), allowed="0 or more mg")

    @cached_property
    def table(self) -> Floats:
        """mg on each day from the first step, shape (duration,); not writeable."""
        table = np.concatenate([step.course() for step in self.steps])
        table.flags.writeable = False
        return table

    @cached_property
    def first_days(self) -> npt.NDArray[np.int64]:
        """First day of each step, and the day after the last one, shape (steps + 1,)."""
        return np.concatenate([[0], np.cumsum([step.days for step in self.steps])])

    @cached_property
    def levels(self) -> Floats:
        """mg after which each step is named, shape (steps,)."""
        return np.array([step.level for step in self.steps])

    @property
    def duration(self) -> int:
        """Days from the first to the last step."""
        return int(self.first_days[-1])

    def entry(self, start_dose: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the step at which people with a given dose enter: the first that never gives more.

        Parameters
        ----------
        start_dose : array_like of float, shape (n,)
            mg a day; NaN enters at the first step.

        Returns
        -------
        ndarray of int, shape (n,)
            Index of the step; the number of steps for a dose below them all.
        """
        dose = np.asarray(start_dose, dtype=float)
        tops = np.array([max(step.doses) for step in self.steps])
        fits = tops <= np.where(np.isnan(dose), np.inf, dose)[..., None] + _TINY
        return np.where(fits.any(axis=-1), fits.argmax(axis=-1), len(self.steps))

    def dose_on(self, day: npt.ArrayLike, start_dose: npt.ArrayLike = np.nan, stretch: npt.ArrayLike = 1.0) -> Floats:
        """Return the dose on a day since the taper was begun.

        Parameters
        ----------
        day : array_like of int
            Days since the start; 0 is the first day. Before it the dose is not the taper's to say: NaN.
        start_dose : array_like of float
            mg at which a person begins, who enters at `entry(start_dose)`; NaN begins at the first step.
        stretch : array_like of float
            How many times longer the stretchable steps last.

        Returns
        -------
        ndarray of float
            mg, with the broadcast shape of the arguments.
        """
        days, factor = np.asarray(day), np.asarray(stretch, dtype=float)
        offset = self.first_days[self.entry(start_dose)]
        at = days + offset
        if self.stretch_from is not None:
            fixed = np.maximum(self.first_days[self.stretch_from], offset)
            # The tiny addition keeps a whole quotient from falling to the day before by rounding.
            at = np.where(at > fixed, fixed + np.floor((at - fixed) / factor + _TINY).astype(np.int64), at)
        padded = np.append(self.table, self.then)
        value = padded[np.clip(at, 0, self.duration)]
        return np.broadcast_to(np.where(days >= 0, value, np.nan), np.broadcast_shapes(value.shape, factor.shape))

    def daily(self, days: int, start_dose: npt.ArrayLike = np.nan, stretch: npt.ArrayLike = 1.0) -> Floats:
        """Return mg for every person and day, shape (n, days).

        Examples
        --------
        >>> from abate.science.regimen import load_taper
        >>> load_taper("pmr-spare").daily(77).sum()
        np.float64(721.0)
        """
        doses, factor = (
            np.atleast_1d(np.asarray(start_dose, dtype=float)),
            np.atleast_1d(np.asarray(stretch, dtype=float)),
        )
        return self.dose_on(np.arange(days)[None, :], doses[:, None], factor[:, None])

    def total(self, start_dose: float = math.nan) -> float:
        """Return the total dose in mg from a starting dose (default: the first step) to the end of the last step."""
        return float(self.table[self.first_days[int(self.entry(start_dose))] :].sum())

    def per_cent_steps(self) -> tuple[float, ...]:
        """Return how much each step lowers the dose of the one before, in per cent.

        Examples
        --------
        >>> from abate.science.regimen import load_taper
        >>> load_taper("giacta-26").per_cent_steps()[-2:]  # 2 -> 1 mg, 1 -> 0 mg
        (50.0, 100.0)
        """
        levels = [*self.levels.tolist(), self.then]
        return tuple(round(100 * (old - new) / old, 6) if old else 0.0 for old, new in pairwise(levels))

    def from_dose(self, start_dose: float) -> Taper:
        """Return the part of the taper that somebody begins at a dose."""
        first = int(self.entry(start_dose))
        if first == len(self.steps):
            raise InputError(
                self.name,
                "the taper has no step this low",
                value=start_dose,
                allowed=f"{number(self.levels.min())} mg or more",
            )
        stretch = None if self.stretch_from is None else max(self.stretch_from - first, 0)
        return replace(self, steps=self.steps[first:], stretch_from=stretch)

    def summary(self) -> dict[str, Any]:
        """Return what the library prints: source and grade, total, duration, steps with their per cent.

        Examples
        --------
        >>> from abate.science.regimen import load_taper
        >>> load_taper("giacta-26").summary()["total_mg"]
        2632.0
        """
        drops = (None, *self.per_cent_steps())
        rows = [
            {
                "first_day": int(first),
                "last_day": int(first) + step.days - 1,
                "days": step.days,
                "mg": step.level,
                "doses_mg": list(step.doses),
                "lowered_by_per_cent": drop,
                "total_mg": float(step.course().sum()),
            }
            for first, step, drop in zip(self.first_days, self.steps, drops, strict=False)
        ]
        return {
            "name": self.name,
            "title": self.title,
            "drug": self.drug,
            "source": self.source,
            "grade": self.grade,
            "notes": self.notes,
            "total_mg": self.total(),
            "duration_days": self.duration,
            "duration_weeks": self.duration / 7,
            "then_mg": self.then,
            "steps": rows,
        }
