"""Find an instrument by name, or read one from a file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import ValidationError

from abate.ground.errors import InputError
from abate.ground.files import Document, did_you_mean, library_path, load_toml
from abate.ground.schema import in_words
from abate.science.instruments.definition import Instrument, Item, Points, Rule, alias
from abate.science.instruments.rule import names_in

__all__ = ["items", "load", "names"]


def names() -> tuple[str, ...]:
    """Return the names of the shipped instruments.

    Examples
    --------
    >>> "fiqr" in names()
    True
    """
    return tuple(sorted(path.stem for path in library_path("instruments").glob("*.toml") if path.stem != "measures"))


def load(name_or_path: str | Path) -> Instrument:
    """Read an instrument from the library by name (or by one of its other names), or from a TOML file.

    Parameters
    ----------
    name_or_path : str or Path
        ``fiqr``, ``fibromyalgia-2016``, ``acr-2016`` ..., or a file that ends in ``.toml``.

    Raises
    ------
    InputError
        If there is no such instrument, or its file breaks the schema; the message names the file, the line and the key.

    Examples
    --------
    >>> load("fiqr").title
    'Revised Fibromyalgia Impact Questionnaire (FIQR)'
    >>> load("acr-2016").name
    'fibromyalgia-2016'
    """
    text = str(name_or_path)
    if text.endswith(".toml"):
        return _read(load_toml(text))
    known = _by_name()
    name = text.strip().lower().replace("_", "-").replace(" ", "-")
    if name not in known:
        hint = did_you_mean(name, known) or "a file of your own must end in .toml"
        raise InputError("instrument", "there is no such instrument", value=text, allowed=names(), hint=hint)
    return known[name]


@cache
def items() -> dict[str, Item]:
    """Return every item of the shipped instruments by its id.

    Examples
    --------
    >>> items()["wpi/jaw-left"].label
    'left upper: jaw'
    """
    found: dict[str, Item] = {}
    for name in names():
        for item in load(name).items:
            found.setdefault(item.id, item)
    return found


@cache
def _by_name() -> dict[str, Instrument]:
    known: dict[str, Instrument] = {}
    for name in names():
        instrument = _read(load_toml(library_path("instruments", f"{name}.toml")))
        known.update(dict.fromkeys((instrument.name, *instrument.also), instrument))
    return known


def _read(document: Document) -> Instrument:
    try:
        instrument = Instrument.model_validate(document.data)
    except ValidationError as error:
        first = error.errors()[0]
        key = [part for part in first["loc"] if part not in _TAGS]
        raise document.error(key, in_words(first)) from error
    _check_rules(instrument, document)
    return instrument


_TAGS = frozenset(("sum", "mean", "count", "worst", "groups", "weighted", "points", "rule", "recorded"))


def _check_rules(instrument: Instrument, document: Document) -> None:
    """Refuse a rule that cannot be read or that names what is not there (rules see items and earlier scores)."""
    seen = {alias(item.id) for item in instrument.items}
    for index, score in enumerate(instrument.scores):
        rules: tuple[str, ...] = ()
        if isinstance(score, Rule):
            rules = (score.rule,)
        elif isinstance(score, Points):
            rules = tuple(point.when for point in score.points)
        for rule in rules:
            try:
                used = names_in(rule)
            except ValueError as error:
                raise document.error(["scores", index, "rule"], str(error)) from error
            for name in used:
                if name not in seen:
                    hint = did_you_mean(name, seen)
                    raise document.error(
                        ["scores", index, "rule"], "the rule names what is not there", value=name, hint=hint
                    )
        seen.add(alias(score.name))
