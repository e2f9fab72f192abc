"""The posterior of one patient: a weighted ensemble of virtual people who lived through the same doses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Run, Setting, compile_model
from abate.ground.randomness import normal, uniform
from abate.ground.results import Estimate
from abate.inference.most_probable import most_probable
from abate.inference.patient import Patient
from abate.inference.prior import Prior, noise_settings, outside_noise
from abate.inference.seen import Seen, read_seen
from abate.inference.tempering import Guess, effective, temper
from abate.science.model import Model, load
from abate.science.population import Population, load_population, population_names

__all__ = ["Posterior", "branch", "fit_person"]

Floats = npt.NDArray[np.float64]

_FEW = 100  # effective people below which a 95 % interval rests on a handful in each tail
_SURPRISE = 0.01  # two-sided prior predictive probability, shared among the measurements
_FAR = 4.0  # spreads between the most probable person and a measurement


@dataclass(frozen=True)
class Posterior:
    """What one patient's measurements leave possible.

    Attributes
    ----------
    model : Model
        With its weekly noise set from outside.
    patient : Patient
    parameters : dict of name to ndarray, shape (n,)
        Every parameter, one value a person.
    weights : ndarray, shape (n,)
        Adding up to 1.
    ess : float
        Effective number of distinct people.
    persons : ndarray of int, shape (n,)
        Keys of the draws after `day`.
    seed : int
    day : float
        Up to where they have lived; later noise is drawn afresh, keyed by person.
    noise : dict of input to ndarray, shape (weeks, n)
        Weekly noise so far.
    map : dict of name to float
        The most probable person's parameters.
    fitted : ndarray, shape (measurements, n)
        What each person predicts for each measurement.
    seen : Seen
        The measurements, with their errors.
    prior : dict of name to ndarray
        The same parameters before anything was measured.
    warnings : tuple of str
    effects : tuple of str
        Parameters that differ between people.
    diagnostics : dict
        Temperatures, share of accepted moves, log density of the most probable person.
    """

    model: Model
    patient: Patient
    parameters: Mapping[str, Floats]
    weights: Floats
    ess: float
    persons: npt.NDArray[np.int64]
    seed: int
    day: float
    noise: Mapping[str, Floats]
    map: Mapping[str, float]
    fitted: Floats
    seen: Seen
    prior: Mapping[str, Floats]
    warnings: tuple[str, ...]
    effects: tuple[str, ...]
    noises: tuple[Any, ...] = ()
    inputs: Mapping[str, float] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    def settings(self, until: float) -> list[Setting]:
        """Return what sets the weekly noise from day 0 to `until`: the path lived through, then fresh draws."""
        return [s for entry in self.noises for s in noise_settings(entry, self._path(entry, until))]

    def run(self, outputs: Sequence[str] | None = None, *, until: float | None = None) -> Run:
        """Let the people live through the patient's history; they stand at `day`, ready for any doses.

        Parameters
        ----------
        outputs : sequence of str, optional
            To be recorded from here on; default: all of the model.
        until : float, optional
            Day up to which noise is drawn; at least as far as the run will go. Default: a year after `day`.

        Returns
        -------
        Run
            Doses after `day` are the caller's; take `branch` of it for each option.
        """
        end = self.day + 364.0 if until is None else until
        ensemble = compile_model(self.model, outputs)
        first: dict[str, Any] = {**self.inputs, **{entry.name: self._path(entry, end)[0] for entry in self.noises}}
        run = ensemble.start({**self.parameters, **first}, self.persons, self.seed)
        doses = _doses(self.patient)
        run.advance(self.day, doses, self.settings(end), record_at=())
        return run

    def resampled(self, people: int, seed: int | None = None) -> Posterior:
        """Return so many people of equal weight; who is drawn twice goes on differently after `day`."""
        offset = float(uniform(self.seed if seed is None else seed, "posterior:equal", 0))
        places = (np.arange(people) + offset) / people
        chosen = np.minimum(np.searchsorted(np.cumsum(self.weights), places), self.weights.size - 1)
        return replace(
            self,
            parameters={n: v[chosen] for n, v in self.parameters.items()},
            weights=np.full(people, 1 / people),
            ess=_distinct(self.parameters, self.effects, chosen),
            persons=np.arange(people),
            noise={n: v[:, chosen] for n, v in self.noise.items()},
            fitted=self.fitted[:, chosen],
        )

    def quantiles(self, values: Floats, levels: Sequence[float]) -> Floats:
        """Return weighted quantiles of values of shape (..., n); shape (..., levels)."""
        return weighted_quantiles(values, self.weights, levels)

    def estimates(self, level: float = 0.95) -> dict[str, Estimate]:
        """Return the median and interval of every parameter that differs between people."""
        tail = (1 - level) / 2
        method = "posterior median and equal-tailed interval, sequential importance sampling"
        found = {}
        for name in self.effects:
            middle, low, high = self.quantiles(self.parameters[name], [0.5, tail, 1 - tail])
            found[name] = Estimate(float(middle), float(low), float(high), level, int(self.ess), method)
        return found

    def _path(self, entry: Any, until: float) -> Floats:
        known = self.noise[entry.name]
        weeks = max(len(known), int(np.ceil(until / entry.every)) + 1)
        if weeks == len(known):
            return known
        assert entry.sd is not None
        assert entry.time_constant is not None
        sd, keep = self.parameters[entry.sd], np.exp(-entry.every / self.parameters[entry.time_constant])
        rows = list(known)
        for week in range(len(known), weeks):
            draw = np.asarray(normal(self.seed, f"input:{entry.name}", self.persons, week))
            rows.append(keep * rows[-1] + np.sqrt(1 - keep**2) * sd * draw)
        return np.stack(rows)


def branch(run: Run) -> Run:
    """Return an independent copy of people on their way: the same past, doses and noise to come."""
    copy = Run(run.ensemble, run.state.copy(), run.seed, run.persons, [], run._tolerance, run._threads)
    if run._noise:
        raise ValueError("only a run whose noise is set from outside can be branched: take it from Posterior.run")
    copy._pending = list(run._pending)
    return copy


def fit_person(
    model: str | Path | Model,
    patient: Patient,
    *,
    people: int = 512,
    seed: int = 1,
    population: str | Population | None = "auto",
    progress: Callable[[float], None] | None = None,
) -> Posterior:
    """Infer one patient's parameters from doses and measurements.

    Parameters
    ----------
    model : str, Path or Model
        ``il6_blockade/gca``, any other model of the library, or a file.
    patient : Patient
        From `read_patient`.
    people : int
        Virtual people, a multiple of 16.
    seed : int
        Of all draws.
    population : str, Population or None
        From which covariates that the file does not give are drawn; ``auto`` takes that of the model's set of numbers,
        where there is one; None keeps them at the model's reference.
    progress : callable, optional
        Called with the share done, 0-1.

    Returns
    -------
    Posterior

    Raises
    ------
    InputError
        For a measure, covariate, parameter or dose that the model does not know.

    Notes
    -----
    Day 0 is the model's own start (untreated active disease), unless rows of kind ``parameter`` say otherwise.
    The ensemble begins around the most probable person, with the prior mixed in, and is tempered from there.

    Examples
    --------
    >>> from abate.inference.patient import parse_patient
    >>> text = "day,kind,name,value,unit\\n0,dose,tocilizumab,162,mg\\n7,measurement,drug-level,9.1,ug/mL"
    >>> posterior = fit_person("tocilizumab/ra", parse_patient(text), people=64, seed=1)
    >>> bool(posterior.estimates()["CL"].low < posterior.map["CL"]), float(round(sum(posterior.weights), 6))
    (True, 1.0)
    """
    chosen = model if isinstance(model, Model) else load(model)
    whose = _population(chosen, population)
    prior = Prior(chosen, patient, read_seen(patient, chosen), whose, seed)
    who = np.arange(people)
    bank = prior.draw(who)
    origins = prior.covariates(who)
    before = prior.course(bank, origins)
    likelihood = prior.seen.log_likelihood(before)
    best = bank[:, int(np.argmax(likelihood - 0.5 * np.sum(bank**2, axis=0)))] if prior.size else np.empty(0)
    if progress:
        progress(0.1)
    top = most_probable(prior, best)
    if progress:
        progress(0.2)

    def score(numbers: Floats, origin: npt.NDArray[np.int64]) -> Floats:
        covariates = {n: v[origin] for n, v in origins.items()}
        return prior.seen.log_likelihood(prior.course(numbers, covariates))

    # Half of the information of the measurements: wider than the posterior, narrower than the prior.
    precision = np.eye(prior.size) + 0.5 * top.slopes.T @ top.slopes
    root = np.linalg.cholesky(np.linalg.inv(precision))
    guess = Guess(top.numbers, root)
    cloud = temper(score, guess, people, seed, progress=lambda g: progress(0.2 + 0.75 * g) if progress else None)
    covariates = {n: v[cloud.origin] for n, v in origins.items()}
    parameters = prior.parameters(cloud.numbers, covariates)
    typical = prior.parameters(top.numbers[:, None], prior.typical(1))
    after = prior.course(np.column_stack([cloud.numbers, top.numbers]), _with_last(covariates, prior, people))
    fitted = prior.seen.predict(after)
    ess = _ess(cloud.numbers, cloud.weights)
    last = prior.seen.residuals(after)[:, -1]
    warnings = (*_surprises(prior.seen, before), *_misfits(prior.seen, last), *_too_few(ess, people))
    return Posterior(
        model=outside_noise(chosen),
        patient=patient,
        parameters=parameters,
        weights=cloud.weights,
        ess=ess,
        persons=who,
        seed=seed,
        day=float(patient.day),
        noise=prior.noise(cloud.numbers, parameters),
        map={n: float(v[0]) for n, v in typical.items()},
        fitted=fitted[:, :people],
        seen=prior.seen,
        prior=prior.parameters(bank, origins),
        warnings=warnings,
        effects=prior.effects,
        noises=prior.noises,
        inputs=prior.inputs(),
        diagnostics={
            "temperatures": list(cloud.temperatures),
            "accepted": cloud.accepted,
            "log_density_of_map": top.log_density,
        },
    )


def weighted_quantiles(values: Floats, weights: Floats, levels: Sequence[float]) -> Floats:
    """Return weighted quantiles along the last axis, by linear interpolation between midpoints of the weights.

    Examples
    --------
    >>> weighted_quantiles(np.array([1.0, 2.0, 3.0]), np.array([0.25, 0.5, 0.25]), [0.5])
    array([2.])
    """
    order = np.argsort(values, axis=-1)
    ranked = np.take_along_axis(values, order, axis=-1)
    mass = weights[order]
    middle = np.cumsum(mass, axis=-1) - 0.5 * mass
    flat = [np.interp(levels, m, r) for m, r in zip(middle.reshape(-1, weights.size), ranked.reshape(-1, weights.size),
                                                    strict=True)]  # fmt: skip
    return np.asarray(flat).reshape(*values.shape[:-1], len(levels))


def _doses(patient: Patient) -> list[Any]:
    from abate.engine.ensemble import Dose

    return [Dose(d.time, d.drug, d.route, d.amount, d.duration) for d in patient.doses]


def _population(model: Model, asked: str | Population | None) -> Population | None:
    if asked is None or isinstance(asked, Population):
        return asked
    if asked != "auto":
        return load_population(asked)
    name = model.name.partition(",")[0].partition("/")[2]
    return load_population(name) if name in population_names() else None


def _with_last(covariates: Mapping[str, Floats], prior: Prior, people: int) -> dict[str, Floats]:
    """Add the covariates of the most probable person at the end."""
    one = prior.typical(1)
    reference = {n: np.array([c.reference]) for n, c in prior.model.covariates.items()}
    return {n: np.append(v, one.get(n, reference[n])) for n, v in covariates.items()}


def _ess(numbers: Floats, weights: Floats) -> float:
    """Effective number of people, those who are copies of each other counted as one."""
    if not len(numbers):
        return effective(weights)
    _, same = np.unique(numbers, axis=1, return_inverse=True)
    return effective(np.asarray(np.bincount(same.reshape(-1), weights), dtype=np.float64))


def _distinct(parameters: Mapping[str, Floats], effects: Sequence[str], chosen: npt.NDArray[np.int64]) -> float:
    numbers = np.stack([parameters[n][chosen] for n in effects]) if effects else np.empty((0, chosen.size))
    return _ess(numbers, np.full(chosen.size, 1 / chosen.size))


def _surprises(seen: Seen, before: Mapping[str, Floats]) -> list[str]:
    """Name the measurements that hardly anybody of the prior would show."""
    from scipy.special import ndtr

    found = []
    for m, r in zip(seen.measurements, seen.residuals(before), strict=True):
        below = float(np.nanmean(ndtr(r)))
        tails = {"<": below, ">": 1 - below}
        chance = tails.get(m.censored, 2 * min(below, 1 - below))
        if chance < _SURPRISE / len(seen):
            found.append(
                f"the prior cannot explain {m.name} {m.censored}{m.value:g} on day {m.time:g}: probability {chance:.2g}"
            )
    return found


def _misfits(seen: Seen, residuals: Floats) -> list[str]:
    found = []
    for m, r in zip(seen.measurements, residuals, strict=True):
        off = {"<": r < -_FAR, ">": r > _FAR}.get(m.censored, abs(r) > _FAR)
        if off:
            found.append(
                f"even the most probable person misses {m.name} {m.censored}{m.value:g} on day {m.time:g} by "
                f"{abs(r):.1f} standard deviations of its error"
            )
    return found


def _too_few(ess: float, people: int) -> list[str]:
    enough = min(_FEW, people / 2)
    return [f"only {ess:.0f} effective people: ask for more than {people}"] if ess < enough else []
