"""The smallest change that a study of this size can find, by simulation from what was fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from abate.ground.errors import SolveError
from abate.ground.results import Estimate
from abate.study.expression.design import Design
from abate.study.expression.fit import Fit, fit_expression
from abate.study.statistics.proportions import wilson

__all__ = ["EFFECTS", "Detectable", "smallest_effect"]

EFFECTS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
_GENES = 2000
_CHANGED = 0.1
_WANTED = 0.8


@dataclass(frozen=True)
class Detectable:
    """Power of the study, were it done again.

    Attributes
    ----------
    curve : DataFrame indexed by absolute log2 fold change
        ``power, low, high, changed`` (share of changed genes that are found at the level, with its interval).
    smallest : Estimate
        Log2 fold change found with 80 % power; NaN where none of `EFFECTS` is.
    repeats : int
    """

    curve: pd.DataFrame
    smallest: Estimate
    repeats: int


def smallest_effect(
    fit: Fit, design: Design, *, alpha: float = 0.05, repeats: int = 4, seed: int = 1, adjust_by: str = "auto"
) -> Detectable | None:
    """Simulate the same study with known changes and count what the same analysis finds.

    Genes keep their fitted means, dispersions and other coefficients; one in ten gets a change of the tested
    coefficient, the others
    none.

    Parameters
    ----------
    fit : Fit
    design : Design
    alpha : float
        False discovery rate at which a gene counts as found.
    repeats : int
    seed : int
    adjust_by : str
        As in `fit_expression`.

    Returns
    -------
    Detectable or None
        None where the contrast is not one coefficient, or no gene can be simulated.
    """
    known = fit.coefficients.notna().all(axis=1) & fit.genes["dispersion"].notna() & (fit.genes["base_mean"] >= 1)
    usable = np.flatnonzero(known)
    if design.coefficient is None or usable.size < 50:
        return None
    rng = np.random.Generator(np.random.Philox(seed))
    tested = list(design.matrix.columns).index(design.coefficient)
    found = {effect: [0, 0] for effect in EFFECTS}
    for _ in range(repeats):
        genes = rng.choice(usable, min(_GENES, usable.size), replace=False)
        size = np.zeros(genes.size)
        changed = rng.random(genes.size) < _CHANGED
        size[changed] = rng.choice(EFFECTS, int(changed.sum()))
        counts = _counts(fit, design, genes, size * rng.choice([-1, 1], genes.size), tested, rng)
        try:
            again = fit_expression(counts, design, alpha=alpha, shrink=False, adjust_by=adjust_by)
        except SolveError:
            continue
        called = (again.genes["p_adjusted"] < alpha).to_numpy()
        for effect in EFFECTS:
            found[effect][0] += int(called[size == effect].sum())
            found[effect][1] += int((size == effect).sum())
    rows = {e: (hits / n, *wilson(hits, n), n) if n else (np.nan, np.nan, np.nan, 0) for e, (hits, n) in found.items()}
    curve = pd.DataFrame.from_dict(rows, orient="index", columns=["power", "low", "high", "changed"])
    curve.index.name = "log2_fold_change"
    return Detectable(curve, _reached(curve, design.carriers), repeats)


def _counts(
    fit: Fit, design: Design, genes: np.ndarray, change: np.ndarray, tested: int, rng: np.random.Generator
) -> pd.DataFrame:  # fmt: skip
    x = design.matrix.to_numpy(dtype=float)
    beta = fit.coefficients.to_numpy(dtype=float)[genes].copy()
    # The mean over samples stays: half of the fitted change goes to either side.
    beta[:, 0] += beta[:, tested] * x[:, tested].mean() - np.log(2) * change * x[:, tested].mean()
    beta[:, tested] = np.log(2) * change
    # A coefficient of a gene that is silent on one side runs away; nothing is learnt from e^20.
    mean = np.exp(np.clip(beta @ x.T, -5, 16)) * fit.size_factors[list(design.matrix.index)].to_numpy()
    dispersion = np.maximum(fit.genes["dispersion"].to_numpy()[genes], 1e-8)[:, None]
    drawn = rng.poisson(rng.gamma(1 / dispersion, dispersion * mean))
    return pd.DataFrame(drawn, index=fit.genes.index[genes], columns=design.matrix.index)


def _reached(curve: pd.DataFrame, people: int) -> Estimate:
    """Read off where the curve crosses 80 %; the interval is where its bounds do."""
    method = f"log2 fold change found with {_WANTED:.0%} power, by simulation; interval from the curve's Wilson bounds"
    ends = [_crossing(curve[column]) for column in ("power", "high", "low")]
    return Estimate(ends[0], ends[1], ends[2], 0.95, people, method)


def _crossing(power: pd.Series) -> float:
    effects, values = power.index.to_numpy(dtype=float), power.to_numpy(dtype=float)
    for i, value in enumerate(values):
        if value >= _WANTED:
            if i == 0:
                return float(effects[0])
            share = (_WANTED - values[i - 1]) / (value - values[i - 1])
            return float(effects[i - 1] + share * (effects[i] - effects[i - 1]))
    return float("nan")
