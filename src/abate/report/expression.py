"""The report of gene expression: what was compared, what was found, and how many people carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from abate.ground.version import __version__
from abate.report import expression_figures as draw
from abate.report.expression_findings import genes_section, single_section
from abate.report.expression_opinions import power_section, second_section, sets_section
from abate.report.page import Figure, Honesty, Prose, Report, Section, Table
from abate.report.tables import percent, table
from abate.study.expression.contrast import first_level, ordered

if TYPE_CHECKING:
    from abate.study.expression.analysis import Expression

__all__ = ["expression_report"]


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
    sections = [
        _question(found),
        _samples(found, marks),
        genes_section(found),
        single_section(found, marks),
        second_section(found),
    ]
    if found.sets is not None:
        sections.append(sets_section(found))
    sections += [power_section(found), _honesty(found)]
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
        ("test", design.test()),
        ("adjusted p", found.adjustment()),
    ]
    frame = pd.DataFrame(rows, columns=["", "what was done"])
    parts = [Table("design", table(frame, caption="Design, fixed before anything was estimated"), frame)]
    warned = [Prose(f"Warning: {_told(warning)}", role="reading") for warning in design.warnings]
    notes = [Prose(_told(note), role="note") for note in found.notes if note not in design.warnings]
    return Section("What was compared", (*warned, *parts, *notes))


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


def _honesty(found: Expression) -> Section:
    design = found.design
    limits = [
        "The finding rests on the number of people, not of samples or genes.",
        "A difference between patients and controls is not an effect of a drug; without controls, a change over "
        "time is not either.",
        "The interval of a fold change is for one gene; over thousands of genes some will miss.",
    ]
    if design.warnings:
        limits.insert(0, "Samples of one person were taken for different people: the p values are wrong.")
    if found.hypothesis:
        limits.insert(
            0, f"{design.carriers} subjects on a side: the list is a hypothesis to be tested in other people."
        )
    return Section(
        "What this is",
        (
            Honesty(
                provenance={
                    "abate": __version__, "seed": str(found.seed), "counts": found.counts.source,
                    "sheet": found.sheet.source,
                    "method": f"DESeq2 as in PyDESeq2, {design.test()}; adjusted p: {found.adjustment()}",
                },
                not_validated=("These genes were not measured by another method, and not in other people.",),
                limits=tuple(limits),
            ),
        ),
    )  # fmt: skip
