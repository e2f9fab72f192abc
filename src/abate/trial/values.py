"""Numbers that a person types for parameters: with a unit, or in the parameter's own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from abate.ground.errors import InputError
from abate.ground.units import convert
from abate.science.model import Model

__all__ = ["model_values", "quantity"]


def model_values(model: Model, settings: Mapping[str, float | str]) -> dict[str, float]:
    """Read ``--set`` values: a number, or a number with a unit that converts to the parameter's own."""
    values: dict[str, float] = {}
    for name, value in settings.items():
        key = model.resolve(name)
        unit = (model.parameters.get(key) or model.observation.get(key) or model.inputs[key]).unit
        values[key] = quantity(value, unit, f"--set {name}")
    return values


def quantity(value: float | str, unit: str, where: str) -> float:
    """Read a number with an optional unit.

    Examples
    --------
    >>> quantity("12.5 mL/hour", "L/day", "--set CL")
    0.3
    """
    if not isinstance(value, str):
        return float(value)
    number, _, given = value.strip().partition(" ")
    try:
        amount = float(number)
    except ValueError as error:
        raise InputError(
            where, "not a number", value=value, allowed=f"a number, or a number with a unit as in '1.5 {unit}'"
        ) from error
    if not np.isfinite(amount):
        raise InputError(where, "not a finite number", value=value)
    if len(given.split()) > 1:
        raise InputError(where, "the unit is given twice", value=value, allowed=f"one unit, as in '{amount:g} {unit}'")
    return convert(amount, given, unit or "dimensionless", where=where) if given else amount
