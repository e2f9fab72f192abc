"""The report of a population's fit: estimates, iterations, goodness of fit, prediction-corrected check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from abate.ground.version import __version__
from abate.report.figures import blank
from abate.report.fit_posterior import posterior_parts
from abate.report.page import Figure, Honesty, Key, Keys, Prose, Report, Section, Table
from abate.report.palette import MUTED, SERIES
from abate.report.tables import interval, number, percent, table

if TYPE_CHECKING:
    from abate.inference.nlme import PopulationFit
    from abate.inference.nlme.bayes import PopulationPosterior

__all__ = ["fit_report"]

_SUBJECTS = 12  # drawn one by one


def fit_report(
    fit: PopulationFit,
    payload: dict[str, Any],
    observations: pd.DataFrame,
    check: pd.DataFrame,
    posterior: PopulationPosterior | None = None,
) -> Report:
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
    posterior : PopulationPosterior, optional
        Where one was sampled.
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
            Section("Observed and predicted", _goodness(fit, observations)),
            Section("Each subject", _individual(fit, observations)),
            Section("Random effects", _effects(payload)),
            Section("Prediction-corrected check", _check(fit, check)),
            Section("Iterations", _iterations(fit)),
            *((Section("Posterior", posterior_parts(fit, posterior, payload)),) if posterior else ()),
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


def _axes(fit: PopulationFit) -> tuple[str, str]:
    """Return what the time axis and the axis of values are called."""
    units = {fit.structure.model.outputs[n].unit for n in fit.data.outputs if n in fit.structure.model.outputs}
    unit = next(iter(units)) if len(units) == 1 else ""
    name = fit.data.outputs[0] if len(fit.data.outputs) == 1 else "Value"
    return f"Time ({fit.data.time_unit}s)", f"{name} ({unit})" if unit and unit != "dimensionless" else name


def _goodness(fit: PopulationFit, observations: pd.DataFrame) -> tuple[Any, ...]:
    seen = observations[observations["CENS"] == 0]
    time, value = _axes(fit)
    parts: list[Any] = []
    for column, words in (("PRED", "typical prediction"), ("IPRED", "individual prediction")):
        figure = blank(f"{words.capitalize()}, {value}", f"Observed, {value}")
        _scatter_by_output(figure, seen, column, "DV")
        ends = [float(min(seen[column].min(), seen["DV"].min())), float(max(seen[column].max(), seen["DV"].max()))]
        figure.add_scatter(x=ends, y=ends, mode="lines", name="equal", line={"dash": "dot", "color": MUTED})
        spread = float(np.corrcoef(seen[column], seen["DV"])[0, 1])
        alt = f"Observed against {words}: correlation {spread:.2f}."
        caption = f"Observed against {words}; the dotted line is equality."
        data = seen[["ID", "TIME", "DV", column]]
        parts.append(Figure(f"observed-{column.lower()}", figure, caption=caption, alt=alt, data=data))
    mean, sd = float(seen["NPDE"].mean()), float(seen["NPDE"].std())
    for column, words in (("TIME", time), ("PRED", f"Typical prediction, {value}")):
        figure = blank(words, "NPDE")
        _scatter_by_output(figure, seen, column, "NPDE")
        ends = [float(seen[column].min()), float(seen[column].max())]
        for level in (-1.96, 0.0, 1.96):
            figure.add_scatter(x=ends, y=[level, level], mode="lines", name="", showlegend=False,
                               line={"dash": "dot", "color": MUTED})  # fmt: skip
        caption = (
            f"Normalised prediction distribution errors: mean {mean:.2f}, SD {sd:.2f}; 0 and 1 if the model were true. "
            "Dotted: where 95 % should lie."
        )
        alt = f"NPDE over {'time' if column == 'TIME' else 'the typical prediction'}, mean {mean:.2f}."
        data = seen[["ID", column, "NPDE"]]
        parts.append(Figure(f"npde-{column.lower()}", figure, caption=caption, alt=alt, data=data))
    return tuple(parts)


def _scatter_by_output(figure: Any, seen: pd.DataFrame, x: str, y: str) -> None:
    for place, (output, rows) in enumerate(seen.groupby("OUTPUT", sort=False)):
        colour = SERIES[place % len(SERIES)]
        figure.add_scatter(x=rows[x], y=rows[y], mode="markers", name=str(output), marker={"size": 5, "color": colour})


def _individual(fit: PopulationFit, observations: pd.DataFrame) -> tuple[Any, ...]:
    """Draw four subjects a figure, at most twelve in all."""
    time, value = _axes(fit)
    ids = list(dict.fromkeys(observations["ID"]))
    parts = []
    for first in range(0, min(len(ids), _SUBJECTS), 4):
        figure = blank(time, value)
        for place, subject in enumerate(ids[first : first + 4]):
            colour = SERIES[place % len(SERIES)]
            for number_, (_, rows) in enumerate(observations[observations["ID"] == subject].groupby("OUTPUT")):
                figure.add_scatter(x=rows["TIME"], y=rows["IPRED"], mode="lines", name=f"ID {subject:g}",
                                   showlegend=number_ == 0, line={"color": colour})  # fmt: skip
                figure.add_scatter(x=rows["TIME"], y=rows["DV"], mode="markers", name="", showlegend=False,
                                   marker={"size": 5, "color": colour})  # fmt: skip
        shown = ids[first : first + 4]
        caption = f"Subjects {shown[0]:g} to {shown[-1]:g}: observations (dots) and individual predictions (lines)."
        data = observations[observations["ID"].isin(shown)]
        parts.append(Figure(f"individuals-{first // 4 + 1}", figure, caption=caption, alt=caption, data=data))
    if len(ids) > _SUBJECTS:
        parts.append(Prose(f"The other {len(ids) - _SUBJECTS} subjects are in observations.parquet."))  # type: ignore[arg-type]
    return tuple(parts)


def _effects(payload: dict[str, Any]) -> tuple[Any, ...]:
    shrinkage = pd.DataFrame(
        [{"Random effect": n, "Shrinkage": percent(v).replace("-", "\u2212")} for n, v in payload["shrinkage"].items()]
    )
    text = (
        "Shrinkage is how much less the subjects' means vary than the random effects themselves: near 0 a subject's "
        "data say who it is, near 100 % they say nothing, and plots of individual values mislead."
    )
    parts: list[Any] = [Prose(text, role="reading")]
    parts.append(Table("shrinkage", table(shrinkage, caption="Shrinkage of the random effects"), data=shrinkage))
    if payload["eta_correlations"]:
        frame = pd.DataFrame(
            [
                {"Pair": n, "Correlation": f"{v:.2f}".replace("-", "\u2212")}
                for n, v in payload["eta_correlations"].items()
            ]
        )
        caption = "Correlations of the random effects over subjects, from draws of their conditional distributions"
        parts.append(Table("eta-correlations", table(frame, caption=caption), data=frame))
    return tuple(parts)


def _check(fit: PopulationFit, check: pd.DataFrame) -> tuple[Any, ...]:
    if check.empty:
        return (Prose("Too few observations for percentiles by time."),)
    time, _ = _axes(fit)
    parts = []
    for output, rows in check.groupby("output", sort=False):
        figure = blank(time, f"{output}, prediction-corrected")
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
        if (fit.data.censored & (np.array(fit.data.outputs)[fit.data.output] == output)).any():
            caption += " Values below a limit, measured and simulated, count as the limit."
        parts.append(Figure(f"check-{output}", figure, caption=caption, alt=caption, data=rows))
    return tuple(parts)


def _iterations(fit: PopulationFit) -> tuple[Any, ...]:
    history = fit.trace.history
    steps = np.arange(1, len(history) + 1)
    figure = blank("Iteration", "Value over its final value")
    for place, j in enumerate(fit.structure.typical):
        name, values = fit.structure.names[j], fit.structure.natural_of(j, history[:, place])
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
