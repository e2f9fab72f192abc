"""A group-sequential design: looks, boundaries, power, and how many people it needs against a trial without looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from abate.design.boundary import Boundary, edge_above, edge_below, efficacy
from abate.design.crossing import Crossing, Walk, crossing
from abate.design.spending import Spending
from abate.ground.errors import InputError

__all__ = ["Futility", "SequentialDesign", "equal_looks", "group_sequential"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Futility:
    """A lower boundary that ends a trial which will hardly succeed.

    Parameters
    ----------
    spending : Spending, optional
        Spends the type II error over the looks.
    bounds : tuple of float
        Or fixed z, one for each look but the last.
    binding : bool
        Binding: the trial must stop there, and the upper boundary is lowered for it. Non-binding (the default, and what
        regulators ask for): the type I error holds even when nobody heeds the boundary.
    """

    spending: Spending | None = None
    bounds: tuple[float, ...] = ()
    binding: bool = False

    def __str__(self) -> str:
        way = "binding" if self.binding else "non-binding"
        what = str(self.spending) if self.spending else "z " + ", ".join(f"{z:g}" for z in self.bounds)
        return f"{way} futility, {what}"


@dataclass(frozen=True)
class SequentialDesign:
    """Boundaries with what they cost and bring.

    Attributes
    ----------
    information, upper, lower : ndarray, shape (looks,)
        Shares of the information, and the z to stop at; ``lower`` is minus infinity where there is no futility
        boundary, and ``-upper`` in a symmetric two-sided design.
    alpha, power : float
        Over all looks.
    sided : int
        1 or 2.
    drift : float
        Mean of Z at full information that gives the power.
    boundary, futility : Boundary, Futility or None
        What was asked for.
    """

    information: Array
    upper: Array
    lower: Array
    alpha: float
    power: float
    sided: int
    drift: float
    boundary: Boundary
    futility: Futility | None

    @property
    def looks(self) -> int:
        """How many analyses, the last one included."""
        return len(self.information)

    @property
    def fixed_drift(self) -> float:
        """Drift that one analysis at the end would need for the same error and power."""
        return float(ndtri(1 - self.alpha / self.sided) + ndtri(self.power))

    @property
    def inflation(self) -> float:
        """Largest sample size over that of the design without looks."""
        return (self.drift / self.fixed_drift) ** 2

    @property
    def nominal_p(self) -> Array:
        """The p at each boundary, of as many sides as the design has, shape (looks,)."""
        return np.asarray(self.sided * ndtr(-self.upper))

    def crossing(self, drift: float) -> Crossing:
        """Return the chance of each boundary at each look for a drift (0: no difference)."""
        return crossing(self.upper, self.lower, self.information, drift)

    def cumulative_alpha(self) -> Array:
        """Return the type I error used up by each look, whatever a non-binding boundary says, shape (looks,).

        With a futility boundary only the benefit is tested; twice its error is then set against a two-sided level.
        """
        lower = self.lower
        if self.futility is not None and not self.futility.binding:
            lower = np.full(self.looks, -math.inf)
        found = crossing(self.upper, lower, self.information)
        if self.sided == 1:
            return np.asarray(np.cumsum(found.upper))
        each = found.upper + found.lower if self.futility is None else 2 * found.upper
        return np.asarray(np.cumsum(each))

    def power_at(self, drift: float) -> float:
        """Return the chance of declaring a difference in the right direction."""
        return float(self.crossing(drift).upper.sum())

    def expected_share(self, drift: float) -> float:
        """Return the expected sample size over the largest one."""
        return float(self.crossing(drift).stopped @ self.information)


def equal_looks(looks: int) -> Array:
    """Return equally spaced shares of the information.

    Examples
    --------
    >>> equal_looks(4)
    array([0.25, 0.5 , 0.75, 1.  ])
    """
    if not 1 <= looks <= 30:
        raise InputError("--looks", "not a number of looks", value=looks, allowed="1 to 30")
    return np.arange(1, looks + 1) / looks


def group_sequential(
    information: Sequence[float] | Array,
    boundary: Boundary,
    *,
    alpha: float = 0.05,
    power: float = 0.9,
    sided: int = 2,
    futility: Futility | None = None,
) -> SequentialDesign:
    """Solve a group-sequential design.

    Parameters
    ----------
    information : array_like, shape (looks,)
        Shares of the full information at each look, rising to 1.
    boundary : Boundary
        To stop for a difference.
    alpha, power : float
        Over all looks.
    sided : {1, 2}
        With a futility boundary a two-sided error is kept by testing one side, the benefit, at half of it.
    futility : Futility, optional
        To stop without one.

    Returns
    -------
    SequentialDesign

    Raises
    ------
    InputError
        When a number is out of range or the boundaries cannot be reached; the nearest design that can is named.

    References
    ----------
    Jennison C, Turnbull BW. Group Sequential Methods with Applications to Clinical Trials, 2000, chapters 2, 4, 7, 19.

    Examples
    --------
    >>> design = group_sequential(equal_looks(3), Boundary("obrien-fleming"), alpha=0.05, power=0.9)
    >>> design.upper.round(3), round(design.inflation, 3)
    (array([3.471, 2.454, 2.004]), 1.016)
    """
    shares = check_information(information)
    check_errors(alpha, power, sided)
    if futility is None:
        return _without_futility(shares, boundary, alpha, power, sided)
    if len(shares) == 1:
        raise InputError("--futility", "a trial with one look cannot stop early", hint="add looks, such as --looks 2")
    if futility.spending is not None:
        upper, lower, drift = _spent_futility(shares, boundary, alpha / sided, power, futility)
    else:
        upper, lower, drift = _fixed_futility(shares, boundary, alpha / sided, power, futility)
    return SequentialDesign(shares, upper, lower, alpha, power, sided, drift, boundary, futility)


def check_errors(alpha: float, power: float, sided: int) -> None:
    """Refuse errors and powers that are none."""
    if not 0 < alpha <= 0.5:
        raise InputError("--alpha", "not a type I error", value=alpha, allowed="above 0 to 0.5, such as 0.05")
    if not 0 < power < 1:
        # 90 is a slip for 0.9.
        near = power / 100 if 50 <= power < 100 else 0.9
        raise InputError(
            "--power",
            "a power lies between 0 and 1",
            value=power,
            allowed="above --alpha and below 1",
            hint=f"nearest feasible: --power {near:g}",
        )
    if sided not in (1, 2):
        raise InputError("--sided", "a test has one or two sides", value=sided, allowed="1 or 2")
    if power <= alpha / sided:
        raise InputError(
            "--power", "the power is not above the type I error", value=power, allowed=f"above {alpha / sided:g}"
        )


def check_information(information: Sequence[float] | Array) -> Array:
    """Return shares that rise to 1, or say what is wrong with them."""
    shares = np.asarray(information, dtype=float)
    if len(shares) == 0 or not np.isfinite(shares).all() or (np.diff(shares, prepend=0.0) <= 1e-6).any():
        raise InputError(
            "--information",
            "the shares do not rise",
            value=shares.tolist(),
            allowed="above 0, rising to 1, as 0.5,0.75,1",
        )
    if not math.isclose(shares[-1], 1.0, rel_tol=1e-9):
        raise InputError(
            "--information", "the last share is not 1", value=shares.tolist(), hint="write them as shares of the whole"
        )
    if len(shares) > 30:
        raise InputError("--looks", "not a number of looks", value=len(shares), allowed="1 to 30")
    return shares


def _without_futility(shares: Array, boundary: Boundary, alpha: float, power: float, sided: int) -> SequentialDesign:
    upper = efficacy(boundary, shares, alpha, sided=sided)
    lower = -upper if sided == 2 else np.full(len(upper), -math.inf)
    start = float(ndtri(1 - alpha / sided) + ndtri(power))
    drift = _solve_drift(lambda d: float(crossing(upper, lower, shares, d).upper.sum()) - power, start)
    return SequentialDesign(shares, upper, lower, alpha, power, sided, drift, boundary, None)


def _spent_futility(
    shares: Array, boundary: Boundary, alpha: float, power: float, futility: Futility
) -> tuple[Array, Array, float]:
    spending = futility.spending
    assert spending is not None
    if futility.binding and not boundary.spends:
        raise InputError(
            "--binding",
            "a binding boundary that spends the type II error needs one that spends the type I error",
            value=str(boundary),
            hint="choose --spending instead of --boundary, or leave the futility non-binding",
        )
    alphas = None
    upper = np.full(len(shares), math.nan)
    if futility.binding:
        assert boundary.spending is not None
        alphas = np.diff(boundary.spending.spent(alpha, shares), prepend=0.0)
    else:
        upper = efficacy(boundary, shares, alpha, sided=1)
    betas = np.diff(spending.spent(1 - power, shares), prepend=0.0)

    def spare(drift: float) -> float:
        """How much less than its share of the type II error the last look leaves undetected."""
        return float(betas[-1]) - _forward(shares, upper, alphas, betas, drift)[2]

    drift = _solve_drift(spare, float(ndtri(1 - alpha) + ndtri(power)))
    found, low, _ = _forward(shares, upper, alphas, betas, drift)
    low[-1] = found[-1]
    return found, low, drift


def _forward(
    shares: Array, upper: Array, alphas: Array | None, betas: Array, drift: float
) -> tuple[Array, Array, float]:
    """Walk both hypotheses through the looks; return the boundaries and what the last look leaves undetected."""
    null, real = Walk.start(0.0), Walk.start(drift)
    up, low = upper.copy(), np.full(len(shares), -math.inf)
    for k, time in enumerate(map(float, shares)):
        if alphas is not None:
            up[k] = edge_above(null, float(alphas[k]), time)
        if k + 1 == len(shares):
            break
        # Where the futility boundary would meet the upper one, there is nothing left to go on with.
        low[k] = min(edge_below(real, float(betas[k]), time), float(up[k]))
        following = float(shares[k + 1])
        real = real.go_on(float(low[k]), float(up[k]), time, next_time=following)
        if alphas is not None:
            null = null.go_on(float(low[k]), float(up[k]), time, next_time=following)
    return up, low, real.below(float(up[-1]), 1.0)


def _fixed_futility(
    shares: Array, boundary: Boundary, alpha: float, power: float, futility: Futility
) -> tuple[Array, Array, float]:
    if len(futility.bounds) != len(shares) - 1:
        raise InputError(
            "--futility",
            "not one boundary for each look but the last",
            value=list(futility.bounds),
            allowed=f"{len(shares) - 1} values of z",
        )
    lower = np.append(np.asarray(futility.bounds, dtype=float), -math.inf)
    upper = efficacy(boundary, shares, alpha, sided=1, futility=lower if futility.binding else None)
    crossed = [k for k in range(len(shares) - 1) if lower[k] >= upper[k]]
    if crossed:
        k = crossed[0]
        raise InputError(
            "--futility",
            f"at look {k + 1} the futility boundary lies above the upper one ({upper[k]:.3f}): no trial could go on",
            value=float(lower[k]),
            allowed=f"below {upper[k]:.3f}",
            hint=f"nearest feasible: {max(0.0, 0.5 * float(upper[k])):.2f}",
        )
    lower[-1] = upper[-1]
    start = float(ndtri(1 - alpha) + ndtri(power))
    drift = _solve_drift(lambda d: float(crossing(upper, lower, shares, d).upper.sum()) - power, start)
    return upper, lower, drift


def _solve_drift(excess: Callable[[float], float], start: float) -> float:
    low, high = 0.2 * start, 1.1 * start + 0.5
    for _ in range(20):
        if excess(high) > 0:
            return float(brentq(excess, low, high, xtol=1e-10))
        high *= 1.3
    raise InputError(
        "--futility",
        "with these boundaries no sample size reaches the power",
        hint="nearest feasible: lower the futility boundary, or look later",
    )
