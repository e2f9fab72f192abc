"""The second opinion for a tiny study: what the data say under every other way to hand out the labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from math import comb, prod

import numpy as np
import numpy.typing as npt
import pandas as pd

from abate.study.expression.design import Design

__all__ = ["MOST_RELABELLINGS", "Relabelling", "relabel", "ways"]

Floats = npt.NDArray[np.float64]

# Up to so many relabellings all are done; beyond, so many are drawn, the observed one among them.
MOST_RELABELLINGS = 1000
# Statistics closer than this are the same: they come from the same numbers in another order.
_SAME = 1e-9
_GENES_AT_ONCE = 250


@dataclass(frozen=True)
class Relabelling:
    """What the relabellings say.

    Attributes
    ----------
    relabellings : int
        How many ways there are to hand out the labels, the observed one included.
    done : int
        How many were done; fewer than `relabellings` when these were drawn.
    smallest_p : float
        The smallest p value that can come out.
    p : Series indexed by gene
        Share of relabellings with a statistic at least as far from zero.
    statistic : Series indexed by gene
        Mean difference (within strata) over its standard error plus the median standard error.
    calls : int
        Length of the list that is compared: what the main analysis calls, or 100 where it calls none.
    expected : float
        Median number of genes over the relabellings that pass the bar which `calls` genes pass as observed.
    most : int
        The largest such number.
    p_list : float
        Share of relabellings with at least `calls` genes over that bar.
    overlap : float
        Share of the main analysis' list that this statistic puts on its own list of the same length.
    correlation : float
        Spearman's, between the two statistics over all genes.
    """

    relabellings: int
    done: int
    smallest_p: float
    p: pd.Series
    statistic: pd.Series
    calls: int
    expected: float
    most: int
    p_list: float
    overlap: float
    correlation: float

    @property
    def complete(self) -> bool:
        """Whether every relabelling was done."""
        return self.done == self.relabellings


def ways(count: int) -> str:
    """Write how many ways there are, roughly where nobody would read the digits.

    Examples
    --------
    >>> ways(924), ways(10**44)
    ('924', 'about 1e+44')
    """
    return f"{count:,}" if count < 10**7 else f"about {count:.0e}"


def relabel(
    stabilised: pd.DataFrame, design: Design, genes: pd.DataFrame, *, alpha: float = 0.05, seed: int = 1
) -> Relabelling | None:
    """Exchange labels where they are exchangeable, within subject where paired, and count.

    Parameters
    ----------
    stabilised : DataFrame, genes x samples
        On a scale where differences mean the same everywhere.
    design : Design
    genes : DataFrame
        Of `fit_expression`: columns ``statistic``, ``p`` and ``p_adjusted``.
    alpha : float
    seed : int
        Of the drawn relabellings, when there are too many for all.

    Returns
    -------
    Relabelling or None
        None where labels are not exchangeable.

    References
    ----------
    Tusher, Tibshirani, Chu (2001), PNAS 98:5116 (the statistic). Phipson, Smyth (2010), Statistical Applications in
    Genetics
    and Molecular Biology 9:39 (the observed labelling counts).

    Examples
    --------
    >>> from abate.study.expression import simulate_counts
    >>> from abate.study.expression.named_design import plan_design
    >>> from abate.study.expression.sheet import SampleSheet
    >>> import numpy as np
    >>> data = simulate_counts(200, changed=20, design="before vs after", patients=3)
    >>> design = plan_design(SampleSheet(data.samples, {"subject": "subject", "time": "time"}, "samples.csv"))
    >>> genes = pd.DataFrame({"statistic": data.truth["log2_fold_change"], "p": 1.0, "p_adjusted": 1.0})
    >>> second = relabel(np.log2(data.counts + 1), design, genes)
    >>> second.relabellings, second.smallest_p
    (8, 0.25)
    """
    if design.positive is None:
        return None
    values, positive, strata = _units(stabilised[list(design.matrix.index)], design)
    total = _number(positive, strata)
    if total < 2:
        return None
    labels = _labels(positive, strata, total, seed)
    usable = genes.index[genes["statistic"].notna() & (values.std(axis=1) > 0).reindex(genes.index)]
    statistics = _statistics(values.loc[usable].to_numpy(), labels, strata)
    size = np.abs(statistics)
    p = pd.Series((size >= size[:, :1] - _SAME).mean(axis=1), index=usable).reindex(genes.index)
    called = genes.loc[usable, "p_adjusted"] < alpha
    calls = int(called.sum()) or min(100, len(usable))
    bar = np.sort(size[:, 0])[-calls]
    over = (size >= bar - _SAME).sum(axis=0)
    mirrored = (
        np.abs(np.abs(_centred(labels, strata) @ _centred(labels[:1], strata)[0]) - _spread(labels[:1], strata)[0])
        < _SAME
    )
    others = over[~mirrored] if (~mirrored).any() else over[1:]
    main = genes.loc[usable, "p"].fillna(1.0).to_numpy().argsort(kind="stable")[:calls]
    own = (-size[:, 0]).argsort(kind="stable")[:calls]
    observed = pd.Series(statistics[:, 0], index=usable)
    return Relabelling(
        total, labels.shape[0], float(mirrored.sum() / labels.shape[0]), p, observed.reindex(genes.index), calls,
        float(np.median(others)) if others.size else float("nan"), int(others.max()) if others.size else 0,
        float((over >= calls).mean()), len(set(main) & set(own)) / calls,
        _rank_correlation(observed, genes.loc[usable, "statistic"]),
    )  # fmt: skip


def _rank_correlation(one: pd.Series, other: pd.Series) -> float:
    if one.nunique() < 2 or other.nunique() < 2:
        return float("nan")
    return float(one.corr(other, method="spearman"))


def _units(
    stabilised: pd.DataFrame, design: Design
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    """Return what carries a label: samples, or for an interaction each subject's change."""
    positive = design.positive
    assert positive is not None
    if not design.difference:
        return stabilised, positive.to_numpy(dtype=bool), pd.factorize(design.strata)[0]
    after = design.matrix.filter(regex=r"^time\[").iloc[:, 0] > 0
    subject = design.subject[design.matrix.index]
    change = stabilised.loc[:, after].set_axis(subject[after], axis=1) - stabilised.loc[:, ~after].set_axis(
        subject[~after], axis=1
    )
    group = positive.groupby(subject).first()[change.columns].to_numpy(dtype=bool)
    return change, group, np.zeros(change.shape[1], dtype=np.intp)


def _number(positive: npt.NDArray[np.bool_], strata: npt.NDArray[np.intp]) -> int:
    return prod(comb(int((strata == s).sum()), int(positive[strata == s].sum())) for s in np.unique(strata))


def _labels(positive: npt.NDArray[np.bool_], strata: npt.NDArray[np.intp], total: int, seed: int) -> Floats:
    """Return labellings, shape (done, units), the observed one first."""
    members = [np.flatnonzero(strata == s) for s in np.unique(strata)]
    if total <= MOST_RELABELLINGS:
        rows = [row for row in _every(positive, members) if not np.array_equal(row, positive)]
    else:
        rng = np.random.Generator(np.random.Philox(seed))
        rows = []
        for _ in range(MOST_RELABELLINGS - 1):
            row = positive.copy()
            for some in members:
                row[some] = rng.permutation(positive[some])
            rows.append(row)
    return np.array([positive, *rows], dtype=float)


def _every(positive: npt.NDArray[np.bool_], members: list[npt.NDArray[np.intp]]) -> Iterator[npt.NDArray[np.bool_]]:
    choices = [combinations(some.tolist(), int(positive[some].sum())) for some in members]
    for chosen in product(*choices):
        row = np.zeros(positive.size, dtype=bool)
        row[[unit for some in chosen for unit in some]] = True
        yield row


def _centred(values: Floats, strata: npt.NDArray[np.intp]) -> Floats:
    centred = values.copy()
    for stratum in np.unique(strata):
        here = strata == stratum
        centred[:, here] -= values[:, here].mean(axis=1, keepdims=True)
    return centred


def _spread(labels: Floats, strata: npt.NDArray[np.intp]) -> Floats:
    spread: Floats = (_centred(labels, strata) ** 2).sum(axis=1)
    return spread


def _statistics(values: Floats, labels: Floats, strata: npt.NDArray[np.intp]) -> Floats:
    """Return difference / (its standard error + the median of these), shape (genes, labellings)."""
    y, x = _centred(values, strata), _centred(labels, strata)
    spread = (x**2).sum(axis=1)
    total = (y**2).sum(axis=1)
    df = max(1, values.shape[1] - len(np.unique(strata)) - 1)
    observed = y @ x[0] / spread[0]
    # One constant for all labellings: a constant of its own would make the observed one comparable with none.
    constant = np.median(_error(observed[:, None], total, spread[:1], df))
    statistics: Floats = np.empty((y.shape[0], x.shape[0]))
    # Blocks of genes: what lies between stays in the processor's cache.
    for start in range(0, y.shape[0], _GENES_AT_ONCE):
        block = slice(start, start + _GENES_AT_ONCE)
        slope = y[block] @ x.T / spread
        error = _error(slope, total[block], spread, df)
        error += constant
        np.divide(slope, error, out=statistics[block])
    return statistics


def _error(slope: Floats, total: Floats, spread: Floats, df: int) -> Floats:
    """Return the standard error of each slope from what it leaves unexplained."""
    error: Floats = slope**2
    error *= -spread
    error += total[:, None]
    np.maximum(error, 0.0, out=error)
    error /= df * spread
    return np.sqrt(error, out=error)
