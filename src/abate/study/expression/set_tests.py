"""Tests of gene sets: a competitive one that allows for correlated genes, a rank-based one, and a linear one."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import false_discovery_control
from scipy.stats import t as student

from abate.ground.errors import InputError
from abate.ground.extras import optional, there
from abate.study.expression.counts import few
from abate.study.expression.gene_sets import GeneSet

__all__ = ["ADJUSTED", "camera", "linear_test", "rank_test", "score_gene_sets"]

# Correlation of genes within a set that camera assumes where n is too small to estimate it (Wu and Smyth 2012;
# limma's default).
INTER_GENE_CORRELATION = 0.01
_SMALLEST, _LARGEST = 5, 2000
# Columns that are claims over many sets.
ADJUSTED = ("p_adjusted", "p_rank_adjusted", "p_linear_adjusted")


def camera(
    statistic: npt.ArrayLike, inside: npt.ArrayLike, correlation: float = INTER_GENE_CORRELATION
) -> tuple[float, float]:
    """Test whether genes of a set have larger statistics than the others (Wu and Smyth 2012, preranked form).

    Parameters
    ----------
    statistic : array_like, shape (genes,)
        One finite number a gene, about normal when nothing happens.
    inside : array_like of bool, shape (genes,)
    correlation : float
        Mean correlation between genes of a set, which inflates the variance of their mean.

    Returns
    -------
    t, p : float
        Two-sided.

    References
    ----------
    Wu, Smyth (2012). Camera: a competitive gene set test accounting for inter-gene correlation. Nucleic Acids
    Research 40:e133.

    Examples
    --------
    >>> t, p = camera([3, 2.5, 2.8, 0.1, -0.3, 0.2, 0.4, -0.2], [True] * 3 + [False] * 5)
    >>> t > 5, p < 0.01
    (True, True)
    """
    z, member = np.asarray(statistic, dtype=float), np.asarray(inside, dtype=bool)
    genes, m = z.size, int(member.sum())
    rest = genes - m
    delta = genes / rest * (z[member].mean() - z.mean())
    variance = ((genes - 1) * z.var(ddof=1) - delta**2 * m * rest / genes) / (genes - 2)
    inflation = 1 + (m - 1) * correlation
    t = float(delta / np.sqrt(variance * (inflation / m + 1 / rest)))
    return t, float(2 * student.sf(abs(t), genes - 2))


def rank_test(
    statistic: pd.Series, sets: Mapping[str, Sequence[str]], *, seed: int = 1, permutations: int = 1000
) -> pd.DataFrame:
    """Run preranked gene set enrichment with gseapy, offline.

    Parameters
    ----------
    statistic : Series indexed by gene
    sets : mapping of name to genes
    seed, permutations : int

    Returns
    -------
    DataFrame indexed by set
        ``enrichment`` (normalised score), ``p_rank``, ``p_rank_adjusted``, ``leading`` (genes that carry it).

    Raises
    ------
    MissingExtra
        If gseapy is not installed.
    """
    gseapy = optional("gseapy")
    with _silent():
        made = gseapy.prerank(
            rnk=statistic.sort_values(ascending=False, kind="stable"),
            gene_sets={name: list(genes) for name, genes in sets.items()},
            min_size=1, max_size=len(statistic), permutation_num=permutations, seed=seed, threads=1, outdir=None,
            no_plot=True, verbose=False,
        ).res2d  # fmt: skip
    table = made.set_index("Term")
    return pd.DataFrame(
        {
            "enrichment": pd.to_numeric(table["NES"]),
            # A share of so many permutations is never below one of them.
            "p_rank": pd.to_numeric(table["NOM p-val"]).clip(lower=1 / permutations),
            "p_rank_adjusted": pd.to_numeric(table["FDR q-val"]).clip(lower=1 / permutations),
            "leading": table["Lead_genes"].astype(str),
        }
    )


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep a library's warnings and log to itself: genes with equal counts tie, and that is nothing to shout about."""
    was = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(was)


def linear_test(statistic: pd.Series, sets: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Regress the statistic on membership, a set at a time (decoupler's univariate linear model).

    Unlike `camera` it takes genes of a set for independent, and so is bolder.

    Parameters
    ----------
    statistic : Series indexed by gene
    sets : mapping of name to genes

    Returns
    -------
    DataFrame indexed by set
        ``t_linear``, ``p_linear``, ``p_linear_adjusted``.

    Raises
    ------
    MissingExtra
        If decoupler is not installed.

    References
    ----------
    Badia-i-Mompel et al. (2022), Bioinformatics Advances 2:vbac016.
    """
    with _silent():
        decoupler = optional("decoupler")
        net = pd.DataFrame([(name, str(gene)) for name, genes in sets.items() for gene in genes])
        values = statistic.set_axis(statistic.index.astype(str)).to_frame("contrast").T
        # Gene sets are checked for size before; a gene with a statistic of zero is a gene.
        scores, _ = decoupler.mt.ulm(values, net.set_axis(["source", "target"], axis=1), tmin=1, empty=False)
    t = scores.loc["contrast"].astype(float)
    # decoupler gives adjusted p values alone, in single precision, where small ones are zero.
    p = 2 * student.sf(np.abs(t), len(statistic) - 2)
    return pd.DataFrame(
        {"t_linear": t, "p_linear": p, "p_linear_adjusted": false_discovery_control(p, method="bh")}, index=t.index
    )


def score_gene_sets(statistic: pd.Series, sets: Sequence[GeneSet], *, seed: int = 1) -> tuple[pd.DataFrame, list[str]]:
    """Run the tests on all sets that have enough genes among those tested; the linear one where it is installed.

    Parameters
    ----------
    statistic : Series indexed by gene
        Wald statistics; genes without one do not take part.
    sets : sequence of GeneSet
    seed : int

    Returns
    -------
    table : DataFrame indexed by set
        ``source, genes, found, direction, t, p, p_adjusted, enrichment, p_rank, p_rank_adjusted, leading``, and
        with decoupler ``t_linear, p_linear, p_linear_adjusted``.
    notes : list of str

    Raises
    ------
    InputError
        If no gene of any set is among those tested.
    """
    tested = statistic.dropna()
    names = pd.Index(tested.index).str.upper()
    chosen = {s.name: _names(s, set(names)) for s in sets}
    found = {name: tested.index[names.isin([g.upper() for g in genes])] for name, genes in chosen.items()}
    if not any(len(genes) for genes in found.values()):
        raise InputError(
            sets[0].source, "none of its genes is among those counted", value=few(sets[0].genes),
            allowed=few(tested.index),
            hint="use the same kind of name in both: symbols or Ensembl ids",
        )  # fmt: skip
    fit = [s for s in sets if _SMALLEST <= len(found[s.name]) <= min(_LARGEST, len(tested) - 2)]
    notes = []
    if len(fit) < len(sets):
        notes.append(
            f"{len(sets) - len(fit)} of {len(sets)} gene sets have fewer than {_SMALLEST} or more than {_LARGEST} genes"
        )
    rows = []
    for s in fit:
        t, p = camera(tested, tested.index.isin(found[s.name]))
        direction = "up" if t > 0 else "down"
        rows.append({"set": s.name, "source": s.source, "genes": len(chosen[s.name]), "found": len(found[s.name]),
        "direction": direction,
                     "t": t, "p": p})  # fmt: skip
    table = pd.DataFrame(rows, columns=["set", "source", "genes", "found", "direction", "t", "p"]).set_index("set")
    table["p_adjusted"] = false_discovery_control(table["p"], method="bh") if len(table) else []
    if len(table):
        genes = {s.name: list(found[s.name]) for s in fit}
        table = table.join(rank_test(tested, genes, seed=seed))
        if there("expression-sets"):
            table = table.join(linear_test(tested, genes))
    return table.sort_values("p"), notes


def _names(one: GeneSet, there: set[str]) -> tuple[str, ...]:
    """Return the set by the kind of name that the counts know most of."""
    return max((one.genes, *one.others), key=lambda kind: sum(name.upper() in there for name in kind))
