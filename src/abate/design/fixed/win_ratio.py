"""A ranked composite (death before flare before dose ...), by the win ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from abate.design.fixed.comparison import Comparison, EffectScale, no_effect, normal_power, quantiles
from abate.ground.errors import InputError

__all__ = ["WinRatio"]


@dataclass(frozen=True)
class WinRatio(Comparison):
    """Pairs of people compared on a ranked composite.

    Parameters
    ----------
    win_ratio : float
        Pairs that the person on treatment wins, over those lost.
    ties : float
        Share of pairs that nobody wins.

    References
    ----------
    Yu RX, Ganju J. Stat Med 2022;41:950-963.

    Examples
    --------
    >>> WinRatio(1.5, ties=0.1).solve(0.05, 0.9).total
    418
    """

    win_ratio: float
    ties: float = 0.0
    endpoint = "win-ratio"

    def __post_init__(self) -> None:
        if not self.win_ratio > 0:
            raise InputError("--win-ratio", "not a ratio", value=self.win_ratio, allowed="above 0, such as 1.5")
        if not 0 <= self.ties < 1:
            raise InputError("--ties", "not a share of tied pairs", value=self.ties, allowed="0 to below 1")
        if self.win_ratio == 1:
            raise no_effect("--win-ratio", self.win_ratio, self.nearest(0.05, 0.9, 2, 1.0))

    @property
    def method(self) -> str:
        """Name of the test."""
        return "win ratio, Yu and Ganju's formula"

    def scale(self) -> EffectScale:
        """Return the logarithm of the win ratio."""
        return EffectScale("win ratio", math.log(self.win_ratio), log=True)

    def _unit(self, ratio: float) -> float:
        """Variance of the log win ratio, times the people in all."""
        share = ratio / (1 + ratio)
        return 4 * (1 + self.ties) / (3 * share * (1 - share) * (1 - self.ties))

    def effect(self) -> dict[str, Any]:
        """Return the win ratio, the ties and what they mean."""
        win = (1 - self.ties) * self.win_ratio / (1 + self.win_ratio)
        return {"win_ratio": self.win_ratio, "ties": self.ties, "wins": win, "losses": 1 - self.ties - win}

    def sentence(self) -> str:
        """Return the effect in words."""
        return f"a win ratio of {self.win_ratio:g} with {100 * self.ties:.3g} % tied pairs"

    def size(self, alpha: float, power: float, sided: int, ratio: float) -> float:
        """Return the people on control."""
        need = (quantiles(alpha, power, sided) / math.log(self.win_ratio)) ** 2 * self._unit(ratio)
        return need / (1 + ratio)

    def power(self, control: float, treatment: float, alpha: float, sided: int) -> float:
        """Return the power."""
        error = math.sqrt(self._unit(treatment / control) / (control + treatment))
        return normal_power(math.log(self.win_ratio) / error, alpha, sided)

    def nearest(self, alpha: float, power: float, sided: int, ratio: float, people: int = 500) -> str:
        """Return the win ratio that so many people an arm find."""
        found = math.exp(quantiles(alpha, power, sided) * math.sqrt(self._unit(ratio) / (people * (1 + ratio))))
        return f"{people} people on control find a win ratio of {found:.3f} with a power of {power:g}"
