"""The plan as FHIR: MedicationRequests that say 'proposal', and the record's observations (extra ``clinic``)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from abate.ground.errors import MissingExtra
from abate.planner.record import Record
from abate.planner.schedule import Day, Schedule
from abate.science.regimen.value import number

__all__ = ["bundle", "observations"]

UCUM = "http://unitsofmeasure.org"
NOTE = (
    "Forecast by research software. A proposal for conversation with the clinician; not a prescription, not an order."
)


def bundle(schedule: Schedule) -> dict[str, Any]:
    """Return a FHIR R5 Bundle: one MedicationRequest a run of equal days, intent ``proposal``, status ``draft``.

    It is checked with fhir.resources before it is returned.

    Raises
    ------
    MissingExtra
        If fhir.resources is not installed.
    """
    rows = [_request(schedule, run, k) for k, run in enumerate(_runs(schedule.days), start=1)]
    rows += observations(schedule.record)
    made = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": row} for row in rows]}
    try:
        from fhir.resources.bundle import Bundle
    except ImportError:
        raise MissingExtra("clinic", "fhir.resources") from None
    Bundle.model_validate(made)
    return made


def observations(record: Record) -> list[dict[str, Any]]:
    """Return the record's laboratory values and diary scores as Observations, named in words."""
    found = []
    for place, m in enumerate(record.measurements, start=1):
        quantity: dict[str, Any] = {"value": m.number, "unit": m.unit}
        if m.censored:
            quantity["comparator"] = m.censored
        found.append(_observation(f"laboratory-{place}", m.name, m.date.isoformat(), quantity))
    for entry in record.diary:
        for name, unit in (("pain", "0-10"), ("stiffness", "min"), ("fatigue", "0-10")):
            value = getattr(entry, name)
            if value is not None:
                found.append(
                    _observation(f"{name}-{entry.date}", name, entry.date.isoformat(), {"value": value, "unit": unit})
                )
    return found


def _observation(id_: str, name: str, day: str, quantity: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"text": name},
        "subject": {"display": "the patient"},
        "effectiveDateTime": day,
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
        "subject": {"display": "the patient"},
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
