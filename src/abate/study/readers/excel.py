"""Excel workbooks, cell by cell: a formula is refused, a date becomes text."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from abate.ground.errors import InputError
from abate.ground.extras import optional
from abate.ground.files import did_you_mean
from abate.study.readers.grid import Cell, Grid, Row

__all__ = ["read_excel"]


def read_excel(path: Path, sheet: str = "") -> Grid:
    """Read one sheet of a workbook (the first that holds anything, unless `sheet` names one).

    Raises
    ------
    InputError
        If the sheet is not there or empty, or a cell holds a formula or an error.
    MissingExtra
        If openpyxl is not installed.
    """
    openpyxl = optional("openpyxl")
    try:
        book = openpyxl.load_workbook(path, read_only=False, data_only=False)
    except Exception as error:
        raise InputError(path.name, "this is not an Excel workbook", allowed=".xlsx or .xlsm") from error
    chosen = _choose(book, path.name, sheet)
    others = [name for name in book.sheetnames if name != chosen.title and _filled(book[name])]
    place = f"{path.name}, sheet {chosen.title}"
    filled = [(row[0].row, row) for row in chosen.iter_rows() if any(cell.value is not None for cell in row)]
    headings = [(position, cell) for position, cell in enumerate(filled[0][1]) if cell.value is not None]
    columns = [str(cell.value).strip() for _, cell in headings]
    rows = []
    for number, cells in filled[1:]:
        texts = [_cell(cells[position], place, name) for (position, _), name in zip(headings, columns, strict=True)]
        if any(text is not None for text in texts):
            rows.append(Row(number, tuple(texts)))
    notes = tuple(
        f"the sheet {name!r} was not read (set sheet = in a --map file to read it instead)" for name in others
    )
    return Grid(place, "excel", tuple(columns), tuple(rows), notes=notes).checked()


def _choose(book: Any, name: str, sheet: str) -> Any:
    if sheet:
        if sheet not in book.sheetnames:
            hint = did_you_mean(sheet, book.sheetnames)
            raise InputError(name, "there is no such sheet", value=sheet, allowed=book.sheetnames, hint=hint)
        return book[sheet]
    for candidate in book.worksheets:
        if _filled(candidate):
            return candidate
    raise InputError(name, "the file is empty", hint="the first row of a sheet holds the headings")


def _filled(sheet: Any) -> bool:
    return any(value is not None for row in sheet.iter_rows(values_only=True) for value in row)


def _cell(cell: Any, place: str, column: str) -> Cell:
    value = cell.value
    where = f"{place}, row {cell.row}, column {column}"
    if cell.data_type == "f":
        shown = value if isinstance(value, str) else getattr(value, "text", "=...")
        raise InputError(where, "this is a formula, not a value", value=shown, hint="paste the values in its place")
    if cell.data_type == "e":
        raise InputError(where, "this cell holds an error", value=value, hint="mend it or leave it empty")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return None if value is None or not str(value).strip() else str(value).strip()
