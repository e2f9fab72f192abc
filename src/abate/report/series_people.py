"""Table 1: who took part, altogether and by subgroup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from abate.report.series_tables import Shown
from abate.report.series_view import SeriesView
from abate.report.tables import NONE, number, percent, table
from abate.study.tables import COLUMNS

__all__ = ["table_one"]

CONTRACT = {"age": "Age (years)", "weight": "Weight (kg)", "height": "Height (cm)"}


def table_one(view: SeriesView) -> Shown:
    """Return who took part: counts for what has names, median and range for what has numbers."""
    groups = _groups(view)
    rows = [
        {"block": block, "characteristic": name, **dict(zip(groups, cells, strict=True))}
        for block, name, cells in _rows(view, groups)
    ]
    frame = pd.DataFrame(rows)
    split = next(iter(view.series.subgroups), "")
    caption = f"Who took part{f', by {split}' if split else ''}"
    notes = ("Counts with percent; numbers as median (lowest to highest).",)
    shown = frame.rename(columns={"characteristic": "Characteristic"})
    html = table(shown, caption=caption, group="block", numeric=groups, notes=notes)
    return Shown("table-1", caption, frame.drop(columns="block"), frame, notes, html=html)


def _groups(view: SeriesView) -> dict[str, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Everybody, then the subgroups of the first way in which the people are divided."""
    count = len(view.series.people)
    found = {f"All (n = {count})": np.ones(count, dtype=bool)}
    for names in list(view.series.subgroups.values())[:1]:
        for name in dict.fromkeys(n for n in names if n):
            inside = np.array([other == name for other in names])
            found[f"{name} (n = {int(inside.sum())})"] = inside
    return found


def _rows(view: SeriesView, groups: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    subjects = view.series.subjects
    if len(set(subjects["arm"])) > 1:
        yield from _named("People", "arm", subjects["arm"].astype(str).tolist(), groups)
    for column, label in CONTRACT.items():
        if column in subjects and subjects[column].notna().any():
            yield "People", label, _spreads(subjects[column].to_numpy(dtype=float), groups)
    if "sex" in subjects and (subjects["sex"].astype(str) != "").any():
        yield from _named("People", "sex", subjects["sex"].astype(str).tolist(), groups)
    for column in subjects.columns:
        if column in COLUMNS["subjects"] or column == next(iter(view.series.subgroups), None):
            continue  # the columns of the table say it already
        if column in view.series.subgroups:
            yield from _named("People", column, list(view.series.subgroups[column]), groups)
        elif pd.api.types.is_numeric_dtype(subjects[column]) and subjects[column].notna().any():
            yield "People", column, _spreads(subjects[column].to_numpy(dtype=float), groups)
    for measure in view.series.measures:
        label = measure.label + (f" ({measure.unit})" if measure.unit else "")
        yield f"At {view.series.baseline.label}", label, _spreads(measure.values.iloc[:, 0].to_numpy(float), groups)


def _named(
    block: str, column: str, names: Sequence[str], groups: dict[str, Any]
) -> Iterator[tuple[str, str, list[str]]]:
    known = [name for name in dict.fromkeys(sorted(names)) if name and name != "nan"]
    for name in known:
        cells = []
        for inside in groups.values():
            kept = [other for other, ok in zip(names, inside, strict=True) if ok]
            cells.append(f"{kept.count(name)} ({percent(kept.count(name) / len(kept))})" if kept else NONE)
        yield block, f"{column.capitalize()}: {name}", cells


def _spreads(values: Any, groups: dict[str, Any]) -> list[str]:
    cells = []
    for inside in groups.values():
        kept = values[inside & np.isfinite(values)]
        text = NONE
        if len(kept):
            text = f"{number(float(np.median(kept)))} ({number(float(kept.min()))} to {number(float(kept.max()))})"
            gone = int(inside.sum()) - len(kept)
            text += f", {gone} missing" if gone else ""
        cells.append(text)
    return cells
