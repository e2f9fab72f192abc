"""A record from whatever file it comes in: the YAML of `abate.planner.record`, a FHIR Bundle, a CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abate.ground.errors import InputError
from abate.planner.codes import drug_in
from abate.planner.csv_import import csv_data
from abate.planner.fhir_import import Found, data_of
from abate.planner.record import Record, record_from
from abate.planner.steroids import glucocorticoids

__all__ = ["Brought", "bring", "bring_text", "text_as"]

LARGEST = 20 * 1024 * 1024
"""Bytes of a file that are read; a bundle of one person is far smaller."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A record, and what of the file did not go into it."""

    record: Record
    notes: tuple[str, ...] = ()


def bring(path: str | Path, given: Mapping[str, Any] | None = None) -> Brought:
    """Read a patient from a file.

    Parameters
    ----------
    path : str or Path
        ``.json`` is a FHIR Bundle, ``.csv`` a row a fact, anything else the YAML of a record.
    given : mapping, optional
        Keys of the record that the file lacks or that stand in its place, such as ``disease``.

    Raises
    ------
    InputError
        With file and row, resource or key, for whatever is wrong.
    """
    file = Path(path)
    try:
        if file.stat().st_size > LARGEST:
            raise InputError(str(path), "the file is too large", allowed=f"{LARGEST // 1024**2} MB")
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(str(path), "the file is not UTF-8 text") from error
    except OSError as error:
        raise InputError(str(path), f"the file cannot be read ({error.strerror})") from error
    return bring_text(text, str(path), given)


def bring_text(text: str, name: str, given: Mapping[str, Any] | None = None) -> Brought:
    """Read a patient from the text of a file of that name.

    Examples
    --------
    >>> rows = "kind,date,name,value\\npatient,,disease,pmr\\ndrug,2026-01-05,,prednisone 15 mg every morning"
    >>> bring_text(rows, "patient.csv").notes
    ('diagnosed: not in the file; the first dose of a glucocorticoid, 2026-01-05, stands for it',)
    """
    ending = name.rpartition(".")[2].casefold()
    said = {key: value for key, value in (given or {}).items() if value is not None}
    if ending not in ("json", "csv"):
        record = record_from(text, where=name)
        if said:
            data = record.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            record = record_from({**data, **said}, where=name)
        return Brought(record)
    found = data_of(text, name) if ending == "json" else csv_data(text, name)
    data = {**found.as_data(), **said}
    _complete(data, found, name)
    return Brought(record_from(data, where=name), tuple(found.notes))


def _complete(data: dict[str, Any], found: Found, name: str) -> None:
    if "disease" not in data:
        raise InputError(name, "the file names no disease that is planned here", allowed="pmr, gca, ra, fibromyalgia",
                         hint="say which: --disease pmr")  # fmt: skip
    begun = sorted(
        str(d["from"]) for d in data.get("drugs", ()) if d.get("from") and drug_in(d["regimen"]) in glucocorticoids()
    )
    if "diagnosed" not in data and begun:
        data["diagnosed"] = begun[0]
        found.note(f"diagnosed: not in the file; the first dose of a glucocorticoid, {begun[0]}, stands for it")


def text_as(record: Record, ending: str) -> str:
    """Return a record as the text of a file: ``yaml``, ``json`` (a FHIR Bundle) or ``csv``.

    Raises
    ------
    InputError
        For another ending.
    """
    from abate.ground.results import dumps
    from abate.planner.csv_import import record_csv
    from abate.planner.fhir import record_bundle
    from abate.planner.record import record_text

    if ending in ("yaml", "yml"):
        return record_text(record)
    if ending == "json":
        return dumps(record_bundle(record))
    if ending == "csv":
        return record_csv(record)
    raise InputError("--out", "a patient is not written as this kind of file", value=ending, allowed="yaml, json, csv")
