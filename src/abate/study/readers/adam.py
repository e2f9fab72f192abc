"""ADaM basic data structure (BDS), from a SAS transport file, Dataset-JSON or CSV: one row a parameter and visit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from abate.study.readers.grid import Grid, is_blank

__all__ = ["is_adam", "prepare"]


def is_adam(columns: Iterable[str]) -> bool:
    """Tell whether a grid's headings are those of a BDS dataset.

    Examples
    --------
    >>> is_adam(["USUBJID", "PARAMCD", "AVISIT", "AVAL"])
    True
    """
    names = {name.upper() for name in columns}
    return {"PARAMCD", "AVAL"} <= names and bool({"USUBJID", "SUBJID"} & names)


def prepare(grid: Grid) -> Grid:
    """Leave out rows that were derived (DTYPE: carried forward, averaged): a Study holds what was observed.

    PARAMCD (``FIQR01``) or PARAM in words (``FIQR: comb hair``) tells what, AVISIT, ADY or ADT when.
    """
    by_upper = {name.upper(): name for name in grid.columns}
    if "DTYPE" not in by_upper:
        return replace(grid, format="adam")
    position = grid.index(by_upper["DTYPE"])
    rows = tuple(row for row in grid.rows if is_blank(row.cells[position]))
    left_out = len(grid.rows) - len(rows)
    note = (f"{left_out} derived row(s) (DTYPE) were left out",) if left_out else ()
    return replace(grid, format="adam", rows=rows, notes=(*grid.notes, *note))
