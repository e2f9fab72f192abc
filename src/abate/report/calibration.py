"""A calibration on the terminal: numbers of the library against those found again, and what they reproduce."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["calibration_tables"]


def calibration_tables(part: Mapping[str, Any]) -> tuple[Table, Table]:
    """Lay out one calibration as in results.json: its numbers, and its targets.

    Examples
    --------
    >>> row = {"name": "ka", "unit": "1/day", "library": 0.16, "estimate": 0.157, "low": 0.13, "high": 0.18,
    ...        "informed": 0.7, "agrees": True}
    >>> target = {"target": "Cmax", "published": 12.3, "of": "ug/mL", "library": 12.6, "reproduced": 12.5, "low": 11.9,
    ...           "high": 13.1, "used": True, "grade": "verified"}
    >>> made = calibration_tables({"title": "Skin", "people": 64, "parameters": {"ka": row}, "targets": [target]})
    >>> [column.header for column in made[0].columns][:3]
    ['Number', 'library', 'found again']
    """
    from rich.table import Table

    numbers = Table(title=f"{part['title']}: {part['people']:,} people", title_justify="left")
    numbers.add_column("Number")
    for name in ("library", "found again", "95 % of plausible sets", "informed"):
        numbers.add_column(name, justify="right", no_wrap=True)
    numbers.add_column("unit")
    numbers.add_column("library is")
    for row in part["parameters"].values():
        numbers.add_row(
            row["name"],
            f"{row['library']:.3g}",
            f"{row['estimate']:.3g}",
            f"{row['low']:.3g} to {row['high']:.3g}",
            f"{100 * row['informed']:.0f} %",
            row["unit"] if row["unit"] != "dimensionless" else "",
            "inside" if row["agrees"] else "OUTSIDE",
        )
    return numbers, _targets(part)


def _targets(part: Mapping[str, Any]) -> Table:
    from rich.table import Table

    note = (
        "Informed: how much of the prior's variance the targets took away. A published median counts as half of the "
        "people at or below it."
    )
    made = Table(caption=note, caption_justify="left")
    made.add_column("Target")
    for name in ("published", "library", "reproduced", "95 % of plausible sets"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("grade")
    made.add_column("used")
    for row in part["targets"]:
        share = row["of"] == "" or row["of"].startswith("share")

        def shown(value: float, share: bool = share) -> str:
            return f"{100 * value:.0f} %" if share else f"{value:.3g}"

        made.add_row(
            row["target"],
            shown(row["published"]) + ("" if share else f" {row['of']}"),
            shown(row["library"]),
            shown(row["reproduced"]),
            f"{shown(row['low'])} to {shown(row['high'])}",
            row["grade"],
            "yes" if row["used"] else "shown only",
        )
    return made
