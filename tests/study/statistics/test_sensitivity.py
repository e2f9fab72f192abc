"""Missing follow-up, regression to the mean, subgroups."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.study.statistics.hodges_lehmann import hodges_lehmann
from abate.study.statistics.missing import change_with_missing, response_with_missing, worst_change
from abate.study.statistics.regression import expected_regression, regression_to_the_mean
from abate.study.statistics.subgroups import subgroup_display


def test_nobody_missing_leaves_one_analysis():
    result = change_with_missing([-3, -1, -5, -2, -6, -4])
    assert result.missing == 0
    assert result.complete == result.worst
    assert result.complete_test == result.worst_test
    assert math.isnan(result.assumed)


def test_worst_case_is_no_better_than_anybody_seen():
    seen = [-10.0, -20, -30, 5, -7, -12]
    result = change_with_missing([*seen, math.nan, math.nan])
    assert result.assumed == 5
    assert result.worst == hodges_lehmann([*seen, 5, 5])
    assert result.worst.estimate >= result.complete.estimate
    assert result.worst_test.p > result.complete_test.p


def test_worst_where_higher_is_better():
    assert worst_change([4, -2, 6], higher_is_worse=False) == -2
    assert worst_change([4, 6], higher_is_worse=False) == 0
    assert worst_change([], higher_is_worse=True) == 0


def test_response_bounds():
    bounds = response_with_missing(3, 4, 6)
    assert (bounds.complete.events, bounds.complete.n) == (3, 4)
    assert (bounds.worst.events, bounds.worst.n) == (3, 6)
    assert (bounds.best.events, bounds.best.n) == (5, 6)


def test_expected_regression_in_a_simulated_selection():
    """Choose the extreme by a first measurement, do nothing, measure again."""
    generator = np.random.default_rng(1)
    reliability, n = 0.7, 200_000
    person = generator.normal(60, math.sqrt(reliability) * 10, n)
    first, second = (person + generator.normal(0, math.sqrt(1 - reliability) * 10, n) for _ in range(2))
    chosen = first > 70
    expected = expected_regression(first[chosen].mean(), 60, reliability)
    # About 32,000 chosen, standard deviation of the change 7.7: four standard errors.
    assert (second - first)[chosen].mean() == pytest.approx(expected, abs=4 * 7.7 / math.sqrt(chosen.sum()))


def test_line_takes_the_expected_change_away():
    before, after = np.array([70.0, 75, 80, 72, 78, 75]), np.array([60.0, 62, 61, 58, 70, 66])
    line = regression_to_the_mean(before, after, population_mean=60, reliability=(0.8, 0.5))
    assert line.expected == pytest.approx((-3.0, -7.5))
    for shift, left in zip(line.expected, line.left, strict=True):
        assert left.estimate == pytest.approx(line.change.estimate - shift, abs=1e-6)
    # Regression alone gives the whole change where (1 - r) * gap equals it.
    assert (1 - line.explains_all_below) * (60 - 75) == pytest.approx(line.change.estimate)


def test_line_without_population_mean():
    line = regression_to_the_mean([5, 6, 7, 8, 9, 9, math.nan], [4, 4, 4, 4, 4, 3, 2])
    assert line.tolerated == 1
    assert line.left == ()
    assert math.isnan(line.explains_all_below)
    assert regression_to_the_mean([1, 2, 3], [2, 1, 3]).tolerated == 0


def test_subgroups_are_shown_without_a_test_when_small():
    shown = subgroup_display([-10, -20, -5, -30, math.nan], ["primary", "primary", "secondary", "secondary", "primary"])
    assert [g.changes for g in shown.groups] == [(-10, -20), (-5, -30)]
    assert shown.test is None
    assert all(g.shift is None for g in shown.groups)
    assert "has 2 people, fewer than 10" in shown.statement
    assert "1 person" in subgroup_display([-1], ["a"]).statement


def test_subgroups_are_tested_when_large():
    generator = np.random.default_rng(2)
    changes, names = generator.normal(0, 1, 24), ["a", "b"] * 12
    shown = subgroup_display(changes, names)
    assert shown.test is not None
    assert shown.test.n_1 == 12
    assert shown.groups[0].shift == hodges_lehmann(changes[::2])
    three = subgroup_display(np.concatenate([changes, changes[:12]]), names + ["c"] * 12)
    assert "3 subgroups, a test compares two" in three.statement


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: regression_to_the_mean([1], [1, 2]), "not one value a person"),
        (lambda: expected_regression(1, 2, 1.5), r"not a correlation of repeated measurements: 1.5"),
        (lambda: subgroup_display([1, 2], ["a"]), "not one name a person: 1"),
    ],
)
def test_bad_input(call, what):
    with pytest.raises(InputError, match=what):
        call()
