"""What each column of a grid is: guessed from its heading and label, fixed by the user's map file."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.results import slug
from abate.study.readers.cells import as_text
from abate.study.readers.grid import Grid, is_blank
from abate.study.readers.mapping import MapFile
from abate.study.readers.names import Recognised, known_ids, recognise, recognise_with_visit
from abate.study.readers.visits import heading_unit, parse_visit

__all__ = ["Layout", "has_subject", "is_long", "lay_out", "target_of"]

_ROLE_NAMES: dict[str, tuple[str, ...]] = {
    "subject": ("subject", "subject-id", "subjectid", "usubjid", "subjid", "patient", "patient-id", "patientid",
                "record-id", "participant", "participant-id", "person", "pid", "id", "case"),
    "visit": ("visit", "avisit", "visit-name", "visitname", "redcap-event-name", "week", "weeks", "timepoint",
              "time-point", "event", "event-name", "visit-week", "month", "months"),
    "date": ("date", "adt", "visit-date", "assessment-date", "date-of-visit", "datum"),
    "day": ("day", "ady", "study-day", "time", "time-days"),
    "arm": ("arm", "trta", "trt01a", "trtp", "trt01p", "treatment", "treatment-arm"),
    "measure": ("measure", "paramcd", "param", "parameter", "measurement", "instrument", "questionnaire",
                "test", "variable"),
    "item": ("item", "item-id", "question", "linkid"),
    "value": ("value", "aval", "result", "answer", "response", "score"),
    "unit": ("unit", "units", "avalu"),
}  # fmt: skip
_FACTS = frozenset(
    ("sex", "gender", "age", "weight", "height", "group", "diagnosis", "subtype", "type", "race", "ethnic", "site",
     "country", "siteid", "bmi", "smoking", "comorbidity", "disease-duration")
)  # fmt: skip
# Columns of ADaM and SDTM that say nothing which the mapped ones do not.
_DERIVED = frozenset(
    ("studyid", "domain", "paramn", "param", "parcat1", "avisitn", "visitnum", "base", "chg", "pchg", "ablfl",
     "anl01fl", "dtype", "avalc", "aseq", "qsseq", "ittfl", "saffl", "fasfl", "adtm", "trtan", "trt01an", "trtpn",
     "trt01pn", "basetype", "srcdom", "subjid", "agegr1", "ageu", "paramtyp", "aperiod",
     "aperiodc", "trtseqp", "trtseqa", "trt02p", "trt02a", "trt02pn", "tr01sdt", "tr02sdt")
)  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """The columns of a grid by what they are.

    Attributes
    ----------
    shape : {"long", "wide"}
    roles : dict of role to column
    targets : dict of column to Recognised
        Observations of a wide file.
    facts : dict of column to name
        Facts about the person.
    ignored, unmapped : dict of column to reason
    """

    shape: str
    roles: MappingType[str, str]
    targets: MappingType[str, Recognised] = field(default_factory=dict)
    facts: MappingType[str, str] = field(default_factory=dict)
    ignored: MappingType[str, str] = field(default_factory=dict)
    unmapped: MappingType[str, str] = field(default_factory=dict)


def lay_out(
    grid: Grid, map_file: MapFile, ignored: MappingType[str, str] | None = None, heads: tuple[str, ...] = ()
) -> Layout:
    """Find out what each column is; `heads` are the instruments that bare items (``q7``) belong to.

    Raises
    ------
    InputError
        If no column names the subject, a map file names a column that is not there, or two columns are the same thing.
    """
    _check_map(grid, map_file)
    roles = _roles(grid, map_file)
    long = is_long(grid, map_file)
    if long and ("value" not in roles or not {"measure", "item"} & set(roles)):
        raise InputError(
            f"{grid.file}, row 1", "a long file needs a measure and a value column", value=", ".join(grid.columns)
        )
    if not long:
        roles = {role: column for role, column in roles.items() if role not in ("measure", "item", "value", "unit")}
    if "subject" not in roles:
        hint = 'name the column subject, or give [roles] subject = "COLUMN" in a --map file'
        raise InputError(
            f"{grid.file}, row 1", "no column names the subject", value=", ".join(grid.columns[:12]), hint=hint
        )
    left = [column for column in grid.columns if column not in roles.values()]
    skipped = dict(ignored or {})
    targets: dict[str, Recognised] = {}
    facts: dict[str, str] = {}
    unmapped: dict[str, str] = {}
    for column in left:
        given = map_file.columns.get(column)
        if given == "ignore":
            skipped[column] = "as the map file says"
        elif given and given.startswith("subject:"):
            facts[column] = slug(given.removeprefix("subject:"))
        elif given or column not in skipped:
            _place(grid, map_file, column, not long, heads, roles, targets, facts, skipped, unmapped)
    _no_twins(grid, targets)
    return Layout("long" if long else "wide", roles, targets, facts, skipped, unmapped)


def is_long(grid: Grid, map_file: MapFile) -> bool:
    """Tell whether a grid has a row for each answer."""
    roles = _roles(grid, map_file)
    found = "value" in roles and bool({"measure", "item"} & set(roles))
    return map_file.shape == "long" or (not map_file.shape and found)


def has_subject(grid: Grid, map_file: MapFile) -> bool:
    """Tell whether a column names the person."""
    return "subject" in _roles(grid, map_file)


def target_of(text: str, where: str) -> Recognised:
    """Read the right side of a map file's line: ``fiqr/1``, ``pain@week 4``, or a new measure's name.

    Raises
    ------
    InputError
        If it looks like an item (has a slash) and is none.
    """
    name, _, visit = (part.strip() for part in text.partition("@"))
    found = recognise(name)
    if found is None and "/" in name:
        raise InputError(where, "there is no such item", value=name, hint=did_you_mean(name, known_ids()))
    return Recognised(
        found.id if found else slug(name), found.unit if found else "", parse_visit(visit) if visit else None
    )


def _check_map(grid: Grid, map_file: MapFile) -> None:
    for part, names in (("roles", map_file.roles.values()), ("columns", map_file.columns)):
        for name in names:
            if name not in grid.columns:
                hint = did_you_mean(name, grid.columns)
                raise InputError(f"{map_file.path}, {part}", f"{grid.file} has no such column", value=name, hint=hint)


def _roles(grid: Grid, map_file: MapFile) -> dict[str, str]:
    roles = dict(map_file.roles)
    by_slug: dict[str, str] = {}
    for column in grid.columns:
        by_slug.setdefault(slug(column), column)
    for role, names in _ROLE_NAMES.items():
        taken = (*roles.values(), *map_file.columns)
        columns = [by_slug[name] for name in names if name in by_slug and by_slug[name] not in taken]
        if role not in roles and columns:
            # Of several columns for the visit, the first that tells a time (week 4) wins over one that does not (V2).
            telling = [column for column in columns if role == "visit" and _tells_time(grid, column)]
            roles[role] = (telling or columns)[0]
    return roles


def _tells_time(grid: Grid, column: str) -> bool:
    unit = heading_unit(column)
    return all(parse_visit(as_text(c), unit).day is not None for c in grid.column(column) if not is_blank(c))


def _place(
    grid: Grid,
    map_file: MapFile,
    column: str,
    wide: bool,
    heads: tuple[str, ...],
    roles: MappingType[str, str],
    targets: dict[str, Recognised],
    facts: dict[str, str],
    skipped: dict[str, str],
    unmapped: dict[str, str],
) -> None:
    """Put one column where it belongs: an observation, a fact about the person, left out, or not understood."""
    name, label = slug(column), grid.labels.get(column, "")
    given = map_file.columns.get(column)
    found = target_of(given, f"{map_file.path}, columns, {column}") if given else None
    if wide and found is None:
        found = (
            recognise(column, heads)
            or recognise(label, heads)
            or recognise_with_visit(column)
            or recognise_with_visit(label)
        )
    if found is not None and wide:
        targets[column] = found
        return
    filled = [cell for cell in grid.column(column) if not is_blank(cell)]
    if name in _DERIVED:
        skipped[column] = "repeats or derives from other columns"
    elif name in _ROLE_NAMES["visit"] and "visit" in roles:
        skipped[column] = f"the visit is taken from column {roles['visit']}"
    elif not filled:
        skipped[column] = "empty"
    elif "___" in column:
        unmapped[column] = (
            "a checkbox without a known choice; put the data dictionary beside the file, or name it in [columns]"
        )
    elif not _constant(grid, column, roles["subject"]):
        unmapped[column] = (
            f'its values change within a person; give [columns] "{column}" = "NAME" in a --map file to keep them'
        )
    elif (
        name in _FACTS
        or not wide
        or any(not _is_plain_number(cell) for cell in filled)
        or _repeated(grid, roles["subject"])
    ):
        facts[column] = name
    else:
        unmapped[column] = f'not known; give [columns] "{column}" = "NAME" or "subject:NAME" in a --map file to keep it'


def _constant(grid: Grid, column: str, subject: str) -> bool:
    seen: dict[str, str] = {}
    for who, cell in zip(grid.column(subject), grid.column(column), strict=True):
        if not is_blank(cell) and seen.setdefault(as_text(who), as_text(cell)) != as_text(cell):
            return False
    return True


def _repeated(grid: Grid, subject: str) -> bool:
    people = [as_text(who) for who in grid.column(subject)]
    return len(set(people)) < len(people)


def _is_plain_number(cell: object) -> bool:
    try:
        float(str(cell))
    except ValueError:
        return False
    return True


def _no_twins(grid: Grid, targets: MappingType[str, Recognised]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for column, target in targets.items():
        key = (target.id, target.visit.label if target.visit else "")
        if key in seen:
            hint = f'set [columns] "{column}" = "ignore", or another name, in a --map file'
            problem = f"this column and {seen[key]} are both read as {target.id}"
            raise InputError(f"{grid.file}, row 1, column {column}", problem, hint=hint)
        seen[key] = column
