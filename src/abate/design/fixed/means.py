"""A change in a score: two arms, the same people before and after, or a crossover. All by Student's t, exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from scipy import stats

from abate.design.fixed.comparison import Comparison, EffectScale, beyond_margin, no_effect, quantiles, smallest
from abate.ground.errors import InputError

__all__ = ["Crossover", "PairedMeans", "TwoMeans", "t_power"]


def t_power(shift: float, freedom: float, alpha: float, sided: int) -> float:
    """Return the power of a t test with a noncentrality, both tails counted.

    Examples
    --------
    >>> round(t_power(1 / 2.5 * (100 / 2) ** 0.5, 198, 0.05, 2), 4)
    0.8036
    """
    edge = float(stats.t.isf(alpha / sided, freedom))
    found = float(stats.nct.sf(edge, freedom, abs(shift)))
    return found + (float(stats.nct.cdf(-edge, freedom, abs(shift))) if sided == 2 else 0.0)


@dataclass(frozen=True)
class TwoMeans(Comparison):
    """A mean in two arms.

    Parameters
    ----------
    difference : float
        Treatment minus control, in the unit of the score.
    sd : float
        Of one person's value in either arm.
    baseline_correlation : float
        Correlation of the value with its baseline, when the analysis adjusts for it (ANCOVA): the variance falls to
        ``1 - r**2`` of itself.
    null : float
        Difference to be refuted: 0, or the loss that is still accepted (below 0 where more is better).

    References
    ----------
    Cohen J. Statistical Power Analysis, 1988, chapter 2. Borm GF, Fransen J, Lemmens WA. J Clin Epidemiol
    2007;60:1234-1238 (baseline adjustment).

    Examples
    --------
    >>> TwoMeans(-10, 20).solve(0.05, 0.9).control
    86
    """

    difference: float
    sd: float
    baseline_correlation: float = 0.0
    null: float = 0.0
    endpoint = "change"

    def __post_init__(self) -> None:
        _check_sd(self.sd)
        if not -1 < self.baseline_correlation < 1:
            raise InputError("--correlation", "not a correlation", value=self.baseline_correlation, allowed="-1 to 1")
        _check_difference(self)

    @property
    def non_inferior(self) -> bool:  # type: ignore[override]
        """Whether a loss is accepted."""
        return self.null != 0

    @property
    def method(self) -> str:
        """Name of the test."""
        test = (
            "analysis of covariance with the baseline" if self.baseline_correlation else "Student's t test, two groups"
        )
        return f"{test}, non-inferiority" if self.null else test

    def scale(self) -> EffectScale:
        """Return the difference."""
        return EffectScale("difference", self.difference, self.null)

    @property
    def spread(self) -> float:
        """Standard deviation that is left after the baseline."""
        return self.sd * math.sqrt(1 - self.baseline_correlation**2)

    def effect(self) -> dict[str, Any]:
        """Return the difference and its spread."""
        return {
            "difference": self.difference,
            "sd": self.sd,
            "baseline_correlation": self.baseline_correlation,
            "standardised": self.difference / self.spread,
            **({"accepted_loss": self.null} if self.null else {}),
        }

    def sentence(self) -> str:
        """Return the effect in words."""
        adjusted = f", correlation with baseline {self.baseline_correlation:g}" if self.baseline_correlation else ""
        return (
            f"a difference of {self.difference:g} with a standard deviation of {self.sd:g}{adjusted}{_loss(self.null)}"
        )

    def size(self, alpha: float, power: float, sided: int, ratio: float) -> float:
        """Return the people on control."""
        gap = self.scale().distance
        normal = (quantiles(alpha, power, sided) * self.spread / gap) ** 2 * (1 + 1 / ratio)
        return smallest(lambda n: self.power(n, ratio * n, alpha, sided), normal, power, least=max(2.0, 2 / ratio))

    def power(self, control: float, treatment: float, alpha: float, sided: int) -> float:
        """Return the power."""
        shift = self.scale().distance / self.spread * math.sqrt(control * treatment / (control + treatment))
        lost = 3 if self.baseline_correlation else 2
        return t_power(shift, max(control + treatment - lost, 1.0), alpha, sided)

    def nearest(self, alpha: float, power: float, sided: int, ratio: float, people: int = 500) -> str:
        """Return the difference that so many people an arm find."""
        gap = quantiles(alpha, power, sided) * self.spread * math.sqrt((1 + 1 / ratio) / people)
        what = "refute a loss" if self.null else "find a difference"
        return f"{people} people on control {what} of {gap:.3g} with a power of {power:g}"


@dataclass(frozen=True)
class PairedMeans(Comparison):
    """A mean change in the same people, by the paired t test.

    Examples
    --------
    >>> PairedMeans(-10, 20).solve(0.05, 0.9).total
    44
    """

    difference: float
    sd: float
    endpoint = "change"
    groups = 1

    def __post_init__(self) -> None:
        _check_sd(self.sd)
        if self.difference == 0:
            raise no_effect("--effect", self.difference, self.nearest(0.05, 0.9, 2, 1.0))

    @property
    def method(self) -> str:
        """Name of the test."""
        return "paired t test"

    def scale(self) -> EffectScale:
        """Return the mean change."""
        return EffectScale("mean change", self.difference)

    def effect(self) -> dict[str, Any]:
        """Return the change and its spread."""
        return {"difference": self.difference, "sd": self.sd, "standardised": self.difference / self.sd}

    def sentence(self) -> str:
        """Return the effect in words."""
        return f"a change of {self.difference:g} with a standard deviation of {self.sd:g} in the same people"

    def size(self, alpha: float, power: float, sided: int, ratio: float) -> float:
        """Return the people in all."""
        normal = (quantiles(alpha, power, sided) * self.sd / self.difference) ** 2
        return smallest(lambda n: self.power(n, 0, alpha, sided), normal, power, least=2.0)

    def power(self, control: float, treatment: float, alpha: float, sided: int) -> float:
        """Return the power with `control` people in all."""
        return t_power(self.difference / self.sd * math.sqrt(control), max(control - 1, 1.0), alpha, sided)

    def nearest(self, alpha: float, power: float, sided: int, ratio: float, people: int = 500) -> str:
        """Return the change that so many people find."""
        gap = quantiles(alpha, power, sided) * self.sd / math.sqrt(people)
        return f"{people} people find a change of {gap:.3g} with a power of {power:g}"


@dataclass(frozen=True)
class Crossover(Comparison):
    """A mean in a two-period, two-sequence crossover, free of period effects.

    What is left of the treatment in the next period, less what is left of the control, biases the estimate by half of
    it: no test in the same trial can tell it well (Senn 2002, chapter 3), so a wash-out must prevent it. Here it can be
    assumed, to see what it costs.

    Parameters
    ----------
    difference : float
        Treatment minus control.
    sd : float
        Within a person, of one period.
    null : float
        Difference to be refuted, as in `TwoMeans`.
    period : float
        Second period minus the first; it cancels.
    carry_over : float
        As above.

    References
    ----------
    Senn S. Cross-over Trials in Clinical Research, 2002, chapters 3 and 9.

    Examples
    --------
    >>> Crossover(-10, 20).solve(0.05, 0.9).total
    88
    >>> Crossover(-10, 20, carry_over=-4).solve(0.05, 0.9).total
    134
    """

    difference: float
    sd: float
    null: float = 0.0
    period: float = 0.0
    carry_over: float = 0.0
    endpoint = "change"
    groups = 1
    multiple = 2

    def __post_init__(self) -> None:
        _check_sd(self.sd)
        _check_difference(self)
        left = self.scale().distance
        if left * (self.difference - self.null) <= 0:
            raise InputError(
                "--carry-over",
                "this much carry-over hides the whole effect",
                value=self.carry_over,
                allowed=f"nearer to 0 than {2 * (self.difference - self.null):g}",
                hint="nearest feasible: a longer wash-out, or --layout parallel",
            )

    @property
    def non_inferior(self) -> bool:  # type: ignore[override]
        """Whether a loss is accepted."""
        return self.null != 0

    @property
    def method(self) -> str:
        """Name of the test."""
        test = "t test of a two-period crossover, adjusted for period"
        return f"{test}, non-inferiority" if self.null else test

    def scale(self) -> EffectScale:
        """Return the difference that the trial would estimate, carry-over included."""
        return EffectScale("difference", self.difference - self.carry_over / 2, self.null)

    def effect(self) -> dict[str, Any]:
        """Return the difference and its spread."""
        more = {"accepted_loss": self.null, "period": self.period, "carry_over": self.carry_over}
        found = {"difference": self.difference, "sd_within": self.sd}
        return found | {name: value for name, value in more.items() if value}

    def sentence(self) -> str:
        """Return the effect in words."""
        left = f", with a carry-over of {self.carry_over:g}" if self.carry_over else ""
        return (
            f"a difference of {self.difference:g} with a standard deviation of {self.sd:g} within a person{left}"
            f"{_loss(self.null)}"
        )

    def size(self, alpha: float, power: float, sided: int, ratio: float) -> float:
        """Return the people in all, half in each sequence."""
        normal = 2 * (quantiles(alpha, power, sided) * self.sd / self.scale().distance) ** 2
        return smallest(lambda n: self.power(n, 0, alpha, sided), normal, power, least=4.0)

    def power(self, control: float, treatment: float, alpha: float, sided: int) -> float:
        """Return the power with `control` people in all."""
        shift = self.scale().distance / self.sd * math.sqrt(control / 2)
        return t_power(shift, max(control - 2, 1.0), alpha, sided)

    def nearest(self, alpha: float, power: float, sided: int, ratio: float, people: int = 500) -> str:
        """Return the difference that so many people find."""
        gap = quantiles(alpha, power, sided) * self.sd * math.sqrt(2 / people)
        return f"{people} people find a difference of {gap:.3g} with a power of {power:g}"


def _check_difference(one: TwoMeans | Crossover) -> None:
    """Refuse no effect, and an effect beyond the loss that is accepted."""
    if one.null == 0 and one.difference == 0:
        raise no_effect("--effect", one.difference, one.nearest(0.05, 0.9, 2, 1.0))
    if one.null and (one.difference - one.null) * -one.null <= 0:
        raise beyond_margin("--effect", one.difference, abs(one.null))


def _loss(null: float) -> str:
    return f", a loss of {abs(null):g} being accepted" if null else ""


def _check_sd(sd: float) -> None:
    if not sd > 0:
        raise InputError(
            "--sd",
            "values that do not vary carry no uncertainty to plan with",
            value=sd,
            allowed="above 0, in the score's unit",
        )
