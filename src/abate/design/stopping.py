"""What a sequential trial says once it has stopped: p, median-unbiased estimate and interval, and repeated intervals.

After looks the usual p, estimate and interval are wrong: the trial stopped because its estimate was large. In the
stage-wise ordering a result counts for more the earlier it crossed the upper boundary, and for less the earlier it
crossed the lower one; within a look, z decides. The chance of a result at least as high is a p that holds, and the
drifts under which it is 2.5, 50 and 97.5 % are limits and a median-unbiased estimate. Repeated intervals hold at every
look at once, whether the trial stopped or not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from abate.design.boundary import efficacy
from abate.design.crossing import Walk
from abate.design.sequential import SequentialDesign
from abate.ground.errors import InputError
from abate.ground.results import Estimate

__all__ = ["Stopped", "after", "at_boundaries", "read_stopped", "repeated_p", "stage_wise"]

METHOD = "stage-wise ordering"


@dataclass(frozen=True)
class Stopped:
    """A trial after one of its looks, on the scale of the drift: the mean of Z at full information.

    Attributes
    ----------
    look : int
        From 1.
    z : float
        The statistic at that look, in the direction of benefit.
    decision : {'efficacy', 'harm', 'futility', 'no difference', 'goes on'}
        What the boundaries say.
    p : float
        One-sided p of the stage-wise ordering; NaN while the trial goes on.
    drift : Estimate
        Median-unbiased, with its interval; NaN while the trial goes on.
    naive : Estimate
        As if there had been one look only.
    repeated : Estimate
        The repeated interval.
    repeated_p : float
        One-sided.
    conditional_power : float
        Of success at the end, if the trend seen so far were the truth; NaN after the last look.
    """

    look: int
    z: float
    decision: str
    p: float
    drift: Estimate
    naive: Estimate
    repeated: Estimate
    repeated_p: float
    conditional_power: float

    def as_dict(self, *, scale: float = 1.0, shift: float = 0.0, log: bool = False, people: int = 0) -> dict[str, Any]:
        """Return what results.json holds; `scale` and `shift` turn a drift into an effect, `log` into a ratio."""

        def on_scale(one: Estimate) -> dict[str, Any]:
            values = [shift + scale * value for value in (one.estimate, one.low, one.high)]
            low, high = sorted(values[1:]) if scale < 0 else values[1:]
            found = [math.exp(min(v, 700.0)) if log else v for v in (values[0], low, high)]
            return replace(one, estimate=found[0], low=found[1], high=found[2], n=people).as_dict()

        return {
            "look": self.look,
            "z": self.z,
            "decision": self.decision,
            "p_one_sided": self.p,
            "p": 2 * min(self.p, 1 - self.p),
            "method": METHOD,
            "median_unbiased": on_scale(self.drift),
            "naive": on_scale(self.naive),
            "repeated": on_scale(self.repeated),
            "repeated_p_one_sided": self.repeated_p,
            "conditional_power": self.conditional_power,
        }


def stage_wise(design: SequentialDesign, look: int, z: float, drift: float = 0.0) -> float:
    """Return the chance of a result at least as high as `z` at a look, in the stage-wise ordering.

    Parameters
    ----------
    design : SequentialDesign
        A non-binding futility boundary is left out, so that the p holds whether it was heeded or not.
    look : int
        From 1.
    z : float
    drift : float

    References
    ----------
    Fairbanks K, Madsen R. Biometrika 1982;69:69-74. Tsiatis AA, Rosner GL, Mehta CR. Biometrics 1984;40:797-803.
    Jennison C, Turnbull BW. Group Sequential Methods with Applications to Clinical Trials, 2000, section 8.4.

    Examples
    --------
    At the first look it is the usual p:

    >>> from abate.design.boundary import Boundary
    >>> from abate.design.sequential import equal_looks, group_sequential
    >>> design = group_sequential(equal_looks(3), Boundary("obrien-fleming"))
    >>> round(stage_wise(design, 1, 3.5), 6)
    0.000233
    """
    walk, found = Walk.start(drift), 0.0
    for k in range(look - 1):
        time, following = float(design.information[k]), float(design.information[k + 1])
        found += walk.above(float(design.upper[k]), time)
        walk = walk.go_on(_low(design, k), float(design.upper[k]), time, next_time=following)
    return found + walk.above(z, float(design.information[look - 1]))


def after(design: SequentialDesign, look: int, z: float, *, level: float | None = None) -> Stopped:
    """Return what a trial says after a look.

    Parameters
    ----------
    design : SequentialDesign
        With the boundaries and the information as they were.
    look : int
        From 1.
    z : float
        In the direction of benefit.
    level : float, optional
        Coverage; by default what the type I error leaves (0.95 for a two-sided 5 % or a one-sided 2.5 %).

    Raises
    ------
    InputError
        When there is no such look.

    Examples
    --------
    >>> from abate.design.boundary import Boundary
    >>> from abate.design.sequential import equal_looks, group_sequential
    >>> design = group_sequential(equal_looks(3), Boundary("obrien-fleming"))
    >>> found = after(design, 2, 2.6)
    >>> found.decision, round(found.p, 4), found.drift.estimate < found.naive.estimate
    ('efficacy', 0.0048, True)
    """
    if not 1 <= look <= design.looks:
        raise InputError("--stopped", "there is no such look", value=look, allowed=f"1 to {design.looks}")
    if not abs(z) <= 30:
        raise InputError("--stopped", "not a z", value=z, allowed="-30 to 30")
    cover = level if level is not None else 1 - 2 * design.alpha / design.sided
    root = math.sqrt(float(design.information[look - 1]))
    half = float(-ndtri((1 - cover) / 2))
    naive = Estimate(z / root, (z - half) / root, (z + half) / root, cover, 0, "as if there had been one look")
    decision = _decision(design, look, z)
    nothing = Estimate(math.nan, math.nan, math.nan, cover, 0, f"{METHOD} (none: the trial goes on)")
    p, drift = math.nan, nothing
    if decision != "goes on":
        p = stage_wise(design, look, z)
        drift = _inverted(design, look, z, cover)
    bound = float(design.upper[look - 1])
    wide = "repeated interval" + ("" if math.isfinite(bound) else " (none: nothing is spent at this look)")
    high = (z + bound) / root
    repeated = Estimate(z / root, (z - bound) / root, high, 1 - 2 * design.alpha / design.sided, 0, wide)
    return Stopped(
        look, z, decision, p, drift, naive, repeated, repeated_p(design, look, z), _conditional_power(design, look, z)
    )


def at_boundaries(design: SequentialDesign) -> list[Stopped]:
    """Return what the trial would say if it stopped exactly on its upper boundary, look by look."""
    rows = [(k + 1, float(z)) for k, z in enumerate(design.upper) if math.isfinite(z) and abs(z) <= 30]
    return [after(design, look, z) for look, z in rows]


def repeated_p(design: SequentialDesign, look: int, z: float) -> float:
    """Return the smallest one-sided error whose boundary of the same family `z` would still reach at this look.

    References
    ----------
    Jennison C, Turnbull BW. J R Stat Soc B 1989;51:305-361.
    """
    family = design.boundary
    if z == float(design.upper[look - 1]) and family.family != "haybittle-peto":
        return design.alpha / design.sided  # on the boundary, by definition
    if family.family == "haybittle-peto" or (family.spending and family.spending.name == "points"):
        # One fixed early z, or a list of what to spend, has no version for another error.
        return math.nan
    shares = design.information
    futility = design.lower if design.futility is not None and design.futility.binding else None

    def gap(log_alpha: float) -> float:
        bounds = efficacy(family, shares, math.exp(log_alpha), sided=1, futility=futility, reachable=False)
        return float(np.clip(bounds[look - 1], -40, 40)) - z

    low, high = math.log(1e-12), math.log(0.499)
    if gap(low) <= 0:
        return 1e-12
    if gap(high) > 0:
        return 0.5
    return math.exp(brentq(gap, low, high, xtol=1e-9))


def read_stopped(text: str) -> tuple[int, float]:
    """Read ``LOOK:Z``.

    Examples
    --------
    >>> read_stopped("2:2.6")
    (2, 2.6)
    """
    look, colon, z = text.partition(":")
    try:
        pair = int(look), float(z)
    except ValueError:
        colon = ""
    if not colon or not math.isfinite(pair[1]):
        raise InputError("--stopped", "not a look and its z", value=text, allowed="LOOK:Z, as in 2:2.6")
    return pair


def _low(design: SequentialDesign, k: int) -> float:
    heeded = design.futility is None or design.futility.binding
    return float(design.lower[k]) if heeded else -math.inf


def _decision(design: SequentialDesign, look: int, z: float) -> str:
    last = look == design.looks
    if z >= design.upper[look - 1]:
        return "efficacy"
    if design.futility is None and z <= design.lower[look - 1]:
        return "harm"
    if design.futility is not None and not last and z <= design.lower[look - 1]:
        return "futility"
    return "no difference" if last else "goes on"


def _inverted(design: SequentialDesign, look: int, z: float, cover: float) -> Estimate:
    start = z / math.sqrt(float(design.information[look - 1]))

    def where(share: float) -> float:
        return _root(lambda drift: stage_wise(design, look, z, drift) - share, start)

    tail = (1 - cover) / 2
    return Estimate(where(0.5), where(tail), where(1 - tail), cover, 0, f"median-unbiased, {METHOD}")


def _root(excess: Callable[[float], float], start: float) -> float:
    low, high = start - 4.0, start + 4.0
    for _ in range(40):
        if excess(low) < 0:
            break
        low -= 4.0
    for _ in range(40):
        if excess(high) > 0:
            break
        high += 4.0
    return float(brentq(excess, low, high, xtol=1e-9))


def _conditional_power(design: SequentialDesign, look: int, z: float) -> float:
    """Return the chance of crossing a later upper boundary if the trend so far were the truth."""
    if look == design.looks:
        return math.nan
    time = float(design.information[look - 1])
    drift = z / math.sqrt(time)
    place = z * math.sqrt(time)
    found = 0.0
    walk = Walk(time, drift, np.array([place]), np.ones(1))
    for k in range(look, design.looks):
        now = float(design.information[k])
        found += walk.above(float(design.upper[k]), now)
        if k + 1 < design.looks:
            walk = walk.go_on(_low(design, k), float(design.upper[k]), now, next_time=float(design.information[k + 1]))
    return float(min(found, ndtr(40.0)))
