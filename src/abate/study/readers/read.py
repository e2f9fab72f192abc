"""Read any study file into the tables of a Study."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abate.ground.errors import InputError
from abate.science.instruments import Instrument
from abate.study.readers import adam, checks, dataset_json, excel, fhir, project, redcap, statistical
from abate.study.readers.assemble import measurement_table, subject_table
from abate.study.readers.beside import find_beside, read_beside
from abate.study.readers.delimited import read_delimited
from abate.study.readers.grid import Grid, Row
from abate.study.readers.layout import Layout, has_subject, is_long, lay_out
from abate.study.readers.mapping import MapFile, Mapping, load_map
from abate.study.readers.names import known_ids
from abate.study.readers.records import Extract, Record, extract
from abate.study.readers.timeline import check_order, origins, timed
from abate.study.store import Study, is_study
from abate.study.tables import StudyTables, empty

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Reading", "read"]

_TEXT = (".csv", ".tsv", ".txt", ".tab")
_EXCEL = (".xlsx", ".xlsm")
_JSON = (".json", ".ndjson")
# Files that a person typed: there the order of rows means something.
_TYPED = ("csv", "excel")


@dataclass(frozen=True)
class Reading:
    """A study that was read: its tables, and how the file was understood."""

    tables: StudyTables
    mapping: Mapping


def read(
    path: str | Path, mapping: str | Path | MapFile | None = None, *, instrument: Instrument | None = None
) -> Reading:
    """Read a study.

    Parameters
    ----------
    path : str or Path
        A CSV (long or wide), Excel, REDCap export, SPSS, SAS, Stata, ADaM, Dataset-JSON or FHIR file, a Study folder or
        zip, or ``redcap:https://SERVER/api/`` for a live project (the only case in which the network is used).
    mapping : str, Path or MapFile, optional
        A ``--map`` file that fixes what is otherwise guessed.
    instrument : Instrument, optional
        The file holds answers to this instrument: bare items (``7``, ``q7``) are its own, and a file without a column
        for the person is one person's (long) or one person a row (wide).

    Returns
    -------
    Reading
        The same study gives the same tables whatever kind of file it comes in.

    Raises
    ------
    InputError
        With file, row, column, the value, what is allowed and what to do.
    MissingExtra
        If the file's kind needs a package that is not installed.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "wide.csv"
    >>> _ = file.write_text("patient,week,pain,fiqr_1\\nP1,0,8,5\\nP1,4,5,3\\n")
    >>> read(file).tables.measurements[["visit", "measure", "item", "value"]].values.tolist()[:2]
    [['week 0', 'fiqr', 'fiqr/1', 5.0], ['week 0', 'pain', '', 8.0]]
    """
    map_file = mapping if isinstance(mapping, MapFile) else load_map(mapping)
    heads = _heads(instrument) if instrument else ()
    if str(path).startswith(project.PREFIX):
        grid, fields = project.read_project(str(path))
        return _understand(*_from_redcap(grid, fields, map_file), heads)
    source = Path(path)
    if is_study(source):
        return _stored(source)
    if not source.exists():
        raise InputError(str(path), "there is no such file", hint="check the name")
    if source.is_dir():
        raise InputError(str(path), "this folder is not a Study", allowed="a file, or a folder with study.toml")
    grid = _load(source, map_file)
    if redcap.is_redcap(grid.columns) or map_file.dictionary:
        dictionary = redcap.find_dictionary(source, map_file.dictionary)
        fields = redcap.read_dictionary(dictionary) if dictionary else {}
        notes = (f"the data dictionary is {dictionary.name}",) if dictionary else ()
        return _understand(*_from_redcap(replace(grid, notes=(*grid.notes, *notes)), fields, map_file), heads, source)
    if adam.is_adam(grid.columns):
        grid = adam.prepare(grid)
    if heads:
        grid = _with_people(grid, map_file)
    return _understand(grid, [], {}, map_file, heads, source)


def _heads(instrument: Instrument) -> tuple[str, ...]:
    """What bare items may belong to: families of an instrument's items, and items that the library does not have."""
    families = [item.id.partition("/")[0] + "/" for item in instrument.items if "/" in item.id]
    return tuple(dict.fromkeys([*families, *(item.id for item in instrument.items if item.id not in known_ids())]))


def _from_redcap(
    grid: Grid, fields: MappingType[str, redcap.Field], map_file: MapFile
) -> tuple[Grid, list[str], dict[str, str], MapFile]:
    """Prepare an export; where a form repeats, its own visit column wins over the event."""
    plain, assumptions, ignored = redcap.prepare(grid, fields)
    plain, visit, more = redcap.place_repeats(plain, "visit" in map_file.roles)
    ignored |= {name: "which repeat of a form" for name in (redcap.INSTRUMENT, redcap.INSTANCE) if name != visit}
    if visit:
        ignored[redcap.EVENT] = "the repeating form has a visit of its own"
        map_file = map_file.model_copy(update={"roles": {**map_file.roles, "visit": visit}})
    present = {name: reason for name, reason in ignored.items() if name in plain.columns}
    return plain, [*assumptions, *more], present, map_file


def _load(source: Path, map_file: MapFile) -> Grid:
    """Turn a file into a grid by its kind."""
    suffix = source.suffix.lower()
    if suffix in _EXCEL:
        grid = excel.read_excel(source, map_file.sheet)
    elif suffix in statistical.FORMATS:
        grid = statistical.read_statistical(source)
    elif suffix in _JSON:
        data = dataset_json.load_json(source)
        if dataset_json.is_dataset_json(data):
            grid = _shaped(dataset_json.read_dataset_json, source, data, "Dataset-JSON")
        elif fhir.is_fhir(data):
            grid = _shaped(fhir.read_fhir, source, data, "FHIR")
        else:
            raise InputError(
                source.name, "this JSON is neither Dataset-JSON nor FHIR", allowed="QuestionnaireResponse, Bundle"
            )
    elif suffix in _TEXT:
        grid = read_delimited(source)
    else:
        kinds = (*_TEXT, *_EXCEL, *statistical.FORMATS, *_JSON)
        raise InputError(source.name, "this kind of file is not known", value=suffix, allowed=kinds)
    return grid


def _shaped(reader: Callable[[Path, Any], Grid], source: Path, data: Any, standard: str) -> Grid:
    """Read parsed JSON; a part that is missing or of another type than the standard says is the file's mistake."""
    try:
        return reader(source, data)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        problem = f"the file is not shaped as {standard} says ({type(error).__name__}: {error})"
        raise InputError(source.name, problem, hint="check it with a validator of that standard") from error


def _understand(
    grid: Grid,
    assumptions: list[str],
    ignored: MappingType[str, str],
    map_file: MapFile,
    heads: tuple[str, ...],
    source: Path | None = None,
) -> Reading:
    """Work out columns, values and times, refuse what is wrong, and lay the tables out."""
    layout = lay_out(grid, map_file, ignored, heads)
    found = extract(grid, layout, map_file, heads)
    if not found.records:
        columns = ", ".join(grid.columns[:12])
        hint = "name columns after measures and items (pain, fiqr_1 ...), or give a --map file"
        raise InputError(grid.file, "no values of a known measure were found", value=columns, hint=hint)
    checks.check_units(found.records, map_file)
    records, converted = checks.in_study_units(found.records, grid.where, map_file)
    checks.check_ranges(records, grid.where)
    checks.check_twice(records, grid.where, layout.roles["subject"])
    check_order(records, grid.where, dict(layout.roles), map_file, by_rows=grid.format in _TYPED)
    times, labels, notes = timed(records)
    visit_column = layout.roles.get("visit") or layout.roles.get("date") or layout.roles["subject"]
    checks.check_baseline(records, times, grid.where, visit_column, map_file)
    measurements = measurement_table(records, times, labels, map_file)
    subjects = subject_table(found)
    doses, events, beside = _beside(source, set(subjects["subject"]), records, map_file, adam_too=grid.format == "adam")
    counts = {
        "people": len(subjects),
        "visits": len(measurements[["subject", "visit"]].drop_duplicates()),
        "values": len(measurements),
    }
    mapping = _mapping(grid, layout, found, converted, counts, (*assumptions, *found.assumptions, *notes, *beside))
    asked = checks.questions(records, times, grid.where)
    mapping = replace(mapping, questions=(*found.questions, *asked))
    arms = list(dict.fromkeys(subjects["arm"]))
    # No name: the same study is the same study whatever its file is called.
    meta = {"source": "observed", "arms": {arm: {} for arm in arms}, "provenance": {"file": grid.file}}
    return Reading(StudyTables(subjects, measurements, doses, events, empty("decisions"), meta), mapping)


def _mapping(
    grid: Grid,
    layout: Layout,
    found: Extract,
    converted: MappingType[str, str],
    counts: MappingType[str, int],
    notes: tuple[str, ...],
) -> Mapping:
    blanks = (f"{found.blanks} cell(s) hold no answer and count as missing",) if found.blanks else ()
    return Mapping(
        file=grid.file,
        format=grid.format,
        shape=layout.shape,
        roles=layout.roles,
        columns=_columns(layout),
        measures=found.labels,
        visits=found.visits,
        units=converted,
        unmapped=tuple(f"column {column}: {reason}" for column, reason in layout.unmapped.items()),
        ignored=tuple(f"column {column}: {reason}" for column, reason in layout.ignored.items()),
        assumptions=(*grid.notes, *notes, *blanks),
        counts=counts,
    )


def _beside(
    source: Path | None, people: set[str], records: list[Record], map_file: MapFile, *, adam_too: bool
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Doses and events from the files beside the study file, where there are any."""
    tables = {"doses": empty("doses"), "events": empty("events")}
    notes = []
    for table in ("doses", "events"):
        file = find_beside(source, table, map_file) if source else None
        if file is not None:
            tables[table] = read_beside(file, table, people, origins(records), map_file)
            notes.append(f"{table} were read from {file.name}")
    times = adam.find_times(source) if source and adam_too and tables["events"].empty else None
    if times is not None:
        tables["events"] = adam.events_of(_load(times, map_file), people)
        notes.append(f"events were read from {times.name}")
    return tables["doses"], tables["events"], notes


def _with_people(grid: Grid, map_file: MapFile) -> Grid:
    """Add a column for the person to a bare answer sheet: one person in a long file, one a row in a wide one."""
    if has_subject(grid, map_file):
        return grid
    one = is_long(grid, map_file)
    people = ["1" if one else str(number) for number in range(1, len(grid.rows) + 1)]
    rows = tuple(Row(row.number, (*row.cells, who)) for row, who in zip(grid.rows, people, strict=True))
    note = f"no column names the person: {'the file is one person' if one else 'each row is one person'}"
    return replace(grid, columns=(*grid.columns, "subject"), rows=rows, notes=(*grid.notes, note))


def _columns(layout: Layout) -> dict[str, str]:
    columns = {
        column: f"{target.id}@{target.visit.label}" if target.visit else target.id
        for column, target in layout.targets.items()
    }
    return columns | {column: f"subject:{name}" for column, name in layout.facts.items()}


def _stored(source: Path) -> Reading:
    """A Study needs no mapping."""
    tables = Study(source).tables()
    visits = tables.measurements[["subject", "visit"]].drop_duplicates()
    counts = {"people": len(tables.subjects), "visits": len(visits), "values": len(tables.measurements)}
    return Reading(tables, Mapping(file=source.name, format="study", shape="stored", counts=counts))
