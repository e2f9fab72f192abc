"""``abate validate --dose``: exposure to any regimen in a population."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from abate.cli.output import emit

__all__ = ["validate_exposure"]


def validate_exposure(
    dose: str,
    model: str,
    population: str,
    patients: int,
    seed: int,
    weight: str | None,
    doses: int | None,
    settings: dict[str, str],
    json_: bool,
    out: Path | None,
) -> None:
    """Print exposure to a regimen, and write it where a folder is given."""
    from abate.evidence.exposure import exposure, summary
    from abate.science.model import load
    from abate.trial.values import model_values

    plain = load(model)
    changed = plain.with_values(model_values(plain, settings)) if settings else plain
    made = exposure(
        dose, model=changed, population=population, patients=patients, seed=seed, weight=weight, doses=doses
    )
    payload = {
        "dose": dose,
        "doses": made.doses,
        "interval_days": made.interval,
        "model": model,
        "population": population,
        "weight": weight,
        "patients": patients,
        "exposure": summary(made),
    }
    emit(payload, kind="exposure", seed=seed, json_=json_, out=out, show=_show)


def _show(payload: dict[str, Any]) -> None:
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
