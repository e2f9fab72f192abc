"""Patients from other programs: FHIR and CSV there and back, what is left out, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from abate.ground.errors import InputError
from abate.planner import candidates, load_record, record_from, schedule
from abate.planner.bring import bring, bring_text, text_as
from abate.planner.fhir import bundle, record_bundle

EXAMPLE = load_record(Path(__file__).parents[2] / "examples" / "patient" / "patient.yaml")
FULL = record_from(
    """
    disease: gca
    diagnosed: 2026-01-05
    today: 2026-06-01
    sex: male
    strengths: [5, 1]
    remission: true
    drugs:
      - {regimen: prednisone 40 mg every morning, from: 2026-01-05, to: 2026-03-01}
      - {regimen: prednisone 20 mg every 2 days, from: 2026-03-02}
      - {regimen: tocilizumab 162 mg sc every week, from: 2026-01-20}
    measurements:
      - {date: 2026-05-01, name: crp, value: <3, unit: mg/L}
      - {date: 2026-05-02, name: morning-cortisol, value: 10.5, unit: ug/dL}
    diary:
      - {date: 2026-05-03, signs: [fever, jaw-pain], note: "a bad, bad day"}
      - {date: 2026-05-04, stiffness: 20, note: better}
    illness: [{from: 2026-05-01, to: 2026-05-06, what: influenza}, {from: 2026-05-20}]
    plans: [{name: mine, taper: giacta-26, antibody: none}]
    """
)


def as_bundle(*rows: dict[str, Any]) -> str:
    patient = {"resourceType": "Patient", "gender": "female", "birthDate": "1950-03-01"}
    condition = {
        "resourceType": "Condition",
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M35.3"}]},
        "onsetDateTime": "2025-12",
    }
    entries = [{"resource": row} for row in (patient, condition, *rows)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


def taken(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": {"text": "predniSONE 5 MG Oral Tablet"},
        "effectivePeriod": {"start": "2026-01-05T08:00:00+02:00"},
        "dosage": [
            {
                "text": "two with breakfast",
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": {"value": 10, "unit": "mg"}}],
            }
        ],
    } | more


@pytest.mark.parametrize("record", [EXAMPLE, FULL], ids=["example", "full"])
def test_a_record_comes_back_from_its_bundle_as_it_was(record: Any) -> None:
    pytest.importorskip("fhir.resources")
    found = bring_text(json.dumps(record_bundle(record)), "bundle.json")
    assert found.record == record
    assert found.notes == ()


def test_a_plan_is_not_read_as_if_it_had_been_taken() -> None:
    pytest.importorskip("fhir.resources")
    made = bundle(schedule(EXAMPLE, candidates(EXAMPLE)["doctor"]))
    found = bring_text(json.dumps(made), "plan.fhir.json")
    assert found.record == EXAMPLE
    assert found.notes == ("prednisone: proposal draft of 2026-11-02 was not taken",)


@pytest.mark.parametrize("record", [EXAMPLE, FULL], ids=["example", "full"])
def test_a_record_comes_back_from_its_table(record: Any) -> None:
    found = bring_text(text_as(record, "csv"), "patient.csv").record
    for key in ("disease", "diagnosed", "today", "drugs", "measurements", "diary", "illness", "weight", "sex"):
        assert getattr(found, key) == getattr(record, key), key


def test_a_clinics_bundle_is_read_in_either_version() -> None:
    order = taken(resourceType="MedicationRequest", intent="order", authoredOn="2026-02-02")
    del order["effectivePeriod"]
    order["dosageInstruction"] = order.pop("dosage")
    order["medication"] = {"concept": order.pop("medicationCodeableConcept")}
    order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] = 7.5
    infusion = {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationReference": {"reference": "Medication/m1"},
        "effectiveDateTime": "2026-02-10",
        "dosage": {"dose": {"value": 560, "unit": "mg"}, "route": {"text": "Intravenous"}},
    }
    product = {"resourceType": "Medication", "id": "m1", "code": {"coding": [{"display": "RoActemra 20 mg/ml"}]}}
    crp = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "1988-5"}]},
        "effectiveDateTime": "2026-02-11T09:30:00Z",
        "valueQuantity": {"value": 0.4, "unit": "mg/dL", "comparator": "<"},
    }
    late = {
        **crp,
        "code": {"coding": [{"system": "http://loinc.org", "code": "2143-6"}]},
        "effectiveDateTime": "2026-02-11T16:30:00Z",
        "valueQuantity": {"value": 8, "unit": "ug/dL"},
    }
    weight = {
        **crp,
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "valueQuantity": {"value": 150, "code": "[lb_av]"},
    }
    metformin = taken(medicationCodeableConcept={"text": "Metformin 500 mg"})
    found = bring_text(as_bundle(taken(), order, product, infusion, crp, late, weight, metformin), "clinic.json")
    record = found.record
    assert record.disease == "pmr"
    assert str(record.diagnosed) == "2025-12-01"
    assert (record.born, record.sex) == (1950, "female")
    assert record.weight == pytest.approx(68.0, abs=0.05)  # 150 lb, to a tenth of a kilogram
    assert [(c.regimen, str(c.from_), c.to and str(c.to)) for c in record.drugs] == [
        ("prednisone 10 mg every day", "2026-01-05", None),
        ("prednisone 7.5 mg every day", "2026-02-02", None),
        ("tocilizumab 560 mg iv once", "2026-02-10", "2026-02-10"),
    ]
    assert [(m.name, m.value, m.unit) for m in record.measurements] == [("crp", "<0.4", "mg/dL")]
    said = " ".join(found.notes)
    assert "Metformin 500 mg: not a drug of the library" in said
    assert "cortisol of 2026-02-11: not of the morning" in said
    assert "2025-12 is read as 2025-12-01" in said


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("{", "a.json", r"a.json: this is not JSON"),
        ("[]", "a.json", "not a FHIR Bundle"),
        ('{"resourceType": "Bundle"}', "a.json", "names no disease.*--disease pmr"),
        (as_bundle({"resourceType": "Patient"}), "a.json", "several people: 2; allowed: one Patient"),
        (as_bundle(taken(dosage=[])), "a.json", "prednisone without a dose"),
        (as_bundle(taken(effectivePeriod={})), "a.json", "prednisone without a date"),
        (as_bundle(taken(effectivePeriod={"start": "2026-13-01"})), "a.json", "this is not a date: '2026-13-01'"),
        (
            as_bundle(taken(dosage=[{"text": "as told"}])),
            "a.json",
            "the dose of prednisone is not understood: 'as told'",
        ),
        (
            as_bundle(taken(dosage=[{"doseAndRate": [{"doseQuantity": {"value": 2, "unit": "tablet"}}]}])),
            "a.json",
            "is not in mg: '2 tablet'.*tablets do not say of which strength",
        ),
        (
            as_bundle(taken(dosage=[{"doseAndRate": [{"doseQuantity": {"value": 10, "unit": "mg"}}]}])),
            "a.json",
            "how often prednisone is taken is not understood",
        ),
        ("kind,value\npill,3", "a.csv", "a.csv, row 2: there is no such kind of row: 'pill'"),
        (
            "kind,date,name,value\npatient,,disease,pmr\ndrug,2026-13-05,,x",
            "a.csv",
            "a.csv, row 3: this is not a date: .2026-13-05",
        ),
        ("kind,date,name,value\ndiary,2026-01-01,pain,bad", "a.csv", "row 2: this is not a number: 'bad'"),
        ("kind,date,name,value\ndiary,,pain,3", "a.csv", "row 2: the date is missing"),
        ("kind,date,name,value\npatient,,disease,pmr\npatient,,weigth,70", "a.csv", "weigth.*did you mean 'weight'"),
        ("subject,visit,value\na,b,1", "a.csv", "the columns of a patient are missing"),
        ("kind,date,name,value\npatient,,disease,pmr,x", "a.csv", "row 2: there are more cells than columns"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        bring_text(text, name)
    assert "\n" not in str(refused.value)


def test_the_disease_may_be_said_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "patient.csv"
    file.write_text("kind,date,value\ndrug,2026-01-05,prednisone 15 mg every morning\n", encoding="utf-8")
    assert bring(file, {"disease": "gca"}).record.disease == "gca"
    with pytest.raises(InputError, match="cannot be read"):
        bring(tmp_path / "none.csv")
    with pytest.raises(InputError, match=r"not written as this kind of file: 'docx'"):
        text_as(EXAMPLE, "docx")
