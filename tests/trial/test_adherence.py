"""Doses taken differ from doses planned: recorded, the same for a person in any company, and unseen by the policy."""

from pathlib import Path

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.ground.files import library_path
from abate.science.policy import begin, load_policy
from abate.science.regimen import parse
from abate.science.regimen.adherence import Adherence
from abate.trial.adherence import Taking
from abate.trial.dosing import largest_dose
from abate.trial.protocol import Habit, Trial, load_trial
from abate.trial.simulate import course_of, prepare, simulate

GIACTA = library_path("trials", "giacta.yaml").read_text(encoding="utf-8")
SAID = {"source": "made up for this test", "grade": "assumed"}
HABITS = {
    "prednisone": Habit(missed=0.2, clustered=0.5, late=0.5, mean_delay_h=6, longest_delay_h=12, **SAID),
    "tocilizumab": Habit(missed=0.3, late=0.5, mean_delay_h=48, longest_delay_h=192, grid_h=48, **SAID),
}


@pytest.fixture(scope="module")
def short() -> Trial:
    """GiACTA, its first 8 weeks, one arm, nobody leaves."""
    trial = load_trial("giacta")
    arms = {"tocilizumab-weekly": trial.arms["tocilizumab-weekly"]}
    changes = {"weeks": 8, "arms": arms, "groups": {}, "published": (), "reference": None, "dropout": None}
    return trial.model_copy(update=changes)


@pytest.fixture(scope="module")
def forgetful(short: Trial) -> Trial:
    return short.model_copy(update={"adherence": HABITS})


def test_a_person_is_the_same_in_any_company(forgetful: Trial) -> None:
    setup = prepare(forgetful)
    crowd = course_of(setup, "tocilizumab-weekly", np.arange(48), seed=1)
    alone = course_of(setup, "tocilizumab-weekly", [17], seed=1)
    for name, values in crowd.courses.items():
        assert np.array_equal(values[17], alone.courses[name][0]), name
    assert np.array_equal(crowd.prednisone[17], alone.prednisone[0])


def test_the_table_of_doses_holds_what_was_taken(forgetful: Trial, tmp_path: Path) -> None:
    study = simulate(forgetful, tmp_path / "s", seed=1, patients=32)
    courses = study.courses()
    planned, daily = (courses[f"prednisone_{name}"].values[:, :-1] for name in ("planned", "dose"))
    assert (daily.sum(axis=1) < planned.sum(axis=1)).mean() > 0.9
    table = study.doses[study.doses["drug"] == "prednisone"]
    taken = (table["amount"] * table["count"]).groupby(table["subject"]).sum().reindex(study.subjects["subject"])
    np.testing.assert_allclose(taken, daily.sum(axis=1), rtol=1e-6)  # the course is stored in single precision
    # 0.2 missed of 32 x 56 doses, clustered (variance threefold): the standard error is below 0.02.
    assert (daily[planned > 0] == 0).mean() == pytest.approx(0.2, abs=0.06)
    assert set(np.round((table["time"] % 1) * 24).astype(int)) == {8, 12, 16, 20}
    injections = study.doses[study.doses["drug"] == "tocilizumab"]
    assert ((injections["time"] % 7) > 0).any()
    assert injections["count"].sum() < 32 * 8


def test_the_policy_does_not_see_it(forgetful: Trial, short: Trial) -> None:
    """What it plans on the first day is the taper's, whatever is taken; with full habits nothing changes."""
    course = course_of(prepare(forgetful), "tocilizumab-weekly", np.arange(16), seed=1)
    assert course.planned is not None
    policy = load_policy("giacta")
    # The plan of the first two weeks was made at entry, from the entry dose alone.
    memory = begin(policy, 16, 57, start_dose=course.planned[:, 0], taper="giacta-26")
    assert np.array_equal(course.planned[:, :14], memory.plan[:, :14])
    full = short.model_copy(update={"adherence": {"prednisone": Habit(**SAID), "tocilizumab": Habit(**SAID)}})
    kept, plain = (course_of(prepare(t), "tocilizumab-weekly", np.arange(16), seed=1) for t in (full, short))
    assert np.array_equal(kept.prednisone, plain.prednisone)
    for name, values in plain.courses.items():
        assert np.array_equal(values, kept.courses[name]), name


def test_runs_of_missed_doses_go_on_across_visits() -> None:
    times = np.arange(0.0, 364.0)
    adherence = Adherence(missed=0.2, persistence=0.8)
    habit = Taking.of(adherence, times, np.arange(2000), "prednisone", seed=1)
    missed = np.isnan(habit.late_h)
    # Standard errors: 2,000 people x 364 days at a variance ninefold by clustering: 0.0015.
    assert missed.mean() == pytest.approx(0.2, abs=0.006)
    # After a missed dose the next is missed with 0.2 + 0.8 * 0.8, on every day alike: 2,000 * 0.2 chances a day.
    again = missed[1:][:, :].sum(axis=1, where=missed[:-1]) / missed[:-1].sum(axis=1)
    assert np.all(np.abs(again - 0.84) < 0.09)  # 4.5 standard errors of one day


def test_spans_do_not_matter() -> None:
    people, regimen = np.arange(20), parse("tocilizumab 162 mg sc every week")
    adherence = Adherence(missed=0.2, delayed=0.5, delay_h=24, longest_h=96, grid_h=24)
    habit = Taking.of(adherence, regimen.times(0, 56), people, "tocilizumab", seed=1)
    whole = habit.taken(regimen.doses(0, 56, persons=20))
    parts = [habit.taken(regimen.doses(a, b, persons=20)) for a, b in ((0, 14), (14, 21), (21, 56))]
    assert np.array_equal(np.sort(np.concatenate([p.time for p in parts])), whole.time)
    assert sum(p.amount.sum(axis=0) for p in parts) == pytest.approx(whole.amount.sum(axis=0), rel=1e-12)


WRONG = [
    ("tocilizumap: {missed: 0.1, source: x, grade: assumed}", "did you mean 'tocilizumab'"),
    ("prednisone: {missed: 1.1, source: x, grade: assumed}", "less than or equal to 1: 1.1"),
    ("prednisone: {missed: 0.1, grade: assumed}", "the key 'source' is missing"),
    ("prednisone: {late: 0.1, source: x, grade: assumed}", "late doses need a length"),
    ("prednisone: {mised: 0.1, source: x, grade: assumed}", "did you mean 'missed'"),
    (
        "prednisone: {late: 0.1, mean_delay_h: 1, longest_delay_h: 2, source: x, grade: assumed}",
        "shorter than grid_h",
    ),
]


@pytest.mark.parametrize(("entry", "message"), WRONG)
def test_what_is_wrong_is_said_in_a_line(tmp_path: Path, entry: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(GIACTA + f"\nadherence:\n  {entry}\n")
    with pytest.raises(InputError, match=message) as caught:
        load_trial(file)
    assert "\n" not in str(caught.value)


def test_a_dose_stays_below_the_cap_of_the_label(short: Trial) -> None:
    arm = short.arms["tocilizumab-weekly"].model_copy(update={"drugs": ("tocilizumab 20 mg/kg iv every 4 weeks",)})
    trial = short.model_copy(update={"weeks": 4, "arms": {"high": arm}})
    course = course_of(prepare(trial), "high", np.arange(16), seed=1)
    given = course.antibody[0].amount[0]
    expected = np.minimum(20 * course.covariates["weight"], largest_dose(load_policy("giacta"), "tocilizumab"))
    assert np.array_equal(given, expected)
    assert given.max() == 800.0  # the label's cap, data of the library
