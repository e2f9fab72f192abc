from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from abate.study.statistics import location


@pytest.mark.parametrize("n", range(1, 11))
def test_median_interval_attains_the_stated_level(n):
    """Every value falls above or below the median like a fair coin: count the patterns that the interval covers."""
    interval = location.median(np.arange(n), level=0.9)
    rank = int(interval.low)  # values are 0..n-1, so the low limit is its own rank
    covered = sum(rank + 1 <= sum(pattern) <= n - rank - 1 for pattern in product((0, 1), repeat=n))
    assert interval.level == covered / 2**n
    if interval.level >= 0.9:
        tighter = sum(rank + 2 <= sum(pattern) <= n - rank - 2 for pattern in product((0, 1), repeat=n))
        assert tighter / 2**n < 0.9
    else:
        assert rank == 0
        assert "no 90% interval exists" in interval.method


def test_large_sample():
    interval = location.median(np.arange(101))
    low, high = interval.low, interval.high
    assert low + high == 100
    assert stats.binom.cdf(low, 101, 0.5) <= 0.025 < stats.binom.cdf(low + 1, 101, 0.5)


def test_mean_against_scipy():
    values = np.array([3.1, 4.7, 2.2, 8.0])
    reference = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    interval = location.mean(values, level=0.9)
    # Same formula, other order of operations.
    assert (interval.low, interval.high) == pytest.approx((reference.low, reference.high), rel=1e-12)


def test_missing_values_are_left_out():
    assert location.median([1, math.nan, 3]).n == 2
    assert math.isnan(location.median([]).estimate)
    assert math.isnan(location.mean([5]).low)
    assert math.isnan(location.mean([]).estimate)
    assert math.isnan(location.quartiles([])[0])
