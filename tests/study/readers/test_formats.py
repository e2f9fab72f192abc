"""What is special about each kind of file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from abate.ground.errors import InputError
from abate.study import readers
from abate.study.readers import project, redcap

TITLES = (
    '"Variable / Field Name","Form Name","Section Header","Field Type","Field Label",'
    '"Choices, Calculations, OR Slider Labels"\n'
)
DICTIONARY = (
    TITLES
    + """\
record_id,person,,text,Record,
sex,person,,radio,Sex,"1, Female | 2, Male"
visit_week,questionnaires,,text,Week,
q_comb,questionnaires,,text,"FIQR: comb hair",
sss_fatigue,questionnaires,,radio,Fatigue,"0, None | 1, Slight | 2, Moderate | 3, Severe"
areas,questionnaires,,checkbox,<b>WPI</b>,"1, Left jaw | 2, Jaw right | 3, Left hip (buttock, trochanter)"
remark,questionnaires,,notes,Remark,
"""
)
REPEATING = """\
record_id,redcap_repeat_instrument,redcap_repeat_instance,sex,visit_week,q_comb,sss_fatigue,areas___1,areas___2,areas___3,remark,questionnaires_complete
7,,,1,,,,,,,,
7,questionnaires,1,,0,8,Severe,1,1,0,pain at night,2
7,questionnaires,2,,4,5,2,1,0,0,,2
8,,,2,,,,,,,,
8,questionnaires,1,,0,9,1,0,0,0,,2
8,questionnaires,2,,4,,,0,0,0,,0
"""


def values(reading: readers.Reading) -> dict[tuple[str, str, str], float]:
    table = reading.tables.measurements
    names = table["item"].where(table["item"] != "", table["measure"])
    return {(s, v, n): x for s, v, n, x in zip(table["subject"], table["visit"], names, table["value"], strict=True)}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    (tmp_path / "dictionary.csv").write_text(DICTIONARY)
    (tmp_path / "export.csv").write_text(REPEATING)
    return tmp_path / "export.csv"


def test_redcap_with_a_repeating_form(export: Path) -> None:
    reading = readers.read(export)
    assert values(reading) == {
        ("7", "week 0", "fiqr/1"): 8,
        ("7", "week 0", "sss/fatigue"): 3,
        ("7", "week 0", "wpi/jaw-left"): 1,
        ("7", "week 0", "wpi/jaw-right"): 1,
        ("7", "week 0", "wpi/hip-left"): 0,
        ("7", "week 4", "fiqr/1"): 5,
        ("7", "week 4", "sss/fatigue"): 2,
        ("7", "week 4", "wpi/jaw-left"): 1,
        ("7", "week 4", "wpi/jaw-right"): 0,
        ("7", "week 4", "wpi/hip-left"): 0,
        ("8", "week 0", "fiqr/1"): 9,
        ("8", "week 0", "sss/fatigue"): 1,
        ("8", "week 0", "wpi/jaw-left"): 0,
        ("8", "week 0", "wpi/jaw-right"): 0,
        ("8", "week 0", "wpi/hip-left"): 0,
    }
    assert "never filled in: their boxes count as missing" in reading.mapping.as_text()
    assert any("remark" in reason for reason in reading.mapping.ignored)
    assert reading.tables.subjects["sex"].tolist() == ["female", "male"]


def test_redcap_without_a_dictionary_lists_what_it_cannot_map(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text(REPEATING.replace("q_comb", "fiqr_1").replace("Severe", "3"))
    reading = readers.read(tmp_path / "export.csv")
    assert {column.split(":")[0] for column in reading.mapping.unmapped} >= {"column areas___1", "column areas___2"}
    assert ("7", "week 0", "fiqr/1") in values(reading)


def test_redcap_with_two_dictionaries_asks_which(export: Path) -> None:
    (export.parent / "other.csv").write_text(DICTIONARY)
    with pytest.raises(InputError, match=r"several data dictionaries lie beside it: 'dictionary.csv, other.csv'"):
        readers.read(export)
    (export.parent / "map.toml").write_text('dictionary = "other.csv"\n')
    assert len(readers.read(export, mapping=export.parent / "map.toml").tables.measurements) == 15


def test_redcap_repeats_without_a_visit_are_asked_about(export: Path) -> None:
    export.write_text(REPEATING.replace("visit_week", "zzz"))
    with pytest.raises(InputError, match=r"row 3, column redcap_repeat_instance: this visit has no place in time: '1'"):
        readers.read(export)
    (export.parent / "map.toml").write_text('[visits]\n1 = "week 0"\n2 = "week 4"\n')
    assert ("7", "week 4", "fiqr/1") in values(readers.read(export, mapping=export.parent / "map.toml"))


class Project:
    """A stand-in for PyCap's project: the same two calls, no network."""

    def __init__(self, url: str, token: str) -> None:
        assert (url, token) == ("https://redcap.example.org/api/", "secret")

    def export_records(self, **_: Any) -> list[dict[str, str]]:
        header, *rows = [line.split(",") for line in REPEATING.strip().splitlines()]
        return [dict(zip(header, row, strict=True)) for row in rows]

    def export_metadata(self, **_: Any) -> list[dict[str, str]]:
        import csv

        keys = ("field_name", "form_name", "section", "field_type", "field_label", "select_choices_or_calculations")
        return [dict(zip(keys, row, strict=True)) for row in list(csv.reader(DICTIONARY.splitlines()))[1:]]


def test_a_live_project_reads_like_its_export(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(project.TOKEN, "secret")
    grid, fields = project.read_project("redcap:https://redcap.example.org/api/", connect=Project)
    assert fields == redcap.read_dictionary(export.parent / "dictionary.csv")
    monkeypatch.setattr(project, "read_project", lambda path: (grid, fields))
    live = readers.read(Path("redcap:https://redcap.example.org/api/"))
    assert values(live) == values(readers.read(export))


def test_a_live_project_needs_a_token_and_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(project.TOKEN, raising=False)
    with pytest.raises(InputError, match="set the environment variable ABATE_REDCAP_TOKEN"):
        readers.read("redcap:https://redcap.example.org/api/")
    with pytest.raises(InputError, match="the address of a project must be https"):
        readers.read("redcap:http://redcap.example.org/api/")


def test_a_failing_project_does_not_show_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, token: str) -> Any:
        raise ValueError(f"403 for token {token}")

    monkeypatch.setenv(project.TOKEN, "secret")
    with pytest.raises(InputError, match=r"could not be read \(ValueError\)") as caught:
        project.read_project("redcap:https://redcap.example.org/api/", connect=refuse)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def response(who: str, answers: dict[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    items = [{"linkId": name, "answer": [answer]} for name, answer in answers.items()]
    group = [{"linkId": "group", "item": items}]
    return {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "subject": {"reference": who},
        "item": group,
        **more,
    }


def test_fhir(tmp_path: Path) -> None:
    ordinal = {"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 3}
    first = response(
        "Patient/P1",
        {
            "fiqr/1": {"valueInteger": 8},
            "/pain": {"valueDecimal": 7.5},
            "wpi/neck": {"valueBoolean": True},
            "sss/fatigue": {"valueCoding": {"code": "severe", "extension": [ordinal]}},
            "crp": {"valueQuantity": {"value": 2.5, "unit": "mg/dL"}},
        },
        authored="2024-01-01T10:00:00+01:00",
    )
    second = response("Patient/P1", {"fiqr/1": {"valueInteger": 5}}, authored="2024-01-30")
    wrong = response("Patient/P1", {"fiqr/1": {"valueInteger": 1}}, authored="2024-02-01", status="entered-in-error")
    bundle = {"resourceType": "Bundle", "entry": [{"resource": entry} for entry in (first, second, wrong)]}
    (tmp_path / "answers.json").write_text(json.dumps(bundle))
    reading = readers.read(tmp_path / "answers.json")
    assert values(reading) == {
        ("P1", "week 0", "crp"): 25,
        ("P1", "week 0", "fiqr/1"): 8,
        ("P1", "week 0", "pain"): 7.5,
        ("P1", "week 0", "sss/fatigue"): 3,
        ("P1", "week 0", "wpi/neck"): 1,
        ("P1", "week 4", "fiqr/1"): 5,
    }
    # 29 days by the dates; named after the nearest week, and said so.
    assert reading.tables.measurements["time"].max() == 29
    assert any("nearest week" in note for note in reading.mapping.assumptions)
    assert any("entered-in-error" in note for note in reading.mapping.assumptions)


def test_fhir_lines_and_visits(tmp_path: Path) -> None:
    lines = [
        response("Patient/P1", {"pain": {"valueInteger": value}}, encounter={"display": visit})
        for visit, value in (("Baseline", 8), ("Week 12", 4))
    ]
    (tmp_path / "answers.ndjson").write_text("\n".join(json.dumps(line) for line in lines))
    assert values(readers.read(tmp_path / "answers.ndjson")) == {
        ("P1", "week 0", "pain"): 8,
        ("P1", "week 12", "pain"): 4,
    }


def test_fhir_without_a_subject(tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text(json.dumps(response("", {"pain": {"valueInteger": 1}})))
    with pytest.raises(InputError, match=r"answers.json, response 1, subject: the response names no subject"):
        readers.read(tmp_path / "answers.json")


def test_dataset_json_of_version_one(tmp_path: Path) -> None:
    items = [{"OID": n, "name": n, "label": n, "type": "string"} for n in ("USUBJID", "PARAMCD", "AVISIT", "AVAL")]
    rows = [["P1", "PAIN", "Baseline", 8], ["P1", "PAIN", "Week 4", 5.5]]
    data = {"clinicalData": {"itemGroupData": {"ADQS": {"records": 2, "items": items, "itemData": rows}}}}
    (tmp_path / "adqs.json").write_text(json.dumps(data))
    assert values(readers.read(tmp_path / "adqs.json")) == {("P1", "week 0", "pain"): 8, ("P1", "week 4", "pain"): 5.5}


def test_adam_leaves_derived_rows_out(tmp_path: Path) -> None:
    lines = [
        "USUBJID,TRT01A,PARAMCD,PARAM,AVISIT,AVISITN,ADY,AVAL,DTYPE",
        "P1,TCZ 162 mg,CRP,C-Reactive Protein (mg/dL),Baseline,0,1,2.5,",
        "P1,TCZ 162 mg,CRP,C-Reactive Protein (mg/dL),Week 4,4,30,0.1,",
        "P1,TCZ 162 mg,CRP,C-Reactive Protein (mg/dL),Week 12,12,85,0.1,LOCF",
    ]
    (tmp_path / "adlb.csv").write_text("\n".join(lines))
    reading = readers.read(tmp_path / "adlb.csv")
    table = reading.tables.measurements
    assert table[["time", "value", "unit"]].values.tolist() == [[0, 25, "mg/L"], [29, 1, "mg/L"]]
    assert reading.tables.subjects["arm"].tolist() == ["tcz-162-mg"]
    assert any("1 derived row" in note for note in reading.mapping.assumptions)


def test_excel_dates_and_other_sheets(tmp_path: Path) -> None:
    from datetime import datetime

    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "empty"
    sheet = book.create_sheet("answers")
    for row in (["id", "date", "pain"], ["P1", datetime(2024, 1, 1), 8], ["P1", datetime(2024, 1, 29), 5.5]):
        sheet.append(row)
    book.create_sheet("notes").append(["nothing"])
    book.save(tmp_path / "study.xlsx")
    reading = readers.read(tmp_path / "study.xlsx")
    assert values(reading) == {("P1", "week 0", "pain"): 8, ("P1", "week 4", "pain"): 5.5}
    assert any("the sheet 'notes' was not read" in note for note in reading.mapping.assumptions)
    (tmp_path / "map.toml").write_text('sheet = "Answers"\n')
    with pytest.raises(InputError, match=r"there is no such sheet: 'Answers'.*did you mean 'answers'"):
        readers.read(tmp_path / "study.xlsx", mapping=tmp_path / "map.toml")


def test_a_study_folder_needs_no_mapping(tmp_path: Path) -> None:
    from abate.study import store

    (tmp_path / "series.csv").write_text("subject,visit,measure,value\nP1,week 0,pain,8\nP1,week 4,pain,5\n")
    first = readers.read(tmp_path / "series.csv").tables
    tables = {"subjects": first.subjects, "measurements": first.measurements}
    store.write(tmp_path / "study", {"name": "demo", "source": "observed"}, tables)
    again = readers.read(tmp_path / "study")
    assert again.tables.measurements.equals(first.measurements)
    assert again.mapping.format == "study"
