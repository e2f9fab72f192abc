"""Numbers that a person types for parameters: with a unit, or in the parameter's own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from abate.ground.errors import InputError
from abate.ground.units import convert
from abate.science.model import Model, Parameter

__all__ = ["model_values", "quantity"]


def model_values(model: Model, settings: Mapping[str, float | str]) -> dict[str, float]:
    """Read ``--set`` values: a number, or a number with a unit that converts to the parameter's own."""
    values: dict[str, float] = {}
    for name, value in settings.items():
        key = model.resolve(name)
        if key in model.observation:
            hint = "change dropout.rate of the trial, a setting of the policy's file, or its measures"
            raise InputError(f"--set {name}", "a trial does not read this number of the model", value=value, hint=hint)
        unit = (model.parameters.get(key) or model.observation.get(key) or model.inputs[key]).unit
        values[key] = quantity(value, unit, f"--set {name}")
        if key in model.parameters:
            _check_range(model.parameters[key], values[key], f"--set {name}")
    return values


def _check_range(parameter: Parameter, value: float, where: str) -> None:
    """Refuse a value that the parameter cannot have: a clearance is not negative, a share not above 1."""
    unit = parameter.unit if parameter.unit not in ("", "dimensionless") else ""
    if parameter.distribution == "logitnormal" and not 0 < value < 1:
        raise InputError(where, "out of range", value=value, allowed="more than 0 and less than 1")
    if parameter.distribution == "lognormal" and not value > 0:
        raise InputError(where, "out of range", value=value, allowed=f"more than 0 {unit}".strip())
    if parameter.value >= 0 and value < 0:
        raise InputError(where, "a negative value has no meaning here", value=value, allowed=f"0 {unit} or more")


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
