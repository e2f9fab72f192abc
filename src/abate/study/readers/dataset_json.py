"""CDISC Dataset-JSON, versions 1.0 and 1.1, to a grid (an ADaM BDS dataset then reads like any other)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from abate.ground.errors import InputError
from abate.study.readers.delimited import decode
from abate.study.readers.grid import Cell, Grid, Row

__all__ = ["is_dataset_json", "load_json", "read_dataset_json"]


def load_json(path: Path) -> Any:
    """Read a JSON file, or newline-delimited JSON as a list.

    Raises
    ------
    InputError
        If it is neither; the message names the line.
    """
    text = decode(path.read_bytes(), path.name)
    try:
        return json.loads(text)
    except json.JSONDecodeError as whole:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            if len(lines) > 1:
                return [json.loads(line) for line in lines]
        except json.JSONDecodeError:
            pass
        raise InputError(
            f"{path.name}, row {whole.lineno}, column {whole.colno}", f"this is not JSON ({whole.msg})"
        ) from whole


def is_dataset_json(data: Any) -> bool:
    """Tell whether parsed JSON is a dataset of this format."""
    return isinstance(data, dict) and any(
        key in data for key in ("datasetJSONVersion", "clinicalData", "referenceData")
    )


def read_dataset_json(path: Path, data: Any) -> Grid:
    """Turn a parsed dataset into a grid.

    Raises
    ------
    InputError
        If columns or rows are missing, or a row has another length than there are columns.
    """
    if "datasetJSONVersion" in data and "columns" in data:
        dataset, items, rows = data, data.get("columns"), data.get("rows", data.get("itemData"))
    else:
        part = data.get("clinicalData") or data.get("referenceData") or {}
        groups = part.get("itemGroupData", {})
        if len(groups) != 1:
            raise InputError(path.name, "the file must hold one dataset", value=", ".join(groups))
        (dataset,) = groups.values()
        items, rows = dataset.get("items"), dataset.get("itemData")
    if not isinstance(items, list) or not isinstance(rows, list):
        raise InputError(path.name, "columns and rows are missing", allowed="Dataset-JSON 1.0 or 1.1")
    for position, item in enumerate(items, start=1):
        if not isinstance(item, dict) or "name" not in item:
            raise InputError(f"{path.name}, column {position}", "the column has no name")
    columns = tuple(str(item["name"]) for item in items)
    body = []
    for number, row in enumerate(rows, start=1):
        if len(row) != len(columns):
            raise InputError(f"{path.name}, row {number}", f"the row has {len(row)} cells for {len(columns)} columns")
        body.append(Row(number, tuple(_cell(value) for value in row)))
    labels = {str(item["name"]): str(item["label"]) for item in items if item.get("label")}
    return Grid(path.name, "dataset-json", columns, tuple(body), labels=labels).checked()


def _cell(value: Any) -> Cell:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return float(value) if isinstance(value, (int, float)) else str(value).strip() or None
