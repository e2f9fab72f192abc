"""Simulate and refit, and simulation-based calibration: slices that are quick, and the whole behind a mark."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from abate.inference.nlme import Plan

HERE = Path(__file__).parent


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


refits, calibration = loaded("refits"), loaded("calibration")


def test_refits_of_a_few_data_sets_are_near_the_truth(tmp_path):
    errors, _ = refits.refit("one-compartment", range(2), tmp_path)
    # the standard error of a typical value is at most 6 % with 60 people; three of them on the mean of two sets
    assert np.all(np.abs(errors.mean(axis=0)) < 3 * 0.06 / np.sqrt(2))


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_hundred_refits_have_no_bias_and_honest_intervals(tmp_path):
    errors, held = refits.refit("one-compartment", range(100), tmp_path)
    print("bias", errors.mean(axis=0).round(4), "coverage", held.mean(axis=0))
    # as asked: bias under 5 %, coverage of 95 % intervals between 88 and 99 % (100 sets: 95 % give 90 to 99)
    assert np.all(np.abs(errors.mean(axis=0)) < 0.05)
    assert np.all((held.mean(axis=0) >= 0.88) & (held.mean(axis=0) <= 0.99 + 1e-9))


def test_frey_2010_is_fitted_with_km_fixed(tmp_path):
    path = tmp_path / "frey.csv"
    path.write_text(refits.frey_rows(1))
    fit = refits.frey_fit(path, 1, Plan(60, 30))
    rows = fit.estimates(0.999)
    assert "KM" not in rows
    for name, value in {"CL": 0.3, "V1": 3.5, "V2": 2.9, "VM": 7.5, "prop.sd": 0.15}.items():
        assert rows[name]["low"] < value < rows[name]["high"]


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_twenty_refits_of_frey_2010_have_no_bias(tmp_path):
    errors, _ = refits.refit("frey-2010", range(20), tmp_path)
    print("bias of CL, V1, V2, VM", errors.mean(axis=0).round(4))
    # as asked: under 5 %
    assert np.all(np.abs(errors.mean(axis=0)) < 0.05)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_refits_with_occasions_have_no_bias(tmp_path):
    errors, held = refits.refit("occasions", range(20), tmp_path)
    print("occasions: bias", errors.mean(axis=0).round(4), "coverage", held.mean(axis=0))
    # typical values as the other refits; a variance of occasions with 110 of them has a relative error of a sixth,
    # a fortieth of its square is the most that a mean of twenty can be off by chance (three standard errors: 12 %)
    assert np.all(np.abs(errors.mean(axis=0)) < (0.05, 0.05, 0.12))


def test_ranks_of_a_small_calibration_are_not_at_the_ends():
    # two measurements of the drug leave enough of a small bank; four need the large one
    found, effective = calibration.ranks(1600, 80, calibration.LEVELS)
    assert np.median(effective) > 50
    for shares in found.values():
        inside = np.sum((shares > 0.05) & (shares < 0.95))
        # nine tenths of 80 truths lie within the central 90 %; fewer than this has a chance of 1 in 10,000
        assert inside >= binom.ppf(1e-4, 80, 0.9)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_simulation_based_calibration():
    found, effective = calibration.ranks(8000, 400, calibration.WHOLE)
    print("median effective people", np.median(effective))
    for name, shares in found.items():
        print(name, calibration.uniform_p(shares))
        # as asked
        assert calibration.uniform_p(shares) > 0.01
