"""The promised analyses, against statsmodels, plain loops and simulation."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from abate.design.analysis.missing import reference_based, tipping_point, tipping_responders
from abate.design.analysis.stratified import cochran_mantel_haenszel, tables_of
from abate.design.analysis.wins import Outcome, Wins, win_ratio
from abate.design.fixed.win_ratio import WinRatio
from abate.ground.errors import InputError


def test_cochran_mantel_haenszel_against_statsmodels() -> None:
    rng = np.random.default_rng(1)
    tables = rng.integers(3, 25, size=(6, 2, 2)).astype(float)
    mine = cochran_mantel_haenszel(tables)
    other = StratifiedTable(list(tables))
    test = other.test_null_odds(correction=False)
    assert mine.statistic == pytest.approx(test.statistic)
    assert mine.p == pytest.approx(test.pvalue)
    assert mine.odds_ratio.estimate == pytest.approx(other.oddsratio_pooled)
    low, high = other.oddsratio_pooled_confint()
    assert (mine.odds_ratio.low, mine.odds_ratio.high) == pytest.approx((low, high))


def test_the_stratified_difference_covers_its_truth() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    trials = 2000
    for _ in range(trials):
        tables = []
        for base, n in ((0.2, 30), (0.5, 40), (0.35, 20)):
            x, y = rng.binomial(n, base + 0.15), rng.binomial(n, base)
            tables.append([[x, n - x], [y, n - y]])
        found = cochran_mantel_haenszel(tables).difference
        covered += found.low <= 0.15 <= found.high
    # Three Monte-Carlo standard errors, and 0.5 % for the normal approximation.
    assert covered / trials == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / trials) + 0.005)


def test_tables_from_people() -> None:
    found = tables_of([1, 0, 1, 0], [1, 1, 0, 0], ["x", "x", "x", "y"])
    assert found.tolist() == [[[1, 1], [1, 0]], [[0, 0], [0, 1]]]
    with pytest.raises(InputError, match="no stratum holds people of both arms"):
        cochran_mantel_haenszel(found[1:])


def test_win_ratio_against_a_plain_loop() -> None:
    rng = np.random.default_rng(3)
    time_a, time_b = rng.exponential(2, 15), rng.exponential(1, 12)
    seen_a, seen_b = rng.random(15) < 0.6, rng.random(12) < 0.6
    score_a, score_b = rng.integers(0, 5, 15), rng.integers(0, 5, 12)
    wins = losses = 0
    for i in range(15):
        for j in range(12):
            if seen_b[j] and time_b[j] < time_a[i]:
                wins += 1
            elif seen_a[i] and time_a[i] < time_b[j]:
                losses += 1
            elif score_a[i] > score_b[j]:
                wins += 1
            elif score_a[i] < score_b[j]:
                losses += 1
    found = win_ratio([Outcome(time_a, time_b, seen_a, seen_b), Outcome(score_a, score_b)])
    assert found.wins * 180 == pytest.approx(wins)
    assert found.losses * 180 == pytest.approx(losses)
    assert found.ratio.estimate == pytest.approx(wins / losses)


def test_the_test_of_wins_knows_the_variance_over_all_allocations() -> None:
    rng = np.random.default_rng(5)
    time, seen, score = rng.exponential(1, 9), rng.random(9) < 0.6, rng.integers(0, 3, 9)

    def compared(treated: np.ndarray) -> Wins:
        other = ~treated
        return win_ratio(
            [Outcome(time[treated], time[other], seen[treated], seen[other]), Outcome(score[treated], score[other])]
        )

    allocations = [np.isin(np.arange(9), chosen) for chosen in itertools.combinations(range(9), 4)]
    net = np.array([(found := compared(treated)).wins - found.losses for treated in allocations])
    assert net.mean() == pytest.approx(0, abs=1e-12)
    expected = 2 * stats.norm.sf(np.abs(net) / net.std())
    assert [compared(treated).p for treated in allocations] == pytest.approx(expected.tolist())


def test_win_ratio_keeps_its_error_and_has_the_designed_power() -> None:
    rng = np.random.default_rng(4)
    n, trials = 70, 1000
    null = np.mean([win_ratio([Outcome(rng.normal(size=n), rng.normal(size=n))]).p < 0.05 for _ in range(trials)])
    assert null == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / trials) + 0.005)
    design = WinRatio(1.8)
    shift = math.sqrt(2) * 0.3661  # wins 0.6429 = 1.8 / 2.8
    hits = np.mean([win_ratio([Outcome(rng.normal(shift, 1, n), rng.normal(size=n))]).p < 0.05 for _ in range(trials)])
    assert hits == pytest.approx(design.power(n, n, 0.05, 2), abs=3 * math.sqrt(0.25 / trials) + 0.02)


def series(rng: np.random.Generator, n: int, effect: float, leave: float) -> np.ndarray:
    """Baseline and three visits; people leave at random, and only ever once."""
    base = rng.normal(60, 10, n)
    steps = [base + effect * k / 3 + rng.normal(0, 6, n) for k in (1, 2, 3)]
    values = np.column_stack([base, *steps])
    for row in range(n):
        if rng.random() < leave:
            values[row, rng.integers(1, 4) :] = np.nan
    return values


def test_without_missing_values_it_is_the_analysis_of_covariance() -> None:
    from statsmodels.api import OLS

    rng = np.random.default_rng(5)
    a, b = series(rng, 40, -10, 0.0), series(rng, 45, 0, 0.0)
    found = reference_based(a, b, imputations=5)
    design = np.column_stack([np.ones(85), np.repeat([1, 0], [40, 45]), np.concatenate([a[:, 0], b[:, 0]])])
    fitted = OLS(np.concatenate([a[:, 3], b[:, 3]]), design).fit()
    assert found.difference.estimate == pytest.approx(fitted.params[1])
    assert found.missing == 0
    # Barnard and Rubin's degrees of freedom are a little below those of the complete data even when nothing is missing.
    assert found.p == pytest.approx(fitted.pvalues[1], rel=0.1)


def test_jump_to_reference_pulls_towards_the_control_by_the_share_missing() -> None:
    rng = np.random.default_rng(6)
    a, b = series(rng, 400, -12, 0.5), series(rng, 400, 0, 0.0)
    at_random = reference_based(a, b, method="missing-at-random", imputations=30).difference
    jumped = reference_based(a, b, method="jump-to-reference", imputations=30).difference
    copied = reference_based(a, b, method="copy-reference", imputations=30).difference
    assert at_random.low < -12 < at_random.high
    # Half of the people left: their benefit is gone from then on.
    gone = np.isnan(a[:, -1]).mean()
    assert jumped.estimate == pytest.approx(-12 * (1 - gone), abs=1.5)
    # Copying keeps some of what had been gained by the last visit seen.
    assert at_random.estimate < copied.estimate < jumped.estimate + 0.5
    assert reference_based(a, b, imputations=30) == reference_based(a, b, imputations=30)


def test_imputation_under_the_null_keeps_its_error() -> None:
    rng = np.random.default_rng(7)
    trials = 120
    hits = [
        reference_based(series(rng, 40, 0, 0.3), series(rng, 40, 0, 0.3), imputations=10, seed=k).p < 0.05
        for k in range(trials)
    ]
    # Jump to reference is conservative; never above nominal by more than three standard errors.
    assert np.mean(hits) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / trials)


def test_tipping_point() -> None:
    rng = np.random.default_rng(8)
    a, b = series(rng, 60, -12, 0.3), series(rng, 60, 0, 0.1)
    tip = tipping_point(a, b, worse=100.0, imputations=10)
    assert 0 < tip < 100
    before = reference_based(a, b, method="missing-at-random", imputations=10, shift=0.9 * tip).p
    after = reference_based(a, b, method="missing-at-random", imputations=10, shift=1.02 * tip).p
    assert before < 0.05 <= after
    assert math.isnan(tipping_point(a, b, worse=0.01, imputations=10))
    assert tipping_point(b[:30], b[30:], worse=10.0, imputations=10) == 0.0


def test_tipping_of_responders() -> None:
    from scipy.stats import fisher_exact

    rows = tipping_responders((18, 25, 30), (8, 26, 30))
    assert len(rows) == 5
    for others, mine in rows:
        if mine <= 5:
            table = [[18 + mine, 12 - mine], [8 + others, 22 - others]]
            assert fisher_exact(table).pvalue < 0.05
        if mine > 0:
            table = [[18 + mine - 1, 12 - mine + 1], [8 + others, 22 - others]]
            assert fisher_exact(table).pvalue >= 0.05
    needed = [mine for _, mine in rows]
    assert needed == sorted(needed)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda a: reference_based(a[:, 1:], a), "different visits"),
        (lambda a: reference_based(a, a, method="locf"), "no such imputation"),
        (lambda a: reference_based(np.where(np.arange(4) == 0, np.nan, a), a), "baseline is missing"),
        (lambda a: reference_based(np.where(np.arange(4) == 1, np.nan, a), a), "comes back"),
        (lambda a: reference_based(a[:4], a), "too few people"),
        (lambda a: reference_based(a, a, imputations=1), "two or more"),
        (lambda a: tipping_point(a, a, worse=0), "no direction"),
        (lambda a: tipping_responders((5, 4, 6), (1, 2, 3)), "not responders of seen"),
        (lambda a: win_ratio([]), "nothing to compare"),
        (lambda a: cochran_mantel_haenszel([[1, 2], [3, 4]]), "not 2 x 2 tables"),
    ],
)
def test_what_cannot_be_analysed_is_said(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=message):
        make(series(np.random.default_rng(1), 20, 0, 0.0))
