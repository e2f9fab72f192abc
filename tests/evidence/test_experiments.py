"""Experiments: what is read from a course, against arithmetic on a model whose course is known."""

import numpy as np
import pytest

from abate.evidence.experiments import Recorded, read_values, run, statistic
from abate.evidence.judge import interval, verdict
from abate.evidence.targets import Among, Experiment, Reading
from abate.ground.errors import InputError
from abate.science.model import load


def decaying() -> Recorded:
    """Two replicates of two people whose C falls from 8 and 16 by half a day; untreated it stays at 8 and 16."""
    time = np.linspace(0.0, 4.0, 401)
    start = np.array([[8.0, 16.0], [8.0, 16.0]])
    course = start[None] * 0.5 ** time[:, None, None]
    flat = np.broadcast_to(start[None], course.shape)
    model = load("tocilizumab/ra")
    return Recorded(model, time, {"C": course}, {"C": flat}, {"V1": np.full((2, 2), 2.0)}, seed=1)


def value(**reading: object) -> list[float]:
    return read_values(decaying(), Reading(quantity=str(reading.pop("quantity", "C")), **reading))[0].tolist()  # type: ignore[arg-type]


def test_a_value_on_a_day_and_an_expression_with_a_parameter() -> None:
    assert value(day=2) == [2.0, 4.0]
    assert value(quantity="C*V1", day=2) == [4.0, 8.0]


def test_means_peaks_and_their_times() -> None:
    # The mean of 8*2^-t over [0, 4] is 8*(1 - 1/16)/(4 ln 2); a grid of 0.01 d and the mean of its points: within 1 %.
    assert value(how="mean", start=0, end=4)[0] == pytest.approx(8 * (1 - 1 / 16) / (4 * np.log(2)), rel=0.01)
    assert value(how="max", start=1, end=4) == [4.0, 8.0]
    assert value(how="min", start=1, end=3) == [1.0, 2.0]
    assert value(how="time-of-max", start=1, end=4) == [0.0, 0.0]


def test_crossings() -> None:
    # A grid of 0.01 d.
    assert value(how="first-below", level=2.0) == pytest.approx([2.0, 3.0], abs=0.011)
    assert value(how="first-above", level=100.0) == [np.inf, np.inf]
    assert value(how="last-below", level=0.5, relative="start", start=0) == pytest.approx([4.0, 4.0])
    assert value(quantity="2*C", how="when", of="C", level=3.0, start=0) == pytest.approx([6.0, 6.0])


def test_relative_to_the_start_and_to_the_untreated() -> None:
    assert value(day=1, relative="start") == [0.5, 0.5]
    assert value(day=1, relative="untreated", minus=1, scale=100) == [-50.0, -50.0]
    assert value(day=1, invert=True, scale=8) == [2.0, 1.0]


def test_only_the_people_that_are_asked_for() -> None:
    some = value(day=1, among=Among(quantity="C", day=0, above=10))
    assert np.isnan(some[0])
    assert some[1] == 8.0
    nobody = Reading(quantity="C", among=Among(quantity="C", day=0, above=100))
    assert np.isnan(statistic(read_values(decaying(), nobody), nobody)).all()


def test_statistics_over_people() -> None:
    values = np.array([[1.0, 2.0, 6.0], [np.nan, 2.0, 4.0]])
    assert statistic(values, Reading(quantity="C")).tolist() == [3.0, 3.0]
    assert statistic(values, Reading(quantity="C", statistic="median")).tolist() == [2.0, 3.0]
    assert statistic(values, Reading(quantity="C", statistic="share-above", limit=1.5)).tolist() == [2 / 3, 1.0]
    assert statistic(values, Reading(quantity="C", statistic="sd"))[1] == pytest.approx(np.sqrt(2))


def test_intervals_and_verdicts() -> None:
    middle, low, high = interval(np.arange(101.0))
    assert (middle, low, high) == pytest.approx((50.0, 2.5, 97.5))
    # Within 20 % of the published figure p: |10 - p| <= 0.2 p, so p from 10/1.2 to 10/0.8.
    assert interval(np.array([10.0]), within=0.2)[1:] == pytest.approx((10 / 1.2, 10 / 0.8))
    # A negative prediction keeps its order.
    _, low, high = interval(np.array([-10.0]), within=0.2)
    assert low < -10 < high
    assert verdict(5, 5, 4, 6)
    assert not verdict(7, 5, 4, 6)
    assert verdict(3, 5, 4, 6, "above")
    assert not verdict(4.5, 5, 4, 6, "above")
    assert verdict(7, 5, 4, 6, "below")


def test_levels_are_given_in_turn() -> None:
    made = run(
        Experiment(
            model="prednisolone/legler",
            population="pmr",
            patients=4,
            doses=("prednisolone {level} mg oral once",),
            levels=(5.0, 20.0),
            days=0.25,
            grid_h=1,
        ),
        replicates=2,
        seed=1,
    )
    peak = made.treated["prednisolone"].max(axis=0)
    assert peak.shape == (2, 4)
    # Four times the dose gives at least twice the total peak, whoever takes it.
    assert (peak[:, [1, 3]].min(axis=1) > 2 * peak[:, [0, 2]].max(axis=1) * 0.5).all()
    assert peak[:, [0, 2]].max() < peak[:, [1, 3]].min()


def test_a_typical_person_has_a_replicate_a_plausible_set_and_no_noise() -> None:
    known = Experiment(model="prednisolone/legler", doses=("prednisolone 5 mg oral once",), days=1)
    assert run(known, replicates=5, seed=1).treated["prednisolone"].shape[1:] == (1, 1)
    calibrated = Experiment(model="tocilizumab/ra", doses=("tocilizumab 162 mg sc once",), days=4)
    found = run(calibrated, replicates=5, seed=1).treated["C"]
    assert found.shape[1:] == (5, 1)
    assert np.ptp(found[-1]) > 0  # the absorption of five plausible sets
    fixed = Experiment(**{**calibrated.model_dump(), "set": {"ka": 0.2, "F": 0.8}})
    assert run(fixed, replicates=5, seed=1).treated["C"].shape[1:] == (1, 1)


def test_a_quantity_that_the_model_lacks_is_refused() -> None:
    with pytest.raises(InputError, match="reads what the model does not have"):
        read_values(decaying(), Reading(quantity="cortisone"))
