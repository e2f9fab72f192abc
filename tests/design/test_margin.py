"""Non-inferiority: sizes against closed forms, shares under a margin against a search, error by simulation."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from abate.design.adaptive.sequential_trials import expected_error, simulate_plan
from abate.design.fixed.margin import constrained_shares
from abate.design.plan import plan
from abate.design.protocol.sample_size import paragraph
from abate.design.request import request
from abate.ground.errors import InputError

Z = norm.isf(0.025) + norm.isf(0.1)


@pytest.mark.parametrize("null", [-0.2, -0.05, 0.1, 0.3])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(("control", "treatment"), [(0.3, 0.45), (0.9, 0.88), (0.05, 0.02)])
def test_shares_under_a_margin_are_the_most_likely(control: float, treatment: float, ratio: float, null: float) -> None:
    def surprise(p: float) -> float:
        q = p + null
        own = control * math.log(p) + (1 - control) * math.log1p(-p)
        return -own - ratio * (treatment * math.log(q) + (1 - treatment) * math.log1p(-q))

    low, high = max(0.0, -null) + 1e-12, min(1.0, 1 - null) - 1e-12
    found = minimize_scalar(surprise, bounds=(low, high), method="bounded", options={"xatol": 1e-11}).x
    p, q = constrained_shares(control, treatment, ratio, null)
    assert float(p) == pytest.approx(found, abs=1e-6)  # the search stops at about the root of double precision
    assert float(q) == pytest.approx(float(p) + null)


def test_wald_sizes_are_blackwelders() -> None:
    made = plan(request(control=0.8, treatment=0.8, margin=0.1, test="unpooled"))
    assert made.fixed is not None
    assert made.fixed.control == math.ceil(Z**2 * 2 * 0.8 * 0.2 / 0.1**2)  # 337 an arm
    assert plan(request(control=0.8, treatment=0.8, margin=0.1)).total == pytest.approx(made.total, rel=0.02)


def test_a_score_and_a_time_to_an_event() -> None:
    score = plan(request(effect=0.0, sd=10.0, margin=4.0)).fixed
    assert score is not None
    assert score.control == pytest.approx(2 * (Z * 10 / 4) ** 2, abs=2.0)  # t instead of normal, and rounded up
    events = plan(request(hazard_ratio=1.0, control=0.4, margin=1.3)).fixed
    assert events is not None
    assert events.events == pytest.approx(4 * Z**2 / math.log(1.3) ** 2, abs=1.0)


def test_which_side_is_better_matters_only_away_from_no_effect() -> None:
    totals = {
        (effect, better): plan(request(effect=effect, sd=10.0, margin=4.0, better=better)).total
        for effect in (-1.0, 0.0, 1.0)
        for better in ("lower", "higher")
    }
    assert totals[0.0, "lower"] == totals[0.0, "higher"]
    assert totals[-1.0, "lower"] == totals[1.0, "higher"] < totals[0.0, "lower"] < totals[1.0, "lower"]
    assert plan(request(effect=-1.0, sd=10.0, margin=4.0)).total == totals[-1.0, "lower"]
    bad = plan(request(control=0.2, treatment=0.2, margin=0.1, better="lower"))
    assert bad.total == plan(request(control=0.8, treatment=0.8, margin=0.1)).total


def test_a_two_sided_level_leaves_half_for_the_one_side() -> None:
    two = plan(request(control=0.8, treatment=0.8, margin=0.1, looks={"number": 3}))
    one = plan(request(control=0.8, treatment=0.8, margin=0.1, alpha=0.025, sided=1, looks={"number": 3}))
    assert two.total == one.total
    assert two.payload()["sided"] == 1
    assert "one-sided type I error of 0.025" in paragraph(two)
    assert "a loss of 10 % being accepted" in paragraph(two)


DESIGNS = [
    {"control": 0.7, "treatment": 0.7, "margin": 0.15},
    {"control": 0.85, "treatment": 0.85, "margin": 0.1, "ratio": 2.0, "looks": {"number": 3}},
    {"control": 0.2, "treatment": 0.18, "margin": 0.1, "better": "lower", "looks": {"number": 2, "boundary": "pocock"}},
    {"effect": 0.0, "sd": 16.0, "margin": 6.0, "looks": {"number": 3, "spending": "obrien-fleming"}},
    {"effect": 1.0, "sd": 10.0, "margin": 6.0, "layout": "crossover", "period": 5.0},
    {"hazard_ratio": 1.0, "control": 0.6, "margin": 1.5, "looks": {"number": 2}},
]


@pytest.mark.parametrize("options", DESIGNS, ids=str)
def test_the_error_at_the_margin_and_the_power_at_the_effect(options: dict) -> None:
    made = plan(request(**options))
    # Skewed shares under 2 : 1 err by 0.1 % more than nominal, well within three errors of these many trials.
    trials = 4000 if "hazard_ratio" in options else 10_000
    null = simulate_plan(made, null=True, trials=trials)
    assert null.consistent_with(expected_error(made))
    effect = simulate_plan(made, trials=trials)
    # 1 % for whole people and the normal approximation.
    assert effect.rate == pytest.approx(made.attained_power, abs=3 * effect.error + 0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"control": 0.8, "treatment": 0.65, "margin": 0.1}, "no better than the loss"),
        ({"control": 0.8, "treatment": 0.8, "margin": -0.1}, "--margin: not a loss"),
        ({"control": 0.8, "treatment": 0.8, "margin": 1.5}, "not a difference of shares"),
        ({"control": 0.8, "treatment": 0.8, "margin": 0.1, "test": "exact"}, "no version for a margin"),
        ({"effect": 5.0, "sd": 10.0, "margin": 4.0, "better": "lower"}, "no better than the loss"),
        ({"hazard_ratio": 1.4, "control": 0.4, "margin": 1.3}, "no better than the loss"),
        ({"hazard_ratio": 1.0, "control": 0.4, "margin": 1.3, "test": "freedman"}, "no version for a margin"),
        ({"win_ratio": 1.0, "margin": 0.8}, "non-inferiority is for"),
        ({"control": 0.5, "treatment": 0.5, "margin": 0.1, "layout": "crossover"}, "take --layout parallel"),
        ({"effect": 1.0, "sd": 10.0, "margin": 5.0, "layout": "paired"}, "before and after"),
    ],
)
def test_what_no_margin_can_show(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan(request(**options))


def test_error_of_a_wald_test_near_the_edge_is_why_the_other_is_taken() -> None:
    """At 95 % responders and 60 people an arm the unpooled test errs far too often; the constrained one does not."""
    rng = np.random.default_rng(5)
    n, null = 60, -0.1
    x, y = rng.binomial(n, 0.95, 20_000) / n, rng.binomial(n, 0.85, 20_000) / n
    wald = np.sqrt(np.maximum(x * (1 - x) + y * (1 - y), 0.5 / n) / n)
    p, q = constrained_shares(x, y, 1.0, null)
    other = np.sqrt((p * (1 - p) + q * (1 - q)) / n)
    errors = [float(np.mean((y - x - null) / s > 1.959964)) for s in (wald, other)]
    assert errors[0] > 0.03
    assert errors[1] == pytest.approx(0.025, abs=0.006)  # shares of 60 people are discrete
