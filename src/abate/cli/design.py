"""``abate design``: sample size and operating characteristics of a randomised trial."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from abate.cli.design_trials import Answer, show_trials
from abate.cli.output import Json, Out, Seed, Set, emit
from abate.ground.errors import InputError

__all__ = ["design"]

EFFECT, LOOKS, PILOT, RUN = "Effect", "Looks", "From a pilot", "From virtual trials"


def option(*names: str, panel: str, **settings: Any) -> Any:
    """Return an option in a panel of the help."""
    return typer.Option(*names, rich_help_panel=panel, **settings)


Numbers = Annotated[str | None, option(panel=LOOKS)]


def design(
    file: Annotated[Path | None, typer.Argument(metavar="[DESIGN.yaml]", help="A design file; options win.")] = None,
    *,
    alpha: Annotated[float | None, typer.Option(help="Type I error over all looks (default: 0.05).")] = None,
    power: Annotated[float | None, typer.Option(help="Wanted power (default: 0.9).")] = None,
    sided: Annotated[int | None, typer.Option(help="Sides of the test, 1 or 2 (default: 2).")] = None,
    ratio: Annotated[float | None, typer.Option(help="People on treatment for each on control (default: 1).")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of people lost (default: 0).")] = None,
    layout: Annotated[str | None, typer.Option(help="parallel, paired or crossover (default: parallel).")] = None,
    control: Annotated[float | None, option("--control", panel=EFFECT, help="Share (or mean) on control.")] = None,
    treatment: Annotated[float | None, option("--treatment", panel=EFFECT, help="The same on treatment.")] = None,
    effect: Annotated[float | None, option("--effect", panel=EFFECT, help="Treatment minus control.")] = None,
    sd: Annotated[float | None, option("--sd", panel=EFFECT, help="Standard deviation of the score.")] = None,
    correlation: Annotated[
        float | None, option("--correlation", panel=EFFECT, help="Of a score with its baseline, or of both periods.")
    ] = None,
    hazard_ratio: Annotated[float | None, option("--hazard-ratio", panel=EFFECT, help="For a time to flare.")] = None,
    at: Annotated[float | None, option("--at", panel=EFFECT, help="Time by which --control have the event.")] = None,
    accrual: Annotated[float | None, option("--accrual", panel=EFFECT, help="Time over which people enter.")] = None,
    follow_up: Annotated[
        float | None, option("--follow-up", panel=EFFECT, help="Time the last one is followed.")
    ] = None,
    odds_ratio: Annotated[float | None, option("--odds-ratio", panel=EFFECT, help="For ordered categories.")] = None,
    categories: Annotated[
        str | None, option("--categories", panel=EFFECT, help="Their shares on control, best first: 0.2,0.5,0.3.")
    ] = None,
    win_ratio: Annotated[float | None, option("--win-ratio", panel=EFFECT, help="For a ranked composite.")] = None,
    ties: Annotated[float | None, option("--ties", panel=EFFECT, help="Share of tied pairs.")] = None,
    test: Annotated[
        str | None,
        option(
            "--test",
            panel=EFFECT,
            help="pooled, continuity, unpooled, arcsine, exact; schoenfeld, freedman.",
        ),
    ] = None,
    looks: Annotated[
        int | None, option("--looks", panel=LOOKS, help="How many, the last included (default: 1).")
    ] = None,
    information: Annotated[
        str | None, option("--information", panel=LOOKS, help="Shares of the information: 0.5,0.75,1 (default: equal).")
    ] = None,
    boundary: Annotated[
        str | None,
        option(
            "--boundary",
            panel=LOOKS,
            help="obrien-fleming, pocock, haybittle-peto, hwang-shih-decani, wang-tsiatis (default: obrien-fleming).",
        ),
    ] = None,
    spending: Annotated[
        str | None,
        option("--spending", panel=LOOKS, help="obrien-fleming, pocock, hwang-shih-decani, kim-demets (Lan-DeMets)."),
    ] = None,
    gamma: Annotated[float | None, option("--gamma", panel=LOOKS, help="Of Hwang-Shih-DeCani (default: -4).")] = None,
    rho: Annotated[float | None, option("--rho", panel=LOOKS, help="Of Kim-DeMets (default: 3).")] = None,
    delta: Annotated[float | None, option("--delta", panel=LOOKS, help="Of Wang-Tsiatis (default: 0.25).")] = None,
    early_z: Annotated[float | None, option("--early-z", panel=LOOKS, help="Of Haybittle-Peto (default: 3).")] = None,
    spend: Annotated[
        str | None, option("--spend", panel=LOOKS, help="Cumulative error of a side at each look: 0.005,0.025.")
    ] = None,
    futility: Annotated[
        str | None, option("--futility", panel=LOOKS, help="Spending function of the type II error.")
    ] = None,
    futility_z: Annotated[
        str | None, option("--futility-z", panel=LOOKS, help="Or fixed z, one a look but the last: 0,0.5.")
    ] = None,
    futility_gamma: Annotated[
        float | None, option("--futility-gamma", panel=LOOKS, help="Of Hwang-Shih-DeCani futility (default: -2).")
    ] = None,
    binding: Annotated[bool, option("--binding", panel=LOOKS, help="The futility boundary must be heeded.")] = False,
    pilot: Annotated[
        str | None, option("--pilot", metavar="STUDY", panel=PILOT, help="A Study, a CSV, or responders as 3/6.")
    ] = None,
    measure: Annotated[str | None, option("--measure", panel=PILOT, help="What was measured.")] = None,
    visit: Annotated[
        str | None, option("--visit", panel=PILOT, help="Visit of the change (default: the last).")
    ] = None,
    responder: Annotated[
        float | None, option("--responder", panel=PILOT, help="A fall by this share makes a responder: 0.3.")
    ] = None,
    prior_people: Annotated[
        float | None,
        option("--prior-people", panel=PILOT, help="Weight of the prior of no effect (default: as the pilot)."),
    ] = None,
    control_people: Annotated[
        float, option("--control-people", panel=PILOT, help="People behind --control; 0 takes it as known.")
    ] = 0.0,
    assurance: Annotated[
        float | None, option("--assurance", panel=PILOT, help="Size for this chance of success instead of the power.")
    ] = None,
    trial: Annotated[
        str | None, option("--trial", metavar="TRIAL", panel=RUN, help="Run replicates of this trial (name or file).")
    ] = None,
    replicates: Annotated[int, option("--replicates", panel=RUN, help="How many trials.")] = 1000,
    patients: Annotated[
        int | None, option("--patients", panel=RUN, help="In each arm (default: as the treatment arm of the trial).")
    ] = None,
    arms: Annotated[
        str | None, option("--arms", panel=RUN, help="treatment,control (default: the first arm, the reference).")
    ] = None,
    endpoint: Annotated[
        str | None, option("--endpoint", panel=RUN, help="The one that decides (default: the trial's first).")
    ] = None,
    vary: Annotated[
        list[str] | None, option("--vary", metavar="NAME=LOW:HIGH", panel=RUN, help="A parameter that is not known.")
    ] = None,
    sets: Annotated[int, option("--sets", panel=RUN, help="Draws of such parameters.")] = 1,
    settings: Set = None,
    resume: Annotated[bool, option("--resume", panel=RUN, help="Go on with an interrupted run.")] = False,
    simulate: Annotated[
        int | None, typer.Option("--simulate", help="Simulate so many trials of the design itself.")
    ] = None,
    adaptive: Annotated[
        str | None,
        typer.Option(
            "--adaptive", help="blinded-re-estimation, promising-zone, response-adaptive, bayesian or enrichment."
        ),
    ] = None,
    adapt: Annotated[
        list[str] | None, typer.Option("--adapt", metavar="KEY=VALUE", help="A setting of the adaptive design.")
    ] = None,
    seed: Seed = 1,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Design a randomised trial: its size, its looks, and how it behaves.

    The effect comes from the options, from a design file, from a pilot (--pilot) or from virtual trials (--trial). With
    --out, the folder holds results.json and a report; a design file also gives the protocol, the randomisation lists
    and dummy ADaM data.
    """
    flat = {
        "alpha": alpha,
        "power": power,
        "sided": sided,
        "ratio": ratio,
        "dropout": dropout,
        "layout": layout,
    }
    assume = {
        "control": control,
        "treatment": treatment,
        "effect": effect,
        "sd": sd,
        "correlation": correlation,
        "hazard_ratio": hazard_ratio,
        "at": at,
        "accrual": accrual,
        "follow_up": follow_up,
        "odds_ratio": odds_ratio,
        "categories": _numbers("--categories", categories),
        "win_ratio": win_ratio,
        "ties": ties,
        "test": test,
    }
    stops = {
        "number": looks,
        "information": _numbers("--information", information),
        "boundary": boundary,
        "spending": spending,
        "gamma": gamma,
        "rho": rho,
        "delta": delta,
        "early_z": early_z,
        "spend": _numbers("--spend", spend),
        "futility": futility,
        "futility_z": _numbers("--futility-z", futility_z),
        "futility_gamma": futility_gamma,
        "binding": binding or None,
    }
    wanted: dict[str, dict[str, Any]] = {"flat": flat, "assume": assume, "looks": stops}
    if pilot is not None:
        seen = {
            "measure": measure,
            "visit": visit,
            "responder": responder,
            "control": control,
            "prior_people": prior_people,
            "control_people": control_people,
        }
        answer = _from_pilot(pilot, wanted, seen, assurance)
    elif trial is not None:
        from abate.cli.design_trials import from_trials

        answer = from_trials(
            trial,
            _request(wanted),
            arms=arms,
            people=patients,
            replicates=replicates,
            endpoint=endpoint,
            vary=vary or [],
            sets=sets,
            settings=settings,
            seed=seed,
            out=out,
            resume=resume,
        )
    elif file is not None:
        answer = _from_file(file, wanted, seed)
    else:
        answer = _from_numbers(wanted, simulate, seed, adaptive, adapt)
    _finish(answer, seed=seed, json_=json_, out=out)


def _numbers(name: str, text: str | None) -> tuple[float, ...] | None:
    """Read ``0.5,0.75,1``."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.replace(";", ",").split(",") if part.strip())
    except ValueError as error:
        raise InputError(name, "not numbers with commas between", value=text, allowed="as 0.5,0.75,1") from error


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _request(wanted: dict[str, dict[str, Any]]) -> Any:
    from abate.design.request import DesignRequest
    from abate.ground.files import Document
    from abate.ground.schema import read

    groups = {group: _given(wanted[group]) for group in ("assume", "looks")}
    return read(DesignRequest, Document("design", {**_given(wanted["flat"]), **groups}))


def _from_numbers(
    wanted: dict[str, dict[str, Any]], trials: int | None, seed: int, adaptive: str | None, adapt: list[str] | None
) -> Answer:
    from abate.design.plan import plan
    from abate.design.report import design_report

    made = plan(_request(wanted))
    body = made.payload()
    if adaptive is not None:
        from abate.cli.output import changes
        from abate.design.adaptive.choose import adaptive as simulated

        body["adaptive"] = simulated(made, adaptive, changes=changes(adapt), trials=trials or 10_000, seed=seed)
    elif trials is not None:
        from abate.design.adaptive.sequential_trials import expected_error, simulate_plan

        body["simulated"] = {
            "trials": trials,
            "nominal_error": expected_error(made),
            "null": simulate_plan(made, null=True, trials=trials, seed=seed).as_dict(),
            "effect": simulate_plan(made, trials=trials, seed=seed).as_dict(),
        }
    return Answer({"design": body}, lambda: design_report(made))


def _from_file(file: Path, wanted: dict[str, dict[str, Any]], seed: int) -> Answer:
    from abate.design.assurance import solve_from_pilot
    from abate.design.plan import plan
    from abate.design.protocol.file import load_design
    from abate.design.protocol.sample_size import paragraph
    from abate.design.protocol.sections import protocol_sections
    from abate.design.protocol.write import write_protocol
    from abate.design.report import design_report

    changes = _given(wanted["flat"])
    changes |= {group: _given(wanted[group]) for group in ("assume", "looks") if _given(wanted[group])}
    described = load_design(file, changes=changes)
    pilot, assured = None, None
    if described.pilot is not None:
        pilot = described.pilot.value()
        made, assured = solve_from_pilot(pilot, described.request)
    else:
        made = plan(described.request)
    body = {"name": described.name, "title": described.title, **made.payload()}
    if pilot is not None and assured is not None:
        body |= {"pilot": pilot.as_dict(), "assurance": assured.as_dict()}

    def report() -> Any:
        more = protocol_sections(described, made)
        return design_report(made, title=described.title, pilot=pilot, assured=assured, more=more)

    size = paragraph(made, pilot=pilot, assured=assured)
    return Answer({"design": body}, report, lambda f: write_protocol(described, made, f, seed=seed, size=size))


def _from_pilot(path: str, wanted: dict[str, dict[str, Any]], seen: dict[str, Any], target: float | None) -> Answer:
    from abate.design.assurance import solve_from_pilot
    from abate.design.pilot import read_counts, read_pilot
    from abate.design.report import design_report

    pilot = read_counts(path, **seen) or read_pilot(path, **seen)
    made, assured = solve_from_pilot(pilot, _request(wanted), target=target)
    body = {**made.payload(), "pilot": pilot.as_dict(), "assurance": assured.as_dict()}
    title = "A randomised trial, sized from a pilot"
    return Answer({"design": body}, lambda: design_report(made, title=title, pilot=pilot, assured=assured))


def _finish(answer: Answer, *, seed: int, json_: bool, out: Path | None) -> None:
    from abate.ground.files import fresh_directory
    from abate.ground.results import write_results

    if out is not None:
        from abate.report.page import write

        with fresh_directory(out) as folder:
            write_results(folder, "design", seed, answer.payload)
            write(answer.report(), folder)
            if answer.files is not None:
                answer.files(folder)
    emit(answer.payload, kind="design", seed=seed, json_=json_, out=None, show=_show)


def _show(payload: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console() if Console().is_terminal else Console(width=160)
    body = payload["design"]
    if body["kind"] == "virtual-trials":
        show_trials(console, body)
        return
    sizes = body.get("sample_size")
    if sizes:
        arms = f"{sizes['control']} control + {sizes['treatment']} treatment" if sizes["treatment"] else "all on both"
        console.print(f"{sizes['total']} people to be analysed ({arms}); {body['method']}", highlight=False)
        if sizes["dropout"]:
            lost = f"{100 * sizes['dropout']:.3g} % lost"
            console.print(f"{sizes['randomised_total']} to be randomised, for {lost}", highlight=False)
        power = f"power {body['attained_power']:.4f}"
        console.print(f"{power}, {body['sided']}-sided type I error {body['alpha']:g}", highlight=False)
    if body["looks"] > 1:
        _show_looks(console, body)
    if "simulated" in body:
        found = body["simulated"]
        null, effect = found["null"]["rejected"], found["effect"]["rejected"]
        console.print(
            f"in {found['trials']} simulated trials: type I error {null['estimate']:.4f} ({null['low']:.4f} to "
            f"{null['high']:.4f}, nominal {found['nominal_error']:g}), power {effect['estimate']:.4f}",
            highlight=False,
        )
    if "adaptive" in body:
        found = body["adaptive"]
        null, effect = found["null"], found["effect"]
        console.print(
            f"{found['name']}: in {found['trials']} simulated trials type I error {null['rejected']['estimate']:.4f} "
            f"({null['rejected']['low']:.4f} to {null['rejected']['high']:.4f}, nominal {found['nominal_error']:g}), "
            f"power {effect['rejected']['estimate']:.4f}",
            highlight=False,
        )
    if "assurance" in body:
        found = body["assurance"]
        console.print(
            f"chance of success {found['assurance']:.2f} over the pilot's uncertainty, at most {found['ceiling']:.2f} "
            f"with any size (power at the pilot's own estimate: {found['power_at_pilot_estimate']:.4f})",
            highlight=False,
        )
    console.print("For research; not a prescription.", style="dim")


def _show_looks(console: Any, body: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table

    stops = f"{body['boundary']}" + (f"; {body['futility']}" if body["futility"] else "")
    table = Table(box=box.SIMPLE_HEAD, title=stops, title_justify="left")
    wanted = {
        "look": "look",
        "information": "information",
        "z": "z",
        "nominal_p": "nominal p",
        "cumulative_alpha": "error spent",
        "cumulative_power": "power so far",
        "futility_z": "futility z",
        "total": "people",
        "events": "events",
    }
    kept = [key for key in wanted if key in body["boundaries"][0]]
    for key in kept:
        table.add_column(wanted[key], justify="right")
    for row in body["boundaries"]:
        table.add_row(*(_cell(row[key]) for key in kept))
    console.print(table)
    expected = body["expected_sample_size"]
    unit = body["expected_sample_size_unit"]
    digits = ".0f" if unit == "people" else ".4f"
    console.print(
        f"largest size {body['inflation_factor']:.4f} times the fixed one; "
        f"expected {expected['effect']:{digits}} under the effect, {expected['null']:{digits}} under none ({unit})",
        highlight=False,
    )


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "-" if value is None else str(value)
