"""The example series: the same tables from every kind of file, and the summary that the paper verifiably reports."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from abate.science import instruments
from abate.study import readers

SERIES = Path(__file__).parents[3] / "examples" / "fibromyalgia-series"
FILES = {
    "series.csv": ("csv", "long"),
    "series-wide.csv": ("csv", "wide"),
    "series.xlsx": ("excel", "wide"),
    "series.sav": ("spss", "wide"),
    "series-redcap.csv": ("redcap", "wide"),
    "series-adam.xpt": ("adam", "long"),
    "series-adam.json": ("adam", "long"),
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_kind_of_file_gives_the_same_tables(name: str) -> None:
    first, other = readers.read(SERIES / "series.csv"), readers.read(SERIES / name)
    for table in ("subjects", "measurements", "doses", "events", "decisions"):
        pd.testing.assert_frame_equal(getattr(other.tables, table), getattr(first.tables, table), check_exact=True)
    assert (other.mapping.format, other.mapping.shape) == FILES[name]
    assert other.mapping.unmapped == ()
    assert other.mapping.questions == ()
    assert dict(other.mapping.counts) == {"people": 6, "visits": 18, "values": len(first.tables.measurements)}


def test_a_stata_file_gives_the_same_tables(tmp_path: Path) -> None:
    import pyreadstat

    frame, _ = pyreadstat.read_sav(str(SERIES / "series.sav"))
    pyreadstat.write_dta(frame, str(tmp_path / "series.dta"))
    first, other = readers.read(SERIES / "series.csv"), readers.read(tmp_path / "series.dta")
    pd.testing.assert_frame_equal(other.tables.measurements, first.tables.measurements, check_exact=True)
    assert other.mapping.format == "stata"


def test_the_mapping_written_down_reads_the_same_again(tmp_path: Path) -> None:
    for name in ("series.csv", "series-wide.csv"):
        first = readers.read(SERIES / name)
        (tmp_path / "map.toml").write_text(first.mapping.as_toml())
        again = readers.read(SERIES / name, mapping=tmp_path / "map.toml")
        pd.testing.assert_frame_equal(again.tables.measurements, first.tables.measurements, check_exact=True)
        pd.testing.assert_frame_equal(again.tables.subjects, first.tables.subjects, check_exact=True)


def test_the_files_are_what_the_script_writes(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_series", SERIES / "make_series.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.HERE = tmp_path
    script.main()
    for name in FILES:
        if name.endswith((".csv", ".json")):
            assert (tmp_path / name).read_text() == (SERIES / name).read_text(), name


def scores(name: str, key: str = "total") -> dict[str, list[float | None]]:
    out: dict[str, list[float | None]] = {}
    for visit in instruments.score_table(readers.read(SERIES / "series.csv").tables.measurements, name):
        value = visit.score.total if key == "total" else visit.changes[key]
        out.setdefault(visit.subject, []).append(value)
    return out


def test_two_primary_and_four_secondary() -> None:
    groups = readers.read(SERIES / "series.csv").tables.subjects["group"]
    assert groups.value_counts().to_dict() == {"secondary": 4, "primary": 2}


@pytest.mark.parametrize("name", ["fiqr", "fibromyalgia-2016"])
def test_fiqr_and_fibromyalgianess_fall_in_everyone(name: str) -> None:
    totals = scores(name)
    assert len(totals) == 6
    for week_0, week_4, week_12 in totals.values():
        assert week_0 is not None
        assert week_4 is not None
        assert week_12 is not None
        assert week_4 < week_0
        assert week_12 < week_0


def test_responders_are_those_of_the_paper() -> None:
    moderate = scores("pain", "moderate-30-percent").values()
    assert sum(bool(visits[1]) for visits in moderate) == 4
    assert sum(bool(visits[2]) for visits in moderate) == 3


def test_everyone_meets_the_criteria_at_baseline() -> None:
    measurements = readers.read(SERIES / "series.csv").tables.measurements
    baseline = [v for v in instruments.score_table(measurements, "fibromyalgia-2016") if v.time == 0]
    assert [v.score.criteria["criteria-met"] for v in baseline] == [True] * 6


def test_the_readme_says_that_nobody_lived() -> None:
    assert "Nobody in these files ever lived" in (SERIES / "README.md").read_text()
