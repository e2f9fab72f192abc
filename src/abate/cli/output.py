"""What every verb shares: ``--json`` and ``--out``, progress on a terminal and none in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from abate.ground.results import dumps, write_results

__all__ = ["Json", "Out", "Seed", "Set", "changes", "counted", "emit", "progress"]

Json = Annotated[bool, typer.Option("--json", help="Print results.json instead of text.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for what is written.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of all draws.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter (name=VALUE[ UNIT]) or a key of the file."),
]


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> counted(1, "arm"), counted(2, "arm"), counted(3, "person", "people")
    ('1 arm', '2 arms', '3 people')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def emit(
    payload: Mapping[str, Any],
    *,
    kind: str,
    seed: int | None,
    json_: bool,
    out: Path | None,
    show: Callable[[dict[str, Any]], None],
) -> None:
    """Print a payload as text or JSON, and write results.json when a folder is given."""
    from abate.ground.version import __version__

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_results(out, kind, seed, payload)
    if json_:
        sys.stdout.write(dumps({"abate": __version__, "kind": kind, "seed": seed, **payload}))
    else:
        show(dict(payload))


@contextmanager
def progress(label: str) -> Iterator[Callable[[float], None]]:
    """Show a progress bar on a terminal, and nothing in a pipe; yields a function of the share done, 0-1."""
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def changes(settings: list[str] | None) -> dict[str, str]:
    """Split ``--set KEY=VALUE`` options.

    Raises
    ------
    InputError
        If one has no ``=``.

    Examples
    --------
    >>> changes(["tocilizumab.CL=0.2 L/day"])
    {'tocilizumab.CL': '0.2 L/day'}
    """
    from abate.ground.errors import InputError

    split: dict[str, str] = {}
    for setting in settings or []:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise InputError(
                "--set", "not a setting", value=setting, allowed="KEY=VALUE, as in tocilizumab.CL='0.2 L/day'"
            )
        if key.strip() in split:
            raise InputError("--set", "the key is set twice", value=key.strip(), hint="give it once")
        split[key.strip()] = value.strip()
    return split
