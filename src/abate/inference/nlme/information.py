"""Standard errors: the curvature of the likelihood, and the last steps to its top."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from abate.inference.nlme.dataset import Dataset
from abate.inference.nlme.importance import Likelihood
from abate.inference.nlme.structure import Parameters, Structure

__all__ = ["Curvature", "Flat", "flatten", "information", "polish", "restore"]

Floats = npt.NDArray[np.float64]

_SETTLED = 1e-4  # in log-likelihood
_FAR = 1.0  # of a step, in squared standard errors: about where a quadratic likelihood stops being one
_FLAT = 1e-7  # smallest over largest curvature, in the parameters' own scales: below it there is none
_ROUNDS = 8


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
    """The likelihood around some estimates.

    Attributes
    ----------
    value : float
        Log-likelihood.
    covariance : ndarray, shape (p, p)
        Of `Flat`: the inverse of the observed information.
    open : tuple of str
        Parameters of a direction in which the likelihood has no curvature.
    by_scores : bool
        Whether the covariance is that of the subjects' scores, because of such a direction.
    moved : float
        How far the estimates came, in squared standard errors.
    """

    value: float
    covariance: Floats
    open: tuple[str, ...] = ()
    by_scores: bool = False
    moved: float = 0.0


@dataclass(frozen=True)
class _Surface:
    """The log-likelihood of kept samples over coordinates: variances and standard deviations by their logarithm."""

    likelihood: Likelihood
    like: Parameters
    names: tuple[str, ...]
    logged: npt.NDArray[np.bool_]
    steps: Floats

    @classmethod
    def of(cls, likelihood: Likelihood, parameters: Parameters) -> _Surface:
        structure = likelihood.structure
        flat = flatten(structure, likelihood.data, parameters)
        logged = np.array([n.startswith(("eta.", "iov.")) or _is_sd(n) for n in flat.names])
        return cls(likelihood, parameters, flat.names, logged, _steps(structure, flat, parameters))

    def place(self, parameters: Parameters) -> Floats:
        flat = flatten(self.likelihood.structure, self.likelihood.data, parameters).values
        return np.where(self.logged, np.log(np.maximum(flat, 1e-12)), flat)

    def parameters(self, place: Floats) -> Parameters:
        return restore(self.likelihood.structure, np.where(self.logged, np.exp(place), place), self.like)

    def by_subject(self, place: Floats) -> Floats:
        parameters = self.parameters(place)
        r = self.likelihood.structure.random
        if not np.linalg.eigvalsh(parameters.omega[:r, :r]).min() > 0:
            return np.full(self.likelihood.data.subjects, -np.inf)
        return self.likelihood.by_subject(parameters)

    def slopes(self, place: Floats) -> tuple[Floats, Floats, Floats]:
        """Return each subject's slopes, shape (subjects, p), and the sums one step ahead and behind, shape (p,)."""
        unit = np.diag(self.steps)
        ahead = np.stack([self.by_subject(place + u) for u in unit], axis=1)
        behind = np.stack([self.by_subject(place - u) for u in unit], axis=1)
        with np.errstate(invalid="ignore"):
            return (ahead - behind) / (2 * self.steps), ahead.sum(axis=0), behind.sum(axis=0)

    def curvature(self, place: Floats, ahead: Floats, behind: Floats) -> Floats:
        """Return minus the second derivatives, in units of the steps, shape (p, p)."""
        p, unit = self.steps.size, np.diag(self.steps)
        middle = float(self.by_subject(place).sum())
        found = np.diag(ahead - 2 * middle + behind)
        for i in range(p):
            for j in range(i):
                both = self.by_subject(place + unit[i] + unit[j]).sum()
                both += self.by_subject(place - unit[i] - unit[j]).sum()
                found[i, j] = found[j, i] = (both - ahead[i] - behind[i] - ahead[j] - behind[j] + 2 * middle) / 2
        return -found


def polish(likelihood: Likelihood, parameters: Parameters) -> tuple[Parameters, Curvature]:
    """Take the Monte Carlo noise out of SAEM's last digits, and return the curvature at the top.

    Newton steps on the likelihood of the kept samples, each at most a standard error long so that the samples still
    fit. A direction that curves the wrong way is climbed by its size.
    """
    surface = _Surface.of(likelihood, parameters)
    place = surface.place(parameters)
    value = float(surface.by_subject(place).sum())
    slopes, ahead, behind = surface.slopes(place)
    curved = surface.curvature(place, ahead, behind)
    moved = 0.0
    for _ in range(_ROUNDS):
        slope = slopes.sum(axis=0) * surface.steps
        step = _climb(curved, slope)
        gain = float(slope @ step)
        if not np.isfinite(gain) or gain < _SETTLED:
            break
        step *= min(1.0, float(np.sqrt(_FAR / gain)))
        share = next((s for s in (1.0, 0.5, 0.2) if _higher(surface, place + s * step * surface.steps, value)), 0.0)
        if not share:
            break
        place = place + share * step * surface.steps
        value, moved = float(surface.by_subject(place).sum()), moved + share**2 * min(gain, _FAR)
        slopes, ahead, behind = surface.slopes(place)
    if moved > 0:
        curved = surface.curvature(place, ahead, behind)
    found = surface.parameters(place)
    return found, replace(_covariance(surface, place, curved, slopes), value=value, moved=moved)


def information(likelihood: Likelihood, parameters: Parameters) -> Curvature:
    """Return the curvature of the log-likelihood where it is: the inverse of the observed information."""
    surface = _Surface.of(likelihood, parameters)
    place = surface.place(parameters)
    slopes, ahead, behind = surface.slopes(place)
    found = _covariance(surface, place, surface.curvature(place, ahead, behind), slopes)
    return replace(found, value=float(surface.by_subject(place).sum()))


def _higher(surface: _Surface, place: Floats, value: float) -> bool:
    return bool(float(surface.by_subject(place).sum()) > value)


def _climb(curved: Floats, slope: Floats) -> Floats:
    """Return a Newton step in units of the steps; directions without curvature are held to a step's size."""
    values, vectors = np.linalg.eigh(np.nan_to_num(curved))
    size = np.maximum(np.abs(values), 1e-4 * max(float(np.abs(values).max()), 1e-300))
    return np.asarray(vectors @ ((vectors.T @ np.nan_to_num(slope)) / size))


def _covariance(surface: _Surface, place: Floats, curved: Floats, slopes: Floats) -> Curvature:
    """Invert the information in its own scale; what has none is named, and the subjects' scores stand in for it."""
    root = np.sqrt(np.maximum(np.abs(np.diag(curved)), 1e-300))
    values, vectors = np.linalg.eigh(np.nan_to_num(curved / np.outer(root, root)))
    flat = values <= _FLAT * values.max()
    jacobian = np.where(surface.logged, np.exp(place), 1.0) * surface.steps
    if not flat.any():
        inverse = (vectors / values) @ vectors.T / np.outer(root, root)
        return Curvature(0.0, np.asarray(inverse * np.outer(jacobian, jacobian)))
    weights = np.abs(vectors[:, flat]).max(axis=1)
    named = tuple(n for n, w in zip(surface.names, weights, strict=True) if w > 0.3)
    scores = np.nan_to_num(slopes * surface.steps)
    values, vectors = np.linalg.eigh(scores.T @ scores)
    good = values > _FLAT * values.max()
    inverse = (vectors[:, good] / values[good]) @ vectors[:, good].T
    lost = np.abs(vectors[:, ~good]).max(axis=1, initial=0.0) > 0.3
    inverse[lost] = inverse[:, lost] = np.nan
    return Curvature(0.0, np.asarray(inverse * np.outer(jacobian, jacobian)), named, True)


def _is_sd(name: str) -> bool:
    return name.startswith(("add.sd", "prop.sd", "lnorm.sd"))


def _steps(structure: Structure, flat: Flat, parameters: Parameters) -> Floats:
    """A twentieth of a random effect's spread for typical values; of the logarithm of variances, three hundredths."""
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
            steps.append(0.03)
    return np.array(steps)
