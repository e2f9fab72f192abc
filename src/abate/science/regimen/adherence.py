"""Adherence: missed and delayed doses as a random process with stated rates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.science.regimen.value import Doses

__all__ = ["Adherence"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Adherence:
    """How people take what was prescribed.

    Attributes
    ----------
    missed : float
        Share of doses that are not taken, 0 to 1.
    persistence : float
        How missed doses cluster, 0 (independent) to below 1: after a missed dose the next is missed with probability
        ``missed + persistence * (1 - missed)``, so that the share stays what it is.
    delayed : float
        Share of the doses taken that are taken late.
    delay_h : float
        Mean delay of those in hours (exponential).
    longest_h : float
        A delay is at most this long.
    grid_h : float
        Delays are rounded up to multiples of this, so that people share their event times.

    Examples
    --------
    >>> import numpy as np
    >>> from abate.ground.randomness import uniform
    >>> from abate.science.regimen import parse
    >>> doses = parse("tocilizumab 162 mg sc every week").doses(0, 364, persons=1000)
    >>> draws = uniform(1, "adherence", np.arange(1000), np.arange(3 * 52)[:, None]).reshape(3, 52, 1000)
    >>> taken = Adherence(missed=0.1).taken(doses, draws)
    >>> round(float(taken.amount.sum() / doses.amount.sum()), 2)
    0.9
    """

    missed: float = 0.0
    persistence: float = 0.0
    delayed: float = 0.0
    delay_h: float = 4.0
    longest_h: float = 24.0
    grid_h: float = 1.0

    def __post_init__(self) -> None:
        for name in ("missed", "delayed"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(name, "a share lies outside 0 to 1", value=getattr(self, name), allowed="0 to 1")
        if not 0 <= self.persistence < 1:
            raise InputError("persistence", "it lies outside 0 to 1", value=self.persistence, allowed="0 to below 1")
        for name in ("delay_h", "longest_h", "grid_h"):
            if not getattr(self, name) > 0:
                raise InputError(name, "a time must be above 0", value=getattr(self, name), allowed="above 0 h")

    def taken(self, doses: Doses, draws: npt.ArrayLike) -> Doses:
        """Return what is taken of what was prescribed.

        Parameters
        ----------
        doses : Doses
            E doses of n people.
        draws : array_like in (0, 1), shape (3, E, n)
            Keyed by person and dose by the caller: for missing, for being late, and for how late.

        Returns
        -------
        Doses
            With a time for every delay that occurs; amounts of people who do not take a dose then are 0.

        Raises
        ------
        InputError
            If the draws have another shape.
        """
        u = np.asarray(draws, dtype=float)
        events, people = doses.amount.shape
        if u.shape != (3, events, people):
            raise InputError(
                "draws", "the draws do not fit the doses", value=u.shape, allowed=f"(3, {events}, {people})"
            )
        taken = ~self._missed(u[0])
        late = taken & (u[1] < self.delayed)
        steps = np.where(late, np.ceil(-np.log1p(-u[2]) * self.delay_h / self.grid_h), 0)
        steps = np.minimum(steps, np.floor(self.longest_h / self.grid_h)).astype(np.int64)
        times, amounts = [], []
        for step in np.unique(steps[taken]).tolist() if taken.any() else [0]:
            here = taken & (steps == step)
            rows = here.any(axis=1) | (step == 0)
            times.append(doses.time[rows] + step * self.grid_h / 24)
            amounts.append(np.where(here, doses.amount, 0.0)[rows])
        time, amount = np.concatenate(times), np.concatenate(amounts)
        order = np.argsort(time, kind="stable")
        return replace(doses, time=time[order], amount=amount[order])

    def _missed(self, u: Floats) -> npt.NDArray[np.bool_]:
        """Return which doses are missed: a two-state chain whose share of missed doses is `missed`."""
        missed = np.empty(u.shape, dtype=bool)
        before = u[0] < self.missed if u.shape[0] else np.empty(0, dtype=bool)
        after_missed = self.missed + self.persistence * (1 - self.missed)
        after_taken = self.missed * (1 - self.persistence)
        for event in range(u.shape[0]):
            if event:
                before = u[event] < np.where(before, after_missed, after_taken)
            missed[event] = before
        return missed
