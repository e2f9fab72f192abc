"""Export: SBML that another simulator runs to the same numbers, LaTeX, tables, and the page of all equations."""

from __future__ import annotations

from pathlib import Path

import libsbml
import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.science.model import available, load
from abate.science.model.describe import equations_page, latex, table
from abate.science.model.sbml_export import to_sbml

ENTRIES = [f"{model}/{chosen}" for model, sets in available().items() for chosen in sets]
PAGE = Path(__file__).parents[3] / "docs" / "equations.md"


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_is_exported_and_read_back_the_same(tmp_path, entry):
    model = load(entry)
    text = to_sbml(model)
    document = libsbml.readSBMLFromString(text)
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, False)
    document.checkConsistency()
    assert document.getNumErrors(libsbml.LIBSBML_SEV_ERROR) == 0
    path = tmp_path / "back.xml"
    path.write_text(text)
    back = load(path)
    assert dict(back.rates) == dict(model.rates)
    assert dict(back.assignments) == dict(model.assignments)
    assert dict(back.initial) == dict(model.initial)
    expected = {k: p.value for k, p in model.parameters.items()} | {k: i.value for k, i in model.inputs.items()}
    assert back.time_unit == "day"
    assert {k: back.parameters[k].unit for k in model.parameters if k in back.parameters} == {
        k: p.unit for k, p in model.parameters.items() if k in back.parameters
    }
    # The file has 15 digits.
    assert {k: p.value for k, p in back.parameters.items() if k in expected} == pytest.approx(expected, rel=1e-14)


# What enters a body at time 0, so that each course moves.
AMOUNTS = {
    "tocilizumab/ra": {"central": 560.0},
    "tocilizumab/gca": {"depot": 129.6},
    "prednisolone/legler": {"gut_prednisone": 16.0},
    "il6_blockade/gca": {"tocilizumab_depot": 129.6, "glucocorticoid_gut_prednisone": 32.0},
    "il6_blockade/pmr": {"tocilizumab_central": 300.0, "glucocorticoid_gut_prednisolone": 20.0},
    "hpa_axis/milo": {},
    "disease/gca": {},
}


@pytest.mark.parametrize("entry", AMOUNTS)
def test_libroadrunner_runs_the_export_to_the_same_numbers(person, entry):
    import roadrunner

    model = load(entry)
    judge = roadrunner.RoadRunner(to_sbml(model))
    judge.integrator.absolute_tolerance, judge.integrator.relative_tolerance = 1e-12, 1e-9
    runner = person(model)
    changed = {"dose_rate": 20.0} if entry == "hpa_axis/milo" else {}
    changed |= {"exposure": 12.0, "net_signal": 0.1} if entry == "disease/gca" else {}
    runner.values |= changed
    for name, value in {**changed, **AMOUNTS[entry]}.items():
        judge[name] = value
    names = list(model.outputs)
    judge.timeCourseSelections = ["time", *[f"[{n}]" if n in ("il6", "crp") else n for n in names]]
    times = np.arange(0, 29.0)
    expected = judge.simulate(0, 28, 29)
    doses = [(0.0, "add", name, amount) for name, amount in AMOUNTS[entry].items()]
    found = runner.course(times, doses, rtol=1e-9)
    for column, name in enumerate(names, start=1):
        # The first record is before the dose here, after it there.
        assert found[name][1:] == pytest.approx(expected[1:, column], rel=1e-4, abs=1e-7), name


def test_a_changed_number_is_exported():
    text = to_sbml(load("tocilizumab/ra").with_values({"CL": 0.123}))
    document = libsbml.readSBMLFromString(text)
    assert document.getModel().getParameter("CL").getValue() == 0.123


def test_an_exported_number_carries_unit_source_and_grade():
    document = libsbml.readSBMLFromString(to_sbml(load("il6/gca")))
    parameter = document.getModel().getParameter("KA")
    assert "verified: Mihara 2005" in str(parameter.getNotesString())
    assert document.getModel().getUnitDefinition(parameter.getUnits()).getName() == "nmol/L"


def test_a_users_model_is_not_exported_again(tmp_path):
    path = tmp_path / "mine.ant"
    path.write_text("module Mine()\n  S -> ; k*S; S = 1; k = 1;\nend\n")
    with pytest.raises(InputError, match="only a model of the library is exported"):
        to_sbml(load(path))


def test_equations_for_a_paper():
    text = latex(load("il6_blockade/gca"))
    assert text.startswith("\\begin{align*}")
    assert text.count("\\mathrm{d}t") == len(load("il6_blockade/gca").states)
    assert "V_{1}" in text
    assert text.count("{") == text.count("}")


def test_table_names_unit_source_and_grade_of_every_number():
    model = load("il6_blockade/gca")
    rows = table(model)
    assert len(rows) == len(model.parameters) + len(model.observation)
    assert all(row["source"] and row["grade"] for row in rows)
    (clearance,) = [row for row in rows if row["name"] == "tocilizumab.CL"]
    assert (clearance["value"], clearance["unit"], clearance["spread"]) == ("0.161", "L/day", "SD 0.376 (log)")


def test_the_page_of_equations_is_fresh():
    # A stale page is written anew with:
    # python -c "from abate.science.model.describe import equations_page as e; print(e(), end='')" > docs/equations.md
    assert PAGE.read_text(encoding="utf-8") == equations_page()
