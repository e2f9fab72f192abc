from __future__ import annotations

import importlib.util
import math
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abate.ground.errors import InputError
from abate.study.statistics.hodges_lehmann import hodges_lehmann
from abate.study.statistics.signed_rank import EXACT_LIMIT, signed_rank, smallest_attainable_p

spec = importlib.util.spec_from_file_location("enumeration", Path(__file__).with_name("enumeration.py"))
enumeration = importlib.util.module_from_spec(spec)
spec.loader.exec_module(enumeration)

# d, exact p, estimate and interval with zeros dropped, level attained: the published vectors.
VECTORS = [
    ([1, 2, 3, 4, 5, 6], 0.03125, 3.5, (1, 6), 0.96875),
    ([-1, 2, 3, 4, 5, 6], 0.0625, 3.5, (-1, 6), 0.96875),
    ([-1, 1, 3, 4, 5, 5], 0.09375, 3.0, (-1, 5), 0.96875),
    ([0, 2, 2, 4, 5, 5], 0.0625, 3.5, (2, 5), 0.9375),
]


@pytest.mark.parametrize(("d", "p", "estimate", "interval", "level"), VECTORS)
def test_vectors(d, p, estimate, interval, level):
    assert signed_rank(d).p == p
    assert signed_rank([-value for value in d]).p == p
    shift = hodges_lehmann(d)
    assert (shift.estimate, (shift.low, shift.high), shift.level) == (estimate, interval, level)


def test_zero_kept():
    assert hodges_lehmann([0, 2, 2, 4, 5, 5], zeros="pratt").estimate == 3.0
    assert "no exact 0.95 interval exists with 5" in hodges_lehmann([0, 2, 2, 4, 5, 5]).method


@pytest.mark.parametrize(
    ("n", "p"), [(3, 0.25), (4, 0.125), (5, 0.0625), (6, 0.03125), (7, 0.015625), (8, 0.0078125), (10, 0.001953125)]
)
def test_smallest_p(n, p):
    assert smallest_attainable_p(n) == p
    assert signed_rank(range(1, n + 1)).p == p


def random_differences(generator):
    n = int(generator.integers(1, 13))
    step = generator.choice([1.0, 0.5, 0.125])  # exact in binary, with few and with many ties
    wide = int(generator.choice([2, 5, 40]))
    return step * generator.integers(-wide, wide + 4, size=n)


def agrees_with_enumeration(d, zeros):
    assert signed_rank(d, zeros=zeros).p == enumeration.p_two_sided(d, zeros)
    shift = hodges_lehmann(d, zeros=zeros)
    kept = d[d != 0] if zeros == "wilcoxon" else d
    if not len(kept):
        assert math.isnan(shift.estimate)
        return
    walsh = [(a + b) / 2 for a, b in combinations_with_replacement(kept.tolist(), 2)]
    assert shift.estimate == np.median(walsh)
    assert (shift.low, shift.high, shift.level) == enumeration.interval(d, zeros, 0.95)


@pytest.mark.parametrize("seed", range(200))
def test_random_samples_equal_enumeration(seed):
    generator = np.random.default_rng([11, seed])
    agrees_with_enumeration(random_differences(generator), ("wilcoxon", "pratt")[seed % 2])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200, 2200))
def test_two_thousand_random_samples_equal_enumeration(seed):
    generator = np.random.default_rng([11, seed])
    agrees_with_enumeration(random_differences(generator), ("wilcoxon", "pratt")[seed % 2])


@pytest.mark.parametrize("zeros", ["wilcoxon", "pratt"])
@pytest.mark.parametrize("n", [14, 20])
def test_twenty_with_ties_equal_enumeration(n, zeros):
    d = np.random.default_rng(n).integers(-4, 9, size=n).astype(float)
    assert signed_rank(d, zeros=zeros).p == enumeration.p_two_sided(d, zeros)


@pytest.mark.parametrize("n", [30, 53, 200])
def test_untied_tails_against_scipy(n):
    d = np.random.default_rng(n).normal(0.2, 1, n)
    reference = stats.wilcoxon(d, method="exact").pvalue
    # Both sum 2**-n times whole numbers; beyond 53 signs each addition rounds once.
    assert signed_rank(d, decimals=12).p == pytest.approx(reference, rel=1e-12)


def test_exact_against_asymptotic_at_the_limit():
    """Where exact ends, the approximation that follows is already close; it has no say below."""
    d = np.random.default_rng(5).normal(0.1, 1, EXACT_LIMIT + 1).round(2)
    d[d == 0] = 0.01
    below, above = signed_rank(d[:-1]), signed_rank(d)
    assert "exact" in below.method
    assert "normal approximation" in above.method
    reference = stats.wilcoxon(d, method="asymptotic", correction=True).pvalue
    # SciPy's continuity correction is the same half rank; its tie correction the same variance.
    assert above.p == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize(("n", "decimals"), [(40, 0), (40, 1), (40, 6), (70, 1)])
def test_interval_of_larger_samples_against_every_shift(n, decimals):
    """The search skips what bounds decide; here each shift on a fine grid is tested without any bound."""
    d = np.random.default_rng([n, decimals]).normal(0.4, 3, n).round(decimals)
    d = d[d != 0]
    shift = hodges_lehmann(d)
    inner = np.linspace(shift.low, shift.high, 41)[1:-1]
    assert min(signed_rank(d - s, decimals=9).p for s in inner) > 0.05
    outer = np.concatenate([shift.low - np.geomspace(1e-4, 4, 40), shift.high + np.geomspace(1e-4, 4, 40)])
    worst = max(signed_rank(d - s, decimals=9).p for s in outer)
    assert worst <= 0.05
    # The step just outside is on the grid, so the attained level is met exactly (to rounding of sums).
    assert 1 - shift.level >= worst - 1e-12


def test_untied_interval_is_the_classical_order_statistic():
    d = np.random.default_rng(3).normal(size=25)
    walsh = np.sort([(a + b) / 2 for a, b in combinations_with_replacement(d.tolist(), 2)])
    counts = np.zeros(326)  # of each rank sum, by the textbook recursion
    counts[0] = 1
    for rank in range(1, 26):
        counts[rank:] += counts[:-rank].copy()
    tail = np.cumsum(counts) / 2**25
    cut = int(np.searchsorted(2 * tail, 0.05, side="right"))  # how many sums are rejected on a side
    shift = hodges_lehmann(d, decimals=12)
    # The grid of 1e-12 moves each value by half a step.
    assert (shift.low, shift.high) == pytest.approx((walsh[cut - 1], walsh[-cut]), abs=2e-12)
    assert shift.level == pytest.approx(1 - 2 * tail[cut - 1], abs=1e-15)


def test_large_sample_interval_by_approximation():
    d = np.random.default_rng(4).normal(1, 2, 500)
    shift = hodges_lehmann(d)
    walsh = np.sort((d[:, None] + d[None, :])[np.tril_indices(500)] / 2)
    # Values are rounded to 1e-6 first.
    assert shift.estimate == pytest.approx(np.median(walsh), abs=2e-6)
    assert shift.low in walsh.round(7) or np.min(np.abs(walsh - shift.low)) < 2e-6
    assert "normal approximation" in shift.method


def test_rounding_noise_breaks_no_tie():
    before, after = np.array([7.4, 3.1, 5.0, 6.0, 2.0, 9.0]), np.array([7.5, 3.2, 4.0, 4.0, 1.9, 5.0])
    noisy = after - before
    assert len(set(np.abs(noisy))) > len(set(np.abs(noisy).round(6)))
    assert signed_rank(noisy).p == enumeration.p_two_sided(noisy.round(6) * 8 / 8)


def test_one_sided():
    d = np.array([1, 2, 3, -4, 5, 6])
    ranks, positive = enumeration.ranks_of(d, "wilcoxon")
    plus = enumeration.patterns(6) @ ranks
    observed = ranks[positive].sum()
    assert signed_rank(d, alternative="greater").p == np.mean(plus >= observed)
    assert signed_rank(d, alternative="less").p == np.mean(plus <= observed)


def test_all_zero():
    result = signed_rank([0, 0, 0])
    assert (result.p, result.smallest_p, result.n_nonzero) == (1, 1, 0)
    assert math.isnan(result.rank_biserial)
    assert hodges_lehmann([0, 0, 0], zeros="pratt").estimate == 0
    assert signed_rank([]).p == 1


def test_rank_biserial_is_the_simple_difference_of_shares():
    result = signed_rank([-3, -2, -1, 4])
    assert (result.w_plus, result.w_minus) == (4, 6)
    assert result.rank_biserial == -0.2


def test_missing_values_are_left_out():
    assert signed_rank([1, math.nan, 2, 3]).n == 3


@given(
    st.lists(st.integers(-9, 9), min_size=6, max_size=15),
    st.integers(-5, 5),
    st.sampled_from([0.8, 0.95]),
)
def test_shifting_and_mirroring_move_the_interval(d, by, level):
    """Equivariance, with zeros kept: nothing is special about the origin."""
    one = hodges_lehmann(d, zeros="pratt", level=level)
    moved = hodges_lehmann(np.array(d) + by, zeros="pratt", level=level)
    mirrored = hodges_lehmann(-np.array(d), zeros="pratt", level=level)
    assert (moved.estimate - by, moved.low - by, moved.high - by) == (one.estimate, one.low, one.high)
    assert (-mirrored.estimate, -mirrored.high, -mirrored.low) == (one.estimate, one.low, one.high)
    assert one.low <= one.estimate <= one.high
    assert one.level >= level or "no exact" in one.method


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: signed_rank([1], zeros="drop"), "unknown convention for zero differences: 'drop'"),
        (lambda: signed_rank([1], alternative="lower"), "unknown alternative: 'lower'"),
        (lambda: signed_rank([math.inf]), "too large for the grid: inf"),
        (lambda: hodges_lehmann([1, 2], level=95), "not a coverage: 95"),
    ],
)
def test_bad_input(call, what):
    with pytest.raises(InputError, match=what):
        call()
