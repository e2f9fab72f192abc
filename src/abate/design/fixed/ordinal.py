"""An ordered outcome (worse, same, better ...), by the proportional-odds model, which is Wilcoxon's test with ties."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from abate.design.fixed.comparison import Comparison, EffectScale, no_effect, normal_power, quantiles
from abate.ground.errors import InputError

__all__ = ["OrderedOutcome", "shifted"]


def shifted(shares: tuple[float, ...], odds_ratio: float) -> tuple[float, ...]:
    """Return the shares of the categories, best first, after multiplying the odds of being in a better one.

    Examples
    --------
    >>> [round(share, 3) for share in shifted((0.2, 0.5, 0.2, 0.1), 2.4278)]
    [0.378, 0.472, 0.106, 0.044]
    """
    at_least = np.cumsum(shares)[:-1]
    moved = odds_ratio * at_least / (1 - at_least + odds_ratio * at_least)
    return tuple(float(share) for share in np.diff(np.concatenate([[0.0], moved, [1.0]])))


@dataclass(frozen=True)
class OrderedOutcome(Comparison):
    """An ordered outcome in two arms.

    Parameters
    ----------
    control : tuple of float
        Shares of the categories on control, best first, adding to 1.
    odds_ratio : float
        Odds of a better category on treatment, over those on control.

    References
    ----------
    Whitehead J. Stat Med 1993;12:2257-2271.

    Examples
    --------
    >>> OrderedOutcome((0.2, 0.5, 0.2, 0.1), math.exp(0.887)).solve(0.05, 0.9).control
    94
    """

    control: tuple[float, ...]
    odds_ratio: float
    endpoint = "ordered-outcome"

    def __post_init__(self) -> None:
        if len(self.control) < 2 or min(self.control) < 0 or abs(sum(self.control) - 1) > 1e-6:
            raise InputError(
                "--categories", "shares do not add to 1", value=list(self.control), allowed="as 0.2,0.5,0.3, best first"
            )
        if max(self.control) > 1 - 1e-9:
            raise InputError("--categories", "everybody is in one category", value=list(self.control))
        if not self.odds_ratio > 0:
            raise InputError("--odds-ratio", "not a ratio", value=self.odds_ratio, allowed="above 0, such as 2")
        if self.odds_ratio == 1:
            raise no_effect("--odds-ratio", self.odds_ratio, self.nearest(0.05, 0.9, 2, 1.0))

    @property
    def method(self) -> str:
        """Name of the test."""
        return "proportional odds, Whitehead's formula"

    def scale(self) -> EffectScale:
        """Return the logarithm of the odds ratio."""
        return EffectScale("odds ratio", math.log(self.odds_ratio), log=True)

    def _unit(self, ratio: float) -> float:
        """Variance of the log odds ratio, times the people in all, under the mean of both arms."""
        other = shifted(self.control, self.odds_ratio)
        mean = [(a + ratio * b) / (1 + ratio) for a, b in zip(self.control, other, strict=True)]
        return 3 * (1 + ratio) ** 2 / (ratio * (1 - sum(share**3 for share in mean)))

    def effect(self) -> dict[str, Any]:
        """Return the shares in both arms."""
        other = shifted(self.control, self.odds_ratio)
        return {"odds_ratio": self.odds_ratio, "control": list(self.control), "treatment": list(other)}

    def sentence(self) -> str:
        """Return the effect in words."""
        return f"an odds ratio of {self.odds_ratio:g} for a better category, over {len(self.control)} categories"

    def size(self, alpha: float, power: float, sided: int, ratio: float) -> float:
        """Return the people on control."""
        need = (quantiles(alpha, power, sided) / math.log(self.odds_ratio)) ** 2 * self._unit(ratio)
        return need / (1 + ratio)

    def power(self, control: float, treatment: float, alpha: float, sided: int) -> float:
        """Return the power."""
        error = math.sqrt(self._unit(treatment / control) / (control + treatment))
        return normal_power(math.log(self.odds_ratio) / error, alpha, sided)

    def nearest(self, alpha: float, power: float, sided: int, ratio: float, people: int = 500) -> str:
        """Return the odds ratio that so many people an arm find."""
        unit = 3 * (1 + ratio) ** 2 / (ratio * (1 - sum(share**3 for share in self.control)))
        found = math.exp(quantiles(alpha, power, sided) * math.sqrt(unit / (people * (1 + ratio))))
        return f"{people} people on control find an odds ratio of {found:.3f} with a power of {power:g}"
