"""Plausible parameter sets: how well each reproduces the targets, and draws in proportion to that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abate.evidence.calibration.emulator import Emulator, features
from abate.evidence.calibration.plan import Plan, Target
from abate.ground.randomness import normal, uniform

__all__ = ["Posterior", "ensemble_draws", "log_posterior"]

Floats = npt.NDArray[np.float64]

FARTHEST = 4.0
"""In standard deviations of the prior."""
STRETCH = 2.0
"""Goodman & Weare's usual scale of a stretch move."""


@dataclass(frozen=True)
class Posterior:
    """Draws of the free numbers.

    Attributes
    ----------
    scores : ndarray, shape (draws, free numbers)
        Standard scores of the prior.
    centre : ndarray, shape (free numbers,)
        Their means.
    """

    scores: Floats

    @property
    def centre(self) -> Floats:
        """Mean scores: on the scale of each number, its geometric mean, logit mean or mean."""
        return np.asarray(self.scores.mean(axis=0))

    def drawing(self, widen: float) -> Callable[[Floats], Floats]:
        """Return how the next round draws people: around the centre, as correlated as the draws are, somewhat wider."""
        root = np.linalg.cholesky(np.cov(self.scores.T) + 1e-4 * np.eye(self.scores.shape[1]))
        centre = self.centre
        return lambda raw: centre + widen * raw @ root.T


def log_posterior(plan: Plan, emulators: Mapping[str, Emulator]) -> Callable[[Floats], Floats]:
    """Return the log posterior density at scores (n, free numbers).

    A share or median counts as a binomial study of its size; what the model is allowed to miss and the emulator's own
    error are taken off that size, so that a large cohort does not buy more certainty than the model's form deserves.
    """
    used = [t for t in plan.targets if t.used]
    groups: dict[tuple[int, ...], list[Target]] = {}
    for target in used:
        groups.setdefault(emulators[target.name].columns, []).append(target)
    size = {t.name: _size(t, emulators[t.name].error, plan.discrepancy) for t in used}

    def density(scores: Floats) -> Floats:
        total = -0.5 * np.sum(scores**2, axis=1)
        for columns, targets in groups.items():
            x = features(scores[:, columns])
            for target in targets:
                p, y = emulators[target.name].at(x), target.figure
                if target.mean is not None:
                    total = total - 0.5 * size[target.name] * np.log(p / y) ** 2
                else:
                    p = np.clip(p, 1e-4, 1 - 1e-4)
                    total = total + size[target.name] * (y * np.log(p) + (1 - y) * np.log(1 - p))
        return np.asarray(total)

    return density


def _size(target: Target, error: float, discrepancy: float) -> float:
    """How many people a target counts for; for a mean, one over the variance of its logarithm."""
    if target.mean is not None:
        return 1 / (target.within**2 + (error / target.mean) ** 2)
    # A share of 0 or 1 has the variance of half an event, not none.
    p = (target.figure * target.n + 0.5) / (target.n + 1)
    return p * (1 - p) / (p * (1 - p) / target.n + discrepancy**2 + error**2)


def ensemble_draws(
    density: Callable[[Floats], Floats], dimensions: int, seed: int, *, walkers: int = 240, steps: int = 1500
) -> Posterior:
    """Draw from a density with an affine-invariant ensemble of walkers.

    References
    ----------
    Goodman & Weare 2010, Comm App Math Comp Sci 5:65-80.
    """
    who = np.arange(walkers)
    # Begin in the middle and stay where people were simulated: far outside, an emulator's quadratic means nothing.
    place = 0.3 * np.stack([normal(seed, f"walker:{d}", who) for d in range(dimensions)], axis=1)
    level = density(place)
    half = walkers // 2
    kept = []
    for step in range(steps):
        for side in (0, 1):
            mine, other = slice(side * half, side * half + half), slice((1 - side) * half, (1 - side) * half + half)
            u = uniform(
                seed,
                f"stretch:{side}",
                np.arange(half)[None, :],
                np.array([[3 * step], [3 * step + 1], [3 * step + 2]]),
            )
            z = ((STRETCH - 1) * u[0] + 1) ** 2 / STRETCH
            partner = place[other][(u[1] * half).astype(int)]
            there = partner + z[:, None] * (place[mine] - partner)
            new = np.where(np.abs(there).max(axis=1) < FARTHEST, density(there), -np.inf)
            accept = np.log(u[2]) < (dimensions - 1) * np.log(z) + new - level[mine]
            place[mine] = np.where(accept[:, None], there, place[mine])
            level[mine] = np.where(accept, new, level[mine])
        if step >= steps // 2 and step % 10 == 0:
            kept.append(place.copy())
    return Posterior(np.concatenate(kept))
