"""Colours: few, quiet, told apart by every kind of colour vision, the same for an arm in every figure.

Every colour is known by its value on white paper (what plotly and exported files use). In a page the same colour
becomes a CSS class, so that a dark screen gets a lighter twin. Hues follow Okabe and Ito (2008), darkened until each
has a contrast of at least 3:1 on white.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = [
    "GRID",
    "INK",
    "MUTED",
    "PAPER",
    "SERIES",
    "SERIES_DARK",
    "arm_colours",
    "contrast",
    "role_of",
    "translucent",
]

INK = "#1b1f24"
MUTED = "#59636e"
GRID = "#dfe3e8"
PAPER = "#ffffff"

SERIES = ("#0072b2", "#c4500c", "#00795c", "#8f4a86", "#846300", "#4a5a6a", "#a02c3c", "#3f4fa8")
SERIES_DARK = ("#5db5ea", "#ff9d5c", "#40cda1", "#dd9fd0", "#dcbf4d", "#aab7c4", "#f58a98", "#9fb0ff")

DARK = {INK: "#e6e9ed", MUTED: "#a5aeb8", GRID: "#333b45", PAPER: "#14181d"}

_ROLES = {INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper"} | {c: f"c{i}" for i, c in enumerate(SERIES, 1)}


def arm_colours(arms: Iterable[str]) -> dict[str, str]:
    """Give each arm its colour, in the order of the study.

    Parameters
    ----------
    arms : iterable of str
        Names in the order in which the study lists them. Always pass all of them, also for a figure that shows only
        some: then an arm keeps its colour on every page.

    Returns
    -------
    dict of str to str
        Colours as ``#rrggbb``; after the eighth arm they repeat.

    Examples
    --------
    >>> arm_colours(["tocilizumab", "placebo"])
    {'tocilizumab': '#0072b2', 'placebo': '#c4500c'}
    """
    return {arm: SERIES[i % len(SERIES)] for i, arm in enumerate(dict.fromkeys(arms))}


def dark_twins() -> dict[str, str]:
    """Return what each colour on white becomes on a dark screen, as ``#rrggbb`` and as the numbers within ``rgba()``.

    Examples
    --------
    >>> dark_twins()["#0072b2"], dark_twins()["rgba(0, 114, 178"]
    ('#5db5ea', 'rgba(93, 181, 234')
    """
    pairs = dict(zip(SERIES, SERIES_DARK, strict=True)) | DARK
    spelled = {translucent(a, 1).rpartition(",")[0]: translucent(b, 1).rpartition(",")[0] for a, b in pairs.items()}
    return pairs | spelled


def role_of(colour: str) -> str | None:
    """Return the CSS class of a palette colour, or None for a colour from elsewhere.

    Examples
    --------
    >>> role_of("#0072B2"), role_of("#123456")
    ('c1', None)
    """
    return _ROLES.get(colour.lower())


def translucent(colour: str, opacity: float) -> str:
    """Write a ``#rrggbb`` colour as ``rgba(...)``, for the fill of a band.

    Examples
    --------
    >>> translucent("#0072b2", 0.2)
    'rgba(0, 114, 178, 0.2)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2), 1 to 21.

    Examples
    --------
    >>> round(contrast("#000000", "#ffffff"))
    21
    """
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels: Sequence[float] = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
