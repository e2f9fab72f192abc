"""ADaM: the required variables with their names, types and lengths, and the same Study read back."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abate.ground.errors import InputError
from abate.study.adam import Adam, TimeParameter, paramcd, to_adam
from abate.study.adam_files import check, write
from abate.study.adam_variables import ADEFF, ADSL, ADTTE
from abate.study.readers import read
from abate.study.tables import StudyTables, conform, empty

START = date(2027, 3, 1)


@pytest.fixture
def tables() -> StudyTables:
    subjects = conform(
        "subjects",
        pd.DataFrame(
            {"subject": ["1", "2", "3"], "arm": ["a", "b", "a"], "sex": ["female", "male", ""], "age": [50, 61, 47]}
        ),
    )
    rows = [
        ("1", 0, 62.0),
        ("1", 28, 50.0),
        ("1", 84, 31.0),
        ("2", -7, 70.0),
        ("2", 0, 71.0),
        ("2", 84, 69.0),
        ("3", 0, 55.0),
    ]
    measurements = pd.DataFrame(rows, columns=["subject", "time", "value"]).assign(
        measure="fiqr", item="", unit="", censoring=""
    )
    measurements["visit"] = [f"week {time // 7}" for time in measurements["time"]]
    events = pd.DataFrame({"subject": ["2", "3"], "time": [40, 10], "event": ["flare", "withdrawal"], "detail": ""})
    return StudyTables(
        subjects, conform("measurements", measurements), empty("doses"), conform("events", events), empty("decisions")
    )


@pytest.fixture
def adam(tables: StudyTables) -> Adam:
    return to_adam(tables, study="FM-TCZ", start=START, labels={"a": "Tocilizumab", "b": "Placebo"})


REQUIRED = {
    "ADSL": ("STUDYID", "USUBJID", "ARM", "TRT01P", "TRT01A", "TRTSDT", "SAFFL", "ITTFL"),
    "ADEFF": ("PARAM", "PARAMCD", "AVAL", "BASE", "CHG", "ABLFL", "AVISIT", "AVISITN", "ADT", "ADY"),
    "ADTTE": ("PARAM", "PARAMCD", "AVAL", "CNSR", "STARTDT", "EVNTDESC", "ADT"),
}


def test_required_variables_types_and_lengths(adam: Adam) -> None:
    assert check(adam) == []
    for name, _, specification, frame in adam.items():
        assert set(REQUIRED[name]) <= set(frame.columns)
        for variable in specification:
            assert len(variable.name) <= 8
            assert len(variable.label) <= 40
            assert variable.length <= 200
            assert (variable.type == "Num") == (frame[variable.name].dtype != object)


def test_subjects(adam: Adam) -> None:
    assert adam.adsl["USUBJID"].tolist() == ["FM-TCZ-1", "FM-TCZ-2", "FM-TCZ-3"]
    assert adam.adsl["TRT01P"].tolist() == ["Tocilizumab", "Placebo", "Tocilizumab"]
    assert adam.adsl["SEX"].tolist() == ["F", "M", "U"]
    assert adam.adsl["EOSSTT"].tolist() == ["COMPLETED", "COMPLETED", "DISCONTINUED"]
    assert set(adam.adsl["SAFFL"]) == {"Y"}


def test_baseline_is_the_last_value_before_treatment(adam: Adam) -> None:
    two = adam.adeff[adam.adeff["SUBJID"] == "2"]
    assert two["ABLFL"].tolist() == ["", "Y", ""]
    assert set(two["BASE"]) == {71.0}
    assert two["CHG"].tolist()[-1] == -2.0
    assert np.isnan(two["CHG"].tolist()[1])
    assert two["PCHG"].tolist()[-1] == pytest.approx(100 * -2 / 71)


def test_there_is_no_day_zero(adam: Adam) -> None:
    two = adam.adeff[adam.adeff["SUBJID"] == "2"]
    assert two["ADY"].tolist() == [-7.0, 1.0, 85.0]
    assert two["ADT"].dt.date.tolist()[1] == START
    assert two["AVISITN"].tolist() == [-1.0, 0.0, 12.0]


def test_times_to_events(adam: Adam) -> None:
    times = adam.adtte.set_index("SUBJID")
    assert times.loc["2", "CNSR"] == 0
    assert times.loc["2", "AVAL"] == 41  # day 40 of the Study is day 41 of treatment
    assert times.loc["1", ["CNSR", "AVAL", "CNSDTDSC"]].tolist() == [1.0, 85.0, "Last observation"]
    assert times.loc["3", "CNSDTDSC"] == "Withdrawal"
    assert times.loc["3", "AVAL"] == 1  # last seen at baseline, before the withdrawal


@pytest.mark.parametrize("suffix", ["csv", "json", "xpt"])
def test_the_reader_gives_the_same_study_back(adam: Adam, tables: StudyTables, tmp_path: Path, suffix: str) -> None:
    if suffix == "xpt":
        pytest.importorskip("pyreadstat")
    write(adam, tmp_path)
    again = read(tmp_path / f"adeff.{suffix}").tables
    before = tables.measurements.assign(subject="FM-TCZ-" + tables.measurements["subject"])
    keys = ["subject", "time", "measure", "value"]
    expected = before[keys].sort_values(["subject", "time"]).reset_index(drop=True)
    found = again.measurements.assign(subject=_full(again.measurements["subject"]))
    found = found[keys].sort_values(["subject", "time"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected)
    assert again.subjects["arm"].tolist() == ["tocilizumab", "placebo", "tocilizumab"]


def _full(subjects: pd.Series) -> pd.Series:
    return subjects.map(lambda name: name if name.startswith("FM-TCZ-") else f"FM-TCZ-{name}")


def test_transport_files_hold_sas_dates_and_labels(adam: Adam, tmp_path: Path) -> None:
    pyreadstat = pytest.importorskip("pyreadstat")
    write(adam, tmp_path)
    frame, meta = pyreadstat.read_xport(str(tmp_path / "adsl.xpt"), disable_datetime_conversion=True)
    assert frame["TRTSDT"].iloc[0] == (START - date(1960, 1, 1)).days
    assert meta.column_names_to_labels["TRT01P"] == "Planned Treatment for Period 01"
    assert meta.table_name == "ADSL"


def test_define_describes_every_variable(adam: Adam, tmp_path: Path) -> None:
    write(adam, tmp_path)
    defined = json.loads((tmp_path / "define.json").read_text())
    assert [len(defined[name]["variables"]) for name in ("ADSL", "ADEFF", "ADTTE")] == [
        len(ADSL),
        len(ADEFF),
        len(ADTTE),
    ]


def test_what_does_not_keep_to_the_specification_is_not_written(adam: Adam, tmp_path: Path) -> None:
    wrong = Adam(adam.adsl.assign(SAFFL="YES"), adam.adeff, adam.adtte)
    assert check(wrong) == ["ADSL.SAFFL: 3 bytes do not fit in 1"]
    with pytest.raises(InputError, match="3 bytes do not fit in 1"):
        write(wrong, tmp_path)
    missing = Adam(adam.adsl, adam.adeff, adam.adtte.assign(CNSR=np.nan))
    assert check(missing) == ["ADTTE.CNSR: empty in 3 rows"]
    dates = Adam(adam.adsl.assign(TRTSDT="2027-03-01"), adam.adeff, adam.adtte)
    assert check(dates)[0].startswith("ADSL.TRTSDT: not dates")


def test_strata_of_the_randomisation_stand_in_every_dataset(tables: StudyTables) -> None:
    people = tables.subjects.assign(**{"disease phenotype": ["primary", "secondary", "primary"]})
    whole = StudyTables(people, tables.measurements, tables.doses, tables.events, tables.decisions)
    adam = to_adam(whole, study="S", start=START, factors=("disease phenotype", "sex"))
    # Somebody whose sex is not known has no stratum, which no trial that stratified by it may have.
    assert check(adam) == [
        f"{name}.STRAT2R: empty in {rows} rows" for name, rows in (("ADSL", 1), ("ADEFF", 1), ("ADTTE", 1))
    ]
    adam = to_adam(whole, study="S", start=START, factors=("disease phenotype",))
    assert check(adam) == []
    for _, _, specification, frame in adam.items():
        labels = {variable.name: variable.label for variable in specification}
        assert labels["STRATAR"] == "Strata Used for Randomization"
        assert labels["STRAT1D"] == "Description of Stratification Factor 1"
        assert labels["STRAT1R"] == "Strat Factor 1 Value Used for Rand"
        assert set(frame["STRAT1D"]) == {"disease phenotype"}
    assert adam.adsl["STRAT1R"].tolist() == ["primary", "secondary", "primary"]
    with pytest.raises(InputError, match=r"factor is not known.*site"):
        to_adam(whole, study="S", start=START, factors=("site",))


@pytest.mark.parametrize("suffix", ["csv", "json", "xpt"])
def test_strata_and_events_are_read_back(tables: StudyTables, tmp_path: Path, suffix: str) -> None:
    if suffix == "xpt":
        pytest.importorskip("pyreadstat")
    people = tables.subjects.assign(**{"disease phenotype": ["primary", "secondary", "primary"]})
    whole = StudyTables(people, tables.measurements, tables.doses, tables.events, tables.decisions)
    times = tuple(TimeParameter.first(event) for event in ("flare", "withdrawal"))
    write(to_adam(whole, study="S", start=START, times=times, factors=("disease phenotype",)), tmp_path)
    again = read(tmp_path / f"adeff.{suffix}")
    assert again.tables.subjects["disease-phenotype"].tolist() == ["primary", "secondary", "primary"]
    assert not {"strat1d", "strat1r", "stratar"} & set(again.tables.subjects.columns)
    found = again.tables.events[["subject", "time", "event"]].values.tolist()
    assert sorted(found) == [["S-2", 40.0, "flare"], ["S-3", 10.0, "withdrawal"]]
    assert f"events were read from adtte.{suffix}" in again.mapping.assumptions


def test_two_measures_never_share_a_code(tables: StudyTables) -> None:
    again = tables.measurements.assign(measure="fi-qr")
    doubled = StudyTables(
        tables.subjects, pd.concat([tables.measurements, again]), tables.doses, tables.events, tables.decisions
    )
    with pytest.raises(InputError, match="one PARAMCD"):
        to_adam(doubled, study="S", start=START)


def test_other_times_to_events(tables: StudyTables) -> None:
    leaving = TimeParameter("TTWD", "Time to Withdrawal (days)", ("withdrawal",), ())
    found = to_adam(tables, study="S", start=START, times=(leaving,)).adtte
    assert found["CNSR"].tolist() == [1.0, 1.0, 0.0]


def test_codes_are_short() -> None:
    assert paramcd("fiqr", "fiqr/21") == "FIQR21"
    assert paramcd("wpi", "wpi/jaw-left") == "WPJAWLEF"
    assert len(paramcd("an-endless-name-of-a-measure")) == 8
