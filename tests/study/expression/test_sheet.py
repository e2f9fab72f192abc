"""Sample sheets and their match with the counts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from abate.ground.errors import InputError
from abate.study.expression.counts import checked_counts
from abate.study.expression.sheet import match, read_sheet

TEXT = "sample,patient_id,condition,visit\na,1,patient,before\nb,1,patient,after\nc,2,control,before\n"


def counts(names: str) -> object:
    return checked_counts(pd.DataFrame({n: [1, 2] for n in names}, index=["x", "y"]), "counts.csv")


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    (tmp_path / "samples.csv").write_text(TEXT)
    return tmp_path / "samples.csv"


def test_columns_are_known_by_name_and_numbers_become_text(sheet: Path) -> None:
    read = read_sheet(sheet)
    assert read.column("subject").tolist() == ["1", "1", "2"]
    assert read.column("time").tolist() == ["before", "after", "before"]


def test_the_column_of_samples_is_the_one_that_the_counts_know(tmp_path: Path) -> None:
    (tmp_path / "s.tsv").write_text("id\tfile\tgroup\n1\ta\tx\n2\tb\ty\n")
    assert read_sheet(tmp_path / "s.tsv", ["a", "b"]).roles["sample"] == "file"


def test_a_column_can_be_named(sheet: Path) -> None:
    assert read_sheet(sheet, columns={"batch": "visit"}).roles["batch"] == "visit"
    with pytest.raises(
        InputError, match=r"--group: samples.csv has no such column: 'conditon'.*did you mean 'condition'"
    ):
        read_sheet(sheet, columns={"group": "conditon"})


def test_another_order_is_matched_by_name_and_said(sheet: Path) -> None:
    matched, read = match(counts("cab"), read_sheet(sheet))
    assert list(matched.table.columns) == ["a", "b", "c"]
    assert "matched by name" in read.notes[-1]
    _, same = match(counts("abc"), read_sheet(sheet))
    assert same.notes == ()


def test_samples_on_one_side_only(sheet: Path) -> None:
    with pytest.raises(InputError, match=r"samples.csv: 1 sample is not in counts.csv: 'c'; .*--only-shared"):
        match(counts("ab"), read_sheet(sheet))
    with pytest.raises(InputError, match=r"counts.csv: 2 samples are not in samples.csv: 'd, e'"):
        match(counts("abcde"), read_sheet(sheet))
    matched, read = match(counts("abd"), read_sheet(sheet), only_shared=True)
    assert list(matched.table.columns) == ["a", "b"]
    assert "left out, because on one side only: c, d" in read.notes


def test_a_sample_twice_a_gap_and_an_empty_sheet(tmp_path: Path, sheet: Path) -> None:
    sheet.write_text(TEXT + "a,3,control,before\n")
    with pytest.raises(InputError, match=r"a sample stands twice: 'a'"):
        read_sheet(sheet)
    sheet.write_text(TEXT + "d,3,,before\n")
    with pytest.raises(InputError, match=r"samples.csv, sample d, condition: the value is missing"):
        read_sheet(sheet).column("group")
    with pytest.raises(InputError, match=r"no column tells the batch.*name it with --batch COLUMN"):
        read_sheet(sheet).column("batch")
    sheet.write_text("sample,group\n")
    with pytest.raises(InputError, match=r"there are no samples in it"):
        read_sheet(sheet)


def test_geo_series_matrix(tmp_path: Path) -> None:
    (tmp_path / "series_matrix.txt").write_text(
        '!Series_title\t"neutrophils"\n!Sample_title\t"a"\t"b"\n!Sample_geo_accession\t"GSM1"\t"GSM2"\n'
        '!Sample_characteristics_ch1\t"disease: fibromyalgia"\t"disease: healthy"\n'
        '!Sample_characteristics_ch1\t"tissue: neutrophil"\t"tissue: neutrophil"\n'
        '!series_matrix_table_begin\n"ID_REF"\t"GSM1"\t"GSM2"\n!series_matrix_table_end\n'
    )
    by_title = read_sheet(tmp_path / "series_matrix.txt", ["a", "b"])
    assert by_title.table.index.tolist() == ["a", "b"]
    assert by_title.column("group").tolist() == ["fibromyalgia", "healthy"]
    assert read_sheet(tmp_path / "series_matrix.txt", ["GSM2", "GSM1"]).table.index.tolist() == ["GSM1", "GSM2"]


def test_names_of_samples_stay_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("# run 3\nsample,group,age\n001,None,40\n1E5,treated,50.5\n")
    read = read_sheet(tmp_path / "s.csv")
    assert list(read.table.index) == ["001", "1E5"]
    assert read.column("group").tolist() == ["None", "treated"]
    assert read.table["age"].tolist() == [40, 50.5]


def test_a_sheet_of_r_without_a_name_over_its_samples(tmp_path: Path) -> None:
    (tmp_path / "s.tsv").write_text("group\ttime\na\tx\tbefore\nb\ty\tbefore\n")
    read = read_sheet(tmp_path / "s.tsv", ["a", "b"])
    assert list(read.table.index) == ["a", "b"]
    assert read.column("group").tolist() == ["x", "y"]


def test_a_line_longer_than_the_header_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("sample,group\na,x\nb,y,z\n")
    with pytest.raises(InputError, match=r"s.csv, line of b: it has more cells than the header: 3; allowed: 2 at most"):
        read_sheet(tmp_path / "s.csv")
