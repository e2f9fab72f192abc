"""Stopping by a posterior probability, with the threshold set so that the type I error holds.

With a normal prior of no effect, worth a share of the planned information, the posterior probability of benefit exceeds
a threshold exactly when Z exceeds ``z(threshold) * sqrt(1 + prior / t)``: a boundary like any other, so its error is
computed by the same integration, and the threshold solved for. A posterior of 0.975 at every look would not keep 2.5 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from abate.design.adaptive.operating import Operating, generator
from abate.design.crossing import crossing
from abate.design.sequential import check_information
from abate.ground.errors import InputError

__all__ = ["BayesianStopping"]


@dataclass(frozen=True)
class BayesianStopping:
    """Looks at the posterior probability of benefit.

    Parameters
    ----------
    information : tuple of float
        Shares at each look, the last one 1.
    prior : float
        Weight of the prior of no effect, over the planned information; 0 is a flat prior.
    alpha : float
        One-sided, over all looks.

    References
    ----------
    Spiegelhalter DJ, Freedman LS, Parmar MKB. J R Stat Soc A 1994;157:357-416.
    Freedman LS, Spiegelhalter DJ. Control Clin Trials 1989;10:357-367 (Bayesian boundaries against classical ones).

    Examples
    --------
    A flat prior asks for the same z at every look, which is Pocock's boundary:

    >>> rule = BayesianStopping((0.2, 0.4, 0.6, 0.8, 1.0), prior=0.0)
    >>> rule.boundary().round(3)
    array([2.413, 2.413, 2.413, 2.413, 2.413])
    """

    information: tuple[float, ...]
    prior: float = 0.25
    alpha: float = 0.025

    def __post_init__(self) -> None:
        check_information(self.information)
        if not 0 <= self.prior <= 100:
            raise InputError("--prior", "not a weight", value=self.prior, allowed="0 or more, over the information")
        if not 0 < self.alpha < 0.5:
            raise InputError("--alpha", "not a type I error", value=self.alpha, allowed="above 0, below 0.5")

    @property
    def threshold(self) -> float:
        """Posterior probability at which to stop, so that the one-sided type I error is `alpha`."""

        def excess(z: float) -> float:
            upper = self._at(z)
            found = crossing(upper, np.full(len(upper), -math.inf), np.asarray(self.information))
            return float(found.upper.sum()) - self.alpha

        return float(ndtr(brentq(excess, 0.0, 8.0, xtol=1e-10)))

    def boundary(self) -> NDArray[np.float64]:
        """Return the z at each look."""
        return self._at(float(ndtri(self.threshold)))

    def posterior(self, z: NDArray[np.float64], look: int) -> NDArray[np.float64]:
        """Return the posterior probability of benefit after a z at a look (from 0)."""
        return np.asarray(ndtr(z / math.sqrt(1 + self.prior / self.information[look])))

    def simulate(self, drift: float, *, trials: int = 10_000, seed: int = 1) -> Operating:
        """Simulate trials with a drift at full information; people are shares of the largest size."""
        times = np.asarray(self.information)
        steps = np.diff(times, prepend=0.0)
        rng = generator(seed, f"bayes-{drift}-{self.prior}")
        path = np.cumsum(rng.normal(drift * steps, np.sqrt(steps), (trials, len(times))), axis=1)
        posterior = np.stack([self.posterior(path[:, k] / math.sqrt(t), k) for k, t in enumerate(times)], axis=1)
        out = posterior > self.threshold
        first = np.where(out.any(axis=1), out.argmax(axis=1), len(times) - 1)
        last = path[np.arange(trials), first] / times[first]
        return Operating(np.asarray(out.any(axis=1)), times[first], float(np.mean(last) - drift))

    def _at(self, z: float) -> NDArray[np.float64]:
        return z * np.sqrt(1 + self.prior / np.asarray(self.information))
