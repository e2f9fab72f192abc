"""The likelihood of a population far from its estimates, fast: samples that cover many populations, and sums kept.

For a sampler of the posterior. A subject's samples come from a mixture: around its conditional distribution, and from
random effects wider than estimated, so that they serve whatever population is tried. Of additive, proportional and
exponential errors only sums of squares are needed, which do not change with the population.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from abate.ground.randomness import normal, uniform
from abate.inference.nlme.importance import Conditional, Likelihood, log_student, student_noise
from abate.inference.nlme.residual import difference, log_likelihood, spread
from abate.inference.nlme.saem import subject_sums
from abate.inference.nlme.structure import Parameters

__all__ = ["Marginal", "widened"]

Floats = npt.NDArray[np.float64]

_AROUND = 0.6  # of the samples: around the conditional distribution
_WIDER = 1.5  # its spread over that of the conditional distribution at the estimates
_PRIOR_WIDER = 2.0  # covariance of the other samples over that of the random effects


def widened(near: Likelihood, given: Conditional, seed: int, samples: int) -> Likelihood:
    """Return a likelihood whose samples serve populations far from the estimates.

    Parameters
    ----------
    near : Likelihood
        At the estimates.
    given : Conditional
    seed, samples : int
        Samples a subject.
    """
    structure, data, at = near.structure, near.data, near.at
    r, n = structure.random, data.subjects
    centre = structure.centres(at.mu, at.beta, n)[:, :r]
    size = _WIDER**2 * given.covariance + 1e-6 * at.omega[:r, :r] + 1e-12 * np.eye(r)
    narrow = np.asarray(np.linalg.cholesky(size), dtype=np.float64)
    wide = np.linalg.cholesky(_PRIOR_WIDER * at.omega[:r, :r])
    who = np.arange(n)[:, None]
    noise = student_noise(seed, "marginal", who, samples, r)
    first = given.mean[:, None] + np.einsum("njk,nsk->nsj", narrow, noise)
    which = np.arange(samples)[None, :, None] * r + np.arange(r)
    second = centre[:, None] + normal(seed, "marginal:prior", who[:, :, None], which) @ wide.T
    around = uniform(seed, "marginal:part", who, np.arange(samples)) < _AROUND
    phi = np.where(around[:, :, None], first, second)
    z = np.asarray(np.linalg.solve(narrow[:, None], (phi - given.mean[:, None])[..., None])[..., 0], dtype=np.float64)
    x = np.linalg.solve(wide, (phi - centre[:, None])[..., None])[..., 0]
    gauss = -0.5 * np.sum(x**2, axis=2) - np.sum(np.log(np.diag(wide))) - 0.5 * r * np.log(2 * np.pi)
    proposal = np.logaddexp(np.log(_AROUND) + log_student(z, narrow), np.log1p(-_AROUND) + gauss)
    fixed = np.broadcast_to(at.mu[r:], (*phi.shape[:2], at.mu.size - r))
    predicted = near.courses.predict(np.concatenate([phi, fixed], axis=2))
    return Likelihood(structure, data, near.courses, phi, predicted, np.asarray(proposal), at)


@dataclass(frozen=True)
class Marginal:
    """Each subject's log-likelihood as a function of the population.

    Attributes
    ----------
    kept : Likelihood
        From `widened`.
    """

    kept: Likelihood

    def __call__(self, parameters: Parameters) -> float:
        """Return the log-likelihood of the population."""
        joint = self.joint(parameters)
        top = joint.max(axis=1, keepdims=True)
        return float(np.sum(np.log(np.exp(joint - top).sum(axis=1)) + top[:, 0]) - self._count)

    @cached_property
    def _count(self) -> float:
        return self.kept.data.subjects * float(np.log(self.kept.phi.shape[1]))

    def joint(self, parameters: Parameters) -> Floats:
        """Return log density of data and random effects over that of the proposal, shape (subjects, samples)."""
        structure = self.kept.structure
        r = structure.random
        centre = structure.centres(parameters.mu, parameters.beta, self.kept.data.subjects)[:, :r]
        root = np.linalg.cholesky(parameters.omega[:r, :r])
        inverse = np.linalg.inv(root)
        apart = (self.kept.phi - centre[:, None]) @ inverse.T
        prior = -0.5 * np.einsum("nsj,nsj->ns", apart, apart)
        prior -= np.sum(np.log(np.diag(root))) + 0.5 * r * np.log(2 * np.pi)
        return np.asarray(self._data(parameters) + prior - self.kept.log_proposal)

    def _data(self, parameters: Parameters) -> Floats:
        r = self.kept.structure.random
        moved = not np.array_equal(parameters.mu[r:], self.kept.at.mu[r:])
        if moved or not self._simple:
            predicted = self.kept.at_fixed(parameters)
            rows = log_likelihood(self.kept.data, predicted, parameters.sigma, self.kept.structure.errors)
            return subject_sums(self.kept.data, rows)
        total = self._constant.copy()
        for k, (counts, squares) in enumerate(self._sums):
            size = float(parameters.sigma[k].max())
            total -= 0.5 * squares / size**2 + counts[:, None] * np.log(size)
        return total

    @cached_property
    def _simple(self) -> bool:
        return "combined" not in self.kept.structure.errors and not self.kept.data.censored.any()

    @cached_property
    def _unit(self) -> tuple[Floats, Floats]:
        """Differences over spread, and spread, at residual errors of 1."""
        structure, data = self.kept.structure, self.kept.data
        sigma = np.array([[1.0, 0.0] if e == "additive" else [0.0, 1.0] for e in structure.errors])
        sd = spread(self.kept.predicted, sigma, structure.errors, data.output)
        return difference(data.value, self.kept.predicted, structure.errors, data.output) / sd, sd

    @cached_property
    def _sums(self) -> list[tuple[Floats, Floats]]:
        """For each output: how many values a subject has, and their sums of squares."""
        data, (z, _) = self.kept.data, self._unit
        found = []
        for k in range(len(data.outputs)):
            rows = (data.output == k).astype(float)
            squares = subject_sums(data, np.where(np.isfinite(z), z, 1e10) ** 2 * rows[:, None])
            found.append((subject_sums(data, rows), squares))
        return found

    @cached_property
    def _constant(self) -> Floats:
        data, (_, sd) = self.kept.data, self._unit
        exponential = np.array([e == "exponential" for e in self.kept.structure.errors])[data.output]
        jacobian = np.where(exponential, np.log(np.maximum(data.value, 1e-10)), 0.0)
        return subject_sums(data, -np.log(sd) - 0.5 * np.log(2 * np.pi) - jacobian[:, None])
