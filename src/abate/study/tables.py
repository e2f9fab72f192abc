"""The tables of a Study, their columns, types and meaning: the contract of every reader and writer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abate.ground.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "TABLES", "Column", "StudyTables", "conform", "empty"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type (``str``, ``int``, ``float``, ``bool``), whether it must be there, and what it means."""

    type: str
    required: bool
    meaning: str


COLUMNS: dict[str, dict[str, Column]] = {
    "subjects": {
        "subject": Column("str", True, "identifier, unique in the study"),
        "arm": Column("str", True, "slug of the arm; 'all' where there are none"),
        "sex": Column("str", False, "female, male or empty"),
        "age": Column("float", False, "years"),
        "weight": Column("float", False, "kg"),
        "height": Column("float", False, "cm"),
    },
    "doses": {
        "subject": Column("str", True, "who"),
        "time": Column("float", True, "start, days since day 0"),
        "drug": Column("str", True, "tocilizumab, sarilumab, prednisone ..."),
        "route": Column("str", True, "sc, iv or oral"),
        "amount": Column("float", True, "of each dose"),
        "unit": Column("str", True, "of the amount"),
        "duration": Column("float", True, "of an infusion, days; 0 otherwise"),
        "count": Column("int", True, "how many such doses in a row"),
        "interval": Column("float", True, "between them, days; 0 for one dose"),
    },
    "measurements": {
        "subject": Column("str", True, "who"),
        "time": Column("float", True, "days since day 0"),
        "visit": Column("str", True, "label, such as 'week 12'"),
        "measure": Column("str", True, "what was measured: crp, esr, pain, fiqr ..."),
        "item": Column("str", True, "item of an instrument (fiqr/1); empty for a whole measure"),
        "value": Column("float", True, "in unit; missing is missing"),
        "unit": Column("str", True, "of the value; empty where the measure has none"),
        "censoring": Column("str", True, "empty, 'below' or 'above' a limit of quantification"),
    },
    "events": {
        "subject": Column("str", True, "who"),
        "time": Column("float", True, "days since day 0"),
        "event": Column("str", True, "remission, flare, rescue, withdrawal, stop, failure"),
        "detail": Column("str", True, "what kind, in a few words"),
    },
    "decisions": {
        "subject": Column("str", True, "who"),
        "time": Column("float", True, "days since day 0"),
        "visit": Column("str", True, "label"),
        "rule": Column("str", True, "rule of the policy that decided"),
        "seen": Column("str", True, "what was observed, as JSON"),
        "decided": Column("str", True, "what was decided"),
        "reason": Column("str", True, "why, in a sentence"),
    },
}
TABLES = tuple(COLUMNS)

_DTYPES = {"str": "str", "int": "int64", "float": "float64", "bool": "bool"}


@dataclass(frozen=True)
class StudyTables:
    """The tables of one Study, in memory.

    Attributes
    ----------
    subjects, doses, measurements, events, decisions : DataFrame
        With the columns of `COLUMNS`; further columns may follow in `subjects`.
    meta : dict
        name, source ('simulated' or 'observed'), disease, arms, provenance.
    """

    subjects: pd.DataFrame
    measurements: pd.DataFrame
    doses: pd.DataFrame
    events: pd.DataFrame
    decisions: pd.DataFrame
    meta: Mapping[str, Any] = field(default_factory=dict)


def empty(table: str) -> pd.DataFrame:
    """Return an empty table with the columns and types of the contract.

    Examples
    --------
    >>> list(empty("events").columns)
    ['subject', 'time', 'event', 'detail']
    """
    import pandas as pd

    return pd.DataFrame(
        {
            name: pd.Series([], dtype=object if column.type == "str" else _DTYPES[column.type])
            for name, column in COLUMNS[table].items()
            if column.required
        }
    )


def conform(table: str, frame: pd.DataFrame, *, where: str | None = None) -> pd.DataFrame:
    """Return a table in the contract's column order and types.

    Parameters
    ----------
    table : str
        One of `TABLES`.
    frame : DataFrame
        At least the required columns.
    where : str, optional
        Named in errors; the table's name by default.

    Raises
    ------
    InputError
        If a required column is missing or a value has the wrong type.

    Examples
    --------
    >>> import pandas as pd
    >>> flare = pd.DataFrame({"subject": [1], "time": [3], "event": ["flare"], "detail": [""]})
    >>> conform("events", flare).dtypes["time"]
    dtype('float64')
    """
    import pandas as pd

    place = where or table
    wanted = COLUMNS[table]
    missing = [name for name, column in wanted.items() if column.required and name not in frame.columns]
    if missing:
        raise InputError(place, "columns are missing", value=", ".join(missing), allowed=list(wanted))
    columns: dict[str, Any] = {}
    for name in [*(n for n in wanted if n in frame.columns), *(n for n in frame.columns if n not in wanted)]:
        kind = wanted[name].type if name in wanted else None
        series: Any = frame[name]
        if kind == "str":
            columns[name] = series.astype(object).where(series.notna(), "").map(str)
        elif kind is None:
            columns[name] = series
        else:
            try:
                columns[name] = series.astype(_DTYPES[kind])
            except (TypeError, ValueError) as error:
                raise InputError(f"{place}, column {name}", f"not a number ({error})") from error
    return pd.DataFrame(columns).reset_index(drop=True)
