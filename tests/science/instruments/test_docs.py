"""The page about instruments: its table is that of the library."""

from __future__ import annotations

from pathlib import Path

from abate.science import instruments

PAGE = Path(__file__).parents[3] / "docs" / "instruments.md"


def table() -> str:
    lines = ["| name | other names | what | items | direction | bands from |", "|---|---|---|---|---|---|"]
    for name in instruments.names():
        entry = instruments.load(name)
        direction = "-" if entry.direction == "none" else entry.direction.replace("-", " ")
        bands = ", ".join(band.name for band in entry.band_sets) or "-"
        also = ", ".join(f"`{other}`" for other in entry.also) or "-"
        lines.append(f"| `{name}` | {also} | {entry.title} | {len(entry.items)} | {direction} | {bands} |")
    return "\n".join(lines)


def test_the_page_lists_what_is_in_the_library() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = text.partition("<!-- begin: instruments -->\n")[2].partition("\n<!-- end: instruments -->")[0]
    assert shown == table(), f"paste this into {PAGE.name}:\n{table()}"
