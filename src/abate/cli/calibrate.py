"""``abate calibrate``: the calibrated numbers of the library from their targets, with what the targets leave open."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from abate.cli.output import Json, Out, Seed, emit, progress

__all__ = ["calibrate"]


def calibrate(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A calibration; without one, all.")] = None,
    effort: Annotated[float, typer.Option("--effort", help="Factor on the people that are simulated.")] = 1.0,
    rounds: Annotated[int, typer.Option("--rounds", help="The first is from the prior, the others look closer.")] = 2,
    sets: Annotated[int, typer.Option("--sets", help="Plausible parameter sets that --out writes.")] = 200,
    seed: Seed = 1,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Reproduce the calibrated numbers of the library from their targets; --out writes plausible parameter sets."""
    from abate.evidence.calibration.calibrate import calibrate as run
    from abate.evidence.calibration.plan import calibrations, load_plan
    from abate.evidence.calibration.write import SETS, write_ensembles
    from abate.ground.errors import InputError

    for option, value, least in (("--effort", effort, 0.01), ("--rounds", rounds, 1), ("--sets", sets, 2)):
        if not value >= least:
            raise InputError(option, "too small", value=value, allowed=f"{least} or more")
    if not effort <= 1000:
        raise InputError("--effort", "too large", value=effort, allowed="at most 1000")
    if out is None and sets != SETS:
        raise InputError("--sets", "needs a folder to write to", value=sets, hint="add --out DIR")
    names = [load_plan(name).name] if name else calibrations()
    parts: dict[str, Any] = {}
    for each in names:
        with progress(f"calibrating {each}") as tell:
            made = run(each, effort=effort, rounds=rounds, seed=seed, progress=tell)
        parts[each] = made.payload()
        if out is not None:
            written = write_ensembles(made.plan, made.posterior, seed, out / "ensembles", sets)
            parts[each]["ensembles"] = [f"ensembles/{path.name}" for path in written]
    payload = parts[names[0]] if name else {"calibrations": parts}
    emit(payload, kind="calibration", seed=seed, json_=json_, out=out, show=lambda _: _show(parts))


def _show(parts: dict[str, Any]) -> None:
    from abate.report.calibration import calibration_tables
    from abate.report.terminal import show

    for part in parts.values():
        show(*calibration_tables(part))
        off = [number["name"] for number in part["parameters"].values() if not number["agrees"]]
        if off:
            print(f"outside: the library's {', '.join(off)} is not within what the targets allow")  # noqa: T201
    print("A fit of a model to published figures, for research: not a forecast for a person.")  # noqa: T201
