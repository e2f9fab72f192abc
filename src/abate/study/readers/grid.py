"""A grid of cells as a file holds it, each with the place a person would look for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from abate.ground.errors import InputError

__all__ = ["Cell", "Grid", "Row", "is_blank"]

Cell = str | float | None

_BLANK = frozenset({"", ".", "na", "n/a", "nan", "null", "none", "missing"})


def is_blank(cell: Cell) -> bool:
    """Tell whether a cell holds no answer (empty, or one of the usual signs for missing)."""
    if cell is None:
        return True
    if isinstance(cell, float):
        return cell != cell
    return cell.strip().lower() in _BLANK


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number as a spreadsheet shows it, and its cells."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Grid:
    """Rows and columns of one file.

    Attributes
    ----------
    file : str
        Name shown in errors (with the sheet, where there is one).
    format : str
        csv, excel, redcap, spss, sas, stata, dataset-json, fhir.
    columns : tuple of str
        Headings.
    rows : tuple of Row
        Below them.
    labels : mapping of column to text
        What a statistics package or a data dictionary says about a column.
    notes : tuple of str
        What was decided on the way (a sheet that was not read).
    """

    file: str
    format: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def where(self, row: int, column: str = "") -> str:
        """Return ``file, row N, column C``."""
        return f"{self.file}, row {row}, column {column}" if column else f"{self.file}, row {row}"

    def index(self, column: str) -> int:
        """Return the position of a column."""
        return self.columns.index(column)

    def column(self, name: str) -> list[Cell]:
        """Return one column's cells."""
        position = self.index(name)
        return [row.cells[position] for row in self.rows]

    def checked(self) -> Grid:
        """Return self, or refuse a grid without rows or with a heading that stands twice."""
        seen: set[str] = set()
        for name in self.columns:
            if name in seen:
                raise InputError(f"{self.file}, row 1, column {name}", "the heading stands twice", hint="rename one")
            seen.add(name)
        if not self.rows:
            raise InputError(self.file, "there are headings but no rows", hint="add a row for each answer or visit")
        return self
