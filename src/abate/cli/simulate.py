"""``abate simulate``: run a trial from the library or a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abate.cli.output import Json, Out, Seed, Set, changes, counted, emit, progress

__all__ = ["simulate"]


def simulate(
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="Name in the library, or a YAML file.")],
    patients: Annotated[int | None, typer.Option("--patients", help="In each arm; default: as published.")] = None,
    seed: Seed = 1,
    settings: Set = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="ADDRESS", help="A Dask scheduler, or 'local' to start one.")
    ] = None,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Run a trial from the library or a YAML file, and write its Study."""
    from abate.trial.protocol import load_trial
    from abate.trial.settings import apply
    from abate.trial.simulate import simulate as run

    protocol = apply(load_trial(trial), changes(settings))
    target = out or Path(protocol.name)
    with progress(f"simulating {protocol.name}") as tell:
        study = run(protocol, target, seed=seed, patients=patients, resume=resume, cluster=cluster, progress=tell)
    sizes = study.meta["sizes"]
    failed = int((study.events["event"] == "failure").sum())
    notes = list(study.meta.get("not_validated", ()))
    payload = {
        "study": target.name,
        "trial": protocol.name,
        "arms": sizes,
        "days": protocol.days,
        "failed": failed,
        "notes": notes,
    }

    def show(_: dict[str, object]) -> None:
        people = counted(sum(sizes.values()), "person", "people")
        arms, weeks = counted(len(sizes), "arm"), counted(protocol.weeks, "week")
        print(f"{protocol.title}: {people} in {arms}, {weeks}, seed {seed}")  # noqa: T201
        for note in notes:
            print(note)  # noqa: T201
        if failed:
            who = counted(failed, "person", "people")
            print(f"{who} could not be solved; see the events of the Study")  # noqa: T201
        print(f"Study: {target}")  # noqa: T201

    emit(payload, kind="simulation", seed=seed, json_=json_, out=None, show=show)
