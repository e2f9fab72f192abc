"""Guessing, showing and fixing how a file is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abate.ground.errors import InputError
from abate.study import readers
from abate.study.readers.cells import Number, number
from abate.study.readers.names import known_ids, recognise
from abate.study.readers.visits import canonical, date_format, parse_date, parse_visit


def read(tmp_path: Path, text: str, map_text: str = "") -> readers.Reading:
    (tmp_path / "study.csv").write_text(text)
    (tmp_path / "map.toml").write_text(map_text)
    return readers.read(tmp_path / "study.csv", mapping=tmp_path / "map.toml")


def names(reading: readers.Reading) -> list[str]:
    table = reading.tables.measurements
    return sorted({item or measure for item, measure in zip(table["item"], table["measure"], strict=True)})


def test_one_row_a_person_with_visits_in_the_headings(tmp_path: Path) -> None:
    reading = read(tmp_path, "id,sex,pain_w0,pain_w4,baseline_crp,crp_week_12\nP1,F,8,5,20,3\nP2,M,7,6,30,4\n")
    table = reading.tables.measurements
    assert table[["subject", "visit", "measure", "value"]].values.tolist()[:4] == [
        ["P1", "week 0", "crp", 20],
        ["P1", "week 0", "pain", 8],
        ["P1", "week 4", "pain", 5],
        ["P1", "week 12", "crp", 3],
    ]
    assert reading.tables.subjects["sex"].tolist() == ["female", "male"]


def test_what_is_not_known_in_a_wide_file_is_listed(tmp_path: Path) -> None:
    text = "id,visit,pain,mood,pulse\nP1,week 0,8,3,70\nP1,week 4,5,4,72\n"
    reading = read(tmp_path, text)
    assert names(reading) == ["pain"]
    assert [line.split(":")[0] for line in reading.mapping.unmapped] == ["column mood", "column pulse"]
    assert "not mapped: column mood" in reading.mapping.as_text()
    fixed = read(tmp_path, text, '[columns]\nmood = "mood-0-10"\npulse = "ignore"\n')
    assert names(fixed) == ["mood-0-10", "pain"]
    assert fixed.mapping.unmapped == ()
    assert fixed.mapping.ignored == ("column pulse: as the map file says",)


def test_what_is_not_known_in_a_long_file_is_kept_and_said(tmp_path: Path) -> None:
    reading = read(tmp_path, "subject,visit,measure,value\nP1,week 0,Grip strength,20\nP1,week 0,painn,5\n")
    assert names(reading) == ["grip-strength", "painn"]
    assert reading.mapping.assumptions == ("'Grip strength' is no known measure and was kept under its own name",)
    assert "did you mean 'pain'?" in reading.mapping.questions[0]


def test_a_fact_about_a_person_may_be_a_row(tmp_path: Path) -> None:
    text = "subject,visit,measure,value\nP1,week 0,diagnosis,primary\nP1,week 0,pain,5\n"
    assert read(tmp_path, text).tables.subjects["diagnosis"].tolist() == ["primary"]
    with pytest.raises(
        InputError, match="row 4, column value: P1 has two values of diagnosis: primary and: 'secondary'"
    ):
        read(tmp_path, text + "P1,week 4,diagnosis,secondary\n")


def test_a_map_file_names_everything(tmp_path: Path) -> None:
    text = "Pat;Termin;Test;Frage;Wert\nA;V1;FIQR-D;1;7\nA;V2;FIQR-D;1;-9\nA;V2;Schmerz;;3,5\n"
    map_text = """
decimal = ","
missing = [-9]
[roles]
subject = "Pat"
visit = "Termin"
measure = "Test"
item = "Frage"
value = "Wert"
[measures]
"FIQR-D 1" = "fiqr/1"
Schmerz = "pain"
[visits]
V1 = "baseline"
V2 = "week 12"
"""
    table = read(tmp_path, text, map_text).tables.measurements
    assert table[["subject", "time", "visit", "measure", "item", "value"]].values.tolist() == [
        ["A", 0.0, "week 0", "fiqr", "fiqr/1", 7.0],
        ["A", 84.0, "week 12", "pain", "", 3.5],
    ]


def test_boxes_that_nobody_ticked(tmp_path: Path) -> None:
    text = "subject,visit,measure,value\nP1,week 0,wpi/neck,1\nP1,week 0,wpi/chest,1\nP1,week 4,pain,3\n"
    table = read(tmp_path, text, 'unticked_is_zero = ["wpi"]\n').tables.measurements
    assert (len(table), table.loc[table["measure"] == "wpi", "value"].sum()) == (20, 2)
    assert len(read(tmp_path, text).tables.measurements) == 3


def test_two_columns_that_are_the_same_thing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column nrs: this column and pain are both read as pain"):
        read(tmp_path, "id,visit,pain,nrs\nP1,week 0,8,8\n")


def test_of_two_visit_columns_the_one_that_tells_a_time_is_used(tmp_path: Path) -> None:
    reading = read(tmp_path, "id,visit,week,pain\nP1,V1,0,8\nP1,V2,4,5\n")
    assert reading.mapping.roles["visit"] == "week"
    assert reading.mapping.ignored == ("column visit: the visit is taken from column week",)


def test_without_any_time_everything_is_one_visit(tmp_path: Path) -> None:
    reading = read(tmp_path, "id,pain,fiqr_1\nP1,8,5\nP2,6,4\n")
    assert set(reading.tables.measurements["visit"]) == {"week 0"}
    assert "no column says when" in reading.mapping.assumptions[0]


def test_dates_count_from_the_baseline(tmp_path: Path) -> None:
    text = "id,visit,date,pain\nP1,week 0,01.02.2024,8\nP1,week 4,28.02.2024,5\n"
    text += "P2,week 0,15.03.2024,7\nP2,week 4,13.04.2024,6\n"
    table = read(tmp_path, text).tables.measurements
    assert table["time"].tolist() == [0, 27, 0, 29]
    assert table["visit"].tolist() == ["week 0", "week 4", "week 0", "week 4"]


def test_values_below_a_limit_keep_their_sign(tmp_path: Path) -> None:
    table = read(tmp_path, "id,visit,crp\nP1,week 0,25\nP1,week 4,<0.3\nP2,week 0,30\n").tables.measurements
    assert table[["value", "censoring"]].values.tolist() == [[25, ""], [0.3, "below"], [30, ""]]


def test_people_and_items_sort_as_people_count(tmp_path: Path) -> None:
    text = "id,visit,fiqr_10,fiqr_2\nP10,week 0,1,2\nP2,week 0,3,4\n"
    table = read(tmp_path, text).tables.measurements
    assert table[["subject", "item"]].values.tolist() == [
        ["P2", "fiqr/2"],
        ["P2", "fiqr/10"],
        ["P10", "fiqr/2"],
        ["P10", "fiqr/10"],
    ]


def test_every_id_is_recognised_as_itself() -> None:
    for name in known_ids():
        for spelling in (name, name.upper(), name.replace("/", "_").replace("-", "_"), name.replace("/", " ")):
            found = recognise(spelling)
            assert found is not None, spelling
            assert found.id == name, spelling


@pytest.mark.parametrize(
    ("text", "label", "day"),
    [
        ("Week 12", "week 12", 84),
        ("wk12", "week 12", 84),
        ("W-4", "week 4", 28),
        ("12 weeks", "week 12", 84),
        ("BASELINE", "week 0", 0),
        ("week_4_arm_1", "week 4", 28),
        ("day 28", "week 4", 28),
        ("Day 10", "day 10", 10),
        ("month 3", "month 3", 91),
        ("week -2", "week -2", -14),
        ("follow-up", "follow-up", None),
    ],
)
def test_visit_labels(text: str, label: str, day: float | None) -> None:
    visit = parse_visit(text)
    assert (visit.label, visit.day) == (label, day)


@given(st.integers(-60, 600))
def test_a_visit_label_reads_back(week: int) -> None:
    assert parse_visit(canonical(7.0 * week)).day == 7 * week


@given(st.dates(), st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d"]))
def test_a_date_reads_back(day: object, format: str) -> None:
    text = f"{day:{format}}"
    # Years before 1000 are printed without leading zeros by this platform's strftime, which no clinic writes.
    if len(text) == 10:
        assert parse_date(text, date_format([("here", text)])) == day


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_reads_back(value: float) -> None:
    assert number(repr(value), "here") == Number(value)
    assert number(value, "here") == Number(value)


DOSES = "subject,week,drug,route,amount,unit,count,interval\nP1,0,Tocilizumab,SC,162,mg,12,7\n"
STUDY = "subject,visit,date,pain\nP1,week 0,2024-01-01,8\nP1,week 4,2024-01-30,5\n"


def test_doses_and_events_lie_beside_the_study(tmp_path: Path) -> None:
    (tmp_path / "study-doses.csv").write_text(DOSES)
    (tmp_path / "study-events.csv").write_text("subject,date,event,detail\nP1,2024-01-15,Flare,knee swollen\n")
    reading = read(tmp_path, STUDY)
    assert reading.tables.doses.values.tolist() == [["P1", 0.0, "tocilizumab", "sc", 162.0, "mg", 0.0, 12, 7.0]]
    assert reading.tables.events.values.tolist() == [["P1", 14.0, "flare", "knee swollen"]]
    assert "doses were read from study-doses.csv" in reading.mapping.assumptions


@pytest.mark.parametrize(
    ("find", "replace", "message"),
    [
        ("P1,0", "P9,0", "study-doses.csv, row 2, column subject: this person has no answers in the study: 'P9'"),
        ("162", "-162", "row 2, column amount: this cannot be negative: -162.0"),
        ("162", "", "row 2, column amount: the amount is missing"),
        ("162", "a lot", "row 2, column amount: this is not a number: 'a lot'"),
        ("week", "wann", "row 1: no column says when"),
        ("amount", "dose", "row 1: a heading is missing: 'amount'"),
    ],
)
def test_mistakes_in_a_file_of_doses(tmp_path: Path, find: str, replace: str, message: str) -> None:
    (tmp_path / "study-doses.csv").write_text(DOSES.replace(find, replace, 1))
    with pytest.raises(InputError, match=message):
        read(tmp_path, STUDY)


def test_an_answer_sheet_without_a_person(tmp_path: Path) -> None:
    from abate.science import instruments

    fiqr = instruments.load("fiqr")
    (tmp_path / "one.csv").write_text("item,value\n" + "".join(f"{k},5\n" for k in range(1, 22)))
    one = readers.read(tmp_path / "one.csv", instrument=fiqr)
    assert instruments.score_table(one.tables.measurements, fiqr)[0].score.total == 50
    (tmp_path / "wide.csv").write_text("q1,q2\n5,6\n7,8\n")
    wide = readers.read(tmp_path / "wide.csv", instrument=fiqr)
    assert wide.tables.measurements[["subject", "item", "value"]].values.tolist()[2:] == [
        ["2", "fiqr/1", 7.0],
        ["2", "fiqr/2", 8.0],
    ]
    assert "each row is one person" in wide.mapping.assumptions[0]
