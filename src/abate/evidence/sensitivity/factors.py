"""The numbers whose influence is measured: the calibrated ones, within their priors, and some that are assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit, logit

from abate.ground.errors import InputError
from abate.ground.files import library_path, load_toml
from abate.ground.quantity import Grade
from abate.ground.schema import read
from abate.science.model import Model
from abate.science.population import ParameterSets

__all__ = ["Factor", "factors", "parameter_sets"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Factor:
    """One number and how far it may lie from the model's.

    Attributes
    ----------
    label : str
        As people write it: ``disease.ED50``, ``disease.a spread``.
    name : str
        As the model has it.
    spread : bool
        True for the standard deviation of a random effect.
    centre, sd : float
        The model's value, and the standard deviation on `scale` about it.
    scale : {'log', 'logit'}
    calibrated : bool
    """

    label: str
    name: str
    spread: bool
    centre: float
    sd: float
    scale: Literal["log", "logit"]
    calibrated: bool

    def value(self, score: npt.ArrayLike) -> Floats:
        """Return the number at a standard score of its range.

        Examples
        --------
        >>> Factor("a", "a", False, 0.5, 1.0, "logit", True).value([0.0]).tolist()
        [0.5]
        """
        x = self.sd * np.asarray(score, dtype=float)
        if self.scale == "logit":
            return np.asarray(expit(logit(self.centre) + x))
        return np.asarray(self.centre * np.exp(x))


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    sd: float = Field(gt=0)
    scale: Literal["log", "logit"] = "log"
    source: str = Field(min_length=1)
    grade: Grade


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    factor: tuple[_Entry, ...]


def factors(model: Model) -> list[Factor]:
    """Return the numbers of a model whose influence is measured.

    Examples
    --------
    >>> from abate.science.model import load
    >>> "disease.ED50" in [f.label for f in factors(load("il6_blockade/gca"))]
    True
    """
    found = _calibrated(model)
    known = {(factor.name, factor.spread) for factor in found}
    for entry in read(_File, load_toml(library_path("targets", "sensitivity.toml"))).factor:
        try:
            name = model.resolve(entry.name)
        except InputError:
            continue  # the file serves every model; a number that this one lacks has no influence on it
        parameter = model.parameters.get(name)
        if parameter is not None and (name, False) not in known and parameter.value > 0:
            label = model.spell(name)
            found.append(Factor(label, name, False, parameter.value, entry.sd, entry.scale, False))
    if not found:
        raise InputError("NAME", "the model has no number whose influence is measured", value=model.name)
    return found


def _calibrated(model: Model) -> list[Factor]:
    """Return the numbers that a calibration of the library frees in this model, within their priors."""
    from abate.evidence.calibration.plan import calibrations, load_plan

    entry = model.name.partition(",")[0]
    found: dict[tuple[str, bool], Factor] = {}
    for plan in map(load_plan, calibrations()):
        for free in plan.free:
            if free.of == "trial" or entry not in free.models or free.scale == "linear":
                continue
            name = model.resolve(free.name)
            if name not in model.parameters:
                continue
            spread = free.of == "spread"
            centre = model.parameters[name].spread if spread else model.parameters[name].value
            label = model.spell(name) + (" spread" if spread else "")
            found[name, spread] = Factor(label, name, spread, centre, free.sd, free.scale, True)
    return list(found.values())


def parameter_sets(known: Sequence[Factor], scores: Floats) -> ParameterSets:
    """Return one set of numbers a row of standard scores, shape (sets, factors)."""
    typical = {f.name: f.value(scores[:, k]) for k, f in enumerate(known) if not f.spread}
    spread = {f.name: f.value(scores[:, k]) for k, f in enumerate(known) if f.spread}
    return ParameterSets(typical, spread)
