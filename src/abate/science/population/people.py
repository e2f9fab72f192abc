"""People of a model: covariates of a population and one value a person for every parameter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abate.ground.randomness import normal
from abate.science.model import Model, individual_values, variability
from abate.science.population.covariates import Population, WeightBand
from abate.science.population.ensembles import ParameterSets

__all__ = ["draw"]

Floats = npt.NDArray[np.float64]


def draw(
    population: Population,
    model: Model,
    persons: npt.ArrayLike,
    seed: int,
    *,
    band: WeightBand | None = None,
    numbers: ParameterSets | None = None,
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Draw people: the same person has the same covariates and parameters in any company.

    Parameters
    ----------
    population : Population
        Whose covariates.
    model : Model
        Whose parameters and random effects.
    persons : array_like of int, shape (n,)
        Who.
    seed : int
        Of the run.
    band : WeightBand, optional
        Restrict body weight.
    numbers : ParameterSets, optional
        One set a person, ``sets.take(which)``: from which of the plausible populations each comes.

    Returns
    -------
    covariates, parameters : dict from name to ndarray, shape (n,)
        Covariates in the population's units; parameters in the model's.

    Examples
    --------
    >>> from abate.science.model import load
    >>> from abate.science.population import load_population
    >>> covariates, parameters = draw(load_population("ra"), load("tocilizumab/ra"), range(100), seed=1)
    >>> alone = draw(load_population("ra"), load("tocilizumab/ra"), [17], seed=1)
    >>> bool(alone[1]["CL"][0] == parameters["CL"][17])
    True
    """
    who = np.atleast_1d(np.asarray(persons, dtype=np.int64))
    covariates = population.draw(who, seed, band)
    known = {name: values for name, values in covariates.items() if name in model.covariates}
    normals = {name: normal(seed, f"parameter:{name}", who) for name in variability(model).names}
    parameters = individual_values(
        model,
        known,
        normals,
        typical=numbers.typical if numbers else None,
        spread=numbers.spread if numbers else None,
    )
    return covariates, {name: np.broadcast_to(values, who.shape).copy() for name, values in parameters.items()}
