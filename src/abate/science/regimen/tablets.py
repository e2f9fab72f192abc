"""From a dose to tablets: whole or halved, as few as possible, or exactly on average over some days."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, library_path, load_toml
from abate.ground.quantity import Grade
from abate.science.regimen.schema import StrictModel, validated
from abate.science.regimen.value import number

__all__ = ["Dispensed", "Tablet", "TabletSet", "load_tablets", "tablet_sets"]

Aim = Literal["tablets", "strengths"]
_BIG = np.int64(2**60)  # no dose: above any sum of keys


@dataclass(frozen=True, slots=True)
class Tablet:
    """One strength: mg, colour, and whether it may be halved."""

    mg: float
    halved: bool = False
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Dispensed:
    """Tablets for one day.

    Attributes
    ----------
    parts : tuple of (float, float)
        Strength in mg and how many, halves as 0.5; largest strength first.
    """

    parts: tuple[tuple[float, float], ...]

    @property
    def mg(self) -> float:
        """The dose."""
        return sum(mg * count for mg, count in self.parts)

    @property
    def pieces(self) -> int:
        """How many pieces are swallowed; a half is a piece."""
        return sum(math.ceil(count) for _, count in self.parts)

    def __str__(self) -> str:
        if not self.parts:
            return "none"
        return " + ".join(f"{_halves(count)} x {number(mg)} mg" for mg, count in self.parts)


@dataclass(frozen=True)
class TabletSet:
    """The strengths at hand.

    Examples
    --------
    >>> us = load_tablets("us")
    >>> print(us.make(17.5))
    1 x 10 mg + 1 x 5 mg + 1 x 2.5 mg
    >>> print(us.make(17.5, aim="strengths"))
    3½ x 5 mg
    >>> [str(day) for day in load_tablets("uk-enteric").over_days(8.75)]
    ['2 x 5 mg', '1 x 5 mg + 1 x 2.5 mg']
    """

    name: str
    tablets: tuple[Tablet, ...]
    title: str = ""
    drug: str = ""
    source: str = ""
    grade: Grade = "assumed"

    def __post_init__(self) -> None:
        if not self.tablets or any(not t.mg > 0 for t in self.tablets):
            raise InputError(
                self.name, "a set of tablets needs strengths above 0 mg", value=[t.mg for t in self.tablets]
            )

    def only(self, strengths: Iterable[float]) -> TabletSet:
        """Return the set with some strengths alone.

        Raises
        ------
        InputError
            If a strength is not in the set.
        """
        wanted = tuple(float(mg) for mg in strengths)
        known = [t.mg for t in self.tablets]
        for mg in wanted:
            if mg not in known:
                allowed = [f"{number(k)} mg" for k in known]
                raise InputError(self.name, "there is no tablet of this strength", value=mg, allowed=allowed)
        return replace(self, tablets=tuple(t for t in self.tablets if t.mg in wanted))

    def whole(self) -> TabletSet:
        """Return the set with no tablet halved."""
        return replace(self, tablets=tuple(replace(t, halved=False) for t in self.tablets))

    def make(self, dose: float, *, aim: Aim = "tablets") -> Dispensed:
        """Make a dose for one day.

        Parameters
        ----------
        dose : float
            mg, 0 or more.
        aim : {'tablets', 'strengths'}
            Fewest pieces to swallow (a half is a piece), then fewest halves, then fewest strengths; or fewest
            strengths first.

        Raises
        ------
        InputError
            If it cannot be made; the nearest doses that can are named.
        """
        _check_dose(dose)
        found = self._find(dose, aim)
        if found is None:
            near = " and ".join(f"{number(d)} mg" for d in self.nearest(dose))
            raise InputError(
                "dose",
                f"{number(dose)} mg cannot be made of {self._strengths()}",
                allowed=f"nearest possible: {near}",
                hint="or the exact average over some days",
            )
        return found

    def can_make(self, dose: float) -> bool:
        """Return whether a dose can be made."""
        return self._find(dose, "tablets") is not None

    def nearest(self, dose: float) -> tuple[float, ...]:
        """Return the nearest possible doses: at most one below or equal, and one above.

        Examples
        --------
        >>> load_tablets("uk-enteric").nearest(6)
        (5.0, 7.5)
        """
        _check_dose(dose)
        grid = _grid(self.tablets)
        top = math.ceil(dose / float(grid)) + math.ceil(max(t.mg for t in self.tablets) / float(grid))
        possible = np.flatnonzero(_table(self.tablets, "tablets", top)[0] < _BIG) * float(grid)
        below, above = possible[possible <= dose + 1e-9], possible[possible > dose + 1e-9]
        return tuple(float(d) for d in (*below[-1:], *(() if below.size and below[-1] >= dose - 1e-9 else above[:1])))

    def over_days(self, dose: float, *, longest: int = 7, aim: Aim = "tablets") -> tuple[Dispensed, ...]:
        """Make a dose exactly on average: the shortest cycle of days, the two doses nearest to it, the larger first.

        Parameters
        ----------
        dose : float
            mg a day on average.
        longest : int
            Longest cycle in days.

        Raises
        ------
        InputError
            If no cycle up to that length has this average.
        """
        _check_dose(dose)
        if self.can_make(dose):
            return (self.make(dose, aim=aim),)
        wanted = Fraction(dose).limit_denominator(5040)  # 7! : every cycle of up to 7 days of doses in whole mg / 7!
        grid = _grid(self.tablets)
        span = max(t.mg for t in self.tablets)
        units = np.flatnonzero(_table(self.tablets, "tablets", math.ceil((dose + span) / float(grid)))[0] < _BIG)
        possible = [int(u) * grid for u in units if abs(float(int(u) * grid) - dose) <= span]
        best: tuple[int, Fraction, Fraction, Fraction, int] | None = None
        for low in (d for d in possible if d < wanted):
            for high in (d for d in possible if d > wanted):
                share = (wanted - low) / (high - low)
                days = share.denominator
                option = (days, high - low, high, low, share.numerator)
                if days <= longest and (best is None or option < best):
                    best = option
        if best is None:
            near = " and ".join(f"{number(d)} mg" for d in self.nearest(dose))
            raise InputError(
                "dose",
                f"no cycle of up to {longest} days averages {number(dose)} mg with {self._strengths()}",
                allowed=near,
            )
        days, _, high, low, times = best
        return tuple(self.make(float(high if day < times else low), aim=aim) for day in range(days))

    def _strengths(self) -> str:
        return ", ".join(number(t.mg) for t in self.tablets) + " mg tablets"

    def _find(self, dose: float, aim: Aim) -> Dispensed | None:
        grid = _grid(self.tablets)
        units = round(dose / float(grid))
        if abs(units * float(grid) - dose) > 1e-9:
            return None
        best, pieces = _table(self.tablets, aim, units)
        if best[units] >= _BIG:
            return None
        parts = []
        for index in range(len(self.tablets) - 1, -1, -1):
            tablet = self.tablets[index]
            taken = int(pieces[index, units])
            units -= taken * _piece(tablet, grid)
            if taken:
                parts.append((tablet.mg, taken / 2 if tablet.halved else float(taken)))
        return Dispensed(tuple(sorted(parts, reverse=True)))


def load_tablets(name_or_path: str | Path) -> TabletSet:
    """Read a set of tablets of the library by name, or of a TOML file.

    Raises
    ------
    InputError
        If there is none of that name, or the file is wrong.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in tablet_sets():
            hint = did_you_mean(str(name_or_path), tablet_sets())
            raise InputError(
                "tablets", "there is no such set", value=str(name_or_path), allowed=tablet_sets(), hint=hint
            )
        path = library_path("tablets", f"{name_or_path}.toml")
    content = validated(load_toml(path), TabletFile)
    tablets = sorted((Tablet(float(t.mg), t.halved, t.colour) for t in content.tablets), key=lambda t: t.mg)
    return TabletSet(content.name, tuple(tablets), content.title, content.drug, content.source, content.grade)


@cache
def tablet_sets() -> tuple[str, ...]:
    """Return the names of the library's sets of tablets."""
    return tuple(sorted(p.stem for p in library_path("tablets").glob("*.toml")))


class TabletEntry(StrictModel):
    """One strength in a file."""

    mg: int | float = Field(gt=0)
    halved: bool
    colour: str = ""


class TabletFile(StrictModel):
    """Keys of a file of tablets."""

    name: str
    title: str
    drug: str
    source: str = Field(min_length=1)
    grade: Grade
    tablets: list[TabletEntry] = Field(min_length=1)


def _check_dose(dose: float) -> None:
    if not 0 <= dose < math.inf:
        raise InputError("dose", "a dose cannot be negative or endless", value=dose, allowed="0 or more mg")


def _halves(count: float) -> str:
    whole = int(count)
    return f"{whole or ''}½" if count != whole else str(whole)


@cache
def _grid(tablets: tuple[Tablet, ...]) -> Fraction:
    """Return the largest amount of which every piece is a multiple, mg."""
    pieces = [Fraction(str(t.mg)) / (2 if t.halved else 1) for t in tablets]
    bottom = math.lcm(*(p.denominator for p in pieces))
    return Fraction(math.gcd(*(int(p * bottom) for p in pieces)), bottom)


def _piece(tablet: Tablet, grid: Fraction) -> int:
    return int(Fraction(str(tablet.mg)) / (2 if tablet.halved else 1) / grid)


def _table(tablets: tuple[Tablet, ...], aim: Aim, top: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the best key of every amount up to at least `top` units, and the pieces of each strength that reach it."""
    return _solved(tablets, aim, max(256, 1 << top.bit_length()))


@cache
def _solved(tablets: tuple[Tablet, ...], aim: Aim, size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Solve every amount below `size` units, one strength after another.

    A key is (pieces, halves, strengths) in the order of the aim, packed into one number, so that keys add and compare
    as their parts do: the best key of an amount is the smallest sum of the best key of what is left for the strengths
    before and the key of so many pieces of this one.
    """
    grid = _grid(tablets)
    best = np.full(size, _BIG)
    best[0] = 0
    pieces = np.zeros((len(tablets), size), dtype=np.int64)
    for index, tablet in enumerate(tablets):
        piece = _piece(tablet, grid)
        after = best.copy()
        for taken in range(1, (size - 1) // piece + 1):
            key = _key(taken, tablet.halved, aim)
            reached = best[: size - taken * piece] + key
            better = reached < after[taken * piece :]
            after[taken * piece :][better] = reached[better]
            pieces[index, taken * piece :][better] = taken
        best = np.minimum(after, _BIG)
    return best, pieces


def _key(taken: int, halved: bool, aim: Aim) -> int:
    pieces, halves = (taken // 2 + taken % 2, taken % 2) if halved else (taken, 0)
    order: Sequence[int] = (pieces, halves, 1) if aim == "tablets" else (1, pieces, halves)
    return (order[0] << 40) + (order[1] << 20) + order[2]
