from __future__ import annotations

import math

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.study.statistics import survival


def data(n, seed):
    generator = np.random.default_rng(seed)
    times = np.ceil(generator.exponential(60, n))
    return np.minimum(times, 90), times <= 90


@pytest.mark.parametrize("n", [3, 12, 150])
def test_kaplan_meier_against_lifelines(n):
    from lifelines import KaplanMeierFitter

    times, seen = data(n, n)
    ours = survival.kaplan_meier(times, seen)
    theirs = KaplanMeierFitter().fit(times, seen)
    table = theirs.event_table
    assert ours.time.tolist() == table.index.tolist()
    assert ours.at_risk.tolist() == table["at_risk"].tolist()
    # Same formulas in another order: a few rounding errors a step.
    np.testing.assert_allclose(ours.survival, theirs.survival_function_.iloc[:, 0], rtol=1e-10)
    band = theirs.confidence_interval_survival_function_.to_numpy()
    inside = (ours.survival > 0) & (ours.survival < 1)
    np.testing.assert_allclose(ours.low[inside], band[inside, 0], rtol=1e-9)
    np.testing.assert_allclose(ours.high[inside], band[inside, 1], rtol=1e-9)
    assert ours.median().estimate == pytest.approx(theirs.median_survival_time_) or math.isnan(ours.median().estimate)


def test_numbers_at_risk_by_counting():
    times, seen = data(40, 1)
    ours = survival.kaplan_meier(times, seen)
    asked = [0, 1, 30, 30.5, 89, 90, 91]
    assert ours.number_at_risk(asked).tolist() == [int(np.sum(times >= t)) for t in asked]


def test_survival_at():
    curve = survival.kaplan_meier([2, 4, 6, 8], [1, 0, 1, 0])
    assert curve.survival_at(0).estimate == 1
    assert curve.survival_at(5.9).estimate == 0.75
    assert curve.survival_at(6).estimate == 0.375
    assert math.isnan(curve.survival_at(9).estimate)
    gone = survival.kaplan_meier([2, 4], [1, 1])
    assert gone.survival_at(9).estimate == 0
    assert math.isnan(curve.median().high)


def test_hazard_ratio_against_a_plain_newton():
    """Efron's partial likelihood written out for one covariate, climbed by Newton steps."""
    (t1, e1), (t2, e2) = data(40, 3), data(50, 4)
    t, e = np.concatenate([t1, t2]), np.concatenate([e1, e2])
    x = np.concatenate([np.ones(40), np.zeros(50)])
    beta = 0.0
    for _ in range(30):
        slope, curvature = 0.0, 0.0
        for time in np.unique(t[e]):
            dead, risk = (t == time) & e, t >= time
            slope += x[dead].sum()
            for step in range(dead.sum()):
                share = step / dead.sum()
                weights = np.exp(beta * x) * (risk - share * dead)
                centre = (weights * x).sum() / weights.sum()
                slope -= centre
                curvature += (weights * x * x).sum() / weights.sum() - centre**2
        beta += slope / curvature
    ours = survival.hazard_ratio(t1, e1, t2, e2)
    half = 1.959963984540054 / math.sqrt(curvature)
    # lifelines stops its Newton steps at a relative change of 1e-7 of the likelihood.
    assert ours.estimate == pytest.approx(math.exp(beta), rel=1e-5)
    assert (ours.low, ours.high) == pytest.approx((math.exp(beta - half), math.exp(beta + half)), rel=1e-4)


def test_hazard_ratio_says_where_none_exists():
    assert "no event" in survival.hazard_ratio([1, 2], [0, 0], [1, 2], [1, 1]).method
    assert math.isnan(survival.hazard_ratio([1, 2], [0, 0], [1, 2], [1, 1]).estimate)


def test_log_rank_against_lifelines():
    from lifelines.statistics import logrank_test

    (t1, e1), (t2, e2) = data(30, 5), data(25, 6)
    assert survival.log_rank(t1, e1, t2, e2) == pytest.approx(logrank_test(t1, t2, e1, e2).p_value, rel=1e-9)
    assert math.isnan(survival.log_rank([1], [0], [2], [0]))


def test_rmst_area_and_variance():
    times, seen = data(60, 7)
    ours = survival.rmst(times, seen, 80)
    curve = survival.kaplan_meier(times, seen)
    fine = np.arange(0, 80, 0.01) + 0.005
    rows = np.searchsorted(curve.time, fine, side="right") - 1
    # Midpoints of a step function whose steps lie on whole days: exact but for rounding.
    assert ours.estimate == pytest.approx(curve.survival[rows].sum() * 0.01, rel=1e-9)
    generator = np.random.default_rng(8)
    repeats = []
    for _ in range(400):
        who = generator.integers(0, 60, 60)
        repeats.append(survival._restricted_mean(np.append(times[who], 90), np.append(seen[who], False), 80)[0])
    spread = (ours.high - ours.low) / 2 / 1.959963984540054
    # 400 bootstrap samples give a standard deviation to about 4 %; the one person added is another 2 %.
    assert np.std(repeats) == pytest.approx(spread, rel=0.12)


def test_rmst_difference_is_a_difference():
    (t1, e1), (t2, e2) = data(30, 9), data(30, 10)
    one, two = survival.rmst(t1, e1, 60), survival.rmst(t2, e2, 60)
    both = survival.difference_of_rmst(t1, e1, t2, e2, 60)
    assert both.estimate == pytest.approx(one.estimate - two.estimate, rel=1e-12)
    wide = math.hypot(one.high - one.estimate, two.high - two.estimate)
    assert both.high - both.estimate == pytest.approx(wide, rel=1e-12)


@pytest.mark.parametrize(
    ("times", "seen", "what"),
    [([1, 2], [1], "not one entry a duration"), ([], [], "nobody"), ([1, -2], [1, 1], "negative: -2.0")],
)
def test_bad_input(times, seen, what):
    with pytest.raises(InputError, match=what):
        survival.kaplan_meier(times, seen)


@pytest.mark.parametrize(("until", "what"), [(0, "not after time 0"), (9, "beyond the last observation")])
def test_bad_horizon(until, what):
    with pytest.raises(InputError, match=what):
        survival.rmst([1, 2], [1, 0], until)
