"""``abate plan``: what it writes, what it refuses, and that nothing half-written stays."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from pypdf import PdfReader

from abate.cli.main import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "patient" / "patient.yaml"


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit, match=r"\d") as ended:
        main(["plan", *words])
    said = capsys.readouterr()
    return int(str(ended.value)), said.out, said.err


def test_plan_writes_everything_for_the_chosen_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("typst")
    out = tmp_path / "plan"
    words = ["--option", "guideline", "--option", "doctor", "--choose", "doctor", "--weeks", "30", "--people", "32"]
    code, told, _ = call(capsys, str(EXAMPLE), *words, "--explain", "--json", "--out", str(out))
    assert code == 0
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results == json.loads(told)
    assert results["kind"] == "plan"
    assert set(results["options"]) == {"guideline", "doctor"}
    assert results["basis"]["kind"] == "posterior"
    flare = results["options"]["guideline"]["flare"]["total"]
    assert {"estimate", "low", "high", "level", "n", "method", "events"} == set(flare)
    assert len(results["explanation"]["days"]) == 36
    names = {p.name for p in out.iterdir()}
    assert {"report.html", "schedule.csv", "calendar.ics", "plan.fhir.json", "handout.pdf", "letter.pdf"} <= names
    rows = list(csv.DictReader((out / "schedule.csv").read_text(encoding="utf-8").splitlines()))
    assert sum(float(r["mg"]) for r in rows) == results["schedule"]["total_mg"]
    handout = "\n".join(sheet.extract_text() for sheet in PdfReader(out / "handout.pdf").pages)
    weeks = {(row["week"], row["week_total_mg"]) for row in rows}
    lines = [line for line in handout.splitlines() if re.match(r"\d+ \w{3} \d{4} +\d", line)]
    assert [float(line.split()[-1]) for line in lines] == [
        float(mg) for _, mg in sorted(weeks, key=lambda w: int(w[0]))
    ]
    assert "Never stop prednisone at once" in handout
    letter = PdfReader(out / "letter.pdf").pages
    assert len(letter) == 1
    assert "prescription" in letter[0].extract_text()
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Flare, withdrawal or adrenals?" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_same_command_gives_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(EXAMPLE), "--option", "guideline", "--weeks", "12", "--people", "16", "--prior", "--json"]
    first, second = call(capsys, *words), call(capsys, *words)
    assert first == second
    assert json.loads(first[1])["basis"]["kind"] == "population prior"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody.yaml"], "nobody.yaml"),
        ([str(EXAMPLE), "--option", "guidline"], "did you mean 'guideline'"),
        ([str(EXAMPLE), "--choose", "nothing"], "there is no such option"),
        ([str(EXAMPLE), "--people", "20"], "a multiple of 16"),
        ([str(EXAMPLE), "--plan", "ten a day"], "not understood"),
        ([str(EXAMPLE), "--plan", "7 mg for 1 week, 1 mg for 4 weeks"], "cut abruptly"),
        ([], "no patient is named"),
        ([str(EXAMPLE), "--risk", "0.2"], "--risk: this belongs to --optimise"),
        ([str(EXAMPLE), "--may", "none"], "--may: this belongs to --optimise"),
        ([str(EXAMPLE), "--optimise", "--risk", "2", "--people", "16", "--prior", "--weeks", "8"], "not a chance: 2"),
    ],
)
def test_bad_input_is_one_line(words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "plan"
    code, told, error = call(capsys, *words, "--out", str(out))
    assert code == 2
    assert said in error
    assert error.count("\n") == 1
    assert not told
    assert not out.exists()


def test_a_patient_goes_from_one_kind_of_file_to_another_and_is_planned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("fhir.resources")
    bundle, table, again = (tmp_path / name for name in ("p.json", "p.csv", "p.yaml"))
    main_words = [(EXAMPLE, bundle), (bundle, table), (table, again)]
    for source, target in main_words:
        code, told, error = call(capsys, "--import", str(source), "--out", str(target))
        assert (code, error) == (0, "")
        assert "5 courses of drugs, 4 measurements and 10 days of a diary" in told
    code, _, error = call(capsys, "--import", str(table), "--out", str(again))
    assert code == 2
    assert "the file is there already" in error
    code, told, _ = call(capsys, "--import", str(bundle))
    assert code == 0
    assert told.startswith("format: 1")
    words = ["--option", "guideline", "--weeks", "8", "--people", "16", "--prior", "--json"]
    plain, other = (json.loads(call(capsys, str(path), *words)[1]) for path in (EXAMPLE, bundle))
    assert plain == other


def test_a_search_writes_its_front_and_the_found_plan_by_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("optuna")
    pytest.importorskip("typst")
    out = tmp_path / "plan"
    words = [
        "--optimise",
        "--risk",
        "0.4",
        "--trials",
        "8",
        "--may",
        "none",
        "--may",
        "tocilizumab 162 mg sc every week",
    ]
    words += ["--option", "guideline", "--weeks", "36", "--people", "16", "--prior"]
    code, told, _ = call(capsys, str(EXAMPLE), *words, "--out", str(out))
    assert code == 0
    assert "Written down by day: optimised" in told
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["chosen"] == "optimised"
    found = results["optimised"]
    assert found["risk"] == 0.4
    assert found["front"]
    assert set(results["options"]) == {"guideline", "optimised"}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "The least prednisone at that flare risk" in page
    rows = list(csv.DictReader((out / "schedule.csv").read_text(encoding="utf-8").splitlines()))
    assert float(rows[0]["mg"]) == 7
