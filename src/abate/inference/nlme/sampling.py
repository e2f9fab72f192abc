"""Metropolis steps for every subject's parameters; all draws keyed by subject, chain and step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from abate.ground.randomness import normal, uniform

__all__ = ["Chains"]

Floats = npt.NDArray[np.float64]

_WISH = 0.35  # share of accepted steps that the step size steers to
_FORGET = 0.02  # weight of the newest draws in a subject's own covariance, once there are fifty
_ENOUGH = 20  # sweeps before that covariance is used


@dataclass
class Chains:
    """Parameters of every subject in some chains.

    Attributes
    ----------
    score : callable (phi (subjects, chains, q)) -> (predicted (observations, chains), (subjects, chains))
        Predictions and log-likelihood.
    seed : int
    phi : ndarray, shape (subjects, chains, q)
    predicted : ndarray, shape (observations, chains)
    likelihood : ndarray, shape (subjects, chains)
    scale : ndarray, shape (q + 1,)
        Step of each parameter as a share of its random effect's spread, and of all together.
    exchangeable : tuple of (int, tuple of int)
        Columns of which the first gains what all the others lose, without a change of the predictions.
    counter, sweeps : int
        Steps and sweeps so far; keys of the draws.
    own_scale, own_mean, own_square : ndarray, shape (subjects,), (subjects, q), (subjects, q, q)
        Of a subject's own steps: size, and mean and covariance of its recent draws (Haario 2001, Bernoulli 7:223-242).
    """

    score: Callable[[Floats], tuple[Floats, Floats]]
    seed: int
    phi: Floats
    rows: npt.NDArray[np.int64]
    exchangeable: tuple[tuple[int, tuple[int, ...]], ...] = ()
    predicted: Floats = field(init=False)
    likelihood: Floats = field(init=False)
    scale: Floats = field(init=False)
    own_scale: Floats = field(init=False)
    own_mean: Floats = field(init=False)
    own_square: Floats = field(init=False)
    counter: int = 0
    sweeps: int = 0

    def __post_init__(self) -> None:
        self.predicted, self.likelihood = self.score(self.phi)
        subjects, _, q = self.phi.shape
        self.scale = np.full(q + 1, 0.5)
        self.own_scale = np.full(subjects, 0.7)
        self.own_mean = self.phi.mean(axis=1)
        self.own_square = np.zeros((subjects, q, q))

    def rescore(self, score: Callable[[Floats], tuple[Floats, Floats]], likelihood: Callable[[Floats], Floats]) -> None:
        """Go on with another residual error: the predictions stay."""
        self.score = score
        self.likelihood = likelihood(self.predicted)

    def sweep(self, centre: Floats, omega: Floats) -> None:
        """One draw from the prior, one step of each parameter, one of all, one along what a subject's data leave open.

        Parameters
        ----------
        centre : ndarray, shape (subjects, q)
        omega : ndarray, shape (q, q)
            Positive definite.
        """
        root = np.linalg.cholesky(omega)
        inverse = np.asarray(np.linalg.inv(omega), dtype=np.float64)
        self._step(centre[:, None] + self._normals() @ root.T, None, centre, inverse)
        size = np.sqrt(np.diag(omega))
        for j in range(self.phi.shape[2]):
            tried = self.phi.copy()
            tried[:, :, j] += self.scale[j] * size[j] * self._normals()[:, :, j]
            self._step(tried, j, centre, inverse)
        self._step(self.phi + self.scale[-1] * self._normals() @ root.T, self.phi.shape[2], centre, inverse)

        if self.sweeps >= _ENOUGH:
            self._own_step(omega, centre, inverse)
        for column, others in self.exchangeable:
            self._shift(column, list(others), centre, inverse)
        self._learn()

    def _learn(self) -> None:
        """Update each subject's own mean and covariance."""
        self.sweeps += 1
        weight = max(1.0 / self.sweeps, _FORGET)
        apart = self.phi - self.own_mean[:, None]
        square = np.einsum("ncj,nck->njk", apart, apart) / self.phi.shape[1]
        self.own_square = (1 - weight) * (self.own_square + weight * square)
        self.own_mean = self.own_mean + weight * apart.mean(axis=1)

    def _own_step(self, omega: Floats, centre: Floats, inverse: Floats) -> None:
        q = self.phi.shape[2]
        size = self.own_square + 1e-4 * np.diag(np.diag(omega))
        root = np.linalg.cholesky(size) * (2.38 / np.sqrt(q) * self.own_scale)[:, None, None]
        tried = self.phi + np.einsum("njk,nck->ncj", root, self._normals())
        won = self._accept(tried, centre, inverse)
        self.own_scale = np.clip(self.own_scale * np.exp(0.1 * (won.mean(axis=1) - _WISH)), 0.02, 3.0)

    def _shift(self, column: int, others: list[int], centre: Floats, inverse: Floats) -> None:
        """Move what a parameter and its occasions share: an exact draw, as no prediction changes."""
        direction = np.zeros(self.phi.shape[2])
        direction[column], direction[others] = 1.0, -1.0
        precision = direction @ inverse @ direction
        apart = self.phi - centre[:, None]
        middle = -(apart @ inverse @ direction) / precision
        self.counter += 1
        noise = np.asarray(normal(self.seed, "saem:shift", self._who(), self.counter))
        self.phi = self.phi + (middle + noise / np.sqrt(precision))[:, :, None] * direction

    def _step(self, tried: Floats, which: int | None, centre: Floats, inverse: Floats) -> None:
        won = self._accept(tried, centre, inverse, independent=which is None)
        if which is not None:
            self.scale[which] = np.clip(self.scale[which] * np.exp(0.4 * (won.mean() - _WISH)), 1e-3, 5.0)

    def _accept(
        self, tried: Floats, centre: Floats, inverse: Floats, *, independent: bool = False
    ) -> npt.NDArray[np.bool_]:
        """Take what is probable enough; `independent` draws are from the prior itself."""
        predicted, likelihood = self.score(tried)
        ratio = likelihood - self.likelihood
        if not independent:
            ratio = ratio + self._prior(tried, centre, inverse) - self._prior(self.phi, centre, inverse)
        self.counter += 1
        chance = uniform(self.seed, "saem:accept", self._who(), self.counter)
        won = np.log(chance) < np.nan_to_num(ratio, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        self.phi = np.where(won[:, :, None], tried, self.phi)
        self.likelihood = np.where(won, likelihood, self.likelihood)
        self.predicted = np.where(won[self.rows], predicted, self.predicted)
        return np.asarray(won)

    @staticmethod
    def _prior(phi: Floats, centre: Floats, inverse: Floats) -> Floats:
        apart = phi - centre[:, None]
        return np.asarray(-0.5 * np.einsum("ncj,jk,nck->nc", apart, inverse, apart))

    def _who(self) -> npt.NDArray[np.int64]:
        subjects, chains, _ = self.phi.shape
        return np.arange(subjects * chains).reshape(subjects, chains)

    def _normals(self) -> Floats:
        self.counter += 1
        q = self.phi.shape[2]
        return np.asarray(normal(self.seed, "saem:step", self._who()[:, :, None], self.counter * q + np.arange(q)))
