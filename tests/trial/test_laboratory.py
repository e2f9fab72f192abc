"""Laboratory limits in a trial: what a visit measures, what only data show, drugs stopped, spaced and limited."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.ground.files import library_path, load_yaml
from abate.science.policy import begin, load_policy, policy_from, print_policy
from abate.trial.course import Course
from abate.trial.dosing import Dosing
from abate.trial.notes import notes, unseen
from abate.trial.protocol import Trial, load_trial
from abate.trial.simulate import course_of, prepare

POLICY = library_path("policies", "gca-tocilizumab-safety.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def trial() -> Trial:
    """The library's trial of laboratory limits, its first half year."""
    return load_trial("gca-laboratory-limits").model_copy(update={"weeks": 26})


@pytest.fixture(scope="module")
def courses(trial: Trial) -> dict[str, Course]:
    setup = prepare(trial)
    return {arm: course_of(setup, arm, np.arange(32), seed=1) for arm in trial.arms}


def test_each_antibody_is_measured_in_its_own_arm(courses: dict[str, Course]) -> None:
    for arm, output in (("tocilizumab", "C"), ("sarilumab", "C_sarilumab")):
        course = courses[arm]
        for day, seen in course.seen[1:]:
            true = course.courses[output][:, day]
            log = np.log(seen["drug-level"] / true)
            present = ~np.isnan(log)
            # Six standard deviations of the larger of the two residual errors.
            assert np.all(np.abs(log[present]) < 6 * 0.628), (arm, day)
        other = {"C": "C_sarilumab", "C_sarilumab": "C"}[output]
        assert not course.courses[other].any() if other in course.courses else True


def test_neutrophils_are_seen_and_low_ones_stop_the_drug(courses: dict[str, Course]) -> None:
    course = courses["tocilizumab"]
    held = [row for row in course.ledger if row["rule"] in ("hold", "discontinue")]
    assert held
    for row in held:
        assert row["seen"]["neutrophils"] <= 1.0 or row["seen"]["platelets"] <= 100
        assert "alt" not in row["seen"]
    given = {float(t): a for doses in course.antibody for t, a in zip(doses.time, doses.amount, strict=True)}
    for row in held:
        assert given.get(float(row["day"]), np.zeros(32))[row["person"]] == 0


def test_what_no_model_gives_is_said_and_not_measured(trial: Trial, courses: dict[str, Course]) -> None:
    assert unseen(trial) == ("alt", "ast")
    assert all("alt" not in seen for course in courses.values() for _, seen in course.seen)
    said = notes(trial, {name: load_policy(name) for name in (trial.policy, "gca-sarilumab-safety")})
    assert said == ("No model gives alt, ast: nobody was measured, so no rule could see it.",)


def test_an_arm_without_a_taper_says_whose_it_follows(trial: Trial) -> None:
    arms = {slug: arm.model_copy(update={"taper": None}) for slug, arm in trial.arms.items()}
    said = notes(
        trial.model_copy(update={"arms": arms}),
        {name: load_policy(name) for name in (trial.policy, "gca-sarilumab-safety")},
    )
    assert "Arm tocilizumab names no taper: it follows giacta-26, that of its policy gca-tocilizumab-safety." in said


def own_policy(tmp_path: Path, old: str, new: str) -> str:
    assert old in POLICY
    path = tmp_path / "own.yaml"
    path.write_text(POLICY.replace(old, new), encoding="utf-8")
    return str(path)


def test_a_limit_cuts_a_dose_by_weight_and_refuses_a_fixed_one(trial: Trial, tmp_path: Path) -> None:
    policy = own_policy(tmp_path, "tocilizumab: 800 mg", "tocilizumab: 400 mg")
    by_weight = trial.arms["tocilizumab"].model_copy(
        update={"drugs": ("tocilizumab 6 mg/kg iv every 4 weeks",), "policy": policy}
    )
    changed = trial.model_copy(update={"arms": {"iv": by_weight}, "weeks": 8})
    course = course_of(prepare(changed), "iv", np.arange(64), seed=1)
    amounts = np.concatenate([doses.amount for doses in course.antibody])
    weight = course.covariates["weight"]
    assert weight.max() > 400 / 6 > weight.min()
    np.testing.assert_allclose(amounts[0], np.minimum(6 * weight, 400), rtol=1e-12)
    assert "Arm iv: the policy gca-tocilizumab-safety limits tocilizumab to 400 mg a dose." in notes(
        changed, prepare(changed).policies
    )
    fixed = by_weight.model_copy(update={"drugs": ("tocilizumab 500 mg iv every 4 weeks",)})
    with pytest.raises(InputError, match=r"arms\.iv: the dose lies above the limit.*at most 400 mg of tocilizumab"):
        prepare(trial.model_copy(update={"arms": {"iv": fixed}}))


def test_spacing_cannot_give_a_drug_more_often_than_its_arm(trial: Trial, tmp_path: Path) -> None:
    policy = own_policy(tmp_path, "do: resume tocilizumab", "do: space tocilizumab to every week")
    arm = trial.arms["tocilizumab"].model_copy(
        update={"drugs": ("tocilizumab 6 mg/kg iv every 4 weeks",), "policy": policy}
    )
    with pytest.raises(InputError, match="'resume' of gca-tocilizumab-safety would give tocilizumab more often"):
        prepare(trial.model_copy(update={"arms": {"iv": arm}}))


def test_a_measure_of_another_model_is_refused_by_name(trial: Trial) -> None:
    arms = {"tocilizumab": trial.arms["tocilizumab"]}
    other = trial.model_copy(update={"model": "tocilizumab/gca", "arms": arms})
    with pytest.raises(InputError, match=r"the model tocilizumab/gca does not give this: 'symptom-score'"):
        prepare(other)


def test_stopping_one_drug_leaves_the_other(trial: Trial) -> None:
    """Two drugs of one arm: a rule that names one does not touch the other."""
    arm = trial.arms["tocilizumab"].model_copy(
        update={"drugs": ("tocilizumab 162 mg sc every week", "sarilumab 200 mg sc every 2 weeks")}
    )
    policy = load_policy("gca-tocilizumab-safety")
    both = Dosing(trial, arm, policy, {"weight": np.full(2, 70.0)}, np.arange(2), seed=1)
    memory = begin(policy, 2, 182, drug=("tocilizumab", "sarilumab"))
    memory.given["tocilizumab"][1] = False
    memory.every["sarilumab"][0] = 28.0
    empty = np.zeros((2, 182))
    course = Course(np.arange(2), {}, np.full(2, 182.0), empty, {}, np.zeros(2, dtype=np.int64))
    list(both.give(course, memory, 0, 56))
    weekly, fortnightly = course.antibody
    assert weekly.amount.sum(axis=0).tolist() == [8 * 162, 0]
    assert fortnightly.amount.tolist() == [[200, 200], [0, 200], [200, 200], [0, 200]]


def test_the_policy_reads_back() -> None:
    policy = load_policy("gca-tocilizumab-safety")
    assert policy_from(load_yaml("printed.yaml", text=print_policy(policy))) == policy
