"""Gene expression of the treated: unpaired against controls, paired before and after.

===================  ======================================================================================
`express`            two files to a finding (`analysis`)
`simulate_counts`    counts with known truth, for tests and teaching (`simulate`)
===================  ======================================================================================

Counts and sheets are read and checked (`read_counts`, `counts`, `sheet`); a design is planned, by name or by formula,
and
told before anything is estimated (`named_design`, `formula_design`, `contrast`, `design`); PyDESeq2 fits it (`fit`,
with
its numerics on all genes at once in `genewise` and `heavy_tail`); exchanging labels gives a second opinion (`relabel`);
gene sets (`gene_sets`); the smallest change that a study of this size can find (`detectable`); files (`write`).
"""

from __future__ import annotations

from abate.study.expression.analysis import Expression, express
from abate.study.expression.simulate import SimulatedCounts, simulate_counts

__all__ = ["Expression", "SimulatedCounts", "express", "simulate_counts"]
