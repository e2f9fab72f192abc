"""``abate design --trial``: a design from replicate virtual trials, with a running interval on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from abate.cli.design_answers import Answer
from abate.cli.output import changes

__all__ = ["from_trials", "show_trials"]


def from_trials(
    trial: str,
    request: Any,
    *,
    arms: str | None,
    patients: int | None,
    replicates: int,
    endpoint: str | None,
    vary: list[str] | None,
    plausible: str | None,
    sets: int | None,
    settings: list[str] | None,
    seed: int,
    out: Path | None,
    resume: bool,
    cluster: str | None,
) -> Answer:
    """Run replicates of a trial and analyse them."""
    from abate.design.sequential import group_sequential
    from abate.design.virtual.payload import analyse, check_endpoint
    from abate.design.virtual.plausible import number_of_sets
    from abate.design.virtual.run import discard, run
    from abate.design.virtual.settings import Replicates, chosen_arms, read_varied
    from abate.ground.files import check_replaceable
    from abate.trial.protocol import load_trial
    from abate.trial.settings import apply

    protocol = apply(load_trial(trial), changes(settings))
    treatment, control = chosen_arms(protocol, arms)
    size = patients if patients is not None else protocol.arms[treatment].patients
    source = plausible or ""
    count = number_of_sets(sets, replicates, plausible=source)
    wanted = Replicates(protocol, treatment, control, size, replicates, seed, read_varied(vary or []), count, source)
    deciding = check_endpoint(wanted, endpoint)
    looks = request.looks
    design = group_sequential(
        looks.shares,
        looks.stopping(),
        alpha=request.alpha,
        power=request.power,
        sided=request.sided,
        futility=looks.stopping_for_futility(),
    )
    if out is not None:
        check_replaceable(out)
    with _running(wanted, deciding) as tell:
        rows = run(wanted, out, resume=resume, cluster=cluster, tell=tell)
    found = analyse(rows, wanted, design, endpoint=deciding, accrual=request.assume.accrual)

    def finish(folder: Path) -> None:
        rows.to_parquet(folder / "people.parquet")
        if out is not None:
            discard(out)

    return Answer({"design": found.payload()}, found.report, finish)


@contextmanager
def _running(wanted: Any, endpoint: str) -> Iterator[Callable[[float, Any], None] | None]:
    """Show a bar with the power so far and its interval; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from abate.design.virtual.characteristics import significant
    from abate.study.statistics.proportions import wilson

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    hits = trials = 0
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("virtual trials", total=1.0)

        def tell(share: float, rows: Any) -> None:
            nonlocal hits, trials
            found = significant(rows, wanted, endpoint)
            hits, trials = hits + int(found.sum()), trials + len(found)
            low, high = wilson(hits, trials)
            words = f"virtual trials: significant in {100 * hits / trials:.0f} % ({100 * low:.0f}-{100 * high:.0f})"
            bar.update(task, completed=share, description=words)

        yield tell


def show_trials(console: Any, body: dict[str, Any]) -> None:
    """Print the operating characteristics."""
    from rich import box
    from rich.table import Table

    arms = body["arms"]
    console.print(
        f"{body['replicates']} trials of {body['people_an_arm']} people an arm over {body['weeks']} weeks: "
        f"{arms['treatment']} against {arms['control']}",
        highlight=False,
    )
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("endpoint", overflow="fold", min_width=20)
    for heading in ("test", "power", "type I error", "coverage"):
        table.add_column(heading)
    for name, row in body["endpoints"].items():
        shown = [_percent(row[key]) for key in ("power", "type_one_error", "coverage")]
        table.add_row(name, row["test"], *shown)
    console.print(table)
    needed = body["people_an_arm_for_power"]
    if needed["estimate"] is not None:
        span = f"{needed['low']} to {needed['high'] if needed['high'] is not None else 'more than can be said'}"
        console.print(
            f"{needed['estimate']} people an arm ({span}) for a power of {needed['power']:g}; expected "
            f"{body['expected_sample_size']:.0f} people in all with these looks",
            highlight=False,
        )
    over = body["endpoints"][body["primary"]]["power_by_parameters"]
    if over["sets"] > 1:
        console.print(f"power over {over['sets']} plausible sets of parameters: {_percent(over)}", highlight=False)
    spared = body["prednisone_spared_mg"]
    console.print(
        f"prednisone spared {spared['estimate']:.0f} mg a person ({spared['low']:.0f} to {spared['high']:.0f})",
        highlight=False,
    )
    console.print("Conditional on the model. For research; not a prescription.", style="dim")


def _percent(one: dict[str, Any]) -> str:
    if one["estimate"] is None:
        return "-"
    return f"{100 * one['estimate']:.1f} % ({100 * one['low']:.1f} to {100 * one['high']:.1f})"
