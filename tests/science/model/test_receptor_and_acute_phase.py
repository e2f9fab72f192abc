"""IL-6 and antibody at one receptor, CRP and ESR: the published affinities, half-life, and signs."""

from __future__ import annotations

import numpy as np
import pytest

from abate.science.model import load

MODEL = "il6/gca"


def steady(person, entry, values):
    return {k: v[-1] for k, v in person(load(entry), values).course([0.0, 30.0]).items()}


@pytest.mark.parametrize(("concentration", "percent"), [(1, 72.7), (5, 93.0), (10, 96.4), (50, 99.3)])
def test_occupancy_by_concentration(person, concentration, percent):
    # Printed with one decimal.
    assert 100 * steady(person, MODEL, {"C": concentration})["occupancy"] == pytest.approx(percent, abs=0.051)


@pytest.mark.parametrize("concentration", [1.0, 5.0, 50.0, 500.0])
def test_free_il6_rises_and_its_signal_falls_on_the_drug(person, concentration):
    off, on = steady(person, MODEL, {"C": 0.0}), steady(person, MODEL, {"C": concentration})
    assert on["il6"] > off["il6"]
    assert on["signal"] < off["signal"]
    share = load(MODEL).parameters["CU"].value
    f = 1 / (1 + 6.76 * concentration / 2.54)
    # IL-6 itself fills 0.015 % of the receptor, which the closed form leaves out.
    assert on["il6"] / off["il6"] == pytest.approx(1 / (share + (1 - share) * f), rel=1e-3)
    assert on["signal"] == pytest.approx(f / (share + (1 - share) * f), rel=1e-3)
    assert on["net_signal"] == pytest.approx(on["signal"], rel=1e-3)


def test_the_whole_receptor_is_accounted_for(person):
    found = steady(person, MODEL, {"C": 3.0})
    p = load(MODEL).parameters
    bound = found["free_receptor"] * found["il6"] * p["nM_per_pg_mL"].value / p["KL"].value
    assert found["free_receptor"] + found["occupancy"] + bound == pytest.approx(1, rel=1e-12)


def test_crp_falls_with_a_half_life_of_19_hours(person):
    model = load("acute_phase/untreated")
    runner = person(model, {"signal": 1.0, "crp0": 0.0, "c1": 50.0})
    times = np.array([0.0, 1.84, 2.0])
    course = runner.course(times, [(0.0, "set", "signal", 0.0)])
    assert course["crp"][0] == pytest.approx(50)
    assert course["crp"][1] < 10 < course["crp"][0]
    assert course["crp"][2] == pytest.approx(8.68, abs=0.005)  # printed with two decimals


def test_crp_and_esr_follow_the_signal_and_stop_at_its_ceiling(person):
    levels = [steady(person, "acute_phase/untreated", {"signal": s}) for s in (0.02, 0.5, 1.0, 2.5, 4.0)]
    crp = [level["crp"] for level in levels]
    assert crp[0] < crp[1] < crp[2] < crp[3] == crp[4]
    assert crp[0] == pytest.approx(1.0, abs=0.02)  # the signal under full blockade leaves next to nothing
    assert levels[2]["esr"] == pytest.approx(72)
    assert levels[0]["esr"] == pytest.approx(7, abs=0.05)


def test_sedimentation_lags_behind_crp(person):
    course = person(load("acute_phase/untreated")).course([0.0, 2.0], [(0.0, "set", "signal", 0.0)])
    assert (course["crp"][1] - 1) / (course["crp"][0] - 1) < 0.2
    assert (course["esr"][1] - 7) / (course["esr"][0] - 7) == pytest.approx(2**-0.5, rel=1e-6)
