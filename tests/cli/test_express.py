"""`abate express`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from abate.cli.main import main
from abate.study.expression.simulate import simulate_counts


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    data = simulate_counts(300, changed=20, design="before vs after", patients=3, effect=3.0)
    data.counts.to_csv(folder / "counts.csv")
    data.samples.to_csv(folder / "samples.csv")
    moved = data.truth.index[data.truth["changed"]]
    (folder / "sets.gmt").write_text("moved\t-\t" + "\t".join(moved) + "\n")
    return folder


def run(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["express", *map(str, words)])
    return int(ended.value.code or 0)


def test_it_says_the_design_first_and_then_the_finding(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(study / "counts.csv", study / "samples.csv", "--no-power") == 0
    said = capsys.readouterr().out
    places = [
        said.index(part)
        for part in ("contrast    after vs before", "reference   before", "genes differ", "Second opinion")
    ]
    assert places == sorted(places)
    assert "carried by 3 pairs" in said
    assert "not a prescription" in said


def test_json_alone_on_stdout(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(study / "counts.csv", study / "samples.csv", "--json", "--no-power", "--gene-sets", study / "sets.gmt") == 0
    )
    out, err = capsys.readouterr()
    results = json.loads(out)
    assert results["kind"] == "expression"
    assert results["design"]["contrast"] == "after vs before"
    assert results["gene_sets"][0]["p"] < 0.05
    assert "contrast    after vs before" in err


def test_the_folder_is_whole_and_is_replaced(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for options in (["--no-power"], ["--gene-sets", study / "sets.gmt"]):
        assert run(study / "counts.csv", study / "samples.csv", "--out", out, *options) == 0
    there = {p.name for p in out.iterdir()}
    assert {"genes.csv", "genes.parquet", "results.json", "report.html", "expression.h5ad", "gene-sets.csv"} <= there
    columns = ["gene", "base_mean", "log2_fold_change", "se", "statistic", "p", "p_adjusted"]
    assert list(pd.read_csv(out / "genes.csv").columns) == columns
    assert "http://" not in (out / "report.html").read_text().replace("http://www.w3.org", "")


def test_a_likelihood_ratio_says_what_is_left_out(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--design", "~ subject + time", "--test", "lrt", "--reduced", "~ subject", "--no-power", "--no-limma"]
    assert run(study / "counts.csv", study / "samples.csv", *options, "--json") == 0
    out, err = capsys.readouterr()
    results = json.loads(out)
    assert results["test"] == {
        "method": "likelihood ratio, without time[T.after]",
        "df": 1,
        "left_out": ["time[T.after]"],
    }
    assert results["limma"] is None
    assert results["power"] is None
    assert "test        likelihood ratio, without time[T.after]" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--design", "befor vs after"], "abate: --design: there is no such design: 'befor vs after'"),
        (["--design", "~ batch + tiem"], "samples.csv has no such column: 'tiem'"),
        (["--test", "lr"], "--test: there is no such test: 'lr'; allowed: wald, lrt"),
        (["--reduced", "~ subject"], "--reduced: a smaller model belongs to the likelihood-ratio test"),
        (["--contrast", "later vs before"], "--contrast: time has no such level: 'later'; allowed: after, before"),
        (["--group", "nothing"], "--group: samples.csv has no such column: 'nothing'"),
        (["--alpha", "0"], "--alpha: not a level: 0.0"),
        (["--gene-sets", "nowhere.gmt"], "nowhere.gmt: there is no such file"),
    ],
)
def test_what_is_wrong_is_one_line(
    study: Path, tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(study / "counts.csv", study / "samples.csv", *options, "--out", tmp_path / "out") == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_tpm_are_refused_with_the_hint(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = pd.read_csv(study / "counts.csv", index_col=0)
    (counts / counts.sum() * 1e6).to_csv(tmp_path / "tpm.csv")
    assert run(tmp_path / "tpm.csv", study / "samples.csv") == 2
    assert "these are TPM" in capsys.readouterr().err


def test_two_subjects_are_a_hypothesis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = simulate_counts(150, changed=10, patients=2, controls=2)
    data.counts.T.to_csv(tmp_path / "counts.tsv", sep="\t")
    data.samples.iloc[::-1].to_csv(tmp_path / "samples.csv")
    assert run(tmp_path / "counts.tsv", tmp_path / "samples.csv", "--no-power", "--out", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "it is a hypothesis, and no gene is claimed" in said
    assert "was turned" in said
    assert "matched by name" in said
    assert pd.read_csv(tmp_path / "out" / "genes.csv")["p_adjusted"].isna().all()
    assert "Hypothesis" in (tmp_path / "out" / "report.html").read_text()


EXAMPLE = Path(__file__).parents[2] / "examples" / "expression"


def test_the_example_is_what_its_script_makes(tmp_path: Path) -> None:
    exec(compile((EXAMPLE / "make_counts.py").read_text(), "make_counts.py", "exec"), space := {"__name__": "made"})
    space["make"](tmp_path)
    for name in ("counts.csv", "samples.csv", "sets.gmt"):
        assert (tmp_path / name).read_text() == (EXAMPLE / name).read_text()


@pytest.mark.parametrize(
    ("design", "said"),
    [
        ("patients vs controls", "3 subjects (patient) and 4 subjects (control)"),
        ("before vs after", "carried by 3 pairs"),
    ],
)
def test_the_example_runs(design: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(EXAMPLE / "counts.csv", EXAMPLE / "samples.csv", "--design", design, "--no-power") == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "two designs fit it"),
        (["--design", "both"], "changes cannot be compared between groups"),
    ],
)
def test_the_example_without_a_design_and_with_one_that_does_not_fit(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(EXAMPLE / "counts.csv", EXAMPLE / "samples.csv", *options) == 2
    assert said in capsys.readouterr().err
