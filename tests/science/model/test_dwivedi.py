"""The deposited files of Dwivedi 2014 as a user's models: run as libroadrunner runs them, and corrected by name."""

from __future__ import annotations

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.science.model import corrections, load

pytestmark = pytest.mark.judge


@pytest.fixture(scope="module")
def deposited(judges):
    folder = judges.parent / "models"
    if not folder.is_dir():
        pytest.skip("the deposited models are not beside the judges' folder")
    return folder


def named(model, label, which=0):
    return [key for key, text in model.labels.items() if text == label and key in model.states][which]


def events(model, values):
    return [(d.time, "add", d.state, float(d.amount.subs(values))) for d in model.scheduled]


@pytest.mark.parametrize("number", [535, 536, 537])
def test_a_deposited_file_runs_as_in_libroadrunner(person, deposited, number):
    import roadrunner

    path = deposited / f"BIOMD0000000{number}.xml"
    model = load(path)
    assert model.time_unit == "hour"
    runner = person(model)
    values = {k: p.value for k, p in model.parameters.items()}
    times = np.arange(0, 505.0, 24)
    found = runner.course(times, events(model, values), rtol=1e-8)
    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    judge = roadrunner.RoadRunner(str(path))
    judge.integrator.absolute_tolerance, judge.integrator.relative_tolerance = 1e-12, 1e-8
    judge.timeCourseSelections = ["time", *[f"[{s}]" for s in model.states]]
    expected = judge.simulate(0, 504, len(times))
    # Records at the time of a dose may lie on either side of it.
    quiet = [i for i, t in enumerate(times) if t not in {d.time for d in model.scheduled}]
    for column, state in enumerate(model.states, start=1):
        assert found[state][quiet] == pytest.approx(expected[quiet, column], rel=1e-4, abs=1e-8), model.labels[state]


def test_signs_under_the_antibody(person, deposited):
    model = load(deposited / "BIOMD0000000537.xml")
    values = {k: p.value for k, p in model.parameters.items()}
    course = person(model).course([0.0, 0.1, 336.0], events(model, values)[:1], rtol=1e-8)
    assert course[named(model, "IL6")][2] > 1.2 * course[named(model, "IL6")][0]
    assert course[named(model, "CRP")][2] < course[named(model, "CRP")][0]


def test_a_correction_by_name_weakens_the_binding(deposited):
    path = deposited / "BIOMD0000000537.xml"
    plain, corrected = load(path), load(f"{path}, dwivedi-2014/antibody-affinity")
    key = plain.resolve("kIL6RUnbind")
    assert (plain.parameters[key].value, corrected.parameters[key].value) == (2.5, 2540)
    assert corrected.name.endswith("dwivedi-2014/antibody-affinity")
    assert corrected.parameters[key].source.startswith("Mihara 2005")
    assert corrected.hash != plain.hash


def test_corrected_crp_falls_with_19_hours_and_keeps_its_level(person, deposited):
    path = deposited / "BIOMD0000000537.xml"
    levels = {}
    for name in (str(path), f"{path}, dwivedi-2014/crp-half-life"):
        model = load(name)
        crp = named(model, "CRP")
        runner = person(model)
        rest = runner.course([0.0, 3000.0], rtol=1e-8)
        levels[name] = rest[crp][1]
    assert levels[f"{path}, dwivedi-2014/crp-half-life"] == pytest.approx(levels[str(path)], rel=0.02)
    # The slow eigenvalue of serum and tissue, from the numbers of the corrected file.
    p = {parameter.label: parameter.value for parameter in model.parameters.values()}
    a, b, k = p["kdistSerumToTissue"], p["kdistTissueToSerum"], p["kdegCRP"]
    slow = np.linalg.eigvals([[-(k + a), b], [a, -b]]).real.max()
    assert np.log(2) / -slow == pytest.approx(19, rel=0.01)


def test_a_file_with_a_dose_that_does_not_add_is_refused(deposited):
    with pytest.raises(InputError, match="more than add an amount to a state is not supported: 'event_4'"):
        load(deposited / "BIOMD0000000534.xml")


def test_a_defect_without_correction_says_so(deposited):
    path = deposited / "BIOMD0000000537.xml"
    with pytest.raises(InputError, match="this defect has no correction"):
        load(f"{path}, dwivedi-2014/no-ternary-complex")
    with pytest.raises(InputError, match=r"no such correction: 'dwivedi-2014/antibody-afinity'.*did you mean"):
        load(f"{path}, dwivedi-2014/antibody-afinity")


def test_every_defect_has_its_source():
    assert all(entry.defect and entry.correction and entry.source for entry in corrections().values())
