"""How people differ: covariates and correlated random effects turn typical values into a person's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy

from abate.ground.errors import InputError
from abate.science.model.model import Model, Parameter

__all__ = ["Variability", "individual_values", "variability"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Variability:
    """The random effects of a model.

    Attributes
    ----------
    names : tuple of str
        Parameters with a random effect, in the order of the model.
    covariance : ndarray, shape (effects, effects)
        Of the random effects.
    root : ndarray, shape (effects, effects)
        Lower Cholesky factor; ``eta = root @ standard_normals``.
    """

    names: tuple[str, ...]
    covariance: Floats
    root: Floats


def variability(model: Model) -> Variability:
    """Return the random effects of a model.

    Raises
    ------
    InputError
        If the correlations contradict each other (the covariance is not positive definite).

    Examples
    --------
    >>> from abate.science.model import load
    >>> variability(load("tocilizumab/ra")).names
    ('CL', 'V1', 'V2', 'VM')
    """
    names = tuple(sorted((n for n, p in model.parameters.items() if p.spread > 0), key=list(model.parameters).index))
    spread = np.array([model.parameters[n].spread for n in names])
    correlation = np.eye(len(names))
    for (a, b), rho in model.correlations.items():
        if a in names and b in names:
            i, j = names.index(a), names.index(b)
            correlation[i, j] = correlation[j, i] = rho
    covariance = correlation * np.outer(spread, spread)
    try:
        root: Floats = np.linalg.cholesky(covariance).astype(np.float64)
    except np.linalg.LinAlgError as error:
        raise InputError(
            model.name, "the correlations contradict each other", hint="no such population exists"
        ) from error
    return Variability(names, covariance, root)


def individual_values(
    model: Model,
    covariates: Mapping[str, npt.ArrayLike],
    normals: Mapping[str, npt.ArrayLike],
    *,
    typical: Mapping[str, npt.ArrayLike] | None = None,
    spread: Mapping[str, npt.ArrayLike] | None = None,
) -> dict[str, Floats]:
    """Turn covariates and standard normal draws into one value a person for every parameter.

    Parameters
    ----------
    model : Model
    covariates : mapping of name to array_like, shape (people,)
        A covariate that is missing is at its reference.
    normals : mapping of parameter name to array_like, shape (people,)
        Independent standard normal draws, one for each of `variability`'s names; missing ones count as 0. They are
        correlated here.
    typical, spread : mapping of parameter name to array_like, shape (people,), optional
        Typical values, and standard deviations of random effects, other than the model's: one a person, so that people
        may come from populations that differ. Correlations stay the model's.

    Returns
    -------
    dict of parameter name to ndarray, shape (people,)

    Raises
    ------
    InputError
        For a covariate or parameter that the model does not know.

    Examples
    --------
    >>> from abate.science.model import load
    >>> people = individual_values(load("tocilizumab/ra"), {"female": [0, 1]}, {})
    >>> people["CL"]
    array([0.3  , 0.252])
    """
    for name in covariates:
        if name not in model.covariates:
            raise InputError(model.name, "no parameter depends on this covariate", value=name, allowed=model.covariates)
    effects = variability(model)
    for name in normals:
        if name not in effects.names:
            raise InputError(model.name, "this parameter has no random effect", value=name, allowed=effects.names)
    others = {**(typical or {}), **(spread or {})}
    for name in others:
        if name not in model.parameters:
            raise InputError(model.name, "there is no such parameter", value=name)
    given = (*covariates.values(), *normals.values(), *others.values())
    arrays = [np.atleast_1d(np.asarray(v, dtype=float)) for v in given]
    people = np.broadcast_shapes(*(a.shape for a in arrays)) if arrays else (1,)
    known = {k: np.broadcast_to(np.asarray(v, dtype=float), people) for k, v in covariates.items()}
    for name, covariate in model.covariates.items():
        known.setdefault(name, np.full(people, covariate.reference))
    draws = np.stack(
        [np.broadcast_to(np.asarray(normals.get(n, 0.0), float), people) for n in effects.names] or [np.zeros(people)]
    )
    # Row by row, so that a person's values do not depend on how many people are drawn at once.
    eta = {
        n: sum((effects.root[i, j] * draws[j] for j in range(i + 1)), np.zeros(people))
        for i, n in enumerate(effects.names)
    }
    for name, sd in (spread or {}).items():
        if name not in eta:
            raise InputError(model.name, "this parameter has no random effect", value=name, allowed=effects.names)
        eta[name] = eta[name] * np.asarray(sd, dtype=float) / model.parameters[name].spread
    centre = {name: np.asarray(v, dtype=float) for name, v in (typical or {}).items()}
    return {name: _values(p, centre.get(name), known, eta.get(name), people) for name, p in model.parameters.items()}


@lru_cache(maxsize=256)
def _function(names: tuple[str, ...], expression: sympy.Expr) -> Callable[..., Any]:
    """Return a function of the covariates: writing it takes longer than calling it."""
    made: Callable[..., Any] = sympy.lambdify([sympy.Symbol(n) for n in names], expression, "numpy")
    return made


def _values(
    parameter: Parameter,
    centre: Floats | None,
    covariates: Mapping[str, Floats],
    eta: Floats | None,
    people: tuple[int, ...],
) -> Floats:
    typical = np.full(people, parameter.value) if centre is None else np.broadcast_to(centre, people)
    if parameter.covariates is not None:
        names = sorted(str(s) for s in parameter.covariates.free_symbols)
        typical = typical * _function(tuple(names), parameter.covariates)(*[covariates[n] for n in names])
    if eta is None:
        return typical
    if parameter.distribution == "lognormal":
        return np.asarray(typical * np.exp(eta))
    if parameter.distribution == "logitnormal":
        return np.asarray(1.0 / (1.0 + (1.0 / typical - 1.0) * np.exp(-eta)))
    return np.asarray(typical + eta)
