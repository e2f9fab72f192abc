"""From data to points on paper: scales and their ticks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scale", "Tick", "nice_ticks", "scale_of", "ticks_of"]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where, in data, and what it says."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A map from data to points on paper.

    Attributes
    ----------
    kind : str
        ``linear``, ``log`` (`low` and `high` are then decimal exponents) or ``category``.
    low, high : float
        Data at the two ends.
    start, stop : float
        Points on paper at the two ends; `stop` is smaller than `start` on an upright axis.
    names : tuple of str
        The categories, in order.
    """

    kind: str
    low: float
    high: float
    start: float
    stop: float
    names: tuple[str, ...] = ()

    def __call__(self, values: Any) -> NDArray[np.float64]:
        """Return points on paper; what a log axis cannot show becomes NaN.

        Examples
        --------
        >>> Scale("log", 0, 2, 0, 100)([1, 10, 100]).tolist()
        [0.0, 50.0, 100.0]
        """
        x = self.numbers(values)
        span = self.high - self.low or 1.0
        return self.start + (x - self.low) / span * (self.stop - self.start)

    def numbers(self, values: Any) -> NDArray[np.float64]:
        """Return data as plain numbers on this axis: categories by position, log data by exponent."""
        flat = np.atleast_1d(np.asarray(values, dtype=object))
        if self.kind == "category":
            place = {name: float(i) for i, name in enumerate(self.names)}
            return np.array([place.get(str(v), v if isinstance(v, (int, float)) else math.nan) for v in flat], float)
        x = np.array([math.nan if v is None else float(v) for v in flat])
        if self.kind == "log":
            return np.log10(np.where(x > 0, x, np.nan))
        return x


def scale_of(axis: Mapping[str, Any], values: Sequence[Any], start: float, stop: float) -> Scale:
    """Make the scale of a plotly axis.

    Parameters
    ----------
    axis : mapping
        The axis as plotly writes it: ``type``, ``range``, ``autorange``, ``rangemode``, ``categoryarray``.
    values : sequence of array-like
        Everything drawn against this axis, for the range when none is given.
    start, stop : float
        Points on paper at its two ends.
    """
    kind = axis.get("type") or ("category" if any(_is_text(v) for v in values) else "linear")
    names: tuple[str, ...] = ()
    if kind == "category":
        seen = axis.get("categoryarray")
        listed = [str(x) for x in seen] if seen is not None else []
        found = [str(x) for v in values for x in np.atleast_1d(np.asarray(v, object)) if isinstance(x, str)]
        names = tuple(dict.fromkeys(listed + found))
    blank = Scale(kind, 0.0, 1.0, start, stop, names)
    given = axis.get("range")
    if given is not None and len(given) == 2 and None not in given:
        low, high = float(given[0]), float(given[1])
    else:
        low, high = _span(blank, values, to_zero=axis.get("rangemode") == "tozero")
    if axis.get("autorange") == "reversed":
        low, high = high, low
    return Scale(kind, low, high, start, stop, names)


def ticks_of(axis: Mapping[str, Any], scale: Scale, room: float) -> list[Tick]:
    """Return the ticks of an axis: by ``tickvals`` or ``dtick``, else as many as `room` (in points) holds well."""
    given = axis.get("tickvals")
    if given is not None:
        texts = axis.get("ticktext")
        labels = [str(t) for t in texts] if texts is not None else [number(float(v)) for v in given]
        return [Tick(float(scale.numbers([v])[0]), text) for v, text in zip(given, labels, strict=False)]
    if scale.kind == "category":
        return [Tick(float(i), name) for i, name in enumerate(scale.names)]
    low, high = sorted((scale.low, scale.high))
    if scale.kind == "log":
        return _log_ticks(low, high)
    percent = "%" in str(axis.get("tickformat", ""))
    step = axis.get("dtick")
    if step:
        first = math.ceil(low / float(step) - 1e-9)
        places = [k * float(step) for k in range(first, math.floor(high / float(step) + 1e-9) + 1)]
    else:
        places = nice_ticks(low, high, max(2, int(room / 42)))
    return [Tick(v, f"{number(100 * v)} %" if percent else number(v)) for v in places]


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """Return about `count` round numbers between two ends.

    Examples
    --------
    >>> nice_ticks(0, 60, 6)
    [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low] if math.isfinite(low) else []
    raw = (high - low) / max(1, count)
    base = 10.0 ** math.floor(math.log10(raw))
    step = next(m * base for m in (1, 2, 2.5, 5, 10) if m * base >= raw * 0.99)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """Write a number for people: a true minus, thin spaces between thousands.

    Examples
    --------
    >>> number(-2.50), number(1e-5), number(0.5)
    ('−2.5', '1e−05', '0.5')
    """
    text = f"{value:,.0f}".replace(",", "\u202f") if abs(value) >= 10_000 else f"{value:.6g}"
    return text.replace("-", "\u2212")


def _log_ticks(low: float, high: float) -> list[Tick]:
    decades = range(math.floor(low), math.ceil(high) + 1)
    steps = (1, 2, 5) if high - low < 2.5 else (1,)
    places = [math.log10(m) + d for d in decades for m in steps]
    return [Tick(v, number(float(f"{10**v:.6g}"))) for v in places if low - 1e-9 <= v <= high + 1e-9]


def _is_text(values: Any) -> bool:
    flat = np.atleast_1d(np.asarray(values, dtype=object))
    return flat.size > 0 and isinstance(flat[0], str)


def _span(blank: Scale, values: Sequence[Any], *, to_zero: bool) -> tuple[float, float]:
    if blank.kind == "category":
        return -0.5, max(0.5, len(blank.names) - 0.5)
    flat = np.concatenate([blank.numbers(v) for v in values]) if len(values) else np.array([])
    flat = flat[np.isfinite(flat)]
    if flat.size == 0:
        return 0.0, 1.0
    low, high = float(flat.min()), float(flat.max())
    pad = 0.05 * (high - low) or 0.5
    if to_zero:
        return min(0.0, low - pad if low < 0 else 0.0), high + pad
    return low - pad, high + pad
