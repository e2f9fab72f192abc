"""One cell to a number: what is a decimal comma, a formula, a tick, a value below a limit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from abate.ground.errors import InputError
from abate.study.readers.grid import Cell, is_blank

__all__ = ["Number", "as_text", "is_number", "number"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_LIMIT = re.compile(r"([<>])=?\s*(.+)")
_TICKS = {
    **dict.fromkeys(("yes", "y", "true", "checked", "ticked", "x", "present", "positive"), 1.0),
    **dict.fromkeys(("no", "n", "false", "unchecked", "unticked", "absent", "negative"), 0.0),
}


@dataclass(frozen=True, slots=True)
class Number:
    """A value, and whether it is a limit of quantification ('below', 'above' or empty)."""

    value: float
    censoring: str = ""


def as_text(cell: Cell) -> str:
    """Return a cell as a person would write it: 3.0 is 3.

    Examples
    --------
    >>> as_text(3.0), as_text(" P1 "), as_text(None), as_text(float("inf"))
    ('3', 'P1', '', 'inf')
    """
    if cell is None or (isinstance(cell, float) and cell != cell):
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else str(cell)
    return cell.strip()


def is_number(cell: Cell) -> bool:
    """Tell whether a cell can be read as a number (a decimal comma counts)."""
    if is_blank(cell):
        return False
    text = as_text(cell)
    return bool(_NUMBER.fullmatch(text) or _COMMA.fullmatch(text) or _LIMIT.fullmatch(text) or text.startswith("="))


def number(cell: Cell, where: str, *, decimal: str = ".", tick: bool = False) -> Number | None:
    """Read one cell; None is a missing value.

    Parameters
    ----------
    cell : str, float or None
        As the file holds it.
    where : str
        File, row and column, for the error.
    decimal : {".", ","}
        The decimal mark; a comma is refused unless the map file says so.
    tick : bool
        The item is a yes or no, so words for them are read too.

    Raises
    ------
    InputError
        If it is a formula, has a decimal comma, or is no number.

    Examples
    --------
    >>> number("7.5", "here"), number("", "here"), number("< 0.3", "here")
    (Number(value=7.5, censoring=''), None, Number(value=0.3, censoring='below'))
    >>> number("7,5", "a.csv, row 2, column value")
    Traceback (most recent call last):
        ...
    abate.ground.errors.InputError: a.csv, row 2, column value: this has a decimal comma: '7,5'; write 7.5, or set ...
    """
    if is_blank(cell):
        return None
    if isinstance(cell, float):
        return Number(cell)
    text = as_text(cell)
    if text.startswith("="):
        raise InputError(where, "this is a formula, not a value", value=text, hint="paste the values in its place")
    if _COMMA.fullmatch(text):
        if decimal != ",":
            hint = f'write {text.replace(",", ".")}, or set decimal = "," in a --map file'
            raise InputError(where, "this has a decimal comma", value=text, hint=hint)
        text = text.replace(",", ".")
    if _NUMBER.fullmatch(text):
        return Number(float(text))
    if tick and text.lower() in _TICKS:
        return Number(_TICKS[text.lower()])
    limit = _LIMIT.fullmatch(text)
    if limit:
        inner = number(limit.group(2), where, decimal=decimal)
        if inner is not None and not inner.censoring:
            return Number(inner.value, "below" if limit.group(1) == "<" else "above")
    hint = "leave the cell empty where the answer is missing, or list its code under missing = [...] in a --map file"
    raise InputError(where, "this is not a number", value=text, hint=hint)
