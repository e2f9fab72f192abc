"""What happened to some people of an arm, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.science.regimen import Doses

__all__ = ["Course"]

Floats = npt.NDArray[np.float64]
Persons = npt.NDArray[np.int64]


@dataclass
class Course:
    """What happened to some people of one arm, as arrays; row i is person ``persons[i]``.

    Attributes
    ----------
    persons : ndarray of int, shape (n,)
        Keys of all draws.
    covariates : dict of ndarray, shape (n,)
    followed : ndarray, shape (n,)
        Day on which each person left, or the end.
    prednisone : ndarray, shape (n, days)
        mg taken on each day.
    courses : dict from output to ndarray, shape (n, days + 1)
        At 00:00 of each day.
    seen : list of (visit day, dict of measure to ndarray (n,))
        What each visit saw.
    events : list of (day, event, ndarray of bool (n,))
    ledger : list of dict
        One row a decision, ``person`` being the row.
    antibody : list of Doses
        Every dose of the arm's drugs, zeros where a person no longer took it.
    codes : ndarray of int, shape (n,)
        How each person's solution ended; 0 is well.
    planned : ndarray, shape (n, days), or None
        mg planned for each day, where doses are missed or late; None where all are taken as planned.
    steroid : list of Doses
        Prednisone as it was taken, where `planned` is kept.
    causes : ndarray of str, shape (n,), or None
        Why each person left; empty for those who stayed.
    unscheduled : set of int
        Days between the scheduled visits on which somebody was seen.
    """

    persons: Persons
    covariates: dict[str, Floats]
    followed: Floats
    prednisone: Floats
    courses: dict[str, npt.NDArray[np.float32]]
    codes: npt.NDArray[np.int64]
    seen: list[tuple[int, dict[str, Floats]]] = field(default_factory=list)
    events: list[tuple[int, str, npt.NDArray[np.bool_]]] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    antibody: list[Doses] = field(default_factory=list)
    planned: Floats | None = None
    steroid: list[Doses] = field(default_factory=list)
    unscheduled: set[int] = field(default_factory=set)
    causes: npt.NDArray[np.object_] | None = None

    def take(self, rows: npt.NDArray[np.int64]) -> Course:
        """Return the course of some of the people, in that order (without the ledger's rows of others)."""
        place = {int(row): index for index, row in enumerate(rows)}
        return Course(
            self.persons[rows],
            {name: values[rows] for name, values in self.covariates.items()},
            self.followed[rows],
            self.prednisone[rows],
            {name: values[rows] for name, values in self.courses.items()},
            self.codes[rows],
            [(day, {name: values[rows] for name, values in seen.items()}) for day, seen in self.seen],
            [(day, event, called[rows]) for day, event, called in self.events],
            [{**row, "person": place[row["person"]]} for row in self.ledger if row["person"] in place],
            [_of(doses, rows) for doses in self.antibody],
            None if self.planned is None else self.planned[rows],
            [_of(doses, rows) for doses in self.steroid],
            self.unscheduled,
            None if self.causes is None else self.causes[rows],
        )


def _of(doses: Doses, rows: npt.NDArray[np.int64]) -> Doses:
    return replace(doses, amount=doses.amount[:, rows])
