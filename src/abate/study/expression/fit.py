"""The fit: PyDESeq2's size factors, dispersions, Wald test, outliers, filtering and shrinkage, for one design and
contrast."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import polygamma
from scipy.stats import t as student

from abate.ground.errors import InputError, SolveError
from abate.ground.extras import optional
from abate.study.expression.design import Design
from abate.study.expression.likelihood_ratio import likelihood_ratio, ratio_p

__all__ = ["ADJUST_BY", "Fit", "fit_expression"]

ADJUST_BY = ("auto", "moderated", "wald")

# From so many residual degrees of freedom on, 'auto' takes the normal tail, as DESeq2 always does. Below, it lets
# more than
# 7 % false discoveries through at a nominal 5 % (docs/expression.md has the table); above, the two tails agree.
_NORMAL_FROM = 60

# What PyDESeq2 warns of, in words for the reader; anything else is passed on as it is.
_TOLD = {
    "dispersion trend curve fitting did not converge": "dispersions show no trend with expression; their mean is used",
    "degrees of freedom is less than 3": "with so few samples the spread of the dispersions is itself uncertain",
    "had NaN/infinite values during LFC shrinkage": "some fold changes could not be shrunk and are shown as they are",
}


@dataclass(frozen=True)
class Fit:
    """A fitted experiment.

    Attributes
    ----------
    genes : DataFrame indexed by gene
        ``base_mean, log2_fold_change, se, statistic, p, p_adjusted, p_moderated, log2_fold_change_shrunken,
        se_shrunken, dispersion``.
    size_factors : Series indexed by sample
    coefficients : DataFrame, genes x coefficients
        Natural log scale.
    normalised, stabilised : DataFrame, genes x samples
        Counts over size factors; the same after the variance stabilising transformation (log2 scale for large counts).
    tail_df : float
        Degrees of freedom of the t tail behind `p_adjusted`; infinite where it is the normal tail.
    prior_df : float
        What the prior of the dispersions is worth.
    wald : Series indexed by gene
        Wald statistic of the contrast, also where the likelihood ratio is the test.
    notes : tuple of str
    """

    genes: pd.DataFrame
    size_factors: pd.Series
    coefficients: pd.DataFrame
    normalised: pd.DataFrame
    stabilised: pd.DataFrame
    tail_df: float
    prior_df: float
    wald: pd.Series
    notes: tuple[str, ...]

    @property
    def signed(self) -> pd.Series:
        """The statistic that the genes are ordered by, with the sign of the fold change; of a ratio the root."""
        size = self.genes["statistic"].abs()
        same = self.genes["statistic"].equals(self.wald)
        signed: pd.Series = (size if same else np.sqrt(size)) * np.sign(self.wald)
        return signed


def fit_expression(
    counts: pd.DataFrame, design: Design, *, alpha: float = 0.05, shrink: bool = True, adjust_by: str = "auto"
) -> Fit:
    """Fit a negative binomial model to every gene and test the contrast.

    Parameters
    ----------
    counts : DataFrame, genes x samples
    design : Design
        Its samples must be among those of the counts.
    alpha : float
        Level for which independent filtering is tuned.
    shrink : bool
        Whether to shrink fold changes (apeglm); done where the contrast is one coefficient.
    adjust_by : {"auto", "moderated", "wald"}
        Which p values are adjusted: the Wald test's (DESeq2), or those of a t tail with residual plus prior degrees
        of freedom
        (as in limma), which keeps the false discoveries of a small study at bay. "auto" takes the latter below 60
        residual
        degrees of freedom. The column ``p`` is always DESeq2's.

    Raises
    ------
    InputError
        If an option is unknown or no gene can be fitted.
    SolveError
        If the fit fails.

    References
    ----------
    Love, Huber, Anders (2014), Genome Biology 15:550. Zhu, Ibrahim, Love (2019), Bioinformatics 35:2084.
    Smyth (2004), Statistical Applications in Genetics and Molecular Biology 3:3 (the moderated t).

    Examples
    --------
    >>> from abate.study.expression import simulate_counts
    >>> from abate.study.expression.named_design import plan_design
    >>> from abate.study.expression.sheet import SampleSheet
    >>> data = simulate_counts(300, changed=10, patients=4, controls=4)
    >>> sheet = SampleSheet(data.samples, {"subject": "subject", "group": "group"}, "samples.csv")
    >>> fit = fit_expression(data.counts, plan_design(sheet))
    >>> called = fit.genes["p_adjusted"] < 0.05
    >>> bool(data.truth.loc[called, "changed"].mean() > 0.8)
    True
    """
    if adjust_by not in ADJUST_BY:
        raise InputError("--adjust-by", "there is no such way", value=adjust_by, allowed=ADJUST_BY)
    counts = counts[list(design.matrix.index)]
    if int((counts.to_numpy() > 0).any(axis=1).sum()) < 2:
        raise InputError("counts", "fewer than two genes have a count in these samples", hint="check the files")
    with _quiet() as caught, _one_thread():
        dataset, tested, notes = _run(counts, design, alpha)
        wald, prior_df = tested.statistics.copy(), _prior_df(float(dataset.uns["prior_disp_var"]))
        tail = design.residual_df + prior_df
        raw, moderated = _p_values(dataset, tested, design, tail)
        small = adjust_by == "moderated" or (adjust_by == "auto" and design.residual_df < _NORMAL_FROM)
        if small:
            # The filtering and adjustment below work on the p values that the object holds.
            tested.p_values = moderated.copy()
        tested.summary()
        genes = _table(dataset, tested, raw, moderated)
        shrunken = _shrunken(tested, design) if shrink else None
    if shrunken is not None:
        genes["log2_fold_change_shrunken"], genes["se_shrunken"] = shrunken
    normalised = pd.DataFrame(dataset.layers["normed_counts"].T, index=counts.index, columns=counts.columns)
    return Fit(
        genes,
        pd.Series(np.asarray(dataset.obs["size_factors"], dtype=float), index=counts.columns, name="size_factor"),
        pd.DataFrame(np.asarray(dataset.varm["LFC"]), index=counts.index, columns=design.matrix.columns),
        normalised,
        _stabilised(normalised, dataset),
        float(tail) if small else float("inf"),
        prior_df,
        wald.astype(float),
        (*notes, *_told(caught)),
    )


def _run(counts: pd.DataFrame, design: Design, alpha: float) -> tuple[Any, Any, list[str]]:
    dds, ds = optional("pydeseq2.dds"), optional("pydeseq2.ds")
    from abate.study.expression.genewise import BlockInference

    notes = []
    # Median of ratios needs a gene that every sample has; without one, ratios of what is there.
    ratio = bool((counts.to_numpy() > 0).all(axis=1).any())
    if not ratio:
        notes.append("no gene is counted in every sample; size factors are from the counts above zero")
    inference = BlockInference()
    try:
        dataset = dds.DeseqDataSet(
            counts=counts.T,
            metadata=pd.DataFrame({"sample": list(counts.columns)}, index=counts.columns),
            design=design.matrix,
            size_factors_fit_type="ratio" if ratio else "poscounts",
            inference=inference,
            quiet=True,
        )
        dataset.deseq2()
        tested = ds.DeseqStats(dataset, contrast=design.contrast, alpha=alpha, inference=inference, quiet=True)
        tested.run_wald_test()
    except (ValueError, FloatingPointError, np.linalg.LinAlgError) as error:
        raise SolveError(f"the model could not be fitted ({error}); try a design with fewer terms") from error
    return dataset, tested, notes


def _p_values(dataset: Any, tested: Any, design: Design, tail: float) -> tuple[pd.Series, pd.Series]:
    """Return p values with the dispersion held for known, and with it estimated; for a ratio, put it in its place."""
    if design.reduced is None:
        raw = tested.p_values.copy()
        return raw, pd.Series(2 * student.sf(np.abs(tested.statistics), tail), index=raw.index)
    # Genes that are silent once their outliers are replaced have a Wald p of 1, and change nothing here either.
    silent = (tested.statistics == 0) & (tested.p_values == 1)
    statistic = pd.Series(likelihood_ratio(dataset, tested.inference, design.reduced), index=tested.p_values.index)
    statistic[silent & statistic.notna()] = 0.0
    tested.statistics = statistic
    ratio: npt.NDArray[np.float64] = np.array(statistic, dtype=np.float64)
    raw, moderated = (pd.Series(ratio_p(ratio, design.tested_df, df), index=statistic.index) for df in (np.inf, tail))
    tested.p_values = raw.copy()
    return raw, moderated


def _one_thread() -> contextlib.AbstractContextManager[Any]:
    """Keep BLAS to one thread: the matrices are tiny, and threads that wait for each other cost more than they do."""
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError:
        return contextlib.nullcontext()
    limits: contextlib.AbstractContextManager[Any] = threadpool_limits(1)
    return limits


@contextlib.contextmanager
def _quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Collect warnings and swallow what a library prints."""
    with (
        warnings.catch_warnings(record=True) as caught,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("always")
        yield caught


def _told(caught: list[warnings.WarningMessage]) -> list[str]:
    notes: dict[str, None] = {}
    for warning in caught:
        if not issubclass(warning.category, UserWarning):
            continue  # about the future of libraries, not about the data
        text = str(warning.message)
        notes[next((told for part, told in _TOLD.items() if part in text), text)] = None
    return list(notes)


def _prior_df(variance: float) -> float:
    """Return how many degrees of freedom a prior variance of log dispersions is worth: the d with trigamma(d / 2) =
    variance.

    Raises
    ------
    InputError
        Where no variance could be had, as from two genes.
    """
    if not np.isfinite(variance):
        raise InputError(
            "counts",
            "too few genes scatter more than counting does, so their dispersion cannot be estimated",
            allowed="a table of all genes that were counted, not a choice of a few",
        )
    return float(2 * brentq(lambda half: float(polygamma(1, half)) - variance, 1e-3, 1e6))


def _table(dataset: Any, tested: Any, raw: pd.Series, moderated: pd.Series) -> pd.DataFrame:
    result = tested.results_df
    # Where an outlier decided, there is no p value at all.
    seen = ~np.asarray(dataset.cooks_outlier(), dtype=bool)
    genes = pd.DataFrame(
        {
            "base_mean": result["baseMean"],
            "log2_fold_change": result["log2FoldChange"],
            "se": result["lfcSE"],
            "statistic": result["stat"],
            "p": raw.where(seen),
            "p_adjusted": result["padj"],
            "p_moderated": moderated.where(seen),
            "log2_fold_change_shrunken": np.nan,
            "se_shrunken": np.nan,
            "dispersion": np.asarray(dataset.var["dispersions"], dtype=float),
        }
    ).astype(float)
    genes.index.name = "gene"
    return genes


def _shrunken(tested: Any, design: Design) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    if design.coefficient is None:
        return None
    tested.lfc_shrink(coeff=design.coefficient)
    return (
        tested.results_df["log2FoldChange"].to_numpy(dtype=float),
        tested.results_df["lfcSE"].to_numpy(dtype=float),
    )


def _stabilised(normalised: pd.DataFrame, dataset: Any) -> pd.DataFrame:
    """Transform so that the variance no longer depends on the mean, with the dispersion trend of the fit (Love
    2014)."""
    q = normalised.to_numpy()
    if dataset.uns["disp_function_type"] == "parametric":
        a0, a1 = (float(a) for a in dataset.uns["trend_coeffs"])
        values = np.log2((1 + a1 + 2 * a0 * q + 2 * np.sqrt(a0 * q * (1 + a1 + a0 * q))) / (4 * a0))
    else:
        mean = float(dataset.uns["mean_disp"])
        values = (2 * np.arcsinh(np.sqrt(mean * q)) - np.log(mean) - np.log(4)) / np.log(2)
    return pd.DataFrame(values, index=normalised.index, columns=normalised.columns)
