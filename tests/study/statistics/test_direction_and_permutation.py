"""Sign, McNemar, permutation, rank-sum and Friedman tests against enumeration."""

from __future__ import annotations

import math
from itertools import combinations, permutations, product

import numpy as np
import pytest
from scipy import stats

from abate.ground.errors import InputError
from abate.study.statistics import friedman as friedman_module
from abate.study.statistics import permutation as permutation_module
from abate.study.statistics.friedman import friedman
from abate.study.statistics.permutation import paired_permutation
from abate.study.statistics.rank_sum import rank_sum
from abate.study.statistics.sign import mcnemar, sign_test


@pytest.mark.parametrize("d", [[1, 2, -3], [0, 0, 5, -1, 4], [-1] * 6, [0, 0], [3, -3, 2, 2, 2, 2, 0]])
def test_sign_test_equals_enumeration(d):
    signs = np.sign(d)[np.sign(d) != 0]
    sums = [sum(pattern) for pattern in product((-1, 1), repeat=len(signs))]
    assert sign_test(d).p == np.mean(np.abs(sums) >= abs(signs.sum()))
    assert sign_test(d, alternative="less").p == np.mean(np.array(sums) <= signs.sum())
    assert sign_test(d, alternative="greater").p == np.mean(np.array(sums) >= signs.sum())
    assert sign_test(d).same == np.sum(np.array(d) == 0)


def test_sign_test_of_thousands():
    assert sign_test([1] * 1100 + [-1] * 1000).p == pytest.approx(stats.binomtest(1000, 2100).pvalue, rel=1e-9)


def test_mcnemar():
    # 4/6 at one visit and 3/6 at the next: one discordant pair cannot show anything.
    result = mcnemar([1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0])
    assert (result.p, result.smallest_p, result.gained, result.lost) == (1, 1, 0, 1)
    result = mcnemar([0] * 8 + [1, 1], [1] * 7 + [0, 0, 1])
    assert result.p == stats.binomtest(1, 8).pvalue
    reference = stats.binomtest(7, 8).proportion_ci(method="exact")
    # Other root finder in SciPy, to 1e-12 in the share and so about 1e-9 in the odds.
    assert result.low == pytest.approx(reference.low / (1 - reference.low), rel=1e-7)
    assert result.high == pytest.approx(reference.high / (1 - reference.high), rel=1e-7)
    nobody = mcnemar([1, 0], [1, 0])
    assert nobody.p == 1
    assert math.isnan(nobody.odds_ratio)
    assert math.isnan(nobody.high)
    assert mcnemar([0], [1]).high == math.inf
    with pytest.raises(InputError, match="not one answer a pair: 1"):
        mcnemar([1, 0], [1])


def plain_permutation(d):
    d = np.asarray(d, dtype=float)
    sums = np.array([np.dot(pattern, d) for pattern in product((-1, 1), repeat=len(d))])
    return float(np.mean(np.abs(sums) >= abs(d.sum()) - 1e-9))


@pytest.mark.parametrize("seed", range(25))
def test_permutation_equals_enumeration(seed):
    generator = np.random.default_rng([2, seed])
    d = generator.integers(-9, 14, size=int(generator.integers(1, 12))) / 4
    result = paired_permutation(d)
    assert result.p == plain_permutation(d)
    assert result.mean == pytest.approx(d.mean(), abs=1e-12)
    assert result.p >= result.smallest_p


def test_permutation_by_halves_and_by_table_agree(monkeypatch):
    d = np.random.default_rng(3).integers(-50, 90, size=17) / 10
    table = paired_permutation(d).p
    monkeypatch.setattr(permutation_module, "TABLE_LIMIT", 0)
    assert paired_permutation(d).p == table == plain_permutation(d)


def test_permutation_by_draws_says_so():
    d = np.random.default_rng(4).normal(0.3, 1, 60)
    result = paired_permutation(d)
    assert "100,000 drawn sign patterns, seed 1" in result.method
    assert result.p == paired_permutation(d).p
    t_test = stats.ttest_1samp(d, 0).pvalue
    # Drawn share: standard error sqrt(p/1e5) = 0.0005; t and permutation differ by less than 0.005 at n = 60.
    assert result.p == pytest.approx(t_test, abs=0.006)


def test_permutation_of_nothing():
    assert paired_permutation([0, 0]).p == 1
    assert math.isnan(paired_permutation([]).mean)


@pytest.mark.parametrize("seed", range(25))
def test_rank_sum_equals_enumeration(seed):
    generator = np.random.default_rng([5, seed])
    one = generator.integers(-4, 5, size=int(generator.integers(1, 6)))
    two = generator.integers(-4, 7, size=int(generator.integers(1, 6)))
    ranks = stats.rankdata(np.concatenate([one, two]))
    centre = len(one) * (len(ranks) + 1) / 2
    observed = abs(ranks[: len(one)].sum() - centre)
    sums = [sum(ranks[list(chosen)]) for chosen in combinations(range(len(ranks)), len(one))]
    expected = np.mean(np.abs(np.array(sums) - centre) >= observed)
    result = rank_sum(one, two)
    # Counts are whole numbers below 2**53; only the last division may round.
    assert result.p == pytest.approx(expected, rel=1e-15)
    wins = np.mean([(a > b) + 0.5 * (a == b) for a in one for b in two])
    assert result.superiority == pytest.approx(wins, abs=1e-12)


def test_rank_sum_of_many_and_of_none():
    generator = np.random.default_rng(6)
    one, two = generator.normal(0, 1, 50).round(1), generator.normal(0.4, 1, 60).round(1)
    reference = stats.mannwhitneyu(one, two, method="asymptotic")
    assert rank_sum(one, two).p == pytest.approx(reference.pvalue, rel=1e-9)
    assert "approximation" in rank_sum(one, two).method
    assert "a group is empty" in rank_sum([], [1]).method


@pytest.mark.parametrize(("n", "visits", "seed"), [(3, 3, 1), (4, 3, 2), (5, 3, 3), (3, 4, 4), (6, 2, 5), (2, 5, 6)])
def test_friedman_equals_enumeration(n, visits, seed):
    table = np.random.default_rng(seed).integers(0, 5, size=(n, visits))
    ranks = np.array([stats.rankdata(row) for row in table])
    observed = (ranks.sum(axis=0) ** 2).sum()
    orders = [list(permutations(row)) for row in ranks]
    sums = [(np.sum(choice, axis=0) ** 2).sum() for choice in product(*orders)]
    # Squares of halves are exact; the share is a sum of equal terms.
    assert friedman(table).p == pytest.approx(np.mean(np.array(sums) >= observed), rel=1e-12)


def test_friedman_statistic_and_approximation(monkeypatch):
    table = np.random.default_rng(9).integers(0, 9, size=(12, 4))
    reference = stats.friedmanchisquare(*table.T)
    assert friedman(table).statistic == pytest.approx(reference.statistic, rel=1e-9)
    assert friedman(table).method == "Friedman test, exact"
    monkeypatch.setattr(friedman_module, "WORK_LIMIT", 1)
    assert friedman(table).p == pytest.approx(reference.pvalue, rel=1e-9)
    assert "chi-square approximation" in friedman(table).method


def test_friedman_edges():
    assert friedman([[1, 1, 1], [2, 2, 2]]).p == 1
    assert friedman([[1, math.nan], [math.nan, 2]]).n == 0
    assert friedman([[3, 2, 1]] * 6).p == pytest.approx(friedman([[3, 2, 1]] * 6).smallest_p, rel=1e-12)
    with pytest.raises(InputError, match="not a table of people by two visits"):
        friedman([1, 2, 3])
