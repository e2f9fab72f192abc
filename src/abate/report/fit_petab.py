"""The report of a PEtab problem's fit: estimates, measured and fitted, where the starts ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from abate.ground.version import __version__
from abate.report.figures import blank
from abate.report.page import Figure, Honesty, Prose, Report, Section, Table
from abate.report.palette import SERIES
from abate.report.tables import interval, number, table

if TYPE_CHECKING:
    from abate.inference.petab import ProblemFit

__all__ = ["petab_report"]


def petab_report(fit: ProblemFit) -> Report:
    """Return the report."""
    payload = fit.payload()
    warnings = tuple(Prose(w) for w in payload["warnings"])
    return Report(
        title=f"{payload['problem']}: parameters of {payload['model']}",
        kind="PEtab problem",
        lead=f"{len(fit.problem.free)} parameters from {len(fit.problem.measurements)} measurements.",
        facts={"model": payload["model"], "objective": f"{payload['objective']:.4f}", "seed": str(fit.seed)},
        sections=(
            Section("Estimates", (*warnings, _estimates(payload))),
            Section("Measured and fitted", _measured(payload)),
            Section("Starts", (_starts(fit),)),
            Section("What this is", (_honesty(fit),)),
        ),
    )


def _estimates(payload: dict[str, Any]) -> Table:
    rows = [
        {"Parameter": name, "Estimate (95 %)": interval(row), "SE": number(row["se"])}
        for name, row in payload["parameters"].items()
    ]
    frame = pd.DataFrame(rows)
    return Table("estimates", table(frame, caption="Estimates with their intervals", wrap=True), data=frame)


def _measured(payload: dict[str, Any]) -> tuple[Any, ...]:
    frame = pd.DataFrame(payload["measurements"])
    parts = []
    for observable, rows in frame.groupby("observable", sort=False):
        figure = blank("Time", str(observable))
        for place, (experiment, own) in enumerate(rows.groupby("experiment", sort=False)):
            colour, ordered = SERIES[place % len(SERIES)], own.sort_values("time")
            label = str(experiment) or "fitted"
            figure.add_scatter(x=ordered["time"], y=ordered["fitted"], mode="lines", name=label, line={"color": colour})
            figure.add_scatter(x=ordered["time"], y=ordered["value"], mode="markers", name="", showlegend=False,
                               marker={"size": 5, "color": colour})  # fmt: skip
        caption = f"{observable}: measured (dots) and fitted (lines), a colour an experiment."
        parts.append(Figure(f"fitted-{observable}", figure, caption=caption, alt=caption, data=rows))
    return tuple(parts)


def _starts(fit: ProblemFit) -> Figure:
    figure = blank("Start, from the best", "Objective above the best")
    order = np.arange(1, fit.starts.size + 1)
    figure.add_scatter(x=order, y=fit.starts - fit.starts[0], mode="lines+markers", name="starts")
    caption = "Where improved starts ended: a plateau at 0 says that the best was found again and again."
    data = pd.DataFrame({"start": order, "objective": fit.starts})
    return Figure("starts", figure, caption=caption, alt=caption, data=data)


def _honesty(fit: ProblemFit) -> Honesty:
    limits = (
        "Intervals rest on the curvature of the objective at the best parameters found.",
        "For research; not a prescription.",
    )
    provenance = {"abate": __version__, "model": fit.problem.model.hash[:12], "seed": str(fit.seed)}
    return Honesty(limits=limits, provenance=provenance)
