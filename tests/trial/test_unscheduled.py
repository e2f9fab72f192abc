"""Visits between the scheduled ones: on symptoms, and for a test that is due."""

from pathlib import Path

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.ground.files import library_path, load_yaml
from abate.science.policy import Policy, policy_from
from abate.study.store import Study
from abate.trial.protocol import Trial, load_trial
from abate.trial.simulate import Setup, course_of, prepare, simulate
from abate.trial.tables import visit_label

COHORT = library_path("trials", "pmr-natural-history.yaml").read_text(encoding="utf-8")
RETEST = """
name: retest
title: A test that is asked for
disease: pmr
source: made up for this test
grade: assumed
measures: [symptom-score, crp]
visits: {every: 4 weeks}
start: {taper: pmr-slow}
rules:
  - id: again
    when: crp >= 20 mg/L
    do: retest crp in 10 days
    because: it was high
  - id: quiet
    when: symptom-score < 5 at 3 consecutive visits
    do: call quiet
    because: three quiet visits in a row
"""


@pytest.fixture(scope="module")
def cohort() -> Trial:
    """Polymyalgia rheumatica in a cohort, its first 24 weeks."""
    return load_trial("pmr-natural-history").model_copy(update={"weeks": 24, "published": ()})


def with_policy(trial: Trial, policy: Policy) -> Setup:
    setup = prepare(trial)
    return Setup(setup.trial, setup.model, setup.population, setup.ensemble, {trial.policy: policy})


def first_arm(trial: Trial) -> str:
    return next(iter(trial.arms))


def test_people_come_on_symptoms_and_stay_the_same_in_any_company(cohort: Trial) -> None:
    setup = prepare(cohort.model_copy(update={"diary": "every week"}))
    arm = first_arm(cohort)
    crowd = course_of(setup, arm, np.arange(48), seed=1)
    alone = course_of(setup, arm, [17], seed=1)
    assert crowd.unscheduled
    assert crowd.unscheduled.isdisjoint(cohort.visit_days)
    assert all(day % 7 == 0 for day in crowd.unscheduled)
    for name, values in crowd.courses.items():
        assert np.array_equal(values[17], alone.courses[name][0]), name
    assert [r for r in crowd.ledger if r["person"] == 17] == [{**r, "person": 17} for r in alone.ledger]
    threshold = setup.policies[cohort.policy].settings["flare-threshold"].value
    for day, seen in crowd.seen:
        if day in crowd.unscheduled:
            scores = seen["symptom-score"]
            assert np.nanmin(scores) >= threshold
            assert np.isnan(scores).any()


def test_a_flare_is_found_between_visits(cohort: Trial) -> None:
    """The first decision that differs from a trial without a diary is one of an unscheduled visit."""
    arm = first_arm(cohort)
    plain, diary = (
        course_of(prepare(cohort.model_copy(update={"diary": d})), arm, np.arange(48), seed=1)
        for d in (None, "every week")
    )
    assert not plain.unscheduled
    between = [row for row in diary.ledger if row["day"] in diary.unscheduled]
    assert {"flare"} <= {row["rule"] for row in between}
    for person in range(48):
        differs = np.flatnonzero(plain.prednisone[person] != diary.prednisone[person])
        if differs.size:
            assert min(row["day"] for row in between if row["person"] == person) <= differs[0]


def test_a_diary_changes_nothing_for_a_policy_that_asks_for_none(cohort: Trial) -> None:
    policy = policy_from(load_yaml("retest.yaml", text=RETEST.replace("crp >= 20 mg/L", "crp >= 20000 mg/L")))
    arm = first_arm(cohort)
    one = course_of(with_policy(cohort, policy), arm, np.arange(16), seed=1)
    setup = with_policy(cohort, policy)
    diary = Setup(
        cohort.model_copy(update={"diary": "every week"}),
        setup.model,
        setup.population,
        setup.ensemble,
        {cohort.policy: policy},
    )
    two = course_of(diary, arm, np.arange(16), seed=1)
    assert not two.unscheduled
    for name, values in one.courses.items():
        assert np.array_equal(values, two.courses[name]), name
    with pytest.raises(InputError, match="no policy of the trial asks for visits on symptoms"):
        prepare(load_trial("giacta").model_copy(update={"diary": "every week"}))


def test_a_test_that_is_due_is_taken_on_its_day(cohort: Trial) -> None:
    setup = with_policy(cohort, policy_from(load_yaml("retest.yaml", text=RETEST)))
    course = course_of(setup, first_arm(cohort), np.arange(48), seed=1)
    asked = [(row["person"], row["day"]) for row in course.ledger if row["rule"] == "again"]
    seen = dict(course.seen)
    scheduled = set(cohort.visit_days)
    assert asked
    for person, day in asked:
        due = day + 10
        sooner = [visit for visit in scheduled if day < visit < due]
        left = course.followed[person] <= due
        if due <= cohort.days and not left and not sooner:
            assert not np.isnan(seen[due]["crp"][person])
    # Nobody else comes.
    for day in course.unscheduled:
        came = set(np.flatnonzero(~np.isnan(seen[day]["crp"])).tolist())
        assert came <= {person for person, then in asked if then + 10 == day}


def test_those_who_come_between_do_not_break_the_consecutive_visits_of_others(cohort: Trial) -> None:
    policy = policy_from(load_yaml("retest.yaml", text=RETEST))
    never = policy_from(load_yaml("retest.yaml", text=RETEST.replace("crp >= 20 mg/L", "crp >= 20000 mg/L")))
    some, none = (course_of(with_policy(cohort, p), first_arm(cohort), np.arange(48), seed=1) for p in (policy, never))
    assert some.unscheduled
    quiet = [
        {(row["person"], row["day"]) for row in course.ledger if row["rule"] == "quiet" and row["day"] % 28 == 0}
        for course in (some, none)
    ]
    assert quiet[0] == quiet[1] != set()


def test_the_tables_name_such_visits_apart(cohort: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abate.trial.assembly.CHUNK", 16)
    study: Study = simulate(cohort.model_copy(update={"diary": "every week"}), tmp_path / "s", seed=1, patients=32)
    rows = study.measurements
    between = rows[~rows["time"].isin(cohort.visit_days)]
    assert len(between)
    assert set(between["visit"]) == {visit_label(int(day), scheduled=False) for day in between["time"]}
    assert not rows["visit"][rows["time"].isin(cohort.visit_days)].str.startswith("unscheduled").any()


@pytest.mark.parametrize("diary", ["daily", "every 0 weeks"])
def test_a_diary_is_kept_by_weeks(tmp_path: Path, diary: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(COHORT + f"\ndiary: {diary}\n")
    with pytest.raises(InputError, match="not a visit schedule"):
        load_trial(file)
