"""The likelihood of a population, by importance sampling around each subject's conditional distribution.

The samples and their predictions are kept, so that the likelihood is a smooth function of typical values, covariances
and residual errors: its curvature is the observed information. (Monte Carlo maximum likelihood; Geyer 1994.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, logsumexp

from abate.ground.randomness import normal, uniform
from abate.inference.nlme.course import Courses
from abate.inference.nlme.dataset import Dataset
from abate.inference.nlme.residual import log_likelihood
from abate.inference.nlme.saem import subject_sums
from abate.inference.nlme.sampling import Chains
from abate.inference.nlme.structure import Parameters, Structure

__all__ = ["Conditional", "Likelihood", "conditional", "importance"]

Floats = npt.NDArray[np.float64]

_FREEDOM = 5.0  # of the t-distribution that samples are drawn from: tails heavier than those of any posterior here
_WIDER = 1.2  # its spread over that of the conditional distribution


@dataclass(frozen=True)
class Conditional:
    """Each subject's parameters, given its data and the population.

    Attributes
    ----------
    mean : ndarray, shape (subjects, q)
    covariance : ndarray, shape (subjects, q, q)
    draws : ndarray, shape (subjects, draws, q)
    predicted : ndarray, shape (observations, draws)
    """

    mean: Floats
    covariance: Floats
    draws: Floats
    predicted: Floats


@dataclass(frozen=True)
class Likelihood:
    """Samples with their predictions, from which the likelihood near the estimates follows.

    Attributes
    ----------
    phi : ndarray, shape (subjects, samples, r)
        Parameters with a random effect, on their scale.
    predicted : ndarray, shape (observations, samples)
    log_proposal : ndarray, shape (subjects, samples)
    """

    structure: Structure
    data: Dataset
    courses: Courses
    phi: Floats
    predicted: Floats
    log_proposal: Floats
    at: Parameters
    solved: dict[bytes, Floats] = field(default_factory=dict, repr=False)
    """Predictions at other values of the parameters without a random effect."""

    def by_subject(self, parameters: Parameters) -> Floats:
        """Return each subject's log-likelihood, shape (subjects,)."""
        return np.asarray(logsumexp(self._joint(parameters), axis=1) - np.log(self.phi.shape[1]))

    def minus_two(self, parameters: Parameters) -> float:
        """Return minus twice the log-likelihood, with all constants."""
        return float(-2 * self.by_subject(parameters).sum())

    def error(self, parameters: Parameters) -> float:
        """Return the Monte Carlo standard error of `minus_two`."""
        joint = self._joint(parameters)
        weights = np.exp(joint - joint.max(axis=1, keepdims=True))
        relative = weights.std(axis=1) / weights.mean(axis=1) / np.sqrt(weights.shape[1])
        return float(2 * np.sqrt(np.sum(relative**2)))

    def weights(self, parameters: Parameters) -> Floats:
        """Return the samples' weights as draws from the conditional distributions, shape (subjects, samples)."""
        joint = self._joint(parameters)
        return np.asarray(np.exp(joint - logsumexp(joint, axis=1, keepdims=True)))

    def _joint(self, parameters: Parameters) -> Floats:
        predicted = self._predicted(parameters)
        rows = log_likelihood(self.data, predicted, parameters.sigma, self.structure.errors)
        r = self.structure.random
        centre = self.structure.centres(parameters.mu, parameters.beta, self.data.subjects)[:, :r]
        omega = parameters.omega[:r, :r]
        apart = self.phi - centre[:, None]
        prior = -0.5 * np.einsum("nsj,jk,nsk->ns", apart, np.linalg.inv(omega), apart)
        prior -= 0.5 * np.linalg.slogdet(2 * np.pi * omega)[1]
        return np.asarray(subject_sums(self.data, rows) + prior - self.log_proposal)

    def _predicted(self, parameters: Parameters) -> Floats:
        r = self.structure.random
        if np.array_equal(parameters.mu[r:], self.at.mu[r:]):
            return self.predicted
        # a parameter without a random effect changes every prediction
        key = parameters.mu[r:].tobytes()
        if key not in self.solved:
            self.solved[key] = self.courses.predict(_with_fixed(self.phi, parameters.mu[r:]))
        return self.solved[key]


def _with_fixed(phi: Floats, fixed: Floats) -> Floats:
    if not fixed.size:
        return phi
    return np.concatenate([phi, np.broadcast_to(fixed, (*phi.shape[:2], fixed.size))], axis=2)


def conditional(
    structure: Structure,
    data: Dataset,
    courses: Courses,
    parameters: Parameters,
    start: Floats,
    seed: int,
    sweeps: int = 120,
) -> Conditional:
    """Draw from every subject's conditional distribution at fixed population parameters."""
    r = structure.random
    fixed = parameters.mu[r:]
    centre = structure.centres(parameters.mu, parameters.beta, data.subjects)[:, :r]

    def likelihood(predicted: Floats) -> Floats:
        return subject_sums(data, log_likelihood(data, predicted, parameters.sigma, structure.errors))

    def score(phi: Floats) -> tuple[Floats, Floats]:
        predicted = courses.predict(_with_fixed(phi, fixed))
        return predicted, likelihood(predicted)

    chains = Chains(score, seed + 1, start[:, :, :r], data.subject, structure.exchangeable)
    kept, seen = [], []
    for sweep in range(sweeps):
        chains.sweep(centre, parameters.omega[:r, :r])
        if sweep >= sweeps // 4:
            kept.append(chains.phi)
            seen.append(chains.predicted)
    draws = np.concatenate(kept, axis=1)
    mean = draws.mean(axis=1)
    apart = draws - mean[:, None]
    covariance = np.einsum("nsj,nsk->njk", apart, apart) / draws.shape[1]
    return Conditional(mean, covariance, draws, np.concatenate(seen, axis=1))


def importance(
    structure: Structure,
    data: Dataset,
    courses: Courses,
    parameters: Parameters,
    given: Conditional,
    seed: int,
    samples: int = 2000,
    progress: Callable[[float], None] | None = None,
) -> Likelihood:
    """Draw samples around the conditional distributions and solve the model for them."""
    r, n = structure.random, data.subjects
    size = given.covariance + 1e-6 * np.einsum("jk,nj->njk", np.eye(r), np.diagonal(given.covariance, axis1=1, axis2=2))
    root = np.linalg.cholesky(_WIDER**2 * size + 1e-12 * np.eye(r))
    who = np.arange(n)[:, None]
    half = samples // 2
    which = np.arange(half)[None, :, None] * r + np.arange(r)
    noise = normal(seed, "importance:normal", who[:, :, None], which)
    noise = np.concatenate([noise, -noise], axis=1)  # in pairs: odd errors cancel
    chance = uniform(seed, "importance:freedom", who, np.arange(half))
    freedom = _chi_square(chance)
    noise = noise / np.sqrt(np.concatenate([freedom, freedom], axis=1) / _FREEDOM)[:, :, None]
    phi = given.mean[:, None] + np.einsum("njk,nsk->nsj", root, noise)
    log_proposal = _log_t(noise, root)
    predicted = np.full((data.value.size, phi.shape[1]), np.nan)
    for first in range(0, phi.shape[1], 500):
        part = slice(first, first + 500)
        predicted[:, part] = courses.predict(_with_fixed(phi[:, part], parameters.mu[r:]))
        if progress:
            progress(min(1.0, (first + 500) / phi.shape[1]))
    return Likelihood(structure, data, courses, phi, predicted, log_proposal, parameters)


def _chi_square(chance: Floats) -> Floats:
    from scipy.special import chdtri

    return np.asarray(chdtri(_FREEDOM, 1 - chance))


def _log_t(noise: Floats, root: Floats) -> Floats:
    r = noise.shape[2]
    square = np.sum(noise**2, axis=2)
    constant = gammaln((_FREEDOM + r) / 2) - gammaln(_FREEDOM / 2) - 0.5 * r * np.log(_FREEDOM * np.pi)
    volume = np.sum(np.log(np.diagonal(root, axis1=1, axis2=2)), axis=1)
    return np.asarray(constant - volume[:, None] - 0.5 * (_FREEDOM + r) * np.log1p(square / _FREEDOM))
