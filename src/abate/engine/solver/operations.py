"""The operations that generated code is made of, with their meaning in NumPy.

Generated functions and `elementary` are plain Python over these names. `straight` compiles them to SIMD code; run as
they are, on floats or arrays, they do the same at NumPy's pace, which is how they can be checked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "both",
    "ceiling",
    "either",
    "exponent_of",
    "floor",
    "fused",
    "largest",
    "load",
    "magnitude",
    "nearest_integer",
    "one_of",
    "opposite",
    "pick",
    "power_of_two",
    "reciprocal_seed",
    "root",
    "select",
    "shift",
    "significand_of",
    "store",
]

LANES = 16
"""People in one lane group."""


def load(memory: Any, offset: int) -> Any:
    """Return the SIMD value at an offset, in numbers."""
    return memory[offset : offset + LANES].copy()


def store(memory: Any, offset: int, value: Any) -> None:
    """Write a SIMD value, or one number to all its lanes."""
    memory[offset : offset + LANES] = value


def shift(memory: Any, offset: int) -> Any:
    """Return the memory that begins at an offset."""
    return memory[offset:]


def select(condition: Any, chosen: Any, otherwise: Any) -> Any:
    """Return ``chosen`` where the condition holds, else ``otherwise``; both are computed."""
    return np.where(condition, chosen, otherwise)


def fused(a: Any, b: Any, c: Any) -> Any:
    """Return ``a*b + c`` (compiled: with a single rounding)."""
    return a * b + c


def root(x: Any) -> Any:
    """Square root."""
    return np.sqrt(x)


def magnitude(x: Any) -> Any:
    """Absolute value."""
    return np.abs(x)


def nearest_integer(x: Any) -> Any:
    """Round to the nearest integer, ties to even."""
    return np.rint(x)


def floor(x: Any) -> Any:
    """Round down."""
    return np.floor(x)


def ceiling(x: Any) -> Any:
    """Round up."""
    return np.ceil(x)


def power_of_two(n: Any) -> Any:
    """``2**n`` for an integer-valued number among the normal exponents."""
    return np.ldexp(1.0, np.asarray(n, dtype=int))


def exponent_of(x: Any) -> Any:
    """Binary exponent of a positive normal number, as a number."""
    return np.frexp(x)[1] - 1.0


def significand_of(x: Any) -> Any:
    """Significand in [1, 2) of a positive normal number."""
    return np.frexp(x)[0] * 2


def reciprocal_seed(x: Any) -> Any:
    """``1/x`` within about 5 % (compiled: from the bits)."""
    return 1 / x


def pick(_like: Any, for64: float, _for32: float) -> float:
    """Return the first number for float64, the second for float32."""
    return for64


def largest(x: Any) -> Any:
    """Largest lane of a value without NaN."""
    return np.max(x)


def both(a: Any, b: Any) -> Any:
    """Logical and."""
    return np.logical_and(a, b)


def either(a: Any, b: Any) -> Any:
    """Logical or."""
    return np.logical_or(a, b)


def one_of(a: Any, b: Any) -> Any:
    """Logical exclusive or."""
    return np.logical_xor(a, b)


def opposite(a: Any) -> Any:
    """Logical not."""
    return np.logical_not(a)
