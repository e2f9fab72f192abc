"""Models of the SBML test suite: loaded here, run by the plain second implementation, compared as the suite says."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import sympy

from abate.ground.errors import InputError
from abate.science.model import load

pytestmark = pytest.mark.judge

# Far tighter than any case's own tolerance, so that a wrong number is a wrong equation.
RTOL = 1e-9


def read_case(archive, number):
    def text(ending):
        return archive.read(f"{number}/{number}-{ending}").decode()

    settings = dict(line.split(":", 1) for line in text("settings.txt").splitlines() if ":" in line)
    settings = {key.strip(): value.strip() for key, value in settings.items()}
    rows = [row for row in csv.reader(io.StringIO(text("results.csv"))) if row]
    names = [name.strip() for name in rows[0][1:]]
    return settings, names, np.array(rows[1:], dtype=float), text("sbml-l3v2.xml")


def evaluate(expression, course, constants):
    known = {**constants, **course}
    names = sorted(str(s) for s in expression.free_symbols)
    function = sympy.lambdify([sympy.Symbol(n) for n in names], expression)
    return function(*[known[n] for n in names])


def meaning(model, settings, name):
    """Return what a column of the expected results means: a symbol, an amount or a concentration."""
    if name in model.species and name in settings["amount"].replace(",", " ").split():
        return model.species[name].amount
    if name in model.species and name in settings["concentration"].replace(",", " ").split():
        return model.species[name].concentration
    return sympy.Symbol(name)


def outside(found, expected, settings):
    allowed = float(settings["absolute"]) + float(settings["relative"]) * np.abs(expected)
    return not np.all(np.abs(found - expected) <= allowed)


def run_case(person, path, settings, names, expected):
    """Return the names whose course leaves the suite's tolerance."""
    model = load(path)
    runner = person(model)
    course = runner.course(expected[:, 0], [], rtol=RTOL)
    wrong = []
    for column, name in enumerate(names, start=1):
        found = evaluate(meaning(model, settings, name), course, runner.values)
        if outside(found, expected[:, column], settings):
            wrong.append(name)
    return wrong


def run_case_in_the_engine(path, settings, names, expected):
    """The same with the compiled kernel that simulates patients."""
    from abate.engine.ensemble import compile_model
    from abate.engine.solver import Tolerance

    model = load(path)
    columns = {f"column_{i}": meaning(model, settings, name) for i, name in enumerate(names)}
    model = replace(model, assignments={**model.assignments, **columns})
    run = compile_model(model, list(columns)).start(
        {}, [0], 0, time=expected[0, 0], tolerance=Tolerance(relative=1e-8, floor=1e-12)
    )
    course = run.advance(expected[-1, 0], record_at=expected[:, 0])
    return [name for i, name in enumerate(names) if outside(course[f"column_{i}"][:, 0], expected[:, i + 1], settings)]


@pytest.mark.parametrize("every", [pytest.param(12, id="a slice"), pytest.param(1, id="all", marks=pytest.mark.slow)])
def test_cases_of_the_suite_in_the_engine(judges, tmp_path, every):
    wrong = {}
    with zipfile.ZipFile(judges / "sbml" / "cases.zip") as archive:
        for number in sorted({name.split("/")[0] for name in archive.namelist()})[::every]:
            settings, names, expected, text = read_case(archive, number)
            path = tmp_path / f"{number}.xml"
            path.write_text(text)
            bad = run_case_in_the_engine(path, settings, names, expected)
            if bad:
                wrong[number] = bad
    assert wrong == {}


def test_cases_of_the_suite(person, judges, tmp_path):
    wrong, refused = {}, {}
    with zipfile.ZipFile(judges / "sbml" / "cases.zip") as archive:
        numbers = sorted({name.split("/")[0] for name in archive.namelist()})
        for number in numbers:
            settings, names, expected, text = read_case(archive, number)
            path = tmp_path / f"{number}.xml"
            path.write_text(text)
            try:
                bad = run_case(person, path, settings, names, expected)
            except InputError as error:
                refused[number] = str(error)
                continue
            if bad:
                wrong[number] = bad
    assert len(numbers) == 120
    assert wrong == {}
    assert refused == {}
