"""A report as a typeset PDF on A4, from the same value as the page (extra ``pdf``: typst, no browser, no network).

Figures are the same drawings; tables are set anew from the page's HTML; the honesty box stands where it does there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from abate.ground.files import write_atomically
from abate.report.drawing import to_svg
from abate.report.page import Figure, Honesty, Keys, Part, Prose, Report, Story, Table, with_colours
from abate.report.palette import SERIES
from abate.report.typesetting import compiled

__all__ = ["typeset", "write_pdf"]

STYLE = """
#set page(paper: "a4", margin: (x: 22mm, top: 20mm, bottom: 22mm), numbering: "1 / 1",
  footer: context [#set text(8pt, fill: rgb("#59636e")); #foot #h(1fr) #counter(page).display("1 / 1", both: true)])
#set text(font: ("Libertinus Serif", "Liberation Serif"), size: 10.5pt, lang: LANGUAGE)
#set par(justify: false, leading: 0.62em, spacing: 0.95em)
#show heading.where(level: 1): it => block(above: 1.9em, below: 0.8em, sticky: true)[
  #line(length: 100%, stroke: 0.4pt + rgb("#dfe3e8")) #v(-0.3em) #text(14pt, weight: 600, it.body)]
#show heading.where(level: 2): it => block(above: 1.3em, below: 0.6em, sticky: true, text(11pt, weight: 600, it.body))
#show figure.caption: it => align(left, text(9pt, fill: rgb("#59636e"))[
  *#it.supplement #context it.counter.display().* #it.body])
#set figure(gap: 0.7em)
#set table(stroke: none, inset: (x: 3pt, y: 3.4pt))
#let muted(body) = text(9pt, fill: rgb("#59636e"), body)
"""


def typeset(report: Report) -> tuple[str, dict[str, str]]:
    """Write a report as Typst source.

    Parameters
    ----------
    report : Report

    Returns
    -------
    source : str
        A Typst document.
    drawings : dict of str to str
        File name to SVG, which the source expects beside it.

    Examples
    --------
    >>> from abate.report.page import Section
    >>> source, drawings = typeset(Report("A #1 trial", "Trial", (Section("End", (Honesty(),)),)))
    >>> 'text(20pt, weight: 600, text("A #1 trial"))' in source, drawings
    (True, {})
    """
    drawings: dict[str, str] = {}
    footer = f"#let foot = {_text(report.footer)[1:]}\n"
    lines = [footer, STYLE.replace("LANGUAGE", json.dumps(report.language[:2])), *_head(report)]
    for section in report.sections:
        lines.append(f"= {_text(section.title)}")
        for part in section.parts:
            if isinstance(part, Figure):
                drawn = part.figure if isinstance(part.figure, str) else to_svg(part.figure, label=part.alt)
                drawings[f"{part.name}.svg"] = with_colours(drawn)
            lines += _part(part)
    return "\n\n".join(lines) + "\n", drawings


def write_pdf(report: Report, path: str | Path) -> Path:
    """Typeset a report and write it as PDF.

    Raises
    ------
    MissingExtra
        If typst is not installed.
    StorageError
        If the disk refuses.
    """
    write_atomically(path, compiled(*typeset(report)))
    return Path(path)


def _head(report: Report) -> Iterator[str]:
    title = json.dumps(report.title)
    yield f'#set document(title: {title}, author: "abate", date: none)'
    yield f"#muted[#upper({_text(report.kind)[1:]})]"
    yield f"#block(above: 0.9em, text(20pt, weight: 600, {_text(report.title)[1:]}))"
    if report.lead:
        yield f'#text(12pt, fill: rgb("#59636e"), {_text(report.lead).removeprefix("#")})'
    if report.facts:
        yield "#muted[" + " #h(1.6em) ".join(f"#strong[{_text(k)}] {_text(v)}" for k, v in report.facts.items()) + "]"


def _part(part: Part) -> Iterator[str]:
    if isinstance(part, Prose):
        said = _text(part.text)
        ways = {"heading": f"== {said}", "note": f"#muted[{said}]", "reading": f"#block(sticky: true)[{said}]"}
        yield ways.get(part.role, said)
    elif isinstance(part, Figure):
        picture = f"image({json.dumps(part.name + '.svg')}, alt: {json.dumps(part.alt)}, width: 100%)"
        yield f"#figure({picture}, caption: [{_text(part.caption)}])"
    elif isinstance(part, Table):
        yield _table(part.html)
    elif isinstance(part, Keys):
        yield _keys(part)
    elif isinstance(part, Story):
        rows = [(_text(f"{line.when}"), f"{_text(line.what)}{_why(line.why)}") for line in part.lines]
        cells = ", ".join(f"[#muted[{when}]], [{what}]" for when, what in rows)
        yield f"#table(columns: (5.4em, 1fr), {cells})"
    else:
        yield from _honesty(part)


def _why(text: str) -> str:
    return f" \\ #muted[{_text(text)}]" if text else ""


def _keys(part: Keys) -> str:
    if part.title:
        cells = ", ".join(f"[{_swatch(k.tint)}{_text(k.label)}], [{_text(k.value)}]" for k in part.numbers)
        lines = f"#table(columns: (auto, 1fr), align: (left, right), {cells})"
        return f"#block(sticky: true)[{_text(part.title)}\n\n{lines}]"
    cells = ", ".join(
        f"[#muted[{_swatch(k.tint)}{_text(k.label)}] \\ #text(15pt, {_text(k.value)[1:]}) \\ #muted[{_text(k.detail)}]]"
        for k in part.numbers
    )
    return f"#grid(columns: (1fr,) * {max(1, min(4, len(part.numbers)))}, gutter: 10pt, {cells})"


def _swatch(tint: str) -> str:
    if not tint:
        return ""
    colour = SERIES[int(tint.removeprefix("c")) - 1]
    return f'#box(width: 0.62em, height: 0.62em, radius: 1pt, fill: rgb("{colour}")) #h(0.3em)'


def _honesty(part: Honesty) -> Iterator[str]:
    inner = ['#text(weight: 600, fill: rgb("#8a3a06"))[For research. Not a prescription, and not a medical device.]']
    inner.append(_text(Honesty.CAUTION))
    inner.append("#muted[" + " \\ ".join(f"{_text(k)}: {_text(v)}" for k, v in part.provenance.items()) + "]")
    for title, lines in part.lists():
        inner.append(f"#text(weight: 600, {_text(title)[1:]})")
        inner += [f"#list({', '.join(f'[{_text(line)}]' for line in lines)})"]
    body = "\n\n".join(inner)
    box = 'fill: rgb("#f5f6f8"), stroke: (left: 2pt + rgb("#8a3a06")), inset: 10pt, width: 100%'
    yield f"#block({box})[\n#set text(9.5pt)\n{body}\n]"


class _Rows(HTMLParser):
    """Reads the rows of one of our own tables: cells with their span, and whether they head, are numbers or notes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.caption, self.notes = "", list[str]()
        self.rows: list[list[tuple[str, dict[str, Any]]]] = []
        self._where, self._cell = "", ""
        self._attributes: dict[str, Any] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("thead", "tbody", "tfoot"):
            self._where = tag
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th", "caption"):
            self._cell, self._attributes = "", {**dict(attrs), "tag": tag, "where": self._where}

    def handle_data(self, data: str) -> None:
        self._cell += data

    def handle_endtag(self, tag: str) -> None:
        said = " ".join(self._cell.split(" ")).strip()
        if tag == "caption":
            self.caption = said
        elif tag in ("td", "th") and self._where == "tfoot":
            self.notes.append(said)
        elif tag in ("td", "th"):
            self.rows[-1].append((said, self._attributes))


def _table(html: str) -> str:
    found = _Rows(html)
    rows = [row for row in found.rows if row]
    if not rows:
        return ""
    columns = max(sum(int(a.get("colspan") or 1) for _, a in row) for row in rows)
    head: list[str] = []
    body: list[str] = []
    for row in rows:
        cells = [_cell(text, attributes) for text, attributes in row]
        (head if row[0][1]["where"] == "thead" else body).extend(cells)
    rule = 'table.hline(stroke: 0.7pt + rgb("#1b1f24"))'
    top = f"table.header({', '.join(head)}), {rule}, " if head else ""
    widths = _widths(rows, columns)
    drawn = f'#table(columns: {widths}, stroke: (x, y) => (bottom: 0.3pt + rgb("#dfe3e8")), {top}{", ".join(body)})'
    notes = "".join(f"\n\n#muted[{_text(note)}]" for note in found.notes)
    return f"#muted[{_text(found.caption)}]\n\n#[#set text(9pt)\n{drawn}]{notes}"


ROOM = 98
"""Letters of 9 pt that stand beside each other on a line of A4, on the safe side."""
GAP = 2
"""What a cell's inset takes, in letters."""


def _widths(rows: list[list[tuple[str, dict[str, Any]]]], columns: int) -> str:
    """Return the widths of the columns: as the words need where all fit, else shared out by how much is said in each.

    A column never becomes narrower than its longest word, so that nothing is drawn over its neighbour.
    """
    whole, word = [1] * columns, [1] * columns
    for row in rows:
        place = 0
        for text, attributes in row:
            span = int(attributes.get("colspan") or 1)
            if span == 1 and place < columns:
                # Bold letters are wider.
                wide = 1.1 if attributes["where"] == "thead" else 1.0
                whole[place] = max(whole[place], round(wide * len(text)))
                word[place] = max(word[place], round(wide * max(map(len, text.split()), default=0)))
            place += span
    room = ROOM - GAP * columns
    if sum(whole) <= room:
        return "(1.6fr, " + "auto, " * (columns - 1) + ")"
    spare = max(room - sum(word), 0)
    more = [most - least for most, least in zip(whole, word, strict=True)]
    # What one cell says at length may take several lines: its column gets less than its share of letters.
    weight = [extra**0.7 for extra in more]
    total = sum(weight) or 1.0
    shares = [GAP + least + min(extra, spare * w / total) for least, extra, w in zip(word, more, weight, strict=True)]
    return "(" + "".join(f"{share:.1f}fr, " for share in shares) + ")"


def _cell(text: str, attributes: dict[str, Any]) -> str:
    classes = str(attributes.get("class") or "")
    align = "right" if "num" in classes or "right" in classes else "left"
    span = int(attributes.get("colspan") or 1)
    bold = attributes["where"] == "thead" or attributes.get("scope") in ("colgroup", "rowgroup") or "group" in classes
    body = f"#strong[{_text(text)}]" if bold and text else _text(text)
    return f"table.cell(colspan: {span}, align: {align})[{body}]"


def _text(text: str) -> str:
    """Put words into a string, so that nothing in them is markup."""
    return f"#text({json.dumps(str(text), ensure_ascii=False)})"
