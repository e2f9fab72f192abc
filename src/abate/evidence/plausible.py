"""The plausible sets of a model's calibrated numbers, from which every prediction of this room is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from abate.ground.randomness import uniform
from abate.science.model import Model
from abate.science.population import ParameterSets, ensemble_names, sets

__all__ = ["plausible"]


def plausible(model: Model, *, fixed: Mapping[str, Any] | None = None, seed: int = 1) -> ParameterSets | None:
    """Return the ensemble of a model's numbers in a seeded order; None where the library holds none for it.

    Parameters
    ----------
    model : Model
    fixed : mapping, optional
        Numbers that somebody set: they have no uncertainty.
    seed : int
        Of the order, so that the first few sets are a fair sample of all.
    """
    if model.name.partition(",")[0] not in ensemble_names():
        return None
    found = sets(model)
    known = {model.resolve(name) for name in fixed or {}}
    kept = ParameterSets({n: v for n, v in found.typical.items() if n not in known}, found.spread)
    if not kept.number:
        return None
    return kept.take(np.argsort(uniform(seed, "parameter-sets", np.arange(kept.number))))
