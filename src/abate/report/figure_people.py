"""Figures with one mark a person, for the small study in which everybody can be seen: slope, swimmer, waterfall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from abate.report.figure_time import blank
from abate.report.palette import INK, MUTED, SERIES, arm_colours, translucent

__all__ = ["Swim", "slope", "swimmer", "waterfall"]


@dataclass(frozen=True, slots=True)
class Swim:
    """One person's lane in a swimmer figure.

    Attributes
    ----------
    subject : str
    end : float
        How long the person was followed.
    group : str
        Decides the colour, for example the arm.
    events : tuple of (float, str)
        When, and which kind.
    continues : bool
        True puts an arrow at the end: still followed.
    """

    subject: str
    end: float
    group: str = ""
    events: tuple[tuple[float, str], ...] = ()
    continues: bool = False


def slope(
    values: ArrayLike,
    occasions: Sequence[str],
    *,
    y: str,
    subjects: Sequence[str] | None = None,
    colour: str | None = None,
    reference: float | None = None,
) -> go.Figure:
    """Draw each person's values from visit to visit as a line, and the median as a thick one.

    Parameters
    ----------
    values : array-like, shape (people, occasions)
        NaN where a visit was missed.
    occasions : sequence of str
        ``week 0``, ``week 4`` ...
    y : str
        Title of the upright axis, with unit.
    subjects : sequence of str, optional
        Names that appear under the pointer.
    colour : str, optional
    reference : float, optional
        A cut-off, drawn as a dashed line.

    Examples
    --------
    >>> figure = slope([[60, 40], [70, 30]], ["week 0", "week 12"], y="FIQR (0-100)")
    >>> figure.data[-1].name, figure.data[-1].y.tolist()
    ('median', [65.0, 35.0])
    """
    table = np.asarray(values, float)
    tint = colour or SERIES[0]
    names = list(subjects) if subjects is not None else [str(i + 1) for i in range(len(table))]
    figure = blank("", y, height=360, hovermode="closest")
    for i, row in enumerate(table):
        said = [f"{names[i]}, {o}: {v:g}" for o, v in zip(occasions, row, strict=True)]
        look = {"line": {"color": MUTED, "width": 1.2}, "marker": {"color": MUTED, "size": 5}, "opacity": 0.75}
        named = {"name": "each person", "legendgroup": "people", "showlegend": i == 0}
        figure.add_scatter(
            x=list(occasions), y=row, mode="lines+markers", hovertext=said, hoverinfo="text", **look, **named
        )
    middle = np.array([np.median(c[np.isfinite(c)]) if np.isfinite(c).any() else np.nan for c in table.T])
    look = {"line": {"color": tint, "width": 3.2}, "marker": {"color": tint, "size": 10}}
    figure.add_scatter(x=list(occasions), y=middle, mode="lines+markers", name="median", **look)
    figure.update_xaxes(type="category", categoryarray=list(occasions), range=[-0.35, len(occasions) - 0.65])
    figure.update_yaxes(rangemode="tozero")
    if reference is not None:
        line = {"color": MUTED, "width": 1, "dash": "dash"}
        figure.add_shape(type="line", x0=0, x1=1, xref="paper", y0=reference, y1=reference, yref="y", line=line)
    return figure


def swimmer(
    lanes: Sequence[Swim],
    *,
    x: str = "Time (weeks)",
    colours: Mapping[str, str] | None = None,
    kinds: Sequence[str] = (),
) -> go.Figure:
    """Draw one lane a person with what happened on it.

    Parameters
    ----------
    lanes : sequence of Swim
        From top to bottom.
    x : str
        Title of the time axis, with unit.
    colours : mapping of group to colour, optional
    kinds : sequence of str, optional
        The kinds of event in the order of the legend; else as they come.

    Examples
    --------
    >>> figure = swimmer([Swim("p1", 52, "placebo", ((10, "flare"),))])
    >>> [trace.name for trace in figure.data]
    ['placebo', 'flare']
    """
    tints = dict(colours or arm_colours(s.group for s in lanes))
    at = np.arange(len(lanes))[::-1].astype(float)
    figure = blank(x, "", height=64 + max(120.0, min(20.0, 900 / max(1, len(lanes))) * len(lanes)), hovermode="closest")
    for group in dict.fromkeys(s.group for s in lanes):
        mine = [i for i, s in enumerate(lanes) if s.group == group]
        look = {"marker": {"color": translucent(tints[group], 0.38)}, "orientation": "h", "width": 0.62}
        figure.add_bar(y=at[mine], x=[lanes[i].end for i in mine], name=group, showlegend=bool(group), **look)
    shapes = ("diamond", "triangle-down", "square", "circle", "x", "triangle-up", "cross")
    found = list(dict.fromkeys([*kinds, *(kind for s in lanes for _, kind in s.events)]))
    for k, kind in enumerate(found):
        points = [(t, at[i]) for i, s in enumerate(lanes) for t, what in s.events if what == kind]
        marker = {
            "symbol": shapes[k % len(shapes)],
            "size": 9,
            "color": INK if k == 0 else SERIES[(k + 2) % len(SERIES)],
        }
        if points:
            xs, ys = zip(*points, strict=True)
            figure.add_scatter(x=xs, y=ys, mode="markers", marker=marker, name=kind)
    on = [(s.end, at[i]) for i, s in enumerate(lanes) if s.continues]
    if on:
        xs, ys = zip(*on, strict=True)
        marker = {"symbol": "triangle-right", "size": 9, "color": MUTED}
        figure.add_scatter(x=xs, y=ys, mode="markers", marker=marker, name="still followed")
    longest = max((len(s.subject) for s in lanes), default=4)
    figure.update_layout(barmode="overlay", margin={"l": 24 + 6.5 * longest, "r": 24, "t": 8, "b": 50}, showlegend=True)
    figure.update_yaxes(
        tickvals=at, ticktext=[s.subject for s in lanes], range=[-0.7, len(lanes) - 0.3], showgrid=False
    )
    figure.update_xaxes(rangemode="tozero", showgrid=True)
    return figure


def waterfall(
    change: ArrayLike,
    *,
    y: str,
    subjects: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    threshold: float | None = None,
    colours: Mapping[str, str] | None = None,
) -> go.Figure:
    """Draw each person's change as a bar, from the largest rise to the largest fall.

    Parameters
    ----------
    change : array-like, shape (people,)
    y : str
        Title of the upright axis, with unit.
    subjects, groups : sequence of str, optional
        Names under the bars, and what decides their colours.
    threshold : float, optional
        The change that makes a responder, drawn as a dashed line.
    colours : mapping of group to colour, optional

    Examples
    --------
    >>> waterfall([-50, 10, -20], y="Change of pain (%)").data[0].y.tolist()
    [10.0, -20.0, -50.0]
    """
    values = np.asarray(change, float)
    order = np.argsort(-values, kind="stable")
    order = order[np.isfinite(values[order])]
    names = [str(s) for s in subjects] if subjects is not None else [str(i + 1) for i in range(len(values))]
    sides = [str(g) for g in groups] if groups is not None else [""] * len(values)
    tints = dict(colours or arm_colours(sides))
    figure = blank("", y, height=340, hovermode="closest")
    for group in dict.fromkeys(sides):
        place = [k for k, i in enumerate(order) if sides[i] == group]
        said = [f"{names[order[k]]}: {values[order[k]]:+.3g}" for k in place]
        look = {"marker": {"color": tints[group]}, "width": 0.8, "hovertext": said, "hoverinfo": "text"}
        figure.add_bar(x=place, y=values[order[place]], name=group, showlegend=bool(group), **look)
    ticks = {"tickvals": list(range(len(order))), "ticktext": [names[i] for i in order]}
    shown = {"showticklabels": len(order) <= 30, "range": [-0.7, len(order) - 0.3], "showline": False, "ticks": ""}
    figure.update_xaxes(**ticks, **shown)
    figure.add_shape(type="line", x0=0, x1=1, xref="paper", y0=0, y1=0, yref="y", line={"color": MUTED, "width": 1})
    if threshold is not None:
        line = {"color": MUTED, "width": 1, "dash": "dash"}
        figure.add_shape(type="line", x0=0, x1=1, xref="paper", y0=threshold, y1=threshold, yref="y", line=line)
    return figure
