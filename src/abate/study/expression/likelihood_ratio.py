"""The likelihood-ratio test: does the model lose when some of its columns are left out?

The Wald test asks about one contrast. The likelihood ratio can ask about several columns at once: whether a gene
changes at any of three visits. PyDESeq2 0.5 has no such test; here the smaller model is fitted by the same iterated
weighted least squares, on the dispersions that PyDESeq2 estimated under the larger one, as DESeq2 does.

References
----------
Love, Huber, Anders (2014). Moderated estimation of fold change and dispersion for RNA-seq data with DESeq2. Genome
Biology 15:550.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2
from scipy.stats import f as fisher

from abate.ground.errors import InputError
from abate.study.expression.counts import few
from abate.study.expression.design import Design
from abate.study.expression.formula_design import model_matrix

__all__ = ["TESTS", "likelihood_ratio", "ratio_p", "with_reduced"]

Floats = npt.NDArray[np.float64]

TESTS = ("wald", "lrt")
_SAME = 1e-8


def with_reduced(design: Design, formula: str | None = None, table: pd.DataFrame | None = None) -> Design:
    """Give a design the smaller model that a likelihood-ratio test compares it with.

    Parameters
    ----------
    design : Design
    formula : str, optional
        Of the smaller model, with a leading ``~``. Without it, every column that speaks of the tested factor goes.
    table : DataFrame indexed by sample, optional
        Columns that the formula names, of `formula_table`.

    Raises
    ------
    InputError
        If the formula cannot be read, or the smaller model is no part of the larger one or the same.

    Examples
    --------
    >>> from abate.study.expression import simulate_counts
    >>> from abate.study.expression.named_design import plan_design
    >>> from abate.study.expression.sheet import SampleSheet
    >>> sheet = simulate_counts(10, changed=1, design="before vs after", patients=3).samples
    >>> plan = plan_design(SampleSheet(sheet, {"subject": "subject", "time": "time"}, "samples.csv"))
    >>> with_reduced(plan).left_out
    ('time[T.after]',)
    """
    reduced = _without_factor(design) if formula is None else _built(design, formula, table)
    full = design.matrix.to_numpy(dtype=float)
    kept = reduced.to_numpy(dtype=float)
    outside = np.abs(kept - full @ np.linalg.lstsq(full, kept, rcond=None)[0]).max(axis=0, initial=0.0) > _SAME
    if outside.any():
        raise InputError(
            "--reduced", "it has columns that are not in the design", value=few(reduced.columns[outside]),
            allowed=few(design.matrix.columns, 8),
        )  # fmt: skip
    if np.linalg.matrix_rank(kept) == np.linalg.matrix_rank(full):
        raise InputError(
            "--reduced", "it leaves nothing out", value=formula or design.formula, hint="leave out what is to be tested"
        )
    out = tuple(str(c) for c in design.matrix.columns if str(c) not in set(map(str, reduced.columns)))
    return replace(design, reduced=reduced, left_out=out)


def _without_factor(design: Design) -> pd.DataFrame:
    """Return the columns that do not speak of the tested factor; at least the tested coefficient goes."""
    names = [str(c) for c in design.matrix.columns]
    if design.name != "formula" or design.label in names:
        gone = design.contrast != 0
    else:
        own = re.compile(rf"(?:C\()?{re.escape(_plain(design, names))}\)?(?:\[.*\])?")
        gone = np.array([any(own.fullmatch(part) for part in name.split(":")) for name in names]) | (
            design.contrast != 0
        )
        if design.contrast[gone].sum() == 0 and (design.contrast != 0).sum() > 1:
            # One coefficient a level and no intercept: without the factor all levels share one.
            shared = design.matrix.loc[:, gone].sum(axis=1).rename("Intercept")
            joined: pd.DataFrame = pd.concat([shared, design.matrix.loc[:, ~gone]], axis=1)
            return joined
    rest: pd.DataFrame = design.matrix.loc[:, ~gone]
    return rest


def _plain(design: Design, names: list[str]) -> str:
    """Return the factor as the columns of the matrix spell it (``cell.type`` is ``cell_type`` there)."""
    tested = names[int(np.abs(design.contrast).argmax())]
    return re.split(r"[\[:]", tested)[0].removeprefix("C(").removesuffix(")")


def _built(design: Design, formula: str, table: pd.DataFrame | None) -> pd.DataFrame:
    if not formula.lstrip().startswith("~"):
        raise InputError("--reduced", "a formula starts with ~", value=formula, allowed="~ subject")
    frame = pd.DataFrame(index=design.matrix.index) if table is None else table.loc[design.matrix.index]
    if formula.replace("~", "", 1).strip() in ("1", ""):
        return pd.DataFrame({"Intercept": 1.0}, index=frame.index)
    return model_matrix(formula, frame, "--reduced")


def likelihood_ratio(dataset: Any, inference: Any, reduced: pd.DataFrame) -> Floats:
    """Return twice the drop of the log likelihood for every gene; NaN where a gene was not fitted.

    Parameters
    ----------
    dataset : pydeseq2.dds.DeseqDataSet
        Fitted.
    inference : pydeseq2.inference.Inference
        Its `irls` fits the smaller model.
    reduced : DataFrame, samples x coefficients
    """
    counts = np.array(dataset.X, dtype=float)
    if "refitted" in dataset.var and bool(dataset.var["refitted"].any()):
        # Where outliers were replaced, both models see the replaced counts, as in DESeq2.
        counts[:, dataset.var["refitted"].to_numpy(dtype=bool)] = dataset.counts_to_refit.X
    size = np.asarray(dataset.obs["size_factors"], dtype=float)
    dispersion = np.asarray(dataset.var["dispersions"], dtype=float)
    beta = np.asarray(dataset.varm["LFC"], dtype=float)
    fitted = np.isfinite(dispersion) & np.isfinite(beta).all(axis=1)
    x = dataset.obsm["design_matrix"].to_numpy(dtype=float)
    y, a = counts[:, fitted], dispersion[fitted]
    full = size[:, None] * np.exp(x @ beta[fitted].T)
    smaller = inference.irls(
        counts=y, size_factors=size, design_matrix=reduced.to_numpy(dtype=float), disp=a,
        min_mu=dataset.min_mu, beta_tol=dataset.beta_tol,
    )[1]  # fmt: skip
    statistic = np.full(dispersion.size, np.nan)
    # A fit that stopped a hair too early must not make the ratio negative.
    statistic[fitted] = np.maximum(2 * (_log_likelihood(y, full, a) - _log_likelihood(y, smaller, a)), 0.0)
    return statistic


def _log_likelihood(y: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Return the negative binomial log likelihood of each gene (columns), up to what does not move with the mean."""
    r, m = 1 / dispersion, np.maximum(mean, 1e-300)
    likelihood: Floats = (y * np.log(m) - (y + r) * np.log(r + m)).sum(axis=0)
    return likelihood


def ratio_p(statistic: Floats, left_out: int, tail_df: float = np.inf) -> Floats:
    """Return the p value of a likelihood ratio.

    Parameters
    ----------
    statistic : ndarray
    left_out : int
        How many coefficients the smaller model lacks.
    tail_df : float
        Infinite takes the chi-square distribution, which holds the dispersion for known; otherwise the F distribution
        with so many degrees of freedom in its denominator (with one coefficient the square of a t).

    Examples
    --------
    >>> ratio_p(np.array([3.841459]), 1).round(4), ratio_p(np.array([3.841459]), 1, 10.0).round(4)
    (array([0.05]), array([0.0784]))
    """
    p: Floats = (
        chi2.sf(statistic, left_out) if np.isinf(tail_df) else fisher.sf(statistic / left_out, left_out, tail_df)
    )
    return p
