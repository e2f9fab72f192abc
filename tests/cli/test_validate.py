"""``abate validate``: modes, options that do not go together, and what is written."""

import json
from pathlib import Path

import pytest

from abate.cli.main import main


def run(*words: str) -> int:
    try:
        main(["validate", *words])
    except SystemExit as stopped:
        return int(stopped.code or 0)
    raise AssertionError("a command ends with an exit code")


def test_one_subsystem_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("receptor", "--quick", "--out", str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert "judged figures inside" in shown
    assert "A quick slice" in shown
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert found["kind"] == "validation"
    assert {"target", "source", "grade", "published", "predicted", "low", "high", "inside", "calibrated"} <= set(
        found["scoreboard"][0]
    )
    assert "For research" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_trial_of_ones_own_with_a_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        """
name: own
title: "Sarilumab, an odd taper"
disease: gca
weeks: 4
visits: every 2 weeks
measures: [symptom-score, crp, esr, il6, drug-level, morning-cortisol]
population: gca
policy: giacta
entry:
  prednisone: {mg: [17.5], source: made up, grade: assumed}
arms:
  one: {label: One, patients: 8, drugs: [sarilumab 150 mg sc every week], taper: seven-week}
endpoints: [cumulative-glucocorticoid-mg]
published:
  - target: mg
    arm: one
    endpoint: cumulative-glucocorticoid-mg
    value: 400
    unit: mg
    n: 8
    source: made up
    grade: verified
    calibrated: false
""",
        encoding="utf-8",
    )
    assert run(str(own), "--replicates", "2", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["scoreboard"]
    assert row["published"] == 400
    assert row["low"] <= row["predicted"] <= row["high"]


def test_a_forecast_is_written_with_its_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--set", "weeks=4", "--set", "arms.prednisone.patients=8"]
    assert run("gca-basel", "--forecast", "--replicates", "2", *sizes, "--out", str(tmp_path)) == 0
    capsys.readouterr()
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert found["kind"] == "forecast"
    assert "gca-basel" in found["forecasts"]
    assert found["recorded"] in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_local_sensitivity_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "giacta",
        "--sensitivity",
        "--method",
        "local",
        "--patients",
        "4",
        "--arm",
        "placebo-26",
        "--set",
        "weeks=4",
    ]
    assert run(*words, "--out", str(tmp_path)) == 0
    assert "change for one SD" in capsys.readouterr().out
    assert (tmp_path / "figures" / "placebo-26-flare-risk-tornado.svg").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--forecast", "--sensitivity"], "does not go with --forecast"),
        (["--weight", ">=100 kg"], "needs a dose"),
        (["giacta", "--dose", "162 mg sc every week"], "only pharmacokinetics takes a dose"),
        (["adrenall"], "did you mean 'adrenal'"),
        (["saphyr"], "no published figures to compare with"),
        (["tenor", "--forecast"], "nothing is left to forecast"),
        (["nobody", "--forecast"], "there is no such trial"),
        (["adrenal", "--set", "kap=0.3"], "needs a trial or a dose"),
        (["--replicates", "1"], "too few for an interval"),
        (["--patients", "0"], "too few"),
        (["giacta", "--sensitivity", "--method", "morris"], "there is no such method"),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert "\n" not in said
