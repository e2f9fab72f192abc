"""Cells of a NONMEM-format file as numbers: separators, comments, dates and clock times."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass, field
from datetime import date, datetime

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean

__all__ = ["Cells", "rows_of"]

_MISSING = {"", ".", "NA", "NaN", "nan"}
_DATES = ("DATE", "DAT1", "DAT2", "DAT3")
_RESERVED = {"ID", "TIME", "EVID", "AMT", "CMT", "RATE", "ADDL", "II", "SS", "DV", "MDV"}


def rows_of(text: str) -> list[tuple[int, list[str]]]:
    """Return the rows that are no comments with their line numbers; the first is the header.

    Cells stand between commas, else between semicolons, tabs or spaces, whichever the header has. A header that itself
    is written as a comment (``#ID,TIME``) is one.

    Examples
    --------
    >>> rows_of("#ID TIME AMT\\n1 0 100\\n# checked\\n1  5  .")
    [(1, ['ID', 'TIME', 'AMT']), (2, ['1', '0', '100']), (4, ['1', '5', '.'])]
    """
    lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip(" \t,;")]
    lines = [(n, line) for n, line in lines if not line.startswith("TABLE NO.")]
    if not lines:
        return []
    number, first = lines[0]
    bare = first.lstrip("#@ \t")
    if first[:1] in "#@" and {"ID", "TIME"} <= {name.upper() for name in re.split(r"[,;\s]+", bare)}:
        lines[0] = (number, bare)
    kept = [(n, line) for n, line in lines if not line.lstrip().startswith(("#", "@"))]
    separator = next((s for s in ",;\t" if kept and s in kept[0][1]), None)
    if separator is None:
        found = [(n, line.split()) for n, line in kept]
    else:
        found = [(n, next(csv.reader(io.StringIO(line), delimiter=separator))) for n, line in kept]
    return [(n, row) for k, (n, row) in enumerate(found) if k == 0 or row[0].strip() != "C"]


@dataclass
class Cells:
    """Reads rows as numbers.

    Attributes
    ----------
    where : str
        File, for messages.
    keys : list of str
        Columns.
    compartments : tuple of str
        Names that CMT may have.
    named : bool
        Whether compartments were written by name.
    clocked : bool
        Whether times were written as dates or by the clock, and so are hours.
    """

    where: str
    keys: list[str]
    compartments: tuple[str, ...]
    named: bool = False
    clocked: bool = False
    _begun: dict[float, date] = field(default_factory=dict)

    def row(self, line: int, cells: list[str]) -> list[float]:
        """Return a row as numbers, NaN where a value is missing.

        Raises
        ------
        InputError
            Naming row and column.
        """
        if len(cells) != len(self.keys):
            allowed = f"{len(self.keys)} as in the header"
            raise InputError(
                f"{self.where}, row {line}", "the row has another number of cells", value=len(cells), allowed=allowed
            )
        given = {key: cell.strip() for key, cell in zip(self.keys, cells, strict=True)}
        dated, shift = self._dated(line, given)
        found = {key: self._cell(line, key, text) for key, text in given.items() if key not in dated}
        if dated:
            found["TIME"] = found.get("TIME", 0.0) + 24 * shift
            found |= {key: shift for key in dated if key != "TIME"}
        if "TIME" in dated:
            found["TIME"] += self._hours(given["TIME"])
        return [found[key] for key in self.keys]

    def _dated(self, line: int, given: dict[str, str]) -> tuple[list[str], float]:
        """Return the columns that are dates, and the days since the subject's first one."""
        keys = [k for k in given if k.upper() in _DATES and "-" in given[k].lstrip("-")]
        keys += ["TIME"] if "-" in given.get("TIME", "").lstrip("-")[1:] and "e" not in given["TIME"].lower() else []
        if not keys:
            return [], 0.0
        try:
            day = date.fromisoformat(given[keys[-1]][:10])
        except ValueError as error:
            where = f"{self.where}, row {line}, {keys[-1]}"
            allowed = "year-month-day, as 2026-03-09"
            raise InputError(where, "this is not a date", value=given[keys[-1]], allowed=allowed) from error
        self.clocked = True
        who = self._cell(line, "ID", given.get("ID", "."))
        return keys, float((day - self._begun.setdefault(who, day)).days)

    @staticmethod
    def _hours(text: str) -> float:
        moment = datetime.fromisoformat(text)
        return moment.hour + moment.minute / 60 + moment.second / 3600

    def _cell(self, line: int, key: str, text: str) -> float:
        if text in _MISSING:
            return math.nan
        try:
            value = float(text)
        except ValueError as error:
            return self._word(line, key, text, error)
        if not math.isfinite(value):
            return self._word(line, key, text, ValueError(text))
        return value

    def _word(self, line: int, key: str, text: str, error: ValueError) -> float:
        if key == "CMT" and text in self.compartments:
            self.named = True
            return self.compartments.index(text) + 1.0
        clock = re.fullmatch(r"(\d+):(\d\d)(?::(\d\d))?", text) if key == "TIME" else None
        if clock:
            self.clocked = True
            return int(clock[1]) + int(clock[2]) / 60 + int(clock[3] or 0) / 3600
        allowed, hint = "a number, or . for none", None
        if key == "CMT" and self.compartments:
            allowed, hint = ", ".join(self.compartments), did_you_mean(text, self.compartments)
        elif key.upper() in _DATES:
            allowed = "year-month-day, as 2026-03-09"
        elif key not in _RESERVED:
            hint = "leave the column out, or write it as numbers"
        where = f"{self.where}, row {line}, {key}"
        raise InputError(where, "this is not a number", value=text, allowed=allowed, hint=hint) from error
