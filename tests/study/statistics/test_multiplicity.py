from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abate.ground.errors import InputError
from abate.study.statistics.multiplicity import fixed_sequence, holm


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_step_down_rejects(p):
    """Step down at several levels: reject the smallest while it is at most level / (tests left)."""
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for left, index in zip(range(len(p), 0, -1), np.argsort(p, kind="stable"), strict=True):
            if left * p[index] > level:
                break
            rejected.add(int(index))
        assert rejected == set(np.flatnonzero(holm(p) <= level).tolist())


def test_holm_against_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = [0.011, 0.5, 0.02, 0.02, 0.0004]
    # Same products in another order.
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)


def test_holm_leaves_out_what_was_not_done():
    adjusted = holm([0.01, math.nan, 0.04])
    assert adjusted[[0, 2]].tolist() == [0.02, 0.04]
    assert math.isnan(adjusted[1])


def test_fixed_sequence_closes_the_gate():
    assert fixed_sequence([0.01, 0.04, 0.03, math.nan, 0.001]).tolist() == [0.01, 0.04, 0.04, 1, 1]


def test_not_a_probability():
    with pytest.raises(InputError, match=r"not a probability: 1.2; allowed: 0 to 1"):
        holm([0.2, 1.2])
