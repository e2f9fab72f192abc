"""Draw a plotly figure as SVG without a browser.

A page must open without a network, print sharply, follow a dark screen and stay small. plotly.js weighs five megabytes
and draws only once it has run; so abate draws the figures it makes itself, from the same plotly description that the
interactive version uses. Scatter (lines, bands, points, words), bar and heat-map traces on linear, log and category
axes are drawn, with shapes, annotations and one legend.

Examples
--------
>>> import plotly.graph_objects as go
>>> svg = to_svg(go.Figure(go.Scatter(x=[0, 1], y=[1, 2], mode="lines")), label="a rising line")
>>> svg.startswith("<svg"), 'role="img"' in svg
(True, True)
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from abate.report.drawing_axes import Scale, Tick, scale_of, ticks_of
from abate.report.drawing_marks import DASHES, draw_trace, paint, words
from abate.report.palette import DARK, GRID, INK, MUTED, PAPER, SERIES, SERIES_DARK

__all__ = ["colour_rules", "to_svg"]

FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
LETTER = 0.54  # mean width of a letter, in font sizes, of the fonts above


@dataclass(frozen=True, slots=True)
class Frame:
    """The sheet and the plotting area on it, in points."""

    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float

    def across(self, share: float) -> float:
        """Return the horizontal place of a share of the plotting area."""
        return self.left + share * (self.right - self.left)

    def up(self, share: float) -> float:
        """Return the vertical place of a share of the plotting area, counted from below."""
        return self.bottom - share * (self.bottom - self.top)


def to_svg(figure: Any, *, label: str = "", width: float | None = None, standalone: bool = True) -> str:
    """Draw a plotly figure as SVG.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        With scatter, bar or heat-map traces.
    label : str
        What the picture shows, for those who cannot see it.
    width : float, optional
        In points; else the figure's own, else 720.
    standalone : bool
        True gives a file with its own colours on white; False a fragment coloured by the style of its page.

    Returns
    -------
    str
        One ``<svg>`` element.

    Raises
    ------
    ValueError
        For a kind of trace that is not drawn.
    """
    plain = _decoded(figure.to_plotly_json())
    layout: Mapping[str, Any] = plain.get("layout", {})
    traces = [t for t in plain.get("data", []) if t.get("visible") not in (False, "legendonly")]
    sheet_width = float(width or layout.get("width") or 720)
    legend, legend_height = _legend(traces, layout, sheet_width)
    frame = _frame(layout, sheet_width, legend_height)
    scales = _scales(layout, traces, frame)
    body = [legend, *_axes(layout, scales, frame)]
    body += [_shape(s, scales, frame) for s in layout.get("shapes", ()) if s.get("layer") == "below"]
    last: dict[tuple[str, str], Mapping[str, Any]] = {}
    for i, trace in enumerate(traces):
        axes = _axis_names(trace)
        body.append(draw_trace(trace, scales[axes[0]], scales[axes[1]], i, last.get(axes)))
        last[axes] = trace
    body += [_shape(s, scales, frame) for s in layout.get("shapes", ()) if s.get("layer") != "below"]
    body += [_annotation(a, scales, frame) for a in layout.get("annotations", ())]
    size = f'viewBox="0 0 {frame.width:g} {frame.height:g}" width="{frame.width:g}" height="{frame.height:g}"'
    name = f'role="img" aria-label="{escape(label, quote=True)}"' if label else 'aria-hidden="true"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {name} class="figure-drawing" font-family="{escape(FONT)}">'
    back = ""
    if standalone:
        style = colour_rules(dark=False)
        back = f"<title>{escape(label)}</title><style>{style}</style>" if label else f"<style>{style}</style>"
        back += f'<rect width="{frame.width:g}" height="{frame.height:g}" {paint("fill", PAPER)}/>'
    return f"{head}{back}{''.join(body)}</svg>"


def colour_rules(*, dark: bool) -> str:
    """Return the CSS that gives the classes of a drawing their colours, on white or on a dark screen."""
    plain = {"ink": INK, "muted": MUTED, "grid": GRID, "paper": PAPER}
    colours = {name: DARK[colour] if dark else colour for name, colour in plain.items()}
    series = SERIES_DARK if dark else SERIES
    colours |= {f"c{i}": c for i, c in enumerate(series, 1)}
    return "".join(f".s-{name}{{stroke:{c}}}.f-{name}{{fill:{c}}}" for name, c in colours.items())


def _decoded(value: Any) -> Any:
    """Undo plotly's packing of arrays (base64 bytes with their type)."""
    if isinstance(value, Mapping):
        if "bdata" in value:
            flat = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
            return flat.reshape([int(n) for n in str(value["shape"]).split(",")]) if value.get("shape") else flat
        return {key: _decoded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return (
            [_decoded(item) for item in value] if any(isinstance(v, (Mapping, list, tuple)) for v in value) else value
        )
    return value


def _frame(layout: Mapping[str, Any], width: float, legend_height: float) -> Frame:
    margin = {"l": 62, "r": 18, "t": 14, "b": 50} | {
        k: v for k, v in (layout.get("margin") or {}).items() if v is not None
    }
    height = float(layout.get("height") or 340)
    top = float(margin["t"]) + legend_height
    return Frame(
        width,
        height + legend_height,
        float(margin["l"]),
        top,
        width - float(margin["r"]),
        height + legend_height - float(margin["b"]),
    )


def _axis_names(trace: Mapping[str, Any]) -> tuple[str, str]:
    return str(trace.get("xaxis") or "x"), str(trace.get("yaxis") or "y")


def _axis(layout: Mapping[str, Any], name: str) -> dict[str, Any]:
    return dict(layout.get(f"{name[0]}axis{name[1:]}") or {})


def _scales(layout: Mapping[str, Any], traces: list[Mapping[str, Any]], frame: Frame) -> dict[str, Scale]:
    scales = {}
    names = {n for t in traces for n in _axis_names(t)} | {"x", "y"}
    for name in sorted(names):
        axis = _axis(layout, name)
        shown = [t[name[0]] for t in traces if name in _axis_names(t) and t.get(name[0]) is not None]
        for trace in traces:  # a horizontal bar reaches to its base, a whisker to its end
            if name in _axis_names(trace):
                shown += _reaches(trace, name[0])
        domain = axis.get("domain") or (0.0, 1.0)
        place = frame.across if name[0] == "x" else frame.up
        scales[name] = scale_of(axis, shown, place(float(domain[0])), place(float(domain[1])))
    return scales


def _reaches(trace: Mapping[str, Any], letter: str) -> list[Any]:
    found: list[Any] = []
    error = trace.get(f"error_{letter}")
    if error and error.get("array") is not None:
        up = error["array"]
        down = error["arrayminus"] if error.get("arrayminus") is not None else up
        found += [[float(v) + float(e) for v, e in zip(trace[letter], up, strict=True)]]
        found += [[float(v) - float(e) for v, e in zip(trace[letter], down, strict=True)]]
    along = "x" if trace.get("orientation") == "h" else "y"
    if trace.get("type") == "bar" and letter == along:
        bases = trace.get("base")
        found.append([0.0] if bases is None else bases)
        if bases is not None and not isinstance(bases, (int, float)):
            found.append([float(b) + float(v) for b, v in zip(bases, trace[letter], strict=True)])
    return found


def _axes(layout: Mapping[str, Any], scales: Mapping[str, Scale], frame: Frame) -> list[str]:
    parts = []
    for name, scale in scales.items():
        axis = _axis(layout, name)
        if axis.get("visible") is False:
            continue
        other = scales.get(str(axis.get("anchor") or ("y" if name[0] == "x" else "x")))
        if other is None:
            continue
        ticks = ticks_of(axis, scale, abs(scale.stop - scale.start))
        flat = name[0] == "x"
        draw = _across_axis if flat else _upright_axis
        parts.append(draw(axis, scale, other, ticks, frame))
    return parts


def _at(scale: Scale, tick: Tick) -> float:
    span = scale.high - scale.low or 1.0
    return scale.start + (tick.value - scale.low) / span * (scale.stop - scale.start)


def _across_axis(axis: Mapping[str, Any], scale: Scale, other: Scale, ticks: list[Tick], frame: Frame) -> str:
    base, top = max(other.start, other.stop), min(other.start, other.stop)
    parts = []
    if axis.get("showgrid"):
        d = "".join(f"M{_at(scale, t):.1f} {top:.1f}V{base:.1f}" for t in ticks)
        parts.append(f'<path d="{d}" fill="none" {paint("stroke", GRID)} stroke-width="1"/>')
    if axis.get("showline") is not False:
        marks = "".join(f"M{_at(scale, t):.1f} {base:.1f}v4" for t in ticks)
        line = f"M{min(scale.start, scale.stop):.1f} {base:.1f}H{max(scale.start, scale.stop):.1f}{marks}"
        parts.append(f'<path d="{line}" fill="none" {paint("stroke", MUTED)} stroke-width="1"/>')
    if axis.get("showticklabels") is not False:
        parts += [
            words(t.label, _at(scale, t), base + 17, anchor="middle", size=11.5, style=paint("fill", MUTED))
            for t in ticks
        ]
    title = _title(axis)
    if title:
        below = 37 if axis.get("showticklabels") is not False else 22
        parts.append(words(title, (scale.start + scale.stop) / 2, base + below, anchor="middle", size=12))
    return "".join(parts)


def _upright_axis(axis: Mapping[str, Any], scale: Scale, other: Scale, ticks: list[Tick], frame: Frame) -> str:
    side, far = min(other.start, other.stop), max(other.start, other.stop)
    parts = []
    if axis.get("showgrid") is not False:
        d = "".join(f"M{side:.1f} {_at(scale, t):.1f}H{far:.1f}" for t in ticks)
        parts.append(f'<path d="{d}" fill="none" {paint("stroke", GRID)} stroke-width="1"/>')
    shown = axis.get("showticklabels") is not False
    if shown:
        named = scale.kind == "category" or axis.get("ticktext") is not None
        tint = paint("fill", INK if named else MUTED)
        for t in ticks:
            lift = 7.2 * t.label.count("<br>")  # half a line up for each line more
            parts.append(words(t.label, side - 7, _at(scale, t) + 4 - lift, anchor="end", size=11.5, style=tint))
    title = _title(axis)
    if title:
        widest = max((len(t.label) for t in ticks), default=0) * 11.5 * LETTER if shown else 0
        lines = 1 + title.count("<br>")
        x, y = max(13.0, side - 16 - widest - 7.5 * (lines - 1)), (scale.start + scale.stop) / 2
        turned = words(title, 0, -7.5 * (lines - 1), anchor="middle", size=12)
        parts.append(f'<g transform="translate({x:.1f} {y:.1f}) rotate(-90)">{turned}</g>')
    return "".join(parts)


def _title(axis: Mapping[str, Any]) -> str:
    title = axis.get("title")
    return str(title.get("text") or "") if isinstance(title, Mapping) else str(title or "")


def _legend(traces: list[Mapping[str, Any]], layout: Mapping[str, Any], width: float) -> tuple[str, float]:
    """Draw the names of the traces in rows above the plot; return the drawing and its height."""
    if layout.get("showlegend") is False:
        return "", 0.0
    named: dict[str, Mapping[str, Any]] = {}
    for trace in traces:
        if trace.get("name") and trace.get("showlegend") is not False:
            named.setdefault(str(trace["name"]), trace)
    if not named or (len(named) == 1 and not layout.get("showlegend")):
        return "", 0.0
    x, y, parts = 14.0, 17.0, []
    for i, (name, trace) in enumerate(named.items()):
        need = 30 + len(name) * 12 * LETTER + 20
        if x + need > width and x > 14:
            x, y = 14.0, y + 20
        parts.append(_sample(trace, x, y - 4, i) + words(name, x + 28, y, size=12))
        x += need
    return "".join(parts), y + 8


def _sample(trace: Mapping[str, Any], x: float, y: float, index: int) -> str:
    line, marker = dict(trace.get("line") or {}), dict(trace.get("marker") or {})
    tint = line.get("color") or (marker.get("color") if isinstance(marker.get("color"), str) else None)
    colour = str(tint or trace.get("fillcolor") or SERIES[index % len(SERIES)])
    mode = str(trace.get("mode") or "lines")
    if trace.get("type") == "bar" or (trace.get("fill") not in (None, "none") and not float(line.get("width", 2))):
        fill = paint("fill", str(trace.get("fillcolor") or colour))
        return f'<rect x="{x:.1f}" y="{y - 5:.1f}" width="22" height="10" {fill}/>'
    drawn = ""
    if "lines" in mode:
        dash = DASHES.get(str(line.get("dash") or ""), "")
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        stroke = f'{paint("stroke", colour)} stroke-width="{line.get("width", 2):g}"'
        drawn = f'<path d="M{x:.1f} {y:.1f}h22" fill="none" {stroke}{dashed}/>'
    if "markers" in mode:
        symbol = marker.get("symbol")
        one = {
            "type": "scatter",
            "x": [0],
            "y": [0],
            "mode": "markers",
            "marker": {"color": colour, "size": 8, "symbol": symbol},
        }
        here = Scale("linear", 0, 1, x + 11, x + 12), Scale("linear", 0, 1, y, y + 1)
        drawn += draw_trace(one, *here, index, None)
    return drawn


def _place(value: Any, ref: str, scales: Mapping[str, Scale], frame: Frame, letter: str) -> float:
    share = frame.across if letter == "x" else frame.up
    if ref == "paper":
        return share(float(value))
    name, _, domain = ref.partition(" ")
    scale = scales[name or letter]
    if domain == "domain":
        return scale.start + float(value) * (scale.stop - scale.start)
    return float(scale([value])[0])


def _shape(shape: Mapping[str, Any], scales: Mapping[str, Scale], frame: Frame) -> str:
    x0, x1 = (_place(shape[k], str(shape.get("xref") or "x"), scales, frame, "x") for k in ("x0", "x1"))
    y0, y1 = (_place(shape[k], str(shape.get("yref") or "y"), scales, frame, "y") for k in ("y0", "y1"))
    line = dict(shape.get("line") or {})
    opacity = float(shape.get("opacity") or 1)
    if shape.get("type") == "rect":
        size = f'x="{min(x0, x1):.1f}" y="{min(y0, y1):.1f}" width="{abs(x1 - x0):.1f}" height="{abs(y1 - y0):.1f}"'
        return f"<rect {size} {paint('fill', str(shape.get('fillcolor') or GRID), opacity)}/>"
    dash = DASHES.get(str(line.get("dash") or ""), "")
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    stroke = (
        f'{paint("stroke", str(line.get("color") or MUTED), opacity)} stroke-width="{line.get("width", 1):g}"{dashed}'
    )
    return f'<path d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}" fill="none" {stroke}/>'


def _annotation(note: Mapping[str, Any], scales: Mapping[str, Scale], frame: Frame) -> str:
    font = dict(note.get("font") or {})
    size = float(font.get("size") or 12)
    x = _noted(note, "x", scales, frame) + float(note.get("xshift") or 0)
    y = _noted(note, "y", scales, frame) - float(note.get("yshift") or 0)
    anchor = {"left": "start", "right": "end"}.get(str(note.get("xanchor") or "center"), "middle")
    y += {"top": 0.95 * size, "bottom": -0.25 * size}.get(str(note.get("yanchor") or "middle"), 0.35 * size)
    return words(
        str(note.get("text", "")), x, y, anchor=anchor, size=size, style=paint("fill", str(font.get("color") or INK))
    )


def _noted(note: Mapping[str, Any], letter: str, scales: Mapping[str, Scale], frame: Frame) -> float:
    """Place an annotation; on a log axis plotly gives its place as an exponent (but that of a shape as data)."""
    ref, value = str(note.get(f"{letter}ref") or "paper"), note.get(letter, 0)
    if ref in scales and scales[ref].kind == "log":
        value = 10 ** float(value)
    return _place(value, ref, scales, frame, letter)
