"""The report of gene expression: the genes, all of them and the first few person by person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import t as student

from abate.report import expression_figures as draw
from abate.report.page import Figure, Key, Keys, Section, Table
from abate.report.tables import interval, number, table
from abate.study.expression.sheet import as_text

if TYPE_CHECKING:
    from abate.study.expression.analysis import Expression

__all__ = ["genes_section", "p_value", "single_section"]

_TABLE, _HEATMAP, _ARROWS = 30, 30, 12


def genes_section(found: Expression) -> Section:
    """Show all genes: effect over mean, evidence over effect, and the first ones as a table."""
    called = [str(g) for g in found.called.index]
    keys = Keys(
        (
            Key(
                "genes called", f"{len(called):,}" if found.claimed else "none claimed", f"of {len(found.top):,} tested"
            ),
            Key(
                "carried by",
                str(found.design.carriers),
                "pairs" if found.design.paired else "subjects on the smaller side",
            ),
            *_smallest_key(found),
        )
    )
    background = "Grey: not called (thinned where crowded; every gene is in genes.csv)."
    top = found.top.head(_TABLE)
    return Section(
        "Genes",
        (
            keys,
            Figure(
                "mean-difference", draw.mean_difference(found.top, called),
                caption=f"Log2 fold change over mean expression. {background}",
                alt=f"{len(called)} genes stand out from the cloud around zero.",
            ),
            Figure(
                "volcano", draw.volcano(found.top, called),
                caption=f"Evidence over effect. {background} p: {found.design.test()}.",
                alt=f"{len(called)} genes are called; the smallest p is {p_value(found.top['p'].min())}.",
            ),
            Table("top-genes", _gene_table(found, top), top.reset_index()),
        ),
    )  # fmt: skip


def _gene_table(found: Expression, top: pd.DataFrame) -> str:
    df = found.fit.tail_df
    width = float(student.ppf(0.975, df)) if np.isfinite(df) else 1.959964
    rows = []
    for gene, row in top.iterrows():
        middle, se = float(row["log2_fold_change"]), float(row["se"])
        estimate = {"estimate": middle, "low": middle - width * se, "high": middle + width * se}
        adjusted = p_value(row["p_adjusted"]) if found.claimed else "not given"
        rows.append(
            (
                str(gene), number(float(row["base_mean"])), interval(estimate),
                number(float(row["log2_fold_change_shrunken"])),
                p_value(row["p"]), adjusted, p_value(row["p_relabelled"]),
            )
        )  # fmt: skip
    columns = ["gene", "mean", "log2 fold change (95 %)", "shrunk", "p", "adjusted p", "exact p"]
    notes = [
        f"p: {found.design.test()}.",
        "Exact p: share of relabellings at least as extreme. Shrunk: towards zero where the data say little (apeglm).",
    ]
    return table(
        pd.DataFrame(rows, columns=columns),
        caption=f"The first {len(rows)} genes by p",
        numeric=columns[1:],
        notes=notes,
    )


def p_value(value: float) -> str:
    """Write a p value: small ones in powers of ten.

    Examples
    --------
    >>> p_value(0.0312), p_value(1.3e-41), p_value(0.0)
    ('0.031', '1.3e−41', '< 1e−300')
    """
    if 0 <= value < 1e-300:
        return "< 1e−300"
    if np.isfinite(value) and 0 <= value < 1e-4:
        return f"{value:.1e}".replace("-", "−")
    return number(float(value), 2)


def _smallest_key(found: Expression) -> tuple[Key, ...]:
    if found.detectable is None:
        return ()
    smallest, power_from = found.detectable.smallest, float(found.detectable.curve.index.min())
    value = number(smallest.estimate) if np.isfinite(smallest.estimate) else "more than 5"
    if smallest.estimate <= power_from:
        value += " or less"
    return (Key("smallest detectable log2 change", value, "found with 80 % power, by simulation"),)


def single_section(found: Expression, marks: pd.DataFrame) -> Section:
    """Show the first genes person by person."""
    design, parts = found.design, []
    chosen = [str(g) for g in found.top.head(_ARROWS).index]
    sides = _sides(found, marks)
    if design.tested and chosen:
        base, tested = _side_names(found)
        values = found.fit.stabilised.loc[chosen, list(sides.index)]
        values = values.sub(values[[s for s in values.columns if sides[s] == base]].mean(axis=1), axis=0)
        joined = design.subject[sides.index] if design.paired or design.difference else None
        groups = marks.loc[sides.index, "group"] if design.difference else None
        what = "An arrow a subject, from" if joined is not None else "A dot a sample:"
        parts.append(
            Figure(
                "first-genes", draw.top_genes(values, sides, (base, tested), joined, groups),
                caption=f"The first {len(chosen)} genes by p. {what} {base} "
                f"{'to' if joined is not None else 'and'} {tested} (log2 scale).",
                alt="Every subject's value of the first genes, so that one who moves otherwise is seen.",
                data=values.round(3).rename_axis("gene").reset_index(),
            )
        )  # fmt: skip
    order = marks.sort_values(["group", "time", "subject"]).index
    heat, z = draw.gene_heatmap(
        found.fit.stabilised.loc[[str(g) for g in found.top.head(_HEATMAP).index], list(order)], marks
    )
    parts.append(
        Figure(
            "heatmap", heat, caption="The same and the next genes, each in standard deviations from its own "
            "mean: blue below, "
            "orange above. Strips, where they tell samples apart: subject, time and group, from below.",
            alt="Heat map of the first genes over all samples.", data=z.round(3), tall=True,
        )
    )  # fmt: skip
    return Section("The first genes, person by person", tuple(parts))


def _side_names(found: Expression) -> tuple[str, str]:
    """Return the two ends that are drawn: the sides, or for an interaction the two times."""
    design = found.design
    if not design.difference:
        return design.reference, design.tested
    times = found.sheet.column("time")[design.matrix.index]
    after = design.matrix.filter(regex=r"^time\[").iloc[:, 0] > 0
    return str(times[~after].iloc[0]), str(times[after].iloc[0])


def _sides(found: Expression, marks: pd.DataFrame) -> pd.Series:
    """Return the side of each sample that is on one of the two that are drawn."""
    design = found.design
    if not design.tested:
        return pd.Series(dtype=object)
    column = marks["time"] if design.difference else as_text(found.sheet.table.loc[marks.index, design.factor])
    return column[column.isin(_side_names(found))]
