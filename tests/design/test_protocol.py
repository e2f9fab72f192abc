"""One design file, and everything a protocol needs from it."""

import csv
import json
from pathlib import Path

import pytest

from abate.cli.main import main
from abate.design.analysis.planned import analyse_as_planned
from abate.design.plan import plan
from abate.design.protocol.consort import consort
from abate.design.protocol.file import DesignFile, load_design
from abate.design.protocol.sample_size import paragraph
from abate.design.protocol.sap import sap
from abate.design.protocol.spirit import ITEMS, spirit
from abate.design.protocol.visits import schedule_rows
from abate.design.protocol.write import allocation_for, write_protocol
from abate.design.randomisation import verify
from abate.design.request import request
from abate.ground.errors import InputError
from abate.study.readers import read
from abate.study.store import Study

EXAMPLE = Path(__file__).parents[2] / "examples" / "design" / "fibromyalgia.yaml"

SHORT = """
name: T-1
title: A against B
disease: polymyalgia rheumatica
control: {name: b, label: B}
treatment: {name: a, label: A}
endpoint: {name: remission, measure: remission, week: 12}
visits: {weeks: [0, 12], procedures: {bloods: [0], questionnaire: }}
assume: {control: 0.2, treatment: 0.5, source: a trial, grade: assumed}
dropout: 0.1
"""


def short(tmp_path: Path, text: str = SHORT) -> DesignFile:
    path = tmp_path / "design.yaml"
    path.write_text(text)
    return load_design(path)


def test_the_protocol_has_every_item_of_spirit(tmp_path: Path) -> None:
    design = short(tmp_path)
    text = spirit(design, plan(design.request))
    for number, title, _ in ITEMS:
        assert f"## {number}. {title}" in text
    assert len(ITEMS) == 33
    assert "stops or lowers it abruptly" in text
    assert "To be written: registry" in text


def test_sizes_in_the_words_are_those_of_the_plan(tmp_path: Path) -> None:
    design = short(tmp_path)
    made = plan(design.request)
    control, treatment = made.randomised
    words = paragraph(made)
    assert f"{made.total} people are to be analysed" in words
    assert f"{control + treatment} people are randomised: {control} to control" in words
    for text in (spirit(design, made), sap(design, made)):
        assert words in text


def test_the_analysis_plan_names_estimands_and_missing_data(tmp_path: Path) -> None:
    design = short(tmp_path)
    text = sap(design, plan(design.request))
    assert "Treatment policy" in text
    assert "Hypothetical for rescue" in text
    assert "jump to reference" in text
    assert "tipping point" in text


def test_block_sizes_stay_out_of_the_protocol(tmp_path: Path) -> None:
    design = load_design(EXAMPLE)
    text = spirit(design, plan(request(control=0.25, treatment=0.4)))
    assert "4" not in text.split("Sequence (16a).")[1].split("**Concealment")[0]
    assert "blocks of varying size, stratified by phenotype" in text


def test_visits(tmp_path: Path) -> None:
    heading, rows = schedule_rows(short(tmp_path))
    assert heading == ["procedure", "week 0", "week 12"]
    assert rows == [["day (window)", "1", "85 ± 3"], ["bloods", "x", ""], ["questionnaire", "x", "x"]]


def test_the_flow_holds_the_numbers_of_the_design(tmp_path: Path) -> None:
    design = short(tmp_path)
    made = plan(design.request)
    svg = consort(design, made)
    assert f"n = {sum(made.randomised)}" in svg
    assert f"n = {made.control}" in svg
    assert f"n = {made.randomised[0] - made.control}" in svg


def test_everything_is_written_and_read_back(tmp_path: Path) -> None:
    design = load_design(EXAMPLE, changes={"assume": {"control": 0.25, "treatment": 0.6}})
    made = plan(design.request)
    paths = write_protocol(design, made, tmp_path / "out", seed=1)
    assert all(path.stat().st_size > 0 for path in paths)
    assert verify(tmp_path / "out" / "randomisation")
    sealed = list(csv.DictReader((tmp_path / "out/randomisation/sealed/allocation.csv").read_text().splitlines()))
    # Two strata may fill as unequally as they like: each has room for everybody.
    assert len(sealed) >= 2 * sum(made.randomised)
    assert {row["stratum"] for row in sealed} == {"phenotype=primary", "phenotype=secondary"}
    again = read(tmp_path / "out" / "adam-dummy" / "adeff.csv").tables
    assert len(again.subjects) >= sum(made.randomised)
    assert set(again.subjects["arm"]) == {"placebo", "tocilizumab-162-mg-sc"}
    assert set(again.measurements["measure"]) == {"pain", "fiqr", "fibromyalgianess"}
    rows = list(csv.DictReader((tmp_path / "out/adam-dummy/adsl.csv").read_text().splitlines()))
    assert {row["TRT01P"] for row in rows} == {"Placebo", "Tocilizumab 162 mg SC"}


@pytest.mark.parametrize("what", ["study-dummy", "adam-dummy/adeff.csv"])
def test_the_dummy_data_are_analysed_like_a_real_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    design = short(tmp_path)
    write_protocol(design, plan(design.request), tmp_path / "out", seed=1)
    with pytest.raises(SystemExit) as stop:
        main(["analyse", str(tmp_path / "out" / what), "--out", str(tmp_path / "report")])
    assert stop.value.code == 0, capsys.readouterr().err
    assert (tmp_path / "report" / "report.html").exists()


def test_the_datasets_of_adam_give_the_same_stratified_analysis_as_the_study(tmp_path: Path) -> None:
    design = load_design(EXAMPLE, changes={"assume": {"control": 0.25, "treatment": 0.6}})
    made = plan(design.request)
    write_protocol(design, made, tmp_path / "out", seed=1)
    tables = (Study(tmp_path / "out/study-dummy").tables(), read(tmp_path / "out/adam-dummy/adeff.csv").tables)
    of_study, of_adam = (analyse_as_planned(one, design, made) for one in tables)
    assert of_adam["notes"] == []  # nothing is lacking: strata and events are there
    assert of_study["notes"] == ["these people are made up: nothing that is found here means anything"]
    assert of_adam["flow"] == of_study["flow"]
    assert of_adam["flow"]["tocilizumab"]["rescue"] > 0
    for name, row in of_study["estimands"].items():
        assert of_adam["estimands"][name]["result"] == row["result"]


def test_dummy_arms_do_not_differ_and_are_not_the_real_list(tmp_path: Path) -> None:
    design = load_design(EXAMPLE, changes={"assume": {"control": 0.25, "treatment": 0.6}})
    made = plan(design.request)
    real, dummy = allocation_for(design, made), allocation_for(design, made, seed=1)
    assert [row.arm for row in real.rows] != [row.arm for row in dummy.rows]
    assert allocation_for(design, made, seed=1) == dummy


def test_two_to_one_allocation_reaches_the_list(tmp_path: Path) -> None:
    design = short(tmp_path, SHORT + "ratio: 2\nrandomisation: {blocks: [3, 6]}\n")
    made = plan(design.request)
    counts = allocation_for(design, made, seed=1).counts()["all"]
    assert counts["a"] == 2 * counts["b"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("visits: {weeks: [0, 12]", "visits: {weeks: [0, 8]"), "due in week 12, which is no visit"),
        (("{bloods: [0]", "{bloods: [3]"), "planned for week 3, which is no visit"),
        (("weeks: [0, 12]", "weeks: [12, 0]"), "from 0"),
        (("endpoint:", "endpont:"), "line 7.*did you mean 'endpoint'"),
        (("control: 0.2", "control: 0.5"), "effect is zero"),
        (("dropout: 0.1", "dropout: 1.0"), "not a share of people lost"),
        (("dropout: 0.1", "looks: {numbr: 3}"), "looks.numbr.*did you mean 'number'"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in SHORT
    with pytest.raises(InputError, match=message):
        plan(short(tmp_path, SHORT.replace(*change)).request)


def test_the_example_runs_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["design", str(EXAMPLE), "--out", str(tmp_path / "d"), "--json"])
    assert stop.value.code == 0
    design = json.loads(capsys.readouterr().out)["design"]
    assert design["pilot"]["responders"]["events"] == 3
    assert design["assurance"]["assurance"] < 0.9
    words = (tmp_path / "d" / "protocol" / "sample-size.md").read_text()
    assert f"{design['sample_size']['randomised_total']} people are randomised" in words
    assert "without a control group" in words
    assert "sealed" in (tmp_path / "d" / "report.html").read_text()
