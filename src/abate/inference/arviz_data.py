"""Posteriors as ArviZ InferenceData, for its trace, rank and pair plots; an optional extra."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.ground.errors import MissingExtra

if TYPE_CHECKING:
    from abate.inference.nlme import PopulationFit
    from abate.inference.person import Posterior

__all__ = ["fit_data", "posterior_data"]


def posterior_data(posterior: Posterior) -> Any:
    """Return a person's posterior and prior as InferenceData; the people are drawn to equal weight.

    Raises
    ------
    MissingExtra
        If ArviZ is not installed.
    """
    arviz = _arviz()
    equal = posterior.resampled(posterior.weights.size)
    after = {name: equal.parameters[name][None] for name in posterior.effects}
    before = {name: np.asarray(posterior.prior[name])[None] for name in posterior.effects}
    measured = [m.value for m in posterior.seen.measurements]
    return arviz.from_dict(
        posterior=after,
        prior=before,
        posterior_predictive={"measurement": equal.fitted.T[None]},
        observed_data={"measurement": np.array(measured)},
    )


def fit_data(fit: PopulationFit) -> Any:
    """Return each subject's conditional draws as InferenceData: one variable a parameter, dimension ``subject``.

    Raises
    ------
    MissingExtra
        If ArviZ is not installed.
    """
    arviz = _arviz()
    structure = fit.structure
    chains = fit.trace.phi.shape[1]
    draws = fit.conditional.draws
    steps = draws.shape[1] // chains
    shaped = draws.reshape(fit.data.subjects, steps, chains, structure.random).transpose(2, 1, 0, 3)
    found, dims = {}, {}
    for j, name in enumerate(structure.names[: structure.between]):
        found[name], dims[name] = structure.natural_of(j, shaped[..., j]), ["subject"]
    for name, columns in structure.occasions.items():
        found[f"iov.{name}"], dims[f"iov.{name}"] = shaped[..., columns], ["subject", "occasion"]
    coords: dict[str, Any] = {"subject": fit.data.ids}
    if structure.occasions:
        coords["occasion"] = np.arange(1, 1 + len(next(iter(structure.occasions.values()))))
    return arviz.from_dict(posterior=found, observed_data={"DV": fit.data.value}, coords=coords, dims=dims)


def _arviz() -> Any:
    try:
        with warnings.catch_warnings():
            # its announcement of its own future
            warnings.simplefilter("ignore", FutureWarning)
            import arviz
    except ImportError as error:
        raise MissingExtra("fit", "arviz") from error
    return arviz
