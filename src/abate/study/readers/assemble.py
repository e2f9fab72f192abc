"""Lay records out as the tables of a Study, in one order whatever the order of the file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from abate.ground.results import slug
from abate.science import instruments
from abate.study.readers.mapping import MapFile
from abate.study.readers.names import measure_of
from abate.study.readers.records import Extract, Record
from abate.study.tables import conform

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["measurement_table", "natural", "subject_table"]

_SEX = {"f": "female", "w": "female", "female": "female", "woman": "female", "m": "male", "male": "male", "man": "male"}


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts P2 before P10.

    Examples
    --------
    >>> sorted(["P10", "P2"], key=natural)
    ['P2', 'P10']
    """
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in parts)


def measurement_table(records: list[Record], times: list[float], labels: list[str], map_file: MapFile) -> pd.DataFrame:
    """Return the table of measurements, sorted by person, time, measure and item."""
    import pandas as pd

    rows = [
        (record.subject, time, label, *measure_of(record.id), record.value, record.unit, record.censoring)
        for record, time, label in zip(records, times, labels, strict=True)
    ]
    rows += _unticked(rows, map_file.unticked_is_zero)
    rows.sort(key=lambda row: (natural(row[0]), row[1], row[3], natural(row[4])))
    columns = ["subject", "time", "visit", "measure", "item", "value", "unit", "censoring"]
    return conform("measurements", pd.DataFrame(rows, columns=columns))


def subject_table(found: Extract) -> pd.DataFrame:
    """Return the table of people: subject, arm ('all' where there are none), and the facts that the file holds."""
    import pandas as pd

    people = sorted(found.facts, key=natural)
    table: dict[str, Any] = {"subject": people, "arm": [slug(found.arms.get(who, "")) or "all" for who in people]}
    for name in sorted({name for facts in found.facts.values() for name in facts}):
        texts = [found.facts[who].get(name, "") for who in people]
        column = "sex" if name == "gender" else name
        table[column] = [_SEX.get(text.lower(), text) for text in texts] if column == "sex" else _numbers(texts)
    return conform("subjects", pd.DataFrame(table))


def _numbers(texts: list[str]) -> list[Any]:
    """Numbers where every filled text is one, otherwise the texts."""
    try:
        return [float(text) if text else float("nan") for text in texts]
    except ValueError:
        return texts


def _unticked(rows: Iterable[tuple[Any, ...]], measures: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Zeros for the boxes that a form leaves out because nobody ticked them (only where the map file says so)."""
    added: list[tuple[Any, ...]] = []
    for measure in measures:
        ids = [name for name in instruments.items() if name.startswith(f"{measure}/")]
        sheets: dict[tuple[Any, ...], set[str]] = {}
        for row in rows:
            if row[3] == measure:
                sheets.setdefault(row[:3], set()).add(row[4])
        for sheet, there in sheets.items():
            added += [(*sheet, measure, name, 0.0, "", "") for name in ids if name not in there]
    return added
