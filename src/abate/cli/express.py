"""``abate express``: differential gene expression, unpaired or paired."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abate.cli.output import Json, Out, Seed, emit, progress
from abate.ground.files import check_replaceable, fresh_directory

if TYPE_CHECKING:
    from abate.study.expression.analysis import Expression

__all__ = ["express"]

Column = typer.Option(metavar="COLUMN", help="Column of the sheet, where its name does not tell.")


def express(
    counts: Annotated[
        Path,
        typer.Argument(
            metavar="COUNTS", help="Counts: CSV, TSV, featureCounts, .h5ad, or a folder of STAR, salmon or kallisto."
        ),
    ],
    samples: Annotated[Path, typer.Argument(metavar="SAMPLES", help="Sample sheet: CSV, TSV or a GEO series matrix.")],
    design: Annotated[
        str | None,
        typer.Option(
            "--design", help="'patients vs controls', 'before vs after', 'both', or a formula ('~ batch + condition')."
        ),
    ] = None,
    contrast: Annotated[
        str | None,
        typer.Option("--contrast", help="'TESTED vs REFERENCE', 'FACTOR,TESTED,REFERENCE' or a coefficient."),
    ] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", metavar="LEVEL", help="The level to compare with.")
    ] = None,
    gene_sets: Annotated[
        list[Path] | None,
        typer.Option(
            "--gene-sets", metavar="FILE", help="Gene sets: GMT, or a WikiPathways pathway (.gpml); may be given again."
        ),
    ] = None,
    alpha: Annotated[float, typer.Option("--alpha", help="False discovery rate of the claims.")] = 0.05,
    adjust_by: Annotated[
        str,
        typer.Option("--adjust-by", help="auto, moderated (t tail, for small studies) or wald (DESeq2's normal tail)."),
    ] = "auto",
    claim_anyway: Annotated[
        bool, typer.Option("--claim-anyway", help="Give adjusted p values even with two subjects on a side.")
    ] = False,
    test: Annotated[
        str, typer.Option("--test", help="wald (the contrast) or lrt (likelihood ratio: all of the tested column).")
    ] = "wald",
    reduced: Annotated[
        str | None,
        typer.Option("--reduced", metavar="FORMULA", help="With --test lrt: the smaller model ('~ subject')."),
    ] = None,
    limma: Annotated[
        bool, typer.Option("--limma/--no-limma", help="Ask limma for a second opinion, where inmoose is installed.")
    ] = True,
    power: Annotated[
        bool, typer.Option("--power/--no-power", help="Simulate the smallest change that the study can find.")
    ] = True,
    only_shared: Annotated[bool, typer.Option("--only-shared", help="Use the samples that both files have.")] = False,
    sample: Annotated[str | None, Column] = None,
    subject: Annotated[str | None, Column] = None,
    group: Annotated[str | None, Column] = None,
    time: Annotated[str | None, Column] = None,
    batch: Annotated[str | None, Column] = None,
    set_: Annotated[str | None, typer.Option("--set", metavar="COLUMN", help="Column that tells matched sets.")] = None,
    transcripts: Annotated[
        Path | None,
        typer.Option("--transcripts", metavar="FILE", help="For salmon and kallisto: transcript_id, gene_id."),
    ] = None,
    strand: Annotated[str, typer.Option("--strand", help="For STAR: unstranded, forward or reverse.")] = "unstranded",
    seed: Seed = 1,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Compare gene expression between patients and controls, or before and after treatment.

    Says design, contrast, reference and matching before anything is estimated; with two subjects on a side the result
    is a
    hypothesis and nothing is claimed.
    """
    from abate.study.expression.analysis import express as analyse
    from abate.study.expression.payload import payload_of

    if out is not None:
        check_replaceable(out)
    stream = sys.stderr if json_ else sys.stdout
    named = {"sample": sample, "subject": subject, "group": group, "time": time, "batch": batch, "set": set_}
    with progress("expression") as step:
        found = analyse(
            counts, samples, design=design, contrast=contrast, reference=reference, gene_sets=gene_sets or [],
            alpha=alpha, seed=seed,
            columns={role: name for role, name in named.items() if name}, transcripts=transcripts, strand=strand,
            only_shared=only_shared, adjust_by=adjust_by, claim_anyway=claim_anyway, test=test, reduced=reduced,
            ask_limma=limma, simulate_power=power,
            announce=lambda lines: print("\n".join(lines), file=stream, flush=True), progress=step,
        )  # fmt: skip
    if out is not None:
        _write(found, out)
    emit(
        payload_of(found),
        kind="expression",
        seed=seed,
        json_=json_,
        out=None,
        show=lambda payload: _show(found, payload, out),
    )


def _write(found: Expression, out: Path) -> None:
    from abate.report.expression import expression_report
    from abate.report.page import write
    from abate.study.expression.write import write_expression

    with fresh_directory(out) as folder:
        write_expression(found, folder)
        write(expression_report(found), folder)


def _show(found: Expression, payload: dict[str, Any], out: Path | None) -> None:
    from rich.console import Console

    console = Console()

    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    console.print()
    say(payload["finding"])
    for line in [*_opinions(payload), *_power(payload)]:
        say(line)
    console.print(_table(found))
    if found.sets is not None:
        for name, row in found.sets.head(10).iterrows():
            say(f"{name}: {row['direction']}, p {row['p']:.2g}, rank p {row['p_rank']:.2g}")
    if out is not None:
        say(f"written to {out}")
    say("For research; not a diagnosis and not a prescription.")


def _opinions(payload: dict[str, Any]) -> list[str]:
    from abate.study.expression.relabel import ways

    lines, second, linear = [], payload["relabelling"], payload["limma"]
    if second is not None:
        lines.append(
            f"Second opinion: of {ways(second['relabellings'])} relabellings, the bar that {second['list_length']} "
            f"genes pass is passed by {second['expected_by_chance']:g} by chance (median; most "
            f"{second['most_by_chance']}); the two lists share {second['overlap']:.0%}."
        )
    for row in payload["agreement"]:
        if linear is not None and (row["one"], row["other"]) == ("DESeq2", "limma"):
            calls = "" if linear["n"] is None else f" It calls {linear['n']:,}, {linear['also_called']:,} of these."
            lines.append(
                f"limma: of the first {row['length']:,} genes of either, {row['shared']:,} are on both lists.{calls}"
            )
    return lines


def _power(payload: dict[str, Any]) -> list[str]:
    smallest = payload["smallest_detectable_log2_fold_change"]
    if smallest is None:
        return []
    lowest, highest = (end(row["log2_fold_change"] for row in payload["power"]) for end in (min, max))
    ends = [f"{v:.2f}" if v == v else f"more than {highest:g}" for v in (smallest.low, smallest.high)]
    seen = f"{smallest.estimate:.2f} ({ends[0]} to {ends[1]})"
    if smallest.estimate != smallest.estimate:
        seen = f"none up to {highest:g}"
    elif smallest.estimate <= lowest:
        seen = f"{lowest:g} or less"
    return [f"Smallest log2 fold change that such a study finds with 80 % power: {seen}"]


def _table(found: Expression) -> Any:
    from rich.table import Table

    table = Table("gene", "mean", "log2 change", "se", "p", "adjusted", title="First genes by p", title_justify="left")
    for gene, row in found.top.head(10).iterrows():
        table.add_row(
            str(gene), f"{row['base_mean']:.1f}", f"{row['log2_fold_change']:+.2f}", f"{row['se']:.2f}",
            f"{row['p']:.2g}", "not given" if row["p_adjusted"] != row["p_adjusted"] else f"{row['p_adjusted']:.3g}",
        )  # fmt: skip
    return table
