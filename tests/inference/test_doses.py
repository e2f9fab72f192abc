"""Steady states, modelled infusions, lag: predictions of a fit against the mechanism that follows records exactly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from abate.ground.errors import InputError
from abate.inference.nlme import Choices, read_dataset
from abate.inference.nlme.course import Courses
from abate.inference.nlme.structure import structure
from abate.science.model import load
from abate.science.regimen import DoseParameters, follow, read_records

HEAD = "ID,TIME,AMT,RATE,II,ADDL,SS,CMT,DV,EVID\n"
KA, CL, V = 0.4, 3.0, 30.0


def model_file(folder, *, parameters="", lag=0.0, bioavailability=""):
    path = folder / "both.ant"
    path.write_text(
        "model both()\n substanceOnly species depot, central;\n A: depot -> central; ka*depot;\n"
        " B: -> central; infusion;\n E: central -> ; CL*central/V;\n C := central/V;\n depot = 0; central = 0;\n"
        " ka = 0.4; CL = 3; V = 30; D2 = 6; R2 = 20; F = 0.5; infusion = 0;\nend\n"
    )
    path.with_suffix(".toml").write_text(
        f'[doses."drug oral"]\nstate = "depot"\nlag = {lag}\n[doses."drug iv"]\nstate = "central"\n'
        f'rate_input = "infusion"\n{bioavailability}[inputs.infusion]\nkind = "infusion"\n'
        "[outputs.C]\nresidual = { additive = 0.5 }\n"
        "[parameters]\nka = { value = 0.4, sd_log = 0.3 }\nCL = { value = 3, sd_log = 0.3 }\n"
        f"V = {{ value = 30, sd_log = 0.3 }}\nD2 = 6\nR2 = 20\nF = 0.5\n{parameters}"
    )
    return load(path)


def predicted(folder, text, model, **options):
    path = folder / "d.csv"
    path.write_text(HEAD + text)
    data = read_dataset(path, model, time_unit=model.time_unit, **options)
    shape = structure(model, data, Choices())
    phi = np.repeat(shape.start.mu[None, None], data.subjects, axis=0)
    return Courses(shape, data).predict(phi)[:, 0], path


def followed(path, model, *, lag=0.0, f=1.0):
    matrix = np.array([[-KA, 0.0], [KA, -CL / V]])

    def flow(state, rates, duration):
        whole = np.zeros((3, 3))
        whole[:2, :2], whole[:2, 2] = matrix, rates
        return (expm(whole * duration) @ np.append(state, 1.0))[:2]

    def parameters(row, compartment):
        if compartment == 0:
            return DoseParameters(lag=lag)
        return DoseParameters(bioavailability=f, rate=20.0, duration=6.0)

    found = []
    records = read_records(path, model.states)
    for _, part in records.subjects():
        states = follow(part, flow, 2, parameters, linear=True)
        found += (states[part.columns["EVID"] == 0, 1] / V).tolist()
    return found


def seen(*times, who=1):
    return "".join(f"{who},{t},.,.,.,.,.,2,1,0\n" for t in times)


@pytest.mark.parametrize(
    "doses",
    [
        "1,0,100,0,12,0,1,1,.,1\n",  # steady tablets
        "1,0,100,0,12,3,1,1,.,1\n",  # and three more
        "1,0,100,50,12,0,1,2,.,1\n",  # steady short infusions
        "1,0,400,20,12,0,1,2,.,1\n",  # each longer than the interval: still running
        "1,0,0,25,0,0,1,2,.,1\n",  # an infusion that has always run, stopped
        "1,0,60,0,0,0,0,2,.,1\n1,1,100,0,8,0,2,1,.,1\n",  # a steady state on top of a dose
        "1,0,100,-2,0,0,0,2,.,1\n",  # a duration that is a parameter
        "1,0,100,-1,0,0,0,2,.,1\n",  # a rate that is a parameter
        "1,0,100,-2,12,2,1,2,.,1\n",  # both, at steady state, and two more
        "1,0,100,0,0,0,0,1,.,1\n1,0.2,100,0,12,0,1,1,.,1\n",  # a steady state replaces what was there
    ],
)
def test_records_mean_what_they_mean_elsewhere(tmp_path, doses):
    model = model_file(tmp_path)
    found, path = predicted(tmp_path, doses + seen(1.5, 4, 7.5, 13, 30, 50), model)
    # relative tolerance of the solver's steps is 2e-4; a switch within a step adds as much again
    assert found == pytest.approx(followed(path, model), rel=2e-3)


def test_a_lag_puts_implied_doses_on_their_way(tmp_path):
    model = model_file(tmp_path, lag=5.0)
    found, path = predicted(tmp_path, "1,0,100,0,4,0,1,1,.,1\n" + seen(0.5, 1.5, 4.5, 7, 20), model)
    assert found == pytest.approx(followed(path, model, lag=5.0), rel=2e-3)


def test_bioavailability_shortens_an_infusion_of_a_given_rate(tmp_path):
    model = model_file(tmp_path, bioavailability='bioavailability = "F"\n')
    rows = "1,0,100,10,0,0,0,2,.,1\n" + seen(1, 4.5, 6, 9, 12)
    found, path = predicted(tmp_path, rows, model)
    assert found == pytest.approx(followed(path, model, f=0.5), rel=2e-3)
    rows = "1,0,100,-2,0,0,0,2,.,1\n" + seen(1, 4.5, 6, 9, 12)
    found, path = predicted(tmp_path, rows, model)
    assert found == pytest.approx(followed(path, model, f=0.5), rel=2e-3)


def test_people_of_one_batch_have_their_own_amounts(tmp_path):
    model = model_file(tmp_path)
    rows = "".join(f"{i},0,{50 * i},0,12,0,1,1,.,1\n" + seen(2, 9, who=i) for i in (1, 2, 3))
    found, _ = predicted(tmp_path, rows, model)
    assert found[2:4] == pytest.approx(2 * found[:2], rel=1e-6)
    assert found[4:6] == pytest.approx(3 * found[:2], rel=1e-6)


def test_a_saturable_steady_state_is_found_or_there_is_none(tmp_path):
    text = "ID,TIME,AMT,II,SS,CMT,DV,EVID\n1,0,480,14,1,central,.,1\n1,5,.,.,.,central,1,0\n1,14,.,.,.,central,1,0\n"
    path = tmp_path / "ss.csv"
    path.write_text(text)
    model = load("tocilizumab/ra")
    data = read_dataset(path, model)
    shape = structure(model, data, Choices(correlate=()))
    centre = np.repeat(shape.start.mu[None, None], 1, axis=0)
    steady = Courses(shape, data).predict(centre)[:, 0]
    long = "ID,TIME,AMT,II,ADDL,CMT,DV,EVID\n1,0,480,14,59,central,.,1\n"
    path.write_text(long + "1,831,.,.,.,central,1,0\n1,839.9999,.,.,.,central,1,0\n")
    data = read_dataset(path, model)
    # sixty doses, by then the same as for ever; the solver's tolerance once more
    assert steady == pytest.approx(Courses(shape, data).predict(centre)[:, 0], rel=3e-3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,0,100,-2,0,0,0,1,.,1\n", "RATE: depot takes no infusion: -2"),
        ("1,0,100,-3,0,0,0,2,.,1\n", "RATE: there is no such rate: -3"),
        ("1,0,100,0,0,0,1,1,.,1\n", "II: a steady state needs an interval"),
    ],
)
def test_what_cannot_be_is_named(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        predicted(tmp_path, rows + seen(1), model_file(tmp_path))


def test_a_duration_needs_its_parameter(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("ID,TIME,AMT,RATE,DV\n1,0,100,-2,.\n1,1,.,.,1\n")
    with pytest.raises(InputError, match=r"no parameter holds the duration.*--dose-duration NAME"):
        read_dataset(path, load("pk1_iv"))
    with pytest.raises(InputError, match="--dose-duration: there is no such compartment: 'gut'"):
        read_dataset(path, load("pk1_iv"), durations={"gut": "CL"})
