"""What an analysis leaves in its folder: tables as CSV and Parquet, results.json, the fitted object as .h5ad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from abate.ground.extras import optional
from abate.ground.results import write_results
from abate.study.expression.analysis import COLUMNS, Expression
from abate.study.expression.payload import payload_of

__all__ = ["fitted_object", "write_expression"]


def write_expression(found: Expression, folder: str | Path) -> None:
    """Write the tables, results.json and the fitted object into a folder that exists.

    ========================== ====================================================================
    ``genes.csv``              gene, base_mean, log2_fold_change, se, statistic, p, p_adjusted
    ``genes.parquet``          the same and everything in ``second-opinion.csv``
    ``second-opinion.csv``     p by the t tail and by relabelling, shrunken fold changes, dispersions
    ``samples.csv``            the sheet with size factors and library sizes
    ``gene-sets.csv``          where gene sets were given
    ``expression.h5ad``        counts, transformed values, sheet, genes and coefficients
    ``results.json``           kind ``expression``
    ========================== ====================================================================
    """
    out = Path(folder)
    genes = found.genes.reset_index()
    rest = [c for c in genes.columns if c not in COLUMNS and c != "gene"]
    genes[["gene", *COLUMNS]].to_csv(out / "genes.csv", index=False, lineterminator="\n")
    genes[["gene", *rest]].to_csv(out / "second-opinion.csv", index=False, lineterminator="\n")
    genes[["gene", *COLUMNS, *rest]].to_parquet(out / "genes.parquet", index=False)
    _samples(found).to_csv(out / "samples.csv", lineterminator="\n")
    if found.sets is not None:
        found.sets.reset_index().to_csv(out / "gene-sets.csv", index=False, lineterminator="\n")
    fitted_object(found).write_h5ad(out / "expression.h5ad")
    write_results(out, "expression", found.seed, payload_of(found))


def fitted_object(found: Expression) -> Any:
    """Return the analysis as AnnData: samples x genes.

    Raises
    ------
    MissingExtra
        If anndata is not installed.
    """
    anndata = optional("anndata")
    samples = list(found.design.matrix.index)
    data = anndata.AnnData(
        X=found.counts.table[samples].to_numpy(dtype=np.int64).T,
        obs=_samples(found),
        var=found.genes.set_axis(found.genes.index.astype(str), axis=0),
        layers={"normalised": found.fit.normalised.to_numpy().T, "stabilised": found.fit.stabilised.to_numpy().T},
        obsm={"design": found.design.matrix.to_numpy(dtype=float)},
        varm={"coefficients": found.fit.coefficients.to_numpy(dtype=float)},
    )
    data.uns["design"] = {
        "name": found.design.name,
        "formula": found.design.formula,
        "contrast": found.design.label,
        "test": found.design.test(),
        "coefficients": np.array([str(c) for c in found.design.matrix.columns]),
    }
    data.uns["finding"] = found.sentence()
    return data


def _samples(found: Expression) -> pd.DataFrame:
    samples = list(found.design.matrix.index)
    sheet = found.sheet.table.loc[samples].copy()
    # One kind of value a column: text, or numbers.
    for name in sheet.columns:
        if not pd.api.types.is_numeric_dtype(sheet[name]):
            sheet[name] = sheet[name].astype(str)
    sheet["library_size"] = found.counts.table[samples].sum(axis=0)
    sheet["size_factor"] = found.fit.size_factors[samples]
    sheet.index = pd.Index([str(s) for s in samples], name="sample_name" if "sample" in sheet.columns else "sample")
    return sheet
