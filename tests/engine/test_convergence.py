"""Order of convergence, stiff problems with known solutions, and agreement with other integrators."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp

from abate.engine.solver import Kernel, System, Tolerance, compile_system
from abate.engine.solver.operations import LANES
from abate.engine.solver.rodas4 import RODAS4
from abate.engine.solver.rodas5p import RODAS5P
from abate.engine.solver.rosenbrock import Rosenbrock

TIME = sympy.Symbol("time")


def fixed_steps(kernel: Kernel, y0: list[float], end: float, count: int) -> np.ndarray:
    """The states after ``count`` equal steps, with no control of the error."""
    size = len(y0)
    address = kernel.code.addresses["step"]
    step = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double, *[ctypes.c_void_p] * 5,
                            ctypes.c_double, *[ctypes.c_void_p] * 3)(address)  # fmt: skip
    y = np.repeat(np.array(y0)[:, None], LANES, axis=1)
    new, weight, alive = np.empty_like(y), np.ones_like(y), np.ones(LANES)
    errors, work = np.empty(LANES), np.empty(kernel.code.facts["work"])
    p = np.zeros(1)
    q = np.zeros(max(1, LANES * kernel.code.facts["hoisted"]))
    h = end / count
    for i in range(count):
        memory = [a.ctypes.data for a in (y, p, q, weight, alive)]
        step(i * h, h, *memory, 1e-6, new.ctypes.data, errors.ctypes.data, work.ctypes.data)
        y[:, :8] = new[:, :8]
    assert y.shape == (size, LANES)
    return y[:, 0].copy()


@pytest.mark.parametrize("method", [RODAS4, RODAS5P])
def test_the_error_falls_with_the_order_of_the_method(method: Rosenbrock) -> None:
    """A non-linear system whose rates depend on time too: the term df/dt is part of the method."""
    a, b = sympy.symbols("a b")
    rates = {"a": -a * b + sympy.sin(3 * TIME), "b": a - b**2 + sympy.cos(2 * TIME) * a}
    kernel = compile_system(System(("a", "b"), rates, {}, (), ("a", "b")), method=method)
    exact = solve_ivp(
        lambda t, y: [-y[0] * y[1] + np.sin(3 * t), y[0] - y[1] ** 2 + np.cos(2 * t) * y[0]],
        (0, 2), [1.0, 0.5], method="DOP853", rtol=1e-13, atol=1e-14,
    ).y[:, -1]  # fmt: skip
    errors = [np.abs(fixed_steps(kernel, [1.0, 0.5], 2.0, n) - exact).sum() for n in (20, 160)]
    order = np.log2(errors[0] / errors[1]) / 3
    # over three halvings: next-order terms move the slope by a few tenths; a missing term of the method, by one or two
    assert order == pytest.approx(method.order, abs=0.5)


def solve(system: System, y0: dict[str, float], times: list[float], tolerance: Tolerance) -> np.ndarray:
    kernel = compile_system(system)
    state = kernel.state(y0, {}, people=1)
    out = kernel.advance(state, times[-1], None, times, tolerance=tolerance, max_steps=100_000)
    assert not state.codes.any()
    return out[:, :, 0]


def test_robertson_over_eleven_decades() -> None:
    a, b, c = sympy.symbols("a b c")
    slow, fast, square = 0.04 * a, 1e4 * b * c, 3e7 * b**2
    system = System(
        ("a", "b", "c"), {"a": -slow + fast, "b": slow - fast - square, "c": square}, {}, (), ("a", "b", "c")
    )
    got = solve(system, {"a": 1.0, "b": 0.0, "c": 0.0}, [0.4, 40.0, 4e5, 4e7], Tolerance(1e-6, floor=1e-6))
    # published in the IVP test set (Mazzia and Magherini 2008) and in the documentation of CVODE
    published = [[9.8517e-01, 7.1583e-01, 4.9383e-03, 5.2037e-05]]
    np.testing.assert_allclose(got[:1], published, rtol=5e-4)  # figures printed to five digits; 40: 0.71583
    np.testing.assert_allclose(got.sum(axis=0), 1.0, atol=1e-9)  # mass is a linear invariant


@pytest.mark.parametrize("stiffness", [1.0, 1e3, 1e6])
def test_prothero_robinson_at_any_stiffness(stiffness: float) -> None:
    """y' = -k (y - cos t) - sin t with y(0) = 1 has the solution cos t, however stiff."""
    y = sympy.Symbol("y")
    system = System(("y",), {"y": -stiffness * (y - sympy.cos(TIME)) - sympy.sin(TIME)}, {}, (), ("y",))
    times = list(np.linspace(0.5, 10.0, 20))
    got = solve(system, {"y": 1.0}, times, Tolerance(1e-7, floor=1.0))
    # tens of steps at 1e-7 each
    np.testing.assert_allclose(got[0], np.cos(times), atol=2e-6)


def test_van_der_pol_through_its_jumps() -> None:
    y, v = sympy.symbols("y v")
    system = System(("y", "v"), {"y": v, "v": 500 * ((1 - y**2) * v) - y}, {}, (), ("y",))
    times = [200.0, 400.0, 700.0, 1000.0]
    got = solve(system, {"y": 2.0, "v": 0.0}, times, Tolerance(1e-8))
    peer = solve_ivp(
        lambda t, z: [z[1], 500 * (1 - z[0] ** 2) * z[1] - z[0]],
        (0, 1000), [2.0, 0.0], method="Radau", t_eval=times, rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    # the times of the jumps carry the error: a few hundred steps at 1e-8, sharpened by the jump
    np.testing.assert_allclose(got[0], peer.y[0], rtol=1e-4)
