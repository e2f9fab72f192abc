"""``abate plan``: forecast candidate tapers for one patient, and write the chosen one down."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abate.cli.output import Json, Out, Seed, emit, progress

if TYPE_CHECKING:
    from abate.planner.optimise import Optimum
    from abate.planner.options import Option
    from abate.planner.people import People
    from abate.planner.record import Record

__all__ = ["plan"]


def plan(
    patient: Annotated[
        Path | None,
        typer.Argument(metavar="PATIENT", help="The patient: a YAML record, a FHIR bundle (.json) or a CSV."),
    ] = None,
    option: Annotated[list[str] | None, typer.Option("--option", metavar="SLUG", help="Only these options.")] = None,
    text: Annotated[
        str | None,
        typer.Option("--plan", metavar="TEXT", help="One more: '10 mg for 4 weeks, 1 mg less every 4 weeks to 0'."),
    ] = None,
    chosen: Annotated[
        str | None,
        typer.Option("--choose", metavar="SLUG", help="Write this one down by day (default: the first option)."),
    ] = None,
    optimise: Annotated[
        bool, typer.Option("--optimise", help="Search for the least prednisone at a flare risk, and choose that plan.")
    ] = False,
    risk: Annotated[
        float | None,
        typer.Option("--risk", metavar="CHANCE", help="For --optimise, 0-1; else the record's, else the guideline's."),
    ] = None,
    may: Annotated[
        list[str] | None,
        typer.Option(
            "--may", metavar="REGIMEN", help="For --optimise: an antibody it may choose, or 'none'; repeat it."
        ),
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=8, max=2000, help="For --optimise: plans to try.")] = 60,
    import_: Annotated[
        Path | None,
        typer.Option(
            "--import", metavar="FILE", help="Only turn a patient's file into another kind: --out says which."
        ),
    ] = None,
    disease: Annotated[
        str | None, typer.Option("--disease", help="pmr, gca, ra or fibromyalgia, where the file does not say.")
    ] = None,
    people: Annotated[int, typer.Option("--people", min=16, help="Virtual people, a multiple of 16.")] = 128,
    weeks: Annotated[int | None, typer.Option("--weeks", min=4, max=260, help="How far ahead.")] = None,
    prior: Annotated[bool, typer.Option("--prior", help="Do not use the patient's measurements.")] = False,
    why: Annotated[
        bool, typer.Option("--explain", help="Also: are recent complaints a flare, withdrawal or the adrenals?")
    ] = False,
    seed: Seed = 1,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Forecast flares, prednisone and the adrenals on each option, in the same virtual people, with intervals.

    For research and conversation with a clinician: not a prescription. With --out, the folder gets results.json,
    report.html, schedule.csv, calendar.ics, plan.fhir.json, handout.pdf and letter.pdf.
    """
    from abate.ground.errors import InputError
    from abate.ground.extras import need
    from abate.ground.files import check_replaceable
    from abate.planner.bring import bring
    from abate.planner.forecast import forecasts
    from abate.planner.people import people_like
    from abate.planner.plan import payload
    from abate.planner.schedule import schedule

    if import_ is not None:
        _import(import_, {"disease": disease}, out, plain=json_)
        return
    if patient is None:
        raise InputError("PATIENT", "no patient is named", allowed="a record (.yaml), a FHIR bundle (.json) or a CSV")
    if out is not None:
        check_replaceable(out)
        need("clinic", "pdf")
    if optimise:
        need("planner")
    if not optimise and (risk is not None or may):
        raise InputError("--risk" if risk is not None else "--may", "this belongs to --optimise", hint="add --optimise")
    brought = bring(patient, {"disease": disease})
    record = brought.record
    options = _options(record, option, text)
    choice = _choice(options, chosen, "plan" if text else None) if chosen != "optimised" else chosen
    # a plan that cannot be written down is refused before anybody waits for its forecast
    written = None if optimise and chosen in (None, "optimised") else schedule(record, options[choice])
    with progress("people like the patient") as tell:
        like = people_like(record, people, seed, basis="prior" if prior else "auto", weeks=weeks, progress=tell)
    found = None
    if optimise:
        with progress("searching") as tell:
            found = _search(like, risk, may, trials, weeks, tell)
        options = {**options, found.chosen.option.slug: found.chosen.option}
    with progress("forecasting") as tell:
        made_of = forecasts(like, options, weeks=weeks, progress=tell)
    made = payload(like, made_of)
    made["basis"]["warnings"] += [f"of {patient.name}, {note}" for note in brought.notes]
    if found is not None:
        made["optimised"] = found.as_dict()
        choice = choice if written is not None else found.chosen.option.slug
    written = written or schedule(record, options[choice])
    made |= {"chosen": choice, "schedule": written.as_dict()}
    if why:
        from abate.planner.explain import explain

        with progress("explaining the diary") as tell:
            made["explanation"] = explain(record, seed=seed, progress=tell).as_dict()
    if out is not None:
        _write(made, written, seed, out)
    emit(made, kind="plan", seed=seed, json_=json_, out=None, show=_show)


def _import(file: Path, given: Mapping[str, Any], out: Path | None, *, plain: bool) -> None:
    """Turn a patient's file into another kind; without --out it is printed."""
    from abate.ground.errors import InputError
    from abate.ground.files import write_atomically
    from abate.planner.bring import bring, text_as

    brought = bring(file, given)
    ending = "json" if plain and out is None else "yaml" if out is None else out.suffix.lstrip(".").casefold()
    content = text_as(brought.record, ending)
    for note in brought.notes:
        typer.echo(f"note: {note}", err=True)
    if out is None:
        typer.echo(content, nl=False)
        return
    if out.exists():
        raise InputError("--out", "the file is there already", value=str(out), hint="choose another name")
    write_atomically(out, content)
    typer.echo(f"{out}: a record of {len(brought.record.drugs)} courses of drugs, {len(brought.record.measurements)} "
               f"measurements and {len(brought.record.diary)} days of a diary")  # fmt: skip


def _search(
    like: People, risk: float | None, may: list[str] | None, trials: int, weeks: int | None,
    tell: Callable[[float], None],
) -> Optimum:  # fmt: skip
    from abate.planner.optimise import optimise
    from abate.planner.options import reference_of

    reference = reference_of(like.record)
    return optimise(like, reference, risk, antibodies=may, trials=trials, weeks=weeks, progress=tell)


def _options(record: Record, names: list[str] | None, text: str | None) -> dict[str, Option]:
    from abate.planner.options import choose, option_from_text

    options = choose(record, names)
    if text:
        typed = option_from_text(record, text)
        options = {**options, typed.slug: typed}
    return options


def _choice(options: Mapping[str, Option], chosen: str | None, typed: str | None) -> str:
    from abate.ground.errors import InputError
    from abate.ground.files import did_you_mean

    if chosen is not None and chosen not in options:
        raise InputError(
            "--choose", "there is no such option", value=chosen, allowed=options, hint=did_you_mean(chosen, options)
        )
    return chosen or typed or next(iter(options))


def _write(made: dict[str, Any], written: Any, seed: int, out: Path) -> None:
    import json

    from abate.ground.files import fresh_directory
    from abate.ground.results import dumps, write_results
    from abate.planner.paper import write_papers
    from abate.report.page import write as write_page
    from abate.report.plan import compose

    plain = json.loads(dumps({**made, "seed": seed}))
    with fresh_directory(out) as folder:
        write_results(folder, "plan", seed, made)
        write_papers(written, plain, folder)
        write_page(compose(plain), folder)


def _show(made: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from abate.report.tables import brief, interval, percent

    console = Console(width=None if sys.stdout.isatty() else 160)
    for flag in made["red_flags"]:
        console.print(f"[bold]RED FLAG[/bold] {flag['date']}: {flag['says']}. {flag['do']}", highlight=False)
    console.print(made["basis"]["says"], highlight=False)
    for warning in made["basis"]["warnings"]:
        console.print(f"note: {warning}", highlight=False)
    weeks, flares = next(iter(made["options"].values()))["weeks"], made["basis"]["flares_forecast"]
    table = Table(
        "option",
        f"flare in {weeks} weeks",
        "prednisone mg",
        "off, no flare" if flares else "off",
        "adrenals ready at the last step",
    )
    for slug, row in made["options"].items():
        last = [r for r in row["adrenal"] if r["mg"] > 0][-1:]
        ready = f"{interval(last[0]['ready'], share=True)} at {brief(last[0]['mg'])} mg" if last else "-"
        table.add_row(
            slug,
            interval(row["flare"]["total"], share=True) if flares else "not forecast",
            interval(row["cumulative-prednisone-mg"]),
            percent(row["off-prednisone-without-flare"].estimate if flares else row["off-prednisone"].estimate),
            ready,
        )
        for warning in row["warnings"]:
            console.print(f"note on {slug}: {warning}", highlight=False)
    console.print(table)
    if "optimised" in made:
        console.print(made["optimised"]["says"] + ".", highlight=False)
    _show_explanation(console, made.get("explanation"))
    console.print(f"Written down by day: {made['chosen']}. {made['note']}", highlight=False)


def _show_explanation(console: Any, found: Mapping[str, Any] | None) -> None:
    if not found:
        return
    last = found["days"][-1]
    chances = ", ".join(f"{name} {100 * p:.0f} %" for name, p in last.items() if name != "date")
    console.print(f"On {last['date']}: {chances}. {found['advice']}", highlight=False)
    best = found["next"][0]
    console.print(f"What would tell them apart best: {best['says']} ({100 * best['removes']:.0f} %).", highlight=False)
    for note in found["notes"]:
        console.print(f"note: {note}", highlight=False)
