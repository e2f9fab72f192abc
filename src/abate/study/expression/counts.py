"""Counts: a table of whole numbers, genes down the rows and samples along the columns, checked before anything is
estimated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from abate.ground.errors import InputError

__all__ = ["Counts", "checked_counts", "few"]

_ENSEMBL = re.compile(r"^(ENS[A-Z]*[GT]\d{6,})\.\d+(_PAR_Y)?$")


@dataclass(frozen=True)
class Counts:
    """Counts that have passed every check.

    Attributes
    ----------
    table : DataFrame, genes x samples, int64
    source : str
        File or folder they were read from.
    notes : tuple of str
        What was detected and done on the way, to be told.
    """

    table: pd.DataFrame
    source: str
    notes: tuple[str, ...] = ()


def few(names: Iterable[object], most: int = 4) -> str:
    """List a few names, and say how many more there are.

    Examples
    --------
    >>> few(["a", "b", "c", "d", "e", "f"])
    'a, b, c, d and 2 more'
    """
    listed = [str(name) for name in names]
    rest = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {rest} more" if rest > 0 else "")


def checked_counts(table: pd.DataFrame, source: str, notes: Sequence[str] = ()) -> Counts:
    """Check a table of genes x samples and make it `Counts`.

    Parameters
    ----------
    table : DataFrame, genes x samples
    source : str
        Name shown in errors.
    notes : sequence of str
        What the reader has to tell.

    Raises
    ------
    InputError
        If a value is missing, not a number, negative or fractional, a gene or sample stands twice, or a sample is all
        zero.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"s1": [3, 0], "s2": [4, 1]}, index=["ENSG00000136244.12", "ENSG00000160712.13"])
    >>> counts = checked_counts(table, "counts.csv")
    >>> list(counts.table.index)
    ['ENSG00000136244', 'ENSG00000160712']
    >>> counts.notes
    ('the version was cut off 2 Ensembl ids (ENSG00000136244.12 is ENSG00000136244)',)
    """
    if table.shape[0] == 0 or table.shape[1] == 0:
        raise InputError(source, "there are no counts in it", allowed="a table of genes x samples")
    values = _whole(_numbers(table, source), table, source)
    genes, told = _without_versions(table.index)
    _unique(genes, source, "gene id", "sum or rename the rows first, or use Ensembl ids")
    samples = pd.Index([str(name) for name in table.columns], name="sample")
    _unique(samples, source, "sample", "rename one of them")
    empty = samples[values.sum(axis=0) == 0]
    if len(empty):
        raise InputError(
            source,
            "every count of this sample is zero",
            value=few(empty),
            hint="take it out of both files, or look for what went wrong in its alignment",
        )
    return Counts(pd.DataFrame(values, index=genes, columns=samples), source, (*notes, *told))


def _numbers(table: pd.DataFrame, source: str) -> npt.NDArray[np.float64]:
    try:
        values = table.to_numpy(dtype=float)
    except (TypeError, ValueError):
        values = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
        gene, sample = _first(np.isnan(values) & table.notna().to_numpy())
        raise InputError(
            _place(table, source, gene, sample),
            "this is not a number",
            value=str(table.iat[gene, sample]),
            allowed="whole numbers of 0 or more",
        ) from None
    if np.isnan(values).any():
        gene, sample = _first(np.isnan(values))
        raise InputError(
            _place(table, source, gene, sample),
            "the count is missing",
            allowed="whole numbers of 0 or more",
            hint="write 0 where no read was counted",
        )
    return values


def _whole(values: npt.NDArray[np.float64], table: pd.DataFrame, source: str) -> npt.NDArray[np.int64]:
    if (values < 0).any():
        gene, sample = _first(values < 0)
        raise InputError(
            _place(table, source, gene, sample),
            "a count cannot be negative",
            value=float(values[gene, sample]),
            allowed="whole numbers of 0 or more",
            hint="log or batch-corrected values are not counts: give the raw counts",
        )
    fractional = values != np.floor(values)
    if fractional.any():
        gene, sample = _first(fractional)
        sums = values.sum(axis=0)
        # TPM add up to one million in every sample by definition.
        million = bool(np.all(np.abs(sums - 1e6) < 1e3))
        seen = "every sample adds up to one million: these are TPM. " if million else ""
        raise InputError(
            _place(table, source, gene, sample),
            "a count is a whole number",
            value=float(values[gene, sample]),
            allowed="whole numbers of 0 or more",
            hint=f"{seen}TPM, FPKM and CPM are not counts: give the raw counts (featureCounts, STAR), "
            "or the salmon or kallisto folder itself",
        )
    if values.max() > 2**53:
        raise InputError(source, "a count is too large to be one", value=float(values.max()))
    return values.astype(np.int64)


def _first(where: npt.NDArray[np.bool_]) -> tuple[int, int]:
    gene, sample = np.unravel_index(int(np.argmax(where)), where.shape)
    return int(gene), int(sample)


def _place(table: pd.DataFrame, source: str, gene: int, sample: int) -> str:
    return f"{source}, gene {table.index[gene]}, sample {table.columns[sample]}"


def _without_versions(index: pd.Index) -> tuple[pd.Index, list[str]]:
    names = [str(name).strip() for name in index]
    short = [_ENSEMBL.sub(r"\1\2", name) for name in names]
    cut = [(old, new) for old, new in zip(names, short, strict=True) if old != new]
    told = [f"the version was cut off {len(cut)} Ensembl ids ({cut[0][0]} is {cut[0][1]})"] if cut else []
    return pd.Index(short, name="gene"), told


def _unique(names: pd.Index, source: str, what: str, hint: str) -> None:
    twice = names[names.duplicated()].unique()
    if len(twice):
        raise InputError(source, f"a {what} stands twice", value=few(twice), allowed=f"every {what} once", hint=hint)
