"""A patient's file."""

from __future__ import annotations

from datetime import date

import pytest

from abate.ground.errors import InputError
from abate.inference.patient import parse_patient, read_patient

HEAD = "day,time,kind,name,value,unit,route,every,until\n"


def test_dates_count_from_the_earliest_row():
    text = (
        "date,kind,name,value,unit,every,until\n"
        "2026-03-09,measurement,crp,62,mg/L,,\n2026-03-02,dose,prednisone,40,mg,1,2026-03-08\n"
    )
    patient = parse_patient(text)
    assert patient.start == date(2026, 3, 2)
    assert patient.measurements[0].time == 7
    assert [d.time for d in patient.doses] == pytest.approx([i + 8 / 24 for i in range(7)])


def test_infusions_have_the_usual_duration_and_times_of_day_are_kept():
    text = HEAD + "0,09:30,dose,tocilizumab,0.56,g,iv,,\n28,,measurement,drug-level,12,ug/mL,,,\n"
    dose = parse_patient(text).doses[0]
    assert dose.amount == pytest.approx(560)
    assert dose.duration == pytest.approx(1 / 24)
    assert dose.time == pytest.approx(9.5 / 24)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0,,drug,prednisone,40,mg,,,", "row 2, kind: no such kind: 'drug'; allowed: dose, measurement"),
        ("0,,dose,prednisome,40,mg,,,", "prednisome"),
        ("0,,dose,prednisone,forty,mg,,,", "row 2, value: not a number: 'forty'"),
        ("0,,dose,prednisone,40,,,,", "row 2, unit: the unit of a dose is missing"),
        ("0,,dose,prednisone,-4,mg,,,", "row 2, value: a dose is negative: -4.0"),
        ("0,,dose,sarilumab,200,mg,iv,,", "row 2, route: sarilumab is not given so: 'iv'"),
        ("9,,dose,prednisone,40,mg,,1,3", "row 2, until: the last day lies before the first"),
        ("9,,dose,prednisone,40,mg,,1,", "row 2, until: a repeated dose needs its last day"),
        ("9,8am,dose,prednisone,40,mg,,,", "row 2, time: not a time of day: '8am'"),
        ("-1,,measurement,crp,40,mg/L,,,", "row 2, day: a day before the start"),
        ("0,,measurement,crp,-3,mg/L,,,", "row 2, value: a measured value is negative"),
        ("0,,dose,prednisone,40,mg,,,", "there is no measurement"),
    ],
)
def test_wrong_rows_are_named(row, message):
    with pytest.raises(InputError, match=message):
        parse_patient(HEAD + row + "\n", where="p.csv")


def test_wrong_columns_are_named(tmp_path):
    with pytest.raises(InputError, match=r"no such column: 'vaule'.*did you mean 'value'"):
        parse_patient("day,kind,name,vaule\n")
    with pytest.raises(InputError, match="allowed: day, or date"):
        parse_patient("kind,name,value\n")
    with pytest.raises(InputError, match="there is no such file"):
        read_patient(tmp_path / "none.csv")
