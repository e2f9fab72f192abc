"""Non-linear mixed effects: a population's parameters from NONMEM-format data.

::

    from abate.inference.nlme import fit_population
    fit = fit_population("pk1_oral", "theophylline.csv", seed=1)
    fit.estimates()["CL"], fit.minus_two_log_likelihood

Estimated by SAEM (Kuhn & Lavielle 2005, Comput Stat Data Anal 49:1020-1038); likelihood by importance sampling around
each subject's conditional distribution; standard errors from the observed information of that likelihood.
"""

from __future__ import annotations

from abate.inference.nlme.dataset import Dataset
from abate.inference.nlme.fit import PopulationFit, fit_population
from abate.inference.nlme.reading import read_dataset
from abate.inference.nlme.saem import Plan
from abate.inference.nlme.structure import Choices, Structure

__all__ = ["Choices", "Dataset", "Plan", "PopulationFit", "Structure", "fit_population", "read_dataset"]
