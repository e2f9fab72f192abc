"""The drugs that a regimen may name, as the library has them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, library_path, load_toml
from abate.ground.quantity import Grade, Quantity
from abate.ground.units import convert

__all__ = ["ROUTES", "Drug", "antibodies", "clock_hours", "drug", "drugs"]

ROUTES: dict[str, tuple[str, ...]] = {
    "sc": ("sc", "s.c.", "subcutaneous", "subcutaneously", "under the skin"),
    "iv": ("iv", "i.v.", "intravenous", "intravenously"),
    "oral": ("oral", "orally", "po", "p.o.", "by mouth"),
}
"""Routes and how people write them."""


@dataclass(frozen=True, slots=True)
class Drug:
    """A drug of the library.

    Attributes
    ----------
    name : str
        Canonical name, as models and studies use it.
    names : tuple of str
        Other names that people write.
    routes : tuple of str
        Ways it may be given; the first is the usual one.
    clock : str or None
        Time of day of a daily dose that names none (``"morning"``).
    infusion : Quantity or None
        Usual duration of an infusion.
    cap : Quantity or None
        Largest single dose on the label.
    lag : Quantity or None
        Delay between taking it and its release.
    active : str
        The drug that reaches the body (differs from `name` for a formulation such as delayed release).
    antibody : str
        What it binds, where it is an antibody.
    """

    name: str
    names: tuple[str, ...]
    routes: tuple[str, ...]
    clock: str | None = None
    infusion: Quantity | None = None
    cap: Quantity | None = None
    lag: Quantity | None = None
    active: str = ""
    antibody: str = ""

    @property
    def infusion_h(self) -> float:
        """Usual infusion duration in hours (0 when none is known)."""
        return convert(self.infusion.value, self.infusion.unit, "h") if self.infusion else 0.0

    @property
    def lag_h(self) -> float:
        """Delay of release in hours."""
        return convert(self.lag.value, self.lag.unit, "h") if self.lag else 0.0


@cache
def drugs() -> dict[str, Drug]:
    """Return every drug of the library by canonical name.

    Examples
    --------
    >>> drugs()["tocilizumab"].routes
    ('sc', 'iv')
    """
    data = load_toml(library_path("drugs", "drugs.toml")).data
    return {name: _drug(name, entry) for name, entry in data["drugs"].items()}


def drug(name: str, *, where: str = "regimen") -> Drug:
    """Return a drug by its name or by one of its other names.

    Raises
    ------
    InputError
        If it is unknown; the nearest name is suggested.

    Examples
    --------
    >>> drug("Actemra").name
    'tocilizumab'
    """
    wanted = " ".join(name.casefold().split())
    for known in drugs().values():
        if wanted == known.name or wanted in known.names:
            return known
    spellings = [n for known in drugs().values() for n in (known.name, *known.names)]
    raise InputError(where, "this drug is not known", value=name, allowed=drugs(), hint=did_you_mean(wanted, spellings))


@cache
def antibodies() -> tuple[str, ...]:
    """Return the antibodies of the library: what a policy calls ``drug``.

    Examples
    --------
    >>> antibodies()
    ('tocilizumab', 'sarilumab')
    """
    return tuple(name for name, known in drugs().items() if known.antibody)


@cache
def clock_hours() -> dict[str, float]:
    """Return the hour of each named time of day.

    Examples
    --------
    >>> sorted(clock_hours())
    ['evening', 'morning', 'night', 'noon']
    """
    data = load_toml(library_path("drugs", "drugs.toml")).data
    return {name: float(entry["value"]) for name, entry in data["clock"].items()}


def _drug(name: str, entry: dict[str, Any]) -> Drug:
    return Drug(
        name,
        tuple(entry["names"]),
        tuple(entry["routes"]),
        entry.get("clock"),
        _quantity(entry.get("infusion")),
        _quantity(entry.get("cap")),
        _quantity(entry.get("lag")),
        entry.get("active", name),
        entry.get("antibody", ""),
    )


def _quantity(entry: dict[str, Any] | None) -> Quantity | None:
    if entry is None:
        return None
    return Quantity(float(entry["value"]), entry["unit"], entry["source"], cast(Grade, entry["grade"]))
