"""The Study folder: what is written is what is read, and what is wrong is said."""

import tomllib
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from abate.ground.errors import InputError
from abate.study.store import Study, is_study, toml_text, write
from abate.study.tables import COLUMNS, conform, empty

META = {
    "name": 'a "quoted" name',
    "source": "observed",
    "arms": ["a", "b"],
    "provenance": {"seed": 1, "hash": {"x": "y"}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    subjects = pd.DataFrame({"subject": [1, 2], "arm": ["a", "b"], "phenotype": ["primary", "secondary"]})
    events = pd.DataFrame({"subject": [1], "time": [3], "event": ["flare"], "detail": [None]})
    write(tmp_path / "s", META, {"subjects": subjects, "events": events})
    return tmp_path / "s"


def test_round_trip(folder: Path) -> None:
    study = Study(folder)
    assert study.meta == META
    assert study.subjects["subject"].tolist() == ["1", "2"]
    assert study.subjects["phenotype"].tolist() == ["primary", "secondary"]
    assert study.events.to_dict("records") == [{"subject": "1", "time": 3.0, "event": "flare", "detail": ""}]
    assert study.measurements.empty


def test_a_zip_is_read_like_a_folder(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"s/{file.name}")
    assert Study(tmp_path / "s.zip").events.equals(Study(folder).events)


def test_an_archive_that_points_outside_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("study.toml", "")
        archive.writestr("../evil", "x")
    with pytest.raises(InputError, match="points outside"):
        Study(tmp_path / "s.zip")


def test_the_same_study_is_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "again", META, {"subjects": Study(folder).subjects, "events": Study(folder).events})
    for file in folder.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_errors_are_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="there is no such Study"):
        Study(tmp_path / "none")
    with pytest.raises(InputError, match="this is not a Study"):
        Study(tmp_path)
    (folder / "doses.parquet").write_text("not parquet")
    with pytest.raises(InputError, match=r"doses\.parquet: this is not a Parquet table"):
        _ = Study(folder).doses
    with pytest.raises(InputError, match="columns are missing: 'time'"):
        conform("events", pd.DataFrame({"subject": [1], "event": ["x"], "detail": [""]}))
    with pytest.raises(InputError, match="column time: not a number"):
        conform("events", pd.DataFrame({"subject": [1], "time": ["soon"], "event": ["x"], "detail": [""]}))


@pytest.mark.parametrize("table", COLUMNS)
def test_empty_tables_conform(table: str) -> None:
    assert conform(table, empty(table)).empty


def test_toml_text_is_toml() -> None:
    assert tomllib.loads(toml_text(META)) == META


def test_a_damaged_zip_is_no_study(folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("study.toml", "")
    data = whole.read_bytes()
    place = data.rindex(b"PK\x01\x02")
    for number, damage in enumerate((b"XK\x01\x02", b"PK\x01\x02\x14\x03\x78\x00")):
        bad = tmp_path / f"{number}.zip"
        bad.write_bytes(data[:place] + damage + data[place + len(damage) :])
        assert not is_study(bad)
