"""Inter-occasion variability: what occasions do to a course, and simulate-and-refit."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.inference.nlme import Choices, Plan, fit_population, read_dataset
from abate.inference.nlme.course import Courses
from abate.inference.nlme.diagnostics import corrected_check, goodness, simulate_data
from abate.inference.nlme.nonmem import ext_table
from abate.inference.nlme.structure import structure
from abate.inference.nlme.tables import individual_table, trace_table
from abate.science.model import load

spec = importlib.util.spec_from_file_location("daily_occasions", Path(__file__).with_name("daily_occasions.py"))
daily = importlib.util.module_from_spec(spec)
spec.loader.exec_module(daily)
simulated = daily.simulated

TRUTH = {"CL": 3.0, "V": 30.0, "eta.CL": 0.09, "eta.V": 0.04, "iov.CL": 0.04, "prop.sd": 0.1}
SHORT = Plan(150, 80)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("occasions") / "three.csv"
    file.write_text(simulated(3))
    return file


@pytest.fixture(scope="module")
def fit(path):
    choices = Choices(occasions=("CL",), error={"": "proportional"})
    return fit_population("pk1_iv", path, seed=1, plan=SHORT, samples=600, choices=choices)


def test_a_new_occasion_begins_with_its_first_record(tmp_path):
    path = tmp_path / "two.csv"
    path.write_text(
        "ID,TIME,AMT,DV,OCC\n1,0,90,.,1\n1,10,.,1,1\n1,20,60,.,2\n1,20,.,1,2\n1,30,.,1,2\n2,0,90,.,7\n2,10,.,1,7\n"
    )
    model = load("pk1_iv")
    data = read_dataset(path, model)
    assert data.occasions.tolist() == [2, 1]
    shape = structure(model, data, Choices(occasions=("CL",)))
    assert shape.names[:4] == ("CL", "V", "CL@1", "CL@2")
    assert shape.present[1].tolist() == [True, True, True, False]
    phi = np.repeat(shape.start.mu[None, None], 2, axis=0)
    phi[0, 0, shape.names.index("CL@2")] = np.log(2)  # clearance of the second day is twice that of the first
    found = Courses(shape, data).predict(phi)[:, 0]
    before = 3 * np.exp(-0.1 * np.array([10.0, 20.0]))
    expected = [before[0], before[1] + 2, (before[1] + 2) * np.exp(-0.2 * 10), before[0]]
    # relative tolerance of the solver's steps is 2e-4
    assert found == pytest.approx(expected, rel=1e-3)


def test_truth_lies_within_the_intervals(fit):
    rows = fit.estimates(level=0.999)
    for name, value in TRUTH.items():
        assert rows[name]["low"] < value < rows[name]["high"]
    # 110 occasions: a variance of 0.04 is known to within a factor of about two
    assert rows["iov.CL"]["estimate"] > 0.015
    assert set(fit.shrinkage()) == {"CL", "V", "iov.CL"}


def test_without_occasions_their_variability_goes_elsewhere(fit, path):
    choices = Choices(error={"": "proportional"})
    bare = fit_population("pk1_iv", path, seed=1, plan=Plan(60, 30), samples=200, choices=choices)
    assert bare.minus_two_log_likelihood > fit.minus_two_log_likelihood + 50
    assert bare.estimates()["prop.sd"]["estimate"] > 1.3 * fit.estimates()["prop.sd"]["estimate"]


def test_simulated_data_vary_between_occasions_too(fit):
    simulated = simulate_data(fit, 300, seed=2)
    table = goodness(fit, simulated)
    # 570 standard normal numbers if the model is true: standard errors 0.042 and 0.030; four of them
    assert abs(table["NPDE"].mean()) < 0.17
    assert table["NPDE"].std() == pytest.approx(1, abs=0.12)
    check = corrected_check(fit, table, simulated)
    inside = [(check[f"low_{s}"] <= check[f"observed_{s}"]) & (check[f"observed_{s}"] <= check[f"high_{s}"])
              for s in (5, 50, 95)]  # fmt: skip
    # 95 % intervals, correlated between bins: three quarters inside at the least
    assert np.mean(inside) > 0.75


def test_tables_show_every_occasion(fit):
    table = individual_table(fit)
    assert table["eta.CL@3"].isna().sum() == 10  # who missed the last one
    assert table["eta.CL@1"].notna().all()
    assert "iov.CL" in trace_table(fit)
    lines = ext_table(fit).splitlines()
    final = dict(zip(lines[1].split(), next(r for r in lines if r.split()[0] == "-1000000000").split(), strict=True))
    assert float(final["OMEGA(3,3)"]) == pytest.approx(fit.estimates()["iov.CL"]["estimate"], rel=1e-5)
    assert final["OMEGA(3,3)"] == final["OMEGA(5,5)"]


def test_two_workers_and_an_interruption_change_nothing(tmp_path):
    path = tmp_path / "ten.csv"
    path.write_text(simulated(5, subjects=10))
    choices = Choices(occasions=("CL",), error={"": "proportional"})
    options = {"seed": 2, "plan": Plan(15, 20, 2), "samples": 200, "choices": choices}
    whole = fit_population("pk1_iv", path, threads=1, **options)
    kept = tmp_path / "fit.npz"

    def stop(share, line):
        if share > 0.8 * 0.8:
            raise KeyboardInterrupt("stopped")

    with pytest.raises(KeyboardInterrupt, match="stopped"):
        fit_population("pk1_iv", path, checkpoint=kept, progress=stop, **options)
    resumed = fit_population("pk1_iv", path, threads=2, checkpoint=kept, **options)
    assert np.array_equal(whole.flat.values, resumed.flat.values)


@pytest.mark.parametrize(
    ("change", "choices", "message"),
    [
        (("OCC", "DAY"), ("CL",), "--iov: .* has no column: 'OCC'"),
        (("", ""), ("Vx",), "there is no such parameter: 'Vx'"),
        ((",300,.,2", ",300,.,"), ("CL",), "ID 1, TIME 24, OCC: the occasion is missing"),
    ],
)
def test_wrong_occasions_are_named(path, tmp_path, change, choices, message):
    file = tmp_path / "wrong.csv"
    file.write_text(path.read_text().replace(*change) if change[0] else path.read_text())
    with pytest.raises(InputError, match=message):
        fit_population("pk1_iv", file, choices=Choices(occasions=choices))


def test_one_occasion_is_not_enough(tmp_path):
    file = tmp_path / "one.csv"
    file.write_text("ID,TIME,AMT,DV,OCC\n1,0,90,.,1\n1,10,.,1,1\n2,0,90,.,2\n2,10,.,1,2\n")
    with pytest.raises(InputError, match="--iov: no subject has more than one occasion"):
        fit_population("pk1_iv", file, choices=Choices(occasions=("CL",)))
