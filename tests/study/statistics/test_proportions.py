from __future__ import annotations

import math

import pytest
from scipy import optimize, stats

from abate.ground.errors import InputError
from abate.study.statistics import proportions


@pytest.mark.parametrize(("events", "low", "high"), [(4, 0.223, 0.957), (3, 0.118, 0.882)])
def test_published_exact_intervals_of_six(events, low, high):
    # The published limits are printed to a tenth of a percent.
    assert proportions.clopper_pearson(events, 6) == pytest.approx((low, high), abs=5e-4)


@pytest.mark.parametrize("n", [1, 2, 6, 20, 100])
def test_clopper_pearson_solves_the_binomial_tails(n):
    for events in range(n + 1):
        low, high = proportions.clopper_pearson(events, n, 0.9)
        if events:
            # Root finding to 1e-12 in p; the binomial tail has slope below 1e3 here.
            assert stats.binom.sf(events - 1, n, low) == pytest.approx(0.05, abs=1e-9)
        else:
            assert low == 0
        if events < n:
            assert stats.binom.cdf(events, n, high) == pytest.approx(0.05, abs=1e-9)
        else:
            assert high == 1


@pytest.mark.parametrize(("events", "n"), [(1, 6), (4, 6), (5, 9), (37, 100)])
def test_wilson_inverts_the_score_test(events, n):
    def excess(p):
        return (events / n - p) ** 2 / (p * (1 - p) / n) - stats.norm.ppf(0.975) ** 2

    low, high = proportions.wilson(events, n)
    # brentq stops at 2e-12.
    assert low == pytest.approx(optimize.brentq(excess, 1e-9, events / n), abs=1e-9)
    assert high == pytest.approx(optimize.brentq(excess, events / n, 1 - 1e-9), abs=1e-9)


def test_none_and_all():
    assert proportions.wilson(0, 6)[0] == 0
    assert proportions.wilson(6, 6)[1] == 1
    assert proportions.clopper_pearson(0, 6) == pytest.approx((0, 1 - 0.025 ** (1 / 6)), abs=1e-12)


def test_nobody():
    estimate = proportions.proportion(0, 0)
    assert math.isnan(estimate.estimate)
    assert math.isnan(estimate.low)
    assert math.isnan(proportions.difference_of_proportions(0, 0, 1, 2).estimate)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    # Newcombe 1998, table II, method 10, as printed to four decimals.
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090), ((5, 56, 0, 29), -0.0381, 0.1926)],
)
def test_newcombe_published(counts, low, high):
    estimate = proportions.difference_of_proportions(*counts)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(("events", "n", "what"), [(7, 6, "more events"), (-1, 6, "more events"), (0, -1, "negative")])
def test_impossible_counts(events, n, what):
    with pytest.raises(InputError, match=what):
        proportions.proportion(events, n)


def test_wrong_level_and_name():
    with pytest.raises(InputError, match="not a coverage: 95"):
        proportions.wilson(1, 6, 95)
    with pytest.raises(InputError, match="unknown interval: 'wald'; allowed: clopper-pearson, wilson"):
        proportions.proportion(1, 6, interval="wald")
