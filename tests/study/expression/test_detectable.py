"""The smallest change that a study can find."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abate.study.expression.design import Design
from abate.study.expression.detectable import EFFECTS, monotone, smallest_effect
from abate.study.expression.fit import Fit, fit_expression
from abate.study.expression.named_design import plan_design
from abate.study.expression.sheet import SampleSheet
from abate.study.expression.simulate import simulate_counts

ROLES = {"subject": "subject", "group": "group", "time": "time"}


def fitted(genes: int, people: int) -> tuple[Fit, Design]:
    data = simulate_counts(genes, changed=genes // 20, patients=people, controls=people)
    design = plan_design(SampleSheet(data.samples, ROLES, "simulated"))
    return fit_expression(data.counts, design, shrink=False), design


def test_more_people_see_smaller_changes() -> None:
    few, many = (smallest_effect(*fitted(800, people), repeats=3) for people in (3, 8))
    assert many.smallest.estimate < few.smallest.estimate
    for one in (few, many):
        assert one.smallest.low <= one.smallest.estimate
        # Where the lower bound of the power never reaches 80 %, there is no upper end.
        assert np.isnan(one.smallest.high) or one.smallest.estimate <= one.smallest.high
        curve = one.curve
        assert ((curve["low"] <= curve["power"]) & (curve["power"] <= curve["high"])).all()
        assert (curve[["power", "low", "high"]].diff().dropna() >= -1e-12).all(axis=None)
        # Sizes go round: 80 changed genes in each of three repeats, 30 of each size.
        assert curve["changed"].tolist() == [30] * len(EFFECTS)


def test_intervals_of_two_seeds_meet() -> None:
    fit, design = fitted(120, 5)
    one, two = (smallest_effect(fit, design, seed=seed, repeats=12) for seed in (1, 2))
    assert one.smallest.low <= two.smallest.high
    assert two.smallest.low <= one.smallest.high
    assert (one.curve["found"] != two.curve["found"]).any()


def test_a_small_panel_is_simulated_more_often() -> None:
    fit, design = fitted(60, 3)
    said = smallest_effect(fit, design)
    assert said.repeats == 24
    assert "24 repeats" in said.smallest.method


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 50)), min_size=1, max_size=8))
def test_a_rising_curve_rises_and_keeps_the_mean(places: list[tuple[float, int]]) -> None:
    power, weight = (np.array(column, dtype=float) for column in zip(*places, strict=True))
    risen = monotone(power, weight)
    assert (np.diff(risen) >= -1e-12).all()
    if weight.sum() > 0:
        assert (risen * weight).sum() == pytest.approx((power * weight).sum())  # pooling keeps the weighted sum
    if (np.diff(power) >= 0).all() and (weight > 0).all():
        np.testing.assert_allclose(risen, power)
