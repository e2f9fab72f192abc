"""Draw the traces of a plotly figure as SVG: lines, bands, points, words, bars and tiles."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abate.report.drawing_axes import Scale
from abate.report.palette import INK, SERIES, role_of

__all__ = ["DRAWN", "draw_trace", "paint", "words"]

Points = NDArray[np.float64]

DASHES = {"dash": "7 4", "dot": "1.5 3.5", "dashdot": "7 3 1.5 3", "longdash": "11 4"}


def draw_trace(trace: Mapping[str, Any], x: Scale, y: Scale, index: int, before: Mapping[str, Any] | None) -> str:
    """Draw one trace.

    Parameters
    ----------
    trace : mapping
        The trace as plotly writes it.
    x, y : Scale
        Its axes.
    index : int
        Its place in the figure, which chooses a colour when it names none.
    before : mapping or None
        The trace drawn before it on the same axes, the other edge of ``fill="tonexty"``.

    Raises
    ------
    ValueError
        For a kind of trace that is not drawn here.
    """
    kind = str(trace.get("type", "scatter"))
    if kind not in DRAWN:
        raise ValueError(f"a trace of type {kind!r} cannot be drawn as SVG; allowed: {', '.join(DRAWN)}")
    return "".join(DRAWN[kind](trace, x, y, SERIES[index % len(SERIES)], before))


def paint(kind: str, colour: str, opacity: float = 1.0) -> str:
    """Write a fill or a stroke: a class for a palette colour (so that a page can restyle it), else the colour itself.

    Examples
    --------
    >>> paint("stroke", "#0072b2"), paint("fill", "rgba(0, 114, 178, 0.2)")
    ('class="s-c1"', 'class="f-c1" fill-opacity="0.2"')
    """
    colour, inner = _opaque(colour)
    role = role_of(colour)
    text = f'class="{kind[0]}-{role}"' if role else f'{kind}="{escape(colour, quote=True)}"'
    total = opacity * inner
    return text if total >= 1 else f'{text} {kind}-opacity="{total:.3g}"'


def words(text: str, x: float, y: float, *, anchor: str = "start", size: float = 12, style: str = "") -> str:
    """Write text at a point; ``<br>`` makes a new line, a leading ``<b>`` makes all bold."""
    lines = [escape(re.sub(r"<[^>]+>", "", part), quote=False) for part in re.split(r"<br\s*/?>", str(text))]
    bold = ' font-weight="600"' if str(text).startswith("<b>") else ""
    look = f'text-anchor="{anchor}" font-size="{size:g}"{bold} {style or paint("fill", INK)}'
    first = f'<text x="{x:.1f}" y="{y:.1f}" {look}>'
    if len(lines) == 1:
        return f"{first}{lines[0]}</text>"
    spans = (f'<tspan x="{x:.1f}" dy="{0 if i == 0 else 1.25 * size:.1f}">{s}</tspan>' for i, s in enumerate(lines))
    return f"{first}{''.join(spans)}</text>"


def _scatter(
    trace: Mapping[str, Any], x: Scale, y: Scale, colour: str, before: Mapping[str, Any] | None
) -> Iterator[str]:
    px, py = x(trace.get("x", [])), y(trace.get("y", []))
    line, marker = dict(trace.get("line") or {}), dict(trace.get("marker") or {})
    mode = str(trace.get("mode") or ("lines" if len(px) > 20 else "lines+markers"))
    stroke = str(line.get("color") or (marker.get("color") if isinstance(marker.get("color"), str) else "") or colour)
    opacity = float(trace.get("opacity") or 1.0)
    outline = list(_runs(*_stepped(px, py, _shape_of(trace))))
    fill = trace.get("fill")
    if fill and fill != "none":
        yield from _filled(trace, x, y, outline, before, stroke, opacity)
    if "lines" in mode and float(line.get("width", 2)) > 0:
        dash = DASHES.get(str(line.get("dash") or ""), "")
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        look = f'{paint("stroke", stroke, opacity)} stroke-width="{line.get("width", 2):g}"{dashed}'
        for run_x, run_y in outline:
            yield f'<path d="{_path(run_x, run_y)}" fill="none" {look}/>'
    yield from _whiskers(trace, x, y, stroke)
    if "markers" in mode:
        yield from _markers(trace, px, py, marker, stroke, opacity)
    if "text" in mode:
        yield from _labels(trace, px, py)


def _filled(
    trace: Mapping[str, Any],
    x: Scale,
    y: Scale,
    outline: list[tuple[Points, Points]],
    before: Mapping[str, Any] | None,
    stroke: str,
    opacity: float,
) -> Iterator[str]:
    if y.kind == "log":  # the edge of a band that reaches zero runs along the floor
        floor = 10 ** min(y.low, y.high)
        lifted = y(np.fmax(np.asarray(trace["y"], float), floor))
        outline = list(_runs(*_stepped(x(trace["x"]), lifted, _shape_of(trace))))
        before = {**before, "y": np.fmax(np.asarray(before["y"], float), floor)} if before is not None else None
    colour = str(trace.get("fillcolor") or stroke)
    weight = opacity if trace.get("fillcolor") else 0.2 * opacity
    other: list[tuple[Points, Points]] = []
    if trace["fill"] == "tonexty" and before is not None:
        other = list(_runs(*_stepped(x(before["x"]), y(before["y"]), _shape_of(before))))
    elif trace["fill"] == "tozeroy":
        floor = float(y([0 if y.kind != "log" else 10**y.low])[0])
        other = [(run_x[[0, -1]], np.array([floor, floor])) for run_x, _ in outline]
    for i, (run_x, run_y) in enumerate(outline):
        path = _path(run_x, run_y)
        if i < len(other):
            path += "L" + _path(other[i][0][::-1], other[i][1][::-1])[1:]
        yield f'<path d="{path}Z" stroke="none" {paint("fill", colour, weight)}/>'


def _markers(
    trace: Mapping[str, Any], px: Points, py: Points, marker: Mapping[str, Any], stroke: str, opacity: float
) -> Iterator[str]:
    opacity *= float(marker.get("opacity") or 1.0) if not _many(marker.get("opacity")) else 1.0
    sizes = _each(marker.get("size") or 6, len(px))
    colours = _each(marker.get("color") or stroke, len(px))
    symbols = _each(marker.get("symbol") or "circle", len(px))
    titles = _titles(trace, len(px))
    groups: dict[tuple[str, float, str], list[str]] = {}
    for i in np.flatnonzero(np.isfinite(px) & np.isfinite(py)):
        size, symbol, tint = float(sizes[i]), str(symbols[i]), str(colours[i])
        d = _symbol(symbol, float(px[i]), float(py[i]), size / 2)
        if titles[i]:
            look = _marker_paint(symbol, tint, size, opacity)
            yield f'<path d="{d}" {look}><title>{escape(titles[i])}</title></path>'
        else:
            groups.setdefault((tint, size, symbol), []).append(d)
    for (tint, size, symbol), shapes in groups.items():
        yield f'<path d="{"".join(shapes)}" {_marker_paint(symbol, tint, size, opacity)}/>'


def _marker_paint(symbol: str, colour: str, size: float, opacity: float) -> str:
    if symbol == "circle":  # a dot of hardly any length with round ends: less text than an arc
        return f'fill="none" {paint("stroke", colour, opacity)} stroke-width="{size:g}" stroke-linecap="round"'
    if symbol.endswith("-open") or symbol in ("line-ns", "line-ew", "cross-thin", "x-thin", "x", "cross"):
        return f'fill="none" {paint("stroke", colour, opacity)} stroke-width="1.5"'
    return f'stroke="none" {paint("fill", colour, opacity)}'


def _symbol(name: str, x: float, y: float, r: float) -> str:
    shapes: dict[str, str] = {
        "circle": f"M{x:.1f} {y:.1f}h.01",
        "square": f"M{x - r:.1f} {y - r:.1f}h{2 * r:.1f}v{2 * r:.1f}h{-2 * r:.1f}z",
        "diamond": f"M{x:.1f} {y - 1.2 * r:.1f}l{1.2 * r:.1f} {1.2 * r:.1f}l{-1.2 * r:.1f} {1.2 * r:.1f}"
        f"l{-1.2 * r:.1f} {-1.2 * r:.1f}z",
        "triangle-up": f"M{x:.1f} {y - r:.1f}l{r:.1f} {1.8 * r:.1f}h{-2 * r:.1f}z",
        "triangle-down": f"M{x:.1f} {y + r:.1f}l{r:.1f} {-1.8 * r:.1f}h{-2 * r:.1f}z",
        "triangle-right": f"M{x + r:.1f} {y:.1f}l{-1.8 * r:.1f} {r:.1f}v{-2 * r:.1f}z",
        "line-ns": f"M{x:.1f} {y - r:.1f}v{2 * r:.1f}",
        "line-ew": f"M{x - r:.1f} {y:.1f}h{2 * r:.1f}",
        "cross": f"M{x:.1f} {y - r:.1f}v{2 * r:.1f}M{x - r:.1f} {y:.1f}h{2 * r:.1f}",
        "x": f"M{x - r:.1f} {y - r:.1f}l{2 * r:.1f} {2 * r:.1f}M{x + r:.1f} {y - r:.1f}l{-2 * r:.1f} {2 * r:.1f}",
    }
    if name == "circle-open":
        return f"M{x - r:.1f} {y:.1f}a{r:.1f} {r:.1f} 0 1 0 {2 * r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {-2 * r:.1f} 0z"
    return shapes.get(name.removesuffix("-open").removesuffix("-thin"), shapes["circle"])


def _whiskers(trace: Mapping[str, Any], x: Scale, y: Scale, stroke: str) -> Iterator[str]:
    for key, along, across in (("error_x", x, y), ("error_y", y, x)):
        error = trace.get(key)
        if not error or error.get("array") is None:
            continue
        middle = along.numbers(trace["x" if key == "error_x" else "y"])
        raw = 10**middle if along.kind == "log" else middle
        up = np.asarray(error["array"], float)
        down = np.asarray(error["arrayminus"], float) if error.get("arrayminus") is not None else up
        at = across(trace["y" if key == "error_x" else "x"])
        ends = along(raw - down), along(raw + up)
        cap, width = float(error.get("width") or 0), float(error.get("thickness") or 1.5)
        colour = str(error.get("color") or stroke)
        d = "".join(_whisker(a, b, c, cap, flat=key == "error_x") for a, b, c in zip(*ends, at, strict=True))
        yield f'<path d="{d}" fill="none" {paint("stroke", colour)} stroke-width="{width:g}"/>'


def _whisker(low: float, high: float, at: float, cap: float, *, flat: bool) -> str:
    if not all(math.isfinite(v) for v in (low, high, at)):
        return ""
    if flat:
        caps = "".join(f"M{v:.1f} {at - cap:.1f}v{2 * cap:.1f}" for v in (low, high)) if cap else ""
        return f"M{low:.1f} {at:.1f}H{high:.1f}{caps}"
    caps = "".join(f"M{at - cap:.1f} {v:.1f}h{2 * cap:.1f}" for v in (low, high)) if cap else ""
    return f"M{at:.1f} {low:.1f}V{high:.1f}{caps}"


def _labels(trace: Mapping[str, Any], px: Points, py: Points) -> Iterator[str]:
    font = dict(trace.get("textfont") or {})
    size = float(font.get("size") or 12)
    colours = _each(font.get("color") or INK, len(px))
    for i, (text, place) in enumerate(
        zip(
            _each(trace.get("text") or "", len(px)),
            _each(trace.get("textposition") or "middle center", len(px)),
            strict=True,
        )
    ):
        if not text or not (math.isfinite(px[i]) and math.isfinite(py[i])):
            continue
        upright, _, side = str(place).partition(" ")
        anchor = {"left": "end", "right": "start"}.get(side, "middle")
        dx = {"left": -6.0, "right": 6.0}.get(side, 0.0)
        dy = {"top": -6.0, "bottom": size + 4}.get(upright, 0.35 * size)
        yield words(text, px[i] + dx, py[i] + dy, anchor=anchor, size=size, style=paint("fill", str(colours[i])))


def _bar(trace: Mapping[str, Any], x: Scale, y: Scale, colour: str, before: Mapping[str, Any] | None) -> Iterator[str]:
    flat = trace.get("orientation") == "h"
    along, across = (x, y) if flat else (y, x)
    length = np.asarray(along.numbers(trace["x" if flat else "y"]))
    place = across.numbers(trace["y" if flat else "x"])
    base = np.asarray(_each(trace.get("base") if trace.get("base") is not None else 0.0, len(place)), float)
    gaps = np.diff(np.unique(place[np.isfinite(place)]))
    default = 0.8 * (float(gaps.min()) if gaps.size else 1.0)
    width = np.asarray(_each(trace.get("width") if trace.get("width") is not None else default, len(place)), float)
    marker = dict(trace.get("marker") or {})
    colours, titles = _each(marker.get("color") or colour, len(place)), _titles(trace, len(place))
    opacity = float(trace.get("opacity") or 1.0)
    for i in np.flatnonzero(np.isfinite(length) & np.isfinite(place)):
        ends = sorted(float(v) for v in along([base[i], base[i] + length[i]]))
        sides = sorted(float(v) for v in _raw(across, [place[i] - width[i] / 2, place[i] + width[i] / 2]))
        (x0, x1), (y0, y1) = (ends, sides) if flat else (sides, ends)
        title = f"<title>{escape(titles[i])}</title>" if titles[i] else ""
        shape = f'x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}"'
        yield f"<rect {shape} {paint('fill', str(colours[i]), opacity)}>{title}</rect>"
    yield from _whiskers(trace, x, y, INK)


def _heatmap(
    trace: Mapping[str, Any], x: Scale, y: Scale, colour: str, before: Mapping[str, Any] | None
) -> Iterator[str]:
    z = np.asarray(trace["z"], float)
    px, py = x(trace.get("x", np.arange(z.shape[1]))), y(trace.get("y", np.arange(z.shape[0])))
    low = float(trace["zmin"] if trace.get("zmin") is not None else np.nanmin(z))
    high = float(trace["zmax"] if trace.get("zmax") is not None else np.nanmax(z))
    scale = trace.get("colorscale") or [[0, "#0072b2"], [0.5, "#f4f5f7"], [1, "#c4500c"]]
    wide = float(abs(np.diff(px)).min()) if len(px) > 1 else abs(x.stop - x.start)
    tall = float(abs(np.diff(py)).min()) if len(py) > 1 else abs(y.stop - y.start)
    for i, j in np.argwhere(np.isfinite(z)):
        tint = _blend(scale, (z[i, j] - low) / ((high - low) or 1))
        shape = f'x="{px[j] - wide / 2:.1f}" y="{py[i] - tall / 2:.1f}" width="{wide:.1f}" height="{tall:.1f}"'
        yield f'<rect {shape} fill="{tint}"/>'


DRAWN: dict[str, Callable[[Mapping[str, Any], Scale, Scale, str, Mapping[str, Any] | None], Iterable[str]]] = {
    "scatter": _scatter,
    "scattergl": _scatter,
    "bar": _bar,
    "heatmap": _heatmap,
}


def _shape_of(trace: Mapping[str, Any]) -> str:
    return str((trace.get("line") or {}).get("shape") or "linear")


def _stepped(px: Points, py: Points, shape: str) -> tuple[Points, Points]:
    if shape not in ("hv", "vh") or len(px) < 2:
        return px, py
    x2, y2 = np.repeat(px, 2), np.repeat(py, 2)
    return (x2[1:], y2[:-1]) if shape == "hv" else (x2[:-1], y2[1:])


def _runs(px: Points, py: Points) -> Iterator[tuple[Points, Points]]:
    """Cut a line where a value is missing, and drop points that change nothing on paper."""
    good = np.isfinite(px) & np.isfinite(py)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(int), [0]])))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        x, y = np.round(px[first:last], 1), np.round(py[first:last], 1)
        turn = np.ones(len(x), bool)
        if len(x) > 2:
            turn[1:-1] = ~(
                (np.diff(y)[:-1] == 0) & (np.diff(y)[1:] == 0) | (np.diff(x)[:-1] == 0) & (np.diff(x)[1:] == 0)
            )
        yield x[turn], y[turn]


def _path(px: Points, py: Points) -> str:
    return "M" + "L".join(f"{a:g} {b:g}" for a, b in zip(px, py, strict=True))


def _raw(scale: Scale, numbers: list[float]) -> Points:
    span = scale.high - scale.low or 1.0
    return scale.start + (np.asarray(numbers) - scale.low) / span * (scale.stop - scale.start)


def _many(value: Any) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))


def _each(value: Any, count: int) -> list[Any]:
    return list(value) if _many(value) else [value] * count


def _titles(trace: Mapping[str, Any], count: int) -> list[str]:
    """Take the words that appear under the pointer, from ``hovertext``."""
    said = trace.get("hovertext")
    return [str(t or "") for t in _each(said, count)] if said is not None else [""] * count


def _opaque(colour: str) -> tuple[str, float]:
    found = re.fullmatch(r"rgba?\(([^)]+)\)", colour.strip())
    if not found:
        return colour, 1.0
    parts = [float(p) for p in found[1].split(",")]
    return "#" + "".join(f"{int(p):02x}" for p in parts[:3]), parts[3] if len(parts) > 3 else 1.0


def _blend(scale: Any, at: float) -> str:
    at = min(1.0, max(0.0, at))
    for (low, a), (high, b) in pairwise(scale):
        if at <= high:
            part = (at - low) / ((high - low) or 1)
            pairs = ((int(_opaque(a)[0][i : i + 2], 16), int(_opaque(b)[0][i : i + 2], 16)) for i in (1, 3, 5))
            return "#" + "".join(f"{round(p + (q - p) * part):02x}" for p, q in pairs)
    return _opaque(scale[-1][1])[0]
