"""``abate plan``: forecast candidate tapers for one patient, and write the chosen one down."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abate.cli.output import Json, Out, Seed, emit, progress

if TYPE_CHECKING:
    from abate.planner.options import Option
    from abate.planner.record import Record

__all__ = ["plan"]


def plan(
    patient: Annotated[Path, typer.Argument(metavar="PATIENT", help="The patient's record, a YAML file.")],
    option: Annotated[list[str] | None, typer.Option("--option", metavar="SLUG", help="Only these options.")] = None,
    text: Annotated[
        str | None,
        typer.Option("--plan", metavar="TEXT", help="One more: '10 mg for 4 weeks, 1 mg less every 4 weeks to 0'."),
    ] = None,
    chosen: Annotated[
        str | None,
        typer.Option("--choose", metavar="SLUG", help="Write this one down by day (default: the first option)."),
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
    from abate.ground.files import check_replaceable
    from abate.planner.forecast import forecasts
    from abate.planner.people import people_like
    from abate.planner.plan import payload
    from abate.planner.record import load_record
    from abate.planner.schedule import schedule

    if out is not None:
        check_replaceable(out)
    record = load_record(patient)
    options = _options(record, option, text)
    choice = _choice(options, chosen, "plan" if text else None)
    written = schedule(record, options[choice])
    with progress("people like the patient") as tell:
        like = people_like(record, people, seed, basis="prior" if prior else "auto", weeks=weeks, progress=tell)
    with progress("forecasting") as tell:
        made = payload(like, forecasts(like, options, weeks=weeks, progress=tell))
    made |= {"chosen": choice, "schedule": written.as_dict()}
    if why:
        from abate.planner.explain import explain

        with progress("explaining the diary") as tell:
            made["explanation"] = explain(record, seed=seed, progress=tell).as_dict()
    if out is not None:
        _write(made, written, seed, out)
    emit(made, kind="plan", seed=seed, json_=json_, out=None, show=_show)


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
            interval(row["cumulative-prednisone-mg"], digits=4),
            percent(row["off-prednisone-without-flare"].estimate if flares else row["off-prednisone"].estimate),
            ready,
        )
        for warning in row["warnings"]:
            console.print(f"note on {slug}: {warning}", highlight=False)
    console.print(table)
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
