"""How far different methods put the same genes first."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

__all__ = ["agreement"]


def agreement(statistics: Mapping[str, pd.Series], length: int) -> pd.DataFrame:
    """Compare methods two by two.

    Parameters
    ----------
    statistics : mapping of method to Series indexed by gene
        Signed: the further from zero, the earlier on the list. Genes without one are on no list.
    length : int
        Of the lists that are compared.

    Returns
    -------
    DataFrame
        A row a pair: ``one, other, length, shared, overlap, rank_correlation`` (genes on both lists, their share of
        the length, Spearman's correlation over the genes that both tested).

    Examples
    --------
    >>> one = pd.Series([5.0, -4.0, 0.1, 0.2], index=list("abcd"))
    >>> row = agreement({"DESeq2": one, "limma": -one[::-1]}, 2).iloc[0]
    >>> int(row["shared"]), float(row["overlap"]), round(float(row["rank_correlation"]), 3)
    (2, 1.0, -1.0)
    """
    rows = []
    for one, other in combinations(statistics, 2):
        both = statistics[one].notna() & statistics[other].reindex(statistics[one].index).notna()
        a, b = (statistics[name].reindex(statistics[one].index)[both] for name in (one, other))
        listed = min(length, int(both.sum()))
        shared = len(set(_first(a, listed)) & set(_first(b, listed)))
        varied = a.nunique() > 1 and b.nunique() > 1
        rows.append(
            {
                "one": one, "other": other, "length": listed, "shared": shared,
                "overlap": shared / listed if listed else float("nan"),
                "rank_correlation": float(a.corr(b, method="spearman")) if varied else float("nan"),
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["one", "other", "length", "shared", "overlap", "rank_correlation"])


def _first(statistic: pd.Series, length: int) -> list[object]:
    order = np.argsort(-np.abs(statistic.to_numpy(dtype=float)), kind="stable")
    return list(statistic.index[order[:length]])
