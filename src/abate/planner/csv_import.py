"""A record from a CSV: a row a fact, ``kind,date,name,value,unit,to``; the simplest way out of a spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.planner.fhir_import import Found

__all__ = ["COLUMNS", "KINDS", "csv_data", "record_csv"]

COLUMNS = ("kind", "date", "name", "value", "unit", "to")
KINDS = {
    "patient": "name is a key of the record (disease, diagnosed, born, sex, weight ...), value what stands there",
    "drug": "value is the regimen, as in 'prednisone 10 mg every morning'; date and to its days",
    "measurement": "name is crp, esr, il6, drug-level or morning-cortisol; value with unit",
    "diary": "name is pain, stiffness, fatigue, sign or note",
    "illness": "value says what; date and to its days",
    "plan": "name and value: a plan in words",
}
_NUMBERS = ("born", "weight", "height", "flare_risk")


def csv_data(text: str, where: str) -> Found:
    """Read the rows.

    Raises
    ------
    InputError
        With the row, for whatever is wrong.

    Examples
    --------
    >>> csv_data("kind,date,name,value\\npatient,,disease,pmr\\ndiary,2026-05-01,pain,3", "a.csv").as_data()
    {'disease': 'pmr', 'diary': [{'date': '2026-05-01', 'pain': 3.0}]}
    """
    try:
        rows = list(csv.DictReader(io.StringIO(text), skipinitialspace=True, restkey="more", restval=""))
    except csv.Error as error:
        raise InputError(where, f"this is not a CSV ({error})") from error
    heads = [h.strip().casefold() for h in (rows[0] if rows else {}) if isinstance(h, str)]
    if not rows or not {"kind", "value"} <= set(heads):
        raise InputError(where, "the columns of a patient are missing", value=", ".join(heads)[:80] or None,
                         allowed=", ".join(COLUMNS))  # fmt: skip
    found = Found()
    for place, raw in enumerate(rows, start=2):
        row = {str(k).strip().casefold(): str(v or "").strip() for k, v in raw.items()}
        if any(row.values()):
            _row(row, found, f"{where}, row {place}")
    return found


def _row(row: dict[str, str], found: Found, here: str) -> None:
    kind, name, value, day = (row.get(k, "") for k in ("kind", "name", "value", "date"))
    if row.get("more"):
        raise InputError(here, "there are more cells than columns", allowed=", ".join(COLUMNS),
                         hint='put text with a comma in quotes: "..."')  # fmt: skip
    kind = kind.casefold()
    if kind not in KINDS:
        raise InputError(
            here, "there is no such kind of row", value=kind, allowed=KINDS, hint=did_you_mean(kind, KINDS)
        )
    if kind not in ("patient", "plan") and not day:
        raise InputError(here, "the date is missing", allowed="as in 2026-11-02")
    for written in (day, row.get("to", "")):
        _check_date(written, here)
    end: dict[str, Any] = {"to": row["to"]} if row.get("to") else {}
    if kind == "patient":
        found.data[name] = _number(value, here) if name in _NUMBERS else value
        if name == "born":
            found.data[name] = int(found.data[name])
    elif kind == "drug":
        found.add("drugs", {"regimen": f"{name} {value}".strip(), "from": day, **end})
    elif kind == "measurement":
        limit = value if value[:1] in "<>" else _number(value, here)
        found.add("measurements", {"date": day, "name": name, "value": limit, "unit": row.get("unit", "")})
    elif kind == "illness":
        found.add("illness", {"from": day, **end, "what": value or name})
    elif kind == "plan":
        found.add("plans", {"name": name, "text": value})
    elif name == "sign":
        found.day(day).setdefault("signs", []).append(value)
    else:
        found.day(day)[name] = value if name == "note" else _number(value, here)


def _check_date(text: str, here: str) -> None:
    try:
        date.fromisoformat(text or "2000-01-01")
    except ValueError as error:
        raise InputError(here, "this is not a date", value=text, allowed="as in 2026-11-02") from error


def _number(text: str, here: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(
            here, "this is not a number", value=text, allowed="a number with a point, as in 7.5"
        ) from error


def record_csv(record: Any) -> str:
    """Return a record as such a CSV; plans of tapers and policies of the library are left to the YAML file."""
    data = record.model_dump(mode="json", by_alias=True, exclude_none=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    keys = ("name", "disease", "today", "diagnosed", "born", "sex", "weight", "height", "tablets", "flare_risk")
    writer.writerows(("patient", "", key, data[key], "", "") for key in keys if key in data)
    writer.writerows(("drug", d["from"], "", d["regimen"], "", d.get("to", "")) for d in data["drugs"])
    writer.writerows(("measurement", m["date"], m["name"], m["value"], m["unit"], "") for m in data["measurements"])
    for entry in data["diary"]:
        writer.writerows(
            ("diary", entry["date"], k, entry[k], "", "") for k in ("pain", "stiffness", "fatigue") if k in entry
        )
        writer.writerows(("diary", entry["date"], "sign", sign, "", "") for sign in entry["signs"])
        if entry["note"]:
            writer.writerow(("diary", entry["date"], "note", entry["note"], "", ""))
    writer.writerows(("illness", i["from"], "", i["what"], "", i.get("to", "")) for i in data["illness"])
    writer.writerows(("plan", "", p["name"], p["text"], "", "") for p in data["plans"] if p.get("text"))
    return text.getvalue()
