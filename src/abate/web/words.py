"""English and Ukrainian: a catalogue (``locale/uk.po``) read with Babel; numbers and dates as each writes them.

What reports, library entries and error messages say is not translated; a page says so where it shows one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["LANGUAGES", "Words", "catalogue", "choose"]

LANGUAGES = {"en": "English", "uk": "Українська"}
"""Code and own name of each language."""


@dataclass(frozen=True, slots=True)
class Words:
    """What one language says.

    Examples
    --------
    >>> Words("uk")("Library"), Words("en")("Library")
    ('Бібліотека', 'Library')
    >>> Words("en")("{n} people", n=3)
    '3 people'
    """

    language: str

    def __call__(self, text: str, /, **values: Any) -> str:
        """Return a text in this language, with values put in; English where the catalogue has none."""
        said = catalogue(self.language).get(text, text)
        return said.format(**values) if values else said

    def told(self, said: str) -> str:
        """Return what the planner says in this language, where it remembers how it was made; else as it is.

        Examples
        --------
        >>> from abate.planner.told import Told
        >>> Words("uk").told(Told("it does not end: {mg} mg a day go on", mg=2))
        'він не закінчується: далі по 2 мг на день'
        """
        template = getattr(said, "template", None)
        if template is None:
            return said
        values = {name: self.told(v) if isinstance(v, str) else v for name, v in vars(said)["values"].items()}
        return self(template, **values)

    def number(self, value: float, digits: int = 1) -> str:
        """Write a number.

        Examples
        --------
        >>> Words("uk").number(1234.5), Words("en").number(1234.5)
        ('1\\xa0234,5', '1,234.5')
        """
        from babel.numbers import format_decimal

        return str(format_decimal(round(value, digits), format=f"#,##0.{'#' * digits}", locale=self.language))

    def percent(self, share: float) -> str:
        """Write a share, 0-1, in per cent."""
        return f"{self.number(100 * share, 0)}\u00a0%"

    def date(self, day: date) -> str:
        """Write a date with its weekday, on one line."""
        from babel.dates import format_date

        return str(format_date(day, "EEE d MMM y", locale=self.language)).replace(" ", "\u00a0")


@cache
def catalogue(language: str) -> dict[str, str]:
    """Return the translations of a language by English text; English has none to make."""
    if language == "en":
        return {}
    from babel.messages.pofile import read_po

    with (files("abate.web") / "locale" / f"{language}.po").open("rb") as stream:
        read = read_po(stream, locale=language, abort_invalid=True)
    return {str(message.id): str(message.string) for message in read if message.id and message.string}


def choose(accepted: str, languages: Iterable[str] = LANGUAGES) -> str:
    """Choose the first language that a browser asks for and that is spoken here.

    Examples
    --------
    >>> choose("de-DE,uk;q=0.8,en;q=0.5"), choose("fr")
    ('uk', 'en')
    """
    known = set(languages)
    wanted: list[tuple[float, str]] = []
    for entry in accepted.split(","):
        code, _, quality = entry.strip().partition(";q=")
        try:
            wanted.append((-float(quality or 1), code.partition("-")[0].lower()))
        except ValueError:
            continue
    return next((code for _, code in sorted(wanted, key=lambda pair: pair[0]) if code in known), "en")
