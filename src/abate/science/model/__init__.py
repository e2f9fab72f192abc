"""Models: Antimony or SBML and numbers in TOML, checked and frozen; the equations as SymPy.

Names
-----
A model of the library is loaded with its set of numbers: ``load("il6_blockade/gca")``, ``load("tocilizumab/ra")``.
Inside a composed model a module's own names carry its prefix (``tocilizumab_CL``, written ``tocilizumab.CL`` by
people); names that modules share have none (``C``, ``il6``, ``D``).
"""

from abate.science.model.corrections import Correction, correct, corrections
from abate.science.model.equations import TIME, ScheduledDose, Species
from abate.science.model.loading import available, load
from abate.science.model.model import Covariate, DoseTarget, Input, Model, Output, Parameter, Residual
from abate.science.model.variability import Variability, individual_values, variability

__all__ = [
    "TIME",
    "Correction",
    "Covariate",
    "DoseTarget",
    "Input",
    "Model",
    "Output",
    "Parameter",
    "Residual",
    "ScheduledDose",
    "Species",
    "Variability",
    "available",
    "correct",
    "corrections",
    "individual_values",
    "load",
    "variability",
]
