"""Cases of the SBML test suite through the compiled kernels: the whole way from a file to courses."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy

from abate.engine.ensemble import compile_model
from abate.engine.solver import Tolerance
from abate.ground.errors import InputError
from abate.science.model import load

pytestmark = pytest.mark.judge


def read_case(archive: zipfile.ZipFile, number: str) -> tuple[dict[str, str], list[str], np.ndarray, str]:
    def text(ending: str) -> str:
        return archive.read(f"{number}/{number}-{ending}").decode()

    lines = [line.split(":", 1) for line in text("settings.txt").splitlines() if ":" in line]
    rows = [row for row in csv.reader(io.StringIO(text("results.csv"))) if row]
    names = [name.strip() for name in rows[0][1:]]
    return {k.strip(): v.strip() for k, v in lines}, names, np.array(rows[1:], dtype=float), text("sbml-l3v2.xml")


def wrong_columns(path: Path, settings: dict[str, str], names: list[str], expected: np.ndarray) -> list[str]:
    """Columns that leave the suite's tolerance at any time."""
    model = load(path)
    amounts, concentrations = (settings[k].replace(",", " ").split() for k in ("amount", "concentration"))
    asked = {}
    for name in names:
        expression = sympy.Symbol(name)
        if name in model.species and name in amounts:
            expression = model.species[name].amount
        elif name in model.species and name in concentrations:
            expression = model.species[name].concentration
        asked[f"asked_{name}"] = expression
    model = replace(model, assignments={**model.assignments, **asked})
    # the suite asks for 1e-4 of each value, or for its absolute tolerance, whatever the size of the peak
    smallest = {name: 1e-3 * float(settings["absolute"]) for name in model.states}
    run = compile_model(model, list(asked)).start({}, [0], seed=0, tolerance=Tolerance(1e-7, 1e-9, smallest))
    times = expected[:, 0]
    course = run.advance(float(times[-1]), record_at=times)
    wrong = []
    for column, name in enumerate(names, start=1):
        allowed = float(settings["absolute"]) + float(settings["relative"]) * np.abs(expected[:, column])
        if not np.all(np.abs(course[f"asked_{name}"][:, 0] - expected[:, column]) <= allowed):
            wrong.append(name)
    return wrong


def run_cases(judges: Path, folder: Path, every: int) -> tuple[int, dict[str, list[str]], dict[str, str]]:
    wrong: dict[str, list[str]] = {}
    refused: dict[str, str] = {}
    with zipfile.ZipFile(judges / "sbml" / "cases.zip") as archive:
        numbers = sorted({name.split("/")[0] for name in archive.namelist()})[::every]
        for number in numbers:
            settings, names, expected, text = read_case(archive, number)
            path = folder / f"{number}.xml"
            path.write_text(text)
            try:
                bad = wrong_columns(path, settings, names, expected)
            except InputError as error:
                refused[number] = str(error)
                continue
            if bad:
                wrong[number] = bad
    return len(numbers), wrong, refused


def test_every_tenth_case(judges: Path, tmp_path: Path) -> None:
    count, wrong, refused = run_cases(judges, tmp_path, every=10)
    assert count == 12
    assert wrong == {}
    assert refused == {}


@pytest.mark.slow
def test_every_case(judges: Path, tmp_path: Path) -> None:
    count, wrong, refused = run_cases(judges, tmp_path, every=1)
    assert count == 120
    assert wrong == {}
    assert len(refused) <= 5, refused
