"""A trial from file to Study: the same person everywhere, whole or absent, resumed to the same bytes."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.study.store import Study
from abate.trial.protocol import Trial, load_trial
from abate.trial.settings import apply
from abate.trial.simulate import course_of, prepare, simulate


@pytest.fixture(scope="module")
def short() -> Trial:
    """GiACTA, its first 12 weeks, two arms."""
    trial = load_trial("giacta")
    arms = {slug: trial.arms[slug] for slug in ("tocilizumab-weekly", "placebo-26")}
    return trial.model_copy(update={"weeks": 12, "arms": arms, "groups": {}, "published": ()})


def fingerprint(folder: Path) -> dict[str, str]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_person_17_is_the_same_in_any_company(short: Trial) -> None:
    setup = prepare(short)
    crowd = course_of(setup, "tocilizumab-weekly", np.arange(200), seed=1)
    few = course_of(setup, "tocilizumab-weekly", np.arange(100), seed=1)
    alone = course_of(setup, "tocilizumab-weekly", [17], seed=1)
    assert few.persons.size == 100
    for name, values in crowd.courses.items():
        assert np.array_equal(values[17], alone.courses[name][0]), name
        # The last group of the smaller run is not full: its missing members are simulated and dropped.
        assert np.array_equal(values[:100], few.courses[name]), name
    assert np.array_equal(crowd.prednisone[17], alone.prednisone[0])
    assert [r for r in crowd.ledger if r["person"] == 17] == [{**r, "person": 17} for r in alone.ledger]


def test_the_study_holds_what_happened(short: Trial, tmp_path: Path) -> None:
    study = simulate(short, tmp_path / "s", seed=3, patients=20)
    assert study.meta["provenance"]["seed"] == 3
    assert study.subjects.groupby("arm").size().to_dict() == {"tocilizumab-weekly": 20, "placebo-26": 20}
    courses = study.courses()
    assert dict(courses.sizes) == {"subject": 40, "day": 85}
    assert list(courses["subject"].values) == study.subjects["subject"].tolist()
    # Cumulative prednisone from the table of doses equals the daily course, up to the day of withdrawal.
    daily = np.nan_to_num(courses["prednisone_dose"].sel(day=slice(0, 83)).values).sum(axis=1)
    table = study.doses[study.doses["drug"] == "prednisone"]
    taken = (table["amount"] * table["count"]).groupby(table["subject"]).sum().reindex(study.subjects["subject"])
    np.testing.assert_allclose(taken.fillna(0), daily, rtol=1e-6)  # the course is stored in single precision
    on_drug = study.doses[study.doses["drug"] == "tocilizumab"]
    assert set(on_drug["subject"].str.split("/").str[0]) == {"tocilizumab-weekly"}
    assert set(on_drug["interval"]) <= {0.0, 7.0}


def test_an_interrupted_run_leaves_nothing_and_resumes_to_the_same_bytes(
    short: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abate.trial.assembly.CHUNK", 16)
    simulate(short, tmp_path / "whole", seed=1, patients=40)

    def interrupt(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(short, tmp_path / "again", seed=1, patients=40, progress=interrupt)
    assert not (tmp_path / "again").exists()
    with pytest.raises(InputError, match="another trial, seed or size"):
        simulate(short, tmp_path / "again", seed=2, patients=40, resume=True)
    simulate(short, tmp_path / "again", seed=1, patients=40, resume=True)
    assert fingerprint(tmp_path / "again") == fingerprint(tmp_path / "whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again", "whole"]


def test_nothing_to_resume_is_said(short: Trial, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no interrupted run"):
        simulate(short, tmp_path / "s", patients=4, resume=True)


def test_arms_hold_different_people_unless_they_are_twins(short: Trial) -> None:
    apart = prepare(short)
    twins = prepare(short.model_copy(update={"twins": True}))
    weights = [
        [course_of(setup, arm, np.arange(16), seed=1).covariates["weight"] for arm in short.arms]
        for setup in (apart, twins)
    ]
    assert not np.array_equal(*weights[0])
    assert np.array_equal(*weights[1])


def test_a_policy_that_reads_what_no_visit_takes_is_refused(short: Trial) -> None:
    with pytest.raises(InputError, match="symptom-score"):
        prepare(short.model_copy(update={"measures": ("crp",)}))


def test_a_drug_that_the_model_does_not_take_is_refused(short: Trial) -> None:
    arms = dict(short.arms)
    arms["placebo-26"] = arms["placebo-26"].model_copy(update={"drugs": ("methotrexate 15 mg oral every week",)})
    with pytest.raises(InputError, match=r"arms\.placebo-26: the model has no such dose"):
        prepare(short.model_copy(update={"arms": arms}))


def test_no_patients_is_refused(short: Trial, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="an arm needs patients"):
        simulate(short, tmp_path / "s", patients=0)
    assert list(tmp_path.iterdir()) == []


def test_a_parameter_that_is_set_reaches_the_model(short: Trial) -> None:
    fast = prepare(apply(short, {"tocilizumab.CL": "5 L/day"}))
    slow = prepare(short)
    levels = [course_of(s, "tocilizumab-weekly", np.arange(16), seed=1).courses["C"][:, 84] for s in (fast, slow)]
    assert (levels[0] < levels[1]).all()


def test_study_rereads_as_a_study(short: Trial, tmp_path: Path) -> None:
    simulate(short, tmp_path / "s", seed=1, patients=2)
    assert Study(tmp_path / "s").meta["source"] == "simulated"


def test_a_cluster_gives_the_same_bytes(short: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("abate.trial.assembly.CHUNK", 16)
    few = short.model_copy(update={"weeks": 4})
    simulate(few, tmp_path / "here", seed=1, patients=40)
    simulate(few, tmp_path / "there", seed=1, patients=40, cluster="local")
    assert fingerprint(tmp_path / "there") == fingerprint(tmp_path / "here")
