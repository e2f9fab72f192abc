"""``abate library``: what is in the library, and one entry with its equations, numbers, units and sources."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abate.cli.output import Json, Out, emit

if TYPE_CHECKING:
    from abate.report.entry import Entry

__all__ = ["library"]


def library(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="An entry; kind/name where two share a name.")
    ] = None,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print the file, to start one's own from.")] = False,
    sbml: Annotated[bool, typer.Option("--sbml", help="Print a model as SBML.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print the equations of a model for a paper.")] = False,
    table: Annotated[
        bool, typer.Option("--table", help="Print a model's numbers as CSV, with units and sources.")
    ] = False,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Show what is in the library, or one entry."""
    from abate.ground.errors import InputError
    from abate.report.entry import find, shelf

    forms = {"--yaml": yaml, "--sbml": sbml, "--latex": latex, "--table": table}
    asked = [option for option, given in forms.items() if given]
    if len(asked) > 1:
        raise InputError(" and ".join(asked), "one form at a time", allowed=list(forms))
    if name is None:
        if asked:
            raise InputError(
                asked[0], "needs the name of an entry", hint=f"as in: abate library il6_blockade {asked[0]}"
            )
        rows = [{"kind": entry.kind, "name": entry.name, "title": entry.title} for entry in shelf()]
        emit({"entries": rows}, kind="library", seed=None, json_=json_, out=out, show=_show_shelf)
        return
    entry = find(name)
    if entry.kind == "model":
        _warn(entry)
    if asked:
        sys.stdout.write(entry.text if yaml else _model_form(entry, asked[0]))
        return
    emit({"entry": entry.content()}, kind="library", seed=None, json_=json_, out=out, show=_show_entry)


def _warn(entry: Entry) -> None:
    """Say what is missing in the numbers of a user's own model, where it does not get in the way of a pipe."""
    from abate.science.model import load

    for warning in load(entry.name).warnings:
        if "default_compartment" in warning:
            continue  # Antimony adds it; nobody wrote it
        print(f"abate: warning: {warning}", file=sys.stderr)  # noqa: T201


def _model_form(entry: Entry, option: str) -> str:
    """Return a model in the form that was asked for."""
    import csv
    from io import StringIO

    from abate.ground.errors import InputError
    from abate.science.model import load
    from abate.science.model.describe import latex, table
    from abate.science.model.sbml_export import to_sbml

    if entry.kind != "model":
        raise InputError(option, "only a model has this form", value=f"{entry.kind} {entry.name}", allowed="a model")
    model = load(entry.name)
    if option != "--table":
        return to_sbml(model) if option == "--sbml" else latex(model)
    rows = table(model)
    text = StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _show_shelf(payload: dict[str, Any]) -> None:
    from itertools import groupby

    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 140)
    width = max(len(row["name"]) for row in payload["entries"])
    for kind, rows in groupby(payload["entries"], key=lambda row: row["kind"]):
        console.print(f"[bold]{kind}[/]")
        for row in rows:
            console.print(f"  {row['name']:<{width}} {row['title']}", highlight=False, markup=False)


def _show_entry(payload: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    entry = payload["entry"]
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(f"{entry['kind']} {entry['name']}: {entry['title']}", markup=False, highlight=False)
    if entry["kind"] == "model":
        console.print("\nEquations", style="bold")
        for left, right in entry["equations"].items():
            console.print(f"  {left} = {right}", markup=False, highlight=False)
        table = Table("parameter", "value", "unit", "spread", "grade", "source", title="Numbers")
        for name, row in entry["parameters"].items():
            spread = f"{row['distribution']} {row['spread']:.3g}" if row["spread"] else ""
            table.add_row(name, f"{row['value']:.6g}", row["unit"], spread, row["grade"], row["source"])
        console.print(table)
        console.print("doses: " + ", ".join(entry["doses"]), markup=False, highlight=False)
        return
    _show_plain({k: v for k, v in entry.items() if k not in ("kind", "name", "title")}, console, 0)


def _show_plain(value: Any, console: Any, depth: int) -> None:
    pad = "  " * depth
    rows = value.items() if isinstance(value, dict) else enumerate(value, 1)
    for key, item in rows:
        table = _table(item)
        if table is not None:
            console.print(f"{pad}{key}:", markup=False, highlight=False)
            console.print(table)
        elif isinstance(item, (dict, list)) and item and any(isinstance(x, (dict, list)) for x in _inner(item)):
            console.print(f"{pad}{key}:", markup=False, highlight=False)
            _show_plain(item, console, depth + 1)
        elif isinstance(item, dict):
            line = "; ".join(f"{k}: {_cell(v)}" for k, v in item.items() if v is not None)
            console.print(f"{pad}{key}: {line}", markup=False, highlight=False)
        else:
            console.print(f"{pad}{key}: {_cell(item)}", markup=False, highlight=False)


def _table(rows: Any) -> Any:
    """Return a table of alike rows of numbers, such as the steps of a taper; None of anything else."""
    from rich import box
    from rich.table import Table

    if not isinstance(rows, list) or len(rows) < 2 or not all(isinstance(row, dict) for row in rows):
        return None
    numbers = (int, float, type(None))
    alike = all(
        list(row) == list(rows[0]) and all(isinstance(x, numbers) for v in row.values() for x in _listed(v))
        for row in rows
    )
    if not alike:
        return None
    table = Table(box=box.SIMPLE_HEAD)
    for name in rows[0]:
        # A pattern of many days may wrap; a number never does.
        wraps = any(isinstance(row[name], list) and len(row[name]) > 1 for row in rows)
        table.add_column(name.replace("_", " "), justify="left" if wraps else "right", no_wrap=not wraps)
    for row in rows:
        table.add_row(*("" if value is None else _cell(value) for value in row.values()))
    return table


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _cell(value: Any) -> str:
    """Write a value as people do: 60 and not 60.0, a list with commas."""
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _inner(item: Any) -> Any:
    return item.values() if isinstance(item, dict) else item
