"""The report of a population's fit: estimates, iterations, goodness of fit, prediction-corrected check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from abate.ground.version import __version__
from abate.report.figures import blank
from abate.report.page import Figure, Honesty, Key, Keys, Prose, Report, Section, Table
from abate.report.tables import interval, number, percent, table

if TYPE_CHECKING:
    from abate.inference.nlme import PopulationFit

__all__ = ["fit_report"]


def fit_report(fit: PopulationFit, payload: dict[str, Any], observations: pd.DataFrame, check: pd.DataFrame) -> Report:
    """Return the report.

    Parameters
    ----------
    fit : PopulationFit
    payload : dict
        Of results.json.
    observations : pandas.DataFrame
        From `abate.inference.nlme.diagnostics.goodness`.
    check : pandas.DataFrame
        From `abate.inference.nlme.diagnostics.corrected_check`.
    """
    warnings = tuple(Prose(w) for w in payload["warnings"])
    return Report(
        title=f"{payload['model']} fitted to {payload['dataset']}",
        kind="Population fit",
        lead=f"{payload['subjects']} subjects, {payload['observations']} observations, "
        f"{payload['censored']} below their limit.",
        facts={
            "model": payload["model"],
            "residual error": ", ".join(f"{k}: {v}" for k, v in payload["residual_error"].items()),
            "time": f"in {payload['time_unit']}s",
            "seed": str(fit.seed),
        },
        sections=(
            Section("Estimates", (_keys(payload), *warnings, _estimates(payload))),
            Section("Observed and predicted", _goodness(observations)),
            Section("Each subject", _individual(observations)),
            Section("Prediction-corrected check", _check(check)),
            Section("Iterations", _iterations(fit)),
            Section("What this is", (_honesty(fit),)),
        ),
    )


def _keys(payload: dict[str, Any]) -> Keys:
    shown = [
        Key("-2 log-likelihood", f"{payload['minus_two_log_likelihood']:.1f}", "with all constants"),
        Key("objective", f"{payload['objective']:.1f}", "without n log 2\u03c0"),
    ]
    return Keys(tuple(shown))


def _estimates(payload: dict[str, Any]) -> Table:
    drawn = payload.get("bootstrap", {})
    rows = []
    for name, row in payload["parameters"].items():
        entry = {
            "Parameter": name,
            "Estimate (95 %)": interval(row),
            "SE": number(row["se"]),
            "Unit": row.get("unit", ""),
        }
        shrinkage = payload["shrinkage"].get(name)
        entry["Shrinkage"] = "" if shrinkage is None else percent(shrinkage).replace("-", "\u2212")
        if drawn:
            entry["Bootstrap SE, on the scale of the random effect"] = number(drawn[name]["se"])
        rows.append(entry)
    frame = pd.DataFrame(rows)
    notes = ("eta: variance of a random effect on its scale; add.sd and prop.sd: residual standard deviations.",)
    return Table(
        "estimates", table(frame, caption="Estimates with their intervals", notes=notes, wrap=True), data=frame
    )


def _goodness(observations: pd.DataFrame) -> tuple[Any, ...]:
    seen = observations[observations["CENS"] == 0]
    parts: list[Any] = []
    for column, words in (("PRED", "typical prediction"), ("IPRED", "individual prediction")):
        figure = blank(words.capitalize(), "Observed")
        figure.add_scatter(x=seen[column], y=seen["DV"], mode="markers", name="observations", marker={"size": 5})
        top = float(max(seen[column].max(), seen["DV"].max()))
        figure.add_scatter(x=[0, top], y=[0, top], mode="lines", name="equal", line={"dash": "dot"})
        spread = float(np.corrcoef(seen[column], seen["DV"])[0, 1])
        alt = f"Observed against {words}: correlation {spread:.2f}."
        caption = f"Observed against {words}; the dotted line is equality."
        parts.append(
            Figure(
                f"observed-{column.lower()}", figure, caption=caption, alt=alt, data=seen[["ID", "TIME", "DV", column]]
            )
        )
    figure = blank("Time", "NPDE")
    figure.add_scatter(x=seen["TIME"], y=seen["NPDE"], mode="markers", name="NPDE", marker={"size": 5})
    ends = [float(seen["TIME"].min()), float(seen["TIME"].max())]
    for level in (-1.96, 0.0, 1.96):
        figure.add_scatter(x=ends, y=[level, level], mode="lines", name="", showlegend=False, line={"dash": "dot"})
    mean, sd = float(seen["NPDE"].mean()), float(seen["NPDE"].std())
    caption = (
        f"Normalised prediction distribution errors: mean {mean:.2f}, SD {sd:.2f}; 0 and 1 if the model were true."
    )
    parts.append(
        Figure(
            "npde", figure, caption=caption, alt=f"NPDE over time, mean {mean:.2f}.", data=seen[["ID", "TIME", "NPDE"]]
        )
    )
    return tuple(parts)


def _individual(observations: pd.DataFrame) -> tuple[Any, ...]:
    ids = list(dict.fromkeys(observations["ID"]))[:8]
    figure = blank("Time", "Value")
    from abate.report.palette import SERIES

    for place, subject in enumerate(ids):
        rows = observations[observations["ID"] == subject]
        colour = SERIES[place % len(SERIES)]
        figure.add_scatter(x=rows["TIME"], y=rows["IPRED"], mode="lines", name=f"{subject:g}", line={"color": colour})
        figure.add_scatter(x=rows["TIME"], y=rows["DV"], mode="markers", name="", showlegend=False,
                           marker={"size": 5, "color": colour})  # fmt: skip
    caption = f"Observations (dots) and individual predictions (lines) of the first {len(ids)} subjects."
    return (Figure("individuals", figure, caption=caption, alt=caption, data=observations, tall=True),)


def _check(check: pd.DataFrame) -> tuple[Any, ...]:
    if check.empty:
        return (Prose("Too few observations above their limits for percentiles by time."),)
    parts = []
    from abate.report.palette import SERIES

    for output, rows in check.groupby("output", sort=False):
        figure = blank("Time", f"{output}, prediction-corrected")
        for place, share in enumerate((5, 50, 95)):
            colour = SERIES[place]
            for end in ("low", "high"):
                figure.add_scatter(x=rows["time"], y=rows[f"{end}_{share}"], mode="lines", name="", showlegend=False,
                                   line={"dash": "dot", "color": colour})  # fmt: skip
            figure.add_scatter(x=rows["time"], y=rows[f"observed_{share}"], mode="lines+markers",
                               name=f"{share}th percentile", line={"color": colour})  # fmt: skip
        inside = np.mean(
            [
                (rows[f"low_{s}"] <= rows[f"observed_{s}"]) & (rows[f"observed_{s}"] <= rows[f"high_{s}"])
                for s in (5, 50, 95)
            ]
        )
        caption = (
            "Percentiles of the observations (lines), and where 95 % of simulated data sets have them (dotted). "
            f"{percent(float(inside))} of the observed ones lie inside."
        )
        parts.append(Figure(f"check-{output}", figure, caption=caption, alt=caption, data=rows))
    return tuple(parts)


def _iterations(fit: PopulationFit) -> tuple[Any, ...]:
    history = fit.trace.history
    steps = np.arange(1, len(history) + 1)
    figure = blank("Iteration", "Value over its final value")
    for j, name in enumerate(fit.structure.names):
        values = fit.structure.natural(history[:, : len(fit.structure.names)])[:, j]
        figure.add_scatter(x=steps, y=values / values[-1], mode="lines", name=name)
    caption = "Typical values on their way; the last part is averaged."
    return (Figure("iterations", figure, caption=caption, alt=caption),)


def _honesty(fit: PopulationFit) -> Honesty:
    limits = (
        "Standard errors rest on the curvature of the likelihood; with few subjects they are too small for variances.",
        "For research; not a prescription.",
    )
    provenance = {"abate": __version__, "model": fit.structure.model.hash[:12], "seed": str(fit.seed)}
    return Honesty(limits=limits, provenance=provenance)
