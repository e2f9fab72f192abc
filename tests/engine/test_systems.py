"""Fast states taken as settled: what becomes of the equations, how wrong that is, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy

from abate.engine.ensemble import Dose, compile_model
from abate.engine.systems import settled
from abate.ground.errors import InputError
from abate.science.model import Model, load


@pytest.fixture(scope="module")
def axis() -> Model:
    return load("hpa_axis/milo")


def test_settled_states_have_rate_zero(axis: Model) -> None:
    rates, assignments = settled(axis)
    assert set(axis.states) - set(rates) == {"x1", "x2"}
    for name in ("x1", "x2"):
        there = sympy.sympify(axis.rates[name]).xreplace({sympy.Symbol(name): assignments[name]})
        assert sympy.simplify(there) == 0


def test_the_whole_model_loses_two_states_and_little_accuracy_in_what_is_slow() -> None:
    model = load("il6_blockade/gca")
    outputs = ["crp", "symptoms", "A", "x3", "x1"]
    doses = [Dose(day + 1 / 3, "prednisone", "oral", 40.0) for day in range(14)]
    courses = []
    for quasi_steady in (False, True):
        ensemble = compile_model(model, outputs, quasi_steady=quasi_steady)
        courses.append(ensemble.start({}, np.arange(16), seed=1).advance(14.0, doses, record_at=np.arange(1.0, 15.0)))
    assert len(model.states) - len(ensemble.kernel.system.states) == 2
    for name, allowed in {"crp": 1e-4, "symptoms": 1e-4, "A": 1e-3}.items():
        # what lasts days to weeks does not feel minutes: only the glands' drive is shifted, by some ten-thousandths
        np.testing.assert_allclose(courses[1][name], courses[0][name], rtol=allowed)
    # the hormones of the moment do feel it, at most by what minutes of delay make of a daily wave
    assert 1e-3 < np.abs(courses[1]["x3"] / courses[0]["x3"] - 1).max() < 0.2


def test_a_model_without_marks_is_refused() -> None:
    with pytest.raises(InputError, match="marks no state as quasi-steady"):
        compile_model(load("tocilizumab/ra"), ["C"], quasi_steady=True)


@pytest.mark.parametrize(
    ("name", "rate", "said"),
    [
        ("x1", "1 - x1**2", "rate linear in it"),
        ("x1", "GR", "rate linear in it"),
        ("x1", "x2*P - x1", "in a circle"),
    ],
)
def test_what_cannot_be_settled_is_refused(axis: Model, name: str, rate: str, said: str) -> None:
    plain = {s: sympy.Symbol(s) for s in ("x1", "x2", "P", "GR")}
    rates = {**axis.rates, name: sympy.sympify(rate, locals=plain)}
    with pytest.raises(InputError, match=said):
        settled(replace(axis, rates=rates))


def test_a_dosed_state_cannot_be_settled() -> None:
    model = replace(load("tocilizumab/ra"), quasi_steady=("depot",))
    with pytest.raises(InputError, match="a dose goes to"):
        settled(model)


def test_a_file_marks_its_own_states(tmp_path: Path) -> None:
    (tmp_path / "fast.ant").write_text("a' = 1 - 100*a; b' = a - b; a = 0; b = 0\n")
    numbers = tmp_path / "fast.toml"
    numbers.write_text('quasi_steady = ["a"]\n')
    rates, assignments = settled(load(tmp_path / "fast.ant"))
    assert (list(rates), assignments["a"]) == (["b"], sympy.Rational(1, 100))
    numbers.write_text('quasi_steady = ["c"]\n')
    with pytest.raises(InputError, match="no state has this name"):
        load(tmp_path / "fast.ant")
    numbers.write_text('quasi_steady = "a"\n')
    with pytest.raises(InputError, match="not a list of names"):
        load(tmp_path / "fast.ant")
