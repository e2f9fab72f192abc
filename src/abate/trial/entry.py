"""In which state people enter a trial."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.ground.randomness import uniform
from abate.science.model import Model
from abate.trial.protocol import Trial

__all__ = ["entry_doses", "entry_parameters"]

Floats = npt.NDArray[np.float64]


def entry_doses(trial: Trial, persons: npt.NDArray[np.int64], seed: int) -> Floats:
    """Draw the prednisone that people take at entry, mg a day, shape (n,); NaN where the taper's first step says it."""
    doses = trial.entry.prednisone
    if doses is None:
        return np.full(persons.shape, np.nan)
    edges = np.cumsum(doses.share)[:-1]
    pick = np.searchsorted(edges, uniform(seed, "entry:prednisone", persons), side="right")
    return np.asarray(doses.mg)[pick]


def entry_parameters(trial: Trial, model: Model, start_dose: Floats) -> dict[str, Floats]:
    """Return the parameters that set the state at entry: numbers, or shares of the entry dose.

    Raises
    ------
    InputError
        If a parameter is unknown (the nearest is named), or the text is not ``0.7 of prednisone``.
    """
    if trial.entry.states is None:
        return {}
    values: dict[str, Floats] = {}
    for name, value in trial.entry.states.values.items():
        key = model.resolve(name)
        if isinstance(value, str):
            match = re.fullmatch(r"\s*([\d.]+)\s+of\s+prednisone\s*", value)
            if not match:
                allowed = "a number, or a share such as '0.7 of prednisone'"
                raise InputError(f"{trial.name}, entry.states.{name}", "not a value", value=value, allowed=allowed)
            if np.isnan(start_dose).any():
                raise InputError(
                    f"{trial.name}, entry.states.{name}", "a share of prednisone needs entry.prednisone", value=value
                )
            values[key] = float(match[1]) * start_dose
        else:
            values[key] = np.full(start_dose.shape, float(value))
    return values
