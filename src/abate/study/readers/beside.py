"""Doses and events in a file of their own beside the study file: ``series-doses.csv``, ``series-events.csv``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.results import slug
from abate.study.readers.assemble import natural
from abate.study.readers.cells import as_text, number
from abate.study.readers.delimited import read_delimited
from abate.study.readers.grid import Grid, Row, is_blank
from abate.study.readers.mapping import MapFile
from abate.study.readers.visits import date_format, parse_date
from abate.study.tables import conform, empty

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["find_beside", "read_beside"]

Table = Literal["doses", "events"]
# heading -> days
_CLOCKS = {"time": 1.0, "day": 1.0, "week": 7.0}
_TEXTS = {"doses": ("drug", "route", "unit"), "events": ("event", "detail")}
_NUMBERS = {"amount": None, "duration": 0.0, "count": 1.0, "interval": 0.0}


def find_beside(path: Path, table: Table, map_file: MapFile) -> Path | None:
    """Find the file of doses or events: the one that the map file names, or ``NAME-doses.csv`` beside the study file.

    NAME is the study file's name, or its beginning up to a hyphen: ``series-doses.csv`` belongs to ``series.csv`` and
    to ``series-redcap.csv``.

    Raises
    ------
    InputError
        If the map file names a file that is not there.
    """
    named = getattr(map_file, table)
    if named:
        file = Path(named) if Path(named).is_absolute() else path.parent / named
        if not file.is_file():
            raise InputError(f"{map_file.path}, {table}", "there is no such file", value=str(named))
        return file
    parts = path.name.split(".")[0].split("-")
    for end in range(len(parts), 0, -1):
        file = path.parent / f"{'-'.join(parts[:end])}-{table}.csv"
        if file.is_file() and file != path:
            return file
    return None


def read_beside(
    path: Path, table: Table, people: set[str], origins: Mapping[str, date], map_file: MapFile
) -> pd.DataFrame:
    """Read doses or events.

    Doses have subject, week (or day, or date), drug, route, amount, unit and, if wanted, duration, count and interval
    (days); events have subject, week, event and detail.

    Raises
    ------
    InputError
        With file, row and column: a person who is not in the study, a negative amount, no number, a heading missing.
    """
    import pandas as pd

    grid = read_delimited(path)
    columns = {slug(name): name for name in grid.columns}
    needed = ("subject", *(("drug", "route", "amount", "unit") if table == "doses" else ("event",)))
    for name in needed:
        if name not in columns:
            raise InputError(
                f"{grid.file}, row 1", "a heading is missing", value=name, hint=did_you_mean(name, columns)
            )
    when = next((name for name in (*_CLOCKS, "date") if name in columns), None)
    if when is None:
        raise InputError(f"{grid.file}, row 1", "no column says when", allowed="week, day or date")
    format = _format(grid, columns["date"], map_file) if when == "date" else ""
    rows = [_row(grid, row, table, columns, when, format, people, origins, map_file) for row in grid.rows]
    rows.sort(key=lambda entry: (natural(entry["subject"]), entry["time"], entry.get("drug", entry.get("event"))))
    return conform(table, pd.DataFrame(rows)[list(empty(table).columns)])


def _row(
    grid: Grid,
    row: Row,
    table: Table,
    columns: Mapping[str, str],
    when: str,
    format: str,
    people: set[str],
    origins: Mapping[str, date],
    map_file: MapFile,
) -> dict[str, Any]:
    def cell(name: str) -> Any:
        return row.cells[grid.index(columns[name])] if name in columns else None

    def place(name: str) -> str:
        return grid.where(row.number, columns[name])

    who = as_text(cell("subject"))
    if who not in people:
        hint = did_you_mean(who, people)
        raise InputError(place("subject"), "this person has no answers in the study", value=who, hint=hint)
    entry: dict[str, Any] = {"subject": who}
    if is_blank(cell(when)):
        raise InputError(place(when), "the time is missing", allowed=when)
    if when == "date":
        if who not in origins:
            raise InputError(
                place("date"), f"{who} has no dated visit to count days from", hint="give week or day instead"
            )
        entry["time"] = float((parse_date(as_text(cell("date")), format) - origins[who]).days)
    else:
        found = number(cell(when), place(when), decimal=map_file.decimal)
        entry["time"] = (found.value if found else 0.0) * _CLOCKS[when]
    for name in _TEXTS[table]:
        entry[name] = as_text(cell(name)) if name in ("unit", "detail") else slug(as_text(cell(name)))
    for name, default in _NUMBERS.items() if table == "doses" else ():
        entry[name] = _positive(cell(name), place(name) if name in columns else "", default, map_file)
    return entry


def _positive(cell: Any, where: str, default: float | None, map_file: MapFile) -> float:
    found = number(cell, where, decimal=map_file.decimal)
    if found is None:
        if default is None:
            raise InputError(where, "the amount is missing", allowed="a number above 0")
        return default
    if found.value < 0:
        raise InputError(where, "this cannot be negative", value=found.value, allowed="0 or more")
    return found.value


def _format(grid: Grid, column: str, map_file: MapFile) -> str:
    position = grid.index(column)
    cells = [(grid.where(row.number, column), as_text(row.cells[position])) for row in grid.rows]
    return date_format([(where, text) for where, text in cells if not is_blank(text)], map_file.date_format)
