"""Assurance: the chance that a trial succeeds, averaged over the effects that a pilot leaves possible.

Power at the point estimate of six patients promises too much, because the estimate may be far off. Assurance is the
mean of the power over the uncertainty (Spiegelhalter & Freedman 1986; O'Hagan, Stevens & Campbell 2005). It has a
ceiling below 1: the chance that the effect has the right sign at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from abate.design.pilot import Pilot, PilotChange
from abate.design.plan import Plan, plan
from abate.design.request import Assumptions, DesignRequest
from abate.ground.errors import InputError

__all__ = ["Assurance", "assurance", "pilot_request", "solve_from_pilot"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Assurance:
    """The chance of success of a design, by how much of the pilot is believed.

    Attributes
    ----------
    power_at_raw, power_at_shrunk : float
        Power if the effect were exactly the pilot's, and if it were the shrunk one.
    raw, shrunk : float
        Mean power over the uncertainty, without and with the prior of no effect.
    ceiling : float
        What ``shrunk`` cannot exceed, however many people there are.
    people : tuple of (int, float)
        Totals, and the assurance of each.
    """

    power_at_raw: float
    power_at_shrunk: float
    raw: float
    shrunk: float
    ceiling: float
    people: tuple[tuple[int, float], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what results.json holds at ``design.assurance``."""
        return {
            "power_at_pilot_estimate": self.power_at_raw,
            "power_at_shrunk_estimate": self.power_at_shrunk,
            "assurance": self.shrunk,
            "assurance_without_shrinkage": self.raw,
            "ceiling": self.ceiling,
            "by_total": [{"total": total, "assurance": value} for total, value in self.people],
        }


def pilot_request(pilot: Pilot, wanted: DesignRequest) -> DesignRequest:
    """Return the request with the pilot's shrunk effect as its assumption.

    Raises
    ------
    InputError
        When the pilot shows nothing to look for.
    """
    source = f"pilot of {pilot.n}, effect kept {pilot.kept:.2f}"
    given: dict[str, Any] = {
        "source": source,
        "grade": "derived",
    }
    if isinstance(pilot, PilotChange):
        if pilot.raw == 0:
            raise InputError("--pilot", "the mean change is that of the control: an effect of zero", value=pilot.raw)
        given |= {"effect": pilot.shrunk, "sd": pilot.sd}
    else:
        if pilot.raw <= pilot.control:
            lower = f"--control {max(pilot.raw - 0.1, pilot.raw / 2):.2g}, or another endpoint"
            nobody = "another endpoint, such as the change in a score (--measure)"
            raise InputError(
                "--pilot",
                f"{pilot.responders} of {pilot.n} responded, which is no more than the control's share",
                value=pilot.raw,
                allowed=f"above {pilot.control:g}",
                hint=f"nearest feasible: {lower if pilot.responders else nobody}",
            )
        given |= {"control": pilot.control, "treatment": pilot.shrunk, "test": wanted.assume.test}
    return wanted.model_copy(update={"assume": Assumptions.model_validate(given)})


def assurance(pilot: Pilot, made: Plan) -> Assurance:
    """Return the assurance of a design that was sized from a pilot.

    Parameters
    ----------
    pilot : PilotChange or PilotResponders
    made : Plan
        A parallel design.

    Examples
    --------
    >>> from abate.design.request import request
    >>> pilot = PilotChange((-20, -8, -30, 2, -14, -11), prior_people=6)
    >>> made = plan(pilot_request(pilot, request()))
    >>> found = assurance(pilot, made)
    >>> found.power_at_raw > found.power_at_shrunk > found.shrunk
    True
    """
    trusting = replace(pilot, prior_people=_least(pilot))
    success = _success(made)
    arms = (float(made.control), float(made.treatment))
    totals = sorted({*(round(made.total * f / 2) * 2 for f in (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)), made.total})
    by_total = [(total, _mean(pilot, success, _split(arms, total))) for total in totals if total >= 8]
    return Assurance(
        float(success(_effect(pilot, pilot.raw), arms)),
        float(success(_effect(pilot, pilot.shrunk), arms)),
        _mean(trusting, success, arms),
        _mean(pilot, success, arms),
        _ceiling(pilot),
        tuple(by_total),
    )


def solve_from_pilot(pilot: Pilot, wanted: DesignRequest, *, target: float | None = None) -> tuple[Plan, Assurance]:
    """Size a trial from a pilot: for the power at the shrunk effect, or for a target of assurance.

    Raises
    ------
    InputError
        When the target lies above what any size reaches; the nearest that can is named.
    """
    if wanted.layout != "parallel":
        raise InputError("--layout", "assurance is for two arms", value=wanted.layout, allowed="parallel")
    made = plan(pilot_request(pilot, wanted))
    if target is None:
        return made, assurance(pilot, made)
    if not 0 < target < 1:
        raise InputError("--assurance", "not a chance of success", value=target, allowed="between 0 and 1")
    success, ceiling = _success(made), _ceiling(pilot)
    reach = 0.97 * ceiling
    arms = (float(made.control), float(made.treatment))
    if target > reach:
        largest = _mean(pilot, success, _split(arms, 100 * made.total))
        raise InputError(
            "--assurance",
            f"the pilot leaves a chance of {1 - ceiling:.2f} of no effect or harm, so no size reaches this",
            value=target,
            allowed=f"up to about {reach:.2f}",
            hint=f"nearest feasible: --assurance {math.floor(100 * min(reach, largest)) / 100:g}",
        )
    low, high = 4.0, float(made.total)
    while _mean(pilot, success, _split(arms, high)) < target:
        high *= 2
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _mean(pilot, success, _split(arms, middle)) < target else (low, middle)
    control, treatment = _split(arms, high)
    sized = replace(made, control=math.ceil(control - 1e-6), treatment=math.ceil(treatment - 1e-6))
    return sized, assurance(pilot, sized)


Success = Callable[[tuple[Array, Array], tuple[float, float]], Any]


def _success(made: Plan) -> Success:
    """Return the function of effects and arm sizes that gives the chance of success, looks included."""
    z = float(ndtri(1 - made.request.alpha / made.request.sided))
    design = made.sequential
    # The power of the looks as a function of the drift, once; between the nodes it is smooth.
    grid = np.linspace(-10.0, 14.0, 161)
    curve = np.array([design.power_at(float(drift)) for drift in grid]) if design.looks > 1 else ndtr(grid - z)

    def success(effect: tuple[Array, Array], arms: tuple[float, float]) -> Any:
        control, treatment = arms
        first, second = effect
        if made.comparison is not None and made.comparison.endpoint == "change":
            # `first` carries the sign of the pilot: success is a difference on its side.
            drift = first / second * math.sqrt(control * treatment / (control + treatment))
        else:
            drift = _proportions_drift(first, second, control, treatment, z)
        return np.interp(drift, grid, curve)

    return success


def _proportions_drift(treated: Array, others: Array, control: float, treatment: float, z: float) -> Array:
    """Return the drift of a unit-variance statistic with the same power as the pooled test of two shares."""
    mean = (control * others + treatment * treated) / (control + treatment)
    null = np.sqrt(np.maximum(mean * (1 - mean), 1e-12) * (1 / control + 1 / treatment))
    spread = np.sqrt(np.maximum(others * (1 - others) / control + treated * (1 - treated) / treatment, 1e-12))
    return np.asarray(z + (treated - others - z * null) / spread)


def _effect(pilot: Pilot, value: float) -> tuple[Array, Array]:
    if isinstance(pilot, PilotChange):
        return np.array(abs(value)), np.array(pilot.sd)
    return np.array(value), np.array(pilot.control)


def _mean(pilot: Pilot, success: Success, arms: tuple[float, float]) -> float:
    first, second, weights = pilot.draws()
    if isinstance(pilot, PilotChange):
        first = first * math.copysign(1.0, pilot.raw)
    return float(weights @ success((first, second), arms))


def _ceiling(pilot: Pilot) -> float:
    first, second, weights = pilot.draws()
    if isinstance(pilot, PilotChange):
        return float(weights @ (first * math.copysign(1.0, pilot.raw) > 0))
    return float(weights @ (first > second))


def _least(pilot: Pilot) -> float:
    """Return the lightest prior that leaves the pilot some variance."""
    return 0.0 if isinstance(pilot, PilotChange) or 0 < pilot.responders < pilot.n else 1e-3


def _split(arms: tuple[float, float], total: float) -> tuple[float, float]:
    share = arms[0] / (arms[0] + arms[1])
    return total * share, total * (1 - share)
