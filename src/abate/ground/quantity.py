"""A number about the world: value, unit, source, grade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["GRADES", "Grade", "Quantity"]

Grade = Literal["verified", "derived", "calibrated", "assumed", "unverified"]
GRADES: tuple[str, ...] = get_args(Grade)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with where it comes from and how far to trust it.

    Parameters
    ----------
    value : float
        The number, in `unit`.
    unit : str
        As pint reads it (``mg/L``, ``1/day``, ``dimensionless``).
    source : str
        Who says so: a reference, or how it was derived, calibrated or assumed.
    grade : {'verified', 'derived', 'calibrated', 'assumed', 'unverified'}
        How far to trust it.

    Examples
    --------
    >>> print(Quantity(2.54, "nmol/L", "Mihara 2005", "verified"))
    2.54 nmol/L (verified: Mihara 2005)
    """

    value: float
    unit: str
    source: str
    grade: Grade

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit} ({self.grade}: {self.source})"
