"""FHIR QuestionnaireResponse (alone, in a Bundle, a list or newline-delimited JSON) to a long grid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from abate.ground.errors import InputError
from abate.study.readers.grid import Cell, Grid, Row

__all__ = ["is_fhir", "read_fhir"]

COLUMNS = ("subject", "visit", "date", "item", "value", "unit")
_ORDINAL = ("ordinalValue", "itemWeight")


def is_fhir(data: Any) -> bool:
    """Tell whether parsed JSON holds questionnaire responses."""
    return any(True for _ in _responses(data))


def read_fhir(path: Path, data: Any) -> Grid:
    """Turn questionnaire responses into a long grid; a row's number counts answers from 1.

    The item's ``linkId`` is its id (``fiqr/1``) or is named in a ``--map`` file; ``encounter.display`` (``week 4``) is
    the visit, and where it is absent the date ``authored`` is.

    Raises
    ------
    InputError
        If a response has no subject, or an answer no value.
    """
    rows: list[Row] = []
    skipped: dict[str, int] = {}
    for position, response in enumerate(_responses(data), start=1):
        place = f"{path.name}, response {position}"
        status = response.get("status", "completed")
        if status in ("entered-in-error", "stopped"):
            skipped[status] = skipped.get(status, 0) + 1
            continue
        subject = response.get("subject", {})
        who = subject.get("reference") or subject.get("identifier", {}).get("value") or subject.get("display")
        if not who:
            raise InputError(f"{place}, subject", "the response names no subject", allowed="subject.reference")
        visit = response.get("encounter", {}).get("display", "")
        when = str(response.get("authored", ""))[:10]
        for item, answer in _answers(response.get("item", [])):
            value, unit = _value(answer, f"{place}, item {item}")
            rows.append(Row(len(rows) + 1, (str(who).rpartition("/")[2], visit, when, item, value, unit)))
    notes = tuple(f"{count} response(s) with the status {status!r} were left out" for status, count in skipped.items())
    keep = [
        k
        for k, name in enumerate(COLUMNS)
        if name not in ("visit", "date", "unit") or any(row.cells[k] for row in rows)
    ]
    columns = tuple(COLUMNS[k] for k in keep)
    kept = tuple(Row(row.number, tuple(row.cells[k] for k in keep)) for row in rows)
    return Grid(path.name, "fhir", columns, kept, notes=notes).checked()


def _responses(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, list):
        for entry in data:
            yield from _responses(entry)
    elif isinstance(data, dict):
        if data.get("resourceType") == "QuestionnaireResponse":
            yield data
        elif data.get("resourceType") == "Bundle":
            for entry in data.get("entry", []):
                yield from _responses(entry.get("resource"))


def _answers(items: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in items:
        name = str(item.get("linkId", "")).lstrip("/")
        for answer in item.get("answer", []):
            yield name, answer
            yield from _answers(answer.get("item", []))
        yield from _answers(item.get("item", []))


def _value(answer: dict[str, Any], where: str) -> tuple[Cell, str]:
    for key in ("valueInteger", "valueDecimal"):
        if key in answer:
            return float(answer[key]), ""
    if "valueBoolean" in answer:
        return float(bool(answer["valueBoolean"])), ""
    if "valueQuantity" in answer:
        quantity = answer["valueQuantity"]
        return float(quantity["value"]), str(quantity.get("code") or quantity.get("unit") or "")
    if "valueCoding" in answer:
        coding = answer["valueCoding"]
        for extension in coding.get("extension", []):
            if str(extension.get("url", "")).rpartition("/")[2] in _ORDINAL:
                return float(extension["valueDecimal"]), ""
        return str(coding.get("code", coding.get("display", ""))), ""
    for key in ("valueString", "valueDate", "valueDateTime"):
        if key in answer:
            return str(answer[key]), ""
    raise InputError(where, "the answer has no value that can be read", value=", ".join(answer))
