"""Units as an SBML document declares them, written the way pint reads them."""

from __future__ import annotations

from typing import Any

import libsbml

from abate.ground.errors import UnitError
from abate.science.model.unit_check import Dimensions

__all__ = ["read_units", "unit_text"]

_MODEL_WIDE = {
    "time": "getTimeUnits",
    "substance": "getSubstanceUnits",
    "volume": "getVolumeUnits",
    "extent": "getExtentUnits",
}
# SBML's own words where pint has another.
_WORDS = {"litre": "liter", "metre": "meter", "item": "count", "avogadro": "dimensionless", "celsius": "degC"}
_SECONDS = {86400.0: "day", 3600.0: "hour", 60.0: "minute"}


def read_units(model: Any) -> dict[str, str]:
    """Return the units of parameters, species and compartments, and of time, substance, volume and extent.

    Parameters
    ----------
    model : libsbml.Model

    Returns
    -------
    dict of name to unit
        Only for what the document declares.
    """
    units: dict[str, str] = {}
    for name, getter in _MODEL_WIDE.items():
        word = getattr(model, getter)()
        if word:
            units[name] = unit_text(model, word)
    for group in (model.getListOfParameters(), model.getListOfCompartments()):
        for element in group:
            if element.getUnits():
                units[element.getId()] = unit_text(model, element.getUnits())
    for species in model.getListOfSpecies():
        substance = species.getSubstanceUnits() or model.getSubstanceUnits()
        if substance and species.getHasOnlySubstanceUnits():
            units[species.getId()] = unit_text(model, substance)
        elif substance:
            vessel = units.get(species.getCompartment(), units.get("volume", ""))
            if vessel:
                units[species.getId()] = f"({unit_text(model, substance)})/({vessel})"
    return units


def unit_text(model: Any, word: str) -> str:
    """Return a unit name of the document as text for pint."""
    definition = model.getUnitDefinition(word)
    if definition is None:
        return _WORDS.get(word, word)
    text = "*".join(_part(unit) for unit in definition.getListOfUnits()) or "dimensionless"
    name = definition.getName()
    return name if name and _means(name, text) else text


def _part(unit: Any) -> str:
    kind = libsbml.UnitKind_toString(unit.getKind())
    factor = unit.getMultiplier() * 10.0 ** unit.getScale()
    exponent = unit.getExponentAsDouble()
    base = _SECONDS.get(factor) if kind == "second" else None
    text = base or (_WORDS.get(kind, kind) if factor == 1 else f"({factor!r}*{_WORDS.get(kind, kind)})")
    return text if exponent == 1 else f"{text}**{exponent:g}"


def _means(name: str, text: str) -> bool:
    """Tell whether the human name of a definition says what the definition does."""
    try:
        return Dimensions.of(name).same(Dimensions.of(text))
    except UnitError:
        return False
