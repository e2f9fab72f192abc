"""Posteriors as ArviZ InferenceData, for its trace, rank and pair plots; an optional extra."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.ground.errors import MissingExtra

if TYPE_CHECKING:
    from abate.inference.nlme import PopulationFit
    from abate.inference.nlme.bayes import PopulationPosterior
    from abate.inference.person import Posterior

__all__ = ["fit_data", "population_data", "posterior_data", "write_data"]


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


def population_data(fit: PopulationFit, posterior: PopulationPosterior) -> Any:
    """Return a population's posterior as InferenceData: a chain a walker, population and subjects' parameters.

    Subjects' parameters are ``subject.CL`` with dimension ``subject``; how the draws came about is in attributes.

    Raises
    ------
    MissingExtra
        If ArviZ is not installed.
    """
    arviz = _arviz()

    def chains(values: Any) -> Any:
        ensembles, steps, walkers = values.shape[:3]
        return np.moveaxis(values, 2, 1).reshape(ensembles * walkers, steps, *values.shape[3:])

    found = {name: chains(posterior.draws[..., j]) for j, name in enumerate(posterior.names)}
    subjects = {f"subject.{name}": chains(values) for name, values in posterior.subjects.items()}
    with warnings.catch_warnings():
        # many walkers with few draws each are what an ensemble sampler gives
        warnings.filterwarnings("ignore", message="More chains", category=UserWarning)
        return arviz.from_dict(
            posterior=found | subjects,
            observed_data={"DV": fit.data.value},
            coords={"subject": fit.data.ids},
            dims={name: ["subject"] for name in subjects},
            attrs={"sampler": "emcee", "ensembles": posterior.draws.shape[0], "walkers": posterior.draws.shape[2]},
        )


def write_data(made: Callable[[], Any], path: Path) -> bool:
    """Write InferenceData as NetCDF; without the extra ``fit`` nothing is written, and False returned."""
    try:
        data = made()
    except MissingExtra:
        return False
    data.to_netcdf(str(path), engine="h5netcdf")
    return True


def _arviz() -> Any:
    try:
        with warnings.catch_warnings():
            # its announcement of its own future
            warnings.simplefilter("ignore", FutureWarning)
            import arviz
    except ImportError as error:
        raise MissingExtra("fit", "arviz") from error
    return arviz
