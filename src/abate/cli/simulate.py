"""``abate simulate``: run a trial from the library or a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
    precision: Annotated[
        str, typer.Option("--precision", metavar="FLOAT", help="float64, or float32: faster, its error measured.")
    ] = "float64",
    device: Annotated[
        str, typer.Option("--device", metavar="DEVICE", help="cpu, or gpu: an NVIDIA card (extra gpu).")
    ] = "cpu",
    quasi_steady: Annotated[
        bool, typer.Option("--quasi-steady", help="Take minute-scale hormones as settled, the error measured.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first person who cannot be solved.")] = False,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Run a trial from the library or a YAML file, and write its Study."""
    from abate.ground.extras import need
    from abate.ground.results import slug
    from abate.trial.computing import Computing
    from abate.trial.protocol import load_trial
    from abate.trial.settings import apply
    from abate.trial.simulate import simulate as run

    if cluster is not None:
        need("cluster")
    protocol = apply(load_trial(trial), changes(settings))
    computing = Computing.of(precision, device, quasi_steady=quasi_steady)
    target = out or Path(slug(protocol.name))
    with progress(f"simulating {protocol.name}") as tell:
        study = run(
            protocol,
            target,
            seed=seed,
            patients=patients,
            resume=resume,
            cluster=cluster,
            computing=computing,
            strict=strict,
            progress=tell,
        )
    sizes = study.meta["sizes"]
    failed = _failures(study.path / "events.parquet")
    notes = list(study.meta.get("not_validated", ()))
    payload = {
        "study": target.name,
        "trial": protocol.name,
        "arms": sizes,
        "days": protocol.days,
        "failed": failed,
        "notes": notes,
    }
    way = study.meta["provenance"].get("computing")
    if way:
        payload["computing"] = way

    def show(_: dict[str, object]) -> None:
        people = counted(sum(sizes.values()), "person", "people")
        arms, weeks = counted(len(sizes), "arm"), counted(protocol.weeks, "week")
        print(f"{protocol.title}: {people} in {arms}, {weeks}, seed {seed}")  # noqa: T201
        for note in notes:
            print(note)  # noqa: T201
        if failed:
            who = counted(failed, "person", "people")
            print(f"{who} could not be solved; see the events of the Study")  # noqa: T201
        if way:
            print(_compared(way))  # noqa: T201
        print(f"Study: {target}")  # noqa: T201

    emit(payload, kind="simulation", seed=seed, json_=json_, out=None, show=show)


def _compared(way: dict[str, Any]) -> str:
    """Say how far a way of computing is from the plain one."""
    settled = ", fast hormones settled" if way["quasi_steady"] else ""
    where = f" ({way['largest_error_in']})" if way["largest_error_in"] else ""
    return (
        f"Computed in {way['precision']} on {way['device']}{settled}. Against float64 on the processor, on "
        f"{way['people_compared']} people: largest relative error {way['largest_error']:.2g}{where}; "
        f"{way['people_decided_differently']} decided differently somewhere in {way['decisions_compared']} decisions"
    )


def _failures(events: Path) -> int:
    """Count failed people, part by part: the table of a million people need not fit into memory."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    parts = pq.ParquetFile(events).iter_batches(columns=["event"])
    return sum(int(pc.sum(pc.equal(part.column(0), "failure")).as_py() or 0) for part in parts)
