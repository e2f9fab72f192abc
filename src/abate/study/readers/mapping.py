"""How a file was understood: the user's ``--map`` file, and the mapping that was used, shown and written back."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from abate.ground.files import did_you_mean, load_toml
from abate.ground.schema import in_words
from abate.study.store import toml_text

__all__ = ["ROLES", "MapFile", "Mapping", "load_map"]

ROLES = ("subject", "visit", "date", "day", "arm", "measure", "item", "value", "unit")


class MapFile(BaseModel):
    """What a ``--map FILE.toml`` may say; everything is optional, and what it leaves out is guessed.

    Attributes
    ----------
    shape : {"", "long", "wide"}
        One row an answer, or one row a visit (or a person).
    decimal : {".", ","}
        The decimal mark.
    date_format : str
        As in ``%d/%m/%Y``.
    sheet, dictionary : str
        Which sheet of a workbook; where the REDCap data dictionary is (beside the file, or a full path).
    doses, events : str
        Files of doses and events, where they are not found beside the study file.
    missing : tuple of str
        Codes that stand for a missing answer (``-99``).
    any_order, allow_missing_baseline, mixed_units : bool
        What to let through that is otherwise refused.
    unticked_is_zero : tuple of str
        Instruments (``wpi``) of which a long file holds the ticked boxes only.
    roles : dict of role to column
        subject, visit, date, day, arm, measure, item, value, unit.
    columns : dict of column to id
        ``"Q1" = "fiqr/1"``; ``"fiqr/1@week 4"`` where the column is of one visit; ``"subject:sex"`` for a fact about
        the person; ``"ignore"``.
    measures : dict of label to id
        The same for the labels in a long file's measure or item column.
    visits : dict of label to visit
        ``"V2" = "week 4"``.
    units : dict of id to unit
        The unit that the file's values are in, where the file does not say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: Literal["", "long", "wide"] = ""
    decimal: Literal[".", ","] = "."
    date_format: str = ""
    sheet: str = ""
    dictionary: str = ""
    doses: str = ""
    events: str = ""
    missing: tuple[str | int | float, ...] = ()
    any_order: bool = False
    allow_missing_baseline: bool = False
    mixed_units: bool = False
    unticked_is_zero: tuple[str, ...] = ()
    roles: dict[str, str] = {}
    columns: dict[str, str] = {}
    measures: dict[str, str] = {}
    visits: dict[str, str] = {}
    units: dict[str, str] = {}
    path: str = ""


def load_map(path: str | Path | None) -> MapFile:
    """Read a ``--map`` file; None is an empty one.

    Raises
    ------
    InputError
        If a key is not known or has the wrong type; the message names the line.
    """
    if path is None:
        return MapFile()
    document = load_toml(path)
    for role in document.data.get("roles", {}):
        if role not in ROLES:
            hint = did_you_mean(role, ROLES)
            raise document.error(["roles", role], "there is no such role", value=role, allowed=ROLES, hint=hint)
    for key in document.data:
        if key not in MapFile.model_fields or key == "path":
            allowed = [name for name in MapFile.model_fields if name != "path"]
            raise document.error(
                [key], "there is no such key", value=key, allowed=allowed, hint=did_you_mean(key, allowed)
            )
    try:
        return MapFile(**document.data, path=str(path))
    except ValidationError as error:
        first = error.errors()[0]
        raise document.error(list(first["loc"]), in_words(first)) from error


@dataclass(frozen=True)
class Mapping:
    """How a file was read.

    Attributes
    ----------
    file, format, shape : str
        What was read, and as what.
    roles : dict of role to column
        Which column says who, when, what.
    columns : dict of column to id
        Of a wide file; ``id@visit`` where the heading carries the visit, ``subject:NAME`` for a fact about the person.
    measures : dict of label to id
        Of a long file.
    visits : dict of label to label
        As the file writes them, and as the Study does.
    units : dict of id to unit
        The unit in the file, where it differs from the Study's.
    unmapped : tuple of str
        Columns or labels that were not understood, each with the reason; their values are not in the Study.
    ignored : tuple of str
        Columns that carry no observation (form status, derived values), each with the reason.
    assumptions : tuple of str
        What was assumed on the way.
    questions : tuple of str
        What to check before the numbers are trusted.
    counts : dict
        people, visits, values, missing.
    """

    file: str
    format: str
    shape: str
    roles: MappingType[str, str] = field(default_factory=dict)
    columns: MappingType[str, str] = field(default_factory=dict)
    measures: MappingType[str, str] = field(default_factory=dict)
    visits: MappingType[str, str] = field(default_factory=dict)
    units: MappingType[str, str] = field(default_factory=dict)
    unmapped: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    counts: MappingType[str, int] = field(default_factory=dict)

    def as_text(self) -> str:
        """Say in lines how the file was read: for a terminal."""
        people, visits, values = (self.counts.get(name, 0) for name in ("people", "visits", "values"))
        lines = [
            f"{self.file} was read as a {self.shape} {self.format} file: {_count(people, 'person', 'people')}, "
            f"{_count(visits, 'visit')}, {_count(values, 'value')}."
        ]
        lines += [f"  {role}: column {column}" for role, column in self.roles.items()]
        named = {**self.columns, **self.measures}
        lines += [f"  {source} -> {target}" for source, target in named.items() if source != target]
        lines += [f"  visit {source!r} -> {target}" for source, target in self.visits.items() if source != target]
        lines += [f"  {name} is in {unit}" for name, unit in self.units.items()]
        for title, entries in (
            ("not mapped", self.unmapped),
            ("left out", self.ignored),
            ("assumed", self.assumptions),
            ("please check", self.questions),
        ):
            lines += [f"  {title}: {entry}" for entry in entries]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for ``source`` in results.json: all of it depends on the file that was read."""
        return {
            "file": self.file,
            "format": self.format,
            "shape": self.shape,
            "counts": dict(self.counts),
            "roles": dict(self.roles),
            "columns": dict(self.columns),
            "measures": dict(self.measures),
            "visits": dict(self.visits),
            "units": dict(self.units),
            "unmapped": list(self.unmapped),
            "ignored": list(self.ignored),
            "assumptions": list(self.assumptions),
            "questions": list(self.questions),
        }

    def as_toml(self) -> str:
        """Return a ``--map`` file that reads the same again: a start for changing it."""
        data: dict[str, Any] = {"shape": self.shape if self.shape in ("long", "wide") else ""}
        for name in ("roles", "columns", "measures", "visits", "units"):
            if entries := dict(getattr(self, name)):
                data[name] = entries
        return toml_text(data)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
