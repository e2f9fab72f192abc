"""Tables for the terminal: what a command says when it has finished.

They are plain rich tables; in a pipe rich writes them without colour. Every figure has its interval, and a published
figure stands beside a predicted one with its grade and whether it was used in calibration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abate.report.tables import NONE, interval, number, percent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["ArmRow", "Cell", "arm_table", "scoreboard", "show"]

NO_BREAK = "\u00a0"
NOTE = "For research; not a prescription."


@dataclass(frozen=True, slots=True)
class Cell:
    """One endpoint of one arm.

    Attributes
    ----------
    predicted : mapping or None
        ``estimate``, ``low``, ``high`` as in results.json.
    published : float or None
    share : bool
        True for a share of 1, written as percent.
    unit : str
    """

    predicted: Mapping[str, Any] | None
    published: float | None = None
    share: bool = False
    unit: str = ""

    def words(self) -> str:
        """Return the figure with its interval, and the published one below, with spaces that do not break.

        Examples
        --------
        >>> Cell({"estimate": 0.5, "low": 0.4, "high": 0.6}, share=True).words()
        '50\\xa0%\\xa0(40–60)'
        """
        shown = interval(self.predicted, share=self.share, dash=True) if self.predicted else NONE
        shown = shown.replace(" ", NO_BREAK)
        if self.published is None:
            return shown
        known = percent(self.published) if self.share else number(self.published)
        return f"{shown}\n[dim]published{NO_BREAK}{known}[/]"


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One line of the table: an arm or a group of arms, how many people, one cell an endpoint."""

    label: str
    n: int
    cells: tuple[Cell, ...]


def arm_table(rows: Sequence[ArmRow], endpoints: Sequence[str], *, title: str = "", caption: str = NOTE) -> Table:
    """Lay out arms against endpoints, predicted (with interval) beside published.

    Parameters
    ----------
    rows : sequence of ArmRow
    endpoints : sequence of str
        Titles of the cells, with units.
    title, caption : str

    Examples
    --------
    >>> cell = Cell({"estimate": 0.5, "low": 0.4, "high": 0.6}, published=0.56, share=True)
    >>> made = arm_table([ArmRow("tocilizumab", 100, (cell,))], ["Sustained remission"])
    >>> [column.header for column in made.columns]
    ['Arm', 'n', 'Sustained remission']
    """
    from rich.table import Table

    made = Table(title=title or None, caption=caption or None, title_justify="left", caption_justify="left", box=_box())
    made.add_column("Arm", min_width=14)
    made.add_column("n", justify="right", no_wrap=True)
    for endpoint in endpoints:
        made.add_column(endpoint, justify="right")
    for row in rows:
        made.add_row(row.label, str(row.n), *(cell.words() for cell in row.cells))
    return made


def scoreboard(rows: Sequence[Mapping[str, Any]], *, title: str = "", caption: str = NOTE) -> Table:
    """Lay out a scoreboard: each published figure, what is predicted, and whether it lies inside the interval.

    Parameters
    ----------
    rows : sequence of mapping
        As in results.json: ``target, source, grade, published, predicted, low, high, inside, calibrated``; ``unit`` and
        ``arm`` are shown when there; ``share`` true writes percent.
    title, caption : str

    Examples
    --------
    >>> row = {"target": "Flares", "source": "Stone 2019", "grade": "verified", "published": 0.24, "predicted": 0.25,
    ...        "low": 0.18, "high": 0.33, "inside": True, "calibrated": True, "share": True}
    >>> made = scoreboard([row])
    >>> list(made.columns[-2].cells)
    ['inside']
    """
    from rich.table import Table

    made = Table(title=title or None, caption=caption or None, title_justify="left", caption_justify="left", box=_box())
    arms = any(row.get("arm") for row in rows)
    made.add_column("Target")
    if arms:
        made.add_column("Arm")
    for name in ("published", "predicted", "95 % interval"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("published figure is")
    made.add_column("used in fitting")
    for row in rows:
        made.add_row(*_score(row, arms))
    return made


def show(*tables: Table, console: Console | None = None) -> None:
    """Print tables; in a pipe they keep their full width, so that no word is cut."""
    from rich.console import Console

    target = console or Console()
    if not target.is_terminal and console is None:
        target = Console(width=160)
    for made in tables:
        target.print(made)


def _score(row: Mapping[str, Any], arms: bool) -> list[str]:
    write = percent if row.get("share") else number
    inside = row.get("inside")
    verdict = NONE if inside is None else "inside" if inside else "[bold red]outside[/]"
    low, high = row.get("low"), row.get("high")
    span = NONE if low is None or high is None else f"{write(low)} to {write(high)}"
    target = str(row.get("target", "")) + (f", {row['unit']}" if row.get("unit") and not row.get("share") else "")
    middle = [str(row.get("arm") or "")] if arms else []
    figures = [f"{write(row.get('published'))} [dim]({row.get('grade', '')})[/]", write(row.get("predicted")), span]
    return [target, *middle, *figures, verdict, "calibrated" if row.get("calibrated") else "predicted"]


def _box() -> Any:
    from rich import box

    return box.SIMPLE_HEAD
