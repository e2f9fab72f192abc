"""Counter-based draws: the same person everywhere.

A draw is a pure function of (seed, purpose, person, occasion), so that person 17 of seed 1 is the same in a run of
100 and of 1,000,000, on one worker or eight, interrupted or not. The generator is Philox4x64-10 (Salmon et al. 2011,
*Parallel random numbers: as easy as 1, 2, 3*), bit for bit the one in NumPy, evaluated on whole arrays of counters.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

__all__ = ["bits", "normal", "uniform"]

U64 = npt.NDArray[np.uint64]

_MULTIPLIERS = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
_WEYL = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B))
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def uniform(seed: int, purpose: str, person: npt.ArrayLike, occasion: npt.ArrayLike = 0) -> npt.NDArray[np.float64]:
    """Draw uniform numbers in the open interval (0, 1).

    Parameters
    ----------
    seed : int
        Of the run, 0 or more.
    purpose : str
        What the draw is for (``"weekly-drive"``); different purposes are independent streams.
    person, occasion : array_like of int, broadcast together
        Who, and the how many-th time (a week, a visit).

    Returns
    -------
    ndarray of float64
        With the broadcast shape.

    Examples
    --------
    >>> bool(uniform(1, "entry", [17])[0] == uniform(1, "entry", range(100))[17])
    True
    """
    words = bits(seed, purpose, person, occasion)[0]
    return ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def normal(seed: int, purpose: str, person: npt.ArrayLike, occasion: npt.ArrayLike = 0) -> npt.NDArray[np.float64]:
    """Draw standard normal numbers, by inversion of `uniform`.

    Parameters and shapes are those of `uniform`.

    Examples
    --------
    >>> normal(1, "entry", [3, 4], [[0], [1]]).shape
    (2, 2)
    """
    return np.asarray(ndtri(uniform(seed, purpose, person, occasion)))


def bits(seed: int, purpose: str, person: npt.ArrayLike, occasion: npt.ArrayLike = 0) -> tuple[U64, U64, U64, U64]:
    """Return the four 64-bit words of Philox4x64-10 at counter (person, occasion, 0, 0), key (seed, purpose)."""
    who, when = np.broadcast_arrays(np.asarray(person).astype(np.uint64), np.asarray(occasion).astype(np.uint64))
    zero = np.zeros_like(who)
    return _philox((who, when, zero, zero), (np.uint64(seed), _stream(purpose)))


@cache
def _stream(purpose: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(purpose.encode(), digest_size=8).digest(), "little"))


def _philox(counter: tuple[U64, U64, U64, U64], key: tuple[np.uint64, np.uint64]) -> tuple[U64, U64, U64, U64]:
    a, b, c, d = counter
    k0, k1 = key
    with np.errstate(over="ignore"):
        for _ in range(10):
            high0, low0 = _multiply(_MULTIPLIERS[0], a)
            high1, low1 = _multiply(_MULTIPLIERS[1], c)
            a, b, c, d = high1 ^ b ^ k0, low1, high0 ^ d ^ k1, low0
            k0, k1 = k0 + _WEYL[0], k1 + _WEYL[1]
    return a, b, c, d


def _multiply(x: np.uint64, y: U64) -> tuple[U64, U64]:
    """Return the high and low 64 bits of the 128-bit product."""
    x0, x1, y0, y1 = x & _LOW, x >> _32, y & _LOW, y >> _32
    middle = x1 * y0 + ((x0 * y0) >> _32)
    carry = (middle & _LOW) + x0 * y1
    return x1 * y1 + (middle >> _32) + (carry >> _32), x * y
