"""Dosing records in NONMEM's format: reading, checking, writing, and covariates between records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, write_atomically
from abate.science.regimen.record_cells import Cells, rows_of
from abate.science.regimen.value import Regimen, number

__all__ = ["DOSE_COLUMNS", "Records", "dose_records", "parse_records", "read_records"]

Floats = npt.NDArray[np.float64]
DOSE_COLUMNS = ("ID", "TIME", "EVID", "AMT", "CMT", "RATE", "ADDL", "II", "SS")
"""Columns with a meaning of their own; every other one is an observation or a covariate."""
_SAME = {"SUBJECT": "ID", "CMT_NAME": "CMT"}


@dataclass(frozen=True)
class Records:
    """A table of dosing and observation records, in the order of the file.

    Attributes
    ----------
    columns : mapping of name to ndarray, shape (rows,)
        Numbers; NaN where a value is missing. ``ID``, ``TIME``, ``EVID``, ``AMT``, ``CMT``, ``RATE``, ``ADDL``, ``II``
        and ``SS`` are always there; the others stay as they were named.
    given : tuple of str
        Columns that the file had, in its order, in its spelling.
    compartments : tuple of str
        Names of the compartments; ``CMT`` counts them from 1.
    named : bool
        Whether the file wrote compartments by name.
    clocked : bool
        Whether the file wrote dates or clock times: ``TIME`` is then hours since 00:00 of the subject's first day.

    Examples
    --------
    >>> text = "ID,TIME,AMT,II,ADDL,CMT\\n1,0,100,24,3,depot\\n1,5,.,.,.,central"
    >>> records = parse_records(text, ("depot", "central"))
    >>> records.columns["CMT"].tolist(), records.columns["EVID"].tolist()
    ([1.0, 2.0], [1.0, 0.0])
    """

    columns: Mapping[str, Floats]
    given: tuple[str, ...]
    compartments: tuple[str, ...] = ()
    named: bool = False
    clocked: bool = False

    def __len__(self) -> int:
        return int(self.columns["ID"].size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Records):
            return NotImplemented
        same = (self.given, self.compartments, self.named) == (other.given, other.compartments, other.named)
        return same and all(np.array_equal(v, other.columns[k], equal_nan=True) for k, v in self.columns.items())

    __hash__ = None  # type: ignore[assignment]

    def subjects(self) -> Iterator[tuple[float, Records]]:
        """Yield every subject with its records, in the order of the file."""
        ids = self.columns["ID"]
        for subject in dict.fromkeys(ids.tolist()):
            rows = ids == subject
            part = {name: values[rows] for name, values in self.columns.items()}
            yield subject, replace(self, columns=part)

    def covariate(self, name: str, times: npt.ArrayLike, method: Literal["locf", "nocb"] = "nocb") -> Floats:
        """Return a covariate of one subject between its records.

        Parameters
        ----------
        name : str
        times : array_like, shape (m,)
        method : {'nocb', 'locf'}
            Next observation carried backward, as NONMEM does, or last observation carried forward. Before the first
            and after the last known value that value is used.

        Raises
        ------
        InputError
            If there is no such column, or no value of it.

        Examples
        --------
        >>> records = parse_records("ID,TIME,WT\\n1,0,70\\n1,10,80")
        >>> records.covariate("WT", [5]).tolist(), records.covariate("WT", [5], "locf").tolist()
        ([80.0], [70.0])
        """
        if name not in self.columns:
            hint = did_you_mean(name, self.columns)
            raise InputError("covariate", "there is no such column", value=name, allowed=self.columns, hint=hint)
        known = ~np.isnan(self.columns[name])
        if not known.any():
            raise InputError(
                name, "the covariate has no value", value=float(self.columns["ID"][0]), hint="give one a subject"
            )
        when, value = self.columns["TIME"][known], self.columns[name][known]
        wanted = np.asarray(times, dtype=float)
        at = np.searchsorted(when, wanted, "left") if method == "nocb" else np.searchsorted(when, wanted, "right") - 1
        return np.asarray(value[np.clip(at, 0, when.size - 1)])

    def to_csv(self, path: str | Path | None = None) -> str:
        """Write the records as CSV with the columns of the file; `parse_records` reads them back the same.

        Returns
        -------
        str
            The text; it is also written to `path` when that is given.
        """
        upper = {name.upper(): name for name in self.columns}
        rows = [",".join(self.given)]
        keys = [name if name in self.columns else upper[_key(name)] for name in self.given]
        rows += [",".join(self._cell(key, row) for key in keys) for row in range(len(self))]
        text = "\n".join(rows) + "\n"
        if path is not None:
            write_atomically(path, text)
        return text

    def _cell(self, name: str, row: int) -> str:
        value = self.columns[name][row]
        if np.isnan(value):
            return "."
        if name == "CMT" and self.named and value > 0:
            return self.compartments[int(value) - 1]
        return number(float(value))


def read_records(path: str | Path, compartments: Sequence[str] = ()) -> Records:
    """Read a NONMEM-format CSV file; see `parse_records`."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(str(path), "there is no such file", hint="check the name") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), "the file cannot be read as UTF-8 text") from error
    return parse_records(text, compartments, where=str(path))


def parse_records(text: str, compartments: Sequence[str] = (), *, where: str = "records") -> Records:
    """Read NONMEM-format records from text.

    Column names in any case, cells between commas, semicolons, tabs or spaces; ``.``, ``NA`` or nothing for a missing
    value; lines that begin with ``#``, ``@`` or ``C,`` are comments. ``TIME`` may be a clock time, with a column
    ``DATE``, or a date and time (2026-03-09T08:30). Without ``EVID`` a record with an amount or a rate is a dose.
    Compartments by number, or by name where `compartments` names them; without ``CMT`` the first one.

    Raises
    ------
    InputError
        Naming the row and column: a value is not a number, a dose item is not allowed, time runs backwards.

    Examples
    --------
    >>> parse_records("ID,TIME,AMT\\n1,0,-5")
    Traceback (most recent call last):
    abate.ground.errors.InputError: records, row 2, AMT: an amount is negative: -5.0; allowed: 0 or more
    """
    kept = rows_of(text)
    if not kept:
        raise InputError(where, "there are no records", allowed="a header and rows")
    given = tuple(name.strip() for name in kept[0][1])
    keys = [_key(name) for name in given]
    double = next((k for i, k in enumerate(keys) if k in keys[:i]), None)
    if double:
        raise InputError(f"{where}, row {kept[0][0]}", "a column stands twice", value=double, hint="keep one")
    for need in ("ID", "TIME"):
        if need not in keys:
            hint = did_you_mean(need, keys)
            raise InputError(
                f"{where}, row {kept[0][0]}", "a column is missing", value=need, allowed=DOSE_COLUMNS, hint=hint
            )
    reader = Cells(where, keys, tuple(compartments))
    table = [reader.row(n, row) for n, row in kept[1:]]
    columns = {k: np.array([row[i] for row in table], dtype=float) for i, k in enumerate(keys)}
    rows = np.array([n for n, _ in kept[1:]], dtype=int)
    return _complete(Records(columns, given, tuple(compartments), reader.named, reader.clocked), where, rows)


def dose_records(
    regimen: Regimen, end: float, *, subject: float = 1, weight: float | None = None, cmt: int = 1, time_unit: str = "h"
) -> Records:
    """Write a regimen as dosing records.

    Parameters
    ----------
    regimen : Regimen
        With one amount in turn; alternating ones have a record for each.
    end : float
        Day up to which doses are written.
    subject : float
    weight : float, optional
        kg, for a dose per kg.
    cmt : int
        Compartment that is dosed, counted from 1.
    time_unit : {'h', 'day'}
        Of ``TIME`` and ``II``.

    Examples
    --------
    >>> from abate.science.regimen import parse
    >>> print(dose_records(parse("tocilizumab 162 mg sc every week"), 28).to_csv())
    ID,TIME,EVID,AMT,CMT,RATE,ADDL,II,SS
    1,0,1,162,1,0,3,168,0
    <BLANKLINE>
    """
    doses = regimen.doses(0, end, None if weight is None else {"weight": [weight]})
    hour = 24.0 if time_unit == "h" else 1.0
    turns = len(regimen.amounts)
    rows = []
    for turn in range(min(turns, doses.time.size)):
        times, amounts = doses.time[turn::turns] * hour, doses.amount[turn::turns, 0]
        every = regimen.every.days * hour * turns if regimen.every else 0.0
        rate = amounts[0] / (doses.duration_h / 24 * hour) if doses.duration_h else 0.0
        more = times.size - 1
        rows.append([subject, times[0], 1, amounts[0], cmt, rate, more, every if more else 0.0, 0])
    rows.sort(key=lambda row: row[1])
    columns = {name: np.array([row[i] for row in rows], dtype=float) for i, name in enumerate(DOSE_COLUMNS)}
    return Records(columns, DOSE_COLUMNS)


def _key(name: str) -> str:
    upper = name.strip().upper()
    upper = _SAME.get(upper, upper)
    return upper if upper in (*DOSE_COLUMNS, "DV", "MDV") else name.strip()


def _complete(records: Records, where: str, rows: npt.NDArray[np.int64]) -> Records:
    """Fill in what the file left out, and check every dose item."""
    columns = dict(records.columns)
    size = columns["ID"].size
    for name in ("AMT", "RATE", "ADDL", "II", "SS"):
        columns[name] = np.nan_to_num(columns.get(name, np.zeros(size)))
    default = ((columns["AMT"] != 0) | (columns["RATE"] != 0)).astype(float)
    columns["EVID"] = np.where(
        np.isnan(columns.get("EVID", np.full(size, np.nan))), default, columns.get("EVID", default)
    )
    cmt = columns.get("CMT", np.full(size, np.nan))
    columns["CMT"] = np.where(np.isnan(cmt) | (cmt == 0), 1.0, cmt)
    done = replace(records, columns=columns)
    _check(done, where, rows)
    return done


def _check(records: Records, where: str, rows: npt.NDArray[np.int64]) -> None:
    c = records.columns
    dose = np.isin(c["EVID"], (1, 4))
    constant = (c["SS"] > 0) & (c["AMT"] == 0) & (c["RATE"] > 0)
    count = len(records.compartments) or np.inf
    checks: tuple[tuple[str, npt.NDArray[np.bool_], str, str], ...] = (
        ("ID", np.isnan(c["ID"]), "a subject is missing", "a number"),
        ("TIME", np.isnan(c["TIME"]), "a time is missing", "a number"),
        ("EVID", ~np.isin(c["EVID"], (0, 1, 2, 3, 4)), "there is no such event", "0, 1, 2, 3, 4"),
        ("AMT", c["AMT"] < 0, "an amount is negative", "0 or more"),
        ("AMT", (c["AMT"] != 0) & ~dose, "only a dose (EVID 1 or 4) has an amount", "0"),
        ("RATE", (c["RATE"] < 0) & ~np.isin(c["RATE"], (-1, -2)), "there is no such rate", "0 or more, -1 or -2"),
        ("ADDL", (c["ADDL"] < 0) | (c["ADDL"] % 1 != 0), "additional doses are counted", "0, 1, 2, ..."),
        ("II", (c["II"] <= 0) & (c["ADDL"] > 0), "additional doses need an interval", "above 0"),
        ("SS", ~np.isin(c["SS"], (0, 1, 2)), "there is no such steady state", "0, 1, 2"),
        ("II", dose & (c["SS"] > 0) & (c["II"] <= 0) & ~constant, "a steady state needs an interval", "above 0"),
        ("II", constant & (c["II"] > 0), "a constant infusion at steady state has no interval", "0"),
        (
            "CMT",
            (c["CMT"] < 1) | (c["CMT"] > count) | (c["CMT"] % 1 != 0),
            "there is no such compartment",
            f"1 to {count:g}",
        ),
    )
    for name, bad, problem, allowed in checks:
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise InputError(f"{where}, row {rows[row]}, {name}", problem, value=float(c[name][row]), allowed=allowed)
    begins = np.flatnonzero(np.append(True, c["ID"][1:] != c["ID"][:-1])) if len(records) else np.empty(0, dtype=int)
    again = [i for k, i in enumerate(begins) if c["ID"][i] in c["ID"][begins[:k]]]
    if again:
        where = f"{where}, row {rows[again[0]]}, ID"
        raise InputError(where, "the subject comes again after others", value=float(c["ID"][again[0]]),
                         allowed="records of one subject together", hint="sort by ID and TIME")  # fmt: skip
    same = c["ID"][1:] == c["ID"][:-1]
    back = same & (c["TIME"][1:] < c["TIME"][:-1]) & ~np.isin(c["EVID"][1:], (3, 4))
    if back.any():
        row = int(np.flatnonzero(back)[0]) + 1
        place = f"{where}, row {rows[row]}, TIME"
        raise InputError(
            place, "time runs backwards", value=float(c["TIME"][row]), allowed="only at a reset (EVID 3 or 4)"
        )
