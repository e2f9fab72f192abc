"""A population's fit, from the data set to estimates with standard errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.ground.results import Estimate
from abate.inference.nlme.course import Courses
from abate.inference.nlme.dataset import Dataset
from abate.inference.nlme.identifiable import check_identifiable
from abate.inference.nlme.importance import Conditional, Likelihood, conditional, importance
from abate.inference.nlme.information import Curvature, Flat, flatten, polish
from abate.inference.nlme.reading import read_dataset
from abate.inference.nlme.saem import Plan, Trace, run_saem
from abate.inference.nlme.starting import pooled_start
from abate.inference.nlme.structure import Choices, Parameters, Structure, structure
from abate.science.model import Model, load

__all__ = ["PopulationFit", "fit_population"]

Floats = npt.NDArray[np.float64]

_FAR = 2.0  # squared standard errors that the last steps may go before samples are drawn afresh
_AGAIN = 12  # so many times at most: each goes up to eight standard errors
_ROUGH = 0.7  # Monte Carlo error of -2 log-likelihood from which four times as many samples are drawn
_NEAR = 0.1  # and that the subjects' conditional distributions may lag behind


@dataclass(frozen=True)
class PopulationFit:
    """What a fit found.

    Attributes
    ----------
    structure : Structure
    data : Dataset
    trace : Trace
        Of the iterations; ``trace.parameters`` are the estimates.
    flat : Flat
        The estimates as one vector, typical values on the scale of their random effects.
    covariance : ndarray, shape (p, p)
        Of `flat`, from the observed information; NaN without standard errors.
    conditional : Conditional
        Each subject's parameters.
    likelihood : Likelihood
    seed : int
    warnings, notes : tuple of str
    """

    structure: Structure
    data: Dataset
    trace: Trace
    flat: Flat
    covariance: Floats
    conditional: Conditional
    likelihood: Likelihood
    courses: Courses
    seed: int
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def minus_two_log_likelihood(self) -> float:
        """Minus twice the log-likelihood, with all constants, by importance sampling."""
        return self.likelihood.minus_two(self.trace.parameters)

    @property
    def objective(self) -> float:
        """The same without ``n log(2 pi)`` of the uncensored observations, as NONMEM has it."""
        return self.minus_two_log_likelihood - float((~self.data.censored).sum()) * float(np.log(2 * np.pi))

    @property
    def standard_errors(self) -> Floats:
        """Of `flat`."""
        with np.errstate(invalid="ignore"):
            return np.sqrt(np.diag(self.covariance))

    def shrinkage(self) -> dict[str, float]:
        """Return 1 - sd(conditional means)/omega of every random effect; 0 is a well informed one."""
        now = self.trace.parameters
        centre = self.structure.centres(now.mu, now.beta, self.data.subjects)[:, : self.structure.random]
        eta = self.conditional.mean - centre
        found = {}
        for label, columns in self.structure.variances:
            seen = eta[:, columns][self.structure.present[:, columns]]
            key = label.removeprefix("eta.")
            found[key] = float(1 - seen.std(ddof=1) / np.sqrt(now.omega[columns[0], columns[0]]))
        return found

    def estimates(self, level: float = 0.95) -> dict[str, dict[str, Any]]:
        """Return every estimate with its interval, standard error and, on the log scale, the same there.

        A typical value is on its natural scale; its interval is that of the scale of its random effect. The interval of
        a variance or standard deviation is log-normal (from 0 on where its standard error is larger than itself), of a
        covariance or slope normal.
        """
        from scipy.special import ndtri

        z = float(ndtri(0.5 + level / 2))
        found: dict[str, dict[str, Any]] = {}
        for name, value, se in zip(self.flat.names, self.flat.values, self.standard_errors, strict=True):
            found[name] = self._row(name, float(value), float(se), z, level)
        return found

    def _row(self, name: str, value: float, se: float, z: float, level: float) -> dict[str, Any]:
        n = self.data.subjects
        method = "SAEM; interval from the observed information"
        if name in self.structure.names:
            j = self.structure.names.index(name)
            scale = self.structure.scales[j]
            ends = np.array([value, value - z * se, value + z * se])
            padded = np.repeat(ends[:, None], len(self.structure.names), axis=1)
            middle, low, high = self.structure.natural(padded)[:, j]
            slope = {"log": middle, "logit": middle * (1 - middle), "identity": 1.0}[scale]
            row = Estimate(float(middle), float(low), float(high), level, n, method).as_dict()
            unit = self.structure.model.parameters[name].unit
            row |= {"unit": "" if unit == "dimensionless" else unit, "se": se * float(slope)}
            return row | ({"scale": scale, "on_scale": value, "se_on_scale": se} if scale != "identity" else {})
        if name.startswith("cov.") or "~" in name:
            return Estimate(value, value - z * se, value + z * se, level, n, method).as_dict() | {"se": se}
        if not se < value:  # the logarithm knows no such variance: it may as well be 0
            return Estimate(value, 0.0 if np.isfinite(se) else se, value + z * se, level, n, method).as_dict() | {
                "se": se
            }
        ratio = float(np.exp(z * se / value))
        return Estimate(value, value / ratio, value * ratio, level, n, method).as_dict() | {"se": se}

    def payload(self) -> dict[str, Any]:
        """Return what results.json holds."""
        return {
            "model": self.structure.model.name,
            "model_hash": self.structure.model.hash,
            "dataset": self.data.name,
            "subjects": self.data.subjects,
            "observations": int(self.data.value.size),
            "censored": int(self.data.censored.sum()),
            "time_unit": self.data.time_unit,
            "residual_error": dict(zip(self.data.outputs, self.structure.errors, strict=True)),
            "parameters": self.estimates(),
            "minus_two_log_likelihood": self.minus_two_log_likelihood,
            "objective": self.objective,
            "likelihood_monte_carlo_se": self.likelihood.error(self.trace.parameters),
            "shrinkage": self.shrinkage(),
            "eta_correlations": self._eta_correlations(),
            "warnings": list(self.warnings),
            "notes": list(self.notes),
        }

    def _eta_correlations(self) -> dict[str, float]:
        """Correlations of the random effects over subjects and draws of their conditional distributions."""
        r = self.structure.between
        now = self.trace.parameters
        centre = self.structure.centres(now.mu, now.beta, self.data.subjects)[:, None, :r]
        eta = (self.conditional.draws[:, :, :r] - centre).reshape(-1, r)
        matrix = np.atleast_2d(np.corrcoef(eta.T))
        names = self.structure.names
        return {f"{names[i]}, {names[j]}": float(matrix[i, j]) for i in range(r) for j in range(i)}


def fit_population(
    model: str | Path | Model,
    dataset: str | Path | Dataset,
    *,
    seed: int = 1,
    choices: Choices | None = None,
    plan: Plan | None = None,
    outputs: tuple[str, ...] = (),
    time_unit: str | None = None,
    samples: int = 2000,
    threads: int | None = None,
    values: Mapping[str, float] | None = None,
    progress: Callable[[float, Mapping[str, float]], None] | None = None,
    checkpoint: Path | None = None,
) -> PopulationFit:
    """Fit a population by SAEM.

    Parameters
    ----------
    model : str, Path or Model
        Any model that loads. Its typical values and spreads are where the fit starts; parameters with a spread are
        estimated with a random effect, the others are held unless `choices` says otherwise.
    dataset : str, Path or Dataset
        NONMEM-format CSV.
    seed : int
        Of all draws.
    choices : Choices, optional
        Covariates, correlations, error models, what to fix.
    plan : Plan, optional
        Iterations and chains.
    outputs, time_unit
        See `read_dataset`.
    samples : int
        A subject, for likelihood and standard errors.
    threads : int, optional
        Of the solver; the result does not depend on it.
    values : mapping of name to float, optional
        Other starting values.
    progress : callable, optional
        Called with the share done and the typical values so far.
    checkpoint : Path, optional
        See `run_saem`.

    Returns
    -------
    PopulationFit

    Raises
    ------
    InputError
        For what is wrong with the data set or the choices, and for parameters that the data cannot tell apart.
    """
    chosen = model if isinstance(model, Model) else load(model)
    if values:
        chosen = chosen.with_values(values)
    data = (
        dataset if isinstance(dataset, Dataset) else read_dataset(dataset, chosen, outputs=outputs, time_unit=time_unit)
    )
    shape = structure(chosen, data, choices or Choices())
    courses = Courses(shape, data, threads)
    shape = replace(shape, start=replace(shape.start, mu=pooled_start(shape, data, courses, seed)))
    check_identifiable(shape, data, courses)

    def tell(share: float, now: Parameters) -> None:
        if progress:
            progress(0.8 * share, _typical(shape, now))

    trace = run_saem(shape, data, courses, seed, plan, progress=tell, checkpoint=checkpoint)
    given = conditional(shape, data, courses, trace.parameters, trace.phi, seed)
    near = importance(shape, data, courses, trace.parameters, given, seed, samples)
    here, curvature = polish(near, trace.parameters)
    for again in range(_AGAIN):
        if curvature.moved <= _FAR:
            break
        # SAEM stopped short of the top, where the likelihood is flat or a parameter without a random effect crept along
        # a ridge: samples drawn afresh, where the steps have led
        start = trace.phi if not again else given.draws[:, -trace.phi.shape[1] :]
        fresh = seed + 1 if not again else seed + 3 + again
        given = conditional(shape, data, courses, here, start, fresh)
        near = importance(shape, data, courses, here, given, fresh, samples)
        here, curvature = polish(near, here)
    short = curvature.moved > _FAR
    if near.error(here) > _ROUGH:
        near = importance(shape, data, courses, here, given, seed + 3, 4 * samples)
        here, curvature = polish(near, here)
    if curvature.moved > _NEAR:
        given = conditional(shape, data, courses, here, given.draws[:, -trace.phi.shape[1] :], seed + 2)
    if progress:
        progress(1.0, _typical(shape, here))
    trace = replace(trace, parameters=here)
    flat = flatten(shape, data, here)
    warnings = _warnings(shape, data, flat, curvature, near, trace)
    if short:
        warnings = (*warnings, "the estimates were still moving at the end: ask for more --iterations, or begin nearer")
    notes = (*data.notes, *_held(shape), *_unused(shape, data))
    return PopulationFit(
        shape, data, trace, flat, curvature.covariance, given, near, courses, seed, warnings, notes
    )  # fmt: skip


def _typical(shape: Structure, now: Parameters) -> dict[str, float]:
    values = shape.natural(now.mu[None])[0]
    return {shape.names[j]: float(values[j]) for j in shape.typical}


def _held(shape: Structure) -> list[str]:
    """Say what is not estimated: whoever brings data of another drug must know."""
    model = shape.model
    conversions = {n for n, p in model.parameters.items() if p.grade == "verified" and p.source == "definition"}
    held = [n for n in model.parameters if n not in shape.names and n not in conversions]
    if not held:
        return []
    shown = ", ".join(f"{model.spell(n)} {model.parameters[n].value:g}" for n in held[:6])
    more = f" and {len(held) - 6} more" if len(held) > 6 else ""
    return [f"held at the model's value: {shown}{more}; --estimate NAME estimates one"]


def _unused(shape: Structure, data: Dataset) -> list[str]:
    """Say what the file has and the fit does not use."""
    found = []
    if data.occasions.max(initial=0) > 1 and not shape.occasions:
        found.append("column OCC is not used; --iov NAME lets a parameter vary between occasions")
    upper = {n.upper() for n in shape.model.covariates}
    found += [
        f"{name} varies within ID {who:g}: its first value is used"
        for name, who in data.varying.items()
        if name.upper() in upper
    ]
    return found


def _warnings(
    shape: Structure, data: Dataset, flat: Flat, curvature: Curvature, likelihood: Likelihood, trace: Trace
) -> tuple[str, ...]:
    found = list(shape.model.warnings)
    if curvature.by_scores:
        found.append(
            f"the likelihood has no curvature along {', '.join(curvature.open)}: standard errors are those of the "
            "subjects' scores; a simpler model may serve (--no-eta, --fix)"
        )
    se = np.sqrt(np.maximum(np.diag(curvature.covariance), 0))
    for name, value, error in zip(flat.names, flat.values, se, strict=True):
        if not np.isfinite(error):
            found.append(f"{name}: no standard error")
        elif name.startswith(("eta.", "iov.")) and error > value:
            option = f"--no-eta {name[4:]}" if name.startswith("eta.") else "leave --iov out"
            found.append(
                f"{name}: its standard error is larger than the variance itself; data may not inform it ({option})"
            )
    error = likelihood.error(trace.parameters)
    if error > 1:
        found.append(f"the likelihood has a Monte Carlo error of {error:.1f}; ask for more --samples")
    if data.subjects < 2 * shape.between:
        found.append(f"{data.subjects} subjects for {shape.between} random effects: variances are hardly informed")
    return tuple(found)
