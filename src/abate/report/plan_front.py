"""What a search over plans found: the front of flares, adrenals and prednisone, with the guideline's plan on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from abate.report.figure_time import blank
from abate.report.figures import arm_colours
from abate.report.page import Figure, Part, Prose, Section, Table
from abate.report.tables import brief, percent, table

__all__ = ["AXES", "GUIDELINE", "READY", "front_figure", "searched"]

GUIDELINE = "the guideline's plan"
AXES = ("Prednisone, mean of people (mg)", "Chance of a flare (%)")
READY = (
    ("adrenals ready in 80 % or more", 0.8, 2.0, "circle"),
    ("in 50 to 80 %", 0.5, 0.8, "square"),
    ("in fewer than half", 0.0, 0.5, "triangle-down"),
)
"""Chance of ready adrenals at the last step: name, from, below, shape."""


def searched(plan: Mapping[str, Any]) -> list[Section]:
    """Return the section of a search, or nothing where there was none."""
    found = plan.get("optimised")
    if not found:
        return []
    frame = pd.DataFrame(
        {
            "Plan": [row["label"] for row in found["front"]],
            "Flare": [percent(row["flare"]) for row in found["front"]],
            "Adrenals ready at the last step": [percent(row["adrenals-ready"]) for row in found["front"]],
            "Prednisone, mean (mg)": [brief(row["mean-prednisone-mg"]) for row in found["front"]],
        }
    )
    notes = (
        f"{found['plans_tried']} plans were tried on the same virtual people. Whatever is chosen as the best of many "
        "looks better than it is: the sentence above comes from another future of the same people, this table not.",
        f"What could be chosen from: {found['space']['source']} ({found['space']['grade']}).",
    )
    html = table(frame, caption="Plans that no other beats in all three", notes=notes, wrap=True)
    least, most = frame_ends(found)
    base = found["guideline"]
    alt = (
        f"{len(found['front'])} plans from {brief(least)} to {brief(most)} mg of prednisone; the guideline's: "
        f"{brief(base['mean-prednisone-mg'])} mg and {percent(base['flare'])} flares."
    )
    caption = (
        "Each point is a plan, by the chance that the adrenals are ready at its last step; the dotted line is the "
        "flare risk that was allowed."
    )
    parts: list[Part] = [
        Prose(f"{found['says']}.", role="reading"),
        Figure("front", front_figure(found), caption, alt, frame),
        Table("front-plans", html, frame),
        Prose(
            "A plan that was found is a proposal for conversation with a clinician, like every other here.", role="note"
        ),
    ]
    return [Section("The least prednisone at that flare risk", tuple(parts))]


def frame_ends(found: Mapping[str, Any]) -> tuple[float, float]:
    """Return the least and the most mean prednisone of the front."""
    amounts = [float(row["mean-prednisone-mg"]) for row in found["front"]]
    return min(amounts), max(amounts)


def front_figure(found: Mapping[str, Any], say: Callable[[str], str] = str) -> Any:
    """Draw flares against prednisone, the adrenals as shape and colour, the guideline's plan as a diamond.

    Parameters
    ----------
    found : mapping
        What results.json holds at ``optimised``.
    say : callable
        Puts a text of the drawing into the reader's language.
    """
    figure = blank(say(AXES[0]), say(AXES[1]))
    names = [name for name, *_ in READY]
    colours = arm_colours([*names, GUIDELINE])
    for name, low, high, symbol in READY:
        rows = [row for row in found["front"] if low <= (row["adrenals-ready"] or 0.0) < high]
        if rows:
            _points(figure, rows, say(name), {"size": 10, "symbol": symbol, "color": colours[name]})
    base = {"size": 15, "symbol": "diamond", "color": colours[GUIDELINE]}
    _points(figure, [found["guideline"]], say(GUIDELINE), base)
    figure.add_hline(y=100 * found["risk"], line={"width": 1, "dash": "dot", "color": "#6e7681"})
    figure.update_yaxes(range=[-3, 103])
    return figure


def _points(figure: Any, rows: Sequence[Mapping[str, Any]], name: str, marker: Mapping[str, Any]) -> None:
    figure.add_scatter(
        x=[row["mean-prednisone-mg"] for row in rows], y=[100 * row["flare"] for row in rows], mode="markers",
        marker=dict(marker), text=[row["label"] for row in rows], name=name,
    )  # fmt: skip
