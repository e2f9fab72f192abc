"""A record and a plan as FHIR R5 (extra ``clinic``): what was taken, what was seen, and proposals that say so."""

from __future__ import annotations

import json
from datetime import date
from itertools import pairwise
from typing import Any

from abate.ground.errors import MissingExtra
from abate.planner.codes import ICD10, LOINC, codes
from abate.planner.record import Course, Record
from abate.planner.schedule import Day, Schedule
from abate.science.regimen.value import number

__all__ = ["OWN", "SIGN", "bundle", "observations", "record_bundle"]

UCUM = "http://unitsofmeasure.org"
OWN = "abate-record"
"""Code of the resource that holds what FHIR has no place for: plans, tablets, what the patient would accept."""
SIGN = "red flag"
"""Name of the Observation of a sign in the diary."""
NOTE = (
    "Forecast by research software. A proposal for conversation with the clinician; not a prescription, not an order."
)
_SUBJECT = {"display": "the patient"}


def bundle(schedule: Schedule) -> dict[str, Any]:
    """Return a plan as a Bundle: a MedicationRequest a run of equal days, intent ``proposal``, status ``draft``.

    The record that it was made from follows, as in `record_bundle`. It is checked with fhir.resources.

    Raises
    ------
    MissingExtra
        If fhir.resources is not installed.
    """
    rows = [_request(schedule, run, k) for k, run in enumerate(_runs(schedule.days), start=1)]
    return _checked([*rows, *_record(schedule.record)])


def record_bundle(record: Record) -> dict[str, Any]:
    """Return a record as a Bundle, from which `abate.planner.bring` makes the same record.

    Raises
    ------
    MissingExtra
        If fhir.resources is not installed.
    """
    return _checked(_record(record))


def observations(record: Record) -> list[dict[str, Any]]:
    """Return the laboratory values, the diary and weight and height as Observations, with LOINC where it has a code."""
    found = [
        _observation(name, name, record.today, {"value": level, "unit": unit, "system": UCUM, "code": unit})
        for name, level, unit in (("weight", record.weight, "kg"), ("height", record.height, "cm"))
        if level is not None
    ]
    for place, m in enumerate(record.measurements, start=1):
        quantity: dict[str, Any] = {"value": m.number, "unit": m.unit}
        if m.censored:
            quantity["comparator"] = m.censored
        found.append(_observation(f"laboratory-{place}", m.name, m.date, quantity))
    for entry in record.diary:
        said = [{"text": entry.note}] if entry.note else []
        for name, unit in (("pain", "0-10"), ("stiffness", "min"), ("fatigue", "0-10")):
            value = getattr(entry, name)
            if value is not None:
                row = _observation(f"{name}-{entry.date}", name, entry.date, {"value": value, "unit": unit})
                found.append({**row, "note": said} if said else row)
                said = []  # once a day
        for sign in entry.signs:
            row = _observation(f"{sign}-{entry.date}", SIGN, entry.date, {})
            found.append({**{k: v for k, v in row.items() if k != "valueQuantity"}, "valueString": sign})
        if said:
            row = _observation(f"note-{entry.date}", "note", entry.date, {})
            found.append({**{k: v for k, v in row.items() if k != "valueQuantity"}, "valueString": entry.note})
    return found


def _checked(rows: list[dict[str, Any]]) -> dict[str, Any]:
    made = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": row} for row in rows]}
    try:
        from fhir.resources.bundle import Bundle
    except ImportError:
        raise MissingExtra("clinic", "fhir.resources") from None
    Bundle.model_validate(made)
    return made


def _record(record: Record) -> list[dict[str, Any]]:
    patient: dict[str, Any] = {"resourceType": "Patient", "id": "patient"}
    patient |= {"gender": record.sex} if record.sex else {}
    patient |= {"birthDate": str(record.born)} if record.born else {}
    rows = [patient, _condition("disease", record.disease, record.diagnosed, None, codes().icd10[record.disease][0])]
    rows += [
        _condition(f"illness-{place}", i.what or "illness", i.from_, i.to, "", category="another illness")
        for place, i in enumerate(record.illness, start=1)
    ]
    rows += [_statement(course, place) for place, course in enumerate(record.drugs, start=1)]
    return [*rows, *observations(record), _own(record)]


def _own(record: Record) -> dict[str, Any]:
    """Return what FHIR has no place for, as JSON within a Basic resource."""
    kept = ("name", "today", "remission", "tablets", "strengths", "plans", "flare_risk")
    data = record.model_dump(mode="json", include=set(kept), exclude_defaults=True)
    text = json.dumps({"today": record.today.isoformat(), **data}, ensure_ascii=False, sort_keys=True)
    return {
        "resourceType": "Basic",
        "id": "preferences",
        "code": {"text": OWN},
        "extension": [{"url": f"urn:{OWN}", "valueString": text}],
    }


def _condition(id_: str, text: str, onset: date, end: date | None, code: str, category: str = "") -> dict[str, Any]:
    row: dict[str, Any] = {
        "resourceType": "Condition",
        "id": id_,
        "clinicalStatus": {"text": "resolved" if end else "active"},
        "code": {"text": text} | ({"coding": [{"system": ICD10, "code": code}]} if code else {}),
        "subject": _SUBJECT,
        "onsetDateTime": onset.isoformat(),
    }
    row |= {"category": [{"text": category}]} if category else {}
    return row | ({"abatementDateTime": end.isoformat()} if end else {})


def _statement(course: Course, place: int) -> dict[str, Any]:
    period = {"start": course.from_.isoformat()} | ({"end": course.to.isoformat()} if course.to else {})
    return {
        "resourceType": "MedicationStatement",
        "id": f"taken-{place}",
        "status": "recorded",
        "medication": {"concept": {"text": str(course.read.drug)}},
        "subject": _SUBJECT,
        "effectivePeriod": period,
        "dosage": [{"text": course.regimen}],
    }


def _observation(id_: str, name: str, day: date, quantity: dict[str, Any]) -> dict[str, Any]:
    coded = codes().loinc.get(name)
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"text": name} | ({"coding": [{"system": LOINC, "code": coded[0]}]} if coded else {}),
        "subject": _SUBJECT,
        "effectiveDateTime": day.isoformat(),
        "valueQuantity": quantity,
    }


def _request(schedule: Schedule, run: list[Day], place: int) -> dict[str, Any]:
    first, last = run[0], run[-1]
    doses = sorted({d.mg for d in run}, reverse=True)
    said = f"{number(first.mg)} mg once a day in the morning ({first.tablets})"
    return {
        "resourceType": "MedicationRequest",
        "id": f"step-{place}",
        "status": "draft",
        "intent": "proposal",
        "medication": {"concept": {"text": "prednisone"}},
        "subject": _SUBJECT,
        "authoredOn": schedule.record.today.isoformat(),
        "note": [{"text": NOTE}],
        "dosageInstruction": [
            {
                "text": said,
                "timing": {
                    "repeat": {
                        "boundsPeriod": {"start": first.date.isoformat(), "end": last.date.isoformat()},
                        "frequency": 1,
                        "period": 1,
                        "periodUnit": "d",
                    }
                },
                "doseAndRate": [
                    {"doseQuantity": {"value": doses[0], "unit": "mg", "system": UCUM, "code": "mg"}},
                ],
            }
        ],
    }


def _runs(days: tuple[Day, ...]) -> list[list[Day]]:
    starts = [
        0,
        *(k for k, (a, b) in enumerate(pairwise(days), start=1) if (a.mg, a.tablets) != (b.mg, b.tablets)),
        len(days),
    ]
    return [list(days[a:b]) for a, b in pairwise(starts) if days[a].mg > 0]
