"""What a visit sees: one home for the numbers of observation, and what no model gives."""

from __future__ import annotations

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.science.model import load
from abate.science.policy import load_policy, policies
from abate.study.observation import load_clinic


@pytest.mark.parametrize("disease", ["gca", "pmr"])
def test_the_model_keeps_no_second_copy_of_the_numbers_of_a_visit(disease: str) -> None:
    kept = set(load(f"il6_blockade/{disease}").observation)
    twice = {"flare_threshold", "symptom_noise", "vas_pain", "vas_physician", "morning_stiffness", "arm_elevation"}
    assert not kept & twice


def test_every_policy_of_the_library_calls_a_flare_where_a_visit_does() -> None:
    reading = [p for p in map(load_policy, policies()) if "flare-threshold" in p.settings]
    assert len(reading) > 3
    for policy in reading:
        assert policy.settings["flare-threshold"].value == load_clinic().flare_level(policy.disease), policy.name


def test_the_parts_of_the_symptom_score_have_one_scale() -> None:
    # Clinical part of PMR-AS: pain + physician + 0.1 * stiffness + elevation, 30 points where the intensity is 1.
    clinic, score = load_clinic(), load("il6_blockade/pmr").parameters["disease_score"].value
    parts = [clinic[name].scale for name in ("pain", "vas-physician", "arm-elevation")]
    assert sum(parts) + 0.1 * clinic["morning-stiffness"].scale == pytest.approx(score, rel=1e-12)


def test_a_disease_without_a_flare_level_is_said() -> None:
    with pytest.raises(InputError, match=r"no flare level is known for this disease: 'ra'; allowed: gca, pmr"):
        load_clinic().flare_level("ra")
    assert np.isfinite(load_clinic().flare_level("gca"))


@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("il6_blockade/pmr", ["pain", "clin-pmr-as", "arm-elevation", "pmr-as"]),
        ("fibromyalgia/hypothesis", ["pain", "fiqr"]),
    ],
)
def test_a_score_of_one_disease_is_not_read_off_the_symptoms_of_another(model: str, given: list[str]) -> None:
    loaded = load(model)
    known = {*loaded.outputs, *loaded.states, *loaded.assignments}
    asked = ["pain", "clin-pmr-as", "arm-elevation", "pmr-as", "fiqr"]
    assert load_clinic().simulated(asked, known) == given
