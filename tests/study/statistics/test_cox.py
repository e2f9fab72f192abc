"""The Cox model of two groups against lifelines and statsmodels, and where it has no answer."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from numpy.typing import NDArray
from statsmodels.duration.hazard_regression import PHReg

from abate.study.statistics.cox import log_hazard_ratio


def drawn(seed: int, n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.str_]]:
    rng = np.random.default_rng(seed)
    first, stratum = rng.integers(0, 2, n) > 0, np.array(["home", "clinic", "ward"])[rng.integers(0, 3, n)]
    time = np.ceil(rng.exponential(np.where(first, 40.0, 90.0)) / 7) * 7  # whole weeks: many ties
    return np.minimum(time, 98.0), time <= 98, first, stratum


@pytest.mark.parametrize("n", [24, 90, 400])
@pytest.mark.parametrize("strata", [False, True])
def test_against_two_other_programs(n: int, strata: bool) -> None:
    time, seen, first, stratum = drawn(n, n)
    ours = log_hazard_ratio(time, seen, first, stratum if strata else None)
    group = first.astype(float)
    theirs = PHReg(time, group, seen.astype(int), strata=stratum if strata else None, ties="efron").fit()
    # Both climb the same likelihood to its top; only rounding differs.
    assert ours == pytest.approx((theirs.params[0], theirs.bse[0]), rel=1e-9, abs=1e-12)
    frame = pd.DataFrame({"time": time, "event": seen, "group": group, "stratum": stratum})
    model = CoxPHFitter().fit(
        frame if strata else frame.drop(columns="stratum"),
        "time",
        "event",
        strata=["stratum"] if strata else None,
        fit_options={"precision": 1e-12},
    )
    # lifelines stops where its steps gain less than that precision, some 1e-7 short of the top.
    assert ours == pytest.approx((model.params_["group"], model.standard_errors_["group"]), rel=1e-6, abs=1e-6)


def test_turning_the_groups_round_turns_the_sign() -> None:
    time, seen, first, stratum = drawn(3, 60)
    ratio, error = log_hazard_ratio(time, seen, first, stratum)
    assert log_hazard_ratio(time, seen, ~first, stratum) == pytest.approx((-ratio, error), rel=1e-12)


@pytest.mark.parametrize(
    ("time", "seen", "first"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], [1, 1, 0, 0]),  # nobody of the first group has the event
        ([1, 2, 3, 4], [1, 1, 0, 0], [1, 1, 0, 0]),  # nobody of the second
        ([1, 2, 3, 4], [1, 1, 1, 1], [1, 1, 0, 0]),  # all of the first before any of the second
        ([5, 6, 3, 4], [1, 1, 1, 1], [1, 1, 0, 0]),
        ([1, 2], [0, 0], [1, 0]),  # nobody at all
    ],
)
def test_where_no_finite_ratio_exists(time: list[float], seen: list[int], first: list[int]) -> None:
    found = log_hazard_ratio(np.array(time, float), np.array(seen, bool), np.array(first, bool))
    assert all(math.isnan(value) for value in found)


def test_a_strong_effect_that_still_has_a_ratio_is_found() -> None:
    # One late event of the first group keeps the ratio finite: 40 of 41 come first.
    time = np.concatenate([np.arange(1.0, 41), [50.5], np.arange(50.0, 91)])
    first = np.arange(len(time)) < 41
    theirs = PHReg(time, first.astype(float), np.ones(len(time), int), ties="efron").fit(disp=False)
    found = log_hazard_ratio(time, np.ones(len(time), bool), first)
    assert found == pytest.approx((theirs.params[0], theirs.bse[0]), rel=1e-8)
    assert found[0] > 3
