"""The command line: one clear line and exit code 2 for bad input, pure JSON on stdout, nothing left behind."""

import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

from abate.cli.main import main


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:  # noqa: PT012
        main(arguments)
        pytest.fail("main returns by SystemExit")
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simulat"], "did you mean 'simulate'?"),
        (["simulate", "giactaa"], "did you mean 'giacta'?"),
        (["simulate", "giacta", "--patients", "0"], "an arm needs patients: 0"),
        (["simulate", "giacta", "--patients", "many"], "many"),
        (["simulate", "giacta", "--seed", "-1"], "-1"),
        (["simulate", "giacta", "--set", "tocilizumab.CLL=1"], r"did you mean 'tocilizumab.CL'?"),
        (["simulate", "giacta", "--set", "tocilizumab.CL"], "KEY=VALUE"),
        (["simulate", "giacta", "--set", "weeks=2", "--set", "weeks=3"], "the key is set twice"),
        (["simulate", "giacta", "--resume"], "there is no interrupted run"),
        (["simulate", "none.yaml"], "there is no such trial"),
        (["analyse", "none"], "none"),
        (["library", "giacta-27"], "the library has no such entry: 'giacta-27'"),
        (["validate", "pharmacokinetic"], "did you mean 'pharmacokinetics'?"),
        (["validate", "pharmacokinetics", "--dose", "4 mgg iv every 4 weeks"], "mgg"),
        (
            ["validate", "pharmacokinetics", "--dose", "4 mg/kg iv every 4 weeks", "--weight", ">=100"],
            "unit is missing",
        ),
        (["validate", "giacta", "--dose", "4 mg/kg iv every 4 weeks"], "only pharmacokinetics takes a dose"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(arguments, capsys)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_simulate_and_analyse_speak_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study, report = str(tmp_path / "s"), tmp_path / "r"
    code, out, _ = run(["simulate", "giacta", "--patients", "6", "--set", "weeks=8", "--json", "--out", study], capsys)
    assert code == 0
    assert json.loads(out)["arms"]["placebo-26"] == 6
    code, out, _ = run(["analyse", study, "--json", "--out", str(report)], capsys)
    assert code == 0
    printed = json.loads(out)
    assert printed == json.loads((report / "results.json").read_text())
    endpoint = printed["arms"]["placebo-26"]["endpoints"]["patients-with-a-flare"]
    assert {"estimate", "low", "high", "level", "n", "method", "events"} <= set(endpoint)
    assert "Kaplan" in (report / "report.html").read_text()


def test_exposure_speaks_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["validate", "pharmacokinetics", "--dose", "4 mg/kg iv every 4 weeks", "--patients", "20", "--json"]
    code, out, _ = run(arguments, capsys)
    assert code == 0
    assert set(json.loads(out)["exposure"]["cmax"]) >= {"mean", "sd", "unit", "accumulation"}


def test_library_prints_a_file_to_start_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = run(["library", "giacta", "--yaml"], capsys)
    (tmp_path / "mine.yaml").write_text(text)
    options = ["--patients", "2", "--set", "weeks=2", "--out", str(tmp_path / "s")]
    code, _, err = run(["simulate", str(tmp_path / "mine.yaml"), *options], capsys)
    assert code == 0, err
    _, out, _ = run(["library", "giacta-26", "--json"], capsys)
    assert json.loads(out)["entry"]["total_mg"] == 2632.0


def test_library_shows_a_taper_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(["library", "giacta-26"], capsys)
    lines = [line.split() for line in out.splitlines()]
    assert ["49", "55", "7", "15", "15", "25", "105"] in lines  # days, length, mg, doses, per cent lower, total
    _, out, _ = run(["library", "five-week"], capsys)
    assert "…" not in out  # nothing is cut off


def test_library_warns_of_numbers_without_a_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.ant").write_text("model m()\n  substanceOnly species x;\n  J: x -> ; k*x;\n  x = 1; k = 0.5;\nend\n")
    code, out, err = run(["library", str(tmp_path / "m.ant")], capsys)
    assert code == 0
    assert err.splitlines() == ["abate: warning: m: k has no source and no unit"]
    assert "warning" not in out


def test_library_lines_up_its_titles(capsys: pytest.CaptureFixture[str]) -> None:
    from abate.report.entry import shelf

    _, out, _ = run(["library"], capsys)
    lines = [line for line in out.splitlines() if line.startswith("  ")]
    starts = {line.index(entry.title) for line, entry in zip(lines, shelf(), strict=True)}
    assert len(starts) == 1


def test_a_seed_is_one_that_a_study_can_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(["simulate", "giacta", "--seed", str(2**63), "--out", str(tmp_path / "s")], capsys)
    assert code == 2
    assert "'--seed'" in err
    assert not list(tmp_path.iterdir())


def test_the_name_of_a_trial_is_no_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    _, text, _ = run(["library", "giacta", "--yaml"], capsys)
    Path("t.yaml").write_text(text.replace("name: giacta", "name: ../Elsewhere", 1))
    code, _, err = run(["simulate", "t.yaml", "--patients", "1", "--set", "weeks=2"], capsys)
    assert code == 0, err
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]
    assert Path("elsewhere", "study.toml").exists()


def test_every_entry_of_the_library_has_a_title_that_says_more_than_its_name() -> None:
    from abate.report.entry import find, shelf

    entries = shelf()
    assert not [e.name for e in entries if e.title in (e.name, e.name.split("/")[0]) or len(e.title) < 8]
    assert {e.name for e in entries if e.kind == "tablets"} == {"delayed-release", "uk", "uk-enteric", "us"}
    assert find("uk").content()["tablets"][0]["mg"] == 1.0


EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize(
    ("arguments", "package", "extra"),
    [
        (["simulate", "giacta", "--cluster", "local", "--out", "o"], "distributed", "cluster"),
        (["analyse", str(EXAMPLES / "fibromyalgia-series" / "series.csv"), "--pdf", "--out", "o"], "typst", "pdf"),
        (["plan", str(EXAMPLES / "patient" / "patient.yaml"), "--out", "o"], "icalendar", "clinic"),
        (["plan", str(EXAMPLES / "patient" / "patient.yaml"), "--optimise"], "optuna", "planner"),
        (["serve"], "nicegui", "web"),
    ],
)
def test_a_missing_extra_is_named_before_anybody_waits(
    arguments: list[str],
    package: str,
    extra: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(*_: object, **__: object) -> None:
        pytest.fail("it began to work")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr("abate.planner.people.people_like", work)
    monkeypatch.setattr(import_module("abate.trial.simulate"), "simulate", work)
    monkeypatch.setattr("abate.study.readers.read", work)
    code, out, err = run(arguments, capsys)
    assert (code, out) == (2, "")
    assert f"pip install 'abate[{extra}]'" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_tells_extras_cache_and_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ABATE_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "optuna", None)
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "a.o").write_bytes(b"0" * 2_000_000)
    code, out, _ = run(["doctor", "--json"], capsys)
    told = json.loads(out)
    assert code == 0
    assert told["extras"]["planner"] is False
    assert told["extras"]["readers"] is True
    assert told["cache"] == {"folder": str(tmp_path / "kernels"), "files": 1, "megabytes": 2.0}
    code, out, _ = run(["doctor"], capsys)
    assert "search for a taper" in out
    assert "pip install 'abate[planner]'" in out
