"""A sentence that remembers how it was made, so that a page can say it in another language."""

from __future__ import annotations

from typing import Any

__all__ = ["Told"]


class Told(str):
    """A sentence in English, with its template and the values in it.

    Examples
    --------
    >>> said = Told("Only {n} people fit.", n=2)
    >>> said, said.template, said.values
    ('Only 2 people fit.', 'Only {n} people fit.', {'n': 2})
    """

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> Told:
        """Fill a template in."""
        made = super().__new__(cls, template.format(**values) if values else template)
        made.template, made.values = template, values
        return made
