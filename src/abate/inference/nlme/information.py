"""Standard errors: the curvature of the likelihood, and which direction in parameter space the data leave open."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.inference.nlme.course import Courses
from abate.inference.nlme.dataset import Dataset
from abate.inference.nlme.importance import Likelihood
from abate.inference.nlme.residual import spread
from abate.inference.nlme.structure import Parameters, Structure

__all__ = ["Curvature", "Flat", "check_identifiable", "flatten", "information", "polish"]

Floats = npt.NDArray[np.float64]

_SETTLED = 1e-4  # in log-likelihood
_FAR = 1.0  # in squared standard errors: about where a quadratic likelihood stops being one
_OPEN = 1e-4  # smallest over largest change of the predictions: the solver's own error is about as large


@dataclass(frozen=True)
class Flat:
    """Every estimated number in one vector, with names as results have them.

    Attributes
    ----------
    names : tuple of str
        ``CL`` (on the scale of its random effect), ``CL~WT``, ``eta.CL`` (variance), ``cov.CL.V``, ``add.sd``, ...
    values : ndarray
    """

    names: tuple[str, ...]
    values: Floats


def flatten(structure: Structure, data: Dataset, parameters: Parameters) -> Flat:
    """Put parameters into one vector."""
    names, values = [], []
    for j in structure.typical:
        names.append(structure.names[j])
        values.append(parameters.mu[j])
    for effect, value in zip(structure.effects, parameters.beta, strict=True):
        names.append(effect.text.replace(" ", ""))
        values.append(value)
    for name, entries in _entries(structure):
        names.append(name)
        values.append(parameters.omega[entries[0]])
    for k, column in _sigmas(structure):
        label = ("add.sd", "lnorm.sd" if structure.errors[k] == "exponential" else "prop.sd")[column]
        names.append(label if len(data.outputs) == 1 else f"{label}.{data.outputs[k]}")
        values.append(parameters.sigma[k, column])
    return Flat(tuple(names), np.array(values))


def restore(structure: Structure, flat: Floats, like: Parameters) -> Parameters:
    """Undo `flatten`."""
    q, effects = len(structure.typical), len(structure.effects)
    mu, omega, sigma = like.mu.copy(), like.omega.copy(), like.sigma.copy()
    mu[structure.typical] = flat[:q]
    place = q + effects
    for _, entries in _entries(structure):
        for i, j in entries:
            omega[i, j] = omega[j, i] = flat[place]
        place += 1
    for k, column in _sigmas(structure):
        sigma[k, column] = flat[place]
        place += 1
    return replace(like, mu=mu, beta=flat[q : q + effects].copy(), omega=omega, sigma=sigma)


def _entries(structure: Structure) -> list[tuple[str, list[tuple[int, int]]]]:
    """Return the estimated entries of the covariance: name, and where it stands."""
    names = structure.names
    found = [(name, [(j, j) for j in columns]) for name, columns in structure.variances]
    between = range(structure.between)
    pairs = [(i, j) for i in between for j in range(i) if structure.block[i, j]]
    return found + [(f"cov.{names[i]}.{names[j]}", [(i, j)]) for i, j in pairs]


def _sigmas(structure: Structure) -> list[tuple[int, int]]:
    used = {"additive": (0,), "proportional": (1,), "combined": (0, 1), "exponential": (1,)}
    return [(k, column) for k, kind in enumerate(structure.errors) for column in used[kind]]


@dataclass(frozen=True)
class Curvature:
    """The likelihood around some estimates: value, slope (p,) and covariance (p, p) of the estimates."""

    value: float
    slope: Floats
    covariance: Floats


def information(likelihood: Likelihood, parameters: Parameters) -> Curvature:
    """Return the curvature of the log-likelihood: the inverse of the observed information is the covariance.

    Central differences, with steps of a share of each number's own scale.
    """
    structure, data = likelihood.structure, likelihood.data
    flat = flatten(structure, data, parameters)
    steps = _steps(structure, flat, parameters)
    p = flat.values.size

    def value(offset: Floats) -> float:
        moved = restore(structure, flat.values + offset, parameters)
        return float(likelihood.by_subject(moved).sum())

    middle = value(np.zeros(p))
    unit = np.diag(steps)
    curvature = np.zeros((p, p))
    plus = np.array([value(unit[i]) for i in range(p)])
    minus = np.array([value(-unit[i]) for i in range(p)])
    for i in range(p):
        curvature[i, i] = (plus[i] - 2 * middle + minus[i]) / steps[i] ** 2
        for j in range(i):
            both = value(unit[i] + unit[j]) + value(-unit[i] - unit[j])
            cross = (both - plus[i] - minus[i] - plus[j] - minus[j] + 2 * middle) / (2 * steps[i] * steps[j])
            curvature[i, j] = curvature[j, i] = cross
    return Curvature(middle, (plus - minus) / (2 * steps), _inverse(-curvature, steps))


def polish(likelihood: Likelihood, parameters: Parameters, rounds: int = 3) -> tuple[Parameters, Curvature]:
    """Take the Monte Carlo noise out of SAEM's last digits: Newton steps on the likelihood of the kept samples.

    A step is taken only while it is short against the standard errors (so that the samples still fit) and the
    likelihood rises.
    """
    here = information(likelihood, parameters)
    structure, data = likelihood.structure, likelihood.data
    for _ in range(rounds):
        step = here.covariance @ here.slope
        gain = float(here.slope @ step)
        if not (np.isfinite(step).all() and _SETTLED < gain < _FAR):
            break
        flat = flatten(structure, data, parameters)
        tried = restore(structure, flat.values + step, parameters)
        if not _possible(structure, tried):
            break
        there = information(likelihood, tried)
        if not there.value > here.value:
            break
        parameters, here = tried, there
    return parameters, here


def _possible(structure: Structure, parameters: Parameters) -> bool:
    r = structure.random
    positive = bool(np.linalg.eigvalsh(parameters.omega[:r, :r]).min() > 0)
    return positive and bool((parameters.sigma >= 0).all())


def _steps(structure: Structure, flat: Flat, parameters: Parameters) -> Floats:
    """A twentieth of a random effect's spread for typical values, of the number itself for variances."""
    steps = []
    sd = np.sqrt(np.diag(parameters.omega))
    for name, value in zip(flat.names, flat.values, strict=True):
        if name in structure.names:
            row = structure.names.index(name)
            steps.append(0.05 * sd[row] if sd[row] > 0 else 0.02 * max(abs(value), 0.5))
        elif "~" in name:
            effect = next(e for e in structure.effects if e.text.replace(" ", "") == name)
            row = structure.names.index(effect.parameter)
            steps.append(0.05 * max(sd[row], 0.05) / max(float(np.std(effect.values)), 1e-9))
        elif name.startswith("cov."):
            _, one, other = name.split(".", 2)
            rows = [structure.names.index(n) for n in (one, other)]
            steps.append(0.03 * sd[rows[0]] * sd[rows[1]])
        else:
            steps.append(0.03 * max(abs(value), 1e-4))
    return np.array(steps)


def _inverse(matrix: Floats, scale: Floats) -> Floats:
    """Invert an information matrix in its own scale; a direction without information is infinitely uncertain."""
    scaled = matrix * np.outer(scale, scale)
    values, vectors = np.linalg.eigh(scaled)
    floor = 1e-9 * max(float(values.max()), 1e-300)
    inverse = (vectors / np.where(values > floor, values, np.nan)) @ vectors.T
    return np.asarray(inverse * np.outer(scale, scale))


def check_identifiable(structure: Structure, data: Dataset, courses: Courses) -> None:
    """Refuse parameters of which only a combination shows in the data.

    Raises
    ------
    InputError
        Naming the parameters and the direction in which predictions do not change.
    """
    mu, own = structure.start.mu, structure.typical
    q, step = len(own), 0.05
    centre = structure.centres(mu, structure.start.beta, data.subjects)
    phi = np.repeat(centre[:, None], 2 * q, axis=1)
    for place, j in enumerate(own):
        phi[:, 2 * place, j] += step
        phi[:, 2 * place + 1, j] -= step
    predicted = courses.predict(phi)
    base = courses.predict(centre[:, None])
    sd = spread(base, structure.start.sigma, structure.errors, data.output)
    slopes = (predicted[:, 0::2] - predicted[:, 1::2]) / (2 * step)
    exponential = np.array([e == "exponential" for e in structure.errors])[data.output]
    slopes[exponential] /= np.maximum(base[exponential], 1e-10)
    slopes = np.nan_to_num(slopes / sd)
    names = [structure.names[j] for j in own]
    sizes = np.sqrt(np.sum(slopes**2, axis=0))
    if (sizes <= _OPEN * sizes.max()).any():
        name = names[int(np.argmin(sizes))]
        raise InputError(data.name, "no observation depends on this parameter", value=name, hint=f"--fix {name}")
    _, singular, directions = np.linalg.svd(slopes / sizes, full_matrices=False)
    if singular[-1] < _OPEN * singular[0]:
        weights = directions[-1] / sizes
        weights = weights / np.abs(weights).max()
        parts = [(n, w) for n, w in zip(names, weights, strict=True) if abs(w) > 0.05]
        words = {"log": "log {}", "logit": "logit {}", "identity": "{}"}
        direction = " ".join(
            f"{w:+.2f} {words[structure.scales[structure.names.index(n)]].format(n)}" for n, w in parts
        )
        raise InputError(
            data.name,
            "the data cannot tell these parameters apart",
            value=", ".join(n for n, _ in parts),
            hint=f"predictions do not change along {direction}: fix one with --fix",
        )
