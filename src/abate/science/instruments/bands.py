"""The severity band of a score, as each paper prints it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from abate.science.instruments.definition import Band, BandSet
from abate.science.instruments.operations import exact

__all__ = ["BandFound", "find_band"]


@dataclass(frozen=True, slots=True)
class BandFound:
    """Which band of one paper a score falls in.

    Attributes
    ----------
    name : str
        Name of the set of bands, such as ``salaffi-2018``.
    score : str
        Which score it judges.
    band : str or None
        None in a gap that the paper prints between two bands, or outside all of them.
    between : tuple of str
        The two neighbours of such a gap.
    paper : str
        The citation.
    grade : str
        Grade of the cut-offs.
    """

    name: str
    score: str
    band: str | None
    between: tuple[str, ...]
    paper: str
    grade: str

    def as_text(self) -> str:
        """Say it in words.

        Examples
        --------
        >>> BandFound("salaffi-2018", "total", None, ("mild", "moderate"), "Salaffi 2018", "verified").as_text()
        'between mild and moderate (a gap as printed)'
        """
        if self.band is not None:
            return self.band
        return f"between {' and '.join(self.between)} (a gap as printed)" if self.between else "outside the bands"


def find_band(bands: BandSet, value: Fraction, paper: str) -> BandFound:
    """Return the band that holds a value; in a printed gap, the two bands around it."""
    band: str | None = None
    between: tuple[str, ...] = ()
    for entry in bands.bands:
        if _holds(entry, value):
            band = entry.name
            break
    else:
        below = [entry.name for entry in bands.bands if entry.high is not None and exact(entry.high) <= value]
        above = [entry.name for entry in bands.bands if entry.low is not None and exact(entry.low) >= value]
        between = (below[-1], above[0]) if below and above else ()
    return BandFound(bands.name, bands.score, band, between, paper, bands.grade)


def _holds(band: Band, value: Fraction) -> bool:
    low = None if band.low is None else exact(band.low)
    high = None if band.high is None else exact(band.high)
    above = low is None or (value >= low if band.from_low else value > low)
    below = high is None or (value <= high if band.to_high else value < high)
    return above and below
