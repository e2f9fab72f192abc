"""The sample sheet: who was sampled, from which group, when, in which batch, matched with whom."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.study.expression.counts import Counts, few
from abate.study.expression.read_counts import names_of_r, read_text

__all__ = ["ROLES", "SampleSheet", "match", "read_sheet"]

# What a column is for, and the names under which sheets have it.
ROLES: dict[str, tuple[str, ...]] = {
    "sample": ("sample", "sample_id", "sampleid", "sample_name", "library", "run", "geo_accession", "id", "name"),
    "subject": ("subject", "subject_id", "subjectid", "participant", "participant_id", "patient", "patient_id", "donor",
                "donor_id", "individual", "person", "usubjid"),
    "group": ("group", "condition", "status", "disease", "diagnosis", "disease_state", "case_control", "phenotype",
    "arm"),
    "time": ("time", "timepoint", "time_point", "visit", "treatment", "phase", "week", "day"),
    "batch": ("batch", "plate", "lane", "sequencing_batch", "library_batch", "flowcell"),
    "set": ("set", "matching_set", "matched_set", "match", "match_id", "pair", "pair_id", "stratum"),
}  # fmt: skip

_GAPS = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "<NA>")


@dataclass(frozen=True)
class SampleSheet:
    """A sample sheet.

    Attributes
    ----------
    table : DataFrame indexed by sample
        Every column of the file; numbers are numbers, the rest text.
    roles : mapping of role to column
        Of `ROLES`, those that were found or named.
    source : str
    notes : tuple of str
    """

    table: pd.DataFrame
    roles: Mapping[str, str]
    source: str
    notes: tuple[str, ...] = ()

    def column(self, role: str) -> pd.Series:
        """Return the column that plays a role, as text.

        Raises
        ------
        InputError
            If no column does, or a sample has no value in it.
        """
        if role not in self.roles:
            raise InputError(
                self.source,
                f"no column tells the {role}",
                value=list(map(str, self.table.columns)),
                allowed=", ".join(ROLES[role]),
                hint=f"name it with --{role} COLUMN",
            )
        name = self.roles[role]
        column = self.table[name]
        if column.isna().any():
            row = column.index[int(column.isna().to_numpy().argmax())]
            raise InputError(
                f"{self.source}, sample {row}, {name}",
                "the value is missing",
                hint="fill it in, or take the sample out",
            )
        return as_text(column).rename(role)


def as_text(column: pd.Series) -> pd.Series:
    """Write a column as text, whole numbers without a decimal point.

    Examples
    --------
    >>> as_text(pd.Series([1.0, 2.0])).tolist()
    ['1', '2']
    """
    if pd.api.types.is_float_dtype(column) and (column == column.round()).all():
        column = column.astype(int)
    return column.astype(str).str.strip()


def read_sheet(
    path: str | Path, samples: Sequence[str] = (), *, columns: Mapping[str, str] | None = None
) -> SampleSheet:
    """Read a sample sheet: CSV, TSV or a GEO series matrix.

    Parameters
    ----------
    path : str or Path
    samples : sequence of str
        Names of the samples in the counts; the column that holds them is the one of sample names.
    columns : mapping of role to column name, optional
        Says which column plays a role, where its name does not tell.

    Raises
    ------
    InputError
        If the file is missing, empty or no table, a named column is not there, or a sample stands twice.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "samples.csv"
    >>> _ = file.write_text("sample,patient_id,condition,visit\\na,1,patient,before\\nb,1,patient,after\\n")
    >>> dict(read_sheet(file).roles)
    {'sample': 'sample', 'subject': 'patient_id', 'group': 'condition', 'time': 'visit'}
    """
    source = Path(path)
    text = read_text(source)
    notes: tuple[str, ...] = ()
    if text.lstrip().startswith(("!Series_", "!Sample_")):
        table = _series_matrix(text, source.name)
        notes = (f"{source.name} was read as a GEO series matrix",)
    else:
        table = _plain_table(text, source.name)
    table.columns = pd.Index([str(c).strip() for c in table.columns])
    roles = _roles(table, source.name, dict(columns or {}), {str(s) for s in samples})
    names = as_text(table[roles["sample"]])
    table = table.apply(_numbers_of)
    twice = names[names.duplicated()].unique()
    if len(twice):
        raise InputError(source.name, "a sample stands twice", value=few(twice), allowed="one line a sample")
    table.index = pd.Index(names, name="sample")
    return SampleSheet(table, roles, source.name, notes)


def _plain_table(text: str, source: str) -> pd.DataFrame:
    """Read a CSV or TSV as text: '001' is the name of a sample and no number, 'None' is a treatment and no gap."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) < 2:
        raise InputError(source, "there are no samples in it", allowed="a header line and one line a sample")
    separator = max("\t,;", key=lines[0].count)
    rows = list(csv.reader(lines, delimiter=separator))
    header = ["sample", *rows[0]] if names_of_r(rows[:2]) else rows[0]
    cells = [[cell.strip() for cell in row] for row in rows[1:]]
    for row in cells:
        # Separators that end a line hold nothing.
        while len(row) > len(header) and not row[-1]:
            row.pop()
        if len(row) > len(header):
            raise InputError(
                f"{source}, line of {row[0]}", "it has more cells than the header",
                value=len(row), allowed=f"{len(header)} at most",
                hint="put quotes around a cell with the separator in it",
            )  # fmt: skip
        row += [""] * (len(header) - len(row))
    twice = [name for i, name in enumerate(header) if name and name in header[:i]]
    if twice:
        raise InputError(source, "a column stands twice", value=few(twice), allowed="every column once")
    names = [name or f"column {i + 1}" for i, name in enumerate(header)]
    table = pd.DataFrame(cells, columns=names, dtype=object)
    table = table.mask(table.isin(_GAPS))
    nameless = [name for name, given in zip(names, header, strict=True) if not given and table[name].isna().all()]
    return table.drop(columns=nameless)


def _numbers_of(column: pd.Series) -> pd.Series:
    """Make a column numbers where all its values are; with zeros in front they are names."""
    there = column.dropna().astype(str)
    numbers = pd.to_numeric(there, errors="coerce")
    if there.empty or numbers.isna().any() or there.str.match(r"0\d").any():
        return column
    return pd.to_numeric(column)


def match(counts: Counts, sheet: SampleSheet, *, only_shared: bool = False) -> tuple[Counts, SampleSheet]:
    """Bring counts and sheet into the order of the sheet, by name.

    Parameters
    ----------
    counts : Counts
    sheet : SampleSheet
    only_shared : bool
        True drops samples that stand on one side only, and says so.

    Raises
    ------
    InputError
        If a sample is missing on one side.
    """
    there, listed = list(counts.table.columns), list(sheet.table.index)
    uncounted = [s for s in listed if s not in set(there)]
    unlisted = [s for s in there if s not in set(listed)]
    if (uncounted or unlisted) and not only_shared:
        missing, where, other = (
            (uncounted, sheet.source, counts.source) if uncounted else (unlisted, counts.source, sheet.source)
        )
        near = did_you_mean(missing[0], unlisted if uncounted else uncounted)
        raise InputError(
            where,
            f"{len(missing)} sample{'s are' if len(missing) > 1 else ' is'} not in {other}",
            value=few(missing),
            hint=f"{near + ' ' if near else ''}use the same names in both, or take what both have with --only-shared",
        )
    shared = [s for s in listed if s in set(there)]
    if not shared:
        raise InputError(counts.source, f"no sample of it is in {sheet.source}", value=few(there), allowed=few(listed))
    notes = []
    if uncounted or unlisted:
        notes.append(f"left out, because on one side only: {few([*uncounted, *unlisted], 8)}")
    if [s for s in there if s in set(shared)] != shared:
        notes.append("the samples stand in another order in the two files; they were matched by name")
    table = counts.table[shared]
    return replace(counts, table=table), replace(sheet, table=sheet.table.loc[shared], notes=(*sheet.notes, *notes))


def _roles(table: pd.DataFrame, source: str, named: dict[str, str], samples: set[str]) -> dict[str, str]:
    roles = {}
    for role, column in named.items():
        if column not in table.columns:
            raise InputError(
                f"--{role}", f"{source} has no such column", value=column, allowed=[str(c) for c in table.columns],
                hint=did_you_mean(column, [str(c) for c in table.columns]),
            )  # fmt: skip
        roles[role] = column
    known = {str(c).lower().replace(" ", "_").replace("-", "_"): str(c) for c in reversed(list(table.columns))}
    if "sample" not in roles:
        roles["sample"] = _sample_column(table, known, samples)
    for role, aliases in ROLES.items():
        found = next((known[a] for a in aliases if a in known and known[a] not in roles.values()), None)
        if role not in roles and found is not None:
            roles[role] = found
    return {role: roles[role] for role in ROLES if role in roles}


def _sample_column(table: pd.DataFrame, known: Mapping[str, str], samples: set[str]) -> str:
    """Return the column that holds most of the counts' sample names, else the one that is called so, else the first."""
    if samples:
        hits = {str(c): int(as_text(table[c].dropna()).isin(samples).sum()) for c in table.columns}
        best = max(hits, key=lambda c: hits[c])
        if hits[best]:
            return best
    return next((known[a] for a in ROLES["sample"] if a in known), str(table.columns[0]))


def _series_matrix(text: str, source: str) -> pd.DataFrame:
    """Read the sample lines of a GEO series matrix; ``characteristics`` of the form ``key: value`` become columns."""
    columns: dict[str, list[str]] = {}
    seen: Counter[str] = Counter()
    for cells in csv.reader(io.StringIO(text), delimiter="\t"):
        if not cells or not cells[0].startswith("!Sample_"):
            continue
        name, values = cells[0].removeprefix("!Sample_"), [v.strip() for v in cells[1:]]
        keys = {v.partition(":")[0].strip() for v in values if ":" in v}
        if name.startswith("characteristics") and len(keys) == 1:
            name, values = keys.pop(), [v.partition(":")[2].strip() for v in values]
        seen[name] += 1
        columns[name if seen[name] == 1 else f"{name}_{seen[name]}"] = values
    widths = {len(values) for values in columns.values()}
    if len(widths) != 1:
        raise InputError(source, "the sample lines of the series matrix differ in length", value=sorted(widths))
    return pd.DataFrame(columns).replace("", pd.NA)
