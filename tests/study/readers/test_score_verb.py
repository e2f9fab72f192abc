"""``abate score`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from abate.cli.main import main

SERIES = Path(__file__).parents[3] / "examples" / "fibromyalgia-series"


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit, match=r"\d") as caught:
        main([str(argument) for argument in arguments])
    return int(str(caught.value.code))


def test_results_hold_every_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("score", "fiqr", SERIES / "series.csv", "--out", tmp_path / "out") == 0
    assert "salaffi-2018" in capsys.readouterr().out
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    rows = results["scores"]["fiqr"]
    assert (results["kind"], len(rows)) == ("scores", 18)
    gone = next(row for row in rows if row["missing"])
    assert (gone["subject"], gone["visit"], gone["missing"]) == ("F04", "week 12", ["fiqr/4"])
    assert gone["rule"] == "strict: function prorated: sum * 9 / 8 answered"
    assert {band["name"] for band in gone["bands"]} == {"salaffi-2018", "salaffi-2021"}
    assert (tmp_path / "out" / "scores.csv").read_text().startswith("subject,time,visit,score,value\n")


def test_json_is_the_same_for_every_kind_of_file(capsys: pytest.CaptureFixture[str]) -> None:
    seen = []
    for name in ("series.csv", "series.xlsx", "series-redcap.csv", "series-adam.xpt", "series.sav"):
        assert run("score", "fibromyalgia-2016", SERIES / name, "--json") == 0
        results = json.loads(capsys.readouterr().out)
        del results["source"]
        seen.append(json.dumps(results))
    assert set(seen) == {seen[0]}


def test_prorating_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sheet.csv"
    file.write_text("subject,visit,measure,value\n" + "".join(f"P1,week 0,fiqr/{k},5\n" for k in range(1, 21)))
    totals = []
    for policy in ("strict", "prorate"):
        assert run("score", "fiqr", file, "--policy", policy, "--json") == 0
        totals.append(json.loads(capsys.readouterr().out)["scores"]["fiqr"][0]["total"])
    assert totals == [None, 50.0]


def test_own_wording_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wording.toml").write_text('[items]\n"fiqr/4" = "our own words"\n')
    assert run("score", "fiqr", SERIES / "series.csv", "--wording", tmp_path / "wording.toml") == 0
    assert "missing fiqr/4 (our own words)" in capsys.readouterr().out


OWN = """
name = "grip"
version = "1"
title = "Two questions of a clinic"
about = "made up"
direction = "higher-is-worse"
wording = "the clinic's own"
total = "total"
items_source = "clinic"
items_grade = "assumed"
sources.clinic.citation = "a clinic"
[[items]]
id = "grip-pain"
label = "pain on gripping"
low = 0
high = 10
[[items]]
id = "grip/2"
label = "pain on turning"
low = 0
high = 10
[[scores]]
name = "total"
operation = "sum"
of = ["grip-pain", "grip/2"]
source = "clinic"
grade = "assumed"
"""


@pytest.mark.parametrize(
    "text",
    ["id,visit,measure,value\nP1,week 0,grip pain,3\nP1,week 0,grip/2,4\n", "id,week,grip pain,grip_2\nP1,0,3,4\n"],
)
def test_an_instrument_of_ones_own(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "grip.toml").write_text(OWN)
    (tmp_path / "answers.csv").write_text(text)
    assert run("score", tmp_path / "grip.toml", tmp_path / "answers.csv", "--json") == 0
    written = capsys.readouterr()
    assert json.loads(written.out)["scores"]["grip"][0]["total"] == 7
    assert written.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fiqrr", "series.csv"), "did you mean 'fiqr'"),
        (("haq-di", "series.csv"), "no answers to haq-di were found; it holds"),
        (("fiqr", "series.csv", "--policy", "guess"), "allowed: strict, prorate"),
        (("fiqr", "nothing.csv"), "there is no such file"),
    ],
)
def test_mistakes_are_one_line(arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, file, *rest = arguments
    assert run("score", name, SERIES / file, *rest) == 2
    written = capsys.readouterr().err
    assert message in written
    assert written.count("\n") == 1


def test_nothing_is_left_behind_after_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "sheet.csv"
    file.write_text("subject,visit,measure,value\nP1,week 0,fiqr/1,11\n")
    assert run("score", "fiqr", file, "--out", tmp_path / "out") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.csv"]
