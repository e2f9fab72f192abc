"""``abate fit`` for a population: SAEM, on demand bootstrap and posterior, tables and report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abate.cli.fit_progress import traced
from abate.cli.fit_show import show_population, warn
from abate.cli.output import emit, progress

if TYPE_CHECKING:
    from abate.inference.nlme import Choices, Plan, PopulationFit
    from abate.inference.nlme.bayes import PopulationPosterior
    from abate.science.model import Model

__all__ = ["Task", "fit_dataset"]


@dataclass(frozen=True)
class Task:
    """What is asked for; `draws` is 0 without a posterior."""

    model: Model
    path: Path
    choices: Choices
    plan: Plan
    outputs: tuple[str, ...]
    rates: Mapping[str, str]
    durations: Mapping[str, str]
    time_unit: str | None
    samples: int
    bootstrap: int
    draws: int
    priors: Mapping[str, tuple[float, ...]]
    workers: int | None
    seed: int


def fit_dataset(task: Task, json_: bool, out: Path | None) -> None:
    """Fit a data set, print the estimates, and write what is asked for."""
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
    checkpoint, redrawn, sampled = (
        None if out is None else out.with_name(f"{out.name}.{part}interrupted.npz")
        for part in ("", "bootstrap.", "posterior.")
    )
    if task.draws:
        from abate.inference.nlme.bayes import require

        require()
    found = _saem(task, checkpoint)
    payload = found.payload()
    if task.bootstrap:
        from abate.inference.nlme.bootstrap import bootstrap

        with progress(f"{task.bootstrap} redrawn data sets") as tell:
            payload["bootstrap"] = bootstrap(
                found, task.bootstrap, task.seed, progress=tell, checkpoint=redrawn
            ).payload()
    posterior = _posterior(task, found, sampled)
    if posterior is not None:
        payload["posterior"] = posterior.payload()
        payload["warnings"] += list(posterior.warnings)
    if out is not None:
        _write(found, posterior, payload, task.seed, out)
    for left in (checkpoint, redrawn, sampled):
        if left is not None:
            left.unlink(missing_ok=True)
    warn(payload)
    emit(payload, kind="fit", seed=task.seed, json_=json_, out=None, show=lambda p: show_population(p, out))


def _saem(task: Task, checkpoint: Path | None) -> PopulationFit:
    from abate.inference.nlme import fit_population, read_dataset

    data = read_dataset(
        task.path, task.model, outputs=task.outputs, time_unit=task.time_unit, rates=task.rates,
        durations=task.durations,
    )  # fmt: skip
    with traced(f"{task.model.name}: SAEM") as tell:
        return fit_population(
            task.model, data, seed=task.seed, choices=task.choices, plan=task.plan, samples=task.samples,
            threads=task.workers, progress=tell, checkpoint=checkpoint,
        )  # fmt: skip


def _posterior(task: Task, found: PopulationFit, checkpoint: Path | None) -> PopulationPosterior | None:
    if not task.draws:
        return None
    from abate.inference.nlme.bayes import sample_population

    with progress("posterior") as tell:
        return sample_population(
            found, seed=task.seed, steps=task.draws, samples=max(200, task.samples // 2), priors=task.priors,
            progress=tell, checkpoint=checkpoint,
        )  # fmt: skip


def _write(
    found: PopulationFit, posterior: PopulationPosterior | None, payload: dict[str, Any], seed: int, out: Path
) -> None:
    from abate.ground.files import fresh_directory
    from abate.ground.results import write_results
    from abate.inference.arviz_data import fit_data, population_data, write_data
    from abate.inference.nlme.diagnostics import corrected_check, goodness, simulate_data
    from abate.inference.nlme.nonmem import ext_table, phi_table, record_table
    from abate.inference.nlme.tables import individual_table, trace_table
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
        for ending, text in (("ext", ext_table(found)), ("phi", phi_table(found)), ("tab", record_table(table))):
            (folder / f"fit.{ending}").write_text(text, encoding="utf-8")
        write_data(lambda: population_data(found, posterior) if posterior else fit_data(found), folder / "inference.nc")
        write(fit_report(found, payload, table, check, posterior), folder)
