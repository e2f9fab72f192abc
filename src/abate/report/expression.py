"""The report of gene expression: what was compared, what was found, and how many people carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import t as student

from abate.ground.version import __version__
from abate.report import expression_figures as draw
from abate.report.page import Figure, Honesty, Key, Keys, Prose, Report, Section, Table
from abate.report.tables import interval, number, percent, table
from abate.study.expression.contrast import first_level, ordered
from abate.study.expression.relabel import ways
from abate.study.expression.sheet import as_text

if TYPE_CHECKING:
    from abate.study.expression.analysis import Expression

__all__ = ["expression_report"]

_TABLE, _HEATMAP, _ARROWS = 30, 30, 12


def expression_report(found: Expression) -> Report:
    """Turn an analysis into a report.

    Parameters
    ----------
    found : Expression
        Of `abate.study.expression.express`.

    Returns
    -------
    Report
        For `abate.report.page.render` or `write`.
    """
    marks = _marks(found)
    sections = [_question(found), _samples(found, marks), _genes(found), _single(found, marks), _second(found)]
    if found.sets is not None:
        sections.append(_sets(found))
    sections += [_power(found), _honesty(found)]
    design = found.design
    return Report(
        title=f"Gene expression: {design.label}",
        kind="Hypothesis" if found.hypothesis else "Differential expression",
        lead=found.sentence(),
        facts={
            "design": design.name,
            "samples": str(design.matrix.shape[0]),
            "subjects": ", ".join(f"{count} {name}" for name, count in design.people.items()),
            "genes tested": f"{len(found.top):,}",
            "level": percent(found.alpha),
            "seed": str(found.seed),
        },
        sections=tuple(sections),
    )


def _marks(found: Expression) -> pd.DataFrame:
    """Return group, time and subject of each sample as text; what the sheet does not tell is left empty."""
    design, sheet = found.design, found.sheet
    samples = list(design.matrix.index)
    columns = {"subject": design.subject[samples].astype(str)}
    for role in ("group", "time"):
        here = sheet.roles.get(role)
        columns[role] = sheet.table.loc[samples, here].astype(str) if here else pd.Series("", index=samples)
    if design.tested and design.factor not in (sheet.roles.get("group"), sheet.roles.get("time")):
        columns["group"] = sheet.table.loc[samples, design.factor].astype(str)
    frame = pd.DataFrame(columns)
    for role in ("group", "time"):
        there = list(frame[role].unique())
        first = first_level(there)
        frame[role] = pd.Categorical(frame[role], [first, *[v for v in ordered(there) if v != first]], ordered=True)
    return frame


def _question(found: Expression) -> Section:
    design = found.design
    rows = [
        ("design", f"{design.name}: {design.formula}"),
        ("contrast", design.label),
        ("reference", design.reference or "none (a number: change per unit)"),
        ("matching", design.matching),
        ("model", f"{design.matrix.shape[1]} coefficients, {design.residual_df} residual degrees of freedom"),
        ("adjusted p", found.adjustment()),
    ]
    frame = pd.DataFrame(rows, columns=["", "what was done"])
    parts = [Table("design", table(frame, caption="Design, fixed before anything was estimated"), frame)]
    notes = [Prose(_told(note), role="note") for note in found.notes]
    return Section("What was compared", (*parts, *notes))


def _told(note: str) -> str:
    """Make a note a sentence; a name of a file keeps its letters."""
    first = note.split()[0]
    return (note[0].upper() + note[1:] if first.isalpha() else note) + "."


def _samples(found: Expression, marks: pd.DataFrame) -> Section:
    stabilised = found.fit.stabilised
    points, shares = draw.scores(stabilised)
    heat, between = draw.distances(stabilised, marks)
    sizes = found.counts.table[list(marks.index)].sum(axis=0)
    told = "Colour is the group, shape the time, a line joins samples of one subject."
    return Section(
        "Samples",
        (
            Figure(
                "principal-components", draw.principal_components(points, shares, marks),
                caption=f"First two principal components of the 500 most variable genes (variance-stabilised). {told}",
                alt=f"The first component holds {shares[0]:.0%} and the second {shares[1]:.0%} of the variance.",
                data=points.round(3).join(marks).rename_axis("sample").reset_index(),
            ),
            Figure(
                "distances", heat,
                caption="Distance between samples over all genes (variance-stabilised; of more than 60 samples, 60); "
                "dark is near. Strips: subject, time and group, from the right. A sample far from all others may have "
                "failed or been swapped.",
                alt="Matrix of distances between samples, ordered by group, time and subject.", data=between.round(2),
                tall=True,
            ),
            Figure(
                "library-sizes", draw.library_sizes(sizes, marks["group"]), caption="Reads counted in each sample.",
                alt=f"Library sizes run from {sizes.min() / 1e6:.2f} to {sizes.max() / 1e6:.2f} million.",
                data=pd.DataFrame({"sample": sizes.index, "reads": sizes.to_numpy(),
                                   "size_factor": found.fit.size_factors[sizes.index].round(4).to_numpy()}),
            ),
        ),
    )  # fmt: skip


def _genes(found: Expression) -> Section:
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
                caption=f"Evidence over effect. {background} p is DESeq2's Wald test.",
                alt=f"{len(called)} genes are called; the smallest p is {_p(found.top['p'].min())}.",
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
        adjusted = _p(row["p_adjusted"]) if found.claimed else "not given"
        rows.append(
            (
                str(gene), number(float(row["base_mean"])), interval(estimate),
                number(float(row["log2_fold_change_shrunken"])),
                _p(row["p"]), adjusted, _p(row["p_relabelled"]),
            )
        )  # fmt: skip
    columns = ["gene", "mean", "log2 fold change (95 %)", "shrunk", "p", "adjusted p", "exact p"]
    notes = [
        "Exact p: share of relabellings at least as extreme. Shrunk: towards zero where the data say little (apeglm)."
    ]
    return table(
        pd.DataFrame(rows, columns=columns),
        caption=f"The first {len(rows)} genes by p",
        numeric=columns[1:],
        notes=notes,
    )


def _p(value: float) -> str:
    """Write a p value: small ones in powers of ten.

    Examples
    --------
    >>> _p(0.0312), _p(1.3e-41)
    ('0.031', '1.3e−41')
    """
    if np.isfinite(value) and 0 <= value < 1e-4:
        return f"{value:.1e}".replace("-", "−")
    return number(float(value), 2)


def _single(found: Expression, marks: pd.DataFrame) -> Section:
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


def _second(found: Expression) -> Section:
    second = found.second
    if second is None:
        text = "Labels cannot be exchanged under this design, so that there is no second opinion by relabelling."
        return Section("Second opinion", (Prose(text),))
    how = "all of them" if second.complete else f"{second.done:,} of them, drawn at random,"
    within = " within each subject" if found.design.paired else ""
    rows = [
        ("ways to hand out the labels", ways(second.relabellings)),
        ("done", f"{second.done:,}"),
        ("smallest p that one gene can have", number(second.smallest_p, 3)),
        ("length of the list that is compared", f"{second.calls:,}"),
        ("genes that pass its bar by chance: median, most", f"{second.expected:g}, {second.most:,}"),
        ("share of relabellings with as long a list", number(second.p_list, 3)),
        ("genes that both methods list", percent(second.overlap)),
        ("rank correlation of the two statistics", number(second.correlation, 3)),
    ]
    frame = pd.DataFrame(rows, columns=["", "value"])
    text = (
        f"The labels can be handed out{within} in {ways(second.relabellings)} ways; {how} were done. Under the true "
        f"labels {second.calls:,} genes "
        f"pass the bar; under the others a median of {second.expected:g} do, and at most {second.most:,}."
    )
    word = "agree" if second.overlap >= 0.5 else "disagree"
    agree = f"The two methods {word}: {percent(second.overlap)} of the list is the same."
    return Section(
        "Second opinion",
        (
            Prose(f"{text} {agree}", role="reading"),
            Table("relabelling", table(frame, caption="Exact permutation", numeric=["value"]), frame),
        ),
    )


def _sets(found: Expression) -> Section:
    assert found.sets is not None
    rows = found.sets.head(40).reset_index()
    shown = pd.DataFrame(
        {
            "gene set": rows["set"],
            "genes tested": [f"{a} of {b}" for a, b in zip(rows["found"], rows["genes"], strict=True)],
            "direction": rows["direction"],
            "p": [_p(v) for v in rows["p"]],
            "adjusted p": [_p(v) if found.claimed else "not given" for v in rows["p_adjusted"]],
            "rank score": [number(float(v)) for v in rows.get("enrichment", pd.Series(np.nan, index=rows.index))],
            "rank p": [_p(v) for v in rows.get("p_rank", pd.Series(np.nan, index=rows.index))],
        }
    )
    notes = [
        "p: competitive test that allows for correlation between genes (camera, 0.01). Rank p: preranked "
        "enrichment (gseapy), never "
        "below 1 in the number of permutations. Both take genes as the units: they speak of these people, not "
        "of patients at large.",
    ]
    return Section(
        "Gene sets",
        (
            Table(
                "gene-sets",
                table(
                    shown, caption="Gene sets by p", numeric=["p", "adjusted p", "rank score", "rank p"], notes=notes
                ),
                found.sets.reset_index(),
            ),
        ),
    )


def _smallest_key(found: Expression) -> tuple[Key, ...]:
    if found.detectable is None:
        return ()
    smallest, power_from = found.detectable.smallest, float(found.detectable.curve.index.min())
    value = number(smallest.estimate) if np.isfinite(smallest.estimate) else "more than 5"
    if smallest.estimate <= power_from:
        value += " or less"
    return (Key("smallest detectable log2 change", value, "found with 80 % power, by simulation"),)


def _power(found: Expression) -> Section:
    power = found.detectable
    if power is None:
        return Section(
            "What this study can see", (Prose("The contrast combines coefficients, so that power was not simulated."),)
        )
    smallest = power.smallest
    if smallest.estimate <= float(power.curve.index.min()):
        text = f"A study like this finds a log2 fold change of {number(smallest.estimate)} or less four times in five."
    elif np.isfinite(smallest.estimate):
        text = (
            f"A study like this finds a log2 fold change of {interval(smallest)} four times in five, smaller ones less."
        )
    else:
        text = "A study like this misses most changes, even of 5 on the log2 scale (32-fold)."
    claim = "" if found.claimed else " This is what it would find if adjusted p values were claimed."
    return Section(
        "What this study can see",
        (
            Prose(text + claim, role="reading"),
            Figure(
                "power", draw.power_curve(power.curve),
                caption=f"Simulated from the fitted means, dispersions and design ({power.repeats} times): "
                f"share of changed genes that are "
                f"called at {percent(found.alpha)}. One gene in ten is changed.",
                alt=text, data=power.curve.reset_index(),
            ),
        ),
    )  # fmt: skip


def _honesty(found: Expression) -> Section:
    limits = [
        "The finding rests on the number of people, not of samples or genes.",
        "A difference between patients and controls is not an effect of a drug; without controls, a change over "
        "time is not either.",
        "The interval of a fold change is for one gene; over thousands of genes some will miss.",
    ]
    if found.hypothesis:
        limits.insert(
            0, f"{found.design.carriers} subjects on a side: the list is a hypothesis to be tested in other people."
        )
    return Section(
        "What this is",
        (
            Honesty(
                provenance={
                    "abate": __version__, "seed": str(found.seed), "counts": found.counts.source,
                    "sheet": found.sheet.source,
                    "method": f"DESeq2 as in PyDESeq2; adjusted p: {found.adjustment()}",
                },
                not_validated=("These genes were not measured by another method, and not in other people.",),
                limits=tuple(limits),
            ),
        ),
    )  # fmt: skip
