"""Global sensitivity: which numbers carry the spread of an outcome, alone and with others (Sobol, by SALib)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.evidence.sensitivity.factors import Factor
from abate.ground.errors import MissingExtra
from abate.ground.results import Estimate

__all__ = ["sobol_indices", "sobol_scores"]

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 400


def sobol_scores(known: Sequence[Factor], samples: int, seed: int) -> Floats:
    """Return Saltelli's design as standard scores, shape (samples*(factors + 2), factors).

    Raises
    ------
    MissingExtra
        If SALib is not installed.

    References
    ----------
    Saltelli A et al. Comput Phys Commun 2010;181:259-270.
    """
    sobol, _ = _salib()
    return np.asarray(sobol.sample(_problem(known), samples, calc_second_order=False, seed=seed), dtype=float)


def sobol_indices(known: Sequence[Factor], values: Floats, seed: int) -> dict[str, dict[str, Any]]:
    """Return first-order and total indices of every factor from the outcomes of a design.

    Parameters
    ----------
    known : sequence of Factor
    values : ndarray, shape (samples*(factors + 2),)
        One outcome a row of `sobol_scores`.
    seed : int
        Of the bootstrap behind the intervals.

    Returns
    -------
    dict
        By label: ``first`` and ``total``, each an Estimate. An outcome that does not vary has indices 0.
    """
    _, analyze = _salib()
    samples = values.size // (len(known) + 2)
    if np.ptp(values) == 0:
        flat = Estimate(0.0, 0.0, 0.0, LEVEL, samples, "Sobol index of an outcome that does not vary")
        return {factor.label: {"first": flat, "total": flat} for factor in known}
    found = analyze.analyze(
        _problem(known), values, calc_second_order=False, num_resamples=RESAMPLES, conf_level=LEVEL, seed=seed
    )

    def estimate(key: str, k: int) -> Estimate:
        middle, half = float(found[key][k]), float(found[f"{key}_conf"][k])
        method = f"Sobol index, Saltelli 2010, {samples} base samples, bootstrap interval"
        return Estimate(middle, middle - half, middle + half, LEVEL, samples, method)

    return {f.label: {"first": estimate("S1", k), "total": estimate("ST", k)} for k, f in enumerate(known)}


def _problem(known: Sequence[Factor]) -> dict[str, Any]:
    """Every factor is standard normal on its own scale."""
    return {
        "num_vars": len(known),
        "names": [factor.label for factor in known],
        "bounds": [[0.0, 1.0]] * len(known),
        "dists": ["norm"] * len(known),
    }


def _salib() -> tuple[Any, Any]:
    try:
        from SALib.analyze import sobol as analyze
        from SALib.sample import sobol as sample
    except ImportError:
        raise MissingExtra("sensitivity", "SALib") from None
    return sample, analyze


Progress = Callable[[float], None]
