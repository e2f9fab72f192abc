"""Enrichment: after an interim the trial may go on in a subgroup alone, without a higher type I error over both claims.

Two hypotheses, no effect in everybody and none in the subgroup, and their intersection are each tested by combining the
stages with weights fixed beforehand; a claim needs its own hypothesis and the intersection (closed testing). The
intersection's p at a stage is Simes' (Wang, O'Neill & Hung 2007; Brannath et al. 2009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from abate.design.adaptive.operating import Operating, generator
from abate.ground.errors import InputError

__all__ = ["Enrichment"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Enrichment:
    """A two-stage enrichment design for a normal endpoint of unit standard deviation.

    Parameters
    ----------
    people : int
        An arm, over both stages.
    subgroup : float
        Its share of everybody.
    interim : float
        Share of people in the first stage.
    margin : float
        Go on in the subgroup alone when its estimate at the interim exceeds that of the others by this much.
    alpha : float
        One-sided, for both claims together.

    References
    ----------
    Wang SJ, O'Neill RT, Hung HMJ. Pharm Stat 2007;6:227-244. Brannath W, et al. Stat Med 2009;28:1445-1463.
    """

    people: int
    subgroup: float = 0.5
    interim: float = 0.5
    margin: float = 0.2
    alpha: float = 0.025

    def __post_init__(self) -> None:
        if not 0.05 <= self.subgroup <= 0.95:
            raise InputError("--subgroup", "not the share of a subgroup", value=self.subgroup, allowed="0.05 to 0.95")
        if not 0.1 <= self.interim <= 0.9:
            raise InputError("--information", "the interim is no share", value=self.interim, allowed="0.1 to 0.9")
        if self.people * self.interim * min(self.subgroup, 1 - self.subgroup) < 3:
            raise InputError("--people", "a stage leaves fewer than three people in a part", value=self.people)

    def simulate(self, inside: float, outside: float, *, trials: int = 10_000, seed: int = 1) -> Operating:
        """Simulate trials with true effects, in standard deviations, inside and outside the subgroup.

        Returns
        -------
        Operating
            A rejection is any false claim where an effect is 0, so that under a full null this is the familywise error;
            with an effect inside it is a claim for the subgroup or for everybody.
        """
        rng = generator(seed, f"enrichment-{inside}-{outside}")
        n1, n2 = self.interim * self.people, (1 - self.interim) * self.people
        share = self.subgroup
        s1, o1 = self._stage(rng, inside, n1 * share, trials), self._stage(rng, outside, n1 * (1 - share), trials)
        alone = s1 - o1 > self.margin
        # Enriched, the whole second stage is of the subgroup.
        first = self._p(s1, o1, n1 * share, n1 * (1 - share))
        s2_mixed = self._stage(rng, inside, n2 * share, trials)
        o2 = self._stage(rng, outside, n2 * (1 - share), trials)
        s2_alone = self._stage(rng, inside, n2, trials)
        mixed = self._p(s2_mixed, o2, n2 * share, n2 * (1 - share))
        only = _upper(s2_alone * math.sqrt(n2 / 2))
        second = {
            "all": np.where(alone, np.nan, mixed["all"]),
            "subgroup": np.where(alone, only, mixed["subgroup"]),
            "both": np.where(alone, only, mixed["both"]),
        }
        passed = {name: self._combined(first[name], second[name]) for name in first}
        claims_all = passed["all"] & passed["both"] & ~alone
        claims_subgroup = passed["subgroup"] & passed["both"]
        # A claim is false when its hypothesis is true: mean effect 0 in everybody, or 0 in the subgroup.
        overall = share * inside + (1 - share) * outside
        if inside == 0 or overall == 0:
            false_all = claims_all if overall == 0 else np.zeros(trials, dtype=bool)
            false_subgroup = claims_subgroup if inside == 0 else np.zeros(trials, dtype=bool)
            hit = false_all | false_subgroup
        else:
            hit = claims_all | claims_subgroup
        return Operating(hit, np.full(trials, 2.0 * self.people), float(np.mean(alone)))

    def _stage(self, rng: np.random.Generator, effect: float, n: float, trials: int) -> Array:
        return rng.normal(effect, math.sqrt(2 / n), trials)

    def _p(self, inside: Array, outside: Array, n: float, m: float) -> dict[str, Array]:
        overall = (n * inside + m * outside) / (n + m)
        both = _upper(overall * math.sqrt((n + m) / 2))
        subgroup = _upper(inside * math.sqrt(n / 2))
        simes = np.minimum(2 * np.minimum(both, subgroup), np.maximum(both, subgroup))
        return {"all": both, "subgroup": subgroup, "both": simes}

    def _combined(self, first: Array, second: Array) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            z = math.sqrt(self.interim) * ndtri(1 - first) + math.sqrt(1 - self.interim) * ndtri(1 - second)
            return np.asarray(z > float(ndtri(1 - self.alpha)))


def _upper(z: Array) -> Array:
    return np.asarray(np.clip(ndtr(-z), 1e-15, 1 - 1e-15))
