"""A model of the library, its people, and doses from visit to visit."""

from __future__ import annotations

import numpy as np
import pytest

from abate.engine.ensemble import Dose, Ensemble, Setting, compile_model, whole_groups
from abate.ground.errors import InputError
from abate.ground.randomness import normal
from abate.science.model import load


@pytest.fixture(scope="module")
def ensemble() -> Ensemble:
    return compile_model(load("il6_blockade/gca"), ["C", "crp", "symptoms", "morning_cortisol", "z"])


def tablets(first: int, last: int) -> list[Dose]:
    return [Dose(day + 1 / 3, "prednisone", "oral", 20.0) for day in range(first, last)]


def course(ensemble: Ensemble, people: int, seed: int = 1) -> dict[str, np.ndarray]:
    persons = np.arange(people)
    parameters = {"disease_I0": np.exp(0.4 * normal(seed, "drive", persons))}
    return ensemble.start(parameters, persons, seed).advance(28.0, tablets(0, 28), record_at=np.arange(29.0))


def test_person_17_is_the_same_among_100_and_1000(ensemble: Ensemble) -> None:
    few, many = course(ensemble, 112), course(ensemble, 1008)
    for name in ensemble.outputs:
        np.testing.assert_array_equal(few[name], many[name][:, :112])


def test_whole_groups_hold_everyone_asked_for() -> None:
    assert whole_groups(100).tolist() == list(range(112))
    assert whole_groups(10, first=20).tolist() == list(range(16, 32))


def test_visit_by_visit_has_the_bits_of_one_go(ensemble: Ensemble) -> None:
    whole = course(ensemble, 32)
    persons = np.arange(32)
    run = ensemble.start({"disease_I0": np.exp(0.4 * normal(1, "drive", persons))}, persons, seed=1)
    parts = [run.advance(0.0, record_at=[0.0])]
    for week in range(4):
        day = 7 * week
        parts.append(run.advance(day + 7.0, tablets(day, day + 7), record_at=np.arange(day + 1.0, day + 8.0)))
    for name in ensemble.outputs:
        np.testing.assert_array_equal(np.concatenate([p[name] for p in parts]), whole[name])


def test_noise_changes_weekly_and_has_its_distribution(ensemble: Ensemble) -> None:
    sd, correlation_time = (ensemble.model.parameters[f"disease_{k}"].value for k in ("om_z", "tz"))
    z = course(ensemble, 2000)["z"]
    assert np.all(z[1:8] == z[1])
    assert np.all(z[8] != z[7])
    # standard errors of 2,000 people: 1.6 % of an SD, 1/sqrt(n) of a correlation; three of them
    assert z[22].std() == pytest.approx(sd, rel=0.05)
    correlation = np.corrcoef(z[1], z[8])[0, 1]
    assert correlation == pytest.approx(np.exp(-7 / correlation_time), abs=0.03)


def test_an_infusion_may_run_across_a_visit(ensemble: Ensemble) -> None:
    dose = Dose(6.9, "tocilizumab", "iv", np.array([0.0, 560.0]), duration=0.2)
    whole = ensemble.start({}, [0, 1], seed=3).advance(8.0, [dose], record_at=[7.0, 8.0])["C"]
    run = ensemble.start({}, [0, 1], seed=3)
    first = run.advance(7.0, [dose])["C"]
    second = run.advance(8.0)["C"]
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    assert whole[1, 0] == 0.0
    volume = ensemble.model.parameters["tocilizumab_V1"].value
    # within the first day little has left the central compartment; less than a tenth
    assert 0.9 * 560 / volume < whole[1, 1] < 560 / volume


def test_a_setting_reaches_only_those_it_names(ensemble: Ensemble) -> None:
    run = ensemble.start({}, [0, 1], seed=1)
    run.advance(1.0, settings=[Setting(0.5, "infection", np.array([np.nan, 2.0]))])
    np.testing.assert_array_equal(run.parameter("infection"), [0.0, 2.0])


@pytest.mark.parametrize(
    ("dose", "message"),
    [
        (Dose(0.0, "tocilizumab", "oral", 1.0), "takes no such dose"),
        (Dose(0.0, "tocilizumab", "sc", -1.0), "negative"),
        (Dose(-1.0, "tocilizumab", "sc", 1.0), "before the present"),
        (Dose(0.0, "prednisone", "oral", 1.0, duration=0.1), "has no infusion"),
    ],
)
def test_a_dose_that_cannot_be_given_is_refused(ensemble: Ensemble, dose: Dose, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ensemble.start({}, [0], seed=1).advance(1.0, [dose])


def test_an_unknown_name_is_refused_with_the_nearest(ensemble: Ensemble) -> None:
    with pytest.raises(InputError, match="disease_I0"):
        ensemble.start({"disease_I": 1.0}, [0], seed=1)
    with pytest.raises(InputError, match="no such output"):
        compile_model(load("tocilizumab/ra"), ["concentration"])
