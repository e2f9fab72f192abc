"""Write a figure as a file: SVG always, PNG and PDF with an extra.

SVG is drawn by abate itself. PNG and PDF come from the same drawing through typst (``pip install 'abate[pdf]'``), which
needs no browser.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from abate.ground.errors import InputError
from abate.ground.files import write_atomically
from abate.report.drawing import to_svg
from abate.report.typesetting import compiled

__all__ = ["FORMATS", "save"]

FORMATS = ("svg", "png", "pdf")


def save(figure: Any, path: str | Path, *, label: str = "", width: float = 720, dots_per_inch: float = 192) -> Path:
    """Write a figure; the ending of the name chooses the format.

    Parameters
    ----------
    figure : plotly Figure
    path : str or Path
        Ending in ``.svg``, ``.png`` or ``.pdf``.
    label : str
        What it shows, kept in the SVG.
    width : float
        In points.
    dots_per_inch : float
        Of a PNG.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        For another ending.
    MissingExtra
        For PNG or PDF where typst is not installed.

    Examples
    --------
    >>> import plotly.graph_objects as go
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> save(go.Figure(go.Scatter(x=[0, 1], y=[0, 1])), folder / "line.svg").name
    'line.svg'
    """
    target = Path(path)
    ending = target.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise InputError("figure file", "this ending is not a format of figures", value=target.name, allowed=FORMATS)
    svg = to_svg(figure, label=label, width=width)
    content = svg.encode() if ending == "svg" else _converted(svg, ending, width, dots_per_inch)
    write_atomically(target, content)
    return target


def _converted(svg: str, ending: str, width: float, dots_per_inch: float) -> bytes:
    page = "#set page(width: auto, height: auto, margin: 0pt)\n"
    kind = {"format": "png", "ppi": dots_per_inch} if ending == "png" else {"format": "pdf"}
    return compiled(f'{page}#image("figure.svg", width: {width:g}pt)\n', {"figure.svg": svg}, **kind)
