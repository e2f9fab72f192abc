"""``abate plan``: what it writes, what it refuses, and that nothing half-written stays."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

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
    assert (out / "handout.pdf").read_bytes().startswith(b"%PDF")
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
