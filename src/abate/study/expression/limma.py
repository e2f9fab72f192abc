"""A linear second opinion: limma's moderated t on transformed counts, through inmoose where it is installed.

DESeq2 models counts; limma models their logarithm by a straight line and borrows variance between genes. Two models
that agree say more than either. The values are those of the variance-stabilising transformation, so that one prior
variance serves genes of every mean; inmoose's own trend of the variance needs a square matrix of all genes.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import metadata

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import null_space
from scipy.stats import false_discovery_control
from scipy.stats import t as student

from abate.ground.extras import optional, there
from abate.study.expression.design import Design

__all__ = ["LinearOpinion", "limma", "limma_installed"]

Floats = npt.NDArray[np.float64]

# edgeR's rule for what is expressed enough for a linear model (Chen 2016): so many reads in a sample of median size,
# in as many samples as the smaller side has, and so many in all.
_READS, _READS_IN_ALL = 10.0, 15.0
_FEWEST_GENES = 10


@dataclass(frozen=True)
class LinearOpinion:
    """What limma says.

    Attributes
    ----------
    genes : DataFrame indexed by gene
        ``log2_fold_change_limma, t_limma, p_limma, p_limma_adjusted``; empty for genes with too few reads.
    tested : int
    prior_df : float
        Degrees of freedom that the other genes lend to each.
    version : str
        Of inmoose.
    """

    genes: pd.DataFrame
    tested: int
    prior_df: float
    version: str


def limma_installed() -> bool:
    """Say whether inmoose is there."""
    return there("expression-limma")


def limma(counts: pd.DataFrame, stabilised: pd.DataFrame, design: Design) -> LinearOpinion | None:
    """Test the contrast by limma's moderated t.

    Parameters
    ----------
    counts, stabilised : DataFrame, genes x samples
        Counts, and the same on a log2-like scale with an even variance.
    design : Design

    Returns
    -------
    LinearOpinion or None
        None where fewer than ten genes have enough reads.

    Raises
    ------
    MissingExtra
        If inmoose is not installed.

    References
    ----------
    Smyth (2004), Statistical Applications in Genetics and Molecular Biology 3:3. Ritchie et al. (2015), Nucleic Acids
    Research 43:e47 (limma). Chen, Lun, Smyth (2016), F1000Research 5:1438 (which genes have enough reads).
    """
    samples = list(design.matrix.index)
    kept = _expressed(counts[samples], design)
    if int(kept.sum()) < _FEWEST_GENES:
        return None
    values = stabilised.loc[kept.to_numpy(), samples]
    slope, error, df, prior_df = _fitted(values, _turned(design))
    with np.errstate(all="ignore"):
        statistic = slope / error
    # Where every sample says the same, nothing varies and nothing is tested.
    p = np.where(np.isfinite(statistic), 2 * student.sf(np.abs(statistic), df), 1.0)
    columns = {"log2_fold_change_limma": slope, "t_limma": statistic, "p_limma": p}
    columns["p_limma_adjusted"] = false_discovery_control(columns["p_limma"], method="bh")
    genes = pd.DataFrame(columns, index=counts.index[kept]).reindex(counts.index)
    return LinearOpinion(genes, int(kept.sum()), prior_df, metadata.version("inmoose"))


def _expressed(counts: pd.DataFrame, design: Design) -> pd.Series:
    library = counts.sum(axis=0)
    needed = _READS * library / float(np.median(library))
    sides = design.positive
    smaller = int(min(sides.sum(), (~sides).sum())) if sides is not None else 2
    enough = counts.ge(needed, axis=1).sum(axis=1) >= max(2, smaller)
    return enough & (counts.sum(axis=1) >= _READS_IN_ALL)


def _turned(design: Design) -> Floats:
    """Return the design in coordinates of which the last is the contrast."""
    x, c = design.matrix.to_numpy(dtype=float), design.contrast
    return np.column_stack([x @ null_space(c[None, :]), x @ c / (c @ c)])


def _fitted(values: pd.DataFrame, design: Floats) -> tuple[Floats, Floats, Floats, float]:
    """Return slope, its moderated standard error and its degrees of freedom for every gene, and those of the prior.

    inmoose's ``eBayes`` (0.9) does the same and more, but fails where the prior has infinite degrees of freedom, as
    with few genes it often has.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # What its own dependencies warn of at import is about their future.
        warnings.simplefilter("ignore")
        limma = optional("inmoose.limma")
        fit = limma.lmFit(values, design)
        residual = np.asarray(fit.df_residual, dtype=float)
        squeezed = limma.squeezeVar(np.asarray(fit.sigma, dtype=float) ** 2, residual)
    prior = float(np.asarray(squeezed["df_prior"], dtype=float).ravel()[0])
    error = np.asarray(fit.stdev_unscaled, dtype=float)[:, -1] * np.sqrt(np.asarray(squeezed["var_post"], dtype=float))
    # Together genes cannot lend more than they have (Smyth 2004).
    return np.asarray(fit.coefficients, dtype=float)[:, -1], error, np.minimum(residual + prior, residual.sum()), prior
