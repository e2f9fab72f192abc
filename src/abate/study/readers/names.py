"""What a heading or a label stands for: an item of an instrument, a measure, a visit in a suffix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from abate.ground.files import library_path, load_toml
from abate.ground.results import slug
from abate.science import instruments
from abate.study.readers.visits import Visit, parse_visit

__all__ = ["Ask", "Measure", "Recognised", "known_ids", "measure_of", "measures", "recognise", "recognise_with_visit"]


@dataclass(frozen=True, slots=True)
class Ask:
    """When to ask whether values are in another unit than declared."""

    other_unit: str
    all_below: float
    ratio_to_others: float


@dataclass(frozen=True, slots=True)
class Measure:
    """One id of the measurements table: where its unit and limits come from."""

    id: str
    label: str
    unit: str
    low: float | None
    high: float | None
    ask: Ask | None = None
    tick: bool = False


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a heading was recognised as; `unit` where the heading itself declares one (``crp_mg_dl``)."""

    id: str
    unit: str = ""
    visit: Visit | None = None


@cache
def measures() -> dict[str, Measure]:
    """Return every known id: the items of the shipped instruments, and the measures of the library."""
    found = {
        item.id: Measure(item.id, item.label, item.unit, item.low, item.high, tick=(item.low, item.high) == (0, 1))
        for item in instruments.items().values()
    }
    for name, entry in _library().items():
        ask = entry.get("ask")
        asked = Ask(ask["other_unit"], ask["all_below"], ask["ratio_to_others"]) if ask else None
        found[name] = Measure(name, entry["label"], entry["unit"], entry.get("low"), entry.get("high"), asked)
    return found


def known_ids() -> tuple[str, ...]:
    """Return every id that a reader knows."""
    return tuple(measures())


def measure_of(name: str) -> tuple[str, str]:
    """Split an id into the columns measure and item of a Study.

    Examples
    --------
    >>> measure_of("fiqr/1"), measure_of("pain")
    (('fiqr', 'fiqr/1'), ('pain', ''))
    """
    head, slash, _ = name.partition("/")
    return (head, name) if slash else (name, "")


def recognise(text: str, heads: tuple[str, ...] = ()) -> Recognised | None:
    """Recognise a heading or a label.

    With `heads` such as ``fiqr/``, a bare item (``7``, ``comb hair``) of that instrument is recognised too; a head
    without a slash at its end is the id of an item that the library does not have.

    Examples
    --------
    >>> recognise("FIQR_01").id, recognise("wpi left jaw").id, recognise("CRP (mg/dL)"), recognise("fiqr: comb hair").id
    ('fiqr/1', 'wpi/jaw-left', Recognised(id='crp', unit='mg/dL', visit=None), 'fiqr/1')
    >>> recognise("hobby"), recognise("q7", ("fiqr/",)).id, recognise("SIQR_7").id
    (None, 'fiqr/7', 'fiqr/7')
    """
    key = _key(text)
    if key in _spellings():
        return Recognised(_spellings()[key])
    for head in heads:
        if key and head.endswith("/") and f"{_key(head)}-{key}" in _spellings():
            return Recognised(_spellings()[f"{_key(head)}-{key}"])
        if key and key == _key(head) and not head.endswith("/"):
            return Recognised(head)
    words = _words(key)
    if words in _by_words():
        return Recognised(_by_words()[words])
    for tail, unit in _UNIT_TAILS.items():
        if key.endswith(f"-{tail}") and key.removesuffix(f"-{tail}") in _spellings():
            return Recognised(_spellings()[key.removesuffix(f"-{tail}")], unit)
    return None


_VISIT = r"(?:weeks?|wks?|w|days?|d|months?|mo|m)-?\d+|baseline|bl"


def recognise_with_visit(text: str) -> Recognised | None:
    """Recognise a heading that carries its visit, before or after (``pain_w4``, ``baseline_crp``).

    Examples
    --------
    >>> recognise_with_visit("pain_w4")
    Recognised(id='pain', unit='', visit=Visit(label='week 4', day=28.0))
    """
    key = _key(text)
    for pattern in (rf"(?P<name>.+)-(?P<visit>{_VISIT})", rf"(?P<visit>{_VISIT})-(?P<name>.+)"):
        found = re.fullmatch(pattern, key)
        inner = recognise(found["name"]) if found else None
        if found and inner:
            visit = parse_visit(found["visit"].replace("-", " "))
            if visit.day is not None:
                return Recognised(inner.id, inner.unit, visit)
    return None


# fmt: off
_UNIT_TAILS = {
    "mg-dl": "mg/dL", "mgdl": "mg/dL", "mg-l": "mg/L", "mgl": "mg/L", "mm-h": "mm/h", "mm-hr": "mm/h", "mmh": "mm/h",
    "pg-ml": "pg/mL", "ng-l": "ng/L", "ug-ml": "ug/mL", "nmol-l": "nmol/L", "ug-dl": "ug/dL", "mg": "mg", "min": "min",
}
# fmt: on
# Words of an area's label that do not tell areas apart.
_FILLER = frozenset(
    ("girdle", "buttock", "trochanter", "area", "pain", "in", "the", "upper", "lower", "axial", "of", "item")
)
_SIDES = {"l": "left", "r": "right", "lt": "left", "rt": "right"}


@cache
def _library() -> dict[str, dict[str, Any]]:
    return dict(load_toml(library_path("instruments", "measures.toml")).data["measures"])


def _key(text: str) -> str:
    return slug(text)


@cache
def _spellings() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, measure in measures().items():
        head, _, tail = name.partition("/")
        spellings = [_key(name), _key(name).replace("-", "")]
        if tail.isdigit():
            heads = [head, *(instruments.load(head).also if head in instruments.names() else ())]
            for each in [spelled for other in heads for spelled in (_key(other), _key(other).replace("-", ""))]:
                for number in (tail, tail.zfill(2)):
                    spellings += [f"{each}-{number}", f"{each}{number}", f"{each}-q{number}", f"{each}q{number}"]
                    spellings += [
                        f"{each}-item-{number}",
                        f"{each}-item{number}",
                        f"{each}-{number}-{_key(measure.label)}",
                    ]
        if tail:
            spellings.append(_key(f"{head} {measure.label}"))
        for spelling in spellings:
            found.setdefault(spelling, name)
    for name, entry in _library().items():
        for spelling in entry["also"]:
            found.setdefault(_key(spelling), name)
            found.setdefault(_key(spelling).replace("-", ""), name)
    return found


@cache
def _by_words() -> dict[frozenset[str], str]:
    """Areas by their words in any order: 'wpi hip, left' and 'left hip (wpi)' are one."""
    found: dict[frozenset[str], str] = {}
    for name in measures():
        if name.startswith(("wpi/", "sss/")):
            found[_words(_key(name))] = name
    return found


def _words(key: str) -> frozenset[str]:
    words = [_SIDES.get(word, word) for word in key.split("-")]
    limbs = {"arm", "leg", "back"} & set(words)
    # 'upper' and 'lower' name a limb's part; elsewhere they name the body's half, which the area implies.
    return frozenset(w for w in words if w not in _FILLER or (limbs and w in ("upper", "lower")))
