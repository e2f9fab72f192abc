"""People: covariates from a population file, parameters from a model's variability, one draw a person and purpose."""

from abate.science.population.covariates import Covariate, Population, WeightBand, load_population, population_names
from abate.science.population.ensembles import ParameterSets, ensemble_names, sets
from abate.science.population.people import draw

__all__ = [
    "Covariate",
    "ParameterSets",
    "Population",
    "WeightBand",
    "draw",
    "ensemble_names",
    "load_population",
    "population_names",
    "sets",
]
