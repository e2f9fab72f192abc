"""Units at the door: convert once, then work with bare numbers."""

from __future__ import annotations

from functools import cache
from typing import Any

from abate.ground.errors import UnitError

__all__ = ["convert", "dimension", "registry"]


@cache
def registry() -> Any:
    """Return the one pint registry of the package (created at first use: it takes a tenth of a second)."""
    import pint

    units = pint.UnitRegistry(cache_folder=None, on_redefinition="ignore")
    # The field's own names; a point is of a score here, not of a printer. International units never convert.
    units.define("international_unit = [activity] = IU")
    units.define("point = [score]")
    return units


def dimension(unit: str, *, where: str = "unit") -> str:
    """Return the dimension of a unit, such as ``[mass] / [length] ** 3``.

    Raises
    ------
    UnitError
        If the unit is unknown.

    Examples
    --------
    >>> dimension("mg/L") == dimension("ug/mL")
    True
    """
    return str(_unit(unit, where).dimensionality)


def convert(value: float, unit: str, to: str, *, where: str = "unit") -> float:
    """Convert a number from one unit to another of the same dimension.

    Parameters
    ----------
    value : float
        In `unit`.
    unit, to : str
        Units as pint reads them.
    where : str
        Named in the error.

    Returns
    -------
    float
        In `to`.

    Raises
    ------
    UnitError
        If a unit is unknown or the dimensions differ.

    Examples
    --------
    >>> convert(2.0, "mg/dL", "mg/L")
    20.0
    >>> convert(800, "cells/mm3", "10^9/L")
    0.8
    """
    source, target = _unit(unit, where), _unit(to, where)
    if source.dimensionality != target.dimensionality:
        raise UnitError(where, "the unit has the wrong dimension", value=unit, allowed=f"a unit that converts to {to}")
    return float(registry().Quantity(value, source).to(target).magnitude)


# Cell counts as laboratories write them: pint reads no power of ten in a unit.
_CELLS = {"10^9/L": "1/nL", "10^6/mL": "1/nL", "10^3/uL": "1/nL", "10^3/mm3": "1/nL", "G/L": "1/nL", "10^12/L": "1/pL",
          "cells/mm3": "1/uL", "cells/uL": "1/uL", "/mm3": "1/uL", "/uL": "1/uL", "/nL": "1/nL"}  # fmt: skip


@cache
def _unit(unit: str, where: str) -> Any:
    plain = unit.replace("µ", "u").replace("μ", "u")
    try:
        return registry().parse_units(_CELLS.get(plain, plain))
    except Exception as error:
        raise UnitError(
            where, "the unit is not known", value=unit, hint="write it like mg, ug/mL, L/day, 1/day"
        ) from error
