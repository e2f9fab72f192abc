"""The proportional-odds model against statsmodels and a logistic model, and where it has no answer."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.miscmodels.ordinal_model import OrderedModel

from abate.study.statistics.proportional_odds import proportional_odds


@pytest.mark.parametrize(("n", "categories"), [(40, 3), (120, 5), (300, 7)])
def test_against_statsmodels(n: int, categories: int) -> None:
    rng = np.random.default_rng(n)
    design = rng.integers(0, 2, (n, 2)).astype(float)
    worse = rng.logistic(0.8 * design[:, 0] - 0.3 * design[:, 1])
    _, category = np.unique(np.digitize(worse, np.linspace(-1.5, 2, categories - 1)), return_inverse=True)
    ours = proportional_odds(category, design)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the optimiser asks for more precision than it has
        theirs = OrderedModel(category, design, distr="logit").fit(method="bfgs", disp=False, gtol=1e-9)
    # Its optimiser ends some 1e-8 from the top; its errors come from differences of the slope.
    np.testing.assert_allclose(ours[0], theirs.params[:2], atol=1e-6)
    np.testing.assert_allclose(ours[1], theirs.bse[:2], rtol=1e-4)


def test_two_categories_are_a_logistic_model() -> None:
    rng = np.random.default_rng(5)
    design = np.column_stack([rng.integers(0, 2, 80), rng.normal(size=80)])
    category = (rng.random(80) < 0.3 + 0.4 * design[:, 0]).astype(int)
    theirs = sm.Logit(category, sm.add_constant(design)).fit(disp=False, tol=1e-14)
    slopes, errors = proportional_odds(category, design)
    # The same likelihood, climbed by the same steps.
    np.testing.assert_allclose(slopes, theirs.params[1:], rtol=1e-9)
    np.testing.assert_allclose(errors, theirs.bse[1:], rtol=1e-9)


@pytest.mark.parametrize(
    ("category", "design"),
    [
        ([0, 0, 1, 1], [[0], [0], [1], [1]]),  # the column tells the category
        ([0, 1, 1, 2], [[0], [0], [1], [1]]),  # and here as well: no more than one category lies on both sides
        ([0, 1, 1, 0, 2], [[0, 0], [0, 0], [1, 1], [1, 1], [0, 0]]),  # a column twice
    ],
)
def test_where_no_finite_odds_exist(category: list[int], design: list[list[float]]) -> None:
    slopes, errors = proportional_odds(np.array(category), np.array(design, dtype=float))
    assert np.isnan(slopes).all()
    assert np.isnan(errors).all()
