"""Time to a flare, by the log-rank test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from abate.design.fixed.comparison import Comparison, EffectScale, beyond_margin, no_effect, normal_power, quantiles
from abate.ground.errors import InputError

__all__ = ["TimeToEvent", "share_with_event"]


def share_with_event(hazard: float, *, accrual: float, follow_up: float, dropout: float = 0.0) -> float:
    """Return the share of an arm that is seen to have the event.

    Parameters
    ----------
    hazard, dropout : float
        Constant rates, per unit of time.
    accrual, follow_up : float
        People enter evenly during `accrual`; the last one is followed for `follow_up`.

    References
    ----------
    Lachin JM, Foulkes MA. Biometrics 1986;42:507-519.

    Examples
    --------
    >>> round(share_with_event(0.1, accrual=0.0, follow_up=10.0), 4)
    0.6321
    """
    rate = hazard + dropout
    if accrual == 0:
        return hazard / rate * -math.expm1(-rate * follow_up)
    still = (math.exp(-rate * follow_up) - math.exp(-rate * (accrual + follow_up))) / (rate * accrual)
    return hazard / rate * (1 - still)


@dataclass(frozen=True)
class TimeToEvent(Comparison):
    """Time to an event in two arms with proportional hazards.

    Parameters
    ----------
    hazard_ratio : float
        Treatment over control.
    control_events : float
        Share of the control arm with the event by the time `at`.
    at, accrual, follow_up : float
        In one unit of time. ``follow_up`` is that of the last person to enter.
    dropout : float
        Share lost by the time `at`, in either arm.
    formula : {'schoenfeld', 'freedman'}
        How many events are needed.
    null : float
        Hazard ratio to be refuted: 1, or the highest that is still accepted.

    References
    ----------
    Schoenfeld DA. Biometrika 1981;68:316-319. Freedman LS. Stat Med 1982;1:121-129.

    Examples
    --------
    >>> design = TimeToEvent(0.5, control_events=0.5).solve(0.05, 0.9)
    >>> design.total, round(design.events, 1)
    (222, 88.0)
    """

    hazard_ratio: float
    control_events: float
    at: float = 1.0
    accrual: float = 0.0
    follow_up: float = 1.0
    dropout: float = 0.0
    formula: str = "schoenfeld"
    null: float = 1.0
    endpoint = "time-to-flare"
    counts_lost = True

    def __post_init__(self) -> None:
        if not self.hazard_ratio > 0:
            raise InputError("--hazard-ratio", "not a ratio", value=self.hazard_ratio, allowed="above 0, such as 0.5")
        if not 0 < self.control_events < 1:
            raise InputError(
                "--control",
                "not a share of people with the event",
                value=self.control_events,
                allowed="between 0 and 1",
            )
        if not 0 <= self.dropout < 1:
            raise InputError("--dropout", "not a share of people lost", value=self.dropout, allowed="0 to below 1")
        if min(self.at, self.follow_up) <= 0 or self.accrual < 0:
            raise InputError("--follow-up", "times are above 0", value=(self.at, self.accrual, self.follow_up))
        if self.formula not in ("schoenfeld", "freedman"):
            raise InputError("--test", "there is no such formula", value=self.formula, allowed="schoenfeld, freedman")
        if self.null == 1 and self.hazard_ratio == 1:
            raise no_effect("--hazard-ratio", self.hazard_ratio, self.nearest(0.05, 0.9, 2, 1.0))
        if self.null != 1:
            self._check_margin()

    def _check_margin(self) -> None:
        if not self.null > 0:
            raise InputError("--margin", "not a hazard ratio", value=self.null, allowed="above 0, such as 1.3")
        if self.formula == "freedman":
            raise InputError("--test", "Freedman's formula has no version for a margin", hint="take --test schoenfeld")
        if self.scale().distance * -math.log(self.null) <= 0:
            raise beyond_margin("--hazard-ratio", self.hazard_ratio, self.null)

    @property
    def non_inferior(self) -> bool:  # type: ignore[override]
        """Whether a loss is accepted."""
        return self.null != 1

    def scale(self) -> EffectScale:
        """Return the logarithm of the hazard ratio."""
        return EffectScale("hazard ratio", math.log(self.hazard_ratio), math.log(self.null), log=True)

    @property
    def method(self) -> str:
        """Name of the test."""
        test = "Cox's test, non-inferiority" if self.null != 1 else "log-rank test"
        return f"{test}, {self.formula.capitalize()}'s formula"

    def shares(self) -> tuple[float, float]:
        """Return the shares of the control and the treatment arm that are seen to have the event."""
        hazard = -math.log1p(-self.control_events) / self.at
        lost = -math.log1p(-self.dropout) / self.at
        times = {"accrual": self.accrual, "follow_up": self.follow_up, "dropout": lost}
        return share_with_event(hazard, **times), share_with_event(hazard * self.hazard_ratio, **times)

    def needed_events(self, alpha: float, power: float, sided: int, ratio: float) -> float:
        """Return how many events the trial needs in all."""
        total = quantiles(alpha, power, sided) ** 2
        if self.formula == "freedman":
            return total * ((1 + ratio * self.hazard_ratio) / (1 - self.hazard_ratio)) ** 2 / ratio
        return total * (1 + ratio) ** 2 / (ratio * self.scale().distance ** 2)

    def effect(self) -> dict[str, Any]:
        """Return the hazard ratio and what follows from it."""
        control, treatment = self.shares()
        loss = {"accepted_hazard_ratio": self.null} if self.null != 1 else {}
        return {"hazard_ratio": self.hazard_ratio, "control_events": control, "treatment_events": treatment, **loss}

    def sentence(self) -> str:
        """Return the effect in words."""
        control, treatment = self.shares()
        return (
            f"a hazard ratio of {self.hazard_ratio:g} ({100 * treatment:.3g} % with the event on treatment against "
            f"{100 * control:.3g} % on control)" + (f", one of {self.null:g} being accepted" if self.null != 1 else "")
        )

    def size(self, alpha: float, power: float, sided: int, ratio: float) -> float:
        """Return the people on control."""
        control, treatment = self.shares()
        return self.needed_events(alpha, power, sided, ratio) / (control + ratio * treatment)

    def events(self, control: float, treatment: float) -> float:
        """Return the expected events."""
        first, second = self.shares()
        return control * first + treatment * second

    def power(self, control: float, treatment: float, alpha: float, sided: int) -> float:
        """Return the power."""
        ratio = treatment / control
        seen = self.events(control, treatment)
        unit = TimeToEvent.needed_events(self, 0.05, 0.5, 2, ratio) / quantiles(0.05, 0.5, 2) ** 2
        return normal_power(math.sqrt(seen / unit), alpha, sided)

    def nearest(self, alpha: float, power: float, sided: int, ratio: float, people: int = 500) -> str:
        """Return the hazard ratio that so many people an arm find."""
        seen = people * (1 + ratio) * self.control_events
        found = math.exp(-quantiles(alpha, power, sided) * (1 + ratio) / math.sqrt(ratio * seen))
        if self.null != 1:
            return f"{people} people on control refute a hazard ratio of {1 / found:.3f} with a power of {power:g}"
        return f"{people} people on control find a hazard ratio of {found:.3f} with a power of {power:g}"
