"""What a search over plans found: the front of flares, adrenals and prednisone, with the guideline's plan on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from abate.report.figure_time import blank
from abate.report.page import Figure, Part, Prose, Section, Table
from abate.report.tables import brief, interval, percent, table

__all__ = ["front_figure", "searched"]


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
    saved = interval({k: 100 * found["saved"][k] for k in ("estimate", "low", "high")}, digits=2)
    said = f"{found['says']}. Prednisone saved: {saved} % of the mean."
    alt = (
        f"{len(found['front'])} plans from {brief(least)} to {brief(most)} mg of prednisone; the guideline's: "
        f"{brief(base['mean-prednisone-mg'])} mg and {percent(base['flare'])} flares."
    )
    caption = (
        "Each point is a plan; the colour is the chance that the adrenals are ready at its last step, the star is the "
        "guideline's plan, the line the flare risk that was allowed."
    )
    parts: list[Part] = [
        Prose(said, role="reading"),
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


def front_figure(found: Mapping[str, Any]) -> Any:
    """Draw flares against prednisone, the adrenals as colour, the guideline's plan as a star."""
    figure = blank("Prednisone, mean of people (mg)", "Chance of a flare (%)")
    rows = found["front"]
    ready = [None if row["adrenals-ready"] is None else 100 * row["adrenals-ready"] for row in rows]
    bar = {"title": {"text": "Adrenals<br>ready (%)"}, "thickness": 12}
    marker = {"size": 11, "color": ready, "cmin": 0, "cmax": 100, "colorscale": "Viridis", "colorbar": bar,
              "line": {"width": 1, "color": "rgba(110,118,129,0.8)"}}  # fmt: skip
    figure.add_scatter(
        x=[row["mean-prednisone-mg"] for row in rows], y=[100 * row["flare"] for row in rows], mode="markers",
        marker=marker, text=[row["label"] for row in rows], name="found", showlegend=False,
    )  # fmt: skip
    base = found["guideline"]
    star = {"size": 17, "symbol": "star", "color": "#c2410c", "line": {"width": 1, "color": "rgba(110,118,129,0.8)"}}
    figure.add_scatter(
        x=[base["mean-prednisone-mg"]], y=[100 * base["flare"]], mode="markers+text", marker=star,
        text=["guideline"], textposition="top center", name="guideline", showlegend=False,
    )  # fmt: skip
    figure.add_hline(y=100 * found["risk"], line={"width": 1, "dash": "dot", "color": "#6e7681"})
    figure.update_yaxes(range=[-3, 103])
    return figure
