"""What a visit may show, and what is simulated truth that no visit shows."""

from __future__ import annotations

from functools import cache

from abate.ground.errors import InputError, UnitError
from abate.ground.files import did_you_mean, library_path, load_toml
from abate.ground.units import convert

__all__ = ["hidden", "in_unit", "observable", "require_observable"]


@cache
def observable() -> dict[str, str]:
    """Return the unit of every measure that a visit may show.

    Examples
    --------
    >>> observable()["crp"]
    'mg/L'
    """
    clinic = load_toml(library_path("observation", "clinic.toml")).data
    charted = load_toml(library_path("measures", "charted.toml")).data["charted"]
    return {name: str(entry["unit"]) for name, entry in {**charted, **clinic}.items()}


@cache
def hidden() -> frozenset[str]:
    """Return names of the simulated truth."""
    return frozenset(load_toml(library_path("measures", "charted.toml")).data["hidden"]["names"])


def require_observable(name: str, *, where: str) -> None:
    """Refuse a measure that no visit shows.

    Raises
    ------
    InputError
        If it is simulated truth, or unknown.
    """
    if name in observable():
        return
    if name.casefold().replace("_", "-") in hidden():
        problem = "this is the simulated truth, which no visit shows; a policy reads observations alone"
        raise InputError(where, problem, value=name, allowed=observable())
    raise InputError(
        where, "no visit shows this", value=name, allowed=observable(), hint=did_you_mean(name, observable())
    )


@cache
def in_unit(value: float, unit: str, to: str, where: str) -> float:
    """Convert a threshold to the unit of its measure; a bare number is allowed where the measure is a score.

    Raises
    ------
    UnitError
        If the unit is missing or does not fit.

    Examples
    --------
    >>> in_unit(1, "mg/dL", "mg/L", "when")
    10.0
    """
    same = {"points": "point", "x": "xULN", "days": "day", "weeks": "week"}
    unit = same.get(unit, unit)
    if unit == to or (not unit and to in ("", "point", "yes", "day")):
        return value
    if not unit:
        raise UnitError(where, "the unit is missing", value=value, allowed=to, hint=f"write {value:g} {to}")
    if to in ("", "point", "yes", "xULN") or unit in ("point", "xULN"):
        raise UnitError(where, "the unit does not fit", value=unit, allowed=to or "a bare number")
    return convert(value, unit, to, where=where)
