"""The shell of every report: one HTML file that opens without a network, in light or dark, on a phone and on A4 paper.

A report is a value: a `Report` of sections of parts. `render` turns it into HTML; `write` puts ``report.html`` into a
folder, with the numbers behind its figures and tables as CSV and the figures as SVG beside it. The page carries a
content security policy that forbids every connection; without ``interactive`` it holds no script at all.

Examples
--------
>>> from abate.report import figures
>>> figure = figures.dose_over_time({"placebo": figures.band_of([[60, 40, 20]], [0, 1, 2])})
>>> report = Report(
...     title="A small trial",
...     kind="Simulated trial",
...     sections=(
...         Section("Doses", (
...             Prose("Half of the people were off prednisone by week 20.", role="reading"),
...             Figure("dose", figure, caption="Median dose, and the band that holds 90 % of people.",
...                    alt="The dose falls from 60 to 20 mg a day in two weeks."),
...         )),
...         Section("What this is", (Honesty(provenance={"abate": "0.1.0", "seed": "1"}),)),
...     ),
... )
>>> html = render(report)
>>> html.count("<figure"), "<script" in html
(1, False)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from abate.ground.files import write_atomically
from abate.ground.results import slug
from abate.report.drawing import colour_rules, to_svg
from abate.report.palette import dark_twins
from abate.report.tables import table, thinned

__all__ = [
    "Figure",
    "Honesty",
    "Key",
    "Keys",
    "Line",
    "Prose",
    "Report",
    "Section",
    "Story",
    "Table",
    "render",
    "write",
]


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph. `role` is empty, ``reading`` (a sentence that says what a figure means), ``note`` or ``heading``."""

    text: str
    role: str = ""
    kind: ClassVar[str] = "prose"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its caption.

    Attributes
    ----------
    name : str
        Short and unique in the report; names its files.
    figure : plotly Figure or str
        A string is SVG that is drawn already (see `abate.report.flow`).
    caption : str
        What is seen: quantity, unit, what the band is, how many people.
    alt : str
        The message of the picture in a sentence, for those who cannot see it.
    data : pandas.DataFrame, optional
        The numbers behind it: a CSV beside the report, and a short table in it.
    narrow : bool, plotly Figure or str
        True draws it a second time for a phone, with letters of the same size; another figure (for example with fewer
        small plots side by side) is drawn in its place; False lets it shrink.
    tall : bool
        May fill a page when printed.
    """

    name: str
    figure: Any
    caption: str
    alt: str
    data: pd.DataFrame | None = None
    narrow: Any = True
    tall: bool = False
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes
    ----------
    name : str
        Short and unique in the report; names its CSV.
    html : str
        From `abate.report.tables.table`.
    data : pandas.DataFrame, optional
        The same as numbers, for the CSV.
    """

    name: str
    html: str
    data: pd.DataFrame | None = None
    kind: ClassVar[str] = "table"


@dataclass(frozen=True, slots=True)
class Key:
    """One number that matters, with what it is and its interval; `tint` is a palette class (``c1``: the first arm)."""

    label: str
    value: str
    detail: str = ""
    tint: str = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """A few numbers that matter, in large type; with a title they are a quiet list, one line an arm."""

    numbers: tuple[Key, ...]
    title: str = ""
    kind: ClassVar[str] = "keys"


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a story; `kind` is ``event``, ``decision`` or empty."""

    when: str
    what: str
    why: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to one person, in order."""

    lines: tuple[Line, ...]
    kind: ClassVar[str] = "story"


@dataclass(frozen=True, slots=True)
class Honesty:
    """What stands behind a report and what does not; every report has one.

    It always says that this is for research and not a prescription, whatever else it lists.

    Attributes
    ----------
    provenance : mapping of str to str
        Version, seed, hashes of model and library, number of people ...
    calibrated : tuple of str
        Published figures that the numbers were fitted to: agreement with these is no evidence.
    predicted : tuple of str
        Published figures that were not used in fitting.
    not_validated : tuple of str
        What has been compared with nothing.
    limits : tuple of str
        What the reader must know to read the numbers.
    """

    provenance: Mapping[str, str] = field(default_factory=dict)
    calibrated: tuple[str, ...] = ()
    predicted: tuple[str, ...] = ()
    not_validated: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    kind: ClassVar[str] = "honesty"

    CAUTION: ClassVar[str] = (
        "Nothing here tells a person to stop or cut a steroid: after weeks of treatment the adrenal glands need time, "
        "and stopping abruptly can be dangerous. Decisions belong to the patient and the treating clinician."
    )

    def lists(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the lists that hold something, with their titles."""
        titles = {
            "Calibrated: the model was fitted to these, so agreement is no evidence": self.calibrated,
            "Predicted: not used in fitting": self.predicted,
            "Not validated": self.not_validated,
            "How to read this": self.limits,
        }
        yield from ((title, lines) for title, lines in titles.items() if lines)


Part = Prose | Figure | Table | Keys | Story | Honesty


@dataclass(frozen=True, slots=True)
class Section:
    """A section: a title and its parts."""

    title: str
    parts: tuple[Part, ...]

    @property
    def slug(self) -> str:
        """Its address within the page."""
        return slug(self.title)


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report.

    Attributes
    ----------
    title : str
    kind : str
        A few words over the title: ``Simulated trial``, ``Paired series``.
    lead : str
        One or two sentences: the finding, with its uncertainty.
    facts : mapping of str to str
        A line of facts under the lead: people, arms, weeks, seed.
    sections : tuple of Section
        One of them must hold a `Honesty`.
    footer : str
    language : str
    """

    title: str
    kind: str
    sections: tuple[Section, ...]
    lead: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    footer: str = "For research; not a prescription."
    language: str = "en"

    def __post_init__(self) -> None:
        parts = [part for section in self.sections for part in section.parts]
        if not any(isinstance(part, Honesty) for part in parts):
            raise ValueError("a report needs an Honesty part: what stands behind it and what does not")
        names = [part.name for part in parts if isinstance(part, (Figure, Table))]
        for what, found in (("figures and tables", names), ("sections", [s.slug for s in self.sections])):
            twice = sorted({name for name in found if found.count(name) > 1})
            if twice:
                raise ValueError(f"{what} of a report need different names; twice: {', '.join(twice)}")

    @property
    def figures(self) -> dict[str, Any]:
        """The figures by name, in the order of the report: plotly figures, or SVG text where one is drawn already."""
        parts = (part for section in self.sections for part in section.parts)
        return {part.name: part.figure for part in parts if isinstance(part, Figure)}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A part made ready for the template."""

    number: str = ""
    wide: str = ""
    narrow: str = ""
    table: str = ""
    plotly: str = ""


def render(report: Report, *, folder: bool = False, interactive: bool = False) -> str:
    """Return a report as one HTML page.

    Parameters
    ----------
    report : Report
    folder : bool
        True links to the CSV and SVG files that `write` puts beside the page.
    interactive : bool
        True adds plotly.js (about 5 MB) and a button under each figure that makes it movable.
    """
    from abate.ground.version import __version__

    page = _template().render(
        report=report,
        drawings=dict(_drawn(report, interactive)),
        css=_asset("page.css") + _colours(),
        version=__version__,
        folder=folder,
        script=_script() if interactive else "",
    )
    return str(page) + "\n"


def write(report: Report, directory: str | Path, *, interactive: bool = False) -> Path:
    """Write ``report.html``, ``data/*.csv`` and ``figures/*.svg`` into a folder; return the path of the page.

    Parameters
    ----------
    report : Report
    directory : str or Path
    interactive : bool
        See `render`.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    folder = Path(directory)
    for section in report.sections:
        for part in section.parts:
            if isinstance(part, (Figure, Table)) and part.data is not None:
                write_atomically(
                    folder / "data" / f"{part.name}.csv", part.data.to_csv(index=False, lineterminator="\n")
                )
            if isinstance(part, Figure):
                drawn = part.figure if isinstance(part.figure, str) else to_svg(part.figure, label=part.alt)
                write_atomically(folder / "figures" / f"{part.name}.svg", with_colours(drawn))
    page = folder / "report.html"
    write_atomically(page, render(report, folder=True, interactive=interactive))
    return page


def _drawn(report: Report, interactive: bool) -> Iterator[tuple[str, Drawn]]:
    figures = 0
    for section in report.sections:
        for i, part in enumerate(section.parts):
            drawn = Drawn()
            if isinstance(part, Figure):
                figures += 1
                drawn = _figure(part, f"Figure {figures}", interactive)
            elif isinstance(part, Table):
                drawn = Drawn(table=part.html)
            yield f"{i}/{section.slug}", drawn


def _figure(part: Figure, number: str, interactive: bool) -> Drawn:
    numbers = ""
    if part.data is not None:
        shown = thinned(part.data)
        caption = f"Numbers behind {number.lower()}"
        if len(shown) < len(part.data):
            caption += f": {len(shown)} of {len(part.data)} rows, all of them in the CSV"
        numbers = table(shown, caption=caption)
    small = part.figure if part.narrow is True else part.narrow
    wide, narrow = _inline(part.figure, part.alt, None), _inline(small, part.alt, 380) if small else ""
    if isinstance(part.figure, str):
        return Drawn(number, wide, narrow if isinstance(part.narrow, str) else "", numbers)
    plotly = part.figure.to_json().replace("<", "\\u003c") if interactive else ""
    return Drawn(number, wide, narrow, numbers, plotly)


def _inline(figure: Any, alt: str, width: float | None) -> str:
    return figure if isinstance(figure, str) else to_svg(figure, label=alt, standalone=False, width=width)


def with_colours(svg: str) -> str:
    """Give a drawing made for a page its own colours, so that it can stand alone."""
    if "<style>" in svg:
        return svg
    head, mark, rest = svg.partition(">")
    return f"{head}{mark}<style>{colour_rules(dark=False)}</style>{rest}"


def _colours() -> str:
    dark = f"@media screen and (prefers-color-scheme:dark){{{colour_rules(dark=True)}}}"
    return colour_rules(dark=False) + dark


def _script() -> str:
    from plotly.offline import get_plotlyjs

    plotly = str(get_plotlyjs()).replace("</script", "<\\/script")
    return f"{plotly}\nconst DARK = {json.dumps(dark_twins())};\n{_asset('explore.js')}"


@cache
def _asset(name: str) -> str:
    return (files("abate.report") / "assets" / name).read_text(encoding="utf-8")


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["json"] = json.dumps
    return environment.from_string(_asset("page.html.j2"))
