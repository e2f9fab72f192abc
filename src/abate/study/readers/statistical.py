"""SPSS, SAS and Stata files through pyreadstat: numbers stay numbers, labels come along."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from abate.ground.errors import InputError
from abate.ground.extras import optional
from abate.study.readers.grid import Cell, Grid, Row

__all__ = ["FORMATS", "read_statistical"]

# suffix -> (reader of pyreadstat, name of the format)
FORMATS = {
    ".sav": ("read_sav", "spss"),
    ".zsav": ("read_sav", "spss"),
    ".por": ("read_por", "spss"),
    ".sas7bdat": ("read_sas7bdat", "sas"),
    ".xpt": ("read_xport", "sas"),
    ".dta": ("read_dta", "stata"),
}


def read_statistical(path: Path) -> Grid:
    """Read a file of a statistics package; a row's number counts cases from 1.

    Raises
    ------
    InputError
        If the file cannot be read.
    MissingExtra
        If pyreadstat is not installed.
    """
    pyreadstat = optional("pyreadstat")
    reader, name = FORMATS[path.suffix.lower()]
    if not path.stat().st_size:
        raise InputError(path.name, "the file is empty", hint="export it again")
    try:
        frame, meta = getattr(pyreadstat, reader)(str(path))
    except Exception as error:
        said = " ".join(str(error).split())
        hint = f"open it in the program and save it again as {path.suffix.lower()}, or export it as CSV"
        raise InputError(path.name, f"this is not a file that {name.upper()} wrote ({said})", hint=hint) from error
    columns = tuple(str(column) for column in frame.columns)
    cells = [tuple(_cell(value) for value in row) for row in frame.itertuples(index=False, name=None)]
    rows = tuple(Row(number, row) for number, row in enumerate(cells, start=1))
    labels = {column: label for column, label in meta.column_names_to_labels.items() if label}
    return Grid(path.name, name, columns, rows, labels=labels).checked()


def _cell(value: Any) -> Cell:
    if value is None or value != value:
        return None
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        return value.strip() or None
    return float(value)
