"""``abate validate``: the published checks, predicted against published, side by side."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from abate.cli.output import Json, Out, Seed, Set, changes, emit, progress

__all__ = ["validate"]


def validate(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="pharmacokinetics, or a trial of the library.")
    ] = None,
    dose: Annotated[str | None, typer.Option("--dose", help="A regimen: '4 mg/kg iv every 4 weeks'.")] = None,
    weight: Annotated[str | None, typer.Option("--weight", help="A band of body weight: '>=100 kg'.")] = None,
    doses: Annotated[int | None, typer.Option("--doses", help="How many; default: 8, and at least 24 weeks.")] = None,
    model: Annotated[str, typer.Option("--model", help="Pharmacokinetic model and set of numbers.")] = "tocilizumab/ra",
    population: Annotated[str, typer.Option("--population", help="Who is dosed.")] = "ra",
    patients: Annotated[int, typer.Option("--patients", help="People in a population.")] = 2000,
    replicates: Annotated[int, typer.Option("--replicates", help="Replicate trials of the published size.")] = 100,
    seed: Seed = 1,
    settings: Set = None,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Run the published checks and print predicted against published."""
    from abate.evidence.checks import checks
    from abate.ground.errors import InputError
    from abate.ground.files import did_you_mean

    known = checks()
    if name is not None and name not in known:
        raise InputError("NAME", "there is no such check", value=name, allowed=known, hint=did_you_mean(name, known))
    if dose is not None:
        if name not in (None, "pharmacokinetics"):
            raise InputError("--dose", "only pharmacokinetics takes a dose", value=dose)
        payload = _exposure(dose, model, population, patients, seed, weight, doses, changes(settings))
        emit(payload, kind="exposure", seed=seed, json_=json_, out=out, show=_show_exposure)
        return
    given = {"--weight": weight, "--doses": doses, "--set": settings or None}
    for option, value in given.items():
        if value is not None and not (option == "--set" and name not in (None, "pharmacokinetics")):
            raise InputError(option, "needs a dose", value=value, hint="add --dose '162 mg sc every week'")
    if patients < 1 or replicates < 2:
        raise InputError(
            "--patients/--replicates",
            "too few",
            value=min(patients, replicates),
            allowed="patients >= 1, replicates >= 2",
        )
    names = [name] if name else list(known)
    parts: dict[str, Any] = {}
    for each in names:
        with progress(f"validating {each}") as tell:
            parts[each] = known[each](patients, replicates, seed, changes(settings), tell)
    payload = (
        parts[names[0]]
        if name
        else {"checks": parts, "scoreboard": [r for p in parts.values() for r in p["scoreboard"]]}
    )
    emit(payload, kind="validation", seed=seed, json_=json_, out=out, show=_show_board)


def _exposure(
    dose: str,
    model: str,
    population: str,
    patients: int,
    seed: int,
    weight: str | None,
    doses: int | None,
    settings: dict[str, str],
) -> dict[str, Any]:
    from abate.evidence.exposure import exposure, summary
    from abate.science.model import load
    from abate.trial.values import model_values

    plain = load(model)
    changed = plain.with_values(model_values(plain, settings)) if settings else plain
    made = exposure(
        dose, model=changed, population=population, patients=patients, seed=seed, weight=weight, doses=doses
    )
    return {
        "dose": dose,
        "doses": made.doses,
        "interval_days": made.interval,
        "model": model,
        "population": population,
        "weight": weight,
        "patients": patients,
        "exposure": summary(made),
    }


def _show_exposure(payload: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    who = f"{payload['patients']} people of {payload['population']}" + (
        f", {payload['weight']}" if payload["weight"] else ""
    )
    table = Table("", "mean", "SD", "unit", "accumulation", title=f"{payload['dose']}: dose {payload['doses']}, {who}")
    for name, row in payload["exposure"].items():
        table.add_row(
            name.capitalize(), f"{row['mean']:.4g}", f"{row['sd']:.4g}", row["unit"], f"{row['accumulation']:.3f}"
        )
    console = Console()
    console.print(table)
    console.print("Accumulation: mean of the last interval over that of the first. For research; not a prescription.")


def _show_board(payload: dict[str, Any]) -> None:
    from abate.report.terminal import scoreboard, show

    rows = payload["scoreboard"]
    inside = sum(bool(row["inside"]) for row in rows)
    show(scoreboard(rows, title=f"Predicted against published: {inside} of {len(rows)} inside"))
    for row in rows:
        if not row["inside"]:
            reason = row.get("misfit") or "no reason is known yet"
            print(f"outside: {row['target']}{', ' + row['arm'] if row.get('arm') else ''}: {reason}")  # noqa: T201
