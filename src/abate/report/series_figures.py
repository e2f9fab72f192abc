"""Figures of a paired series: each person from visit to visit, exposure, and pain change person by person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from abate.report.figures import Swim, blank, slope, swimmer, waterfall
from abate.report.page import Figure
from abate.report.palette import INK, MUTED, SERIES
from abate.report.series_text import people
from abate.report.series_view import SeriesView
from abate.study.paired import Measure

__all__ = ["exposure", "pain_waterfalls", "people_by_visit"]

FOLLOWABLE = 12
"""Up to so many people get a colour and a name at the end of their line; more are drawn alike around their median."""

DASHES = ("solid", "dot")


def people_by_visit(view: SeriesView, measure: Measure) -> Figure:
    """Draw one measure: a line a person, each with a name, and the median."""
    visits = [visit.label for visit in view.series.visits if measure.values[visit.label].notna().any()]
    table = measure.values[visits].dropna(how="all")
    title = f"{measure.label}{f' ({measure.unit})' if measure.unit else ''}"
    subjects = [str(who) for who in table.index]
    values = table.to_numpy(dtype=np.float64)
    if len(subjects) > FOLLOWABLE:
        figure = slope(values, visits, y=title, subjects=subjects)
    else:
        days = [visit.day for visit in view.series.visits if visit.label in visits]
        figure = _named_lines(values, visits, days, subjects, title)
    better = "lower" if measure.higher_is_worse else "higher"
    note = f"; {better} is better" if measure.direction_known else ""
    middle = [float(np.nanmedian(column)) for column in values.T]
    data = table.rename_axis("subject").reset_index()
    return Figure(
        name=f"people-{measure.slug}",
        figure=figure,
        caption=f"{title}: one line a person ({people(len(subjects))}), and the median, dashed{note}.",
        alt=f"Median {measure.label} goes from {middle[0]:g} at {visits[0]} to {middle[-1]:g} at {visits[-1]}.",
        data=data,
    )


def _named_lines(
    values: NDArray[np.float64], visits: Sequence[str], days: Sequence[float], subjects: Sequence[str], title: str
) -> go.Figure:
    longest = max(len(name) for name in subjects)
    figure = blank("", title, height=390, hovermode="closest", showlegend=False)
    figure.update_layout(margin={"l": 62, "r": 30 + 7.2 * max(longest, 6), "t": 14, "b": 36})
    # Distances are those of the calendar, unless labels would run into each other.
    crowded = min(np.diff(days)) < 0.09 * (days[-1] - days[0])
    place = list(range(len(visits))) if crowded else [float(day) for day in days]
    for k, row in enumerate(values):
        colour, dash = SERIES[k % len(SERIES)], DASHES[k // len(SERIES) % 2]
        said = [f"{subjects[k]}, {visit}: {value:g}" for visit, value in zip(visits, row, strict=True)]
        look = {"line": {"color": colour, "width": 1.8, "dash": dash}, "marker": {"color": colour, "size": 7}}
        seen = np.isfinite(row)
        figure.add_scatter(
            x=[place[i] for i in np.flatnonzero(seen)],
            y=row[seen],
            mode="lines+markers",
            name=subjects[k],
            hovertext=[said[i] for i in np.flatnonzero(seen)],
            hoverinfo="text",
            **look,
        )
    middle = np.array([np.nanmedian(column) for column in values.T])
    look = {"line": {"color": INK, "width": 2.6, "dash": "dash"}, "marker": {"color": INK, "size": 1}}
    figure.add_scatter(x=place, y=middle, mode="lines", name="median", **look)
    low, high = _ends(values)
    wide = place[-1] - place[0]
    figure.update_yaxes(range=[low, high])
    figure.update_xaxes(tickvals=place, ticktext=list(visits), range=[place[0] - 0.06 * wide, place[-1] + 0.03 * wide])
    _end_names(figure, values, [*subjects, "median"], middle, (low, high))
    return figure


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    """Axis from zero where the values come near it, else a little beyond them."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low >= 0 and low < 0.6 * high:
        return 0.0, high * 1.06 or 1.0
    room = 0.08 * (high - low or abs(high) or 1.0)
    return low - room, high + room


def _end_names(
    figure: go.Figure,
    values: NDArray[np.float64],
    names: Sequence[str],
    middle: NDArray[np.float64],
    span: tuple[float, float],
) -> None:
    """Write each name beside the last value of its line, pushed apart where lines end together."""
    last = [(float(row[np.isfinite(row)][-1]), k) for k, row in enumerate(values)] + [(float(middle[-1]), len(values))]
    spots = sorted(last)
    heights = _apart([value for value, _ in spots], 13 / (390 - 50) * (span[1] - span[0]))
    for height, (_, k) in zip(heights, spots, strict=True):
        colour = INK if k == len(values) else SERIES[k % len(SERIES)]
        text = f"<b>{names[k]}</b>" if k == len(values) else names[k]
        at = {"x": 1, "xref": "paper", "xshift": 6, "xanchor": "left", "y": height, "yref": "y"}
        figure.add_annotation(text=text, showarrow=False, font={"size": 11.5, "color": colour}, **at)


def _apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Move rising heights until they are a gap apart; those that touch stay centred on where they wanted to be.

    >>> _apart([1.0, 5.0, 5.0], 2.0)
    [1.0, 4.0, 6.0]
    """
    blocks: list[list[float]] = []
    for height in wanted:
        blocks.append([height])
        while len(blocks) > 1 and _bottom(blocks[-1], gap) < _bottom(blocks[-2], gap) + gap * len(blocks[-2]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return [_bottom(block, gap) + k * gap for block in blocks for k in range(len(block))]


def _bottom(block: Sequence[float], gap: float) -> float:
    return sum(block) / len(block) - gap * (len(block) - 1) / 2


def exposure(view: SeriesView) -> Figure:
    """Draw how long each person was treated and seen, and what happened to them."""
    series = view.series
    drugs = series.doses[~series.doses["drug"].isin(["prednisone", "prednisolone"])]
    last_visit = _last_seen(view)
    lanes, rows = [], []
    for who in series.people:
        mine = drugs[drugs["subject"] == who]
        group = _regimen(mine) or "no doses in the file"
        doses = [d["time"] + k * d["interval"] for d in mine.to_dict("records") for k in range(int(d["count"]))]
        visits = last_visit.get(who, [])
        happened = series.events[series.events["subject"] == who]
        marks = [(t / 7, "dose") for t in doses] + [(t / 7, "visit") for t in visits]
        marks += [(float(t) / 7, str(kind)) for t, kind in zip(happened["time"], happened["event"], strict=True)]
        end = max([t for t, _ in marks], default=0.0)
        lanes.append(Swim(who, end, group, tuple(sorted(marks))))
        rows += [
            {"subject": who, "week": round(week, 3), "what": what, "treatment": group} for week, what in sorted(marks)
        ]
    dosed = any(what == "dose" for lane in lanes for _, what in lane.events)
    caption = (
        f"Exposure and visits of {people(len(lanes))}: a lane is the time from the first visit or dose to the last"
    )
    caption += "." if dosed else "; the file holds no doses."
    weeks = sorted(lane.end for lane in lanes)
    return Figure(
        name="exposure",
        figure=swimmer(lanes, kinds=("visit", "dose")),
        caption=caption,
        alt=f"People were followed for {weeks[0]:.3g} to {weeks[-1]:.3g} weeks.",
        data=pd.DataFrame(rows, columns=["subject", "week", "what", "treatment"]),
        tall=len(lanes) > 30,
    )


def _last_seen(view: SeriesView) -> dict[str, list[float]]:
    days = {visit.label: visit.day for visit in view.series.visits}
    seen: dict[str, set[float]] = {}
    for measure in view.series.measures:
        for who, row in measure.values.iterrows():
            seen.setdefault(str(who), set()).update(days[str(label)] for label, value in row.items() if value == value)
    return {who: sorted(when) for who, when in seen.items()}


def _regimen(doses: pd.DataFrame) -> str:
    """Say what was given: ``tocilizumab 162 mg sc every 7 days``."""
    if doses.empty:
        return ""
    first: Any = doses.iloc[0]
    every = f" every {first['interval']:g} days" if first["interval"] else ""
    return f"{first['drug']} {first['amount']:g} {first['unit']} {first['route']}{every}"


def pain_waterfalls(view: SeriesView) -> tuple[Figure, ...]:
    """Draw each person's change of pain in percent of baseline, with the lines at 30 and 50 %."""
    if "pain" not in {measure.slug for measure in view.series.measures}:
        return ()
    values = view.measure("pain").values
    found = []
    for visit in view.series.follow_ups:
        start, end = values.iloc[:, 0].to_numpy(dtype=float), values[visit.label].to_numpy(dtype=float)
        told = np.isfinite(start) & np.isfinite(end) & (start > 0)
        if told.any():
            names = [who for who, ok in zip(view.series.people, told, strict=True) if ok]
            found.append(_waterfall(100 * (end - start)[told] / start[told], names, visit.label, visit.slug))
    return tuple(found)


def _waterfall(change: NDArray[np.float64], names: list[str], label: str, slug: str) -> Figure:
    kinds = ("less than 30 % better", "30 % better or more", "50 % better or more")
    # Compared on whole millionths of a percent: 100 * (7 - 10) / 10 is a fall of exactly 30 %.
    fall = np.round(-change, 6)
    groups = [kinds[0] if value < 30 else kinds[1] if value < 50 else kinds[2] for value in fall]
    colours = dict(zip(kinds, (MUTED, SERIES[0], SERIES[2]), strict=True))
    order = sorted(range(len(names)), key=lambda k: kinds.index(groups[k]))  # the same legend at every visit
    figure = waterfall(
        change[order],
        y="Change of pain (% of baseline)",
        subjects=[names[k] for k in order],
        groups=[groups[k] for k in order],
        threshold=-30,
        colours=colours,
    )
    line = {"color": MUTED, "width": 1, "dash": "dash"}
    figure.add_shape(type="line", x0=0, x1=1, xref="paper", y0=-50, y1=-50, yref="y", line=line)
    for height in (-30, -50):
        at = {"x": 0, "xref": "paper", "xshift": 4, "xanchor": "left", "y": height, "yref": "y", "yanchor": "top"}
        figure.add_annotation(text=f"\u2212{-height} %", showarrow=False, font={"size": 11, "color": MUTED}, **at)
    top = max(float(change.max()), 0.0)
    figure.update_yaxes(range=[min(float(change.min()), -50.0) - 8, top + 8])
    figure.update_layout(showlegend=True)
    moderate, substantial = int(np.sum(fall >= 30)), int(np.sum(fall >= 50))
    return Figure(
        name=f"pain-{slug}",
        figure=figure,
        caption=f"Change of pain by {label} in percent of baseline, one bar a person; lines at 30 % and 50 %. A person "
        "without a bar did not change.",
        alt=f"By {label} pain fell by 30 % or more in {moderate} of {len(change)}, by 50 % or more in {substantial}.",
        data=pd.DataFrame({"subject": names, "change_percent": np.round(change, 6)}),
    )
