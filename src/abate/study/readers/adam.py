"""ADaM basic data structure (BDS), from a SAS transport file, Dataset-JSON or CSV: one row a parameter and visit.

Strata of the randomisation become facts about people under their own names; events come from an ADTTE beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from abate.ground.results import slug
from abate.study.readers.cells import as_text
from abate.study.readers.grid import Grid, Row, is_blank
from abate.study.readers.visits import parse_date
from abate.study.tables import conform

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["events_of", "find_times", "is_adam", "prepare"]


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

    PARAMCD (``FIQR01``) or PARAM in words (``FIQR: comb hair``) tells what, AVISIT, ADY or ADT when. STRAT1R is called
    what STRAT1D says it is.
    """
    grid = _strata_named(grid)
    by_upper = {name.upper(): name for name in grid.columns}
    if "DTYPE" not in by_upper:
        return replace(grid, format="adam")
    position = grid.index(by_upper["DTYPE"])
    rows = tuple(row for row in grid.rows if is_blank(row.cells[position]))
    left_out = len(grid.rows) - len(rows)
    note = (f"{left_out} derived row(s) (DTYPE) were left out",) if left_out else ()
    return replace(grid, format="adam", rows=rows, notes=(*grid.notes, *note))


def _strata_named(grid: Grid) -> Grid:
    """Give each stratification factor its name as a heading, and leave out the variables that only describe it."""
    by_upper = {name.upper(): name for name in grid.columns}
    names: dict[str, str] = {}
    left_out = {by_upper[name] for name in ("STRATAR", "STRATARN") if name in by_upper}
    for upper, column in by_upper.items():
        described = re.fullmatch(r"STRAT(\d+)D", upper)
        value = by_upper.get(f"STRAT{described[1]}R") if described else None
        if value is None:
            continue
        said = {as_text(cell) for cell in grid.column(column) if not is_blank(cell)}
        taken = {slug(name) for name in (*grid.columns, *names.values())}
        if len(said) == 1 and slug(next(iter(said))) not in taken:
            names[value] = next(iter(said))
            left_out.add(column)
    if not left_out:
        return grid
    kept = [k for k, column in enumerate(grid.columns) if column not in left_out]
    return replace(
        grid,
        columns=tuple(names.get(grid.columns[k], grid.columns[k]) for k in kept),
        rows=tuple(Row(row.number, tuple(row.cells[k] for k in kept)) for row in grid.rows),
    )


def find_times(path: Path) -> Path | None:
    """Find the ADTTE of the same kind beside a BDS file."""
    for name in ("adtte", "ADTTE"):
        file = path.with_name(f"{name}{path.suffix}")
        if file.is_file() and file != path:
            return file
    return None


def events_of(grid: Grid, people: set[str]) -> pd.DataFrame:
    """Return the events of an ADTTE (CNSR is 0) of some people, named by EVNTDESC, on their days of the Study.

    The event of a parameter stands once even where several parameters wait for it.
    """
    import pandas as pd

    by_upper = {name.upper(): name for name in grid.columns}
    where = {name: grid.index(column) for name, column in by_upper.items()}
    rows = []
    if {"CNSR", "AVAL", "EVNTDESC"} <= set(where) and {"USUBJID", "SUBJID"} & set(where):
        for row in grid.rows:
            cells = {name: as_text(row.cells[k]) for name, k in where.items()}
            if is_blank(cells["CNSR"]) or float(cells["CNSR"]) != 0 or is_blank(cells["EVNTDESC"]):
                continue
            who = next((cells[name] for name in ("USUBJID", "SUBJID") if cells.get(name) in people), None)
            if who is not None:
                rows.append((who, _day(cells), slug(cells["EVNTDESC"]), ""))
    frame = pd.DataFrame(rows, columns=["subject", "time", "event", "detail"])
    return conform("events", frame.drop_duplicates().sort_values(["subject", "time"], kind="stable"))


def _day(cells: dict[str, str]) -> float:
    """Return the day of an event: the first day of treatment is day 0 of a Study and day 1 of ADaM."""
    try:
        start, end = (parse_date(cells[name], "%Y-%m-%d") for name in ("STARTDT", "ADT"))
    except (KeyError, ValueError):
        return float(cells["AVAL"]) - 1.0
    return float((end - start).days)
