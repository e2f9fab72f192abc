"""Responders: two independent proportions, or the same people twice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import ndtr, ndtri

from abate.design.fixed.comparison import Comparison, EffectScale, beyond_margin, no_effect, normal_power, quantiles
from abate.design.fixed.margin import constrained_shares
from abate.ground.errors import InputError

__all__ = ["TESTS", "PairedProportions", "TwoProportions"]

TESTS = ("pooled", "continuity", "unpooled", "arcsine", "exact")


@dataclass(frozen=True)
class TwoProportions(Comparison):
    """Responders in two arms.

    Parameters
    ----------
    control, treatment : float
        Expected shares of responders, 0 to 1.
    test : {'pooled', 'continuity', 'unpooled', 'arcsine', 'exact'}
        The chi-squared test (the default), the same with Yates' continuity correction, Wald's test, the arcsine
        approximation, or Fisher's exact test by full enumeration.
    null : float
        Difference to be refuted: 0, or the loss that is still accepted (-0.1). With one, ``pooled`` takes the shares
        that are most likely under it (Farrington & Manning 1990).

    References
    ----------
    Fleiss JL, Tytun A, Ury HK. Biometrics 1980;36:343-346. Cohen J. Statistical Power Analysis, 1988, chapter 6.
    Farrington CP, Manning G. Stat Med 1990;9:1447-1454.

    Examples
    --------
    >>> TwoProportions(0.25, 0.5).solve(0.05, 0.9).control
    77
    """

    control: float
    treatment: float
    test: str = "pooled"
    null: float = 0.0
    endpoint = "responders"

    def __post_init__(self) -> None:
        for option, share in (("--control", self.control), ("--treatment", self.treatment)):
            if not 0 <= share <= 1:
                raise InputError(option, "not a share of responders", value=share, allowed="0 to 1, such as 0.3")
        if self.test not in TESTS:
            raise InputError("--test", "there is no such test of proportions", value=self.test, allowed=TESTS)
        if self.null:
            self._check_margin()
        elif self.control == self.treatment:
            raise no_effect("--treatment", self.treatment, self.nearest(0.05, 0.9, 2, 1.0))
        if self.control in (0, 1) and self.treatment in (0, 1):
            raise InputError(
                "--treatment",
                "with nobody on one arm and everybody on the other nothing is left to chance",
                value=self.treatment,
                hint="nearest feasible: 0.95 instead of 1",
            )

    def _check_margin(self) -> None:
        if not abs(self.null) < 1:
            raise InputError("--margin", "not a difference of shares", value=abs(self.null), allowed="above 0, below 1")
        if self.test not in ("pooled", "unpooled"):
            raise InputError(
                "--test", "this test has no version for a margin", value=self.test, allowed="pooled, unpooled"
            )
        if self.scale().distance * -self.null <= 0:
            raise beyond_margin("--treatment", self.treatment, abs(self.null))

    @property
    def non_inferior(self) -> bool:  # type: ignore[override]
        """Whether a loss is accepted."""
        return self.null != 0

    def scale(self) -> EffectScale:
        """Return the difference of the shares."""
        return EffectScale("difference of shares", self.treatment - self.control, self.null)

    @property
    def method(self) -> str:
        """Name of the test."""
        if self.null:
            return f"non-inferiority, {'Farrington-Manning' if self.test == 'pooled' else 'Wald'} test"
        return {
            "pooled": "chi-squared test, pooled variance under the null",
            "continuity": "chi-squared test with continuity correction",
            "unpooled": "Wald test, unpooled variance",
            "arcsine": "arcsine approximation",
            "exact": "Fisher's exact test, by enumeration",
        }[self.test]

    def effect(self) -> dict[str, Any]:
        """Return both shares and their difference."""
        loss = {"accepted_loss": self.null} if self.null else {}
        gap = self.treatment - self.control
        return {"control": self.control, "treatment": self.treatment, "difference": gap, **loss}

    def sentence(self) -> str:
        """Return the effect in words."""
        loss = f", a loss of {100 * abs(self.null):.3g} % being accepted" if self.null else ""
        return (
            f"{100 * self.treatment:.3g} % responders on treatment against {100 * self.control:.3g} % on control{loss}"
        )

    def size(self, alpha: float, power: float, sided: int, ratio: float) -> float:
        """Return the people on control."""
        p, q, gap = self.control, self.treatment, abs(self.scale().distance)
        z, total = float(ndtri(1 - alpha / sided)), quantiles(alpha, power, sided)
        spread = p * (1 - p) + q * (1 - q) / ratio
        pooled = self._null_variance(1.0, ratio)
        n = ((z * math.sqrt(pooled) + float(ndtri(power)) * math.sqrt(spread)) / gap) ** 2
        if self.test == "pooled":
            return n
        if self.test == "unpooled":
            return total**2 * spread / gap**2
        if self.test == "arcsine":
            return (total / _arcsine(p, q)) ** 2 * (1 + 1 / ratio)
        if self.test == "continuity":
            return n / 4 * (1 + math.sqrt(1 + 2 * (ratio + 1) / (ratio * n * gap))) ** 2
        return self._exact_size(alpha, power, sided, ratio, n)

    def power(self, control: float, treatment: float, alpha: float, sided: int) -> float:
        """Return the power; by enumeration of all tables for the exact test."""
        if self.test == "exact":
            return fisher_power(round(control), round(treatment), self.control, self.treatment, alpha, sided)
        p, q = self.control, self.treatment
        gap = abs(self.scale().distance)
        if self.test == "arcsine":
            return normal_power(_arcsine(p, q) * math.sqrt(control * treatment / (control + treatment)), alpha, sided)
        spread = math.sqrt(p * (1 - p) / control + q * (1 - q) / treatment)
        if self.test == "unpooled":
            return normal_power(gap / spread, alpha, sided)
        null = math.sqrt(self._null_variance(control, treatment))
        if self.test == "continuity":
            gap -= 0.5 * (1 / control + 1 / treatment)
        z = float(ndtri(1 - alpha / sided))
        other = ndtr((-gap - z * null) / spread) if sided == 2 else 0.0
        return float(ndtr((gap - z * null) / spread) + other)

    def _null_variance(self, control: float, treatment: float) -> float:
        """Return the variance of the difference when it is what is to be refuted, with so many people."""
        if self.null:
            shares = constrained_shares(self.control, self.treatment, treatment / control, self.null)
            p, q = (float(share) for share in shares)
            return p * (1 - p) / control + q * (1 - q) / treatment
        mean = (control * self.control + treatment * self.treatment) / (control + treatment)
        return mean * (1 - mean) * (1 / control + 1 / treatment)

    def nearest(self, alpha: float, power: float, sided: int, ratio: float, people: int = 500) -> str:
        """Return the difference that so many people an arm find."""
        if self.null:
            spread = math.sqrt(people * self._null_variance(people, ratio * people))
            loss = quantiles(alpha, power, sided) * spread / math.sqrt(people)
            return f"{people} people on control refute a loss of {loss:.3f} with a power of {power:g}"
        room = 1 - self.control >= 0.5
        edge = 1.0 if room else 0.0
        low, high = self.control, edge
        for _ in range(50):
            middle = 0.5 * (low + high)
            there = TwoProportions(self.control, middle).power(people, ratio * people, alpha, sided) >= power
            low, high = (low, middle) if there else (middle, high)
        return f"{people} people on control find {high:.3f} against {self.control:g} with a power of {power:g}"

    def _exact_size(self, alpha: float, power: float, sided: int, ratio: float, start: float) -> float:
        # The power of an exact test saws: the answer is the first size from which on it stays above for five steps.
        count = max(2, math.floor(start))
        held = 0
        while held < 5 and count < 600:
            reached = fisher_power(count, math.ceil(ratio * count), self.control, self.treatment, alpha, sided)
            held = held + 1 if reached >= power else 0
            count += 1
        if held < 5:
            raise InputError(
                "--test",
                "more than 600 people an arm are too many to enumerate",
                value="exact",
                hint="take --test pooled",
            )
        return float(count - 5)


@dataclass(frozen=True)
class PairedProportions(Comparison):
    """Responders in a crossover: the same people on both treatments, by McNemar's test.

    Parameters
    ----------
    control, treatment : float
        Expected shares of responders on each.
    correlation : float
        Of a person's two answers, -1 to 1.

    References
    ----------
    Connor RJ. Biometrics 1987;43:207-211.

    Examples
    --------
    >>> PairedProportions(0.25, 0.5).solve(0.05, 0.9).total
    80
    """

    control: float
    treatment: float
    correlation: float = 0.0
    endpoint = "responders"
    groups = 1
    multiple = 2

    def __post_init__(self) -> None:
        TwoProportions(self.control, self.treatment)
        first, second = self._discordant()
        if min(first, second) < 0:
            raise InputError(
                "--correlation",
                "two such shares cannot be so correlated",
                value=self.correlation,
                allowed="nearer to 0",
            )

    @property
    def method(self) -> str:
        """Name of the test."""
        return "McNemar's test, crossover"

    def scale(self) -> EffectScale:
        """Return the difference of the shares."""
        return EffectScale("difference of shares", self.treatment - self.control)

    def _discordant(self) -> tuple[float, float]:
        p, q = self.control, self.treatment
        both = p * q + self.correlation * math.sqrt(p * (1 - p) * q * (1 - q))
        return q - both, p - both

    def effect(self) -> dict[str, Any]:
        """Return both shares and the discordant pairs."""
        better, worse = self._discordant()
        return {"control": self.control, "treatment": self.treatment, "better": better, "worse": worse}

    def sentence(self) -> str:
        """Return the effect in words."""
        return TwoProportions(self.control, self.treatment).sentence() + ", in the same people"

    def size(self, alpha: float, power: float, sided: int, ratio: float) -> float:
        """Return the people in all."""
        better, worse = self._discordant()
        gap, both = abs(better - worse), better + worse
        z = float(ndtri(1 - alpha / sided))
        return ((z * math.sqrt(both) + float(ndtri(power)) * math.sqrt(both - gap**2)) / gap) ** 2

    def power(self, control: float, treatment: float, alpha: float, sided: int) -> float:
        """Return the power with `control` people in all."""
        better, worse = self._discordant()
        gap, both = abs(better - worse), better + worse
        z = float(ndtri(1 - alpha / sided))
        return float(ndtr((gap * math.sqrt(control) - z * math.sqrt(both)) / math.sqrt(both - gap**2)))

    def nearest(self, alpha: float, power: float, sided: int, ratio: float, people: int = 500) -> str:
        """Return the difference that so many people find."""
        return TwoProportions(self.control, self.treatment).nearest(alpha, power, sided, ratio, people)


def fisher_power(control: int, treatment: int, p: float, q: float, alpha: float, sided: int) -> float:
    """Return the power of Fisher's exact test by enumerating every table.

    The two-sided p sums all tables of the same margin that are no more probable than the one seen.

    Examples
    --------
    >>> round(fisher_power(20, 20, 0.1, 0.6, 0.05, 2), 3)
    0.908
    """
    x, y = np.arange(control + 1), np.arange(treatment + 1)
    chance = np.outer(stats.binom.pmf(x, control, p), stats.binom.pmf(y, treatment, q))
    total = 0.0
    for margin in range(control + treatment + 1):
        own = np.arange(max(0, margin - treatment), min(control, margin) + 1)
        mass = stats.hypergeom.pmf(own, control + treatment, margin, control)
        if sided == 2:
            # Equal up to rounding counts as equal, as in R's fisher.test.
            p_value = np.array([mass[mass <= m * (1 + 1e-7)].sum() for m in mass])
        else:
            p_value = np.cumsum(mass) if q > p else np.cumsum(mass[::-1])[::-1]
        hit = own[p_value <= alpha]
        total += float(chance[hit, margin - hit].sum())
    return total


def _arcsine(p: float, q: float) -> float:
    return abs(2 * math.asin(math.sqrt(q)) - 2 * math.asin(math.sqrt(p)))
