"""How a trial is computed, and what that costs in accuracy: measured on some of its people before the run.

Single precision, a graphics card and fast states taken as settled are shortcuts. Each is held against the plain way on
the same people: the largest difference of a recorded output among those whose decisions are the same, and how many
people are decided upon differently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.trial.course import Course

__all__ = ["Agreement", "Computing", "agreement"]

_PRECISIONS = {"float64": 64, "float32": 32}
_DEVICES = ("cpu", "gpu")
_FLOOR = 1e-3
"""Of an output's largest value: below it an output is compared as if it were that large."""


@dataclass(frozen=True)
class Computing:
    """Precision, device and treatment of fast states.

    Attributes
    ----------
    precision : int
        64 or 32.
    device : str
        ``cpu`` or ``gpu``.
    quasi_steady : bool
        Take the states that the model marks as fast to be where their rate is zero.

    Examples
    --------
    >>> Computing.of("float32").precision
    32
    >>> Computing().plain
    True
    """

    precision: int = 64
    device: str = "cpu"
    quasi_steady: bool = False

    @classmethod
    def of(cls, precision: str = "float64", device: str = "cpu", *, quasi_steady: bool = False) -> Computing:
        """From the words of the command line.

        Raises
        ------
        InputError
            For another precision or device.
        """
        if precision not in _PRECISIONS:
            hint = did_you_mean(precision, _PRECISIONS)
            raise InputError(
                "--precision", "there is no such precision", value=precision, allowed=list(_PRECISIONS), hint=hint
            )
        if device not in _DEVICES:
            raise InputError(
                "--device",
                "there is no such device",
                value=device,
                allowed=_DEVICES,
                hint=did_you_mean(device, _DEVICES),
            )
        return cls(_PRECISIONS[precision], device, quasi_steady)

    @property
    def plain(self) -> bool:
        """True when nothing is gained at the cost of accuracy."""
        return self == Computing()


@dataclass(frozen=True)
class Agreement:
    """How far a way of computing is from the plain one.

    Attributes
    ----------
    people : int
        Compared, over all arms.
    errors : dict of output to float
        Largest relative difference on any day, among people with the same decisions.
    decisions : int
        Taken about these people in the plain way.
    flipped : int
        People whose decisions differ from some day on.
    """

    people: int
    errors: dict[str, float]
    decisions: int
    flipped: int

    @property
    def output(self) -> str:
        """The output with the largest error; none when all agree to the last bit."""
        name = max(self.errors, key=lambda key: self.errors[key], default="")
        return name if self.errors.get(name) else ""

    def told(self, computing: Computing) -> dict[str, Any]:
        """For the head of a Study, and so for its report."""
        return {
            "precision": f"float{computing.precision}",
            "device": computing.device,
            "quasi_steady": computing.quasi_steady,
            "largest_error": float(f"{self.errors.get(self.output, 0.0):.2g}"),
            "largest_error_in": self.output,
            "errors": [f"{name} {error:.2g}" for name, error in self.errors.items()],
            "people_compared": self.people,
            "decisions_compared": self.decisions,
            "people_decided_differently": self.flipped,
        }


def agreement(plain: Callable[[str], Course], other: Callable[[str], Course], arms: list[str]) -> Agreement:
    """Compare two ways of computing, arm by arm.

    Parameters
    ----------
    plain, other : callable
        The course of the same people of an arm.
    arms : list of str
    """
    errors: dict[str, float] = {}
    people, decisions, flipped = 0, 0, 0
    for arm in arms:
        expected, got = plain(arm), other(arm)
        same = _same_decisions(expected, got)
        people += same.size
        decisions += len(expected.ledger)
        flipped += int((~same).sum())
        for name, values in expected.courses.items():
            error = _error(values[same].astype(float), got.courses[name][same].astype(float))
            errors[name] = max(error, errors.get(name, 0.0))
    return Agreement(people, errors, decisions, flipped)


def _same_decisions(expected: Course, got: Course) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """True for whom both ways take the same decisions on the same days and give the same doses."""
    same: np.ndarray[Any, np.dtype[np.bool_]] = np.all(expected.prednisone == got.prednisone, axis=1)
    same &= expected.codes == got.codes
    taken: list[dict[int, list[tuple[Any, ...]]]] = []
    for course in (expected, got):
        rows: dict[int, list[tuple[Any, ...]]] = {}
        for row in course.ledger:
            rows.setdefault(row["person"], []).append((row["day"], row["rule"], row["decided"]))
        taken.append(rows)
    for person in range(same.size):
        same[person] &= taken[0].get(person) == taken[1].get(person)
    return same


def _error(expected: np.ndarray[Any, Any], got: np.ndarray[Any, Any]) -> float:
    if not expected.size:
        return 0.0
    scale = np.maximum(np.abs(expected), _FLOOR * np.nanmax(np.abs(expected)))
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.abs(got - expected) / scale
    return float(np.nanmax(error, initial=0.0))
