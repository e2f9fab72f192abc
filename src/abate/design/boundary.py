"""Boundaries that stop a trial early for a difference, and keep the type I error over all looks.

Classical families have one shape and one constant: ``z_k = c * t_k ** (delta - 1/2)`` with delta 0 for O'Brien-Fleming,
1/2 for Pocock and anything for Wang-Tsiatis; Haybittle-Peto looks at a fixed high z until the end. Hwang-Shih-DeCani's
family and the Lan-DeMets versions spend the error by a function of the information instead (`abate.design.spending`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri

from abate.design.crossing import Walk, crossing
from abate.design.spending import Spending
from abate.ground.errors import InputError
from abate.ground.files import did_you_mean

__all__ = ["BOUNDARIES", "Boundary", "efficacy"]

Array = NDArray[np.float64]
BOUNDARIES = ("obrien-fleming", "pocock", "wang-tsiatis", "haybittle-peto", "hwang-shih-decani", "spending")

# A z of 10 has a two-sided p of 1e-23: no trial gets there, and the look would be one in name only.
UNREACHABLE = 10.0


@dataclass(frozen=True)
class Boundary:
    """Which boundary is wanted.

    Parameters
    ----------
    family : str
        One of `BOUNDARIES`.
    parameter : float
        delta of Wang-Tsiatis (0 to 1/2), or the early z of Haybittle-Peto.
    spending : Spending, optional
        For ``spending`` and ``hwang-shih-decani``.

    Raises
    ------
    InputError
        For an unknown family or a parameter out of range.

    References
    ----------
    O'Brien PC, Fleming TR. Biometrics 1979;35:549-556. Pocock SJ. Biometrika 1977;64:191-199.
    Wang SK, Tsiatis AA. Biometrics 1987;43:193-199. Haybittle JL. Br J Radiol 1971;44:793-797.
    """

    family: str = "obrien-fleming"
    parameter: float = math.nan
    spending: Spending | None = field(default=None)

    def __post_init__(self) -> None:
        if self.family not in BOUNDARIES:
            hint = did_you_mean(self.family, BOUNDARIES)
            raise InputError(
                "--boundary", "there is no such boundary", value=self.family, allowed=BOUNDARIES[:-1], hint=hint
            )
        if self.family == "wang-tsiatis" and not -0.5 <= self.parameter <= 0.7:
            raise InputError(
                "--delta",
                "the shape of Wang-Tsiatis is out of range",
                value=self.parameter,
                allowed="-0.5 to 0.7; 0 is O'Brien-Fleming, 0.5 is Pocock",
            )
        if self.family == "haybittle-peto" and not self.parameter > 0:
            raise InputError("--early-z", "not a boundary", value=self.parameter, allowed="above 0, such as 3")
        if self.spends and self.spending is None:
            raise InputError("--spending", "no spending function is given", allowed="obrien-fleming, pocock, ...")

    @property
    def spends(self) -> bool:
        """Whether the boundary comes from a spending function."""
        return self.family in ("spending", "hwang-shih-decani")

    def shape(self, information: Array) -> Array:
        """Return the classical shape at shares of the information, shape (looks,)."""
        delta = {"obrien-fleming": 0.0, "pocock": 0.5}.get(self.family, self.parameter)
        return np.asarray(information ** (delta - 0.5))

    def __str__(self) -> str:
        if self.spends:
            return str(self.spending)
        names = {
            "obrien-fleming": "O'Brien-Fleming",
            "pocock": "Pocock",
            "wang-tsiatis": f"Wang-Tsiatis, delta {self.parameter:g}",
            "haybittle-peto": f"Haybittle-Peto, z {self.parameter:g} before the last look",
        }
        return names[self.family]


def efficacy(
    boundary: Boundary,
    information: Array,
    alpha: float,
    *,
    sided: int = 2,
    futility: Array | None = None,
    reachable: bool = True,
) -> Array:
    """Return the z at each look beyond which a trial stops for a difference.

    Parameters
    ----------
    boundary : Boundary
        Which one.
    information : ndarray, shape (looks,)
        Shares of the information, the last one 1.
    alpha : float
        Type I error over all looks, of both sides when two-sided.
    sided : {1, 2}
        A two-sided boundary is symmetric.
    futility : ndarray, shape (looks,), optional
        A lower boundary that is binding: it counts in the type I error. Only with ``sided=1``.
    reachable : bool
        Refuse a boundary that no trial could reach.

    Returns
    -------
    ndarray, shape (looks,)

    Raises
    ------
    InputError
        When no boundary keeps the error, or it could never be reached; the nearest that can is named.

    Examples
    --------
    Jennison & Turnbull's constants for five looks at a two-sided 5 %: 2.413 for Pocock, 2.040 for O'Brien-Fleming.

    >>> looks = np.arange(1, 6) / 5
    >>> round(float(efficacy(Boundary("pocock"), looks, 0.05)[0]), 3)
    2.413
    >>> round(float(efficacy(Boundary("obrien-fleming"), looks, 0.05)[-1]), 3)
    2.04
    """
    if boundary.spends:
        assert boundary.spending is not None
        bounds = spent_boundary(boundary.spending, information, alpha, sided=sided, futility=futility)
    elif boundary.family == "haybittle-peto":
        bounds = _haybittle_peto(boundary.parameter, information, alpha, sided, futility)
    else:
        shape = boundary.shape(information)
        start = float(ndtri(1 - alpha / sided))
        # The constant lies between that of one look and Bonferroni's, at the look where the shape is lowest.
        high = (float(ndtri(1 - alpha / sided / len(shape))) + 1) / float(shape.min())
        low = 0.2 * start / float(shape.max())
        constant = float(
            brentq(lambda c: _error(c * shape, information, sided, futility) - alpha, low, high, xtol=1e-10)
        )
        bounds = constant * shape
    if reachable:
        _check_reachable(bounds, information)
    return bounds


def spent_boundary(
    spending: Spending, information: Array, alpha: float, *, sided: int, futility: Array | None = None
) -> Array:
    """Return the boundary that spends the error by a function, look by look."""
    targets = np.diff(spending.spent(alpha / sided, information), prepend=0.0)
    walk = Walk.start(0.0)
    bounds = np.full(len(information), math.inf)
    for k, time in enumerate(information):
        bounds[k] = edge_above(walk, float(targets[k]), float(time))
        if k + 1 < len(information):
            low = -bounds[k] if sided == 2 else -math.inf if futility is None else float(futility[k])
            walk = walk.go_on(low, float(bounds[k]), float(time), next_time=float(information[k + 1]))
    return bounds


def edge_above(walk: Walk, error: float, time: float) -> float:
    """Return the z above which exactly `error` of the running trials fall; infinity for none."""
    if error <= 0:
        return math.inf
    if walk.time == 0:
        return float(walk.drift * math.sqrt(time) - ndtri(error))
    if walk.above(-40.0, time) <= error:
        return -math.inf
    # The logarithm keeps the search well scaled when the error is 1e-8.
    return float(brentq(lambda z: math.log(max(walk.above(z, time), 1e-300) / error), -40.0, 40.0, xtol=1e-10))


def edge_below(walk: Walk, error: float, time: float) -> float:
    """Return the z below which exactly `error` of the running trials fall; minus infinity for none."""
    mirrored = Walk(walk.time, -walk.drift, -walk.nodes, walk.mass)
    return -edge_above(mirrored, error, time)


def _error(upper: Array, information: Array, sided: int, futility: Array | None) -> float:
    lower = -upper if sided == 2 else np.full(len(upper), -math.inf) if futility is None else futility
    found = crossing(upper, np.minimum(lower, upper), information)
    return float(found.upper.sum() + (found.lower.sum() if sided == 2 else 0.0))


def _haybittle_peto(early: float, information: Array, alpha: float, sided: int, futility: Array | None) -> Array:
    bounds = np.full(len(information), float(early))

    def excess(last: float) -> float:
        bounds[-1] = last
        return _error(bounds, information, sided, futility) - alpha

    if len(information) > 1 and excess(40.0) >= 0:
        flat = float(efficacy(Boundary("pocock"), information, alpha, sided=sided, futility=futility)[0])
        raise InputError(
            "--early-z",
            f"the early looks already spend more than the {alpha:g} there is, so the last could never be reached",
            value=early,
            allowed=f"above {flat:.4f} (Pocock's constant for these looks)",
            hint="take 3, the usual choice",
        )
    bounds[-1] = float(brentq(excess, 0.0, 40.0, xtol=1e-10))
    return bounds


def _check_reachable(bounds: Array, information: Array) -> None:
    beyond = [k for k, z in enumerate(bounds) if math.isfinite(z) and z > UNREACHABLE]
    if beyond:
        k = beyond[-1]
        # Near the start an O'Brien-Fleming type boundary falls as 1 / sqrt(information).
        share = min(float(information[k] * (bounds[k] / 8.0) ** 2), 1.0)
        raise InputError(
            "--boundary",
            f"look {k + 1}, at {information[k]:.3g} of the information, would stop only at z = {bounds[k]:.1f}: "
            "it cannot be reached",
            allowed=f"a boundary of at most z = {UNREACHABLE:g}",
            hint=f"nearest feasible: look first at {share:.2g} or more of the information, or take --boundary pocock",
        )
