"""``abate fit``: a population's parameters, or one person's posterior."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abate.cli.output import Json, Out, Seed, Set, changes, emit, progress

if TYPE_CHECKING:
    from abate.inference.nlme import Choices, PopulationFit
    from abate.inference.person import Posterior
    from abate.science.model import Model

__all__ = ["fit"]

PERSON, POPULATION = "One patient", "A population"


def _option(*names: str, panel: str, **settings: Any) -> Any:
    return typer.Option(*names, rich_help_panel=panel, **settings)


Names = Annotated[list[str] | None, _option(panel=POPULATION)]


def fit(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="il6_blockade/gca, pk1_oral ... or a model file.")],
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="NONMEM-format CSV, or one patient's CSV (column kind).")
    ],
    people: Annotated[int, _option("--people", panel=PERSON, min=16, help="Virtual people of the posterior.")] = 512,
    population: Annotated[
        str, _option("--population", panel=PERSON, help="Covariates that the file lacks: auto, none, or a population.")
    ] = "auto",
    covariate: Annotated[
        list[str] | None, _option("--covariate", panel=POPULATION, help="CL~WT or CL~log(WT/70); may be repeated.")
    ] = None,
    correlate: Annotated[
        list[str] | None, _option("--correlate", panel=POPULATION, help="CL,V: estimate their correlation.")
    ] = None,
    independent: Annotated[
        bool, _option("--independent", panel=POPULATION, help="No correlations, also not the model's own.")
    ] = False,
    fix: Annotated[list[str] | None, _option("--fix", panel=POPULATION, help="Hold a parameter.")] = None,
    estimate: Annotated[
        list[str] | None, _option("--estimate", panel=POPULATION, help="Estimate one that does not vary.")
    ] = None,
    no_eta: Annotated[
        list[str] | None, _option("--no-eta", panel=POPULATION, help="Estimate without a random effect.")
    ] = None,
    error: Annotated[
        list[str] | None,
        _option("--error", panel=POPULATION, help="additive, proportional, combined, exponential; or OUTPUT=KIND."),
    ] = None,
    dv: Annotated[
        str | None, _option("--dv", panel=POPULATION, help="What DVID 1, 2 ... observe: C,crp (default: first output).")
    ] = None,
    time_unit: Annotated[
        str | None, _option("--time-unit", panel=POPULATION, help="Of TIME: hour, day (default: as the parameters).")
    ] = None,
    iterations: Annotated[
        str, _option("--iterations", panel=POPULATION, help="To look around, and to average: 300,200.")
    ] = "300,200",
    chains: Annotated[int, _option("--chains", panel=POPULATION, min=0, help="A subject; 0: 60 in all.")] = 0,
    samples: Annotated[
        int, _option("--samples", panel=POPULATION, min=200, help="A subject, for the likelihood.")
    ] = 2000,
    bootstrap: Annotated[int, _option("--bootstrap", panel=POPULATION, min=0, help="Redrawn data sets.")] = 0,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Threads of the solver; the numbers do not depend on them.")
    ] = None,
    settings: Set = None,
    seed: Seed = 1,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Fit a population by SAEM, or infer one patient's parameters."""
    from abate.ground.errors import InputError
    from abate.science.model import load

    chosen = load(model)
    if settings:
        from abate.trial.values import model_values

        chosen = chosen.with_values(model_values(chosen, changes(settings)))
    if _is_patient(dataset):
        _fit_person(chosen, dataset, people, population, seed, json_, out)
        return
    words = {"--correlate": correlate, "--independent": independent}
    if correlate and independent:
        raise InputError("--independent", "contradicts --correlate", value=words["--correlate"])
    from abate.inference.nlme import Choices

    blocks = tuple(tuple(n.strip() for n in group.split(",")) for group in correlate or ())
    choices = Choices(
        estimate=tuple(estimate or ()),
        fix=tuple(fix or ()),
        no_eta=tuple(no_eta or ()),
        covariates=tuple(covariate or ()),
        correlate=blocks if correlate or independent else None,
        error=_errors(error),
    )
    outputs = tuple(n.strip() for n in dv.split(",")) if dv else ()
    plan = _plan(iterations, chains)
    _fit_population(
        chosen, dataset, choices, outputs, time_unit, plan, samples, bootstrap, workers, seed, json_, out
    )  # fmt: skip


def _is_patient(path: Path) -> bool:
    from abate.ground.errors import InputError

    try:
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline()
    except FileNotFoundError as error:
        raise InputError(str(path), "there is no such file", hint="check the name") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), "the file cannot be read as UTF-8 text") from error
    return "kind" in {name.strip().strip('"').lower() for name in first.split(",")}


def _errors(given: list[str] | None) -> dict[str, str]:
    found = {}
    for word in given or []:
        output, equals, kind = word.partition("=")
        found[output if equals else ""] = kind if equals else word
    return found


def _plan(iterations: str, chains: int) -> Any:
    from abate.ground.errors import InputError
    from abate.inference.nlme import Plan

    parts = iterations.split(",")
    if len(parts) != 2 or not all(p.strip().isdigit() and int(p) > 0 for p in parts):
        raise InputError("--iterations", "not two counts", value=iterations, allowed="like 300,200")
    return Plan(int(parts[0]), int(parts[1]), chains)


def _fit_person(
    model: Model, path: Path, people: int, population: str, seed: int, json_: bool, out: Path | None
) -> None:
    from abate.ground.files import fresh_directory
    from abate.ground.results import write_results
    from abate.inference import fit_person, read_patient
    from abate.report.fit_person import person_payload, person_report

    patient = read_patient(path)
    whose = None if population == "none" else population
    with progress(f"{model.name}: posterior of {patient.name}") as tell:
        posterior = fit_person(model, patient, people=-(-people // 16) * 16, seed=seed, population=whose, progress=tell)
    payload = person_payload(posterior)
    if out is not None:
        from abate.report.page import write

        with fresh_directory(out) as folder:
            write_results(folder, "posterior", seed, payload)
            _people_table(posterior).to_parquet(folder / "people.parquet", index=False)
            write(person_report(posterior), folder)
    _warn(payload)
    emit(payload, kind="posterior", seed=seed, json_=json_, out=None, show=lambda p: _show(p, out))


def _people_table(posterior: Posterior) -> Any:
    import pandas as pd

    frame = pd.DataFrame({"person": posterior.persons, "weight": posterior.weights})
    return frame.assign(**{n: v for n, v in posterior.parameters.items() if n in posterior.effects})


def _fit_population(
    model: Model,
    path: Path,
    choices: Choices,
    outputs: tuple[str, ...],
    time_unit: str | None,
    plan: Any,
    samples: int,
    replicates: int,
    workers: int | None,
    seed: int,
    json_: bool,
    out: Path | None,
) -> None:
    from abate.inference.nlme import fit_population

    checkpoint = None
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        checkpoint = out.with_name(f"{out.name}.interrupted.npz")
    with progress(f"{model.name}: SAEM") as tell:
        found = fit_population(
            model,
            path,
            seed=seed,
            choices=choices,
            plan=plan,
            outputs=outputs,
            time_unit=time_unit,
            samples=samples,
            threads=workers,
            progress=lambda share, _: tell(share),
            checkpoint=checkpoint,
        )
    payload = found.payload()
    if replicates:
        from abate.inference.nlme.bootstrap import bootstrap

        with progress(f"{replicates} redrawn data sets") as tell:
            drawn = bootstrap(found, replicates, seed, progress=tell)
        payload["bootstrap"] = drawn.payload()
    if out is not None:
        _write(found, payload, seed, out)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    _warn(payload)
    emit(payload, kind="fit", seed=seed, json_=json_, out=None, show=lambda p: _show(p, out))


def _write(found: PopulationFit, payload: dict[str, Any], seed: int, out: Path) -> None:
    from abate.ground.files import fresh_directory
    from abate.ground.results import write_results
    from abate.inference.nlme.diagnostics import corrected_check, goodness, simulate_data
    from abate.inference.nlme.tables import ext_table, individual_table, trace_table
    from abate.report.fit import fit_report
    from abate.report.page import write

    simulated = simulate_data(found, 500, seed)
    table = goodness(found, simulated)
    check = corrected_check(found, table, simulated)
    with fresh_directory(out) as folder:
        write_results(folder, "fit", seed, payload)
        table.to_parquet(folder / "observations.parquet", index=False)
        individual_table(found).to_parquet(folder / "subjects.parquet", index=False)
        trace_table(found).to_parquet(folder / "iterations.parquet", index=False)
        (folder / "fit.ext").write_text(ext_table(found), encoding="utf-8")
        write(fit_report(found, payload, table, check), folder)


def _warn(payload: dict[str, Any]) -> None:
    for text in payload["warnings"]:
        print(f"abate: warning: {text}", file=sys.stderr)  # noqa: T201
    for text in payload["notes"]:
        print(f"abate: {text}", file=sys.stderr)  # noqa: T201


def _show(payload: dict[str, Any], out: Path | None) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    person = "effective_people" in payload
    table = Table("", box=SIMPLE_HEAD, pad_edge=False)
    columns = (
        ("median", "95 % interval", "most probable", "unit") if person else ("estimate", "SE", "95 % interval", "unit")
    )
    for column in columns:
        table.add_column(column, justify="left" if column == "unit" else "right")
    for name, row in payload["parameters"].items():
        ends = f"{row['low']:.4g} to {row['high']:.4g}"
        if person:
            table.add_row(name, f"{row['estimate']:.4g}", ends, f"{row['map']:.4g}", row["unit"])
        else:
            table.add_row(name, f"{row['estimate']:.4g}", f"{row['se']:.3g}", ends, row.get("unit", ""))
    console = Console()
    console.print(table)
    if person:
        console.print(f"{payload['effective_people']:.0f} effective people of {payload['people']}.", highlight=False)
    else:
        line = f"-2 log-likelihood {payload['minus_two_log_likelihood']:.2f}, without its constant "
        console.print(f"{line}{payload['objective']:.2f}", highlight=False)
    if out is not None:
        console.print(f"Written: {out / 'report.html'}", highlight=False, markup=False, soft_wrap=True)
    console.print("For research; not a prescription.", highlight=False)
