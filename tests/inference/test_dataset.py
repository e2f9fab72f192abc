"""Data sets: what is read, and what is refused in one line."""

from __future__ import annotations

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.inference.nlme import read_dataset
from abate.science.model import load

HEAD = "ID,TIME,DV,AMT,EVID,CMT,CENS,ADDL,II\n"
DOSE = "1,0,.,100,1,1,.,.,.\n"


def written(tmp_path, text):
    path = tmp_path / "data.csv"
    path.write_text(text)
    return path


def test_hours_become_days_and_additional_doses_events(tmp_path):
    path = written(tmp_path, HEAD + "1,0,.,100,1,1,.,2,12\n1,24,3.5,.,0,2,.,.,.\n1,36,2,.,0,2,1,.,.\n")
    data = read_dataset(path, load("pk1_oral"))
    assert [d.time for d in data.units[0].doses] == pytest.approx([0, 0.5, 1.0])
    # the dose of 24 h comes before the record of 24 h, by an instant
    assert data.time[0] == pytest.approx(1.0, abs=1e-6)
    assert data.time[0] > 1.0
    assert data.censored.tolist() == [False, True]


def test_a_reset_starts_a_new_course_of_the_same_subject(tmp_path):
    path = written(tmp_path, HEAD + DOSE + "1,5,3,.,0,2,.,.,.\n1,0,.,100,4,1,.,.,.\n1,5,3,.,0,2,.,.,.\n")
    data = read_dataset(path, load("pk1_oral"))
    assert [u.subject for u in data.units] == [0, 0]
    assert np.allclose(data.time, 5 / 24)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,-2,3,.,0,2,.,.,.\n" + DOSE, "ID 1, TIME -2: an observation before the first dose.*set MDV to 1"),
        (DOSE + "1,5,3,.,0,2,.,.,.\n1,4,3,.,0,2,.,.,.\n", "row 4, TIME: time runs backwards: 4.0"),
        ("1,0,7,100,1,1,.,.,.\n1,5,3,.,0,2,.,.,.\n", "ID 1, TIME 0, DV: a dose has a measured value: 7.0"),
        (DOSE + "1,5,3,.,0,7,.,.,.\n", "row 3, CMT: there is no such compartment: 7.0; allowed: 1 to 2"),
        (DOSE + "1,5,0.1,.,0,2,1,.,.\n1,6,0.1,.,0,2,1,.,.\n", "ID 1: every observation is below its limit"),
        (DOSE + "1,5,0,.,0,2,1,.,.\n", "the limit of a value below it is missing"),
        (DOSE, "there is no observation"),
    ],
)
def test_wrong_records_are_named(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        read_dataset(written(tmp_path, HEAD + rows), load("pk1_oral"))


def test_an_infusion_needs_a_model_that_takes_one(tmp_path):
    text = "ID,TIME,DV,AMT,RATE,CMT\n1,0,.,100,50,1\n1,5,3,.,.,1\n"
    with pytest.raises(InputError, match="RATE: depot takes no infusion"):
        read_dataset(written(tmp_path, text), load("pk1_oral"))
    dose = read_dataset(written(tmp_path, text), load("pk1_iv")).units[0].doses[0]
    assert dose.duration == pytest.approx(2 / 24)


def test_outputs_are_named(tmp_path):
    path = written(tmp_path, HEAD + DOSE + "1,5,3,.,0,2,.,.,.\n")
    with pytest.raises(InputError, match="--dv: no such output: 'CC'; allowed: C"):
        read_dataset(path, load("pk1_oral"), outputs=("CC",))


def test_dates_and_clock_times_are_hours_whatever_the_model(tmp_path):
    rows = "1,2026-03-09,08:00,.,560,1\n1,2026-03-16,20:00,90,.,2\n"
    path = written(tmp_path, "ID,DATE,TIME,DV,AMT,CMT\n" + rows)
    model = load("tocilizumab/ra")
    data = read_dataset(path, model)
    assert data.time_unit == "hour"
    assert data.time - data.units[0].doses[0].time == pytest.approx([7.5])
    with pytest.raises(InputError, match=r"--time-unit: data.csv has dates or clock times: TIME is hours: 'day'"):
        read_dataset(path, model, time_unit="day")
