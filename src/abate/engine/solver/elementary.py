"""Branch-free elementary functions on SIMD lanes (and on plain floats).

The wheels of numba ship no vector mathematics library, so ``exp``, ``log``, powers and the circular
functions are written here as polynomials over explicit fused multiply-adds. Each holds on the
whole range of its format, infinities, NaN and subnormal numbers included; the tests measure the
largest error against libm and state it in units in the last place.

References
----------
W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980 (argument reduction).
FreeBSD msun, ``e_log.c``, ``k_sin.c``, ``k_cos.c`` (polynomials of log, sine and cosine).
"""

from __future__ import annotations

import math
from typing import Any

from abate.engine.solver.operations import (
    either,
    exponent_of,
    fused,
    magnitude,
    nearest_integer,
    pick,
    power_of_two,
    reciprocal_seed,
    select,
    significand_of,
)

INF, NAN = math.inf, math.nan

LIBRARY = {name: name for name in ("sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh", "acosh", "atanh")} | {
    "gamma": "tgamma"
}
"""Rarely used functions and their names in the C library, which is called once a lane."""


def rough_reciprocal(x: Any) -> Any:
    """``1/x`` within 0.02 %, for weights of errors: the bits subtracted give 5 %, a cubic step the rest."""
    y = reciprocal_seed(x)
    e = fused(-x, y, 1.0)
    return fused(y, fused(e, e, e), y)


def exp(x: Any) -> Any:
    """e to the power ``x``; at most 1.25 units in the last place (1.5 among subnormal results)."""
    clamped = select(x > pick(x, 710.0, 89.0), pick(x, 710.0, 89.0), x)
    clamped = select(clamped < pick(x, -746.0, -104.5), pick(x, -746.0, -104.5), clamped)
    n = nearest_integer(clamped * 1.4426950408889634)
    r = fused(-n, pick(x, 0.6931471805599453, 0.693147182464599609375), clamped)
    r = fused(-n, pick(x, 2.3190468138462996e-17, -1.904654299957768e-09), r)
    q = fused(r, 2.510038549551032e-08, 2.7620088445409746e-07)
    q = fused(r, q, 2.7557268459997064e-06)
    q = fused(r, q, 2.4801521295954376e-05)
    q = fused(r, q, 0.00019841269863053618)
    q = fused(r, q, 0.0013888888917213717)
    q = fused(r, q, 0.008333333333330062)
    q = fused(r, q, 0.04166666666662413)
    q = fused(r, q, 0.16666666666666669)
    q = fused(r, q, 0.5)
    value = fused(r * r, q, r) + 1.0
    # two factors, so that results in the subnormal range and next to overflow are right
    half = nearest_integer(n * 0.5)
    return value * power_of_two(half) * power_of_two(n - half)


def log(x: Any) -> Any:
    """Natural logarithm; at most 1 unit in the last place; NaN below 0, minus infinity at 0."""
    tiny = x < pick(x, 2.2250738585072014e-308, 1.1754943508222875e-38)
    scaled = select(tiny, x * pick(x, 18014398509481984.0, 33554432.0), x)
    k = exponent_of(scaled) - select(tiny, pick(x, 54.0, 25.0), 0.0)
    m = significand_of(scaled)
    large = m > 1.4142135623730951
    f = select(large, 0.5 * m, m) - 1.0
    k = select(large, k + 1.0, k)
    s = f / (2.0 + f)
    z = s * s
    r = fused(z, 0.14798198605116586, 0.15313837699209373)
    r = fused(z, r, 0.1818357216161805)
    r = fused(z, r, 0.22222198432149784)
    r = fused(z, r, 0.2857142874366239)
    r = fused(z, r, 0.3999999999940942)
    r = fused(z, r, 0.6666666666666735)
    half_square = 0.5 * f * f
    low = fused(s, fused(z, r, half_square), k * pick(x, 1.90821492927058770002e-10, 9.0580006145e-06))
    high = k * pick(x, 6.93147180369123816490e-01, 6.9313812256e-01)
    value = high - ((half_square - low) - f)
    value = select(x == 0.0, -INF, value)
    value = select(x < 0.0, NAN, value)
    return select(either(x == INF, x != x), x, value)


def power(x: Any, y: Any) -> Any:
    """``x**y`` for ``x >= 0``; NaN for a negative base, 1 for ``y = 0``.

    Computed as ``exp(y*log(x))``: the relative error is about ``1 + |y*log(x)|`` ulp.
    """
    return select(y == 0.0, 1.0, exp(y * log(x)))


def _quarter_turns(x: Any) -> Any:
    """Number of quarter turns nearest to ``x``."""
    return nearest_integer(x * 0.6366197723675814)


def _reduced(x: Any, n: Any) -> Any:
    """``x - n*pi/2`` in three steps; exact in the first while ``|n|`` is below 2**50."""
    r = fused(-n, pick(x, 1.5707963267948966, 1.57079637050628662109375), x)
    r = fused(-n, pick(x, 6.123233995736766e-17, -4.37113900018624283e-08), r)
    return fused(-n, pick(x, -1.4973849048591698e-33, -1.7151245100058819e-15), r)


def _sine_polynomial(r: Any) -> Any:
    z = r * r
    p = fused(z, 1.58969099521155010221e-10, -2.50507602534068634195e-08)
    p = fused(z, p, 2.75573137070700676789e-06)
    p = fused(z, p, -1.98412698298579493134e-04)
    p = fused(z, p, 8.33333333332248946124e-03)
    p = fused(z, p, -1.66666666666666324348e-01)
    return fused(z * r, p, r)


def _cosine_polynomial(r: Any) -> Any:
    z = r * r
    p = fused(z, -1.13596475577881948265e-11, 2.08757232129817482790e-09)
    p = fused(z, p, -2.75573143513906633035e-07)
    p = fused(z, p, 2.48015872894767294178e-05)
    p = fused(z, p, -1.38888888888741095749e-03)
    p = fused(z, p, 4.16666666666666019037e-02)
    half = 0.5 * z
    whole = 1.0 - half
    return whole + fused(z * z, p, (1.0 - whole) - half)


def _turned(x: Any, extra: Any) -> Any:
    """Sine of ``x`` advanced by ``extra`` quarter turns."""
    n = _quarter_turns(x)
    r = _reduced(x, n)
    turns = n + extra
    quadrant = turns - 4.0 * nearest_integer(turns * 0.25)  # -2, -1, 0, 1 or 2
    odd = magnitude(quadrant) == 1.0
    value = select(odd, _cosine_polynomial(r), _sine_polynomial(r))
    flip = either(quadrant == -1.0, magnitude(quadrant) == 2.0)
    return select(flip, -value, value)


def sin(x: Any) -> Any:
    """Sine; absolute error at most 2e-16 for ``|x|`` up to 1e9."""
    return _turned(x, 0.0)


def cos(x: Any) -> Any:
    """Cosine; absolute error at most 2e-16 for ``|x|`` up to 1e9."""
    return _turned(x, 1.0)


def tan(x: Any) -> Any:
    """Tangent, as sine over cosine."""
    return _turned(x, 0.0) / _turned(x, 1.0)


def minimum(a: Any, b: Any) -> Any:
    """The smaller one; NaN when ``b`` is."""
    return select(a < b, a, b)


def maximum(a: Any, b: Any) -> Any:
    """The larger one; NaN when ``b`` is."""
    return select(a > b, a, b)
