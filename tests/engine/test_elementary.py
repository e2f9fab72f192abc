"""Elementary functions over the whole range of their format, against libm in extended precision."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest

from abate.engine.solver import elementary
from abate.engine.solver.native import native
from abate.engine.solver.straight import compile_to_ir

COUNT = 1 << 15
LIMITS = {64: np.finfo(np.float64), 32: np.finfo(np.float32)}


def compiled(name: str, bits: int, arguments: int = 1) -> Callable[..., np.ndarray]:
    """A function on arrays of ``COUNT`` numbers."""
    width = 512 // bits
    inputs = ["x", "y"][:arguments]
    loads = ", ".join(f"load({v}, i * {width})" for v in inputs)
    typed = ", ".join(f"{v}: memory" for v in [*inputs, "out"])
    source = f"def apply({typed}) -> None:\n    for i in range({COUNT // width}):\n"
    source += f"        store(out, i * {width}, {name}({loads}))\n"
    code = native(f"test {bits} {source}", ("apply",), lambda: (compile_to_ir(source, bits), {}))
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (arguments + 1))(code.addresses["apply"])

    def apply(*arrays: np.ndarray) -> np.ndarray:
        out = np.empty_like(arrays[0])
        function(*(a.ctypes.data for a in (*arrays, out)))
        assert code.engine is not None  # keeps the machine code alive
        return out

    return apply


def units_in_last_place(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Distance in spacings of the format; equal infinities and NaN are at distance 0."""
    want = exact.astype(got.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(got - exact).astype(float) / np.spacing(np.abs(want)).astype(float)
    distance[(got == want) | (np.isnan(got) & np.isnan(want))] = 0.0
    return distance


def dtype_of(bits: int) -> type[np.floating]:
    return np.float64 if bits == 64 else np.float32


def spread_over_exponents(bits: int, seed: int) -> np.ndarray:
    """Positive numbers of every magnitude, subnormal ones included."""
    limits = LIMITS[bits]
    rng = np.random.default_rng(seed)
    low, high = np.log(np.longdouble(limits.smallest_subnormal)), np.log(np.longdouble(limits.max))
    return np.exp(rng.uniform(float(low), float(high), COUNT).astype(np.longdouble)).astype(dtype_of(bits))


@pytest.mark.parametrize("bits", [64, 32])
def test_exp_is_within_its_bound_everywhere(bits: int) -> None:
    limits = LIMITS[bits]
    rng = np.random.default_rng(1)
    low, high = float(np.log(limits.smallest_subnormal)) - 5, float(np.log(limits.max)) + 5
    x = rng.uniform(low, high, COUNT).astype(dtype_of(bits))
    x[:10] = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, limits.tiny, limits.max, -limits.max]
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        exact = np.exp(x.astype(np.longdouble))
        exact = np.where(exact > np.longdouble(limits.max), np.inf, exact)
        distance = units_in_last_place(compiled("exp", bits)(x), exact)
    # roundings of the reduced argument and of the polynomial (a quarter each, seen from results below 1) and of the
    # sum (half); polynomial to 1e-17; among subnormal results the last product rounds once more, by half a unit
    subnormal = exact < LIMITS[bits].tiny
    assert distance[~subnormal].max() <= 1.25
    assert distance[subnormal].max() <= 1.5


@pytest.mark.parametrize("bits", [64, 32])
def test_log_is_within_one_unit_everywhere(bits: int) -> None:
    x = spread_over_exponents(bits, seed=2)
    x[: COUNT // 4] = np.random.default_rng(3).uniform(0.5, 2.0, COUNT // 4)  # where the result is small
    x[:8] = [0.0, -0.0, -1.0, np.inf, -np.inf, np.nan, 1.0, LIMITS[bits].smallest_subnormal]
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = np.log(x.astype(np.longdouble))
    # the bound of the published algorithm
    assert units_in_last_place(compiled("log", bits)(x), exact).max() <= 1.0


@pytest.mark.parametrize("bits", [64, 32])
def test_powers_lose_only_what_the_logarithm_loses(bits: int) -> None:
    x = spread_over_exponents(bits, seed=4)
    y = np.random.default_rng(5).uniform(-8, 8, COUNT).astype(dtype_of(bits))
    x[:8] = [0.0, 0.0, 0.0, 1.0, 2.0, np.inf, 0.5, 3.0]
    y[:8] = [2.5, 0.0, -1.0, 7.7, 0.0, 1.5, 2.0, 0.5]
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        exact = x.astype(np.longdouble) ** y.astype(np.longdouble)
        exact = np.where(exact > np.longdouble(LIMITS[bits].max), np.inf, exact)
        exponent = np.abs(y * np.log(np.maximum(x, LIMITS[bits].smallest_subnormal)))
        distance = units_in_last_place(compiled("power", bits, 2)(x, y), exact)
    inside = (np.abs(exact) > LIMITS[bits].tiny) & np.isfinite(exact.astype(dtype_of(bits)))
    # half a unit of y*log(x) is a relative error of that size; one more for exp, one for log
    assert np.all(distance[inside] <= 2.5 + 2 * exponent[inside])
    assert np.all(distance[:8] <= 3)


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_waves_are_right_to_rounding_over_a_million_turns(name: str, bits: int) -> None:
    rng = np.random.default_rng(6)
    far = 1e7 if bits == 64 else 1e4
    x = np.concatenate([rng.uniform(-10, 10, COUNT // 2), rng.uniform(-far, far, COUNT // 2)]).astype(dtype_of(bits))
    x[:4] = [0.0, np.inf, -np.inf, np.nan]
    with np.errstate(invalid="ignore"):
        exact = getattr(np, name)(x.astype(np.longdouble))
    got = compiled(name, bits)(x)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(exact))
    # results are at most 1: a unit in the last place of 1, and for float32 the rest of a turn rounds too
    assert np.nanmax(np.abs(got - exact)) <= LIMITS[bits].eps


@pytest.mark.parametrize("name", sorted(elementary.LIBRARY))
def test_library_functions_are_called_lane_by_lane(name: str) -> None:
    x = np.linspace(1.01, 3.0, COUNT) if name in ("acosh", "gamma") else np.linspace(-0.99, 0.99, COUNT)
    from scipy import special

    peers = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh"}
    peers["atanh"] = "arctanh"
    exact = special.gamma(x) if name == "gamma" else getattr(np, peers.get(name, name))(x)
    # two correct libraries may each be off by a unit or two; gamma by a few more
    np.testing.assert_allclose(compiled(name, 64)(x), exact, rtol=2e-14 if name == "gamma" else 1e-15)


def test_the_same_source_runs_in_plain_python() -> None:
    """The formulas are ordinary Python: NumPy gives the same to a few units, without fused operations."""
    x = np.random.default_rng(7).uniform(-5, 5, COUNT)
    np.testing.assert_allclose(compiled("exp", 64)(x), elementary.exp(x), rtol=1e-15)
    np.testing.assert_allclose(compiled("log", 64)(np.exp(x)), elementary.log(np.exp(x)), rtol=1e-14)
    # cancellation near the zeros: absolute
    np.testing.assert_allclose(compiled("sin", 64)(x), elementary.sin(x), atol=1e-15)
