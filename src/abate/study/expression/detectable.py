"""The smallest change that a study of this size can find, by simulation from what was fitted."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt
import pandas as pd

from abate.ground.errors import SolveError
from abate.ground.results import Estimate
from abate.study.expression.design import Design
from abate.study.expression.fit import Fit, fit_expression
from abate.study.statistics.proportions import wilson

__all__ = ["EFFECTS", "Detectable", "monotone", "smallest_effect"]

Floats = npt.NDArray[np.float64]

EFFECTS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
_GENES = 2000
_CHANGED = 0.1
_WANTED = 0.8
# So many changed genes of each size: a share of 0.8 then has a standard error of 0.03. A panel of few genes is
# simulated more often for it, within limits of patience.
_EACH = 200
_FEWEST, _MOST = 8, 24
_DRAWS = 1000


@dataclass(frozen=True)
class Detectable:
    """Power of the study, were it done again.

    Attributes
    ----------
    curve : DataFrame indexed by absolute log2 fold change
        ``power`` (share of changed genes that are found at the level, made to rise with the change), ``low, high``
        (95 % interval: of the repeats drawn anew, or Wilson's, whichever reaches further), ``found, changed``.
    smallest : Estimate
        Log2 fold change found with 80 % power; NaN where none of `EFFECTS` is.
    repeats : int
    """

    curve: pd.DataFrame
    smallest: Estimate
    repeats: int


def smallest_effect(
    fit: Fit, design: Design, *, alpha: float = 0.05, repeats: int | None = None, seed: int = 1, adjust_by: str = "auto"
) -> Detectable | None:
    """Simulate the same study with known changes and count what the same analysis finds.

    Genes keep their fitted means, dispersions and other coefficients; one in ten gets a change of the tested
    coefficient, the others none.

    Parameters
    ----------
    fit : Fit
    design : Design
    alpha : float
        False discovery rate at which a gene counts as found.
    repeats : int, optional
        Without it, as many as give some 200 changed genes of each size, 8 to 24.
    seed : int
    adjust_by : str
        As in `fit_expression`.

    Returns
    -------
    Detectable or None
        None where the contrast is not one coefficient, or fewer than 50 genes can be simulated.
    """
    known = fit.coefficients.notna().all(axis=1) & fit.genes["dispersion"].notna() & (fit.genes["base_mean"] >= 1)
    usable = np.flatnonzero(known)
    if design.coefficient is None or usable.size < 50:
        return None
    rng = np.random.Generator(np.random.Philox(seed))
    tested = list(design.matrix.columns).index(design.coefficient)
    size = min(_GENES, usable.size)
    changed = round(_CHANGED * size)
    planned = repeats or min(_MOST, max(_FEWEST, ceil(_EACH * len(EFFECTS) / changed)))
    # Shape (repeats, sizes): what was found, and what was there.
    hits, there = np.zeros((planned, len(EFFECTS))), np.zeros((planned, len(EFFECTS)))
    for repeat in range(planned):
        genes = rng.choice(usable, size, replace=False)
        # Sizes go round, so that each comes as often as the others.
        which = np.full(size, -1)
        which[:changed] = (np.arange(changed) + repeat * changed) % len(EFFECTS)
        change = np.where(which >= 0, np.array(EFFECTS)[which], 0.0) * rng.choice([-1, 1], size)
        counts = _counts(fit, design, genes, change, tested, rng)
        try:
            again = fit_expression(counts, design, alpha=alpha, shrink=False, adjust_by=adjust_by)
        except SolveError:
            continue
        called = (again.genes["p_adjusted"] < alpha).to_numpy()
        for place in range(len(EFFECTS)):
            hits[repeat, place], there[repeat, place] = called[which == place].sum(), (which == place).sum()
    done = there.sum(axis=1) > 0
    return _summary(hits[done], there[done], design.carriers, rng) if done.any() else None


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


def monotone(power: Floats, weight: Floats) -> Floats:
    """Return the rising values nearest to `power` (pool adjacent violators); a size that never came is passed over.

    Examples
    --------
    >>> monotone(np.array([0.2, 0.6, 0.4, 0.9]), np.ones(4))
    array([0.2, 0.5, 0.5, 0.9])
    """
    blocks: list[list[float]] = []  # value, weight, how many places
    for value, heavy in zip(np.where(weight > 0, power, 0.0), weight, strict=True):
        blocks.append([float(value), float(heavy), 1])
        while len(blocks) > 1 and (blocks[-2][0] > blocks[-1][0] or blocks[-1][1] == 0):
            last, before = blocks.pop(), blocks.pop()
            together = last[1] + before[1]
            mean = (last[0] * last[1] + before[0] * before[1]) / together if together else before[0]
            blocks.append([mean, together, last[2] + before[2]])
    return np.array([value for value, _, places in blocks for _ in range(int(places))])


def _summary(hits: Floats, there: Floats, people: int, rng: np.random.Generator) -> Detectable:
    repeats = hits.shape[0]
    power = _curve(hits.sum(axis=0), there.sum(axis=0))
    drawn = rng.integers(0, repeats, (_DRAWS, repeats))
    again = np.array([_curve(hits[rows].sum(axis=0), there[rows].sum(axis=0)) for rows in drawn])
    low, high = np.quantile(again, [0.025, 0.975], axis=0)
    shares = [wilson(int(h), int(n)) if n else (0.0, 1.0) for h, n in zip(hits.sum(0), there.sum(0), strict=True)]
    # Few repeats that happen to agree are not certain; and bounds rise as the curve does.
    low = np.minimum(np.minimum(low, power), np.maximum.accumulate([a for a, _ in shares]))
    high = np.maximum(np.maximum(high, power), np.minimum.accumulate([b for _, b in shares][::-1])[::-1])
    curve = pd.DataFrame(
        {"power": power, "low": low, "high": high, "found": hits.sum(axis=0).astype(int),
         "changed": there.sum(axis=0).astype(int)},
        index=pd.Index(EFFECTS, name="log2_fold_change"),
    )  # fmt: skip
    ends = [_crossing(curve[column]) for column in ("power", "high", "low")]
    method = (
        f"log2 fold change found with {_WANTED:.0%} power, by simulation ({repeats} repeats, rising curve); interval "
        "where its 95 % bounds cross"
    )
    return Detectable(curve, Estimate(ends[0], ends[1], ends[2], 0.95, people, method), repeats)


def _curve(hits: Floats, there: Floats) -> Floats:
    return monotone(hits / np.maximum(there, 1), there)


def _crossing(power: pd.Series) -> float:
    """Return where a rising curve reaches the wanted power; the least size where it starts above."""
    effects, values = power.index.to_numpy(dtype=float), power.to_numpy(dtype=float)
    for i, value in enumerate(values):
        if value >= _WANTED:
            if i == 0:
                return float(effects[0])
            share = (_WANTED - values[i - 1]) / (value - values[i - 1])
            return float(effects[i - 1] + share * (effects[i] - effects[i - 1]))
    return float("nan")
