"""Doses taken differ from doses planned: who misses which dose of a drug, and who takes it how late."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from abate.ground.randomness import uniform
from abate.science.regimen import Doses
from abate.science.regimen.adherence import Adherence

__all__ = ["Taking"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Taking:
    """How people take the doses of one regimen, settled for the whole trial before it begins.

    So a run of missed doses goes on across visits, and depends neither on when people are seen nor on who else is.

    Attributes
    ----------
    time : ndarray, shape (E,)
        Days of all doses that the regimen may give.
    late_h : ndarray, shape (E, n)
        Hours by which each is taken late; NaN where it is missed.
    steps_h : ndarray, shape (S,)
        Every delay that may occur. All of them become times of doses, of nothing for most people: the solver stops at
        each for everybody, and nobody's course depends on how late somebody else is.

    Examples
    --------
    >>> from abate.science.regimen import parse
    >>> weekly, people = parse("tocilizumab 162 mg sc every week"), np.arange(1000)
    >>> habit = Taking.of(Adherence(missed=0.1), weekly.times(0, 364), people, "tocilizumab", seed=1)
    >>> taken = habit.taken(weekly.doses(0, 28, persons=1000))
    >>> taken.time.tolist(), round(float(taken.amount.mean() / 162), 1)
    ([0.0, 7.0, 14.0, 21.0], 0.9)
    """

    time: Floats
    late_h: Floats
    steps_h: Floats

    @classmethod
    def of(cls, adherence: Adherence, time: Floats, persons: npt.NDArray[np.int64], name: str, seed: int) -> Taking:
        """Draw who misses and who is late; `name` keys the draws beside seed, person and number of the dose."""
        number = np.arange(time.size)[:, None]
        parts = ("missed", "late", "delay")
        draws = np.stack([uniform(seed, f"adherence:{name}:{part}", persons, number) for part in parts])
        # Each dose carries its number (from 1) as its amount, so that what is taken tells which dose it was.
        numbered = Doses(name, "", time, np.broadcast_to(number + 1.0, (time.size, persons.size)))
        taken = adherence.taken(numbered, draws)
        event, person = np.nonzero(taken.amount)
        dose = taken.amount[event, person].astype(np.int64) - 1
        late_h = np.full((time.size, persons.size), np.nan)
        grid = adherence.grid_h
        late_h[dose, person] = np.rint((taken.time[event] - time[dose]) * 24 / grid) * grid
        steps = int(adherence.longest_h // grid) if adherence.delayed > 0 else 0
        return cls(time, late_h, np.arange(steps + 1.0) * np.float64(grid))

    def taken(self, doses: Doses) -> Doses:
        """Return what is taken, and when, of some of the doses; a time for every delay that may occur."""
        near = 1e-6  # days; doses lie hours apart, this only absorbs rounding
        late_h = self.late_h[np.searchsorted(self.time, doses.time - near)]
        time = (doses.time[:, None] + self.steps_h / 24).ravel()
        now = late_h[:, None, :] == self.steps_h[None, :, None]
        amount = np.where(now, doses.amount[:, None, :], 0.0).reshape(time.size, -1)
        order = np.argsort(time, kind="stable")
        return replace(doses, time=time[order], amount=amount[order])
