"""How well a fit describes its data: residuals, simulated data sets, NPDE and prediction-corrected visual checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from abate.ground.randomness import normal
from abate.inference.nlme.residual import difference, spread

if TYPE_CHECKING:
    import pandas as pd

    from abate.inference.nlme.fit import PopulationFit

__all__ = ["corrected_check", "goodness", "npde", "simulate_data"]

Floats = npt.NDArray[np.float64]


def simulate_data(fit: PopulationFit, replicates: int, seed: int) -> Floats:
    """Simulate the data set again and again from the fit; shape (observations, replicates)."""
    structure, data, now = fit.structure, fit.data, fit.trace.parameters
    q, r = len(structure.names), structure.random
    who = np.arange(data.subjects)[:, None, None]
    draws = normal(seed, "diagnostics:eta", who, np.arange(replicates)[None, :, None] * r + np.arange(r))
    root = np.linalg.cholesky(now.omega[:r, :r])
    phi = np.repeat(structure.centres(now.mu, now.beta, data.subjects)[:, None], replicates, axis=1)
    phi[:, :, :r] += draws @ root.T
    predicted = fit.courses.predict(phi.reshape(data.subjects, replicates, q))
    sd = spread(predicted, now.sigma, structure.errors, data.output)
    noise = normal(seed, "diagnostics:error", np.arange(data.value.size)[:, None], np.arange(replicates))
    exponential = np.array([e == "exponential" for e in structure.errors])[data.output][:, None]
    return np.where(exponential, predicted * np.exp(sd * noise), predicted + sd * noise)


def npde(fit: PopulationFit, simulated: Floats) -> Floats:
    """Return normalised prediction distribution errors, shape (observations,); NaN for censored values.

    References
    ----------
    Brendel 2006, Pharm Res 23:2036-2049.
    """
    data = fit.data
    found = np.full(data.value.size, np.nan)
    replicates = simulated.shape[1]
    for subject in range(data.subjects):
        rows = np.flatnonzero((data.subject == subject) & ~data.censored)
        if not rows.size:
            continue
        cloud = simulated[rows]
        mean = cloud.mean(axis=1)
        covariance = np.atleast_2d(np.cov(cloud)) + 1e-12 * np.eye(rows.size) * cloud.var()
        root = np.linalg.cholesky(covariance)
        whitened = np.linalg.solve(root, cloud - mean[:, None])
        seen = np.linalg.solve(root, data.value[rows] - mean)
        share = (np.sum(whitened < seen[:, None], axis=1) + 0.5) / (replicates + 1)
        found[rows] = ndtri(share)
    return found


def goodness(fit: PopulationFit, simulated: Floats) -> pd.DataFrame:
    """Return one row an observation: DV, PRED (typical), IPRED (conditional mean), weighted residual, NPDE."""
    import pandas as pd

    structure, data, now = fit.structure, fit.data, fit.trace.parameters
    centre = structure.centres(now.mu, now.beta, data.subjects)
    own = centre.copy()
    own[:, : structure.random] = fit.conditional.mean
    both = fit.courses.predict(np.stack([centre, own], axis=1))
    individual = both[:, 1]
    sd = spread(individual[:, None], now.sigma, structure.errors, data.output)[:, 0]
    residual = difference(data.value, individual[:, None], structure.errors, data.output)[:, 0] / sd
    return pd.DataFrame(
        {
            "ID": data.ids[data.subject],
            "TIME": np.round(data.time / data.per_time, 6),
            "OUTPUT": np.array(data.outputs)[data.output],
            "DV": data.value,
            "CENS": data.censored.astype(int),
            "PRED": both[:, 0],
            "IPRED": individual,
            "IWRES": np.where(data.censored, np.nan, residual),
            "NPDE": npde(fit, simulated),
        }
    )


def corrected_check(fit: PopulationFit, table: pd.DataFrame, simulated: Floats, bins: int = 8) -> pd.DataFrame:
    """Return a prediction-corrected visual predictive check: percentiles of data and of simulated data by time.

    Each value is divided by its typical prediction and multiplied by that of its bin. Where values of an output lie
    below a limit, everything below it, measured or simulated, counts as the limit.

    References
    ----------
    Bergstrand 2011, AAPS J 13:143-151.
    """
    import pandas as pd

    data = fit.data
    rows: list[dict[str, float | str]] = []
    for k, output in enumerate(data.outputs):
        keep = np.flatnonzero((data.output == k) & (table["PRED"].to_numpy() > 0))
        below = data.value[keep][data.censored[keep]]
        limit = float(below.max()) if below.size else -np.inf
        time, typical = table["TIME"].to_numpy()[keep], table["PRED"].to_numpy()[keep]
        if keep.size < 5:
            continue
        edges = np.unique(np.quantile(time, np.linspace(0, 1, bins + 1)))
        which = np.clip(np.searchsorted(edges, time, side="right") - 1, 0, max(edges.size - 2, 0))
        for b in np.unique(which):
            mine = which == b
            factor = np.median(typical[mine]) / typical[mine]
            seen = np.maximum(data.value[keep[mine]], limit) * factor
            cloud = np.maximum(simulated[keep[mine]], limit) * factor[:, None]
            row: dict[str, float | str] = {"output": output, "time": float(np.median(time[mine])), "n": int(mine.sum())}
            for share in (5, 50, 95):
                row[f"observed_{share}"] = float(np.percentile(seen, share))
                low, middle, high = np.percentile(np.percentile(cloud, share, axis=0), (2.5, 50, 97.5))
                row |= {f"low_{share}": float(low), f"simulated_{share}": float(middle), f"high_{share}": float(high)}
            rows.append(row)
    return pd.DataFrame(rows)
