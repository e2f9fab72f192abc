"""Figures of gene expression, as functions that return a plotly figure.

============================  ======================================================================================
samples                       `scores`, `principal_components`, `distances`, `library_sizes`
all genes                     `mean_difference`, `volcano`, `agreement_scatter`, `power_curve`
a few genes, by person        `top_genes` (arrows where paired), `gene_heatmap`
============================  ======================================================================================
"""

from __future__ import annotations

from abate.report.expression_gene_figures import agreement_scatter, mean_difference, power_curve, volcano
from abate.report.expression_marks import levels
from abate.report.expression_person_figures import gene_heatmap, top_genes
from abate.report.expression_sample_figures import distances, library_sizes, principal_components, scores

__all__ = [
    "agreement_scatter",
    "distances",
    "gene_heatmap",
    "levels",
    "library_sizes",
    "mean_difference",
    "power_curve",
    "principal_components",
    "scores",
    "top_genes",
    "volcano",
]
