"""A laboratory value in the unit of the clinic's measures; cortisol by mass or by amount of substance."""

from __future__ import annotations

from abate.ground.errors import UnitError
from abate.ground.units import convert
from abate.planner.settings import value
from abate.study.observation import load_clinic

__all__ = ["in_clinic_unit"]


def in_clinic_unit(name: str, number: float, unit: str, *, where: str = "unit") -> tuple[float, str]:
    """Return a value and its unit as the clinic's measure has it.

    Raises
    ------
    UnitError
        If the unit is unknown or of another dimension.

    Examples
    --------
    >>> level, unit = in_clinic_unit("morning-cortisol", 10.0, "ug/dL")
    >>> round(level), unit
    (276, 'nmol/L')
    >>> in_clinic_unit("crp", 0.5, "mg/dL")
    (5.0, 'mg/L')
    """
    wanted = load_clinic()[name].unit
    try:
        return convert(number, unit, wanted, where=where), wanted
    except UnitError:
        if name != "morning-cortisol":
            raise
        # a level by mass: grams a litre over grams a mole
        mass = convert(number, unit, "ng/L", where=where)
        return mass / value("settings", "cortisol_molar_mass"), wanted
