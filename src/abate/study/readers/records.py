"""From a grid and its layout to records: who, when, what, how much, and where it stands in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.results import slug
from abate.study.readers.cells import as_text, number
from abate.study.readers.grid import Cell, Grid, Row, is_blank
from abate.study.readers.layout import Layout, target_of
from abate.study.readers.mapping import MapFile
from abate.study.readers.names import Recognised, known_ids, measures, recognise
from abate.study.readers.visits import Visit, date_format, heading_unit, parse_date, parse_visit

__all__ = ["Extract", "Record", "extract"]


@dataclass(frozen=True, slots=True)
class Record:
    """One value with its place in the file; `unit` as the file gives it (empty: not said)."""

    subject: str
    visit: Visit
    date: date | None
    day: float | None
    id: str
    value: float
    censoring: str
    unit: str
    row: int
    column: str


@dataclass
class Extract:
    """What a grid holds: records, facts about people, and what was learnt on the way."""

    records: list[Record] = field(default_factory=list)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    arms: dict[str, str] = field(default_factory=dict)
    heads: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    visits: dict[str, str] = field(default_factory=dict)
    blanks: int = 0
    assumptions: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _When:
    visit: Visit
    date: date | None
    day: float | None


def extract(grid: Grid, layout: Layout, map_file: MapFile, heads: tuple[str, ...] = ()) -> Extract:
    """Read every cell that the layout knows; `heads` are the instruments that bare items (``7``) belong to.

    Raises
    ------
    InputError
        If a subject is missing, a visit cannot be placed in time, or a cell is no number; with file, row and column.
    """
    out = Extract(heads=heads)
    read_row = _long_row if layout.shape == "long" else _wide_row
    when_of = _clock(grid, layout, map_file, out)
    own_visits = [target.visit is None for target in layout.targets.values()]
    needs_visit = layout.shape == "long" or any(own_visits) or not own_visits
    if needs_visit and not {"visit", "date", "day"} & set(layout.roles):
        out.assumptions.append("no column says when: everything is taken as one visit, week 0")
    for row in grid.rows:
        subject = _text(grid, row, layout, "subject")
        if not subject:
            where = grid.where(row.number, layout.roles["subject"])
            raise InputError(where, "the subject is missing", hint="fill it in on every row")
        _facts(grid, row, layout, subject, out)
        out.records.extend(read_row(grid, row, subject, layout, map_file, when_of, out))
    return out


def _text(grid: Grid, row: Row, layout: Layout, role: str) -> str:
    column = layout.roles.get(role)
    return as_text(row.cells[grid.index(column)]) if column else ""


def _facts(grid: Grid, row: Row, layout: Layout, subject: str, out: Extract) -> None:
    facts = out.facts.setdefault(subject, {})
    for column, name in layout.facts.items():
        cell = row.cells[grid.index(column)]
        if not is_blank(cell):
            facts.setdefault(name, as_text(cell))
    arm = _text(grid, row, layout, "arm")
    if arm and out.arms.setdefault(subject, arm) != arm:
        where = grid.where(row.number, layout.roles["arm"])
        raise InputError(where, f"{subject} is in two arms: {out.arms[subject]} and", value=arm)


def _clock(grid: Grid, layout: Layout, map_file: MapFile, out: Extract) -> Callable[[Row], _When]:
    """Return a function row -> when, with the one date format of the file worked out beforehand."""
    roles = layout.roles
    unit = heading_unit(roles["visit"]) if "visit" in roles else ""
    format = ""
    if "date" in roles:
        position = grid.index(roles["date"])
        cells = [(grid.where(row.number, roles["date"]), as_text(row.cells[position])) for row in grid.rows]
        format = date_format([(where, text) for where, text in cells if not is_blank(text)], map_file.date_format)

    def when(row: Row) -> _When:
        raw = _text(grid, row, layout, "visit")
        visit = parse_visit(map_file.visits.get(raw, raw), unit) if raw else Visit("", None)
        if raw:
            out.visits.setdefault(raw, visit.label)
        text = _text(grid, row, layout, "date")
        dated = parse_date(text, format) if text and not is_blank(text) else None
        day = None
        if "day" in roles and (cell := _text(grid, row, layout, "day")):
            found = number(cell, grid.where(row.number, roles["day"]), decimal=map_file.decimal)
            # ADaM counts the baseline as day 1 and has no day 0.
            adam = slug(roles["day"]) == "ady"
            day = None if found is None else found.value - 1 if adam and found.value > 0 else found.value
        if not {"visit", "date", "day"} & set(roles):
            return _When(parse_visit("baseline"), None, None)
        return _When(visit, dated, day)

    return when


def _placed(grid: Grid, row: Row, layout: Layout, when: _When) -> _When:
    """Refuse a value whose time nothing tells."""
    if when.visit.day is None and when.date is None and when.day is None:
        column = layout.roles.get("visit") or layout.roles.get("date") or layout.roles["day"]
        where = grid.where(row.number, column)
        if not when.visit.label:
            raise InputError(where, "the visit is missing", hint="write week 0, week 4 ... on every row with a value")
        hint = f'write it like week 4, or set [visits] "{when.visit.label}" = "week 4" in a --map file'
        if when.visit.label.lstrip("-").isdigit():
            hint = "if these are weeks, name the column week, or write week 4 in its cells"
        raise InputError(where, "this visit has no place in time", value=when.visit.label, hint=hint)
    return when


def _long_row(
    grid: Grid, row: Row, subject: str, layout: Layout, map_file: MapFile, when_of: Callable[[Row], _When], out: Extract
) -> Iterator[Record]:
    measure, item = _text(grid, row, layout, "measure"), _text(grid, row, layout, "item")
    column = layout.roles["value"]
    cell = row.cells[grid.index(column)]
    target = _long_target(grid, row, layout, map_file, measure, item, out)
    if _missing(cell, map_file):
        out.blanks += 1
        return
    if target.id not in measures() and not _looks_numeric(cell):
        # A fact about the person, written as a row (diagnosis, primary).
        known = out.facts[subject].setdefault(target.id, as_text(cell))
        if known != as_text(cell):
            where = grid.where(row.number, column)
            raise InputError(where, f"{subject} has two values of {target.id}: {known} and", value=as_text(cell))
        return
    unit = _text(grid, row, layout, "unit")
    yield from _record(
        grid, row, subject, target, cell, column, unit, _placed(grid, row, layout, when_of(row)), map_file
    )


def _long_target(
    grid: Grid, row: Row, layout: Layout, map_file: MapFile, measure: str, item: str, out: Extract
) -> Recognised:
    """What a long row is about, from its measure and item; learnt once for each pair."""
    label = f"{measure} {item}".strip() if "/" not in item else item
    for key in (label, item, measure):
        if key and key in map_file.measures:
            target = target_of(map_file.measures[key], f"{map_file.path}, measures, {key}")
            out.labels[key] = target.id
            return target
    column = layout.roles.get("item") if item else None
    column = column or layout.roles.get("measure", layout.roles["value"])
    where = grid.where(row.number, column)
    if not label:
        raise InputError(where, "the row says no measure", hint="write pain, fiqr/1 ...")
    words = _by_param(grid, row)
    found = recognise(label, out.heads) or (recognise(item, out.heads) if item else None) or words
    if found and words and found.id == words.id and not found.unit:
        found = words
    if found is None:
        heads = {name.partition("/")[0] for name in known_ids() if "/" in name}
        if "/" in label or (item and slug(measure) in heads):
            wanted = label if "/" in label else f"{measure}/{item}"
            raise InputError(where, "there is no such item", value=wanted, hint=did_you_mean(wanted, known_ids()))
        found = Recognised(slug(label))
        if label not in out.labels:
            near = did_you_mean(label, known_ids())
            if near:
                out.questions.append(f"{where}: {label!r} is no known measure and was kept under its own name; {near}")
            else:
                out.assumptions.append(f"{label!r} is no known measure and was kept under its own name")
    out.labels[label] = found.id
    return found


def _by_param(grid: Grid, row: Row) -> Recognised | None:
    """ADaM's PARAM in words, where its PARAMCD is not known."""
    by_slug = {slug(column): column for column in grid.columns}
    column = by_slug.get("param")
    return recognise(as_text(row.cells[grid.index(column)])) if column else None


def _wide_row(
    grid: Grid, row: Row, subject: str, layout: Layout, map_file: MapFile, when_of: Callable[[Row], _When], out: Extract
) -> Iterator[Record]:
    when = when_of(row)
    for column, target in layout.targets.items():
        cell = row.cells[grid.index(column)]
        if _missing(cell, map_file):
            out.blanks += 1
            continue
        at = _When(target.visit, None, None) if target.visit else _placed(grid, row, layout, when)
        yield from _record(grid, row, subject, target, cell, column, "", at, map_file)


def _record(
    grid: Grid,
    row: Row,
    subject: str,
    target: Recognised,
    cell: Cell,
    column: str,
    unit: str,
    when: _When,
    map_file: MapFile,
) -> Iterator[Record]:
    where = grid.where(row.number, column)
    known = measures().get(target.id)
    found = number(cell, where, decimal=map_file.decimal, tick=known is not None and known.tick)
    if found is None:
        return
    declared = map_file.units.get(target.id, "") or target.unit
    if unit and declared and unit != declared:
        hint = (
            f"which is it? write the same unit in both places (values are kept as {known.unit if known else declared})"
        )
        problem = f"{target.id} is declared in {declared}, but this row says"
        raise InputError(grid.where(row.number, "unit"), problem, value=unit, hint=hint)
    yield Record(
        subject,
        when.visit,
        when.date,
        when.day,
        target.id,
        found.value,
        found.censoring,
        unit or declared,
        row.number,
        column,
    )


def _missing(cell: Cell, map_file: MapFile) -> bool:
    if is_blank(cell):
        return True
    text = as_text(cell)
    return any(text == as_text(float(code) if isinstance(code, (int, float)) else code) for code in map_file.missing)


def _looks_numeric(cell: Cell) -> bool:
    text = as_text(cell)
    return any(c.isdigit() for c in text) or text.startswith("=")
