"""A NONMEM-format data set as a fit takes it: doses as events, observations by output, covariates by subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Dataset", "DoseEvent", "Steady", "Unit"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DoseEvent:
    """An amount into a state; times in the model's unit.

    Attributes
    ----------
    time : float
    state : str
    amount : float
    duration : float
        Above 0: an infusion that long.
    rate : float
        Above 0: an infusion at this rate, however long bioavailability makes it.
    rate_by, duration_by : str
        Parameter that holds the rate or the duration of the infusion (RATE -1 and -2).
    """

    time: float
    state: str
    amount: float
    duration: float = 0.0
    rate: float = 0.0
    rate_by: str = ""
    duration_by: str = ""

    @property
    def modelled(self) -> bool:
        """Whether people differ in how long it runs."""
        return bool(self.rate or self.rate_by or self.duration_by)


@dataclass(frozen=True)
class Steady:
    """Doses that have been given forever, one every `every`, up to one interval before `time`.

    Attributes
    ----------
    time : float
    every : float
        0 for an infusion that has been running forever and stops at `time`.
    dose : DoseEvent
    onto : bool
        Added to what is there (SS 2); otherwise in place of it.
    """

    time: float
    every: float
    dose: DoseEvent
    onto: bool = False


@dataclass(frozen=True)
class Unit:
    """A subject between two resets: what the solver simulates as one person.

    Attributes
    ----------
    subject : int
        Row of `Dataset.ids`.
    doses : tuple of DoseEvent
    start : float
        First time.
    rows : ndarray of int
        Observations (rows of the data set's arrays) that belong to it.
    occasions : tuple of (float, int)
        From when on which occasion of the subject lasts; the first begins with the unit.
    steady : tuple of Steady
    """

    subject: int
    doses: tuple[DoseEvent, ...]
    start: float
    rows: Integers
    occasions: tuple[tuple[float, int], ...] = ()
    steady: tuple[Steady, ...] = ()

    def occasion(self, time: float) -> int:
        """Return the occasion at a time."""
        reached = [index for begin, index in self.occasions if begin <= time]
        return reached[-1] if reached else (self.occasions[0][1] if self.occasions else 0)


@dataclass(frozen=True)
class Dataset:
    """Observations in one long table, and the units that they belong to.

    Attributes
    ----------
    name : str
        File name.
    ids : ndarray, shape (subjects,)
    units : tuple of Unit
    subject : ndarray of int, shape (observations,)
    time : ndarray, shape (observations,)
        In the model's unit.
    value : ndarray, shape (observations,)
        Measured; where censored, the limit.
    censored : ndarray of bool, shape (observations,)
        Below `value` (M3).
    output : ndarray of int, shape (observations,)
        Row of `outputs`.
    outputs : tuple of str
    covariates : mapping of column to ndarray, shape (subjects,)
        First value of every further column.
    time_unit : str
        Of TIME in the file.
    per_time : float
        Model time in one unit of TIME.
    notes : tuple of str
    occasions : ndarray of int, shape (subjects,)
        How many occasions each subject has; 0 without a column OCC.
    varying : mapping of column to float
        Columns of which a subject has more than one value, and the first such ID.
    """

    name: str
    ids: Floats
    units: tuple[Unit, ...]
    subject: Integers
    time: Floats
    value: Floats
    censored: npt.NDArray[np.bool_]
    output: Integers
    outputs: tuple[str, ...]
    covariates: Mapping[str, Floats]
    time_unit: str
    per_time: float
    notes: tuple[str, ...]
    occasions: Integers
    varying: Mapping[str, float] = field(default_factory=dict)

    @property
    def subjects(self) -> int:
        """How many."""
        return int(self.ids.size)
