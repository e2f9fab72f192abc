"""The report of a trial: the numbers in it are those of the Study, and it says what it must."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import shutil
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from abate.report import terminal, trial
from abate.report.page import Honesty, Table
from abate.report.trial_endpoints import say
from abate.report.trial_story import choose, course, story
from abate.report.trial_view import TrialView, look
from abate.study import endpoints
from abate.study.store import Study
from abate.study.store import write as write_study
from abate.trial.protocol import load_trial

SECTIONS = [
    "In short", "Endpoints", "Who took part", "Flares", "Prednisone", "Tocilizumab in plasma", "Free interleukin-6",
    "C-reactive protein", "Disease activity", "Morning cortisol", "One patient", "What stands behind this",
]  # fmt: skip


def made_up(folder: Path, **options: Any) -> Study:
    spec = importlib.util.spec_from_file_location("made_up", Path(__file__).with_name("made_up.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    study: Study = module.made_up_study(folder, **options)
    return study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return made_up(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def view(study: Study) -> TrialView:
    return look(study)


@pytest.fixture(scope="module")
def folder(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trial.write(study, tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="module")
def words(folder: Path) -> str:
    html = re.sub(r"<(style|svg).*?</\1>", " ", (folder / "report.html").read_text(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_report_has_all_its_sections_in_order(view: TrialView) -> None:
    assert [section.title for section in trial.compose(view).sections] == SECTIONS


def test_endpoint_numbers_are_those_of_the_study(folder: Path, study: Study) -> None:
    people = endpoints.per_person(study.tables(), 364, ["sustained-remission", "patients-with-a-flare"])
    table = pd.read_csv(folder / "data" / "endpoints.csv").set_index(["endpoint", "arm"])
    for arm, rows in people.groupby("arm"):
        want = rows["sustained-remission"].mean()
        # a share of a few people, written and read back as decimal text
        assert table.loc[("sustained-remission", arm), "estimate"] == pytest.approx(want, rel=1e-12)
    both = people[people["arm"].str.startswith("placebo")]["patients-with-a-flare"].mean()
    board = pd.read_csv(folder / "data" / "published.csv").set_index(["endpoint", "arm"])
    assert board.loc[("patients-with-a-flare", "placebo"), "predicted"] == pytest.approx(both, rel=1e-12)
    assert board.loc[("patients-with-a-flare", "placebo"), "published"] == pytest.approx(59 / 101, rel=1e-12)
    assert len(board) == len(load_trial("giacta").published)


def test_published_figures_given_by_hand_replace_those_of_the_library(study: Study, tmp_path: Path) -> None:
    row = {"target": "Flares", "arm": "placebo-26", "endpoint": "patients-with-a-flare", "events": 1, "n": 50}
    row |= {"source": "made up", "grade": "assumed", "calibrated": False}
    view = look(study, [row])
    assert [(r["arm"], r["published"], r["inside"]) for r in view.board] == [("placebo-26", 0.02, False)]
    html = trial.write(study, tmp_path, [row]).read_text()
    assert "2\u00a0% (1/50)" in html
    assert "Stone 2017" not in html


def test_contrasts_of_results_json_leave_out_people_chosen_after_the_start(study: Study) -> None:
    found = {"estimate": 0.4, "low": 0.1, "high": 0.6, "level": 0.95, "n": 20, "method": "difference"}
    ratio = {**found, "estimate": 0.15, "low": 0.05, "high": 0.4}
    rows = {"patients-with-a-flare": found, "normal-crp-at-first-flare": {**found, "n": 9}}
    contrasts = {"tocilizumab-weekly": {**rows, "hazard-ratio-of-first-flare": ratio}}
    report = trial.compose(look(study, results={"reference": "placebo-26", "contrasts": contrasts}))
    table = next(p for s in report.sections for p in s.parts if isinstance(p, Table) and p.name == "contrasts")
    assert table.data is not None
    assert table.data["contrast"].tolist() == ["patients-with-a-flare", "hazard-ratio-of-first-flare"]
    assert "+40 (+10 to +60)" in table.html
    assert "0.15 (0.050–0.40)" in table.html


@pytest.mark.parametrize(
    ("name", "estimate", "said"),
    [
        ("time", (126.0, 112.0, 154.0), "126 (112–154)"),
        ("time", (math.nan, 168.0, math.nan), "not reached (168 to not reached)"),
        ("time", (None, None, None), "not reached"),
        ("median", (1862.0, 1690.0, 2212.0), "1862 (1690–2212)"),
        ("proportion", (0.25, 0.1, 0.5), "25\u00a0% (10–50)"),
    ],
)
def test_an_endpoint_is_said_as_its_kind_asks(name: str, estimate: tuple[float, float, float], said: str) -> None:
    row = dict(zip(("estimate", "low", "high"), estimate, strict=True)) | {"n": 51}
    assert say(name, row) == said
    assert say(name, {**row, "n": 0}) == "—"


def test_numbers_of_results_json_are_shown_where_they_exist(study: Study) -> None:
    given = {"estimate": 0.123, "low": 0.05, "high": 0.27, "level": 0.95, "n": 12, "method": "x", "events": 1}
    results = {"arms": {"placebo-26": {"endpoints": {"sustained-remission": given}}}}
    view = look(study, results=results)
    assert view.estimate("placebo-26", "sustained-remission") == given
    assert view.estimate("placebo-52", "sustained-remission")["n"] == 8  # the rest is estimated here
    (study.path / "results.json").write_text(json.dumps(results))
    try:
        assert look(study).estimate("placebo-26", "sustained-remission") == given
    finally:
        (study.path / "results.json").unlink()


def test_flow_counts_add_up(folder: Path, study: Study) -> None:
    flow = pd.read_csv(folder / "data" / "flow.csv")
    assert flow["allocated"].sum() == len(study.subjects)
    assert (flow["left"] + flow["followed to the end"]).tolist() == flow["allocated"].tolist()
    assert flow["left"].sum() == (study.events["event"] == "withdrawal").sum()
    assert flow["with a flare"].sum() == (study.events["event"] == "flare").sum()


def test_daily_dose_adds_up_to_what_was_taken(view: TrialView) -> None:
    daily = view.daily_glucocorticoid()
    taken = view.people["glucocorticoid_mg"].to_numpy()
    assert np.nansum(daily, axis=1) == pytest.approx(taken, rel=1e-12)  # sums of whole milligrams
    left = view.people["followed"].to_numpy()
    assert np.isnan(daily[left < 364][:, 200:]).all()
    assert np.isfinite(daily[left >= 364]).all()


def test_bands_leave_out_people_who_left(view: TrialView, study: Study) -> None:
    found = view.course(("symptoms",))
    assert found is not None
    unit, bands = found
    assert unit == "point"
    arm = view.arms[0]
    raw = study.courses()["symptoms"].values[: arm.n]
    stays = view.people["followed"].to_numpy()[: arm.n] >= 364
    # both are medians of the same single-precision numbers
    assert bands[arm.label].middle[300] == pytest.approx(np.median(raw[stays, 300]), rel=1e-6)
    assert bands[arm.label].middle[10] == pytest.approx(np.median(raw[:, 10]), rel=1e-6)


def test_an_arm_without_the_drug_has_no_drug_panel(folder: Path) -> None:
    arms = set(pd.read_csv(folder / "data" / "tocilizumab.csv")["arm"])
    assert arms == {"Tocilizumab weekly, 26-week taper", "Tocilizumab every 2 weeks, 26-week taper"}


def test_report_says_what_is_fitted_and_what_is_predicted(view: TrialView, words: str) -> None:
    honesty = next(p for s in trial.compose(view).sections for p in s.parts if isinstance(p, Honesty))
    assert any("Sustained remission, week 52" in line for line in honesty.calibrated)
    assert any("On more than 10 mg at first flare" in line for line in honesty.predicted)
    assert any("Morning cortisol" in line for line in honesty.not_validated)
    assert honesty.provenance["Seed"] == "7"
    assert honesty.provenance["Hash of the model"] == "0f3c"
    assert "not a prescription" in words.lower()
    assert "unverified" in words
    assert "a normal CRP does not exclude a flare" in words
    assert "A model simulated every person here; nobody was treated." in words


def test_report_has_no_holes(words: str, folder: Path) -> None:
    assert not re.findall(r"\bnan\b|\binf\b|None|\{\{|undefined", words)
    for drawing in (folder / "figures").glob("*.svg"):
        assert not re.findall(r"[ \"]-?(nan|inf)\b", drawing.read_text()), drawing.name


def test_story_is_told_by_rule_and_in_order(view: TrialView) -> None:
    subject = choose(view)
    assert subject is not None
    assert np.isfinite(view.people.loc[subject, "flare"])
    lines = story(view, subject)
    weeks = [float(line.when.split()[1]) for line in lines[1:]]
    assert weeks == sorted(weeks)
    assert lines[0].what.startswith(f"Person {int(subject)}, 71 years, female")
    flare = next(line for line in lines if "flare is called" in line.what)
    assert flare.what == "A flare is called; rescue to 40 mg, then the taper giacta-26 again."
    assert "symptom score 25" in flare.why
    assert "prednisone until then 0 mg a day" in flare.why
    assert sum("flare is called" in line.what for line in lines) == 1  # the event and its decision are one line
    assert lines[-1].what.startswith("End of the study: one flare, ")


def test_story_puts_equal_decisions_together(view: TrialView, study: Study) -> None:
    row = {"subject": "001", "rule": "hold", "seen": "{}", "decided": "hold (5 mg)", "reason": ""}
    held = [{**row, "time": 7.0 * week, "visit": f"week {week}"} for week in (30, 32, 34)]

    class Other:
        path, meta, name = study.path, study.meta, study.name
        subjects, events, measurements, doses = study.subjects, study.events, study.measurements, study.doses
        decisions = pd.DataFrame(held)

    lines = story(replace(view, study=Other()), "001")  # type: ignore[arg-type]
    assert [(line.when, line.what) for line in lines if line.kind == "decision"] == [
        ("Week 30 to 34", "Hold (5 mg) (3 visits).")
    ]


def test_a_person_who_leaves_without_a_cause_is_said_to_leave_once(view: TrialView) -> None:
    told = [line.what for line in story(view, "009") if "study" in line.what]
    assert told == ["Leaves the study."]


def test_a_figure_has_no_zeros_that_say_nothing() -> None:
    assert say("mean", {"estimate": 2.0, "low": 1.0, "high": 8.0, "n": 6}) == "2.00 (1.00–8.00)"
    assert say("mean", {"estimate": 1862.4, "low": 1582, "high": 2212, "n": 50}) == "1862 (1582–2212)"


def test_one_persons_numbers_are_theirs(view: TrialView, study: Study) -> None:
    numbers = course(view, "003")
    crp = study.measurements.query("subject == '003' and measure == 'crp'")
    assert numbers[numbers["what"] == "crp"]["value"].tolist() == crp["value"].tolist()


def test_observed_study_has_no_courses_and_is_not_called_simulated(tmp_path: Path) -> None:
    study = made_up(tmp_path / "study", simulated=False)
    report = trial.compose(look(study))
    titles = [section.title for section in report.sections]
    assert titles == [t for t in SECTIONS if t not in SECTIONS[5:10]]
    assert report.kind == "Trial"
    assert "simulated" not in report.lead


def test_terminal_table_has_every_arm_with_its_interval_and_the_published_figure(view: TrialView) -> None:
    console = Console(width=140)
    with console.capture() as caught:
        terminal.show(trial.summary_table(view), console=console)
    text = caught.get()
    for arm in view.arms:
        assert arm.label in text
        assert f"({terminal.percent(view.estimate(arm.slug, 'sustained-remission')['low'])[:-2]}–" in text
    assert "published\u00a014\u00a0%" in text
    assert "published\u00a058\u00a0%" in text
    assert "published\u00a03818" in text
    assert "not a prescription" in text


def test_terminal_table_shows_what_was_published_where_that_is_something_else(view: TrialView) -> None:
    other = [replace(row, endpoint="glucocorticoid-free") for row in view.published]
    console = Console(width=140)
    with console.capture() as caught:
        terminal.show(trial.summary_table(replace(view, published=tuple(other))), console=console)
    text = caught.get()
    assert view.label("glucocorticoid-free") in text
    assert "published" in text


def test_terminal_table_has_more_than_flares_where_nothing_was_published(study: Study) -> None:
    listed = ["patients-with-a-flare", "time-to-first-flare-days", "cumulative-glucocorticoid-to-week-16-mg"]
    made = look(study)
    meta = {**study.meta, "endpoints": listed}

    class Other:
        def __getattr__(self, name: str) -> Any:
            return meta if name == "meta" else getattr(study, name)

    names = trial._summarised(replace(made, study=Other(), published=()))  # type: ignore[arg-type]
    assert {"patients-with-a-flare", "cumulative-glucocorticoid-to-week-16-mg"} <= set(names)
    assert len(names) <= 4


def test_scoreboard_says_outside_where_it_is() -> None:
    row = {"target": "Flares", "grade": "verified", "published": 0.24, "predicted": 0.4, "low": 0.3, "high": 0.5}
    row |= {"inside": False, "calibrated": False, "share": True, "arm": "tocilizumab"}
    console = Console(width=140)
    with console.capture() as caught:
        terminal.show(terminal.scoreboard([row, {**row, "inside": True, "calibrated": True}]), console=console)
    body = [line.split() for line in caught.get().splitlines() if "Flares" in line]
    assert body[0][-2:] == ["outside", "predicted"]
    assert body[1][-2:] == ["inside", "calibrated"]


@pytest.mark.parametrize("gone", ["events", "decisions", "measurements", "doses"])
def test_report_stands_when_a_table_is_empty(gone: str, tmp_path: Path) -> None:
    study = made_up(tmp_path / "study")
    (study.path / f"{gone}.parquet").unlink()
    html = trial.write(Study(study.path), tmp_path / "report").read_text()
    assert not re.findall(r">nan<|\bNaN\b", html)
    assert ("One patient" in html) == (gone != "decisions")


def test_report_of_one_person_in_one_arm(tmp_path: Path) -> None:
    study = made_up(tmp_path / "study")
    subjects = study.subjects.iloc[[0]]
    write_study(study.path, {**study.meta, "published": [], "days": 364, "groups": {}}, {"subjects": subjects})
    shutil.rmtree(study.path / "courses.zarr")
    html = trial.write(Study(study.path), tmp_path / "report").read_text()
    assert "1 person in 1 arm" in html
    assert "Beside the published figures" not in html
