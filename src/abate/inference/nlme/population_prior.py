"""What is believed of a population before its data: the prior of an ensemble sampler, on numbers without bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.randomness import normal
from abate.inference.nlme.fit import PopulationFit
from abate.inference.nlme.information import flatten, restore
from abate.inference.nlme.structure import Parameters, Structure

__all__ = ["PopulationPrior"]

Floats = npt.NDArray[np.float64]

_WIDE = 2.0  # spread of a typical value on the log or logit scale: a factor of 50 either way is within 95 %
_HALF = 1.0  # scale of a standard deviation of random effects on the log or logit scale, and of relative errors


@dataclass(frozen=True)
class PopulationPrior:
    """A prior of the numbers that `flatten` lists.

    Typical values are normal on the scale of their random effects; slopes are normal around 0; standard deviations of
    random effects and of residual errors are half-normal; correlations are uniform among those that are possible.

    Attributes
    ----------
    structure : Structure
    names : tuple of str
    kinds : tuple of str
        ``normal``, ``variance``, ``covariance`` or ``deviation`` of each.
    centre, scale : ndarray, shape (p,)
        Mean and standard deviation of a normal, or scale of a half-normal.
    like : Parameters
        Where everything that is not estimated comes from.
    """

    structure: Structure
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    centre: Floats
    scale: Floats
    like: Parameters

    @property
    def size(self) -> int:
        """How many numbers."""
        return len(self.names)

    @classmethod
    def of(cls, fit: PopulationFit, given: Mapping[str, tuple[float, ...]]) -> PopulationPrior:
        """Return the prior of a fit.

        Parameters
        ----------
        fit : PopulationFit
        given : mapping of name to tuple
            ``CL: (3, 0.3)`` is a typical value of 3 with a standard deviation of 0.3 on the scale of its random effect;
            ``CL~WT: (0.75, 0.1)`` a slope; ``eta.CL: (0.5,)`` and ``prop.sd: (0.3,)`` the scale of a standard
            deviation. What is not given is wide: around the model's own number with a standard deviation of 2 on the
            log scale.

        Raises
        ------
        InputError
            For a name that is not estimated, or a wrong count of numbers.
        """
        shape = fit.structure
        names = fit.flat.names
        kinds = tuple(_kind(n, shape) for n in names)
        centre, scale = np.zeros(len(names)), np.ones(len(names))
        for i, (name, kind) in enumerate(zip(names, kinds, strict=True)):
            centre[i], scale[i] = _usual(name, kind, fit)
        for name, numbers in given.items():
            key = name.replace(" ", "")
            if key not in names:
                raise InputError("--prior", "this is not estimated", value=name, allowed=names,
                                 hint=did_you_mean(key, names))  # fmt: skip
            i = names.index(key)
            wanted = 2 if kinds[i] == "normal" else 1
            if kinds[i] == "covariance" or len(numbers) != wanted or not numbers[-1] > 0:
                allowed = {"normal": f"{key}=TYPICAL,SD", "covariance": "none: correlations are uniform"}
                raise InputError("--prior", "not a prior", value=name, allowed=allowed.get(kinds[i], f"{key}=SCALE"))
            scale[i] = numbers[-1]
            if wanted == 2:
                centre[i] = shape.forward(shape.names.index(key), numbers[0]) if key in shape.names else numbers[0]
        return cls(shape, names, kinds, centre, scale, fit.trace.parameters)

    def words(self, name: str) -> str:
        """Describe the prior of a number."""
        i = self.names.index(name)
        if self.kinds[i] == "normal":
            on = f" on its {self.structure.scales[self.structure.names.index(name)]} scale" if "~" not in name else ""
            return f"normal{on}: {self.centre[i]:.3g}, SD {self.scale[i]:.3g}".replace(" identity", "")
        if self.kinds[i] == "covariance":
            return "uniform correlation"
        return f"SD half-normal, scale {self.scale[i]:.3g}"

    def log_density(self, vector: Floats) -> float:
        """Return the log density of a vector without bounds, but for a constant."""
        parts = []
        for kind, value, centre, scale in zip(self.kinds, vector, self.centre, self.scale, strict=True):
            if kind == "normal":
                parts.append(-0.5 * ((value - centre) / scale) ** 2)
            elif kind == "covariance":
                parts.append(np.log(max(1 - np.tanh(value) ** 2, 1e-300)))
            else:
                parts.append(-0.5 * (np.exp(min(value, 300.0)) / scale) ** 2 + value)
        total = float(np.sum(parts))
        if "covariance" in self.kinds:
            omega = self.parameters(vector).omega[: self.structure.random, : self.structure.random]
            if np.linalg.eigvalsh(omega).min() <= 1e-10:
                return -np.inf
        return total

    def parameters(self, vector: Floats) -> Parameters:
        """Turn a vector without bounds into a population."""
        flat = np.array(vector, dtype=float)
        deviation = {}
        for i, (name, kind) in enumerate(zip(self.names, self.kinds, strict=True)):
            if kind in ("variance", "deviation"):
                flat[i] = np.exp(np.clip(vector[i], -300, 300))
            if kind == "variance":
                deviation[name.partition(".")[2]] = flat[i]
                flat[i] = flat[i] ** 2
        for i, (name, kind) in enumerate(zip(self.names, self.kinds, strict=True)):
            if kind == "covariance":
                one, other = name.split(".")[1:]
                flat[i] = np.tanh(vector[i]) * deviation[one] * deviation[other]
        return restore(self.structure, flat, self.like)

    def vector(self, parameters: Parameters, fit: PopulationFit) -> Floats:
        """Undo `parameters`."""
        flat = flatten(self.structure, fit.data, parameters).values
        named = dict(zip(self.names, flat, strict=True))
        found = flat.copy()
        for i, (name, kind) in enumerate(zip(self.names, self.kinds, strict=True)):
            if kind == "variance":
                found[i] = 0.5 * np.log(max(flat[i], 1e-6))
            elif kind == "deviation":
                found[i] = np.log(max(flat[i], 1e-6))
            elif kind == "covariance":
                one, other = name.split(".")[1:]
                rho = flat[i] / np.sqrt(named[f"eta.{one}"] * named[f"eta.{other}"])
                found[i] = np.arctanh(np.clip(rho, -0.95, 0.95))
        return found

    def around(self, fit: PopulationFit, seed: int, ensemble: int, walkers: int) -> Floats:
        """Return where walkers begin, shape (walkers, p): around the estimates, as far as their standard errors."""
        middle = self.vector(fit.trace.parameters, fit)
        se = fit.standard_errors
        flat = fit.flat.values
        size = np.empty(self.size)
        for i, kind in enumerate(self.kinds):
            relative = se[i] / max(abs(flat[i]), 1e-12)
            size[i] = {"normal": se[i], "variance": relative / 2, "deviation": relative, "covariance": 0.3}[kind]
        size = np.clip(np.nan_to_num(size, nan=0.3, posinf=0.3), 1e-3, 0.5)
        noise = normal(seed, "bayes:start", np.arange(walkers)[:, None], ensemble * self.size + np.arange(self.size))
        return np.asarray(middle + size * noise)


def _kind(name: str, shape: Structure) -> str:
    if name in shape.names or "~" in name:
        return "normal"
    if name.startswith("cov."):
        return "covariance"
    return "variance" if name.startswith(("eta.", "iov.")) else "deviation"


def _usual(name: str, kind: str, fit: PopulationFit) -> tuple[float, float]:
    """Return centre and scale where nothing is given."""
    shape = fit.structure
    if name in shape.names:
        j = shape.names.index(name)
        value = shape.model.parameters[name].value
        wide = _WIDE if shape.scales[j] != "identity" else 10 * max(abs(value), 1.0)
        return shape.forward(j, value), wide
    if kind == "normal":
        effect = next(e for e in shape.effects if e.text.replace(" ", "") == name)
        return 0.0, _WIDE / max(float(np.std(effect.values)), 1e-9)
    if kind == "variance":
        j = shape.names.index(name.partition(".")[2])
        value = shape.model.parameters[shape.names[j]].value
        return 0.0, _HALF if shape.scales[j] != "identity" else 10 * max(abs(value), 1.0)
    if kind == "deviation" and name.startswith("add.sd"):
        output = name.partition("add.sd")[2].lstrip(".")
        k = fit.data.outputs.index(output) if output else 0
        return 0.0, float(np.std(fit.data.value[fit.data.output == k])) or 1.0
    return 0.0, _HALF
