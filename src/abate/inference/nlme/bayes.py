"""A population's posterior by an ensemble sampler (emcee), for data too small for a normal likelihood.

What is sampled are typical values, slopes, variances, correlations and residual errors; the subjects' own parameters
are integrated out by importance sampling with kept samples, so that the sampler has a handful of dimensions whatever
the number of subjects, and are drawn afterwards, given each population.

References
----------
Goodman & Weare 2010, Commun Appl Math Comput Sci 5:65-80. Foreman-Mackey et al. 2013, PASP 125:306-312.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from abate.ground.errors import MissingExtra
from abate.ground.randomness import uniform
from abate.ground.results import Estimate
from abate.inference.nlme.fit import PopulationFit
from abate.inference.nlme.information import flatten
from abate.inference.nlme.interruption import keep, kept, key_of
from abate.inference.nlme.marginal import Marginal, widened
from abate.inference.nlme.population_prior import PopulationPrior
from abate.inference.nlme.structure import Parameters

__all__ = ["PopulationPosterior", "require", "sample_population"]

Floats = npt.NDArray[np.float64]

ENSEMBLES = 4  # begun apart, so that they can disagree
_SPLIT = 1.05  # R-hat above which they do
_NOISY = 1.0  # Monte Carlo error of -2 log-likelihood that the posterior begins to feel
_BATCH = 50  # steps between two looks at the clock


@dataclass(frozen=True)
class PopulationPosterior:
    """Draws of a population.

    Attributes
    ----------
    names : tuple of str
        As in `Flat`; typical values on their natural scale.
    draws : ndarray, shape (ensembles, steps, walkers, p)
    subjects : mapping of name to ndarray, shape (ensembles, steps, walkers, subjects)
        Each subject's parameters.
    rhat, effective : mapping of name to float
        Of the ensembles as chains, by ArviZ; draws that count as independent, by emcee.
    error : float
        Monte Carlo error of -2 log-likelihood, median over draws.
    accepted : float
        Share of steps.
    warnings : tuple of str
    prior : PopulationPrior
    """

    names: tuple[str, ...]
    draws: Floats
    subjects: Mapping[str, Floats]
    rhat: Mapping[str, float]
    effective: Mapping[str, float]
    error: float
    accepted: float
    warnings: tuple[str, ...]
    prior: PopulationPrior

    def estimates(self, level: float = 0.95) -> dict[str, dict[str, Any]]:
        """Return median and equal-tailed interval of every number, with R-hat and effective draws."""
        tail = (1 - level) / 2
        method = "posterior median and equal-tailed interval, ensemble sampler"
        found = {}
        for j, name in enumerate(self.names):
            values = self.draws[..., j].reshape(-1)
            middle, low, high = np.quantile(values, [0.5, tail, 1 - tail])
            row = Estimate(float(middle), float(low), float(high), level, int(self.effective[name]), method)
            found[name] = row.as_dict() | {
                "sd": float(values.std()), "rhat": self.rhat[name], "effective": self.effective[name],
                "prior": self.prior.words(name),
            }  # fmt: skip
        return found

    def payload(self) -> dict[str, Any]:
        """Return what results.json holds."""
        return {
            "parameters": self.estimates(),
            "ensembles": self.draws.shape[0],
            "walkers": self.draws.shape[2],
            "steps_kept": self.draws.shape[1],
            "accepted": self.accepted,
            "likelihood_monte_carlo_error": self.error,
        }


def sample_population(
    fit: PopulationFit,
    *,
    seed: int = 1,
    steps: int = 1000,
    thin: int = 5,
    samples: int = 1000,
    priors: Mapping[str, tuple[float, ...]] | None = None,
    progress: Callable[[float], None] | None = None,
    checkpoint: Path | None = None,
) -> PopulationPosterior:
    """Sample the posterior of a population, beginning around its fit.

    Parameters
    ----------
    fit : PopulationFit
    seed : int
    steps : int
        Kept of each walker, before thinning; half as many are thrown away first.
    thin : int
        Every so many steps one is kept.
    samples : int
        A subject, for the likelihood.
    priors : mapping of name to tuple, optional
        See `PopulationPrior.of`.
    progress : callable, optional
        Called with the share done.
    checkpoint : Path, optional
        Where to keep the walkers; when the file is there already, they go on from it, to the same bits.

    Raises
    ------
    MissingExtra
        If emcee or ArviZ is not installed.
    InputError
        For a prior of something that is not estimated, or a checkpoint of another fit.
    """
    emcee, arviz = require()
    logging.getLogger("emcee.autocorr").setLevel(logging.ERROR)
    prior = PopulationPrior.of(fit, priors or {})
    kept = widened(fit.likelihood, fit.conditional, seed, samples)
    marginal = Marginal(kept)

    def log_density(vector: Floats) -> float:
        log_prior = prior.log_density(vector)
        if not np.isfinite(log_prior):
            return -np.inf
        found = log_prior + marginal(prior.parameters(vector))
        return found if np.isfinite(found) else -np.inf

    walkers = max(24, 2 * prior.size + 2)
    burn = steps // 2
    key = key_of([fit.flat.values, fit.data.value, seed, steps, samples, walkers, sorted((priors or {}).items())])
    work = _Ensembles(emcee, log_density, walkers, prior.size, burn + steps, key, checkpoint)
    for ensemble in range(ENSEMBLES):
        start = prior.around(fit, seed, ensemble, walkers)
        work.run(ensemble, start, seed * ENSEMBLES + ensemble, progress)
    vectors = np.stack([work.chains[e][burn::thin] for e in range(ENSEMBLES)])
    draws = np.stack([_natural(fit, prior.parameters(v)) for v in vectors.reshape(-1, prior.size)])
    draws = draws.reshape(*vectors.shape[:3], -1)
    subjects, error = _subjects(fit, marginal, prior, vectors, seed)
    names = fit.flat.names
    rhat, effective = _diagnostics(emcee, arviz, names, draws)
    warnings = _warnings(rhat, effective, error)
    return PopulationPosterior(names, draws, subjects, rhat, effective, error, work.accepted, warnings, prior)


class _Ensembles:
    """Chains of several ensembles of walkers, kept on the way."""

    def __init__(self, emcee: Any, log_density: Callable[[Floats], float], walkers: int, size: int, total: int,
                 key: str, checkpoint: Path | None) -> None:  # fmt: skip
        self.emcee, self.total, self.key, self.checkpoint = emcee, total, key, checkpoint
        moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.DESnookerMove(), 0.2)]
        self.sampler = emcee.EnsembleSampler(walkers, size, log_density, moves=moves)
        self.held = kept(checkpoint, key)
        self.chains: dict[int, Floats] = {
            e: self.held[f"chain{e}"] for e in range(ENSEMBLES) if f"chain{e}" in self.held
        }
        self.moved = int(self.held.get("moved", 0))

    @property
    def accepted(self) -> float:
        """Share of all steps so far."""
        steps = sum(chain.shape[0] * chain.shape[1] for chain in self.chains.values())
        return float(self.moved / steps)

    def run(self, ensemble: int, start: Floats, seed: int, progress: Callable[[float], None] | None) -> None:
        """Take an ensemble to the end, from where it was left."""
        chain = self.chains.get(ensemble, np.empty((0, *start.shape)))
        if chain.shape[0] and chain.shape[0] < self.total:
            state = self._left()
        else:
            state = self.emcee.State(start, random_state=np.random.RandomState(seed).get_state())
        while chain.shape[0] < self.total:
            self.sampler.reset()
            count = min(_BATCH, self.total - chain.shape[0])
            state = self.sampler.run_mcmc(state, count, skip_initial_state_check=True)
            chain = np.concatenate([chain, self.sampler.get_chain()])
            self.chains[ensemble] = chain
            self.moved += int(self.sampler.backend.accepted.sum())
            self._keep(state)
            if progress:
                progress((ensemble + chain.shape[0] / self.total) / ENSEMBLES)

    def _keep(self, state: Any) -> None:
        if self.checkpoint is None:
            return
        kind, words, place, has_gauss, gauss = state.random_state
        keep(self.checkpoint, self.key, {
            **{f"chain{e}": chain for e, chain in self.chains.items()}, "moved": self.moved, "coords": state.coords,
            "log_prob": state.log_prob, "random": words, "generator": [place, has_gauss, gauss], "kind": kind,
        })  # fmt: skip

    def _left(self) -> Any:
        """Return the walkers and the random numbers as they were left."""
        place, has_gauss, gauss = self.held["generator"].tolist()
        random = (str(self.held["kind"]), self.held["random"], int(place), int(has_gauss), gauss)
        return self.emcee.State(self.held["coords"], log_prob=self.held["log_prob"], random_state=random)


def require() -> tuple[Any, Any]:
    """Return the modules that sample and judge.

    Raises
    ------
    MissingExtra
        If one is not installed.
    """
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # ArviZ announces its own future
            import arviz
        import emcee
    except ImportError as error:
        raise MissingExtra("fit", "emcee") from error
    return emcee, arviz


def _natural(fit: PopulationFit, parameters: Parameters) -> Floats:
    """Return the vector of `flatten` with typical values on their natural scale."""
    shape = fit.structure
    values = flatten(shape, fit.data, parameters).values
    own = shape.natural(parameters.mu[None])[0][shape.typical]
    return np.concatenate([own, values[len(shape.typical) :]])


def _subjects(
    fit: PopulationFit, marginal: Marginal, prior: PopulationPrior, vectors: Floats, seed: int
) -> tuple[dict[str, Floats], float]:
    """Draw each subject's parameters given each population; and the Monte Carlo error of the likelihood."""
    shape, n = fit.structure, fit.data.subjects
    flat = vectors.reshape(-1, prior.size)
    found = np.empty((len(flat), n, shape.between))
    errors = []
    for k, vector in enumerate(flat):
        joint = marginal.joint(prior.parameters(vector))
        weights = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        chance = uniform(seed, "bayes:subject", np.arange(n), k)
        chosen = np.minimum((np.cumsum(weights, axis=1) < chance[:, None]).sum(axis=1), weights.shape[1] - 1)
        found[k] = marginal.kept.phi[np.arange(n), chosen, : shape.between]
        errors.append(2 * np.sqrt(np.sum(np.sum(weights**2, axis=1) - 1 / weights.shape[1])))
    values = {name: shape.natural_of(j, found[..., j]) for j, name in enumerate(shape.names[: shape.between])}
    return {n_: v.reshape(*vectors.shape[:3], n) for n_, v in values.items()}, float(np.median(errors))


def _diagnostics(emcee: Any, arviz: Any, names: tuple[str, ...], draws: Floats) -> tuple[Any, Any]:
    """Return R-hat between the halves of all ensembles, and effective draws from the walkers' autocorrelation."""
    rhat, effective = {}, {}
    for j, name in enumerate(names):
        values = draws[..., j]
        rhat[name] = float(arviz.rhat(values.reshape(len(values), -1)))
        # the module says again and again that chains are short; that is told once, as effective draws
        with np.errstate(invalid="ignore"):  # a walker that never moved
            times = [float(emcee.autocorr.integrated_time(v, quiet=True, has_walkers=True)[0]) for v in values]
        times = [t if np.isfinite(t) else float(v.shape[0]) for v, t in zip(values, times, strict=True)]
        effective[name] = float(sum(v.size / max(t, 1.0) for v, t in zip(values, times, strict=True)))
    return rhat, effective


def _warnings(rhat: Mapping[str, float], effective: Mapping[str, float], error: float) -> tuple[str, ...]:
    found = []
    worst = max(rhat, key=lambda n: rhat[n])
    if rhat[worst] > _SPLIT:
        found.append(f"the walkers disagree about {worst} (R-hat {rhat[worst]:.2f}): ask for more --draws")
    fewest = min(effective, key=lambda n: effective[n])
    if effective[fewest] < 400:
        found.append(f"{fewest} has {effective[fewest]:.0f} effective draws: ask for more --draws")
    if error > _NOISY:
        found.append(f"the likelihood of the posterior has a Monte Carlo error of {error:.1f}: ask for more --samples")
    return tuple(found)
