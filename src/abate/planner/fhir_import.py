"""A record from a FHIR Bundle, R4 or R5: MedicationStatement, MedicationRequest, Observation, Condition, Patient.

What is no part of a record is left out and named; what was not understood of a drug of the library is refused, for a
dose left out silently would bend every forecast.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from abate.ground.errors import InputError
from abate.planner.codes import disease_of, drug_in, measure_of
from abate.planner.fhir import OWN, SIGN
from abate.science.regimen import parse
from abate.science.regimen.value import number

__all__ = ["Found", "data_of"]

_NEVER = ("entered-in-error", "cancelled", "not-taken", "not-done", "draft", "intended", "unknown")
_NOT_ORDERED = ("proposal", "plan", "option")
_DIARY = ("pain", "stiffness", "fatigue")
_LABORATORY = ("crp", "esr", "il6", "drug-level", "morning-cortisol")
_UNITS = {"d": "days", "wk": "weeks", "h": "h", "mo": "weeks", "min": "min"}
_WEEKS_A_MONTH = 4
_MORNING_ENDS = 10
"""Hour up to which a cortisol counts as one of the morning."""


@dataclass
class Found:
    """What a file holds of a record, as its keys; and what was left out, in words."""

    data: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    days: dict[str, dict[str, Any]] = field(default_factory=dict)

    def day(self, when: str) -> dict[str, Any]:
        """Return the diary's row of a date, made where there is none."""
        return self.days.setdefault(when, {"date": when})

    def add(self, key: str, row: Any) -> None:
        """Add a row to a list of the record."""
        self.data.setdefault(key, []).append(row)

    def note(self, text: str) -> None:
        """Say once what was left out."""
        if text not in self.notes:
            self.notes.append(text)

    def as_data(self) -> dict[str, Any]:
        """Return the keys of a record."""
        diary = [self.days[day] for day in sorted(self.days)]
        return {**self.data, **({"diary": diary} if diary else {})}


def data_of(text: str, where: str) -> Found:
    """Read a Bundle.

    Parameters
    ----------
    text : str
        JSON.
    where : str
        Named in errors.

    Raises
    ------
    InputError
        If it is no Bundle, or a resource that matters is not understood.

    Examples
    --------
    >>> taken = {"resourceType": "MedicationStatement", "status": "active", "effectivePeriod": {"start": "2026-01-05"},
    ...          "medicationCodeableConcept": {"text": "Prednisone 5 MG"}, "dosage": [{"text": "10 mg every morning"}]}
    >>> bundle = {"resourceType": "Bundle", "entry": [{"resource": taken}]}
    >>> data_of(json.dumps(bundle), "bundle.json").data["drugs"]
    [{'regimen': 'prednisone 10 mg every morning', 'from': '2026-01-05'}]
    """
    try:
        whole = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(where, f"this is not JSON ({error})") from error
    if not isinstance(whole, dict) or whole.get("resourceType") != "Bundle":
        raise InputError(where, "this is not a FHIR Bundle", allowed='JSON with "resourceType": "Bundle"')
    entries = whole.get("entry") or []
    rows = [e["resource"] for e in entries if isinstance(e, dict) and isinstance(e.get("resource"), dict)]
    found = Found()
    products = {str(r.get("id")): r for r in rows if r.get("resourceType") == "Medication"}
    patients = [r for r in rows if r.get("resourceType") == "Patient"]
    if len(patients) > 1:
        raise InputError(where, "the bundle holds several people", value=len(patients), allowed="one Patient")
    for place, row in enumerate(rows):
        kind = str(row.get("resourceType"))
        here = f"{where}, {kind} {row.get('id', place + 1)}"
        if kind == "Patient":
            _patient(row, found)
        elif kind == "Condition":
            _condition(row, found, here)
        elif kind in ("MedicationStatement", "MedicationRequest", "MedicationAdministration"):
            _medication(row, found, here, products)
        elif kind == "Observation":
            _observation(row, found, here)
        elif kind == "Basic" and _dig(row, "code", "text") == OWN:
            _own(row, found, here)
        elif kind != "Medication":
            found.note(f"{kind}: no part of a record")
    return found


def _patient(row: Mapping[str, Any], found: Found) -> None:
    if row.get("gender") in ("female", "male"):
        found.data["sex"] = row["gender"]
    year = str(row.get("birthDate", ""))[:4]
    if year.isdecimal():
        found.data["born"] = int(year)


def _condition(row: Mapping[str, Any], found: Found, here: str) -> None:
    onset = row.get("onsetDateTime") or _dig(row, "onsetPeriod", "start") or row.get("recordedDate")
    category = row.get("category") or []
    if any(_dig(c, "text") == "another illness" for c in category if isinstance(c, dict)):
        end = row.get("abatementDateTime")
        what = str(_dig(row, "code", "text") or "")
        illness = {"from": _day(onset, here, found), "what": "" if what == "illness" else what}
        found.add("illness", illness | ({"to": _day(end, here, found)} if end else {}))
        return
    disease = disease_of(row.get("code"))
    if disease is None:
        found.note(f"Condition {_name(row.get('code'))!r}: not a disease that is planned here")
    elif "disease" in found.data and found.data["disease"] != disease:
        found.note(f"Condition {disease}: {found.data['disease']} stands before it and is kept")
    else:
        found.data["disease"] = disease
        if onset:
            found.data["diagnosed"] = _day(onset, here, found)


def _medication(row: Mapping[str, Any], found: Found, here: str, products: Mapping[str, Any]) -> None:
    name = _product(row, products)
    drug = drug_in(name)
    if drug is None:
        found.note(f"{name or 'a drug without a name'}: not a drug of the library")
        return
    if row.get("status") in _NEVER or row.get("intent") in _NOT_ORDERED:
        state = " ".join(str(row[key]) for key in ("intent", "status") if row.get(key))
        found.note(f"{drug}: {state} of {_started(row) or 'no date'} was not taken")
        return
    dosages = row.get("dosage") or row.get("dosageInstruction") or []
    dosages = [dosages] if isinstance(dosages, dict) else [d for d in dosages if isinstance(d, dict)]
    if not dosages:
        raise InputError(here, f"{drug} without a dose", hint="add dosage.text, as in '10 mg every morning'")
    for dosage in dosages:
        bounds = _dig(dosage, "timing", "repeat", "boundsPeriod") or {}
        start, end = bounds.get("start") or _started(row), bounds.get("end") or _dig(row, "effectivePeriod", "end")
        if not start:
            raise InputError(here, f"{drug} without a date", hint="add effectivePeriod.start or authoredOn")
        once = row["resourceType"] == "MedicationAdministration" or (row.get("effectiveDateTime") and not bounds)
        regimen = _regimen(drug, dosage, here, once=row["resourceType"] == "MedicationAdministration")
        course = {"regimen": regimen, "from": _day(start, here, found)}
        if end or (once and row["resourceType"] == "MedicationAdministration"):
            course["to"] = _day(end or start, here, found)
        found.add("drugs", course)


def _started(row: Mapping[str, Any]) -> str:
    keys = ("effectiveDateTime", "occurenceDateTime", "occurrenceDateTime", "authoredOn", "dateAsserted")
    period = _dig(row, "effectivePeriod", "start") or _dig(row, "occurencePeriod", "start")
    return str(period or next((row[k] for k in keys if row.get(k)), ""))


def _product(row: Mapping[str, Any], products: Mapping[str, Any]) -> str:
    concept = row.get("medicationCodeableConcept") or _dig(row, "medication", "concept")
    if concept is None:
        pointed = row.get("medicationReference") or _dig(row, "medication", "reference") or {}
        key = str(pointed.get("reference", "") if isinstance(pointed, dict) else pointed)
        contained = {f"#{c.get('id')}": c for c in row.get("contained", ()) if isinstance(c, dict)}
        target = contained.get(key) or products.get(key.rpartition("/")[2].removeprefix("urn:uuid:"))
        concept = target.get("code") if target else pointed
    return _name(concept)


def _name(concept: Any) -> str:
    if not isinstance(concept, dict):
        return ""
    codings = [c for c in concept.get("coding") or () if isinstance(c, dict)]
    said = [concept.get("text"), concept.get("display"), *(c.get("display") for c in codings)]
    return next((str(s) for s in said if s), "")


def _regimen(drug: str, dosage: Mapping[str, Any], here: str, *, once: bool) -> str:
    """Return a dosage as a regimen: its words where they are understood, else its numbers."""
    words = str(dosage.get("text") or "").strip()
    for text in (words, f"{drug} {words}"):
        try:
            if words and parse(text).drug == drug:
                return text
        except InputError:
            continue
    rates = dosage.get("doseAndRate") or []
    quantity = (
        next(
            (r["doseQuantity"] for r in rates if isinstance(r, dict) and isinstance(r.get("doseQuantity"), dict)), None
        )
        or dosage.get("doseQuantity")
        or dosage.get("dose")
    )
    if not isinstance(quantity, dict) or not isinstance(quantity.get("value"), (int, float)):
        raise InputError(here, f"the dose of {drug} is not understood", value=words or None,
                         hint="add doseAndRate.doseQuantity, or dosage.text as in '10 mg every morning'")  # fmt: skip
    unit = str(quantity.get("code") or quantity.get("unit") or "")
    if unit not in ("mg", "ug", "g", "mg/kg", "ug/kg"):
        raise InputError(here, f"the dose of {drug} is not in mg", value=f"{quantity['value']} {unit}".strip(),
                         allowed="mg, ug, g, mg/kg", hint="tablets do not say of which strength")  # fmt: skip
    if dosage.get("asNeededBoolean") or dosage.get("asNeeded"):
        raise InputError(here, f"{drug} as needed says not what was taken", hint="write what was taken, with its dates")
    route = _route(dosage)
    text = " ".join(part for part in (drug, number(float(quantity["value"])), unit, route) if part)
    text = f"{text} {'once' if once else _every(dosage, drug, here)}"
    parse(text, where=here)
    return text


def _route(dosage: Mapping[str, Any]) -> str:
    said = f" {_name(dosage.get('route'))} ".casefold()
    known = (("sc", ("subcut", " sc ")), ("iv", ("intraven", " iv ")), ("oral", ("oral", "mouth", " po ")))
    return next((route for route, words in known if any(w in said for w in words)), "")


def _every(dosage: Mapping[str, Any], drug: str, here: str) -> str:
    repeat = _dig(dosage, "timing", "repeat") or {}
    code = str(_dig(dosage, "timing", "code", "text") or "").upper()
    spoken = {"QD": "every day", "QOD": "every 2 days", "BID": "every 12 h", "QAM": "every morning", "TID": "every 8 h"}
    if "period" not in repeat:
        if code in spoken:
            return spoken[code]
        raise InputError(here, f"how often {drug} is taken is not understood",
                         hint="add timing.repeat (frequency, period, periodUnit)")  # fmt: skip
    unit = str(repeat.get("periodUnit", ""))
    if unit not in _UNITS:
        raise InputError(here, "this unit of time is not understood", value=unit, allowed=list(_UNITS))
    often = float(repeat["period"]) / float(repeat.get("frequency") or 1)
    often *= _WEEKS_A_MONTH if unit == "mo" else 1
    if unit == "d" and often < 1:
        return f"every {number(round(24 * often, 6))} h"
    return f"every {number(often)} {_UNITS[unit]}" if often != 1 else f"every {_UNITS[unit].removesuffix('s')}"


def _observation(row: Mapping[str, Any], found: Found, here: str) -> None:
    if row.get("status") in _NEVER:
        return
    name = measure_of(row.get("code"))
    start = row.get("effectiveDateTime") or row.get("effectiveInstant") or _dig(row, "effectivePeriod", "start")
    known = (*_LABORATORY, *_DIARY, SIGN, "note", "weight", "height")
    if name not in known:
        found.note(f"Observation {_name(row.get('code')) or name!r}: no part of a record")
        return
    day = _day(start, here, found)
    if name == SIGN:
        found.day(day).setdefault("signs", []).append(str(row.get("valueString", "")))
        return
    if name == "note":
        found.day(day)["note"] = str(row.get("valueString", ""))
        return
    quantity = row.get("valueQuantity") or ({"value": row["valueInteger"]} if "valueInteger" in row else None)
    if not isinstance(quantity, dict) or not isinstance(quantity.get("value"), (int, float)):
        found.note(f"{name} of {day}: no value")
        return
    value, unit = quantity["value"], str(quantity.get("code") or quantity.get("unit") or "")
    if name in ("weight", "height"):
        found.data[name] = _body(name, float(value), unit, here)
    elif name in _DIARY:
        found.day(day)[name] = value
        if row.get("note"):
            found.day(day)["note"] = str(_dig(row["note"][0], "text") or "")
    elif name == "morning-cortisol" and _hour(start) > _MORNING_ENDS:
        found.note(f"cortisol of {day}: not of the morning")
    else:
        limit = str(quantity.get("comparator") or "")[:1]
        level = f"{limit}{number(float(value))}" if limit else value
        found.add("measurements", {"date": day, "name": name, "value": level, "unit": _plain(unit)})


def _body(name: str, value: float, unit: str, here: str) -> float:
    from abate.ground.units import convert

    wanted = "kg" if name == "weight" else "cm"
    plain = {"[lb_av]": "lb", "[in_i]": "inch"}.get(unit, unit or wanted)
    return round(convert(value, plain, wanted, where=here), 1)


def _plain(unit: str) -> str:
    """Return a unit of UCUM as units are written here."""
    return unit.replace("mm/hr", "mm/h").replace("{", "").replace("}", "") if unit else ""


def _hour(when: Any) -> int:
    text = str(when or "")
    return int(text[11:13]) if len(text) > 12 and text[11:13].isdecimal() else 0


def _own(row: Mapping[str, Any], found: Found, here: str) -> None:
    try:
        data = json.loads(str(row["extension"][0]["valueString"]))
    except (KeyError, IndexError, TypeError, json.JSONDecodeError) as error:
        raise InputError(here, "this resource was not written by abate") from error
    found.data.update(data)


def _day(when: Any, here: str, found: Found) -> str:
    """Return the date of a FHIR dateTime; a month or a year alone begins on its first day, and it says so."""
    text = str(when or "")
    whole = {4: f"{text}-01-01", 7: f"{text}-01"}.get(len(text), text[:10])
    try:
        day = date.fromisoformat(whole)
    except ValueError as error:
        raise InputError(here, "this is not a date", value=text, allowed="as in 2026-11-02") from error
    if whole != text[:10]:
        found.note(f"{here}: {text} is read as {day}")
    return day.isoformat()


def _dig(row: Any, *keys: str) -> Any:
    for key in keys:
        if not isinstance(row, Mapping):
            return None
        row = row.get(key)
    return row
