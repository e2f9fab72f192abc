"""Predictions and starting values: infusions, records at the time of a dose, resets, far starts."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from abate.inference.nlme import Choices, Plan, fit_population, read_dataset
from abate.inference.nlme.course import Courses
from abate.inference.nlme.structure import structure
from abate.science.model import load

spec = importlib.util.spec_from_file_location("one_compartment", Path(__file__).with_name("one_compartment.py"))
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)


def predicted(tmp_path, text, model="pk1_iv"):
    path = tmp_path / "d.csv"
    path.write_text(text)
    chosen = load(model)
    data = read_dataset(path, chosen)
    shape = structure(chosen, data, Choices())
    phi = np.repeat(shape.start.mu[None, None], data.subjects, axis=0)
    return Courses(shape, data).predict(phi)[:, 0]


def test_a_bolus_is_seen_by_the_record_of_its_time(tmp_path):
    # C = 90/30 at once, then exp(-0.1 t) with CL 3 and V 30
    seen = predicted(tmp_path, "ID,TIME,AMT,DV\n1,0,90,.\n1,0,.,3\n1,10,.,1\n")
    # relative tolerance of the solver's steps is 2e-4
    assert seen == pytest.approx([3.0, 3.0 * np.exp(-1)], rel=1e-3)


def test_infusions_run_at_their_rate_and_end(tmp_path):
    seen = predicted(
        tmp_path, "ID,TIME,AMT,RATE,DV\n1,0,90,30,.\n1,2,.,.,1\n1,3,.,.,1\n1,9,.,.,1\n2,0,90,0,.\n2,1,.,.,1\n"
    )
    during = 30 / 3 * (1 - np.exp(-0.1 * np.array([2.0, 3.0])))
    expected = [*during, during[1] * np.exp(-0.6), 3.0 * np.exp(-0.1)]
    assert seen == pytest.approx(expected, rel=1e-3)


def test_after_a_reset_nothing_is_left(tmp_path):
    seen = predicted(tmp_path, "ID,TIME,AMT,EVID,DV\n1,0,90,1,.\n1,5,.,0,2\n1,0,30,4,.\n1,5,.,0,1\n")
    assert seen == pytest.approx([3 * np.exp(-0.5), np.exp(-0.5)], rel=1e-3)


def test_a_person_s_course_does_not_depend_on_company(tmp_path):
    rows = "1,0,90,.\n1,4,.,2\n"
    others = "".join(f"{i},0,60,.\n{i},{i},.,2\n" for i in range(2, 30))
    alone = predicted(tmp_path, "ID,TIME,AMT,DV\n" + rows)
    together = predicted(tmp_path, "ID,TIME,AMT,DV\n" + rows + others)
    # steps are shared with others of a lane group, so to the solver's tolerance
    assert together[0] == pytest.approx(alone[0], rel=1e-3)


def test_a_fit_finds_its_way_from_far_numbers(tmp_path):
    path = tmp_path / "far.csv"
    path.write_text(made.simulated_rows(21, subjects=30))
    # slower elimination than absorption, as in truth: the mirror image of both fits as well (flip-flop)
    far = {"CL": 60.0, "V": 500.0, "ka": 0.3}
    fit = fit_population("pk1_oral", path, seed=1, plan=Plan(80, 40), samples=300, values=far)
    near = fit_population("pk1_oral", path, seed=1, plan=Plan(80, 40), samples=300)
    # two fits of one data set differ by Monte Carlo noise, a tenth of a standard error
    for name in ("CL", "V", "ka"):
        rows = near.estimates()[name]
        assert fit.estimates()[name]["estimate"] == pytest.approx(rows["estimate"], abs=0.2 * rows["se"])
