"""Sensitivity: indices of a function that is known, differences, and the same people under every set of numbers."""

import numpy as np
import pytest

from abate.evidence.sensitivity.analysis import sensitivity
from abate.evidence.sensitivity.factors import Factor, factors, parameter_sets
from abate.evidence.sensitivity.globally import sobol_indices, sobol_scores
from abate.evidence.sensitivity.informed import _directions, informed
from abate.evidence.sensitivity.locally import effects, local_scores
from abate.evidence.sensitivity.outcomes import OUTCOMES, outcomes
from abate.ground.errors import InputError
from abate.science.model import load
from abate.trial.protocol import load_trial
from abate.trial.settings import apply
from abate.trial.setup import prepare


def some(names: str) -> list[Factor]:
    return [Factor(name, name, False, 1.0, 0.3, "log", True) for name in names]


def test_sobol_indices_of_a_linear_function_with_an_interaction() -> None:
    pytest.importorskip("SALib")
    known = some("abcd")
    z = sobol_scores(known, 1024, seed=1)
    found = sobol_indices(known, 2 * z[:, 0] + z[:, 1] + z[:, 0] * z[:, 2], seed=1)
    # Variance 4 + 1 + 1: a alone 4/6, with c 5/6; b 1/6; c nothing alone, 1/6 in all; d nothing. 1,024 samples: 0.05.
    first = [found[n]["first"].estimate for n in "abcd"]
    total = [found[n]["total"].estimate for n in "abcd"]
    np.testing.assert_allclose(first, [4 / 6, 1 / 6, 0, 0], atol=0.05)
    np.testing.assert_allclose(total, [5 / 6, 1 / 6, 1 / 6, 0], atol=0.05)
    assert found["a"]["total"].low < 5 / 6 < found["a"]["total"].high


def test_an_outcome_that_does_not_vary_has_no_index() -> None:
    pytest.importorskip("SALib")
    known = some("ab")
    found = sobol_indices(known, np.full(4 * 8, 3.0), seed=1)
    assert found["a"]["total"].estimate == 0.0


def test_local_effects_of_a_line() -> None:
    known = some("ab")
    people = np.linspace(0, 1, 50)
    values = 3.0 * local_scores(known)[:, :1] * people + 10.0
    found = effects(known, values, seed=1)
    assert found["a"]["change"].estimate == pytest.approx(3 * people.mean())
    assert found["a"]["change"].low < found["a"]["change"].estimate < found["a"]["change"].high
    assert found["b"]["change"].estimate == 0.0


def test_factors_have_the_model_at_their_centre() -> None:
    model = load("il6_blockade/gca")
    known = factors(model)
    sets = parameter_sets(known, np.zeros((1, len(known))))
    for name, values in sets.typical.items():
        assert values[0] == pytest.approx(model.parameters[name].value)
    for name, values in sets.spread.items():
        assert values[0] == pytest.approx(model.parameters[name].spread)
    labels = [factor.label for factor in known]
    assert len(labels) == len(set(labels))


def test_a_model_without_such_numbers_is_refused() -> None:
    with pytest.raises(InputError, match="no number whose influence is measured"):
        factors(load("das28/levi"))


def test_the_same_people_live_under_every_set() -> None:
    setup = prepare(apply(load_trial("giacta"), {"weeks": "6"}), outputs=("morning_cortisol",))
    known = factors(setup.model)
    scores = np.zeros((3, len(known)))
    scores[2] = 1.0
    found = outcomes(setup, "placebo-26", parameter_sets(known, scores), people=16, seed=1)
    assert found.shape == (3, 16, len(OUTCOMES))
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_the_slice_of_a_trial_has_every_outcome_and_number() -> None:
    trial = apply(load_trial("giacta"), {"weeks": "6"})
    found = sensitivity(trial, arms=["placebo-26"], method="local", people=4)
    rows = found["arms"]["placebo-26"]["sensitivity"]
    assert set(rows) == set(OUTCOMES)
    assert set(rows["flare-risk"]) == set(found["factors"])
    cortisol = rows["morning-cortisol-nmol-l"]["hpa_axis.kap"]["change"]
    assert cortisol.high < 0  # the more prednisone suppresses, the lower the cortisol of six weeks on it


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 6}, "a power of two"),
        ({"people": 1}, "needs people"),
        ({"method": "sobel"}, "there is no such method"),
        ({"arms": ["placebo"]}, "there is no such arm"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sensitivity(load_trial("giacta"), **options)  # type: ignore[arg-type]


def test_numbers_that_move_figures_alike_leave_a_direction() -> None:
    information = 9.0 * np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    (one,) = _directions(information, ["a", "b", "c"])
    assert one["information"] == pytest.approx(0, abs=1e-9)
    assert one["loadings"]["a"] == pytest.approx(-one["loadings"]["b"])
    assert "c" not in one["loadings"]  # silent numbers are listed apart


@pytest.mark.slow
def test_what_the_data_tell_lists_every_number() -> None:
    found = informed(people=16, trials=["tenor"])
    assert found["factors"]
    assert set(found["silent"]) <= set(found["factors"])
    # TENOR has no prednisone and no adrenal figure.
    assert "hpa_axis.kap" in found["silent"]
    assert all(0 <= row["told"] < 1 for row in found["factors"].values())
