"""Allocation from a sealed half: nobody learns an arm who should not, and nothing can be changed unseen."""

import csv
import json
from pathlib import Path

import pytest

from abate.cli.main import main
from abate.design.allocate import allocate, export_minimisation, read_people
from abate.design.minimisation import Minimisation
from abate.design.randomisation import export, permuted_blocks, verify
from abate.ground.errors import InputError

RULE = Minimisation(("placebo", "drug"), {"sex": ("female", "male"), "site": ("x", "y", "z")}, probability=0.85)


def people(count: int) -> list[dict[str, str]]:
    sites = ("x", "y", "z")
    return [
        {"subject": f"P{k:03d}", "sex": "male" if k % 3 else "female", "site": sites[k * k % 7 % 3]}
        for k in range(count)
    ]


def test_a_minimised_trial_is_balanced_and_grows_without_changing_its_past(tmp_path: Path) -> None:
    export_minimisation(RULE, 120, tmp_path, seed=5)
    assert verify(tmp_path)
    first, whole = allocate(tmp_path, people(40)), allocate(tmp_path, people(120))
    assert whole[:40] == first
    arms = [one.arm for one in whole]
    assert abs(arms.count("drug") - arms.count("placebo")) <= 6
    assert max(RULE.imbalance(people(120), arms).values()) <= 6
    kits = [one.kit for one in whole]
    assert len(set(kits)) == 120


@pytest.mark.parametrize("method", ["minimisation", "blocks"])
def test_sites_see_kits_alone_and_no_seed(tmp_path: Path, method: str) -> None:
    if method == "minimisation":
        export_minimisation(RULE, 60, tmp_path, seed=987654321)
    else:
        strata = {"sex": ["female", "male"]}
        export(permuted_blocks({"placebo": 1, "drug": 1}, people=48, strata=strata, seed=987654321), tmp_path)
    open_texts = [p.read_text() for p in tmp_path.rglob("*") if p.is_file() and "sealed" not in p.parts]
    assert len(open_texts) == 2  # the sites' kits and the commitment
    for text in open_texts:
        assert "drug" not in text
        assert "placebo" not in text
        assert "987654321" not in text
    sealed = (tmp_path / "sealed" / "KEEP-SEALED.txt").read_text()
    assert ("987654321" in sealed) == (method == "blocks")


def test_kits_say_nothing_of_the_arm(tmp_path: Path) -> None:
    export_minimisation(RULE, 200, tmp_path, seed=3)
    kits = json.loads((tmp_path / "sealed" / "minimisation.json").read_text())["kits"]
    ranks = sorted((kit, arm) for arm, own in kits.items() for kit in own)
    places = [place for place, (_, arm) in enumerate(ranks) if arm == "drug"]
    n = len(ranks)
    # A rank sum of a random half: mean n^2 / 4 here, within three standard errors.
    error = (n / 2 * n / 2 * (n + 1) / 12) ** 0.5
    assert abs(sum(places) - n / 2 * (n - 1) / 2) < 3 * error


def test_a_changed_list_allocates_nobody(tmp_path: Path) -> None:
    export(permuted_blocks({"placebo": 1, "drug": 1}, people=12, seed=1), tmp_path)
    file = tmp_path / "sealed" / "allocation.csv"
    rows = file.read_text()
    found = allocate(tmp_path, [{"subject": "1"}, {"subject": "2"}])
    assert [one.stratum for one in found] == ["all", "all"]
    file.write_text(rows.replace("drug", "placebo", 1))
    with pytest.raises(InputError, match="not the one that was committed to"):
        allocate(tmp_path, [{"subject": "1"}])
    (tmp_path / "commitment.txt").unlink()
    with pytest.raises(InputError, match="commitment or its salt is missing"):
        allocate(tmp_path, [{"subject": "1"}])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"subject": "1", "sex": "femal"}], "no such stratum.*did you mean 'sex=female'"),
        ([{"subject": "1"}], "level of sex is needed"),
        ([{"subject": str(k), "sex": "male"} for k in range(9)], "list of sex=male is at its end"),
    ],
)
def test_people_who_do_not_fit_the_list(tmp_path: Path, rows: list[dict[str, str]], message: str) -> None:
    export(permuted_blocks({"a": 1, "b": 1}, people=16, strata={"sex": ["female", "male"]}, seed=1), tmp_path)
    with pytest.raises(InputError, match=message):
        allocate(tmp_path, rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\n1\n", "column 'subject' is needed"),
        ("subject\n1\n1\n", "row 3: this person came already, in row 2"),
        ("subject,sex\n,male\n", "row 2: nobody is named"),
    ],
)
def test_a_list_of_people_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_people(tmp_path / "p.csv")
    with pytest.raises(InputError, match="no such file"):
        read_people(tmp_path / "q.csv")
    with pytest.raises(InputError, match="no sealed list here"):
        allocate(tmp_path, [])


DESIGN = """
name: T-1
title: A against B
disease: polymyalgia rheumatica
control: {name: b, label: B}
treatment: {name: a, label: A}
endpoint: {name: remission, measure: remission, week: 12}
visits: {weeks: [0, 12]}
assume: {control: 0.2, treatment: 0.5}
randomisation: {method: minimisation, strata: {sex: [female, male], site: [x, y]}}
"""


def test_from_the_design_file_to_the_kits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "d.yaml").write_text(DESIGN)
    (tmp_path / "p.csv").write_text("subject,sex,site\nP1,female,x\nP2,male,y\nP3,female,y\n")
    lists = str(tmp_path / "d" / "randomisation")
    allocating = ["design", "--allocate", str(tmp_path / "p.csv"), "--lists", lists, "--out", str(tmp_path / "o")]
    for words in (["design", str(tmp_path / "d.yaml"), "--out", str(tmp_path / "d")], allocating):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert "3 people allocated" in out
    with (tmp_path / "o" / "sites" / "allocated.csv").open() as file:
        assert next(iter(csv.DictReader(file))).keys() == {"subject", "kit"}
    assert "arm" in (tmp_path / "o" / "sealed" / "allocated.csv").read_text().splitlines()[0]
    told = (tmp_path / "o" / "results.json").read_text() + (tmp_path / "o" / "report.html").read_text()
    assert '"arm"' not in told
    with pytest.raises(SystemExit) as stop:
        main(["design", "--allocate", str(tmp_path / "p.csv")])
    assert "people, lists and a folder" in capsys.readouterr().err
    (tmp_path / "d.yaml").write_text(DESIGN + "ratio: 2\n")
    with pytest.raises(SystemExit) as stop:
        main(["design", str(tmp_path / "d.yaml"), "--out", str(tmp_path / "e")])
    assert stop.value.code == 2
    assert "minimisation here keeps arms equal" in capsys.readouterr().err
    assert not (tmp_path / "e").exists()
