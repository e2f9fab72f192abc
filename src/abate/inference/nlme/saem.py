"""SAEM: draw every subject's parameters, average what they add up to, update the population (Kuhn & Lavielle 2005)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError, SolveError
from abate.ground.randomness import uniform
from abate.inference.nlme.course import Courses
from abate.inference.nlme.dataset import Dataset
from abate.inference.nlme.interruption import keep, kept, key_of
from abate.inference.nlme.residual import best_sigma, fill_censored, log_likelihood
from abate.inference.nlme.sampling import Chains
from abate.inference.nlme.structure import Parameters, Structure

__all__ = ["Plan", "Trace", "run_saem", "subject_sums"]

Floats = npt.NDArray[np.float64]

_BORROWED, _LEFT = 0.2, 0.01  # spread of a parameter without a random effect, at first and at the end


@dataclass(frozen=True)
class Plan:
    """How long to iterate.

    Attributes
    ----------
    explore, smooth : int
        Iterations without and with averaging.
    chains : int
        A subject; 0 makes them at least 60 in all.
    sweeps : int
        Metropolis sweeps an iteration.
    """

    explore: int = 300
    smooth: int = 200
    chains: int = 0
    sweeps: int = 1

    def chains_for(self, subjects: int) -> int:
        """Return the number of chains."""
        return self.chains or max(1, -(-60 // subjects))


@dataclass(frozen=True)
class Trace:
    """Where the iterations went.

    Attributes
    ----------
    parameters : Parameters
        At the end.
    history : ndarray, shape (iterations, numbers)
        mu, beta, variances of the random effects (`Structure.variances`), sigma.
    phi : ndarray, shape (subjects, chains, q)
        Last draws.
    """

    parameters: Parameters
    history: Floats
    phi: Floats


def subject_sums(data: Dataset, per_observation: Floats) -> Floats:
    """Add up observations by subject: (observations, ...) to (subjects, ...)."""
    total = np.zeros((data.subjects, *per_observation.shape[1:]))
    np.add.at(total, data.subject, per_observation)
    return total


def run_saem(
    structure: Structure,
    data: Dataset,
    courses: Courses,
    seed: int,
    plan: Plan | None = None,
    *,
    progress: Callable[[float, Parameters], None] | None = None,
    checkpoint: Path | None = None,
) -> Trace:
    """Estimate a population.

    Parameters
    ----------
    structure, data, courses : Structure, Dataset, Courses
    seed : int
    plan : Plan, optional
    progress : callable, optional
        Called after each iteration with the share done and the parameters.
    checkpoint : Path, optional
        Where to keep the state; when the file is there already, iterations go on from it, to the same bits.

    Raises
    ------
    SolveError
        If the model cannot be solved at its starting values for some subject.
    """
    chosen = plan or Plan()
    work = _Work(structure, data, courses, seed, chosen)
    if checkpoint is not None:
        work.resume(checkpoint)
    total = chosen.explore + chosen.smooth
    while work.iteration < total:
        work.iterate()
        if progress:
            progress(work.iteration / total, work.now)
        if checkpoint is not None and work.iteration % 25 == 0:
            work.save(checkpoint)
    return Trace(work.now, np.array(work.history), work.chains.phi)


class _Work:
    """The state of the iterations."""

    def __init__(self, structure: Structure, data: Dataset, courses: Courses, seed: int, plan: Plan) -> None:
        self.structure, self.data, self.courses, self.seed, self.plan = structure, data, courses, seed, plan
        self.iteration = 0
        self.now = structure.start
        # Begin wide: the first iterations look around (variances start at no less than 0.3 on the log scale).
        omega = self.now.omega.copy()
        rows = range(structure.random)
        for j in rows:
            omega[j, j] = max(omega[j, j], 0.3) if structure.scales[j] != "identity" else omega[j, j]
        for name, columns in structure.occasions.items():
            wide = structure.scales[structure.names.index(name)] != "identity"
            omega[columns, columns] = np.maximum(omega[columns, columns], 0.15 if wide else 0.0)
        self.now = replace(self.now, omega=omega)
        self.mean: Floats | None = None
        self.square: Floats | None = None
        self.history: list[Floats] = []
        chains = plan.chains_for(data.subjects)
        centre = structure.centres(self.now.mu, self.now.beta, data.subjects)
        phi = np.repeat(centre[:, None], chains, axis=1)
        self.chains = Chains(self._score, seed, phi, data.subject, structure.exchangeable)
        lost = ~np.isfinite(self.chains.likelihood).all(axis=1)
        if lost.any():
            raise SolveError(
                f"{data.name}, ID {data.ids[lost][0]:g}: the model gives no likelihood at its starting values; "
                "check units of AMT and DV, or start elsewhere with --set"
            )

    def _score(self, phi: Floats) -> tuple[Floats, Floats]:
        predicted = self.courses.predict(phi)
        return predicted, self._likelihood(predicted)

    def _likelihood(self, predicted: Floats) -> Floats:
        rows = log_likelihood(self.data, predicted, self.now.sigma, self.structure.errors)
        return subject_sums(self.data, rows)

    def _omega(self) -> Floats:
        """Covariance for sampling: parameters without a random effect get one that shrinks away.

        Wide during half of the exploration, for a narrow one creeps where such a parameter trades with a random one.
        """
        omega = self.now.omega.copy()
        half = self.plan.explore / 2
        gone = min(max(self.iteration / half - 1, 0.0), 1.0)
        small = _BORROWED * (_LEFT / _BORROWED) ** gone
        for j in range(self.structure.random, len(self.structure.names)):
            omega[j, j] = small**2
        return omega

    def iterate(self) -> None:
        """One iteration: draw, average, update."""
        structure, k = self.structure, self.iteration
        centre = structure.centres(self.now.mu, self.now.beta, self.data.subjects)
        for _ in range(self.plan.sweeps):
            self.chains.sweep(centre, self._omega())
        rate = 1.0 if k < self.plan.explore else 1.0 / (k - self.plan.explore + 1)
        phi = self.chains.phi
        mean = phi.mean(axis=1)
        square = np.einsum("ncj,nck->njk", phi, phi) / phi.shape[1]
        self.mean = mean if self.mean is None else self.mean + rate * (mean - self.mean)
        self.square = square if self.square is None else self.square + rate * (square - self.square)
        mu, beta = self._typical(self.mean)
        omega = self._covariance(mu, beta)
        self.now = Parameters(mu, beta, omega, self._sigma(rate))
        self.chains.rescore(self._score, self._likelihood)
        self.iteration += 1
        free = [omega[columns[0], columns[0]] for _, columns in structure.variances]
        self.history.append(np.concatenate([mu[structure.typical], beta, free, self.now.sigma.reshape(-1)]))

    def _typical(self, mean: Floats) -> tuple[Floats, Floats]:
        """Regress the subjects' means on the covariates, weighted by the random effects."""
        structure, n = self.structure, self.data.subjects
        own, effects = structure.typical, structure.effects
        q = len(own)
        # random effects of occasions are around 0 and independent of the others
        inverse = np.linalg.inv(self._omega()[np.ix_(own, own)])
        design = np.zeros((n, q, q + len(effects)))
        design[:, range(q), range(q)] = 1.0
        for e, effect in enumerate(effects):
            design[:, own.index(structure.names.index(effect.parameter)), q + e] = effect.values
        left = np.einsum("nja,jk,nkb->ab", design, inverse, design)
        right = np.einsum("nja,jk,nk->a", design, inverse, mean[:, own])
        if np.linalg.cond(left) > 1e12:
            names = ", ".join(e.text for e in effects)
            raise InputError("--covariate", "the covariate does not vary, or repeats another", value=names)
        found = np.linalg.solve(left, right)
        mu = np.zeros(len(structure.names))
        mu[own] = found[:q]
        return mu, found[q:]

    def _covariance(self, mu: Floats, beta: Floats) -> Floats:
        assert self.mean is not None
        assert self.square is not None
        centre = self.structure.centres(mu, beta, self.data.subjects)
        cross = np.einsum("nj,nk->njk", self.mean, centre)
        moment = self.square - cross - cross.transpose(0, 2, 1) + np.einsum("nj,nk->njk", centre, centre)
        omega = np.where(self.structure.block, moment.mean(axis=0), 0.0)
        for columns in self.structure.occasions.values():
            # one variance for all occasions that people had
            seen = self.structure.present[:, columns]
            omega[columns, columns] = moment[:, columns, columns][seen].mean()
        if self.iteration < self.plan.explore:
            # Simulated annealing: a variance may fall by 5 % an iteration, so that the chains keep looking around.
            floor = 0.95 * np.diag(self.now.omega)
            rise = np.sqrt(np.maximum(floor / np.maximum(np.diag(omega), 1e-12), 1.0))
            omega = omega * np.outer(rise, rise)
        for j in range(self.structure.random):
            omega[j, j] = max(omega[j, j], 1e-6)
        return np.asarray(omega)

    def _sigma(self, rate: float) -> Floats:
        structure, data = self.structure, self.data
        predicted = self.chains.predicted
        chance = np.asarray(
            uniform(
                self.seed,
                "saem:censored",
                np.arange(int(data.censored.sum()) * predicted.shape[1]).reshape(-1, predicted.shape[1]),
                self.iteration,
            )
        )
        differences = fill_censored(data, predicted, self.now.sigma, structure.errors, chance)
        sigma = self.now.sigma.copy()
        for k, kind in enumerate(structure.errors):
            rows = data.output == k
            best = best_sigma(differences[rows], predicted[rows], kind, sigma[k])
            # averaged as variances, the statistic of the complete data
            new = np.sqrt(sigma[k] ** 2 + rate * (best**2 - sigma[k] ** 2))
            if self.iteration < self.plan.explore:
                new = np.maximum(new, 0.95 * sigma[k])
            sigma[k] = new
        return sigma

    def save(self, path: Path) -> None:
        """Keep everything that the next iteration depends on."""
        keep(path, self._key(), {
            "iteration": self.iteration, "mu": self.now.mu, "beta": self.now.beta, "omega": self.now.omega,
            "sigma": self.now.sigma, "mean": self.mean, "square": self.square, "history": np.array(self.history),
            "phi": self.chains.phi, "predicted": self.chains.predicted, "likelihood": self.chains.likelihood,
            "scale": self.chains.scale, "counter": self.chains.counter,
            "own_scale": self.chains.own_scale, "own_mean": self.chains.own_mean,
            "own_square": self.chains.own_square, "sweeps": self.chains.sweeps,
        })  # fmt: skip

    def resume(self, path: Path) -> None:
        """Go on from what `save` kept.

        Raises
        ------
        InputError
            If it belongs to another fit.
        """
        held = kept(path, self._key())
        if not held:
            return
        self.iteration = int(held["iteration"])
        self.now = Parameters(held["mu"], held["beta"], held["omega"], held["sigma"])
        self.mean, self.square = held["mean"], held["square"]
        self.history = list(held["history"])
        self.chains.phi, self.chains.predicted = held["phi"], held["predicted"]
        self.chains.likelihood, self.chains.scale = held["likelihood"], held["scale"]
        self.chains.own_scale, self.chains.own_mean = held["own_scale"], held["own_mean"]
        self.chains.own_square = held["own_square"]
        self.chains.counter, self.chains.sweeps = int(held["counter"]), int(held["sweeps"])

    def _key(self) -> str:
        structure, data = self.structure, self.data
        parts: list[Any] = [
            structure.model.hash, structure.names, structure.errors, self.seed, self.plan, data.value, data.time,
            data.censored, data.units, structure.block, structure.start.mu,
        ]  # fmt: skip
        return key_of([*parts, *((e.text, e.values.tolist()) for e in structure.effects)])
