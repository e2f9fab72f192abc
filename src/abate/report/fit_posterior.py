"""The part of a fit's report that shows a sampled posterior: before and after, traces, ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import halfnorm, norm, rankdata

from abate.report.figures import blank
from abate.report.page import Figure, Prose, Table
from abate.report.palette import MUTED, SERIES
from abate.report.tables import interval, number, table

if TYPE_CHECKING:
    from abate.inference.nlme import PopulationFit
    from abate.inference.nlme.bayes import PopulationPosterior

__all__ = ["posterior_parts"]

_MOST = 8  # parameters that are drawn: typical values first
_BINS = 20  # of ranks


def posterior_parts(fit: PopulationFit, posterior: PopulationPosterior, payload: dict[str, Any]) -> tuple[Any, ...]:
    """Return table and figures of a posterior."""
    rows = payload["posterior"]["parameters"]
    shown = list(posterior.names)[:_MOST]
    more = len(posterior.names) - len(shown)
    text = (
        "The posterior by an ensemble sampler, beside the maximum of the likelihood above. R-hat near 1 says that "
        "ensembles begun apart agree; equal bars of ranks say the same of every region."
    )
    if more:
        text += f" Figures show the first {len(shown)} of {len(posterior.names)} numbers; inference.nc has them all."
    return (
        Prose(text, role="reading"),
        _table(rows),
        *(_before_and_after(fit, posterior, name) for name in shown),
        *(_trace(posterior, name) for name in shown[:4]),
        *(_ranks(posterior, name) for name in shown[:4]),
    )


def _table(rows: dict[str, dict[str, Any]]) -> Table:
    frame = pd.DataFrame(
        [
            {
                "Parameter": name,
                "Median (95 %)": interval(row),
                "R-hat": f"{row['rhat']:.3f}",
                "Effective draws": f"{row['effective']:.0f}",
                "Prior": row["prior"],
            }
            for name, row in rows.items()
        ]
    )
    return Table("posterior", table(frame, caption="Posterior medians with their intervals", wrap=True), data=frame)


def _before_and_after(fit: PopulationFit, posterior: PopulationPosterior, name: str) -> Figure:
    values = posterior.draws[..., posterior.names.index(name)].reshape(-1)
    low, high = np.quantile(values, (0.001, 0.999))
    edges = np.linspace(low, high, 41)
    height, _ = np.histogram(values, edges, density=True)
    middle = (edges[1:] + edges[:-1]) / 2
    unit = fit.structure.model.parameters[name].unit if name in fit.structure.model.parameters else ""
    figure = blank(f"{name} ({unit})" if unit and unit != "dimensionless" else name, "Density")
    figure.add_scatter(x=middle, y=height, mode="lines", name="posterior", line={"color": SERIES[0]})
    before = _prior_density(posterior, name, middle)
    if before is not None:
        figure.add_scatter(x=middle, y=before, mode="lines", name="prior", line={"color": MUTED, "dash": "dot"})
    caption = f"{name}: prior and posterior."
    alt = f"Posterior of {name} from {low:.3g} to {high:.3g}."
    data = pd.DataFrame({name: middle, "posterior": height} | ({} if before is None else {"prior": before}))
    return Figure(f"posterior-{_slug(name)}", figure, caption=caption, alt=alt, data=data)


def _prior_density(posterior: PopulationPosterior, name: str, at: Any) -> Any:
    """Return the prior's density on the scale that is shown; None for a covariance."""
    prior = posterior.prior
    i = prior.names.index(name)
    kind, centre, scale = prior.kinds[i], prior.centre[i], prior.scale[i]
    if kind == "covariance":
        return None
    if kind == "deviation":
        return halfnorm.pdf(at, scale=scale)
    if kind == "variance":
        root = np.sqrt(np.maximum(at, 1e-12))
        return halfnorm.pdf(root, scale=scale) / (2 * root)
    if name not in prior.structure.names:
        return norm.pdf(at, centre, scale)
    column = prior.structure.names.index(name)
    inner = np.array([prior.structure.forward(column, float(v)) for v in at])
    return norm.pdf(inner, centre, scale) * np.abs(np.gradient(inner, at))


def _trace(posterior: PopulationPosterior, name: str) -> Figure:
    values = posterior.draws[..., posterior.names.index(name)]
    figure = blank("Step kept", f"{name}, median of the walkers")
    steps = np.arange(1, values.shape[1] + 1)
    columns: dict[str, Any] = {"step": steps}
    for k, ensemble in enumerate(np.median(values, axis=2)):
        figure.add_scatter(x=steps, y=ensemble, mode="lines", name=f"ensemble {k + 1}", line={"color": SERIES[k]})
        columns[f"ensemble {k + 1}"] = ensemble
    caption = f"Trace of {name}: the median of the walkers of each ensemble."
    return Figure(f"trace-{_slug(name)}", figure, caption=caption, alt=caption, data=pd.DataFrame(columns))


def _ranks(posterior: PopulationPosterior, name: str) -> Figure:
    values = posterior.draws[..., posterior.names.index(name)]
    shares = rankdata(values.reshape(-1)).reshape(values.shape) / values.size
    figure = blank("Rank among all draws, share", "Draws over their expected number")
    edges = np.linspace(0, 1, _BINS + 1)
    expected = values[0].size / _BINS
    columns: dict[str, Any] = {"rank": edges[1:]}
    for k, ensemble in enumerate(shares):
        height = np.histogram(ensemble.reshape(-1), edges)[0] / expected
        x, y = np.repeat(edges, 2)[1:-1], np.repeat(height, 2)
        figure.add_scatter(x=x, y=y, mode="lines", name=f"ensemble {k + 1}", line={"color": SERIES[k]})
        columns[f"ensemble {k + 1}"] = height
    figure.update_yaxes(rangemode="tozero")
    worst = max(float(np.abs(np.asarray(v) - 1).max()) for n, v in columns.items() if n != "rank")
    caption = f"Ranks of {name} by ensemble (Vehtari 2021, Bayesian Anal 16:667-718); 1 everywhere is perfect mixing."
    alt = f"Ranks of {name} by ensemble: none further than {number(worst)} from 1."
    return Figure(f"ranks-{_slug(name)}", figure, caption=caption, alt=alt, data=pd.DataFrame(columns))


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-")
