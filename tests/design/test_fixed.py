"""Fixed-sample sizes against statsmodels, published results and simulation.

Stored results, each with where it stands (read there, not recalled):

- rpact (Wassmer & Pahlke): ``tests/testthat/test-f_design_plan_survival.R`` (CRAN), fixed designs at alpha 0.01.
- R ``power.t.test(n=100, delta=1, sd=2.5)``: power 0.8036466 (printed output).
- Hmisc ``posamsize`` (Whitehead 1993): its formula as in ``R/popower.s``.
"""

import math
import warnings

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import NormalIndPower, TTestIndPower, TTestPower
from statsmodels.stats.proportion import (
    power_proportions_2indep,
    proportion_effectsize,
    samplesize_proportions_2indep_onetail,
)

from abate.design.fixed.comparison import Comparison
from abate.design.fixed.means import Crossover, PairedMeans, TwoMeans
from abate.design.fixed.ordinal import OrderedOutcome, shifted
from abate.design.fixed.proportions import PairedProportions, TwoProportions, fisher_power
from abate.design.fixed.time_to_event import TimeToEvent, share_with_event
from abate.design.fixed.win_ratio import WinRatio
from abate.ground.errors import InputError

# statsmodels solves by root finding to about 1e-6; the far tail, left out by one of the two, is below 1e-5 here.
SAME = 1e-4


@pytest.mark.parametrize(("control", "treatment"), [(0.25, 0.5), (0.1, 0.3), (0.6, 0.4), (0.118, 0.632)])
@pytest.mark.parametrize("power", [0.8, 0.9])
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_two_proportions_against_statsmodels(control: float, treatment: float, power: float, ratio: float) -> None:
    design = TwoProportions(control, treatment)
    # statsmodels calls the first group the treated one and its ratio nobs2 / nobs1.
    other = samplesize_proportions_2indep_onetail(
        control - treatment, treatment, power, ratio=ratio, alpha=0.05, alternative="two-sided"
    )
    assert design.size(0.05, power, 2, ratio) == pytest.approx(other, rel=SAME)
    reached = power_proportions_2indep(control - treatment, treatment, 80, ratio=ratio, alpha=0.05).power
    assert design.power(80, ratio * 80, 0.05, 2) == pytest.approx(reached, abs=SAME)


@pytest.mark.parametrize("ratio", [1.0, 1.5])
def test_arcsine_against_statsmodels(ratio: float) -> None:
    size = TwoProportions(0.2, 0.45, test="arcsine").size(0.05, 0.85, 2, ratio)
    other = NormalIndPower().solve_power(proportion_effectsize(0.45, 0.2), power=0.85, alpha=0.05, ratio=ratio)
    assert size == pytest.approx(other, rel=SAME)


@pytest.mark.parametrize("effect", [0.2, 0.5, 1.2])
@pytest.mark.parametrize("power", [0.8, 0.9])
@pytest.mark.parametrize("ratio", [1.0, 3.0])
def test_means_against_statsmodels(effect: float, power: float, ratio: float) -> None:
    size = TwoMeans(effect * 15, 15).size(0.05, power, 2, ratio)
    assert size == pytest.approx(TTestIndPower().solve_power(effect, power=power, alpha=0.05, ratio=ratio), rel=SAME)
    if ratio == 1:
        pairs = PairedMeans(-effect * 15, 15).size(0.05, power, 2, 1)
        assert pairs == pytest.approx(TTestPower().solve_power(effect, power=power, alpha=0.05), rel=SAME)
        # A crossover is a comparison of its two sequences, on half the difference of the periods.
        crossed = Crossover(effect * 15, 15).size(0.05, power, 2, 1)
        both = TTestIndPower().solve_power(effect * math.sqrt(2), power=power, alpha=0.05)
        assert crossed == pytest.approx(2 * both, rel=SAME)


def test_means_against_r() -> None:
    assert TwoMeans(1, 2.5).power(100, 100, 0.05, 2) == pytest.approx(0.8036466, abs=2e-6)  # R leaves out the far tail


def test_baseline_adjustment_saves_the_explained_variance() -> None:
    plain, adjusted = TwoMeans(5, 20).size(0.05, 0.9, 2, 1), TwoMeans(5, 20, 0.6).size(0.05, 0.9, 2, 1)
    assert adjusted / plain == pytest.approx(1 - 0.6**2, rel=5e-3)  # one more degree of freedom is lost


@pytest.mark.parametrize(
    ("treated", "events", "people"),
    [(0.4, 58.52451, 197.78666), (0.5, 31.248898, 90.804254), (0.6, 20.120262, 51.314209)],
)
def test_time_to_event_against_rpact(treated: float, events: float, people: float) -> None:
    ratio = math.log1p(-treated) / math.log1p(-0.2)
    design = TimeToEvent(ratio, control_events=0.2, at=12, accrual=12, follow_up=6)
    assert design.needed_events(0.01, 0.8, 1, 1.0) == pytest.approx(events, rel=1e-7)
    assert 2 * design.size(0.01, 0.8, 1, 1.0) == pytest.approx(people, rel=1e-6)


def test_freedman_needs_more_events_than_schoenfeld() -> None:
    # Freedman 1982, table 1's formula: ((1 + h) / (1 - h))^2 (z + z)^2.
    events = TimeToEvent(0.5, 0.5, formula="freedman").needed_events(0.05, 0.9, 2, 1.0)
    assert events == pytest.approx(9 * (1.959964 + 1.281552) ** 2, rel=1e-6)
    assert events > TimeToEvent(0.5, 0.5).needed_events(0.05, 0.9, 2, 1.0)


def test_share_with_event_against_simulation() -> None:
    rng = np.random.default_rng(1)
    people = 400_000
    entry = rng.uniform(0, 12, people)
    event, lost = rng.exponential(1 / 0.05, people), rng.exponential(1 / 0.01, people)
    seen = np.mean(event < np.minimum(lost, 18 - entry))
    share = share_with_event(0.05, accrual=12, follow_up=6, dropout=0.01)
    assert share == pytest.approx(seen, abs=3 * math.sqrt(0.25 / people))  # three standard errors


def test_whitehead_against_hmisc() -> None:
    # Hmisc takes the mean shares of both arms; a small odds ratio moves them by less than 1 %.
    shares, odds = (0.1, 0.2, 0.4, 0.3), 1.2
    total = 12 * (1.959964 + 0.841621) ** 2 / math.log(odds) ** 2 / (1 - sum(p**3 for p in shares))
    assert total == pytest.approx(3148, abs=1)
    assert 2 * OrderedOutcome(shares, odds).size(0.05, 0.8, 2, 1.0) == pytest.approx(total, rel=5e-3)


def test_whitehead_against_simulated_wilcoxon() -> None:
    control = (0.2, 0.5, 0.2, 0.1)
    treated = shifted(control, 2.2)
    design = OrderedOutcome(control, 2.2)
    n, trials = 80, 1500
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(trials):
        a, b = rng.choice(4, n, p=control), rng.choice(4, n, p=treated)
        hits += stats.mannwhitneyu(a, b, method="asymptotic").pvalue < 0.05
    # Three standard errors of the simulated power, and 1 % for the normal approximation.
    assert hits / trials == pytest.approx(design.power(n, n, 0.05, 2), abs=3 * math.sqrt(0.2 / trials) + 0.01)


def test_win_ratio_against_simulation() -> None:
    """Continuous outcomes without ties: win probability w for shifted normals, tested by Mann-Whitney."""
    shift, n, trials = 0.35, 90, 1500
    wins = stats.norm.cdf(shift / math.sqrt(2))
    design = WinRatio(wins / (1 - wins))
    rng = np.random.default_rng(8)
    hits = sum(
        stats.mannwhitneyu(rng.normal(size=n), rng.normal(shift, size=n), method="asymptotic").pvalue < 0.05
        for _ in range(trials)
    )
    assert hits / trials == pytest.approx(design.power(n, n, 0.05, 2), abs=3 * math.sqrt(0.25 / trials) + 0.01)


def test_mcnemar_against_simulation() -> None:
    design = PairedProportions(0.25, 0.5)
    n, trials = 80, 20_000
    better, worse = design.effect()["better"], design.effect()["worse"]
    draws = np.random.default_rng(2).multinomial(n, [better, worse, 1 - better - worse], size=trials)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        z = np.nan_to_num((draws[:, 0] - draws[:, 1]) / np.sqrt(draws[:, 0] + draws[:, 1]))
    # 2 % for the discreteness of so few pairs.
    assert np.mean(np.abs(z) > 1.959964) == pytest.approx(design.power(n, 0, 0.05, 2), abs=0.02)


def test_fisher_power_against_scipy_table_by_table() -> None:
    control, treatment, p, q = 9, 11, 0.2, 0.7
    total = 0.0
    for x in range(control + 1):
        for y in range(treatment + 1):
            if stats.fisher_exact([[x, control - x], [y, treatment - y]]).pvalue <= 0.05:
                total += stats.binom.pmf(x, control, p) * stats.binom.pmf(y, treatment, q)
    assert fisher_power(control, treatment, p, q, 0.05, 2) == pytest.approx(total, abs=1e-12)


def test_exact_size_holds_its_power_and_one_less_does_not_always() -> None:
    design = TwoProportions(0.1, 0.5, test="exact")
    found = design.solve(0.05, 0.8)
    assert found.power >= 0.8
    assert all(design.power(n, n, 0.05, 2) >= 0.8 for n in range(found.control, found.control + 5))
    assert design.power(found.control - 1, found.control - 1, 0.05, 2) < 0.8


DESIGNS: list[Comparison] = [
    TwoProportions(0.2, 0.45),
    TwoProportions(0.2, 0.45, test="continuity"),
    TwoProportions(0.2, 0.45, test="unpooled"),
    PairedProportions(0.2, 0.45, 0.3),
    TwoMeans(-8, 20, 0.5),
    PairedMeans(-8, 20),
    Crossover(-8, 20),
    TimeToEvent(0.4, 0.6, dropout=0.1),
    OrderedOutcome((0.3, 0.4, 0.3), 2.5),
    WinRatio(1.6, 0.2),
]


@pytest.mark.parametrize("design", DESIGNS, ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("ratio", [1.0, 2.0])
@pytest.mark.parametrize("sided", [1, 2])
def test_the_solved_size_has_the_power_and_the_words(design: Comparison, ratio: float, sided: int) -> None:
    found = design.solve(0.05, 0.85, sided=sided, ratio=ratio)
    assert 0.85 - 2e-3 <= found.power < 0.9  # the continuity correction of size and of power differ a little
    assert found.total >= found.exact - 1e-6
    assert design.sentence()
    assert design.effect()
    assert "500 people" in design.nearest(0.05, 0.9, sided, ratio)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TwoProportions(0.3, 0.3), "effect is zero.*nearest feasible: 500 people"),
        (lambda: TwoProportions(0.3, 1.2), "not a share"),
        (lambda: TwoProportions(0.0, 1.0), "nothing is left to chance"),
        (lambda: TwoProportions(0.3, 0.4, test="chi"), "no such test"),
        (lambda: PairedProportions(0.1, 0.9, 0.9), "so correlated"),
        (lambda: TwoMeans(0, 10), "effect is zero.*nearest feasible: 500 people on control find a difference"),
        (lambda: TwoMeans(3, 0), "do not vary"),
        (lambda: TwoMeans(3, 5, 1.0), "not a correlation"),
        (lambda: PairedMeans(0, 5), "effect is zero"),
        (lambda: Crossover(0, 5), "effect is zero"),
        (lambda: TimeToEvent(1.0, 0.5), "effect is zero.*hazard ratio"),
        (lambda: TimeToEvent(0.5, 1.0), "not a share of people with the event"),
        (lambda: TimeToEvent(-0.5, 0.5), "not a ratio"),
        (lambda: OrderedOutcome((0.5, 0.4), 2), "do not add to 1"),
        (lambda: OrderedOutcome((0.5, 0.5), 1), "effect is zero"),
        (lambda: WinRatio(1.0), "effect is zero"),
        (lambda: WinRatio(1.5, 1.0), "not a share of tied pairs"),
        (lambda: TwoMeans(0.001, 30).solve(0.05, 0.9), "more than a million people.*nearest feasible"),
        (lambda: TwoMeans(1, 3).solve(0.05, 0.9, ratio=0), "allocation ratio"),
    ],
)
def test_what_cannot_be_planned_is_said(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=message):
        make()
