"""``abate score``: questionnaire answers to scores."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abate.cli.output import Json, Out, emit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abate.science.instruments import Instrument, ScoredVisit

__all__ = ["score"]

# Missing items named on a terminal; results.json has all.
LONGEST_LIST = 6


def score(
    instrument: Annotated[
        str, typer.Argument(metavar="INSTRUMENT", help="fiqr, fibromyalgia-2016, pmr-as ... or a TOML file.")
    ],
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Answers, long or wide: CSV, Excel, REDCap, SPSS, ADaM ..., or a Study."),
    ],
    policy: Annotated[
        str, typer.Option("--policy", help="Missing answers: strict (as the authors) or prorate.")
    ] = "strict",
    map_: Annotated[Path | None, typer.Option("--map", metavar="FILE.toml", help="How columns are to be read.")] = None,
    wording: Annotated[
        Path | None,
        typer.Option("--wording", metavar="FILE.toml", help="Your own wording of the items, for what is shown."),
    ] = None,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Score questionnaire answers: total, domains, the band in each paper, what was missing, which rule was used."""
    from abate.ground.errors import InputError
    from abate.ground.files import fresh_directory
    from abate.ground.results import write_results
    from abate.science import instruments
    from abate.study import readers

    if policy not in ("strict", "prorate"):
        raise InputError(
            "--policy", "there is no such rule for missing answers", value=policy, allowed="strict, prorate"
        )
    chosen = instruments.load(instrument)
    texts = instruments.load_wording(wording, chosen) if wording else {item.id: item.label for item in chosen.items}
    reading = readers.read(file, mapping=map_, instrument=chosen)
    scored = instruments.score_table(reading.tables.measurements, chosen, policy, where=file.name)  # type: ignore[arg-type]
    if not scored:
        held = ", ".join(sorted(set(reading.tables.measurements["measure"])))
        hint = "check the names of its columns or measures, or give --map"
        raise InputError(file.name, f"no answers to {chosen.name} were found; it holds", value=held, hint=hint)
    payload = _payload(chosen, scored, reading.mapping.as_dict())
    if out is not None:
        with fresh_directory(out) as folder:
            write_results(folder, "scores", None, payload)
            instruments.score_frame(scored).to_csv(folder / "scores.csv", index=False, lineterminator="\n")
    _tell(reading.mapping)
    emit(payload, kind="scores", seed=None, json_=json_, out=None, show=lambda _: _show(chosen, scored, texts, out))


def _payload(chosen: Instrument, scored: Sequence[ScoredVisit], source: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {"subject": v.subject, "visit": v.visit, "time": v.time, **v.score.as_dict(), "changes": v.changes}
        for v in scored
    ]
    about = {
        "title": chosen.title,
        "version": chosen.version,
        "direction": chosen.direction,
        "sources": {name: entry.citation for name, entry in chosen.sources.items()},
    }
    return {"scores": {chosen.name: rows}, "instrument": {"name": chosen.name, **about}, "source": source}


def _tell(mapping: Any) -> None:
    """Say on stderr what was not understood and what to check."""
    for title, entries in (
        ("not mapped", mapping.unmapped),
        ("assumed", mapping.assumptions),
        ("please check", mapping.questions),
    ):
        for entry in entries:
            print(f"abate: {title}: {entry}", file=sys.stderr)  # noqa: T201


def _show(chosen: Instrument, scored: Sequence[ScoredVisit], texts: dict[str, str], out: Path | None) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        # In a pipe there is no edge to fold at.
        console = Console(width=max(console.width, 200))
    direction = "" if chosen.direction == "none" else f" ({chosen.direction.replace('-', ' ')})"
    numbers = [name for name in scored[0].score.domains if any(v.score.domains[name] is not None for v in scored)]
    verdicts = [name for name in scored[0].score.criteria if any(v.score.criteria[name] is not None for v in scored)]
    bands = [entry.name for entry in chosen.band_sets]
    console.print(f"{chosen.title}{direction}", style="bold", highlight=False, markup=False, soft_wrap=True)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("subject", "visit", *(["total"] if chosen.total else []), *numbers, *verdicts, *bands, "missing"):
        table.add_column(name, justify="right" if name in ("total", "missing", *numbers) else "left")
    for visit in scored:
        result = visit.score
        found = {band.name: band.as_text() for band in result.bands}
        table.add_row(
            visit.subject,
            visit.visit,
            *([_number(result.total)] if chosen.total else []),
            *(_number(result.domains[name]) for name in numbers),
            *(_verdict(result.criteria[name]) for name in verdicts),
            *(found.get(name, "") for name in bands),
            str(len(result.missing)),
        )
    console.print(table)
    lines = []
    for visit in scored:
        if visit.score.missing:
            shown = [f"{name} ({texts[name]})" for name in visit.score.missing[:LONGEST_LIST]]
            more = len(visit.score.missing) - len(shown)
            names = ", ".join(shown) + (f" and {more} more" if more else "")
            lines.append(f"{visit.subject}, {visit.visit}: missing {names}. {visit.score.rule}")
    lines += [f"{v.subject}, {v.visit}: {note}" for v in scored for note in v.score.notes]
    lines += [f"{entry.name}: {chosen.sources[entry.source].citation}" for entry in chosen.band_sets]
    if out is not None:
        lines.append(f"Written: {out / 'results.json'}, {out / 'scores.csv'}")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _number(value: float | None) -> str:
    return "not scored" if value is None else f"{value:.4g}"


def _verdict(value: bool | None) -> str:
    return "not known" if value is None else "yes" if value else "no"
