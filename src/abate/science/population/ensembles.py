"""Ensembles of plausible parameter sets: what a calibration leaves open, as data.

A calibrated number is not one number but many that fit its targets about as well. A file of ``library/ensembles`` holds
such sets for a model; people may each be drawn from one of them, so that the uncertainty of the numbers reaches every
prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.ground.files import Document, did_you_mean, library_path, load_toml
from abate.ground.randomness import uniform
from abate.science.model import Model, load

__all__ = ["SPREAD", "ParameterSets", "ensemble_names", "read_sets", "sets"]

Floats = npt.NDArray[np.float64]

SPREAD = " spread"
"""Ending of a column that holds the standard deviation of a random effect: ``disease.a spread``."""


@dataclass(frozen=True)
class ParameterSets:
    """Plausible sets of a model's calibrated numbers; row k of every array is one set.

    Attributes
    ----------
    typical : mapping of parameter name to ndarray, shape (sets,)
        Typical values, in the model's own units.
    spread : mapping of parameter name to ndarray, shape (sets,)
        Standard deviations of random effects (of the logarithm, of the logit, or in the parameter's unit).
    """

    typical: Mapping[str, Floats]
    spread: Mapping[str, Floats]

    @property
    def number(self) -> int:
        """How many sets."""
        return next((v.size for v in (*self.typical.values(), *self.spread.values())), 0)

    def take(self, which: npt.ArrayLike) -> ParameterSets:
        """Return the sets ``which[0], which[1] ...``; an index may come more than once.

        Examples
        --------
        >>> ParameterSets({"a": np.array([0.8, 0.9])}, {}).take([1, 1, 0]).typical["a"].tolist()
        [0.9, 0.9, 0.8]
        """
        rows = np.asarray(which, dtype=np.int64)
        return ParameterSets(
            {n: v[rows] for n, v in self.typical.items()}, {n: v[rows] for n, v in self.spread.items()}
        )

    def model(self, model: Model, index: int) -> Model:
        """Return the model with the numbers of one set."""
        changed = model.with_values({name: float(values[index]) for name, values in self.typical.items()})
        spreads = {
            name: replace(changed.parameters[name], spread=float(values[index])) for name, values in self.spread.items()
        }
        return replace(changed, parameters={**changed.parameters, **spreads})


def ensemble_names() -> list[str]:
    """Return the models (``il6_blockade/gca``) that the library holds an ensemble for."""
    files = library_path("ensembles").glob("*.toml")
    return sorted({path.name.partition(".")[0].replace("-", "/", 1) for path in files})


def sets(model: Model, number: int | None = None, seed: int = 1) -> ParameterSets:
    """Return plausible parameter sets of a model.

    Parameters
    ----------
    model : Model
        As loaded (``il6_blockade/gca``), also with other numbers or sets for single modules: a number that differs
        from the calibrated one is left as it is.
    number : int, optional
        How many to draw; by default all that the file holds, in its order. Up to as many as there are, none comes
        twice; beyond, all come about equally often.
    seed : int
        Of the draw.

    Returns
    -------
    ParameterSets

    Raises
    ------
    InputError
        If the library holds no ensemble for this model, or a number of it is not in the model.

    Examples
    --------
    >>> from abate.science.model import load
    >>> drawn = sets(load("il6_blockade/pmr"), 5, seed=3)
    >>> drawn.number
    5
    """
    entry = model.name.partition(",")[0]
    # One file a calibration: what one leaves open says nothing about the other, so rows may be put side by side.
    files = sorted(library_path("ensembles").glob(f"{entry.replace('/', '-', 1)}.*.toml"))
    if not files:
        known = ensemble_names()
        raise InputError(
            "uncertainty",
            "the library has no ensemble of parameter sets for this model",
            value=entry,
            allowed=known,
            hint=did_you_mean(entry, known) or "its numbers were not calibrated here",
        )
    found = _unchanged(_side_by_side([read_sets(_document(str(path)), model) for path in files]), model, load(entry))
    if number is None:
        return found
    if number < 1:
        raise InputError("uncertainty", "too few parameter sets", value=number, allowed="1 or more")
    rounds = -(-number // found.number)
    order = [np.argsort(uniform(seed, "parameter-sets", np.arange(found.number), k)) for k in range(rounds)]
    return found.take(np.concatenate(order)[:number])


def _side_by_side(parts: list[ParameterSets]) -> ParameterSets:
    many = min(part.number for part in parts)
    typical = {name: values[:many] for part in parts for name, values in part.typical.items()}
    return ParameterSets(typical, {name: values[:many] for part in parts for name, values in part.spread.items()})


def _unchanged(found: ParameterSets, model: Model, calibrated: Model) -> ParameterSets:
    """Leave out numbers that are not the calibrated ones any more: who sets a number knows it."""

    def same(name: str, field: str) -> bool:
        return bool(getattr(model.parameters[name], field) == getattr(calibrated.parameters[name], field))

    return ParameterSets(
        {name: values for name, values in found.typical.items() if same(name, "value")},
        {name: values for name, values in found.spread.items() if same(name, "spread")},
    )


@lru_cache(maxsize=8)
def _document(path: str) -> Document:
    return load_toml(path)


def read_sets(document: Document, model: Model) -> ParameterSets:
    """Read ``columns`` (names of parameters, or ``name spread``) and ``sets`` (a row a set) for a model.

    Raises
    ------
    InputError
        If a column names nothing in the model, or a row has another length or no finite numbers.
    """
    columns = [str(name) for name in document.data.get("columns", [])]
    rows = document.data.get("sets", [])
    if not columns or not rows:
        raise document.error(("sets",), "an ensemble needs columns and sets", hint="see docs/calibration.md")
    for index, row in enumerate(rows):
        if len(row) != len(columns) or not np.isfinite(np.asarray(row, dtype=float)).all():
            raise document.error(("sets", index), "a set has one finite number a column", value=len(row))
    table = np.asarray(rows, dtype=float)
    typical: dict[str, Floats] = {}
    spread: dict[str, Floats] = {}
    for index, column in enumerate(columns):
        key = model.resolve(column.removesuffix(SPREAD))
        if key not in model.parameters:
            raise document.error(("columns", index), "no parameter of the model is called so", value=column)
        if column.endswith(SPREAD) and model.parameters[key].spread <= 0:
            raise document.error(("columns", index), "this parameter has no random effect", value=column)
        (spread if column.endswith(SPREAD) else typical)[key] = table[:, index]
    return ParameterSets(typical, spread)
