"""Re-estimating the sample size in the middle of a trial, blinded or not.

Blinded: the spread of all values, arms mixed, corrects an assumed standard deviation; the test at the end is the usual
t test (Kieser & Friede 2003). Unblinded: the effect at the interim, when it lies in a promising zone, buys more people;
the two stages are combined with weights fixed beforehand, so that the type I error holds whatever the second stage's
size (Cui, Hung & Wang 1999; Lehmacher & Wassmer 1999; Mehta & Pocock 2011).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import ndtr, ndtri

from abate.design.adaptive.operating import Operating, generator
from abate.ground.errors import InputError

__all__ = ["BlindedReEstimation", "PromisingZone"]


@dataclass(frozen=True)
class BlindedReEstimation:
    """An internal pilot for a difference of two means.

    Parameters
    ----------
    difference, sd : float
        As assumed; the difference stays, the standard deviation is looked at.
    first : int
        People an arm whose values are pooled at the interim.
    most : int
        People an arm at most.
    alpha, power : float
        Two-sided.

    References
    ----------
    Kieser M, Friede T. Stat Med 2003;22:3571-3581.
    """

    difference: float
    sd: float
    first: int
    most: int
    alpha: float = 0.05
    power: float = 0.9

    def __post_init__(self) -> None:
        if self.difference == 0:
            raise InputError("--effect", "the effect is zero, and no trial can find it", value=self.difference)
        if not 3 <= self.first <= self.most:
            raise InputError(
                "--first", "the interim lies outside the trial", value=self.first, allowed=f"3 to {self.most}"
            )

    def people(self, pooled_sd: np.ndarray) -> np.ndarray:
        """Return people an arm for a standard deviation of the pooled values."""
        z = float(ndtri(1 - self.alpha / 2) + ndtri(self.power))
        wanted = np.ceil(2 * (z * pooled_sd / self.difference) ** 2 + 1)
        return np.clip(wanted, self.first, self.most)

    def simulate(self, difference: float, sd: float, *, trials: int = 10_000, seed: int = 1) -> Operating:
        """Simulate trials under a true difference and standard deviation.

        Returns
        -------
        Operating
            Rejections of either sign when the difference is 0, else of its own.
        """
        rng = generator(seed, f"blinded-{difference}-{sd}")
        n1 = self.first
        a, b = rng.normal(0, sd, (trials, n1)), rng.normal(difference, sd, (trials, n1))
        pooled = np.concatenate([a, b], axis=1).std(axis=1, ddof=1)
        n = self.people(pooled).astype(int)
        # The further values enter by their sums only: mean and sum of squares of n - n1 normal values.
        rest = n - n1
        means, squares = [], []
        for first, centre in ((a, 0.0), (b, difference)):
            more = rng.normal(centre, sd / np.sqrt(np.maximum(rest, 1)), trials)
            inner = sd**2 * rng.chisquare(np.maximum(rest - 1, 1e-9), trials)
            mean = (n1 * first.mean(axis=1) + rest * more) / n
            between = n1 * (first.mean(axis=1) - mean) ** 2 + rest * (more - mean) ** 2
            means.append(mean)
            squares.append(n1 * first.var(axis=1) + between + np.where(rest > 1, inner, 0.0))
        spread = np.sqrt((squares[0] + squares[1]) / (2 * n - 2))
        t = (means[1] - means[0]) / (spread * np.sqrt(2 / n))
        edge = stats.t.isf(self.alpha / 2, 2 * n - 2)
        hit = np.abs(t) > edge if difference == 0 else np.sign(difference) * t > edge
        return Operating(hit, 2.0 * n, float(np.mean(means[1] - means[0]) - difference))


@dataclass(frozen=True)
class PromisingZone:
    """Two stages with more people when the interim looks promising; normal statistic, known spread.

    Parameters
    ----------
    drift : float
        Mean of Z at the planned size, if the effect is as assumed.
    interim : float
        Share of the information at the interim.
    low : float
        Conditional power from which on the zone is promising.
    target : float
        Conditional power that is bought there.
    most : float
        Largest size over the planned one.
    alpha : float
        Two-sided; tested on the side of benefit at half of it.

    References
    ----------
    Cui L, Hung HMJ, Wang SJ. Biometrics 1999;55:853-857. Mehta CR, Pocock SJ. Stat Med 2011;30:3267-3284.
    """

    drift: float
    interim: float = 0.5
    low: float = 0.3
    target: float = 0.9
    most: float = 2.0
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.interim < 1:
            raise InputError("--information", "the interim is no share", value=self.interim, allowed="between 0 and 1")
        if not self.most >= 1:
            raise InputError("--most", "the trial cannot become smaller", value=self.most, allowed="1 or more")
        if not 0 < self.low < self.target < 1:
            raise InputError("--promising", "not a zone", value=(self.low, self.target), allowed="0 < low < target < 1")

    def conditional_power(self, z: np.ndarray, size: np.ndarray | float = 1.0) -> np.ndarray:
        """Return the chance of success given the interim, if its own estimate of the effect were true."""
        edge = float(ndtri(1 - self.alpha / 2))
        rest = np.asarray(size) - self.interim
        needed = (edge - z * math.sqrt(self.interim)) / math.sqrt(1 - self.interim)
        return np.asarray(ndtr(z * np.sqrt(rest / self.interim) - needed))

    def size(self, z: np.ndarray) -> np.ndarray:
        """Return the final size, over the planned one, after an interim."""
        edge = float(ndtri(1 - self.alpha / 2))
        power = self.conditional_power(z)
        needed = (edge - z * math.sqrt(self.interim)) / math.sqrt(1 - self.interim)
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = self.interim * ((float(ndtri(self.target)) + needed) / z) ** 2
        promising = (power >= self.low) & (power < self.target) & (z > 0)
        return np.where(promising, np.clip(self.interim + rest, 1.0, self.most), 1.0)

    def simulate(self, drift: float, *, trials: int = 10_000, seed: int = 1) -> Operating:
        """Simulate trials whose planned drift is `drift`; people are in units of the planned size."""
        rng = generator(seed, f"promising-{drift}")
        first = rng.normal(drift * math.sqrt(self.interim), 1.0, trials)
        size = self.size(first)
        rest = size - self.interim
        second = rng.normal(drift * np.sqrt(rest), 1.0)
        # The weights are those of the plan, whatever the second stage became.
        z = math.sqrt(self.interim) * first + math.sqrt(1 - self.interim) * second
        edge = float(ndtri(1 - self.alpha / 2))
        hit = np.abs(z) > edge if drift == 0 else z > edge
        naive = (self.interim * first / math.sqrt(self.interim) + np.sqrt(rest) * second) / size
        return Operating(hit, size, float(np.mean(naive) - drift))
