"""A site's own wording of the questions: licensed texts stay with the site, abate ships short names."""

from __future__ import annotations

from pathlib import Path

from abate.ground.files import did_you_mean, load_toml
from abate.science.instruments.definition import Instrument

__all__ = ["load_wording"]


def load_wording(path: str | Path, instrument: Instrument) -> dict[str, str]:
    """Read a site's wording of an instrument's items from a TOML file.

    The file holds one table, ``[items]``, of item ids and texts::

        [items]
        "fiqr/1" = "the text that your licence lets you use"

    Returns
    -------
    dict of item id to text
        The short name where the file has none.

    Raises
    ------
    InputError
        If an id is not an item of the instrument, or a text is not text.

    Examples
    --------
    >>> import tempfile
    >>> from abate.science.instruments.catalog import load
    >>> file = Path(tempfile.mkdtemp()) / "wording.toml"
    >>> _ = file.write_text('[items]\\n"fiqr/1" = "Kaemmen"\\n')
    >>> load_wording(file, load("fiqr"))["fiqr/1"]
    'Kaemmen'
    """
    document = load_toml(path)
    texts = document.data.get("items")
    if not isinstance(texts, dict):
        raise document.error(
            ["items"], "the table [items] is missing", allowed='[items] with lines like "fiqr/1" = "text"'
        )
    known = {item.id: item.label for item in instrument.items}
    for name, text in texts.items():
        if name not in known:
            raise document.error(
                ["items", name], f"this is no item of {instrument.name}", hint=did_you_mean(name, known)
            )
        if not isinstance(text, str):
            raise document.error(["items", name], "the wording must be text", value=text)
    return known | texts
