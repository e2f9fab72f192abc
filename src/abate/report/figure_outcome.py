"""Figures of outcomes: Kaplan-Meier with numbers at risk, and a forest of estimates with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from abate.report.figure_time import blank
from abate.report.palette import GRID, INK, MUTED, SERIES, arm_colours, translucent

__all__ = ["ForestRow", "SurvivalCurve", "forest", "kaplan_meier", "spread", "survival_curve"]


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """A Kaplan-Meier curve ready to be drawn.

    Attributes
    ----------
    time, survival, low, high : arrays, shape (steps,)
        The curve is flat from each time to the next; it begins at time 0.
    durations : array, shape (people,)
        How long each person was followed, for the numbers at risk.
    censored : array, shape (censored people,)
        Times at which people left without the event, drawn as ticks.
    """

    time: NDArray[np.float64]
    survival: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    durations: NDArray[np.float64] = field(default_factory=lambda: np.array([]))
    censored: NDArray[np.float64] = field(default_factory=lambda: np.array([]))

    def at_risk(self, time: float) -> int:
        """Return how many people are followed and free of the event just before `time`."""
        return int(np.sum(self.durations >= time))


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One line of a forest figure.

    Attributes
    ----------
    label : str
    estimate, low, high : float
    published : float, optional
        A published figure, drawn as an open diamond.
    group : str
        Decides the colour.
    heading : bool
        True for a line of words without a mark.
    """

    label: str
    estimate: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    published: float | None = None
    group: str = ""
    heading: bool = False


def survival_curve(durations: ArrayLike, observed: ArrayLike, level: float = 0.95) -> SurvivalCurve:
    """Estimate a Kaplan-Meier curve, ready to be drawn.

    Parameters
    ----------
    durations : array-like, shape (people,)
        Time to the event, or to the end of follow-up.
    observed : array-like of bool, shape (people,)
        True where the event happened.
    level : float
        Coverage of the pointwise band.

    Raises
    ------
    InputError
        When nobody is given or a duration is negative or missing.

    Examples
    --------
    >>> curve = survival_curve([1, 2, 3, 4], [True, False, True, False])
    >>> curve.survival.tolist()
    [1.0, 0.75, 0.75, 0.375, 0.375]
    >>> curve.at_risk(3)
    2
    """
    from abate.study.statistics import survival

    time, event = np.asarray(durations, float), np.asarray(observed, bool)
    curve = survival.kaplan_meier(time, event, level=level)
    low = np.where(np.isnan(curve.low), curve.survival, curve.low)  # no event yet: the band has no width
    high = np.where(np.isnan(curve.high), curve.survival, curve.high)
    return SurvivalCurve(curve.time, curve.survival, low, high, time, time[~event])


def kaplan_meier(
    curves: Mapping[str, SurvivalCurve],
    *,
    y: str,
    x: str = "Time (weeks)",
    x_tick: float | None = None,
    colours: Mapping[str, str] | None = None,
    bands: bool = True,
    stacked: bool = False,
) -> go.Figure:
    """Draw Kaplan-Meier curves with bands, ticks for people who left, and the numbers at risk below.

    Parameters
    ----------
    curves : mapping of arm to SurvivalCurve
    y, x : str
        Titles of the axes; `y` says what people are free of.
    x_tick : float, optional
        Distance of the ticks and of the columns of numbers at risk.
    colours : mapping of arm to colour, optional
    bands : bool
        Draw the confidence bands.
    stacked : bool
        Write each arm's name above its numbers at risk instead of beside them, for a narrow page.

    Examples
    --------
    >>> figure = kaplan_meier({"placebo": survival_curve([1, 2, 3], [1, 1, 0])}, y="Free of flare")
    >>> figure.layout.yaxis2.title.text is None
    True
    """
    tints = dict(colours or arm_colours(curves))
    last = max(float(c.time[-1]) for c in curves.values())
    tick = x_tick or max(1.0, round(last / 6))
    table = 34 + (38.0 if stacked else _row_height(curves)) * len(curves)
    height = 330.0 + table
    split = table / (height - 64)
    left = 62.0 if stacked else _room_for(curves)
    figure = blank("", y, height=height, margin={"l": left, "r": 18, "t": 14, "b": 40})
    for arm, curve in curves.items():
        _curve(figure, arm, curve, tints[arm], bands)
    span = [-0.02 * last, last * 1.02]
    figure.update_layout(
        xaxis={"range": span, "dtick": tick, "domain": [0, 1], "anchor": "y"},
        yaxis={"range": [0, 1.02], "tickformat": ".0%", "domain": [split + 0.03, 1], "anchor": "x"},
        xaxis2={
            "range": span,
            "dtick": tick,
            "anchor": "y2",
            "title": {"text": x},
            "showgrid": False,
            "zeroline": False,
        },
        yaxis2={"domain": [0, split - 0.09], "anchor": "x2", "showgrid": False, "zeroline": False},
    )
    figure.update_xaxes(showline=False, showticklabels=False, ticks="", selector={"anchor": "y2"})
    _at_risk(figure, curves, np.arange(0, last + 1e-9, tick), tints, stacked)
    note = {"xref": "paper", "yref": "paper", "showarrow": False, "font": {"size": 11, "color": MUTED}}
    figure.add_annotation(text="at risk", x=0, y=split - 0.075, xanchor="right", yanchor="bottom", xshift=-7, **note)
    return figure


def forest(
    rows: Sequence[ForestRow],
    *,
    x: str,
    reference: float | None = None,
    colours: Mapping[str, str] | None = None,
    log: bool = False,
    percent: bool = False,
    estimate_name: str = "estimate",
    stacked: bool = False,
) -> go.Figure:
    """Draw estimates with their intervals, one a line, from top to bottom, and published figures beside them.

    Parameters
    ----------
    rows : sequence of ForestRow
    x : str
        Title of the axis, with unit.
    reference : float, optional
        Where no effect lies, drawn as a line.
    colours : mapping of group to colour, optional
    log : bool
        Logarithmic axis, for ratios.
    percent : bool
        The numbers are shares of 1, written as percent.
    estimate_name : str
        Name of the marks in the legend.
    stacked : bool
        Write each label above its mark instead of beside it, for a narrow page.

    Examples
    --------
    >>> rows = [ForestRow("tocilizumab", 0.5, 0.4, 0.6, published=0.56)]
    >>> [trace.name for trace in forest(rows, x="Sustained remission", percent=True).data]
    ['estimate', 'published']
    """
    tints = dict(colours or {})
    count = len(rows)
    names = [r.label for r in rows] or [""]
    height = 70 + (40.0 if stacked else 0.9 * _row_height(names) + 5) * count
    figure = blank(x, "", height=height, margin={"l": 20 if stacked else _room_for(names), "r": 24, "t": 8, "b": 50})
    at = np.arange(count)[::-1].astype(float)
    if reference is not None:
        line = {"color": MUTED, "width": 1, "dash": "dash"}
        figure.add_shape(type="line", x0=reference, x1=reference, y0=0, y1=1, yref="paper", xref="x", line=line)
    _marks(figure, rows, at, tints, estimate_name)
    known = [i for i, r in enumerate(rows) if r.published is not None]
    if known:
        marker = {"symbol": "diamond-open", "size": 10, "color": INK}
        values = [rows[i].published for i in known]
        figure.add_scatter(x=values, y=at[known], mode="markers", marker=marker, name="published")
    labels = [f"<b>{r.label}</b>" if r.heading else r.label for r in rows]
    # The limit of a heading holds its marks of bold type as well.
    beside = [] if stacked else [_in_lines(text, 33 if "<b>" in text else 26) for text in labels]
    figure.update_yaxes(tickvals=at, ticktext=beside, range=[-0.6, count - 0.4], showgrid=False)
    if stacked:
        figure.update_yaxes(showticklabels=False)
        _names_above(figure, labels, at)
    figure.update_xaxes(showgrid=True, gridcolor=GRID, type="log" if log else "linear")
    figure.update_layout(hovermode="closest", showlegend=True)
    if percent:
        figure.update_xaxes(tickformat=".0%", range=[0, 1])
    return figure


def _at_risk(
    figure: go.Figure,
    curves: Mapping[str, SurvivalCurve],
    ticks: NDArray[np.float64],
    tints: Mapping[str, str],
    stacked: bool,
) -> None:
    arms = list(curves)[::-1]
    for row, arm in enumerate(arms):
        numbers = [str(curves[arm].at_risk(t)) for t in ticks]
        place = {"x": ticks, "y": np.full(len(ticks), float(row)), "xaxis": "x2", "yaxis": "y2"}
        font = {"color": tints[arm], "size": 11.5}
        figure.add_scatter(text=numbers, mode="text", textfont=font, showlegend=False, hoverinfo="skip", **place)
        if stacked:
            place = {"x": 0, "xref": "paper", "xanchor": "left", "y": row + 0.5, "yref": "y2", "xshift": 2}
            figure.add_annotation(text=arm, showarrow=False, font={"color": MUTED, "size": 11}, **place)
    names = [""] * len(arms) if stacked else [_in_lines(arm) for arm in arms]
    axis = {"tickvals": list(range(len(arms))), "ticktext": names}
    figure.update_layout(yaxis2=axis | {"range": [-0.6, len(arms) - (0.1 if stacked else 0.4)]})


def _in_lines(name: str, limit: int = 26) -> str:
    """Break a long name in two lines, as evenly as its words allow."""
    if len(name) <= limit:
        return name
    ends = [i for i, letter in enumerate(name) if letter == " "]
    if not ends:
        return name
    middle = min(ends, key=lambda i: abs(2 * i - len(name)))
    return f"{name[:middle]}<br>{name[middle + 1 :]}"


def _room_for(names: Iterable[str]) -> float:
    """Return the left margin, in points, that the longest line of the names needs."""
    longest = max(len(part) for name in names for part in _in_lines(name).split("<br>"))
    return max(62.0, 22 + 6.5 * longest)


def _row_height(names: Iterable[str]) -> float:
    """Return the height of a row, in points, whose name has one line or two."""
    return 33.0 if any("<br>" in _in_lines(name) for name in names) else 20.0


def _names_above(figure: go.Figure, names: Sequence[str], at: Iterable[float]) -> None:
    """Write the names of rows above their marks, for a narrow page."""
    for name, row in zip(names, at, strict=True):
        place = {"x": 0, "xref": "paper", "xanchor": "left", "y": row + 0.42, "yref": "y", "xshift": 2}
        figure.add_annotation(text=name, showarrow=False, font={"size": 11}, **place)


def spread(
    groups: Mapping[str, ArrayLike],
    *,
    x: str,
    published: Mapping[str, float] | None = None,
    colours: Mapping[str, str] | None = None,
    stacked: bool = False,
) -> go.Figure:
    """Draw how values are spread in each group: thin line 5 to 95 %, thick line 25 to 75 %, dot at the median.

    Parameters
    ----------
    groups : mapping of name to array-like, shape (people,)
    x : str
        Title of the axis, with unit.
    published : mapping of name to float, optional
        Published medians, drawn as open diamonds.
    colours : mapping of name to colour, optional
    stacked : bool
        Write each name above its mark instead of beside it, for a narrow page.

    Examples
    --------
    >>> figure = spread({"placebo": [1, 2, 3, 4, 5]}, x="Dose (mg)", published={"placebo": 2.5})
    >>> [trace.name for trace in figure.data if trace.name]
    ['90 % of people', '50 % of people', 'median', 'published median']
    """
    tints = dict(colours or arm_colours(groups))
    names = list(groups)
    height = 78 + (44.0 if stacked else _row_height(names)) * len(names)
    left = 20.0 if stacked else _room_for(names)
    figure = blank(x, "", height=height, margin={"l": left, "r": 24, "t": 8, "b": 50}, showlegend=True)
    for row, name in enumerate(names[::-1]):
        values = np.asarray(groups[name], float)
        values = values[np.isfinite(values)]
        if not values.size:
            continue
        marks = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])
        shown, at = row == len(names) - 1, [float(row)] * 2
        for (low, high), width, what in (((0, 4), 1.6, "90 % of people"), ((1, 3), 7.0, "50 % of people")):
            line = {"color": tints[name], "width": width}
            ends = marks[[low, high]]
            figure.add_scatter(x=ends, y=at, mode="lines", line=line, name=what, showlegend=shown, opacity=0.55)
        dot = {"color": tints[name], "size": 11}
        figure.add_scatter(x=marks[2:3], y=at[:1], mode="markers", marker=dot, name="median", showlegend=shown)
    known = [(v, float(names[::-1].index(n))) for n, v in (published or {}).items() if n in names]
    if known:
        marker = {"symbol": "diamond-open", "size": 10, "color": INK}
        xs, ys = zip(*known, strict=True)
        figure.add_scatter(x=xs, y=ys, mode="markers", marker=marker, name="published median")
    beside = [] if stacked else [_in_lines(name) for name in names[::-1]]
    ticks = {"tickvals": list(range(len(names))), "ticktext": beside, "range": [-0.6, len(names) - 0.4]}
    figure.update_yaxes(showgrid=False, showticklabels=not stacked, **ticks)
    if stacked:
        _names_above(figure, names[::-1], range(len(names)))
    figure.update_xaxes(rangemode="tozero", showgrid=True, gridcolor=GRID)
    return figure


def _curve(figure: go.Figure, arm: str, curve: SurvivalCurve, colour: str, bands: bool) -> None:
    end = max(float(curve.time[-1]), float(curve.durations.max()) if curve.durations.size else 0.0)
    time = np.append(curve.time, end)
    edge = {"width": 0, "color": colour, "shape": "hv"}
    hidden = {"mode": "lines", "line": edge, "showlegend": False, "hoverinfo": "skip", "legendgroup": arm}
    if bands:
        figure.add_scatter(x=time, y=np.append(curve.low, curve.low[-1]), **hidden)
        fill = {"fill": "tonexty", "fillcolor": translucent(colour, 0.09)}
        figure.add_scatter(x=time, y=np.append(curve.high, curve.high[-1]), **fill, **hidden)
    line = {"color": colour, "width": 2.2, "shape": "hv"}
    height = np.append(curve.survival, curve.survival[-1])
    figure.add_scatter(x=time, y=height, mode="lines", line=line, name=arm, legendgroup=arm)
    if curve.censored.size:
        left = np.unique(curve.censored)
        place = np.searchsorted(curve.time, left, side="right") - 1
        marker = {"symbol": "line-ns", "size": 8, "color": colour, "line": {"width": 1.5, "color": colour}}
        ticks = {"x": left, "y": curve.survival[place], "mode": "markers", "marker": marker}
        figure.add_scatter(**ticks, showlegend=False, legendgroup=arm, hoverinfo="skip")


def _marks(
    figure: go.Figure, rows: Sequence[ForestRow], at: NDArray[np.float64], tints: Mapping[str, str], name: str
) -> None:
    groups = dict.fromkeys(r.group for r in rows if not r.heading)
    for k, group in enumerate(groups):
        mine = [i for i, r in enumerate(rows) if r.group == group and not r.heading]
        middle = np.array([rows[i].estimate for i in mine])
        up = np.array([rows[i].high for i in mine]) - middle
        down = middle - np.array([rows[i].low for i in mine])
        colour = tints.get(group, SERIES[0])
        bar = {"array": up, "arrayminus": down, "width": 0, "thickness": 2, "color": colour}
        marker = {"color": colour, "size": 8, "symbol": "square"}
        shown = {"mode": "markers", "marker": marker, "error_x": bar, "name": name, "showlegend": k == 0}
        figure.add_scatter(x=middle, y=at[mine], **shown)
