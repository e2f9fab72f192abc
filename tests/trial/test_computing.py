"""Ways of computing a trial: what is said about their accuracy, and stopping at a person who cannot be solved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abate.ground.errors import InputError, SolveError
from abate.study.store import Study
from abate.trial import simulate as module
from abate.trial.computing import Computing, agreement
from abate.trial.course import Course
from abate.trial.protocol import Trial, load_trial
from abate.trial.simulate import course_of, prepare, simulate


@pytest.fixture(scope="module")
def short() -> Trial:
    trial = load_trial("giacta")
    arms = dict(list(trial.arms.items())[:1])
    return trial.model_copy(update={"arms": arms, "weeks": 8, "groups": {}, "reference": None, "published": ()})


def test_single_precision_says_how_wrong_it_is(short: Trial, tmp_path: Path) -> None:
    study = simulate(short, tmp_path / "single", patients=20, computing=Computing(precision=32))
    said = study.meta["provenance"]["computing"]
    assert said["precision"] == "float32"
    assert said["people_compared"] == 20
    assert 0 < said["largest_error"] < 1e-2  # rounding and step sizes of its own: neither nothing nor a mistake
    assert len(said["errors"]) == len(list(study.courses().data_vars)) - 1  # all but the tablets, which are no output
    plain = simulate(short, tmp_path / "plain", patients=20)
    assert "computing" not in plain.meta["provenance"]
    ours, theirs = study.courses()["crp"].to_numpy(), plain.courses()["crp"].to_numpy()
    assert not np.array_equal(ours, theirs, equal_nan=True)
    np.testing.assert_allclose(ours, theirs, rtol=1e-2)  # as the Study says of its worst output


def test_a_way_agrees_with_itself_and_flipped_decisions_are_counted(short: Trial) -> None:
    setup = prepare(short)
    (arm,) = short.arms
    who = np.arange(16)
    course = course_of(setup, arm, who, 1)
    same = agreement(lambda _: course, lambda _: course, [arm])
    assert (same.people, same.flipped, same.output) == (16, 0, "")
    other = course_of(setup, arm, who, 1)
    other.prednisone[3, 10] += 5.0
    other.courses["crp"][3] *= 2  # follows from the other dose: not an error of computing
    other.courses["crp"][5, 7] *= 1.25
    found = agreement(lambda _: course, lambda _: other, [arm])
    assert (found.flipped, found.output) == (1, "crp")
    assert found.errors["crp"] == pytest.approx(0.25, rel=1e-6)  # courses are kept in single precision


def test_a_run_goes_on_in_its_own_way_only(short: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_part", interrupted)
        with pytest.raises(KeyboardInterrupt):
            simulate(short, tmp_path / "run", patients=4)
    with pytest.raises(InputError, match="another trial, seed or size"):
        simulate(short, tmp_path / "run", patients=4, resume=True, computing=Computing(precision=32))
    assert len(simulate(short, tmp_path / "run", patients=4, resume=True).subjects) == 4


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = module._course

    def with_a_failure(*arguments: Any) -> Course:
        course = whole(*arguments)
        course.codes[2] = 3
        return course

    monkeypatch.setattr(module, "_course", with_a_failure)


@pytest.mark.usefixtures("failing")
def test_failed_people_are_counted_and_strict_stops_at_the_first(short: Trial, tmp_path: Path) -> None:
    (arm,) = short.arms
    with pytest.raises(SolveError, match=rf"{arm}/000002: .*code 3: too many steps.*without --strict"):
        simulate(short, tmp_path / "strict", patients=4, strict=True)
    assert not (tmp_path / "strict").exists()
    study: Study = simulate(short, tmp_path / "counted", patients=4)
    failed = study.events[study.events["event"] == "failure"]
    assert failed["subject"].tolist() == [f"{arm}/000002"]
    assert failed["detail"].tolist() == ["solver code 3"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"precision": "float16"}, "there is no such precision: 'float16'; allowed: float64, float32"),
        ({"device": "gpuu"}, "there is no such device: 'gpuu'.*did you mean 'gpu'"),
    ],
)
def test_other_ways_are_refused(words: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Computing.of(**words)
