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
from abate.inference.nlme.residual import log_likelihood, spread
from abate.inference.nlme.saem import subject_sums
from abate.inference.nlme.sampling import Chains
from abate.inference.nlme.structure import Parameters, Structure

__all__ = ["Conditional", "Likelihood", "conditional", "importance"]

Floats = npt.NDArray[np.float64]

_FREEDOM = 5.0  # of the t-distribution that samples are drawn from: tails heavier than those of any posterior here
_WIDER = 1.3  # its spread over that of the conditional distribution, around the mean
_NARROWER = 0.6  # and around draws
_CENTRES = 24
_AROUND = 0.4  # share of the samples around the mean


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
    follow: Floats | None = field(default=None, repr=False)
    """How far samples go along with these parameters, shape (subjects, r, parameters without a random effect)."""

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
        apart = self._moved(parameters) - centre[:, None]
        prior = -0.5 * np.einsum("nsj,jk,nsk->ns", apart, np.linalg.inv(omega), apart)
        prior -= 0.5 * np.linalg.slogdet(2 * np.pi * omega)[1]
        return np.asarray(subject_sums(self.data, rows) + prior - self.log_proposal)

    def at_fixed(self, parameters: Parameters) -> Floats:
        """Return predictions at other values of the parameters without a random effect; not kept."""
        r = self.structure.random
        if np.array_equal(parameters.mu[r:], self.at.mu[r:]):
            return self.predicted
        return self.courses.predict(_with_fixed(self._moved(parameters), parameters.mu[r:]))

    def _moved(self, parameters: Parameters) -> Floats:
        """Return the samples, shifted to where the conditional distributions are at other fixed parameters."""
        if self.follow is None:
            return self.phi
        r = self.structure.random
        return np.asarray(self.phi + np.einsum("njk,k->nj", self.follow, parameters.mu[r:] - self.at.mu[r:])[:, None])

    def _predicted(self, parameters: Parameters) -> Floats:
        r = self.structure.random
        if np.array_equal(parameters.mu[r:], self.at.mu[r:]):
            return self.predicted
        # a parameter without a random effect changes every prediction
        key = parameters.mu[r:].tobytes()
        if key not in self.solved:
            self.solved[key] = self.courses.predict(_with_fixed(self._moved(parameters), parameters.mu[r:]))
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
    """Draw samples around the conditional distributions and solve the model for them.

    The proposal is a mixture: around a few draws of each conditional distribution, so that a curved one is followed,
    and around its mean, as wide as it.
    """
    fixed = parameters.mu[structure.random :]
    phi, log_proposal = _mixture(structure, parameters, given, seed, samples)
    predicted = np.full((data.value.size, phi.shape[1]), np.nan)
    for first in range(0, phi.shape[1], 500):
        part = slice(first, first + 500)
        predicted[:, part] = courses.predict(_with_fixed(phi[:, part], fixed))
        if progress:
            progress(min(1.0, (first + 500) / phi.shape[1]))
    follow = _follow(structure, data, courses, parameters, given) if fixed.size else None
    return Likelihood(structure, data, courses, phi, predicted, log_proposal, parameters, follow=follow)


def _follow(
    structure: Structure, data: Dataset, courses: Courses, parameters: Parameters, given: Conditional
) -> Floats:
    """Return how the middle of each conditional distribution moves with the parameters without a random effect.

    By Gauss-Newton at its mean. Samples that stayed where they are would make the likelihood too sharp wherever such a
    parameter trades with a random one.
    """
    r, q, step = structure.random, parameters.mu.size, 0.02
    middle = _with_fixed(given.mean[:, None, :r], parameters.mu[r:])
    moves = step * np.concatenate([np.eye(q), -np.eye(q), np.zeros((1, q))])
    predicted = courses.predict(middle + moves[None])
    sd = spread(predicted[:, -1:], parameters.sigma, structure.errors, data.output)
    exponential = np.array([e == "exponential" for e in structure.errors])[data.output]
    sd[exponential] *= np.maximum(predicted[exponential, -1:], 1e-10)
    slopes = np.nan_to_num((predicted[:, :q] - predicted[:, q : 2 * q]) / (2 * step * sd))
    cross = subject_sums(data, slopes[:, :, None] * slopes[:, None, :])
    inside = cross[:, :r, :r] + np.linalg.inv(parameters.omega[:r, :r])
    return np.asarray(-np.linalg.solve(inside, cross[:, :r, r:]))


def _mixture(
    structure: Structure, parameters: Parameters, given: Conditional, seed: int, samples: int
) -> tuple[Floats, Floats]:
    """Return samples of shape (subjects, samples, r) and their log density."""
    r, (n, draws, _) = structure.random, given.draws.shape
    size = given.covariance + 1e-6 * parameters.omega[:r, :r]
    root = np.linalg.cholesky(size + 1e-12 * np.eye(r))
    centres = given.draws[:, (np.arange(_CENTRES) * draws) // _CENTRES]
    # the first component is the wide one around the mean, the others share what it leaves
    middles = np.concatenate([given.mean[:, None], centres], axis=1)
    widths = np.array([_WIDER] + [_NARROWER] * _CENTRES)
    shares = np.array([_AROUND] + [(1 - _AROUND) / _CENTRES] * _CENTRES)
    chance = uniform(seed, "importance:part", np.arange(n)[:, None], np.arange(samples))
    which = np.minimum(np.searchsorted(np.cumsum(shares), chance), _CENTRES)
    noise = student_noise(seed, "importance", np.arange(n)[:, None], samples, r)
    own = np.take_along_axis(middles, which[:, :, None], axis=1)
    phi = own + widths[which][:, :, None] * np.einsum("njk,nsk->nsj", root, noise)
    inverse = np.linalg.inv(root)
    total = np.full(phi.shape[:2], -np.inf)
    for k in range(_CENTRES + 1):
        z = np.einsum("njk,nsk->nsj", inverse, phi - middles[:, k, None]) / widths[k]
        total = np.logaddexp(total, np.log(shares[k]) + log_student(z, widths[k] * root))
    return phi, total


def student_noise(seed: int, purpose: str, who: npt.NDArray[np.int64], samples: int, size: int) -> Floats:
    """Draw from a t-distribution, in pairs of opposite sign so that odd errors cancel; shape (n, samples, size)."""
    from scipy.special import chdtri

    half = samples // 2
    which = np.arange(half)[None, :, None] * size + np.arange(size)
    noise = normal(seed, f"{purpose}:normal", who[:, :, None], which)
    freedom = chdtri(_FREEDOM, 1 - uniform(seed, f"{purpose}:freedom", who, np.arange(half)))
    both = np.concatenate([noise, -noise], axis=1)
    return np.asarray(both / np.sqrt(np.concatenate([freedom, freedom], axis=1) / _FREEDOM)[:, :, None])


def log_student(noise: Floats, root: Floats) -> Floats:
    """Return the log density of ``root @ noise`` for such draws; root of shape (n, size, size)."""
    r = noise.shape[2]
    square = np.sum(noise**2, axis=2)
    constant = gammaln((_FREEDOM + r) / 2) - gammaln(_FREEDOM / 2) - 0.5 * r * np.log(_FREEDOM * np.pi)
    volume = np.sum(np.log(np.diagonal(root, axis1=1, axis2=2)), axis=1)
    return np.asarray(constant - volume[:, None] - 0.5 * (_FREEDOM + r) * np.log1p(square / _FREEDOM))
