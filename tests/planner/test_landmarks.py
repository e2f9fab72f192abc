"""Forecasts at landmarks against what came: the arithmetic, and a slice of the slow check."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from abate.planner.landmarks import (
    LANDMARKS,
    OTHERS,
    Bank,
    Landmark,
    check,
    course_of,
    first_flare,
    landmarks,
    reliability,
)

DOCS = Path(__file__).parents[2] / "docs"


def made_up(sharpness: float) -> Landmark:
    draw = np.random.default_rng(1)
    chance = draw.beta(0.5, 1.5, size=4000)
    logit = np.log(chance / (1 - chance))
    said = 1 / (1 + np.exp(-sharpness * logit))
    return Landmark(56, said, draw.random(4000) < chance, np.full(4000, 100.0))


def test_a_perfect_forecaster_has_a_slope_of_one_and_one_too_sure_has_less() -> None:
    perfect = reliability([made_up(1.0)])
    assert perfect["slope_low"] < 1 < perfect["slope_high"]
    assert perfect["intercept"] == pytest.approx(0, abs=0.15)  # three standard errors of 4,000 cases
    assert perfect["brier"] < perfect["brier_of_population_rate"]
    assert reliability([made_up(2.0)])["slope"] == pytest.approx(0.5 * perfect["slope"], abs=0.05)
    said = [row["said"] for row in perfect["table"]]
    assert said == sorted(said)


def test_a_flare_needs_remission_before_it() -> None:
    seen = np.array([[12.0, 3.0, 12.0], [12.0, 12.0, 3.0], [12.0, 3.0, 12.0]])
    assert first_flare(seen, 9.35).tolist() == [3, 1, 2]


def test_people_who_flared_are_not_asked_again() -> None:
    visits = 14
    calm = np.full((visits, 32), 1.0)
    calm[0] = 20.0
    ill = calm.copy()
    ill[4, :16] = 60.0  # far above the level: the reading's error does not hide it
    bank = Bank("pmr", calm, calm, np.arange(32))
    found = landmarks(bank, Bank("pmr", ill, calm, OTHERS + np.arange(32)), 1)
    assert [row.day for row in found] == list(LANDMARKS)
    asked = [row.came.size for row in found]
    assert asked[0] == 32
    assert asked[-1] == 16
    assert found[0].came.sum() == 16


def test_a_slice_of_the_slow_check_beats_the_rate_of_the_population() -> None:
    schedule = {"disease": "pmr", "taper": "eular-acr-2015", "dose": 15.0}
    bank = course_of(**schedule, people=1024, seed=3)
    asked = course_of(**schedule, people=96, seed=3, first=OTHERS)
    found = reliability(landmarks(bank, asked, 3, visits=2))
    assert found["n"] > 100
    assert found["brier"] < found["brier_of_population_rate"]
    assert 0.5 < found["slope"] < 2  # about 300 forecasts and a small bank: the slow check is narrower


@pytest.mark.slow
def test_two_thousand_landmark_forecasts_are_calibrated() -> None:
    whole = check(people=24576, patients=160)["all"]
    assert whole["n"] >= 2000
    assert whole["brier"] < whole["brier_of_population_rate"]
    assert 0.8 <= whole["slope"] <= 1.2  # what was asked for


def test_the_page_of_the_slow_checks_is_that_of_its_results() -> None:
    import json

    spec = importlib.util.spec_from_file_location("make_planning_checks", DOCS / "make_planning_checks.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    kept = json.loads((DOCS / "planning-checks.json").read_text(encoding="utf-8"))
    assert {"landmarks", "explanations"} <= set(kept) <= set(made.CHECKS)
    assert made.page(kept) == (DOCS / "planning-checks.md").read_text(encoding="utf-8")
