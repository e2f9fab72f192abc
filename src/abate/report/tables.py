"""Tables for a page: plain HTML that a screen reader can walk through and a dark screen can restyle.

`table` takes a data frame of what shall be read, cell by cell. Numbers are written by `percent`, `number` and
`interval`, so that an estimate never appears without its interval. Between a number and its sign stands a space that
does not break.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from abate.report.drawing_axes import number as plain_number

__all__ = ["NONE", "brief", "interval", "number", "percent", "table", "thinned"]

NONE = "\u2014"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with so many digits that count, never in powers of ten for what fits on a line.

    Examples
    --------
    >>> number(0.012345), number(1862.4), number(None)
    ('0.0123', '1862', '—')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    rounded = round(value, places)
    return plain_number(round(rounded)) if places == 0 else f"{rounded:.{places}f}".replace("-", "\u2212")


def brief(value: float | None, digits: int = 4) -> str:
    """Write a number as people say it: so many digits, no zeros behind the point.

    Examples
    --------
    >>> brief(60.0), brief(12.5), brief(None)
    ('60', '12.5', '—')
    """
    if value is None or not math.isfinite(value):
        return NONE
    return plain_number(float(f"{value:.{digits}g}"))


def percent(value: float | None) -> str:
    """Write a share of 1 as percent, with a decimal only where it tells something.

    Examples
    --------
    >>> print(percent(0.531), percent(0.004), percent(None), sep="; ")
    53 %; 0.4 %; —
    """
    if value is None or not math.isfinite(value):
        return NONE
    shown = 100 * value
    digits = 1 if 0 < shown < 1 or 99 < shown < 100 else 0
    return f"{shown:.{digits}f}\u00a0%"


def interval(estimate: Mapping[str, Any] | Any, *, share: bool = False, digits: int = 3, dash: bool = False) -> str:
    """Write an estimate with its interval.

    Parameters
    ----------
    estimate : mapping or object
        With ``estimate``, ``low`` and ``high``, as in results.json or `abate.ground.results.Estimate`.
    share : bool
        True writes percent.
    digits : int
        Digits that count.
    dash : bool
        Write ``46–65`` for ``46 to 65`` where neither is below zero, to save room.

    Examples
    --------
    >>> print(interval({"estimate": 0.56, "low": 0.46, "high": 0.65}, share=True))
    56 % (46 to 65)
    >>> interval({"estimate": None, "method": "not reached: it asks for week 12, the study ends in week 8"})
    'not reached'
    """
    keys = ("estimate", "low", "high", "method")
    row = estimate if isinstance(estimate, Mapping) else {k: getattr(estimate, k, None) for k in keys}
    middle, low, high, method = (row.get(k) for k in keys)
    if middle is None or middle != middle:
        why = str(method or "").partition(":")[0]
        return why if why == "not reached" else NONE
    if share:
        ends = [percent(v).removesuffix("\u00a0%") for v in (low, high)]
        return f"{percent(middle)} ({_joined(*ends, dash=dash)})"
    if low is None or high is None:
        return f"{number(middle, digits)} (no interval)"
    return f"{number(middle, digits)} ({_joined(number(low, digits), number(high, digits), dash=dash)})"


def _joined(low: str, high: str, *, dash: bool) -> str:
    return f"{low}\u2013{high}" if dash and "\u2212" not in low else f"{low} to {high}"


def table(
    frame: pd.DataFrame,
    *,
    caption: str,
    group: str | None = None,
    numeric: Iterable[str] | None = None,
    notes: Sequence[str] = (),
    swatches: Mapping[str, str] | None = None,
    wrap: bool = False,
) -> str:
    """Write a data frame as an HTML table; its first column names the rows.

    Parameters
    ----------
    frame : pandas.DataFrame
        Text as it shall be read; numbers are written by `number`, missing values as a dash.
    caption : str
        What the table shows.
    group : str, optional
        A column whose values become headings over the rows that share it.
    numeric : iterable of str, optional
        Columns set flush right; else those that hold numbers.
    notes : sequence of str
        Written below.
    swatches : mapping of row name to palette class, optional
        A small square of an arm's colour before its name (``{"placebo": "c2"}``).
    wrap : bool
        Let numbers break at their spaces rather than make the table scroll sideways.

    Returns
    -------
    str
        HTML, in a region that scrolls sideways by keyboard on a small screen.

    Examples
    --------
    >>> html = table(pd.DataFrame({"arm": ["placebo"], "flares": [12]}), caption="Flares")
    >>> '<th scope="row">placebo</th><td class="num">12</td>' in html
    True
    """
    columns = [c for c in frame.columns if c != group]
    right = set(columns) & set(numeric) if numeric is not None else {c for c in columns if _is_numeric(frame[c])}
    right.discard(columns[0])  # it names the rows, and its cells stand left
    head = "".join(f'<th scope="col"{_flush(c in right)}>{escape(str(c))}</th>' for c in columns)
    body, last = [], object()
    for _, row in frame.iterrows():
        if group is not None and row[group] != last:
            last = row[group]
            body.append(
                f'<tr class="group"><th scope="colgroup" colspan="{len(columns)}">{escape(str(last))}</th></tr>'
            )
        tint = (swatches or {}).get(str(row[columns[0]]))
        square = f'<rect width="1" height="1" class="f-{tint}"/>'
        mark = f'<svg class="swatch" viewBox="0 0 1 1" aria-hidden="true">{square}</svg>'
        cells = [f'<th scope="row">{mark if tint else ""}{_cell(row[columns[0]])}</th>']
        cells += [f"<td{_flush(c in right)}>{_cell(row[c])}</td>" for c in columns[1:]]
        body.append(f"<tr>{''.join(cells)}</tr>")
    foot = "".join(f'<tr><td colspan="{len(columns)}">{escape(n)}</td></tr>' for n in notes)
    foot = f"<tfoot>{foot}</tfoot>" if foot else ""
    inner = f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>{foot}"
    opening = '<table class="wrap">' if wrap else "<table>"
    return _region(f"{opening}{inner}</table>", caption)


def thinned(frame: pd.DataFrame, rows: int = 40) -> pd.DataFrame:
    """Keep about so many rows, evenly spread, first and last among them.

    Examples
    --------
    >>> thinned(pd.DataFrame({"day": range(101)}), rows=5)["day"].tolist()
    [0, 25, 50, 75, 100]
    """
    if len(frame) <= rows:
        return frame
    keep = [round(i * (len(frame) - 1) / (rows - 1)) for i in range(rows)]
    return frame.iloc[keep]


def _region(inner: str, caption: str) -> str:
    name = escape(caption, quote=True)
    return f'<div class="tablebox" role="region" aria-label="{name}" tabindex="0">{inner}</div>'


def _flush(right: bool) -> str:
    return ' class="num"' if right else ""


def _is_numeric(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)) or hasattr(value, "dtype"):
        as_float = float(value)
        return plain_number(as_float) if as_float.is_integer() else number(as_float)
    return escape(str(value))
