"""The report of a sensitivity analysis: Sobol bars, tornadoes, tables, and what the data cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from abate.report.figures import ForestRow, blank, forest
from abate.report.page import Figure, Honesty, Prose, Report, Section, Table
from abate.report.palette import SERIES
from abate.report.tables import number, percent, table
from abate.report.validation import provenance

__all__ = ["sensitivity_report"]

SHOWN = 12
"""Numbers in a figure, the most influential ones; the table holds all."""


def sensitivity_report(payload: Mapping[str, Any]) -> Report:
    """Return the report of ``abate validate NAME --sensitivity``, or of what the data can tell."""
    sections: list[Section] = []
    for arm, found in payload.get("arms", {}).items():
        parts: list[Any] = []
        for outcome, rows in found["sensitivity"].items():
            parts += _outcome(arm, outcome, payload["outcomes"][outcome], rows)
        sections.append(Section(str(found["label"]), tuple(parts)))
    if "informed" in payload:
        sections.append(Section("What the data cannot tell", tuple(_informed(payload["informed"]))))
    limits = (
        "First order: the share of an outcome's variance that a number carries alone; total: alone and with others.",
        "Numbers vary as far as their priors say, not as far as the data leave them.",
        "The same people and the same noise are simulated under every set of numbers.",
    )
    what = Honesty(provenance=provenance(payload), limits=limits)
    return Report(
        title=f"What moves {payload['title']}" if "title" in payload else "What the data can tell",
        kind="Sensitivity",
        lead="How the outcomes depend on the numbers of the model, and which numbers the figures cannot tell.",
        facts={"people under each set": str(payload.get("people", "")), "seed": str(payload["seed"])},
        sections=(*sections, Section("What this is", (what,))),
    )


def _outcome(arm: str, outcome: str, label: str, rows: Mapping[str, Any]) -> list[Any]:
    title = label[:1].upper() + label[1:]
    parts: list[Any] = [Prose(title, role="heading")]
    if any("total" in row for row in rows.values()):
        parts.append(_sobol(arm, outcome, title, rows))
    if any("change" in row for row in rows.values()):
        parts.append(_tornado(arm, outcome, title, rows))
    frame = _frame(rows)
    parts.append(Table(f"{arm}-{outcome}", table(frame, caption=title, wrap=True), data=frame))
    return parts


def _sobol(arm: str, outcome: str, title: str, rows: Mapping[str, Any]) -> Figure:
    order = sorted(rows, key=lambda name: -_value(rows[name]["total"]))[:SHOWN]
    lines = [
        ForestRow(f"{name}, {words}", *(_ends(rows[name][key])), group=words)
        for name in order
        for key, words in (("total", "total"), ("first", "first order"))
    ]
    options: dict[str, Any] = {
        "x": "Sobol index",
        "reference": 0.0,
        "colours": {"total": SERIES[0], "first order": SERIES[1]},
        "estimate_name": "index",
    }
    loudest = order[0] if order else "none"
    return Figure(
        f"{arm}-{outcome}-sobol",
        forest(lines, **options),
        caption=f"{title}: Sobol indices with 95 % bootstrap intervals; the {len(order)} largest totals.",
        alt=f"{loudest} has the largest total index.",
        narrow=forest(lines, **options, stacked=True),
        data=pd.DataFrame({"number": [r.label for r in lines], "index": [r.estimate for r in lines]}),
        tall=True,
    )


def _tornado(arm: str, outcome: str, title: str, rows: Mapping[str, Any]) -> Figure:
    order = sorted(rows, key=lambda name: -abs(_value(rows[name]["change"])))[:SHOWN][::-1]
    change = [rows[name]["change"] for name in order]
    middle = np.array([_value(c) for c in change])
    low, high = (np.array([_value(c, key) for c in change]) for key in ("low", "high"))
    figure = blank(f"Change for one SD of the number: {title[:1].lower()}{title[1:]}", "", height=60 + 34 * len(order))
    figure.update_layout(margin={"l": 200, "r": 24, "t": 8, "b": 50})
    figure.add_bar(x=middle, y=order, orientation="h", marker={"color": SERIES[0]}, name="plus one SD")
    figure.add_bar(x=-middle, y=order, orientation="h", marker={"color": SERIES[1]}, name="minus one SD")
    for name, left, right in zip(order, low, high, strict=True):
        line = {"color": "#222222", "width": 1.5}
        figure.add_scatter(x=[left, right], y=[name, name], mode="lines", line=line, showlegend=False)
    figure.update_layout(barmode="overlay", showlegend=True)
    data = pd.DataFrame({"number": order, "change": middle, "low": low, "high": high})
    return Figure(
        f"{arm}-{outcome}-tornado",
        figure,
        caption=f"{title}: change for one standard deviation of each number, with the 95 % interval of the upper side.",
        alt=f"{order[-1] if order else 'none'} moves the outcome most.",
        data=data,
        tall=True,
    )


def _frame(rows: Mapping[str, Any]) -> pd.DataFrame:
    made = []
    key = "total" if any("total" in row for row in rows.values()) else "change"
    for name in sorted(rows, key=lambda n: -abs(_value(rows[n][key]))):
        row = rows[name]
        cells = {"Number": name}
        for column, words in (
            ("first", "First order (95 %)"),
            ("total", "Total (95 %)"),
            ("change", "Change for one SD"),
        ):
            if column in row:
                middle, low, high = _ends(row[column])
                cells[words] = f"{number(middle)} ({number(low)} to {number(high)})"
        made.append(cells)
    return pd.DataFrame(made)


def _informed(found: Mapping[str, Any]) -> list[Any]:
    rows = sorted(found["factors"].items(), key=lambda item: -item[1]["told"])
    frame = pd.DataFrame(
        {
            "Number": [name for name, _ in rows],
            "Share of the prior variance that the figures remove": [percent(row["told"]) for _, row in rows],
            "Figures that move with it": [row["figures"] for _, row in rows],
            "Ensemble over prior": [number(row["ensemble_over_prior"]) for _, row in rows],
        }
    )
    silent, wide = (", ".join(found[key]) or "none" for key in ("silent", "wide"))
    parts: list[Any] = [
        Prose(f"No figure moves clearly, in {found['people']} people an arm, with: {silent}.", role="reading"),
        Prose(f"Numbers whose calibrated ensemble is as wide as their prior: {wide}.", role="reading"),
        Table(
            "informed",
            table(frame, caption="What the calibrated figures tell about each number", wrap=True),
            data=frame,
        ),
    ]
    if found["directions"]:
        lines = pd.DataFrame(
            {
                "Direction, nearly as wide as its prior": [
                    ", ".join(f"{name} {value:+.2f}" for name, value in d["loadings"].items())
                    for d in found["directions"]
                ],
                "Information, prior = 1": [number(d["information"]) for d in found["directions"]],
            }
        )
        caption = "Combinations of numbers about which the figures say less than the prior"
        parts.append(Table("directions", table(lines, caption=caption, wrap=True), data=lines))
    return parts


def _ends(estimate: Any) -> tuple[float, float, float]:
    return _value(estimate), _value(estimate, "low"), _value(estimate, "high")


def _value(estimate: Any, key: str = "estimate") -> float:
    value = estimate[key] if isinstance(estimate, Mapping) else getattr(estimate, key)
    return float("nan") if value is None else float(value)
