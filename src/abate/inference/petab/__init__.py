"""Parameters of an SBML model from a PEtab (version 2) problem: maximum likelihood, or maximum posterior with priors.

::

    from abate.inference.petab import fit_problem, read_problem
    fit = fit_problem(read_problem("problem.yaml"), seed=1)
    fit.estimates()["k1"]

References
----------
Schmiester 2021, PLoS Comput Biol 17:e1008646 (PEtab).
"""

from __future__ import annotations

from abate.inference.petab.estimation import ProblemFit, fit_problem
from abate.inference.petab.problem import Problem, read_problem

__all__ = ["Problem", "ProblemFit", "fit_problem", "read_problem"]
