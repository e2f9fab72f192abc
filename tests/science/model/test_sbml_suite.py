"""Models of the SBML test suite: loaded here, run by the plain second implementation, compared as the suite says."""

from __future__ import annotations

import csv
import io
import zipfile

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


def run_case(person, path, settings, names, expected):
    """Return the names whose course leaves the suite's tolerance."""
    model = load(path)
    runner = person(model)
    course = runner.course(expected[:, 0], [], rtol=RTOL)
    wrong = []
    for column, name in enumerate(names, start=1):
        expression = sympy.Symbol(name)
        if name in model.species and name in settings["amount"].replace(",", " ").split():
            expression = model.species[name].amount
        elif name in model.species and name in settings["concentration"].replace(",", " ").split():
            expression = model.species[name].concentration
        found = evaluate(expression, course, runner.values)
        allowed = float(settings["absolute"]) + float(settings["relative"]) * np.abs(expected[:, column])
        if not np.all(np.abs(found - expected[:, column]) <= allowed):
            wrong.append(name)
    return wrong


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
