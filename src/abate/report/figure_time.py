"""Figures of something over time: a median and its band per arm, doses, a forecast as a fan, a histogram."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from abate.report.palette import GRID, INK, MUTED, arm_colours, translucent

__all__ = ["Band", "band_of", "blank", "dose_over_time", "fan", "histogram", "label", "median_and_band"]


@dataclass(frozen=True, slots=True)
class Band:
    """A middle line and the band around it.

    Attributes
    ----------
    time, middle, low, high : arrays, shape (times,)
        NaN leaves a gap.
    """

    time: NDArray[np.float64]
    middle: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def band_of(values: ArrayLike, time: ArrayLike, level: float = 0.9) -> Band:
    """Return the median and the central band of people's courses.

    Parameters
    ----------
    values : array-like, shape (people, times)
        NaN where a person has no value.
    time : array-like, shape (times,)
    level : float
        Share of the people inside the band.

    Examples
    --------
    >>> band = band_of([[1, 2], [2, 3], [3, 4]], [0, 7], level=1)
    >>> band.middle.tolist(), band.low.tolist()
    ([2.0, 3.0], [1.0, 2.0])
    """
    table = np.asarray(values)
    table = np.sort(table if table.dtype.kind == "f" else table.astype(float), axis=0)  # missing values last
    tail = (1 - level) / 2
    low, middle, high = (_quantile(table, q) for q in (tail, 0.5, 1 - tail))
    return Band(np.asarray(time, float), middle, low, high)


def _quantile(ordered: NDArray[np.floating[Any]], q: float) -> NDArray[np.float64]:
    """Return a quantile of each column of sorted values, by linear interpolation; NaN where nobody has a value."""
    count = np.sum(np.isfinite(ordered), axis=0)
    wanted = q * np.maximum(count - 1, 0)
    below = np.floor(wanted).astype(int)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    columns = np.arange(ordered.shape[1])
    low, high = (ordered[place, columns].astype(float) for place in (below, above))
    return np.where(count > 0, low + (wanted - below) * (high - low), np.nan)


def label(name: str, unit: str | None = None) -> str:
    """Write the title of an axis with its unit.

    Examples
    --------
    >>> label("Prednisone", "mg/day")
    'Prednisone (mg/day)'
    """
    return f"{name} ({unit})" if unit else name


def blank(x: str, y: str, *, height: float = 340, **layout: Any) -> go.Figure:
    """Return an empty figure in the house's style, with titles on its axes.

    Parameters
    ----------
    x, y : str
        Titles of the axes, with units (see `label`).
    height : float
        In points, without the legend.
    **layout
        Anything plotly's layout takes.
    """
    figure = go.Figure()
    figure.update_layout(
        height=height,
        width=720,
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "size": 12},
        margin={"l": 62, "r": 18, "t": 14, "b": 50},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="x unified",
    )
    figure.update_xaxes(title_text=x, showgrid=False, showline=True, linecolor=MUTED, ticks="outside", zeroline=False)
    figure.update_yaxes(title_text=y, gridcolor=GRID, zeroline=False)
    figure.update_layout(**layout)
    return figure


def median_and_band(
    bands: Mapping[str, Band],
    *,
    y: str,
    x: str = "Time (weeks)",
    layout: str = "overlay",
    step: bool = False,
    log: bool = False,
    reference: float | tuple[float, float] | None = None,
    reference_name: str = "reference range",
    x_tick: float | None = None,
    colours: Mapping[str, str] | None = None,
    columns: int = 2,
) -> go.Figure:
    """Draw the median of each arm over time, with its band.

    Parameters
    ----------
    bands : mapping of arm to Band
        In the order of the study.
    y, x : str
        Titles of the axes, with units.
    layout : {"overlay", "multiples"}
        All arms in one plot, or one small plot an arm with shared axes.
    step : bool
        True for what holds until it changes, as a dose does.
    log : bool
        Logarithmic upright axis.
    reference : float or (float, float), optional
        A line, or a range shaded grey.
    reference_name : str
        What the reference is, written beside it.
    x_tick : float, optional
        Distance of the ticks of the time axis.
    colours : mapping of arm to colour, optional
        From `palette.arm_colours` over all arms of the study; needed when `bands` has only some of them.
    columns : int
        Of the small plots.

    Examples
    --------
    >>> band = band_of([[60, 40, 20], [50, 40, 30]], [0, 1, 2])
    >>> figure = median_and_band({"placebo": band}, y="Prednisone (mg/day)", step=True)
    >>> [trace.name for trace in figure.data if trace.showlegend is not False]
    ['placebo']
    """
    tints = dict(colours or arm_colours(bands))
    if layout == "multiples" and len(bands) > 1:
        figure, cells = _small_plots(list(bands), x, y, columns)
    else:
        figure, cells = blank(x, y), dict.fromkeys(bands, ("x", "y"))
    for arm, band in bands.items():
        for trace in _band_traces(arm, band, tints[arm], step):
            trace.update(xaxis=cells[arm][0], yaxis=cells[arm][1])
            figure.add_trace(trace)
    figure.update_yaxes(type="log" if log else "linear", range=_shared_range(bands, log))
    ends = [float(v) for b in bands.values() for v in b.time[[0, -1]]]
    last = max(ends)
    if x_tick:
        figure.update_xaxes(dtick=x_tick)
        whole = x_tick * round(last / x_tick)  # a course that ends a day before the last tick still shows it
        last = whole if abs(whole - last) < 0.03 * x_tick else last
    figure.update_xaxes(range=[min(ends), last])
    if reference is not None:
        _reference(figure, set(cells.values()), reference, reference_name)
    return figure


def dose_over_time(bands: Mapping[str, Band], *, y: str = "Prednisone (mg/day)", **options: Any) -> go.Figure:
    """Draw doses over time as steps: the median of each arm and its band; options as in `median_and_band`."""
    return median_and_band(bands, y=y, step=True, **options)


def fan(
    time: ArrayLike,
    quantiles: Mapping[float, ArrayLike],
    *,
    y: str,
    x: str = "Time (weeks)",
    observed: tuple[ArrayLike, ArrayLike] | None = None,
    colour: str | None = None,
) -> go.Figure:
    """Draw a forecast as a fan: nested bands around a median.

    Parameters
    ----------
    time : array-like, shape (times,)
    quantiles : mapping of probability to array-like, shape (times,)
        Pairs around 0.5, for example 0.05, 0.25, 0.5, 0.75, 0.95.
    y, x : str
        Titles of the axes, with units.
    observed : (array-like, array-like), optional
        Times and values that were measured, drawn as points.
    colour : str, optional

    Examples
    --------
    >>> figure = fan([0, 1], {0.05: [1, 0], 0.5: [2, 2], 0.95: [3, 4]}, y="CRP (mg/L)")
    >>> [trace.name for trace in figure.data if trace.name]
    ['90 % of forecasts', 'median']
    """
    tint = colour or next(iter(arm_colours(["one"]).values()))
    figure = blank(x, y)
    levels = sorted(q for q in quantiles if q < 0.5)
    for depth, q in enumerate(levels):
        other = next(p for p in quantiles if math.isclose(p, 1 - q))
        line = {"width": 0, "color": tint}
        figure.add_scatter(x=time, y=quantiles[q], mode="lines", line=line, showlegend=False, hoverinfo="skip")
        fill = translucent(tint, 0.13 + 0.09 * depth)
        name = f"{100 * (1 - 2 * q):.0f} % of forecasts"
        figure.add_scatter(
            x=time, y=quantiles[other], mode="lines", line=line, fill="tonexty", fillcolor=fill, name=name
        )
    figure.add_scatter(x=time, y=quantiles[0.5], mode="lines", line={"color": tint, "width": 2.2}, name="median")
    if observed is not None:
        marker = {"color": INK, "size": 6}
        figure.add_scatter(x=observed[0], y=observed[1], mode="markers", marker=marker, name="measured")
    figure.update_yaxes(rangemode="tozero")
    return figure


def histogram(
    groups: Mapping[str, ArrayLike],
    *,
    x: str,
    y: str = "People",
    bins: int = 24,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Draw how values are spread, as outlined steps so that groups can be seen through one another.

    Parameters
    ----------
    groups : mapping of name to array-like
    x, y : str
        Titles of the axes, with units.
    bins : int
        Number of bins, the same for all groups.
    colours : mapping of name to colour, optional

    Examples
    --------
    >>> histogram({"all": [1, 2, 2, 3]}, x="Dose (mg)", bins=3).data[0].y.tolist()
    [1, 2, 1, 1]
    """
    tints = dict(colours or arm_colours(groups))
    values = {name: np.asarray(v, float) for name, v in groups.items()}
    pooled = np.concatenate([v[np.isfinite(v)] for v in values.values()])
    edges = np.histogram_bin_edges(pooled, bins=bins) if pooled.size else np.array([0.0, 1.0])
    figure = blank(x, y)
    for name, v in values.items():
        counts, _ = np.histogram(v[np.isfinite(v)], bins=edges)
        heights = np.append(counts, counts[-1:])
        line = {"color": tints[name], "width": 1.8, "shape": "hv"}
        fill = translucent(tints[name], 0.12)
        figure.add_scatter(x=edges, y=heights, mode="lines", line=line, fill="tozeroy", fillcolor=fill, name=name)
    figure.update_yaxes(rangemode="tozero")
    return figure


def _band_traces(arm: str, band: Band, colour: str, step: bool) -> Sequence[go.Scatter]:
    shape = "hv" if step else "linear"
    edge = {"width": 0, "color": colour, "shape": shape}
    hidden = {"mode": "lines", "showlegend": False, "hoverinfo": "skip", "legendgroup": arm, "line": edge}
    line = {"color": colour, "width": 2.2, "shape": shape}
    return (
        go.Scatter(x=band.time, y=band.low, **hidden),
        go.Scatter(x=band.time, y=band.high, fill="tonexty", fillcolor=translucent(colour, 0.15), **hidden),
        go.Scatter(x=band.time, y=band.middle, mode="lines", line=line, name=arm, legendgroup=arm),
    )


def _small_plots(arms: list[str], x: str, y: str, columns: int) -> tuple[go.Figure, dict[str, tuple[str, str]]]:
    """Lay out one plot an arm, in points: a title of 26 above each, 128 for the plot, 26 below it for the ticks."""
    columns = min(columns, len(arms))
    rows = math.ceil(len(arms) / columns)
    above, plot, below, bottom = 26.0, 128.0, 26.0, 48.0
    inner = rows * (above + plot) + (rows - 1) * below
    margin = {"l": 62, "r": 18, "t": 4, "b": bottom}
    figure = blank("", "", height=inner + 4 + bottom, showlegend=False, margin=margin)
    gap = 0.07
    wide = (1 - gap * (columns - 1)) / columns
    cells = {}
    for i, arm in enumerate(arms):
        row, column = divmod(i, columns)
        end = "" if i == 0 else str(i + 1)
        left, top = column * (wide + gap), 1 - (above + row * (above + plot + below)) / inner
        axis = {"showline": True, "linecolor": MUTED, "ticks": "outside", "zeroline": False}
        title = {"text": x if i + columns >= len(arms) else ""}
        across = axis | {
            "domain": [left, min(1.0, left + wide)],
            "anchor": f"y{end}",
            "title": title,
            "showgrid": False,
        }
        up = {"domain": [max(0.0, top - plot / inner), top], "anchor": f"x{end}", "gridcolor": GRID, "zeroline": False}
        up |= {"title": {"text": y if column == 0 else ""}, "showticklabels": column == 0}
        figure.update_layout({f"xaxis{end}": across, f"yaxis{end}": up})
        place = {"x": left, "y": top + 8 / inner, "xref": "paper", "yref": "paper", "showarrow": False}
        figure.add_annotation(text=f"<b>{arm}</b>", xanchor="left", yanchor="bottom", font={"size": 12.5}, **place)
        cells[arm] = (f"x{end}", f"y{end}")
    return figure, cells


def _shared_range(bands: Mapping[str, Band], log: bool) -> list[float]:
    """Return one range for all arms, so that small plots can be compared; at least a decade on a log axis."""
    pooled = np.concatenate([v for b in bands.values() for v in (b.low, b.middle, b.high)])
    pooled = pooled[np.isfinite(pooled) & ((pooled > 0) | (not log))]
    if not pooled.size:
        return [0.0, 1.0]
    if not log:
        top = float(pooled.max())
        return [min(0.0, float(pooled.min())), 1.05 * top if top > 0 else 1.0]
    low, high = math.log10(pooled.min()), math.log10(pooled.max())
    low = max(low, high - 4)  # what has all but gone would squeeze the rest
    spare = max(0.06, (1 - (high - low)) / 2)
    return [low - spare, high + spare]


def _reference(figure: go.Figure, cells: set[tuple[str, str]], where: float | tuple[float, float], name: str) -> None:
    for x, y in sorted(cells):
        ends = {"xref": f"{x} domain", "x0": 0, "x1": 1, "yref": y}
        if isinstance(where, tuple):
            box = {"type": "rect", "fillcolor": GRID, "opacity": 0.55, "line": {"width": 0}, "layer": "below"}
            figure.add_shape(y0=where[0], y1=where[1], **box, **ends)
            level = where[1]
        else:
            figure.add_shape(type="line", y0=where, y1=where, line={"color": MUTED, "width": 1, "dash": "dash"}, **ends)
            level = where
        if (x, y) == min(cells):
            words = {"text": name, "font": {"size": 11, "color": MUTED}, "showarrow": False}
            at = math.log10(level) if figure.layout.yaxis.type == "log" else level
            figure.add_annotation(x=1, xref=f"{x} domain", y=at, yref=y, xanchor="right", yanchor="bottom", **words)
