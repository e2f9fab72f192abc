"""A model of the library as SBML with its numbers, units and sources, for any simulator that reads SBML."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import libsbml

from abate.ground.errors import InputError
from abate.science.model.loading import available, sbml_text
from abate.science.model.model import Model, Parameter
from abate.science.model.unit_check import Dimensions

__all__ = ["to_sbml"]

# Base dimensions of pint as SBML's base units; scores and international units are counts there.
_BASES = {
    "[mass]": libsbml.UNIT_KIND_KILOGRAM,
    "[length]": libsbml.UNIT_KIND_METRE,
    "[time]": libsbml.UNIT_KIND_SECOND,
    "[substance]": libsbml.UNIT_KIND_MOLE,
    "[temperature]": libsbml.UNIT_KIND_KELVIN,
}


def to_sbml(model: Model) -> str:
    """Write a model of the library as SBML level 3 version 2.

    Reactions stay reactions. Every number stands with its unit, and with source and grade as a note; inputs are
    parameters at the value they have before anything sets them. Doses are not part of the model: add the amount to the
    state that ``model.doses`` names, times its bioavailability.

    Parameters
    ----------
    model : Model
        From `load`, also after `Model.with_values`.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the model is not from the library.

    Examples
    --------
    >>> from abate.science.model import load
    >>> to_sbml(load("tocilizumab/ra")).count("<reaction ")
    6
    """
    entry = model.name.partition("/")[0]
    if entry not in available():
        raise InputError(model.name, "only a model of the library is exported", hint="your own file is SBML already")
    document = libsbml.readSBMLFromString(sbml_text(entry))
    sbml = document.getModel()
    sbml.setName(model.title or model.name)
    units = _Units(sbml)
    sbml.setTimeUnits(units.id("day"))
    for key, parameter in model.parameters.items():
        element = sbml.getParameter(key) or _new_parameter(sbml, key)
        _fill(element, parameter, units)
    for key, entry_input in model.inputs.items():
        element = sbml.getParameter(key) or _new_parameter(sbml, key)
        element.setValue(entry_input.value)
        element.setUnits(units.id(entry_input.unit))
        element.setName(entry_input.label or key)
    for key, unit in model.units.items():
        element = sbml.getParameter(key)
        if element is not None:
            element.setUnits(units.id(unit))
    return str(libsbml.writeSBMLToString(document))


def _new_parameter(sbml: Any, key: str) -> Any:
    """Add a number that stands beside the equations, such as a bioavailability."""
    element = sbml.createParameter()
    element.setId(key)
    element.setConstant(True)
    return element


def _fill(element: Any, parameter: Parameter, units: _Units) -> None:
    element.setValue(parameter.value)
    element.setUnits(units.id(parameter.unit))
    element.setName(parameter.label or parameter.name)
    note = escape(f"{parameter.grade}: {parameter.source}")
    element.setNotes(f'<p xmlns="http://www.w3.org/1999/xhtml">{note}</p>')


class _Units:
    """Unit definitions of a document, made as they are needed."""

    def __init__(self, sbml: Any) -> None:
        self.sbml = sbml
        self.made: dict[str, str] = {}

    def id(self, unit: str) -> str:
        """Return the id of the definition of a unit as pint writes it."""
        if unit not in self.made:
            definition = self.sbml.createUnitDefinition()
            identity = f"unit_{len(self.made) + 1}"
            definition.setId(identity)
            definition.setName(unit)
            dimensions = Dimensions.of(unit)
            self._part(definition, libsbml.UNIT_KIND_DIMENSIONLESS, 1.0, dimensions.scale)
            for name, power in dimensions.powers:
                self._part(definition, _BASES.get(name, libsbml.UNIT_KIND_ITEM), power, 1.0)
            self.made[unit] = identity
        return self.made[unit]

    @staticmethod
    def _part(definition: Any, kind: int, exponent: float, multiplier: float) -> None:
        part = definition.createUnit()
        part.setKind(kind)
        part.setExponent(exponent)
        part.setScale(0)
        part.setMultiplier(multiplier)
