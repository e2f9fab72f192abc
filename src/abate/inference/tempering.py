"""Sequential importance sampling with tempering: an ensemble moves from a first guess to a posterior.

Targets ``guess^(1-g) * posterior^g`` with ``g`` rising from 0 to 1, each step as long as half of the ensemble stays
effective (Del Moral, Doucet & Jasra 2006, J R Stat Soc B 68:411-436). Between steps people are resampled and moved by a
Metropolis step that keeps a Gaussian of the ensemble's own mean and covariance (a preconditioned Crank-Nicolson step;
Cotter et al. 2013, Stat Sci 28:424-446): nearly an independent draw where the posterior is nearly Gaussian.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from abate.ground.randomness import normal, uniform

__all__ = ["Cloud", "Guess", "effective", "temper"]

Floats = npt.NDArray[np.float64]
Score = Callable[[Floats, npt.NDArray[np.int64]], Floats]


@dataclass(frozen=True)
class Guess:
    """Where sampling begins: mostly a Gaussian, partly the standard normal prior, so that no region is shut out.

    Attributes
    ----------
    centre : ndarray, shape (size,)
    root : ndarray, shape (size, size)
        Lower Cholesky factor of the covariance.
    share : float
        Of the prior.
    """

    centre: Floats
    root: Floats
    share: float = 0.1

    def draw(self, seed: int, people: int) -> Floats:
        """Draw people, shape (size, people)."""
        who = np.arange(people)
        noise = _normals(seed, "posterior:start", self.centre.size, who, 0)
        from_prior = uniform(seed, "posterior:part", who) < self.share
        return np.where(from_prior, noise, self.centre[:, None] + self.root @ noise)

    def log_density(self, numbers: Floats) -> Floats:
        """Return the log density without the constant that it shares with the prior."""
        gauss = log_gauss(numbers, self.centre, self.root)
        prior = -0.5 * np.sum(numbers**2, axis=0)
        return np.asarray(np.logaddexp(np.log1p(-self.share) + gauss, np.log(self.share) + prior))


@dataclass(frozen=True)
class Cloud:
    """A weighted ensemble.

    Attributes
    ----------
    numbers : ndarray, shape (size, n)
    weights : ndarray, shape (n,)
    origin : ndarray of int, shape (n,)
        The person whose covariates each one has.
    temperatures : tuple of float
        Steps taken.
    accepted : float
        Share of the moves that were accepted.
    """

    numbers: Floats
    weights: Floats
    origin: npt.NDArray[np.int64]
    temperatures: tuple[float, ...]
    accepted: float


def log_gauss(numbers: Floats, centre: Floats, root: Floats) -> Floats:
    """Return the log density of a Gaussian, without ``-size/2 log(2 pi)``."""
    whitened = np.linalg.solve(root, numbers - centre[:, None])
    return np.asarray(-0.5 * np.sum(whitened**2, axis=0) - np.sum(np.log(np.diag(root))))


def effective(weights: Floats) -> float:
    """Return the effective number of people of some weights."""
    total = weights.sum()
    return float(total**2 / np.sum(weights**2)) if total > 0 else 0.0


def temper(
    score: Score,
    guess: Guess,
    people: int,
    seed: int,
    *,
    moves: int = 2,
    last_moves: int = 3,
    progress: Callable[[float], None] | None = None,
) -> Cloud:
    """Move an ensemble from a guess to a posterior.

    Parameters
    ----------
    score : callable (numbers (size, n), origin (n,)) -> (n,)
        Log-likelihood.
    guess : Guess
    people, seed : int
    moves, last_moves : int
        Metropolis steps after each temperature, and after the last.
    progress : callable, optional
        Called with the temperature reached.

    Returns
    -------
    Cloud
    """
    numbers, origin = guess.draw(seed, people), np.arange(people)
    likelihood = score(numbers, origin)
    log_weights, reached = np.zeros(people), 0.0
    steps: list[float] = []
    mover = _Mover(score, guess, seed)
    while reached < 1.0:
        gain = likelihood - 0.5 * np.sum(numbers**2, axis=0) - guess.log_density(numbers)
        rise = _rise(log_weights, gain, 1.0 - reached)
        log_weights, reached = log_weights + rise * gain, min(1.0, reached + rise)
        steps.append(reached)
        weights = np.exp(log_weights - logsumexp(log_weights))
        mover.refer(numbers, weights)
        if effective(weights) < 0.6 * people or reached < 1.0:
            chosen = _resample(weights, float(uniform(seed, "posterior:resample", 0, len(steps))))
            numbers, likelihood, origin = numbers[:, chosen], likelihood[chosen], origin[chosen]
            log_weights = np.zeros(people)
        for _ in range(moves if reached < 1.0 else last_moves):
            numbers, likelihood = mover.move(numbers, likelihood, origin, reached)
        if progress:
            progress(reached)
    weights = np.exp(log_weights - logsumexp(log_weights))
    return Cloud(numbers, weights, origin, tuple(steps), mover.accepted)


def _rise(log_weights: Floats, gain: Floats, most: float) -> float:
    """Return how far the temperature may rise with half of the ensemble still effective."""
    usable = np.isfinite(gain)
    gain = np.where(usable, gain, -1e300)

    def left(rise: float) -> float:
        logs = np.where(usable, log_weights + rise * np.where(usable, gain, 0.0), -np.inf)
        return effective(np.exp(logs - logsumexp(logs)))

    aim = 0.5 * min(effective(np.exp(log_weights - logsumexp(log_weights))), float(usable.sum()))
    if left(most) >= aim:
        return most
    low, high = 0.0, most
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if left(middle) >= aim else (low, middle)
    return max(low, 1e-12)


def _resample(weights: Floats, offset: float) -> npt.NDArray[np.int64]:
    """Systematic resampling."""
    places = (np.arange(weights.size) + offset) / weights.size
    return np.minimum(np.searchsorted(np.cumsum(weights), places), weights.size - 1)


class _Mover:
    """Metropolis steps that adapt to the ensemble; all draws keyed by person and step."""

    def __init__(self, score: Score, guess: Guess, seed: int) -> None:
        self.score, self.guess, self.seed = score, guess, seed
        self.size = 0.8
        self.step = self.tried = self.won = 0
        self.centre, self.root = guess.centre, guess.root

    @property
    def accepted(self) -> float:
        return self.won / max(self.tried, 1)

    def refer(self, numbers: Floats, weights: Floats) -> None:
        """Take mean and covariance of the weighted ensemble, shrunk towards the prior's (Ledoit & Wolf 2004)."""
        self.centre = numbers @ weights
        apart = numbers - self.centre[:, None]
        sample = (apart * weights) @ apart.T
        dimension = len(sample)
        if dimension == 0:
            return
        distance = np.sum((sample - np.eye(dimension)) ** 2)
        # sampling variance of the entries of a covariance from so many effective people
        spread = (np.sum(np.diag(sample)) ** 2 + np.sum(sample**2)) / effective(weights)
        share = float(np.clip(spread / max(distance, 1e-300), 0.02, 1.0))
        self.root = np.linalg.cholesky((1 - share) * sample + share * np.eye(dimension) * np.diag(sample).clip(1e-6))

    def move(
        self, numbers: Floats, likelihood: Floats, origin: npt.NDArray[np.int64], temperature: float
    ) -> tuple[Floats, Floats]:
        self.step += 1
        who = np.arange(numbers.shape[1])
        noise = _normals(self.seed, "posterior:move", len(numbers), who, self.step)
        keep = np.sqrt(1 - self.size**2)
        centre = self.centre[:, None]
        tried = centre + keep * (numbers - centre) + self.size * (self.root @ noise)
        new = self.score(tried, origin)
        ratio = self._target(tried, new, temperature) - self._target(numbers, likelihood, temperature)
        ratio += log_gauss(numbers, self.centre, self.root) - log_gauss(tried, self.centre, self.root)
        won = np.log(uniform(self.seed, "posterior:accept", who, self.step)) < np.nan_to_num(ratio, nan=-np.inf)
        self.tried, self.won = self.tried + won.size, self.won + int(won.sum())
        # a third accepted is about right; the change is the same for everyone, after the step
        self.size = float(np.clip(self.size * np.exp(1.0 * (won.mean() - 0.35)), 0.05, 0.97))
        return np.where(won, tried, numbers), np.where(won, new, likelihood)

    def _target(self, numbers: Floats, likelihood: Floats, temperature: float) -> Floats:
        posterior = likelihood - 0.5 * np.sum(numbers**2, axis=0)
        if temperature == 1.0:
            return np.asarray(posterior)
        return np.asarray(temperature * posterior + (1 - temperature) * self.guess.log_density(numbers))


def _normals(seed: int, purpose: str, size: int, who: npt.NDArray[np.int64], step: int) -> Floats:
    return np.asarray(normal(seed, purpose, who, step * 100_000 + np.arange(size)[:, None]))
