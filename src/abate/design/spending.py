"""Error spending functions: how much of an error may be used up by a share of the information.

Each takes the whole error and the share t of the information, 0 to 1, and returns the error spent by then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean

__all__ = ["SPENDING", "Spending"]

SPENDING = ("obrien-fleming", "pocock", "hwang-shih-decani", "kim-demets", "points")


@dataclass(frozen=True)
class Spending:
    """A spending function.

    Parameters
    ----------
    name : {'obrien-fleming', 'pocock', 'hwang-shih-decani', 'kim-demets', 'points'}
        The family. ``points`` spends what is given, look by look.
    parameter : float
        gamma of Hwang-Shih-DeCani (-4 is conservative early on, 1 near Pocock), the power rho of Kim-DeMets.
    points : tuple of float
        For ``points``: the cumulative error at each look.

    Raises
    ------
    InputError
        For an unknown family or a parameter out of range.

    References
    ----------
    Lan KKG, DeMets DL. Biometrika 1983;70:659-663. Hwang IK, Shih WJ, DeCani JS. Stat Med 1990;9:1439-1445.
    Kim K, DeMets DL. Biometrika 1987;74:149-154.

    Examples
    --------
    >>> Spending("kim-demets", 1.0).spent(0.05, [0.5, 1.0])
    array([0.025, 0.05 ])
    """

    name: str
    parameter: float = math.nan
    points: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in SPENDING:
            raise InputError(
                "--spending",
                "there is no such spending function",
                value=self.name,
                allowed=SPENDING,
                hint=did_you_mean(self.name, SPENDING),
            )
        if self.name == "hwang-shih-decani" and not abs(self.parameter) <= 40:
            raise InputError("--gamma", "out of range", value=self.parameter, allowed="-40 to 40, such as -4")
        if self.name == "kim-demets" and not 0 < self.parameter <= 50:
            raise InputError("--rho", "out of range", value=self.parameter, allowed="above 0, such as 3")

    def spent(self, error: float, information: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the cumulative error at shares of the information.

        Parameters
        ----------
        error : float
            The whole error of one side.
        information : array_like, shape (looks,)
            Shares, the last one 1.

        Returns
        -------
        ndarray, shape (looks,)
        """
        t = np.asarray(information, dtype=float)
        if self.name == "obrien-fleming":
            return np.asarray(2 * ndtr(ndtri(error / 2) / np.sqrt(t)))
        if self.name == "pocock":
            return np.asarray(error * np.log1p((math.e - 1) * t))
        if self.name == "kim-demets":
            return np.asarray(error * t**self.parameter)
        if self.name == "hwang-shih-decani":
            gamma = self.parameter
            return np.asarray(error * t if gamma == 0 else error * np.expm1(-gamma * t) / math.expm1(-gamma))
        return self._given(error, len(t))

    def _given(self, error: float, looks: int) -> NDArray[np.float64]:
        spent = np.asarray(self.points, dtype=float)
        if len(spent) != looks:
            raise InputError("--spend", "not one value a look", value=list(self.points), allowed=f"{looks} values")
        if (np.diff(spent) < 0).any() or (spent < 0).any() or not math.isclose(spent[-1], error, rel_tol=1e-6):
            raise InputError(
                "--spend",
                "not a rising sequence that ends at the whole error",
                value=list(self.points),
                allowed=f"rising to {error:g}, the error of one side",
            )
        return spent

    def __str__(self) -> str:
        if self.name == "hwang-shih-decani":
            return f"Hwang-Shih-DeCani spending, gamma {self.parameter:g}"
        if self.name == "kim-demets":
            return f"power-family spending, rho {self.parameter:g}"
        if self.name == "points":
            return "spending as given"
        return {"obrien-fleming": "O'Brien-Fleming type", "pocock": "Pocock type"}[self.name] + " Lan-DeMets spending"
