"""Typst source to a page: the one place that calls the typesetter (extra ``pdf``)."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abate.ground.extras import optional

__all__ = ["compiled"]


def compiled(source: str, drawings: Mapping[str, str] | None = None, **kind: Any) -> bytes:
    """Typeset a source and return the file.

    Parameters
    ----------
    source : str
        Typst.
    drawings : mapping of str to str, optional
        SVG by the file name under which the source asks for it.
    **kind
        ``format`` (``pdf`` where nothing is said) and ``ppi`` of typst.

    Raises
    ------
    MissingExtra
        If typst is not installed.

    Examples
    --------
    >>> compiled("Hello")[:5]
    b'%PDF-'
    """
    typst = optional("typst")
    with tempfile.TemporaryDirectory() as folder:
        for name, drawing in (drawings or {}).items():
            (Path(folder) / name).write_text(drawing, encoding="utf-8")
        main = Path(folder) / "main.typ"
        main.write_text(source, encoding="utf-8")
        return bytes(typst.compile(str(main), **kind))
