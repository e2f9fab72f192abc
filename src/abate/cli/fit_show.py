"""What ``abate fit`` prints: estimates as a table, warnings and assumptions on standard error."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["show_person", "show_petab", "show_population", "warn"]


def warn(payload: Mapping[str, Any]) -> None:
    """Print warnings and assumptions to standard error."""
    for text in payload["warnings"]:
        print(f"abate: warning: {text}", file=sys.stderr)  # noqa: T201
    for text in payload["notes"]:
        print(f"abate: {text}", file=sys.stderr)  # noqa: T201


def show_person(payload: Mapping[str, Any], out: Path | None) -> None:
    """Print one patient's posterior."""
    rows = [
        (name, f"{row['estimate']:.4g}", _ends(row), f"{row['map']:.4g}", row["unit"])
        for name, row in payload["parameters"].items()
    ]
    last = f"{payload['effective_people']:.0f} effective people of {payload['people']}."
    _print(("median", "95 % interval", "most probable", "unit"), rows, [last], out)


def show_population(payload: Mapping[str, Any], out: Path | None) -> None:
    """Print a population's estimates, and its posterior where there is one."""
    rows = [
        (name, f"{row['estimate']:.4g}", f"{row['se']:.3g}", _ends(row), row.get("unit", ""))
        for name, row in payload["parameters"].items()
    ]
    likelihood = (
        f"-2 log-likelihood {payload['minus_two_log_likelihood']:.2f}, without its constant {payload['objective']:.2f}"
    )
    if "posterior" not in payload:
        _print(("estimate", "SE", "95 % interval", "unit"), rows, [likelihood], out)
        return
    _print(("estimate", "SE", "95 % interval", "unit"), rows, [likelihood], None, closing=False)
    drawn = [
        (name, f"{row['estimate']:.4g}", _ends(row), f"{row['rhat']:.3f}", f"{row['effective']:.0f}")
        for name, row in payload["posterior"]["parameters"].items()
    ]
    _print(("median", "95 % interval", "R-hat", "draws"), drawn, [], out)


def show_petab(payload: Mapping[str, Any], out: Path | None) -> None:
    """Print the estimates of a PEtab problem."""
    rows = [
        (name, f"{row['estimate']:.4g}", f"{row['se']:.3g}", _ends(row)) for name, row in payload["parameters"].items()
    ]
    _print(
        ("estimate", "SE", "95 % interval"), rows, [f"negative log-posterior {payload['objective']:.4f}"], out
    )  # fmt: skip


def _ends(row: Mapping[str, Any]) -> str:
    if row["low"] is None or row["low"] != row["low"]:
        return "none"
    return f"{row['low']:.4g} to {row['high']:.4g}"


def _print(
    columns: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[str], out: Path | None, closing: bool = True
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table("", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column == "unit" else "right")
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    for line in lines:
        console.print(line, highlight=False)
    if out is not None:
        console.print(f"Written: {out / 'report.html'}", highlight=False, markup=False, soft_wrap=True)
    if closing:
        console.print("For research; not a prescription.", highlight=False)
