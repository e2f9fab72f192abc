"""The report of gene expression: what other methods say, the gene sets, and what a study of this size can see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from abate.report import expression_figures as draw
from abate.report.expression_findings import p_value
from abate.report.page import Figure, Prose, Section, Table
from abate.report.tables import interval, number, percent, table
from abate.study.expression.relabel import ways

if TYPE_CHECKING:
    from abate.study.expression.analysis import Expression

__all__ = ["power_section", "second_section", "sets_section"]

_NO_POWER = "Power was not simulated: it was not asked for, or fewer than 50 genes could be."


def second_section(found: Expression) -> Section:
    """Say what exchanging labels and limma say, and how far all agree."""
    parts: list[Prose | Table | Figure] = []
    if found.second is None:
        text = "Labels cannot be exchanged under this design, so that there is no second opinion by relabelling."
        parts.append(Prose(text))
    else:
        parts += _relabelled(found)
    parts += _linear(found)
    if len(found.agreed):
        parts += _agreement(found)
    return Section("Second opinion", tuple(parts))


def _relabelled(found: Expression) -> list[Prose | Table | Figure]:
    second = found.second
    assert second is not None
    how = "all of them" if second.complete else f"{second.done:,} of them, drawn at random,"
    within = " within each subject" if found.design.paired else ""
    rows = [
        ("ways to hand out the labels", ways(second.relabellings)),
        ("done", f"{second.done:,}"),
        ("smallest p that one gene can have", number(second.smallest_p, 3)),
        ("length of the list that is compared", f"{second.calls:,}"),
        ("genes that pass its bar by chance: median, most", f"{second.expected:g}, {second.most:,}"),
        ("share of relabellings with as long a list", number(second.p_list, 3)),
    ]
    frame = pd.DataFrame(rows, columns=["", "value"])
    text = (
        f"The labels can be handed out{within} in {ways(second.relabellings)} ways; {how} were done. Under the true "
        f"labels {second.calls:,} genes pass the bar; under the others a median of {second.expected:g} do, and at most "
        f"{second.most:,}."
    )
    return [
        Prose(text, role="reading"),
        Table("relabelling", table(frame, caption="Exact permutation", numeric=["value"]), frame),
    ]


def _linear(found: Expression) -> list[Prose | Table | Figure]:
    linear = found.linear
    if linear is None:
        return [Prose(f"{found.no_linear[0].upper()}{found.no_linear[1:]}.", role="note")] if found.no_linear else []
    called = set(linear.genes.index[linear.genes["p_limma_adjusted"] < found.alpha])
    lent = number(linear.prior_df) if np.isfinite(linear.prior_df) else "infinitely many"
    text = f"limma's moderated t was done on {linear.tested:,} genes; they lend each other {lent} degrees of freedom."
    if found.claimed:
        both = len(called & set(found.called.index))
        text += f" At {percent(found.alpha)} it calls {len(called):,} genes; DESeq2 calls {both:,} of these."
    return [Prose(text, role="reading")]


def _agreement(found: Expression) -> list[Prose | Table | Figure]:
    rows = found.agreed
    shown = pd.DataFrame(
        {
            "methods": [f"{one} and {other}" for one, other in zip(rows["one"], rows["other"], strict=True)],
            "on both lists": [
                f"{shared:,} of {length:,}" for shared, length in zip(rows["shared"], rows["length"], strict=True)
            ],
            "share": [percent(float(v)) for v in rows["overlap"]],
            "rank correlation": [number(float(v), 3) for v in rows["rank_correlation"]],
        }
    )
    least = rows.sort_values("overlap", kind="stable").iloc[0]
    word = "agree" if float(least["overlap"]) >= 0.5 else "disagree"
    text = (
        f"The methods {word}: {least['one']} and {least['other']}, which differ most, have {percent(least['overlap'])} "
        f"of the first {int(least['length']):,} genes in common."
    )
    other, values, axis = (
        ("limma", found.linear.genes["t_limma"], "limma: moderated t")
        if found.linear is not None
        else ("permutation", found.second.statistic if found.second is not None else None, "Permutation statistic")
    )
    assert values is not None
    signed = found.fit.signed[found.fit.genes["p"].notna()]
    return [
        Prose(text, role="reading"),
        Table(
            "agreement",
            table(shown, caption="The first genes of each method, two by two", numeric=list(shown.columns[1:])),
            rows,
        ),
        Figure(
            "methods",
            draw.agreement_scatter(signed, values, [str(g) for g in found.called.index], ("DESeq2: statistic", axis)),
            caption=f"Each gene by two methods, DESeq2 and {other}; along a rising line both say the same. Called: by "
            "DESeq2.",
            alt=text,
            data=pd.DataFrame({"deseq2": signed, other: values.reindex(signed.index)}).round(3).reset_index(),
        ),
    ]


def sets_section(found: Expression) -> Section:
    """Show the gene sets by p."""
    assert found.sets is not None
    rows = found.sets.head(40).reset_index()
    shown = pd.DataFrame(
        {
            "gene set": rows["set"],
            "genes tested": [f"{a} of {b}" for a, b in zip(rows["found"], rows["genes"], strict=True)],
            "direction": rows["direction"],
            "p": [p_value(v) for v in rows["p"]],
            "adjusted p": [p_value(v) if found.claimed else "not given" for v in rows["p_adjusted"]],
            "rank score": [number(float(v)) for v in rows.get("enrichment", pd.Series(np.nan, index=rows.index))],
            "rank p": [p_value(v) for v in rows.get("p_rank", pd.Series(np.nan, index=rows.index))],
        }
    )
    if "t_linear" in rows:
        shown["linear t"] = [number(float(v)) for v in rows["t_linear"]]
        shown["linear adjusted p"] = [p_value(v) if found.claimed else "not given" for v in rows["p_linear_adjusted"]]
    notes = [
        "p: competitive test that allows for correlation between genes (camera, 0.01). Rank p: preranked "
        "enrichment (gseapy), never "
        "below 1 in the number of permutations. Both take genes as the units: they speak of these people, not "
        "of patients at large.",
    ]
    if "t_linear" in rows:
        notes.append(
            "Linear: the statistic regressed on membership (decoupler), as if genes of a set were independent."
        )
    return Section(
        "Gene sets",
        (
            Table(
                "gene-sets",
                table(shown, caption="Gene sets by p", numeric=list(shown.columns[3:]), notes=notes),
                found.sets.reset_index(),
            ),
        ),
    )


def power_section(found: Expression) -> Section:
    """Say how large a change must be for a study of this size to find it."""
    power = found.detectable
    if power is None:
        combined = found.design.coefficient is None
        why = "The contrast combines coefficients, so that power was not simulated." if combined else _NO_POWER
        return Section("What this study can see", (Prose(why),))
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
