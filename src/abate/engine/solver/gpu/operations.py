"""The operations of generated code on one number, as device functions; in numba's CUDA simulator, as NumPy.

Each has the name and meaning of its namesake in `solver.operations`. Those that look into the bits of a number exist
once a format: `of_precision` gives the set for float64 or float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba import config, cuda

from abate.engine.solver import operations as plain

__all__ = ["SIMULATED", "device", "of_precision"]

SIMULATED = bool(config.ENABLE_CUDASIM)

Function = Callable[..., Any]


def device(function: Function) -> Function:
    """Compile a function for calls from the card; the simulator calls it as it is."""
    return function if SIMULATED else cast(Function, cuda.jit(device=True)(function))


@device
def select(condition: Any, chosen: Any, otherwise: Any) -> Any:
    """Return ``chosen`` where the condition holds, else ``otherwise``."""
    return chosen if condition else otherwise


@device
def largest(x: Any) -> Any:
    """Largest of one number: itself."""
    return x


@device
def both(a: Any, b: Any) -> Any:
    """Logical and."""
    return a and b


@device
def either(a: Any, b: Any) -> Any:
    """Logical or."""
    return a or b


@device
def one_of(a: Any, b: Any) -> Any:
    """Logical exclusive or."""
    return a != b


@device
def opposite(a: Any) -> Any:
    """Logical not."""
    return not a


_COMMON: dict[str, Function] = {
    "select": select,
    "largest": largest,
    "both": both,
    "either": either,
    "one_of": one_of,
    "opposite": opposite,
}

_LIBRARY = ("sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh", "acosh", "atanh", "gamma")


def _simulated(bits: int) -> dict[str, Function]:
    """NumPy's operations, which do not raise where the card gives an infinity or NaN."""
    names = ("fused", "root", "magnitude", "nearest_integer", "floor", "ceiling", "power_of_two", "exponent_of",
             "significand_of", "reciprocal_seed")  # fmt: skip
    number: Any = np.float64 if bits == 64 else np.float32

    def rounding(function: Function) -> Function:
        return lambda *values: number(function(*values))

    inverse = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
               "atanh": "arctanh"}  # fmt: skip
    library = {name: getattr(np, inverse.get(name, name)) for name in _LIBRARY if name != "gamma"}
    return {name: rounding(getattr(plain, name)) for name in names} | library | {"gamma": math.gamma, "narrow": number}


def _on_card(bits: int) -> dict[str, Function]:
    """Functions of libdevice of the wanted format, each within a device function of our own name."""
    from numba.cuda import libdevice

    wide = bits == 64
    number: Any = np.float64 if wide else np.float32
    whole: Any = np.int64 if wide else np.int32
    fields, bias, mask = (52, 1023, 0x7FF) if wide else (23, 127, 0xFF)
    suffix = "" if wide else "f"
    fma, square_root = getattr(libdevice, f"fma{suffix}"), getattr(libdevice, f"sqrt{suffix}")
    absolute, nearest = getattr(libdevice, f"fabs{suffix}"), getattr(libdevice, f"rint{suffix}")
    down, up = getattr(libdevice, f"floor{suffix}"), getattr(libdevice, f"ceil{suffix}")
    to_bits = libdevice.double_as_longlong if wide else libdevice.float_as_int
    of_bits = libdevice.longlong_as_double if wide else libdevice.int_as_float
    one = whole(bias << fields)
    keep = whole((1 << fields) - 1)

    made: dict[str, Function] = {
        "narrow": lambda x: number(x),
        "fused": lambda a, b, c: fma(number(a), number(b), number(c)),
        "root": lambda x: square_root(x),
        "magnitude": lambda x: absolute(x),
        "nearest_integer": lambda x: nearest(x),
        "floor": lambda x: down(x),
        "ceiling": lambda x: up(x),
        "power_of_two": lambda n: of_bits(whole((whole(n) + whole(bias)) << whole(fields))),
        "exponent_of": lambda x: number(((to_bits(x) >> whole(fields)) & whole(mask)) - whole(bias)),
        "significand_of": lambda x: of_bits(whole((to_bits(x) & keep) | one)),
        "reciprocal_seed": lambda x: number(1.0) / x,
    }
    for name in _LIBRARY:
        made[name] = _called(getattr(libdevice, ("tgamma" if name == "gamma" else name) + suffix))
    return {name: device(function) for name, function in made.items()}


def _called(function: Function) -> Function:
    return lambda x: function(x)


def of_precision(bits: int) -> dict[str, Function]:
    """Every operation for numbers of ``bits`` bits, by name."""
    return _COMMON | (_simulated(bits) if SIMULATED else _on_card(bits))
