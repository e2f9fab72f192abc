"""Plausible parameter sets as a file of ``library/ensembles``: text that a person can read and another program too."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from abate.evidence.calibration.plan import Plan
from abate.evidence.calibration.posterior import Posterior
from abate.ground.files import write_atomically
from abate.science.population.ensembles import SPREAD

__all__ = ["SETS", "ensemble_text", "models", "write_ensembles"]

SETS = 200
"""How many sets a file holds: enough that the 95 % limits of a prediction are steady."""


def models(plan: Plan) -> tuple[str, ...]:
    """Return the models whose numbers a calibration sets."""
    return tuple(dict.fromkeys(m for f in plan.free if f.of != "trial" for m in f.models))


def ensemble_text(plan: Plan, posterior: Posterior, model: str, seed: int, sets: int = SETS) -> str:
    """Return the file of one model: evenly spaced draws, one a row, numbers in the model's own units."""
    mine = [(i, f) for i, f in enumerate(plan.free) if f.of != "trial" and model in f.models]
    rows = np.linspace(0, len(posterior.scores) - 1, sets).astype(int)
    table = np.stack([f.value(posterior.scores[rows, i]) for i, f in mine], axis=1)
    columns = [f.name + (SPREAD if f.of == "spread" else "") for _, f in mine]
    lines = [
        f"# Plausible sets of the calibrated numbers of {model}, one a row. Written by: abate calibrate {plan.name}",
        f'title = "{plan.title}: {sets} plausible sets of numbers"',
        f'model = "{model}"',
        f'source = "abate calibrate {plan.name}, seed {seed}; targets: library/calibrations/{plan.name}.toml"',
        'grade = "calibrated"',
        "columns = [",
        *(f'  "{name}",' for name in columns),
        "]",
        "units = [",
        *(f'  "{f.unit if f.of == "value" else "dimensionless"}",' for _, f in mine),
        "]",
        "sets = [",
        *("  [" + ", ".join(f"{value:.5g}" for value in row) + "]," for row in table),
        "]",
    ]
    return "\n".join(lines) + "\n"


def write_ensembles(plan: Plan, posterior: Posterior, seed: int, folder: Path, sets: int = SETS) -> list[Path]:
    """Write one file a model; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for model in models(plan):
        path = folder / f"{model.replace('/', '-', 1)}.{plan.name}.toml"
        write_atomically(path, ensemble_text(plan, posterior, model, seed, sets))
        made.append(path)
    return made
