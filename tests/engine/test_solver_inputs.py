"""What the solver refuses, and what it says while it runs."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from abate.engine.solver import Code, Event, Kernel, Kind, System, Tolerance, compile_system
from abate.engine.solver.printing import Printer, UnsupportedExpression
from abate.engine.solver.straight import compile_to_ir

y, k = sympy.symbols("y k")


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return compile_system(System(("y",), {"y": -k * y}, {"double": 2 * y}, ("k",), ("y", "double")))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((("y", "y"), {"y": y}, {}, (), ()), "defined twice: y"),
        ((("y",), {}, {}, (), ()), "do not match: y"),
        ((("y",), {"y": k * y}, {}, (), ()), "rate of 'y' uses k"),
        ((("y",), {"y": y}, {"a": sympy.Symbol("b"), "b": y}, (), ()), "assignment 'a' uses b"),
        ((("y",), {"y": y}, {}, (), ("x",)), "output 'x' is not"),
    ],
)
def test_a_system_that_does_not_hold_together_is_refused(parts: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        System(*parts)


def test_equal_equations_have_equal_hashes() -> None:
    def system(rate: sympy.Expr) -> System:
        return System(("y",), {"y": rate}, {}, ("k",), ())

    assert system(-k * y).hash == system(-(y * k)).hash
    assert system(-k * y).hash != system(-k * y / 2).hash


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Event(0.0, Kind.ADD, "k", 1.0), "no state is called 'k'"),
        (Event(0.0, Kind.SET, "y", 1.0), "no parameter is called 'y'"),
        (Event(np.nan, Kind.ADD, "y", 1.0), "not finite"),
        (Event(0.0, Kind.ADD, "y", np.ones(3)), "amounts of shape"),
    ],
)
def test_an_event_without_a_target_is_refused(kernel: Kernel, event: Event, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kernel.schedule([event], people=2)


def test_times_must_make_sense(kernel: Kernel) -> None:
    state = kernel.state({"y": 1.0}, {"k": 1.0}, people=2, time=5.0)
    with pytest.raises(ValueError, match="cannot go back"):
        kernel.advance(state, 4.0)
    with pytest.raises(ValueError, match="must increase"):
        kernel.advance(state, 6.0, None, [5.5, 5.5])
    with pytest.raises(ValueError, match="must increase"):
        kernel.advance(state, 6.0, None, [4.5])
    with pytest.raises(ValueError, match="schedule is for 3 people"):
        kernel.advance(state, 6.0, kernel.schedule([Event(5.0, Kind.ADD, "y", 1.0)], people=3))


def test_numbers_must_fit_the_system(kernel: Kernel) -> None:
    with pytest.raises(ValueError, match="missing or unknown: z"):
        kernel.state({"y": 1.0, "z": 1.0}, {"k": 1.0}, people=1)
    with pytest.raises(ValueError, match="at least 1"):
        kernel.state({"y": 1.0}, {"k": 1.0}, people=0)
    with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
        kernel.state(np.ones((2, 2)), np.ones((1, 2)), people=2)


def test_a_function_without_a_definition_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="delay"):
        compile_system(System(("y",), {"y": sympy.Function("delay")(y)}, {}, (), ()))
    with pytest.raises(UnsupportedExpression, match="zeta"):
        Printer().text(sympy.zeta(y))


def test_code_that_is_not_straight_is_refused() -> None:
    with pytest.raises(SyntaxError, match="while"):
        compile_to_ir("def f(x: memory) -> None:\n    while x:\n        pass\n", 64)
    with pytest.raises(NameError, match="no operation is called cube"):
        compile_to_ir("def f(x: memory) -> None:\n    y = cube(load(x, 0))\n", 64)


def test_progress_counts_everyone_once(kernel: Kernel) -> None:
    people = 1000
    state = kernel.state({"y": 1.0}, {"k": 1.0}, people)
    told: list[int] = []
    kernel.advance(state, 1.0, None, [1.0], threads=2, progress=told.append)
    assert sum(told) == people


def test_an_interruption_reaches_the_caller(kernel: Kernel) -> None:
    state = kernel.state({"y": 1.0}, {"k": 1.0}, 1000)

    def interrupted(_people: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        kernel.advance(state, 1.0, threads=2, progress=interrupted)
        pytest.fail("the run went on")


def test_a_person_who_needs_too_many_steps_is_given_up_alone() -> None:
    rate = 1 + k * sympy.cos(1e4 * y)
    compiled = compile_system(System(("y",), {"y": rate}, {}, ("k",), ("y",)))
    wild = np.zeros(16)
    wild[3] = 0.9
    state = compiled.state({"y": 0.0}, {"k": wild}, 16)
    out = compiled.advance(state, 1.0, None, [1.0], tolerance=Tolerance(1e-9), max_steps=300)
    assert state.codes[3] == Code.TOO_MANY_STEPS
    assert not np.delete(state.codes, 3).any()
    # y' = 1 is exact for any method
    np.testing.assert_allclose(np.delete(out[0, 0], 3), 1.0, rtol=1e-12)


def test_piecewise_and_extremes_follow_their_conditions() -> None:
    a, b, time = sympy.symbols("a b time")
    outputs = {
        "smaller": sympy.Min(a, b, 3),
        "larger": sympy.Max(a, 2 * b),
        "size": sympy.Abs(a - b),
        "chosen": sympy.Piecewise((a, sympy.And(a > b, time < 1)), (b, sympy.Or(a < -5, b > 4)), (7, True)),
        "power": a ** sympy.Rational(3, 2) / b**3,
        "whole": sympy.floor(a) + sympy.ceiling(b),
    }
    compiled = compile_system(System(("y",), {"y": sympy.Integer(0)}, outputs, ("a", "b"), tuple(outputs)))
    values = {"a": np.array([1.5, 4.2, 2.0]), "b": np.array([2.5, 1.1, 5.0])}
    got = compiled.advance(compiled.state({"y": 0.0}, values, 3), 0.0, None, [0.0])[:, 0]
    p, q = values["a"], values["b"]
    expected = [
        np.minimum(np.minimum(p, q), 3),
        np.maximum(p, 2 * q),
        np.abs(p - q),
        np.where(p > q, p, np.where(q > 4, q, 7)),
        p**1.5 / q**3,
        np.floor(p) + np.ceil(q),
    ]
    # a handful of roundings
    np.testing.assert_allclose(got, expected, rtol=1e-14)
