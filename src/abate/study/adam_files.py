"""ADaM datasets as files: CSV, Dataset-JSON and SAS transport, checked against their specification first.

Dates are SAS days in transport files and ISO 8601 in CSV and Dataset-JSON.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abate.ground.errors import InputError
from abate.ground.files import write_atomically
from abate.study.adam import Adam
from abate.study.adam_variables import Variable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check", "write"]

EPOCH = date(1960, 1, 1)
"""Day 0 of SAS."""


def check(adam: Adam) -> list[str]:
    """Return what is wrong with names, types, labels and lengths; an empty list when nothing is.

    Examples
    --------
    >>> import pandas as pd
    >>> from abate.study.adam_variables import ADEFF, ADSL, ADTTE
    >>> bare = Adam(*(pd.DataFrame(columns=[v.name for v in spec]) for spec in (ADSL, ADEFF, ADTTE)))
    >>> check(bare)
    ['ADSL: no rows', 'ADEFF: no rows', 'ADTTE: no rows']
    """
    found = []
    for name, _, specification, frame in adam.items():
        if frame.empty:
            found.append(f"{name}: no rows")
            continue
        if list(frame.columns) != [variable.name for variable in specification]:
            found.append(f"{name}: columns are {', '.join(frame.columns)}")
            continue
        for variable in specification:
            found += [f"{name}.{variable.name}: {problem}" for problem in variable.problems(frame[variable.name])]
    return found


def write(adam: Adam, folder: str | Path) -> list[Path]:
    """Write each dataset as CSV and Dataset-JSON, and as a SAS transport file where pyreadstat is installed.

    ``define.json`` beside them holds the name, label, type, length and format of every variable.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        When a dataset does not keep to its specification.
    """
    wrong = check(adam)
    if wrong:
        raise InputError("ADaM", "the datasets do not keep to their specification", value="; ".join(wrong[:3]))
    target, paths, defined = Path(folder), [], {}
    for name, label, specification, frame in adam.items():
        stem = name.lower()
        texts = {f"{stem}.csv": _iso(frame).to_csv(index=False, lineterminator="\n")}
        texts[f"{stem}.json"] = json.dumps(_dataset_json(name, label, specification, frame), indent=1) + "\n"
        for file, text in texts.items():
            write_atomically(target / file, text)
            paths.append(target / file)
        paths += _transport(target / f"{stem}.xpt", name, label, specification, frame)
        defined[name] = {"label": label, "variables": [variable.as_dict() for variable in specification]}
    write_atomically(target / "define.json", json.dumps(defined, indent=1) + "\n")
    return [*paths, target / "define.json"]


def _iso(frame: pd.DataFrame) -> pd.DataFrame:
    out = frame.copy()
    for column in out.columns:
        if str(out[column].dtype).startswith("datetime"):
            out[column] = out[column].dt.strftime("%Y-%m-%d")
    return out


def _dataset_json(name: str, label: str, specification: tuple[Variable, ...], frame: pd.DataFrame) -> dict[str, Any]:
    plain = _iso(frame).astype(object)
    rows = plain.where(plain.notna(), None).to_numpy().tolist()
    columns = [variable.dataset_json(name) for variable in specification]
    return {
        "datasetJSONCreationDateTime": datetime.now(UTC).isoformat(timespec="seconds"),
        "datasetJSONVersion": "1.1.0",
        "itemGroupOID": f"IG.{name}",
        "name": name,
        "label": label,
        "records": len(rows),
        "columns": columns,
        "rows": rows,
    }


def _transport(
    path: Path, name: str, label: str, specification: tuple[Variable, ...], frame: pd.DataFrame
) -> list[Path]:
    from importlib.util import find_spec

    if find_spec("pyreadstat") is None:
        return []
    import pandas as pd
    import pyreadstat

    out = frame.copy()
    for variable in specification:
        if variable.is_date:
            out[variable.name] = (out[variable.name] - pd.Timestamp(EPOCH)).dt.days.astype("float64")
    formats = {variable.name: variable.format for variable in specification if variable.format}
    path.parent.mkdir(parents=True, exist_ok=True)
    pyreadstat.write_xport(
        out,
        str(path),
        file_label=label,
        column_labels=[variable.label for variable in specification],
        table_name=name,
        file_format_version=5,
        variable_format=formats,
    )
    return [path]
