"""The report of one patient's posterior: what was measured, what it leaves possible, what surprises."""

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
    from abate.inference.person import Posterior

__all__ = ["person_payload", "person_report"]


def person_payload(posterior: Posterior) -> dict[str, Any]:
    """Return what results.json holds of a posterior."""
    before = np.full(len(next(iter(posterior.prior.values()))), 1.0)
    before /= before.sum()
    from abate.inference.person import weighted_quantiles

    rows = {}
    for name, estimate in posterior.estimates().items():
        prior = weighted_quantiles(posterior.prior[name], before, [0.5, 0.025, 0.975])
        unit = posterior.model.parameters[name].unit
        rows[posterior.model.spell(name)] = estimate.as_dict() | {
            "map": posterior.map[name],
            "unit": "" if unit == "dimensionless" else unit,
            "prior": {"estimate": float(prior[0]), "low": float(prior[1]), "high": float(prior[2])},
        }
    fitted = posterior.quantiles(posterior.fitted, [0.5, 0.025, 0.975])
    return {
        "model": posterior.model.name,
        "patient": posterior.patient.name,
        "day": posterior.day,
        "people": int(posterior.weights.size),
        "effective_people": posterior.ess,
        "parameters": rows,
        "measurements": [
            {
                "day": m.time, "name": m.name, "value": m.value, "censored": m.censored, "unit": m.unit,
                "fitted": float(f[0]), "low": float(f[1]), "high": float(f[2]),
            }
            for m, f in zip(posterior.seen.measurements, fitted, strict=True)
        ],
        "diagnostics": dict(posterior.diagnostics),
        "warnings": list(posterior.warnings),
        "notes": list(posterior.seen.notes),
    }  # fmt: skip


def person_report(posterior: Posterior) -> Report:
    """Return the report."""
    payload = person_payload(posterior)
    return Report(
        title=f"Posterior of {posterior.patient.name}",
        kind="One patient",
        lead=(
            f"{payload['effective_people']:.0f} effective virtual people lived through this patient's doses and agree "
            f"with {len(payload['measurements'])} measurements up to day {posterior.day:g}."
        ),
        facts={"model": posterior.model.name, "seed": str(posterior.seed)},
        sections=(
            *(
                (Section("What does not fit", tuple(Prose(w) for w in posterior.warnings)),)
                if posterior.warnings
                else ()
            ),
            Section("Measured and fitted", _measured(payload)),
            Section("Parameters", _parameters(payload)),
            Section("What this is", (_honesty(posterior),)),
        ),
    )


def _measured(payload: dict[str, Any]) -> tuple[Any, ...]:
    frame = pd.DataFrame(payload["measurements"])
    parts: list[Any] = []
    dotted = {"dash": "dot", "color": SERIES[1]}
    for name, rows in frame.groupby("name", sort=False):
        unit = rows["unit"].iloc[0]
        time = rows["day"].to_numpy(dtype=float)
        figure = blank("Day", f"{name} ({unit})" if unit else str(name))
        figure.add_scatter(x=time, y=rows["fitted"], mode="lines+markers", name="fitted, median")
        figure.add_scatter(x=time, y=rows["low"], mode="lines", name="95 % of people", line=dotted)
        figure.add_scatter(x=time, y=rows["high"], mode="lines", name="", showlegend=False, line=dotted)
        figure.add_scatter(x=time, y=rows["value"], mode="markers", name="measured", marker={"symbol": "diamond"})
        caption = (
            f"{name}: measured values (limits where below or above one), and what the people of the posterior show "
        )
        alt = f"{len(rows)} values of {name} beside their fitted values."
        parts.append(Figure(f"measured-{name}", figure, caption=caption + "without error.", alt=alt, data=rows))
    return tuple(parts)


def _parameters(payload: dict[str, Any]) -> tuple[Any, ...]:
    rows = [
        {
            "Parameter": name,
            "Unit": row["unit"],
            "Before": interval(row["prior"]),
            "After": interval(row),
            "Most probable": number(row["map"]),
        }
        for name, row in payload["parameters"].items()
    ]
    frame = pd.DataFrame(rows)
    html = table(frame, caption="Median and 95 % interval before and after the measurements", wrap=True)
    text = "Where before and after are alike, the measurements say nothing about a parameter."
    return (Prose(text, role="reading"), Table("parameters", html, data=frame))


def _honesty(posterior: Posterior) -> Honesty:
    limits = (
        "The posterior is as good as the model and its prior; several of its numbers are calibrated or assumed.",
        "For research: it forecasts, it does not prescribe. A steroid is never stopped or cut abruptly on its account.",
    )
    return Honesty(
        limits=limits,
        provenance={"abate": __version__, "model": posterior.model.hash[:12], "seed": str(posterior.seed)},
    )
