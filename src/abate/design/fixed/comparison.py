"""What fixed-sample formulas have in common: people from power, power from people, and the sentence that says so."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scipy.special import ndtr, ndtri

from abate.ground.errors import InputError

__all__ = [
    "Comparison",
    "EffectScale",
    "FixedDesign",
    "beyond_margin",
    "no_effect",
    "normal_power",
    "quantiles",
    "smallest",
]

# Nobody randomises more than this to one arm of a trial in these diseases; beyond it a request is a slip.
MOST = 1_000_000


@dataclass(frozen=True)
class FixedDesign:
    """How many people a trial with one analysis needs.

    Attributes
    ----------
    control, treatment : int
        People in each arm; ``treatment`` is 0 where everybody gets both (paired, crossover).
    exact : float
        Total before rounding up.
    power : float
        Attained with the rounded numbers.
    events : float or None
        Expected events, where they carry the information.
    """

    control: int
    treatment: int
    exact: float
    power: float
    events: float | None = None

    @property
    def total(self) -> int:
        """Everybody."""
        return self.control + self.treatment


@dataclass(frozen=True)
class EffectScale:
    """An effect on the scale on which its estimates are normal.

    Attributes
    ----------
    name : str
        Of the estimate.
    assumed, null : float
        The assumed effect and the one to be refuted; logarithms for a ratio.
    log : bool
        Whether it is the logarithm of a ratio.
    """

    name: str
    assumed: float
    null: float = 0.0
    log: bool = False

    @property
    def distance(self) -> float:
        """Return how far the assumed effect lies from the one to be refuted."""
        return self.assumed - self.null


class Comparison(ABC):
    """An endpoint with the effect to be found and the test that finds it."""

    #: Slug of the endpoint, name of the method, and whether there are two groups.
    endpoint: str
    groups: int = 2
    #: People come in such numbers: two in a crossover, one for each sequence.
    multiple: int = 1
    #: Whether the hypothesis to refute is a loss that is still accepted, which has one side only.
    non_inferior: bool = False
    #: Whether people who are lost are within the formula, so that none need be replaced.
    counts_lost: bool = False

    @property
    @abstractmethod
    def method(self) -> str:
        """Name of the test and of the formula."""

    @abstractmethod
    def size(self, alpha: float, power: float, sided: int, ratio: float) -> float:
        """Return the people on control (in all, when paired), not rounded; `ratio` is treatment over control."""

    @abstractmethod
    def power(self, control: float, treatment: float, alpha: float, sided: int) -> float:
        """Return the power with so many people."""

    @abstractmethod
    def effect(self) -> dict[str, Any]:
        """Return the assumptions by name, for results.json."""

    @abstractmethod
    def sentence(self) -> str:
        """Return the effect in words, for a protocol."""

    @abstractmethod
    def scale(self) -> EffectScale:
        """Return the effect on the scale on which estimates are normal."""

    def events(self, control: float, treatment: float) -> float | None:
        """Return the expected events, for a time to an event."""
        return None

    def solve(self, alpha: float, power: float, *, sided: int = 2, ratio: float = 1.0) -> FixedDesign:
        """Return the smallest design with the power.

        Parameters
        ----------
        alpha, power : float
            Type I error and wanted power.
        sided : {1, 2}
            Sides of the test.
        ratio : float
            People on treatment for each on control.

        Raises
        ------
        InputError
            When an assumption is out of range, or no feasible number of people is enough.
        """
        if not 0.05 <= ratio <= 20:
            raise InputError("--ratio", "not an allocation ratio", value=ratio, allowed="0.05 to 20, such as 1 or 2")
        wanted = self.size(alpha, power, sided, ratio)
        if not wanted < MOST:
            raise InputError(
                "design",
                "the effect is so small that more than a million people an arm would be needed",
                value=self.sentence(),
                hint=f"nearest feasible: {self.nearest(alpha, power, sided, ratio)}",
            )
        exact = wanted * (1 + ratio) if self.groups == 2 else wanted
        control = self.multiple * math.ceil(wanted / self.multiple - 1e-9)
        treatment = math.ceil(ratio * wanted - 1e-9) if self.groups == 2 else 0
        return FixedDesign(
            control,
            treatment,
            exact,
            self.power(control, treatment, alpha, sided),
            self.events(control, treatment),
        )

    @abstractmethod
    def nearest(self, alpha: float, power: float, sided: int, ratio: float, people: int = 500) -> str:
        """Return in words the smallest effect that so many people an arm would find."""


def quantiles(alpha: float, power: float, sided: int) -> float:
    """Return the sum of the normal quantiles of one minus the error of a side, and of the power."""
    return float(ndtri(1 - alpha / sided) + ndtri(power))


def normal_power(shift: float, alpha: float, sided: int) -> float:
    """Return the power of a normal test whose statistic has this mean, both tails counted."""
    z = float(ndtri(1 - alpha / sided))
    return float(ndtr(abs(shift) - z) + (ndtr(-abs(shift) - z) if sided == 2 else 0.0))


def smallest(enough: Callable[[float], float], start: float, power: float, *, least: float) -> float:
    """Return the size at which an increasing power function reaches a power, by bisection on a real number."""
    low = max(0.5 * start, least)
    if enough(low) >= power:
        low = least
        if enough(low) >= power:
            return low
    high = max(start, low)
    while enough(high) < power:
        high = 1.3 * high + 1
        if high > MOST:
            return math.inf
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if enough(middle) < power else (low, middle)
    return high


def no_effect(option: str, value: object, nearest: str) -> InputError:
    """Return the error for an effect of zero, with the nearest trial that can be done."""
    return InputError(
        option, "the effect is zero, and no trial can find it", value=value, hint=f"nearest feasible: {nearest}"
    )


def beyond_margin(option: str, value: object, margin: float) -> InputError:
    """Return the error for an assumed effect that is itself no better than the margin."""
    return InputError(
        "--margin",
        f"the assumed effect ({option} {value}) is no better than the loss that is still accepted, and no trial can "
        "refute what is true",
        value=margin,
        hint="nearest feasible: a wider margin, or an effect nearer to none",
    )
