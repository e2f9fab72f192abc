"""REDCap exports: data dictionary, checkboxes, labels for codes, repeating instruments, forms never filled in.

The data dictionary lies beside the export (any CSV whose first heading is ``Variable / Field Name``, or the file that a
``--map`` file names); without one, columns are recognised by their names alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from abate.ground.errors import InputError
from abate.study.readers.cells import as_text
from abate.study.readers.delimited import read_delimited
from abate.study.readers.grid import Cell, Grid, Row, is_blank
from abate.study.readers.names import recognise

__all__ = [
    "EVENT",
    "INSTANCE",
    "INSTRUMENT",
    "Field",
    "fields_of",
    "find_dictionary",
    "is_redcap",
    "place_repeats",
    "prepare",
    "read_dictionary",
]

EVENT, INSTRUMENT, INSTANCE = "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"
_NAME, _FORM, _TYPE, _LABEL = "Variable / Field Name", "Form Name", "Field Type", "Field Label"
_CHOICES = "Choices, Calculations, OR Slider Labels"


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a data dictionary; `choices` is code -> label."""

    name: str
    form: str
    type: str
    label: str
    choices: Mapping[str, str]


def is_redcap(columns: Iterable[str]) -> bool:
    """Tell whether a grid's headings are those of a REDCap export."""
    names = list(columns)
    marks = (EVENT, INSTRUMENT, INSTANCE, "redcap_data_access_group", "redcap_survey_identifier")
    return any(mark in names for mark in marks) or any("___" in name for name in names)


def find_dictionary(path: Path, named: str = "") -> Path | None:
    """Find the data dictionary of an export: the file that is named, or the only one beside it.

    Raises
    ------
    InputError
        If the named file is not there, or several lie beside the export.
    """
    if named:
        file = Path(named) if Path(named).is_absolute() else path.parent / named
        if not file.is_file():
            raise InputError("dictionary", "there is no such file", value=str(file))
        return file
    found = [file for file in sorted(path.parent.glob("*.csv")) if file != path and _is_dictionary(file)]
    if len(found) > 1:
        own = [file for file in found if file.stem.startswith(path.stem)]
        if len(own) != 1:
            names = ", ".join(file.name for file in found)
            hint = 'name one: dictionary = "FILE.csv" in a --map file'
            raise InputError(path.name, "several data dictionaries lie beside it", value=names, hint=hint)
        found = own
    return found[0] if found else None


def read_dictionary(path: Path) -> dict[str, Field]:
    """Read a data dictionary."""
    grid = read_delimited(path)
    for heading in (_NAME, _FORM, _TYPE, _LABEL, _CHOICES):
        if heading not in grid.columns:
            raise InputError(f"{path.name}, row 1", "a heading of the data dictionary is missing", value=heading)
    rows = ({name: as_text(cell) for name, cell in zip(grid.columns, row.cells, strict=True)} for row in grid.rows)
    return fields_of((row[_NAME], row[_FORM], row[_TYPE], row[_LABEL], row[_CHOICES]) for row in rows)


def fields_of(rows: Iterable[tuple[str, str, str, str, str]]) -> dict[str, Field]:
    """Make fields from (name, form, type, label, choices)."""
    return {
        name: Field(
            name, form, kind, _plain(label), _choices(choices) if kind in ("radio", "dropdown", "checkbox") else {}
        )
        for name, form, kind, label, choices in rows
    }


def prepare(grid: Grid, fields: Mapping[str, Field]) -> tuple[Grid, list[str], dict[str, str]]:
    """Make a plain grid of an export.

    Parameters
    ----------
    grid : Grid
        The export.
    fields : mapping of name to Field
        The data dictionary; may be empty.

    Returns
    -------
    grid : Grid
        Format ``redcap``; labels from the dictionary; labelled answers turned back into codes.
    assumptions : list of str
    ignored : dict of column to reason
        Form status, survey time stamps and the like.
    """
    labels = {name: label for name in grid.columns if (label := _label(name, fields))}
    ignored = {
        name: "form status or time stamp of REDCap"
        for name in grid.columns
        if name.endswith(("_complete", "_timestamp"))
        or name in ("redcap_survey_identifier", "redcap_data_access_group")
    }
    ignored |= {
        name: "file, note or text for display"
        for name in grid.columns
        if _kind(name, fields) in ("descriptive", "notes", "file")
    }
    rows, assumptions = _without_empty_forms(grid, fields)
    coded = tuple(
        Row(row.number, tuple(_coded(c, n, fields) for c, n in zip(row.cells, grid.columns, strict=True)))
        for row in rows
    )
    return replace(grid, format="redcap", rows=coded, labels=labels), assumptions, ignored


def place_repeats(grid: Grid, visit_is_given: bool) -> tuple[Grid, str, list[str]]:
    """Find what tells the visits of a repeating form apart.

    Parameters
    ----------
    grid : Grid
        From `prepare`.
    visit_is_given : bool
        The map file names the visit column.

    Returns
    -------
    grid : Grid
        Rows that do not repeat and say no visit are given the baseline.
    column : str
        The column to take the visit from; empty where nothing repeats, or the usual one will do.
    assumptions : list of str
    """
    if INSTANCE not in grid.columns or visit_is_given or all(is_blank(cell) for cell in grid.column(INSTANCE)):
        return grid, "", []
    repeated = [not is_blank(cell) for cell in grid.column(INSTANCE)]
    own = [name for name in grid.columns if name != EVENT and _tells_visit(name) and _filled(grid, name, repeated)]
    if not own and any(_tells_date(name) and _filled(grid, name, repeated) for name in grid.columns):
        return grid, "", []
    column = own[0] if own else INSTANCE
    if column == INSTANCE and EVENT in grid.columns and not _clashes(grid):
        return grid, "", []
    position = grid.index(column)
    rows = []
    for row, repeats in zip(grid.rows, repeated, strict=True):
        cells = list(row.cells)
        if not repeats and is_blank(cells[position]):
            cells[position] = "baseline"
        rows.append(Row(row.number, tuple(cells)))
    note = f"the visit of a repeating form is column {column}; rows that do not repeat belong to the baseline"
    return replace(grid, rows=tuple(rows)), column, [note]


def _tells_visit(name: str) -> bool:
    return bool(re.search(r"(^|_)(visit|week|weeks|timepoint|month)($|_name$|_number$)", name.lower()))


def _tells_date(name: str) -> bool:
    return bool(re.search(r"(^|_)date($|_)", name.lower()))


def _filled(grid: Grid, name: str, rows: list[bool]) -> bool:
    return all(not is_blank(cell) for cell, wanted in zip(grid.column(name), rows, strict=True) if wanted)


def _clashes(grid: Grid) -> bool:
    """Tell whether one person has the same form more than once in one event."""
    keys = [
        (as_text(row.cells[0]), as_text(row.cells[grid.index(EVENT)]), as_text(row.cells[grid.index(INSTRUMENT)]))
        for row in grid.rows
        if not is_blank(row.cells[grid.index(INSTANCE)])
    ]
    return len(set(keys)) < len(keys)


def _is_dictionary(file: Path) -> bool:
    with file.open("rb") as stream:
        return _NAME.encode() in stream.read(200)


def _plain(label: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", label).split())


def _choices(text: str) -> dict[str, str]:
    pairs = (part.partition(",") for part in text.split("|") if "," in part)
    return {code.strip(): _plain(label) for code, _, label in pairs}


def _kind(column: str, fields: Mapping[str, Field]) -> str:
    field = fields.get(column)
    return field.type if field else ""


def _label(column: str, fields: Mapping[str, Field]) -> str:
    """What the dictionary says about a column; for a checkbox, its field's name and the choice (``wpi: Left jaw``)."""
    base, mark, code = column.partition("___")
    field = fields.get(base)
    if field is None:
        return ""
    if not mark:
        return field.label
    by_code = {re.sub(r"[^a-z0-9]", "_", key.lower()): label for key, label in field.choices.items()}
    choice = by_code.get(code, "")
    names = [f"{start}: {choice}" for start in (base, field.label)]
    return next((name for name in names if recognise(name)), names[0]) if choice else ""


def _coded(cell: Cell, column: str, fields: Mapping[str, Field]) -> Cell:
    """Turn the label of an answer back into its code; a choice that is no answer (sex) into its label."""
    field = fields.get(column)
    if field is None or field.type not in ("radio", "dropdown") or is_blank(cell):
        return cell
    text = as_text(cell)
    if not (recognise(column) or recognise(field.label)):
        return field.choices.get(text, text)
    if text in field.choices:
        return cell
    codes = [code for code, label in field.choices.items() if label == text]
    return codes[0] if len(codes) == 1 else cell


def _without_empty_forms(grid: Grid, fields: Mapping[str, Field]) -> tuple[list[Row], list[str]]:
    """Blank the checkboxes of forms that nobody filled in: REDCap exports 0 for them, which is not an answer."""
    forms = _forms(grid, fields)
    rows: list[Row] = []
    blanked: dict[str, int] = {}
    for row in grid.rows:
        cells = list(row.cells)
        for form, columns in forms.items():
            boxes = [k for k in columns if "___" in grid.columns[k]]
            names = [(k, grid.columns[k]) for k in columns]
            others = [k for k, name in names if k not in boxes and not _tells_visit(name) and not _tells_date(name)]
            status = f"{form}_complete"
            untouched = status in grid.columns and as_text(cells[grid.index(status)]) in ("", "0", "Incomplete")
            ticked = any(as_text(cells[k]) not in ("", "0", "Unchecked") for k in boxes)
            if boxes and untouched and not ticked and all(is_blank(cells[k]) for k in others):
                if any(not is_blank(cells[k]) for k in boxes):
                    blanked[form] = blanked.get(form, 0) + 1
                for k in boxes:
                    cells[k] = None
        rows.append(Row(row.number, tuple(cells)))
    notes = [
        f"{n} row(s) of the form {form!r} were never filled in: their boxes count as missing, not as 0"
        for form, n in blanked.items()
    ]
    return rows, notes


def _forms(grid: Grid, fields: Mapping[str, Field]) -> dict[str, list[int]]:
    forms: dict[str, list[int]] = {}
    for position, column in enumerate(grid.columns):
        field = fields.get(column.partition("___")[0])
        # The record's id stands on every row, whether or not its form was filled in.
        if field and position:
            forms.setdefault(field.form, []).append(position)
    return forms
