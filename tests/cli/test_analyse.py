"""``abate analyse`` of a clinic's file with arms: one arm alone, arms side by side, an order of testing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from abate.cli.main import main

CHANGES = {"drug": (-4, -4, -3, -4), "care": (0, -1, 0, 1)}


@pytest.fixture
def series(tmp_path: Path) -> Path:
    rows = ["subject,arm,visit,measure,value"]
    for arm, changes in CHANGES.items():
        for person, (start, change) in enumerate(zip((8, 7, 9, 6), changes, strict=True)):
            for visit, value in (("week 0", start), ("week 12", start + change)):
                rows.append(f"{arm}{person},{arm},{visit},pain,{value}")
    file = tmp_path / "series.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit, match=r"\d") as stopped:
        main(["analyse", *words])
    said = capsys.readouterr()
    return int(str(stopped.value.code)), said.out, said.err


def results(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return found


def test_two_arms_without_events_are_told_apart(
    series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    code, said, _ = run(capsys, str(series), "--out", str(out))
    assert code == 0
    assert "Arms: care (4), drug (4)." in said
    assert "evidence only where people were put into them by chance" in " ".join(said.split())
    pair = results(out)["between_arms"]["measures"]["pain"]["visits"]["week-12"]["care-drug"]
    assert pair["median_change"] == {"drug": -4, "care": 0}
    # Every change on the drug lies below every other: 2 of the 70 ways to choose four of eight are as extreme.
    assert pair["p"] == pytest.approx(2 / 70, rel=1e-12)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Between the arms" in page


def test_one_arm_alone(series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(capsys, str(series), "--arm", "drug", "--out", str(out))[0] == 0
    found = results(out)
    assert found["study"]["n"] == 4
    assert "between_arms" not in found
    assert found["measures"]["pain"]["visits"]["week-12"]["estimate"] == -4


def test_an_order_of_testing(series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(capsys, str(series), "--order", "pain/week-12", "--out", str(out))[0] == 0
    found = results(out)
    change = found["measures"]["pain"]["visits"]["week-12"]
    assert change["p_hierarchical"] == change["p"]
    assert found["analysis"]["order"] == ["pain/week-12"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--arm", "drog"), "--arm: there is no such arm: 'drog'; allowed: care, drug; did you mean 'drug'?"),
        (("--order", "pain"), "--order: not a test: 'pain'; allowed: MEASURE/VISIT, as in fiqr/week-12"),
        (("--order", "pain/week-13"), "no such test: 'pain/week-13'; allowed: pain/week-12"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    series: Path, tmp_path: Path, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    code, _, error = run(capsys, str(series), *words, "--out", str(out))
    assert code == 2
    assert message in error
    assert not out.exists()
