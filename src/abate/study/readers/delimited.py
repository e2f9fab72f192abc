"""Text files: encoding, delimiter, rows of equal length."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from abate.ground.errors import InputError
from abate.study.readers.grid import Grid, Row

__all__ = ["decode", "read_delimited"]

_UTF16 = (b"\xff\xfe", b"\xfe\xff")

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


def decode(data: bytes, name: str) -> str:
    """Return the text of a file.

    Raises
    ------
    InputError
        If it is empty, UTF-16 or another encoding than UTF-8.
    """
    if not data.strip(b"\xef\xbb\xbf \t\r\n\x00"):
        raise InputError(name, "the file is empty", hint="export it again; the first row holds the headings")
    if data.startswith(_UTF16) or data[1:200:2].count(0) > 20 or data[:200:2].count(0) > 20:
        raise InputError(
            f"{name}, row 1", "the file is UTF-16 text", allowed="UTF-8", hint="save it again as 'CSV UTF-8' or 'UTF-8'"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        begin = data.rfind(b"\n", 0, error.start) + 1
        field = data[begin : error.start].count(b",") + 1
        raise InputError(
            f"{name}, row {row}, column {field}",
            "a character is not UTF-8",
            value=data[max(begin, error.start - 10) : error.start + 10].decode("latin-1"),
            hint="save the file as UTF-8",
        ) from error


def read_delimited(path: Path) -> Grid:
    """Read a CSV, semicolon or tab separated file.

    Raises
    ------
    InputError
        If it cannot be decoded, or a row has more or fewer cells than there are headings.
    """
    text = decode(path.read_bytes(), path.name)
    odd = _CONTROL.search(text)
    if odd:
        row = text[: odd.start()].count("\n") + 1
        raise InputError(
            f"{path.name}, row {row}", "a control character stands in the text", value=odd[0], hint="export it again"
        )
    header = next(line for line in text.splitlines() if line.strip())
    delimiter = max(",;\t", key=header.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise InputError(path.name, f"this is not a CSV file ({error})", hint="export it again") from error
    numbered = [(number, cells) for number, cells in enumerate(lines, start=1) if any(c.strip() for c in cells)]
    if not numbered:
        raise InputError(path.name, "the file is empty", hint="the first row holds the headings")
    (_, headings), body = numbered[0], numbered[1:]
    columns = [heading.strip().strip("\x00") for heading in headings]
    while columns and not columns[-1]:
        columns.pop()
    for position, heading in enumerate(columns, start=1):
        if not heading:
            raise InputError(f"{path.name}, row 1, column {position}", "the heading is empty", hint="name the column")
    rows = []
    for number, cells in body:
        if any(cell.strip() for cell in cells[len(columns) :]):
            problem = f"the row has {len(cells)} cells, but there are {len(columns)} headings"
            hint = "put a value with a comma into quotes, or a decimal comma as a point"
            raise InputError(f"{path.name}, row {number}, column {len(columns) + 1}", problem, hint=hint)
        if len(cells) < len(columns):
            problem = f"the row has {len(cells)} cells, but there are {len(columns)} headings"
            hint = f"leave a missing answer empty between its separators ({delimiter!r})"
            raise InputError(f"{path.name}, row {number}, column {len(cells) + 1}", problem, hint=hint)
        rows.append(Row(number, tuple(cells[: len(columns)])))
    return Grid(path.name, "csv", tuple(columns), tuple(rows)).checked()
