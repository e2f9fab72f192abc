"""References of the methods that a report used, and of the instruments that it scored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from abate.ground.results import slug

if TYPE_CHECKING:
    from abate.study.paired import Series

__all__ = ["Reference", "bibtex", "instrument_references", "method_references", "numbered"]


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference: its key, how it reads in a list, and its BibTeX entry."""

    key: str
    text: str
    entry: str


def method_references(keys: Iterable[str]) -> tuple[Reference, ...]:
    """Return the references of statistical methods by key, in the order given.

    Examples
    --------
    >>> print(method_references(["holm1979"])[0].text)
    Holm S. A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 1979;6:65-70.
    """
    known = _methods()
    return tuple(known[key] for key in dict.fromkeys(keys))


def instrument_references(series: Series) -> tuple[Reference, ...]:
    """Return the sources of the scores and response rules used, as the instrument files cite them."""
    found: dict[str, Reference] = {}
    for measure in series.measures:
        instrument = measure.instrument
        if instrument is None:
            continue
        wanted = {instrument.items_source, *(score.source for score in instrument.scores if score.name != "total")}
        rules = {
            rule.source for rule in instrument.changes if any(r.measure == instrument.name for r in series.responses)
        }
        for name in [n for n in instrument.sources if n in wanted | rules]:
            source = instrument.sources[name]
            found.setdefault(source.citation, _quoted(f"{instrument.name}-{name}", source.citation, source.doi))
    return tuple(found.values())


def numbered(references: Iterable[Reference]) -> list[str]:
    """Return the list as it is printed: ``1. Holm S. ...``."""
    return [f"{k}. {reference.text}" for k, reference in enumerate(references, 1)]


def bibtex(references: Iterable[Reference], version: str) -> str:
    """Return a BibTeX file of the references and of abate itself."""
    own = (
        f"@software{{abate,\n  title = {{abate}},\n  author = {{{{The abate authors}}}},\n  version = {{{version}}}\n}}"
    )
    return "\n\n".join([*(reference.entry for reference in references), own]) + "\n"


def _quoted(key: str, citation: str, doi: str) -> Reference:
    """A source that the library holds as one line of text keeps its wording."""
    lines = [f"@misc{{{slug(key)},", f"  note = {{{_escaped(citation)}}}"]
    if doi:
        lines[-1] += ","
        lines.append(f"  doi = {{{doi}}}")
    text = citation.rstrip(".") + "." + (f" doi:{doi}" if doi else "")
    return Reference(slug(key), text, "\n".join([*lines, "}"]))


def _escaped(text: str) -> str:
    return re.sub(r"([&%#_$])", r"\\\1", text)


@cache
def _methods() -> Mapping[str, Reference]:
    text = (files("abate.report") / "assets" / "statistics.bib").read_text(encoding="utf-8")
    found = {}
    for entry in re.findall(r"^@\w+\{.*?^\}", text, flags=re.DOTALL | re.MULTILINE):
        key = re.match(r"@\w+\{([^,]+),", entry)
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},?$", entry, flags=re.MULTILINE))
        if key:
            found[key[1]] = Reference(key[1], _printed(fields), entry)
    return found


def _printed(fields: Mapping[str, Any]) -> str:
    authors = ", ".join(_short(name) for name in str(fields["author"]).split(" and "))
    title = re.sub(r"[{}]", "", str(fields["title"]))
    if "journal" not in fields:
        return f"{authors}. {title}. {fields['publisher']} {fields['year']}."
    pages = str(fields["pages"]).replace("--", "-")
    return f"{authors}. {title}. {fields['journal']} {fields['year']};{fields['volume']}:{pages}."


def _short(name: str) -> str:
    family, _, given = name.partition(", ")
    return f"{family} {''.join(part[0] for part in given.split())}"
