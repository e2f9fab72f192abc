"""Adaptive designs keep their type I error: simulated, within three Monte-Carlo standard errors of nominal."""

import numpy as np
import pytest

from abate.design.adaptive.allocation import ResponseAdaptive
from abate.design.adaptive.bayes import BayesianStopping
from abate.design.adaptive.enrichment import Enrichment
from abate.design.adaptive.operating import Operating
from abate.design.adaptive.re_estimation import BlindedReEstimation, PromisingZone
from abate.design.adaptive.sequential_trials import expected_error, simulate_plan
from abate.design.adaptive.streams import truth
from abate.design.adaptive.wins import latent
from abate.design.fixed.win_ratio import WinRatio
from abate.design.minimisation import Minimisation
from abate.design.plan import plan
from abate.design.randomisation import permuted_blocks
from abate.design.request import request
from abate.ground.errors import InputError

TRIALS = 20_000


@pytest.mark.parametrize("assumed", [10.0, 20.0, 30.0])
def test_blinded_re_estimation_keeps_its_error_and_finds_the_true_spread(assumed: float) -> None:
    rule = BlindedReEstimation(difference=10, sd=assumed, first=30, most=400)
    assert rule.simulate(0.0, 20.0, trials=TRIALS).consistent_with(0.05)
    found = rule.simulate(10.0, 20.0, trials=4000)
    # The power is what was asked for, whatever standard deviation was assumed: 2 % for the pooled spread's own bias.
    assert found.rate == pytest.approx(0.9, abs=0.02)


def test_promising_zone_keeps_its_error_and_gains_power() -> None:
    rule = PromisingZone(drift=2.8, interim=0.5, low=0.3, target=0.9, most=2.0)
    assert rule.simulate(0.0, trials=TRIALS).consistent_with(0.05)
    fixed = PromisingZone(drift=2.8, interim=0.5, most=1.0)
    assert fixed.simulate(2.8, trials=TRIALS).consistent_with(0.7996, errors=3.5)  # 1 - Phi(1.96 - 2.8)
    assert rule.simulate(2.8, trials=TRIALS).rate > fixed.simulate(2.8, trials=TRIALS).rate + 0.02
    z = np.linspace(-2, 4, 61)
    size = rule.size(z)
    power = rule.conditional_power(z)
    inside = (power >= 0.3) & (power < 0.9)
    assert (size[~inside] == 1).all()
    reached = rule.conditional_power(z[inside & (size < 2)], size[inside & (size < 2)])
    assert reached == pytest.approx(0.9, abs=1e-9)


def test_without_fixed_weights_the_error_would_be_too_high() -> None:
    """The reason for the weights: a pooled test after adding people where the interim disappoints errs too often."""
    rng = np.random.default_rng(1)
    first = rng.normal(size=200_000)
    size = np.where((first > 0) & (first < 1.4), 6.0, 1.0)
    rest = size - 0.5
    pooled = (np.sqrt(0.5) * first + np.sqrt(rest) * rng.normal(size=len(first))) / np.sqrt(size)
    assert np.mean(pooled > 1.959964) > 0.025 + 5 * np.sqrt(0.025 / len(first))


@pytest.mark.parametrize("rule", ["rosenberger", "thompson"])
@pytest.mark.parametrize("trend", [0.0, 0.3])
def test_response_adaptive_allocation_keeps_its_error_under_a_trend(rule: str, trend: float) -> None:
    design = ResponseAdaptive(total=300, blocks=5, rule=rule)
    assert design.simulate(0.3, 0.3, trials=TRIALS, trend=trend).consistent_with(0.05)


def test_response_adaptive_allocation_spares_people_the_worse_arm() -> None:
    design = ResponseAdaptive(total=300, blocks=5, rule="thompson")
    found = design.simulate(0.2, 0.45, trials=3000)
    assert np.mean(found.people) < 135
    assert found.rate > 0.9


@pytest.mark.parametrize("prior", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("information", [(0.5, 1.0), (0.25, 0.5, 0.75, 1.0)])
def test_bayesian_stopping_keeps_its_error(prior: float, information: tuple[float, ...]) -> None:
    rule = BayesianStopping(information, prior)
    assert rule.simulate(0.0, trials=TRIALS).consistent_with(0.025)
    # A flat prior needs a higher threshold than one look's 0.975; a sceptical one pays in advance.
    assert prior > 0 or rule.threshold > 0.975
    at_edge = rule.posterior(rule.boundary()[:1], 0)
    assert at_edge[0] == pytest.approx(rule.threshold, abs=1e-12)


def test_a_posterior_of_975_at_every_look_would_err_too_often() -> None:
    rule = BayesianStopping((0.2, 0.4, 0.6, 0.8, 1.0), prior=0.0)
    rng = np.random.default_rng(3)
    path = np.cumsum(rng.normal(0, np.sqrt(0.2), (100_000, 5)), axis=1)
    posterior = np.stack([rule.posterior(path[:, k] / np.sqrt(t), k) for k, t in enumerate(rule.information)], axis=1)
    assert np.mean((posterior > 0.975).any(axis=1)) > 0.06


@pytest.mark.parametrize("margin", [-5.0, 0.0, 0.3])
def test_enrichment_keeps_its_familywise_error(margin: float) -> None:
    found = Enrichment(people=120, subgroup=0.4, margin=margin).simulate(0.0, 0.0, trials=TRIALS)
    # Simes' test of two positively correlated parts is conservative: never above nominal, and not far below.
    assert found.rate <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / TRIALS)
    assert found.rate > 0.012


def test_enrichment_gains_where_only_the_subgroup_benefits() -> None:
    rule = Enrichment(people=150, subgroup=0.4, margin=0.1)
    never = Enrichment(people=150, subgroup=0.4, margin=99.0)
    assert rule.simulate(0.5, 0.0, trials=5000).rate > never.simulate(0.5, 0.0, trials=5000).rate + 0.05


SHIPPED = [
    {"control": 0.3, "treatment": 0.5},
    {"control": 0.3, "treatment": 0.5, "looks": {"number": 3}},
    {"control": 0.3, "treatment": 0.5, "looks": {"number": 4, "boundary": "pocock"}},
    {"control": 0.3, "treatment": 0.5, "looks": {"number": 3, "spending": "pocock"}},
    {"control": 0.3, "treatment": 0.5, "looks": {"number": 3, "boundary": "haybittle-peto"}},
    {"control": 0.3, "treatment": 0.5, "ratio": 2.0, "looks": {"number": 2, "boundary": "hwang-shih-decani"}},
    {"effect": 8.0, "sd": 16.0, "looks": {"number": 3, "boundary": "wang-tsiatis"}},
    {"effect": -8.0, "sd": 16.0, "looks": {"number": 3, "spending": "obrien-fleming"}},
    {"effect": 8.0, "sd": 16.0, "looks": {"number": 3, "spending": "obrien-fleming", "futility": "hwang-shih-decani"}},
    {
        "effect": 8.0,
        "sd": 16.0,
        "looks": {"number": 3, "spending": "pocock", "futility": "hwang-shih-decani", "binding": True},
    },
    {"effect": 6.0, "sd": 20.0, "layout": "paired", "looks": {"number": 2}},
    {"effect": 6.0, "sd": 20.0, "layout": "crossover", "looks": {"number": 2, "boundary": "pocock"}},
    {"control": 0.3, "treatment": 0.5, "layout": "crossover", "looks": {"number": 2}},
    {"hazard_ratio": 0.6, "control": 0.6, "looks": {"number": 3}},
    {"hazard_ratio": 0.6, "control": 0.6, "at": 52.0, "accrual": 26.0, "follow_up": 52.0, "looks": {"number": 2}},
    {"odds_ratio": 2.0, "categories": (0.2, 0.4, 0.3, 0.1), "looks": {"number": 3, "spending": "pocock"}},
    {"win_ratio": 1.6, "looks": {"number": 2}},
    {"win_ratio": 1.7, "ties": 0.2, "looks": {"number": 3, "spending": "pocock"}},
    {"effect": -6.0, "sd": 12.0, "layout": "crossover", "period": 8.0},
    {"hazard_ratio": 0.5, "control": 0.5, "at": 52.0, "accrual": 26.0, "follow_up": 52.0, "dropout": 0.2},
]


@pytest.mark.parametrize("options", SHIPPED, ids=str)
def test_every_shipped_design_keeps_its_error_and_reaches_its_power(options: dict) -> None:
    made = plan(request(**options))
    trials = TRIALS if made.total < 250 else TRIALS // 2
    null = simulate_plan(made, null=True, trials=trials)
    assert null.consistent_with(expected_error(made))
    effect = simulate_plan(made, trials=trials)
    # 1 % for whole people and the normal approximation of proportions; 2 % for Schoenfeld's and Yu & Ganju's formulas.
    slack = 0.02 if {"hazard_ratio", "win_ratio"} & set(options) else 0.01
    assert effect.rate == pytest.approx(made.attained_power, abs=3 * effect.error + slack)
    if "hazard_ratio" not in options:  # people enter before the events that time the looks
        assert np.mean(effect.people) == pytest.approx(made.expected()["effect"], rel=0.02)
    assert abs(effect.bias) < 0.5 * abs(truth(made.comparison))


@pytest.mark.slow  # a minute: ten times the trials, so that a third of a per cent too much would show
@pytest.mark.parametrize("options", [o for o in SHIPPED if "hazard_ratio" not in o], ids=str)
def test_every_shipped_design_keeps_its_error_over_many_trials(options: dict) -> None:
    made = plan(request(**options))
    null = simulate_plan(made, null=True, trials=100_000, seed=2)
    # Three Monte-Carlo standard errors, and what asymptotic tests of whole responders and wins cost: up to 3 % of it.
    nominal = expected_error(made)
    whole = 0.03 * nominal if {"control", "categories", "win_ratio"} & set(options) else 0.0
    assert abs(null.rate - nominal) <= 3 * np.sqrt(nominal * (1 - nominal) / 100_000) + whole


@pytest.mark.slow  # the same for the adaptive ones
@pytest.mark.parametrize(
    "make",
    [
        lambda: BlindedReEstimation(10, 20, 30, 400).simulate(0.0, 20.0, trials=100_000, seed=2).rate / 0.05,
        lambda: PromisingZone(drift=2.8).simulate(0.0, trials=400_000, seed=2).rate / 0.05,
        lambda: ResponseAdaptive(total=300, blocks=5).simulate(0.3, 0.3, trials=100_000, seed=2).rate / 0.05,
        lambda: BayesianStopping((0.25, 0.5, 0.75, 1.0), 0.25).simulate(0.0, trials=400_000, seed=2).rate / 0.025,
    ],
    ids=["blinded-re-estimation", "promising-zone", "response-adaptive", "bayesian"],
)
def test_adaptive_designs_keep_their_error_over_many_trials(make: object) -> None:
    assert callable(make)
    # Three Monte-Carlo standard errors are 4 % of an error of 0.05 (or of 0.025, with four times the trials).
    assert make() == pytest.approx(1.0, abs=0.042)


def test_carry_over_biases_by_half_of_itself_and_a_period_effect_cancels() -> None:
    made = plan(request(effect=-6.0, sd=12.0, layout="crossover", period=20.0, carry_over=-3.0))
    clean = plan(request(effect=-6.0, sd=12.0, layout="crossover"))
    assert made.total > 1.5 * clean.total
    found = simulate_plan(made, trials=8000)
    # The estimate is half of it nearer to none; three standard errors of a mean of 8,000.
    assert found.bias == pytest.approx(1.5, abs=3 * 12 * np.sqrt(2 / made.total / 8000))
    assert found.rate == pytest.approx(made.attained_power, abs=3 * found.error + 0.005)


@pytest.mark.parametrize("ties", [0.0, 0.1, 0.4])
def test_simulated_wins_and_ties_are_those_assumed(ties: float) -> None:
    effect = WinRatio(1.5, ties)
    shift, margin = latent(effect)
    rng = np.random.default_rng(2)
    gap = rng.normal(shift, 1, 400_000) - rng.normal(0, 1, 400_000)
    win, loss = np.mean(gap > margin), np.mean(gap < -margin)
    assert win / loss == pytest.approx(1.5, abs=0.02)  # three standard errors of 400,000 pairs
    assert 1 - win - loss == pytest.approx(ties, abs=0.003)


@pytest.mark.parametrize("method", ["blocks", "minimised"])
def test_restricted_randomisation_keeps_the_error_of_a_test_that_adjusts(method: str) -> None:
    """A prognostic factor balanced by design, and adjusted for: 300 trials of 60 people."""
    trials, n = 300, 60
    rng = np.random.default_rng(11)
    rule = Minimisation(("a", "b"), {"f": ("x", "y")}, probability=0.8)
    rejected = np.zeros(trials, dtype=bool)
    for k in range(trials):
        factor = rng.random(n) < 0.5
        if method == "blocks":
            made = permuted_blocks({"a": 1, "b": 1}, people=2 * n, strata={"f": ["x", "y"]}, seed=k)
            lists = {name: [r.arm for r in made.rows if r.stratum == name] for name in ("f=x", "f=y")}
            used = {"f=x": 0, "f=y": 0}
            arms = []
            for high in factor:
                name = "f=y" if high else "f=x"
                arms.append(lists[name][used[name]])
                used[name] += 1
        else:
            arms = list(rule.allocate([{"f": "y" if high else "x"} for high in factor], seed=k))
        treated = np.array([arm == "b" for arm in arms], dtype=float)
        values = 1.5 * factor + rng.normal(size=n)
        design = np.column_stack([np.ones(n), treated, factor])
        coefficients, rest, *_ = np.linalg.lstsq(design, values, rcond=None)
        spread = np.sqrt(rest[0] / (n - 3) * np.linalg.inv(design.T @ design)[1, 1])
        rejected[k] = abs(coefficients[1] / spread) > 2.0025  # t with 57 degrees of freedom
    assert Operating(rejected, np.full(trials, float(n))).consistent_with(0.05)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BlindedReEstimation(0, 10, 20, 100), "effect is zero"),
        (lambda: BlindedReEstimation(5, 10, 200, 100), "interim lies outside"),
        (lambda: PromisingZone(2.8, interim=1.0), "interim is no share"),
        (lambda: PromisingZone(2.8, most=0.5), "cannot become smaller"),
        (lambda: PromisingZone(2.8, low=0.9, target=0.3), "not a zone"),
        (lambda: ResponseAdaptive(total=40, blocks=10), "ten people each"),
        (lambda: ResponseAdaptive(total=100, rule="best"), "no such rule"),
        (lambda: BayesianStopping((0.5, 0.4, 1.0)), "do not rise"),
        (lambda: BayesianStopping((0.5, 1.0), prior=-1), "not a weight"),
        (lambda: Enrichment(people=10, subgroup=0.3), "fewer than three"),
        (lambda: Enrichment(people=100, subgroup=1.0), "not the share of a subgroup"),
        (lambda: plan(request(effect=-6.0, sd=12.0, layout="crossover", carry_over=-12.0)), "hides the whole effect"),
        (lambda: plan(request(effect=-6.0, sd=12.0, carry_over=-2.0)), "only a crossover has periods"),
        (lambda: plan(request(control=0.3, treatment=0.5, layout="crossover", period=1.0)), "not for shares"),
        (lambda: simulate_plan(plan(request(looks={"number": 2}))), "no effect to simulate"),
        (lambda: simulate_plan(plan(request(effect=1.0)), trials=10), "not a number of trials"),
    ],
)
def test_designs_that_make_no_sense_are_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=message):
        make()
