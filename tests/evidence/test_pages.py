"""The pages in docs are those of the results beside them, and hold every figure of the library as it stands now."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from abate.evidence.forecast import digest, forecast_names
from abate.evidence.scoreboard import judged_trials
from abate.evidence.targets import load_subsystem, subsystem_names
from abate.ground.files import library_path, load_toml
from abate.trial.protocol import load_trial

DOCS = Path(__file__).parents[2] / "docs"
AGAIN = "make it again: python docs/make_scoreboard.py"


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_scoreboard", DOCS / "make_scoreboard.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stored(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / "reports" / folder / "results.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("part", ["scoreboard", "forecasts", "sensitivity"])
def test_a_page_is_made_from_the_results_beside_it(part: str) -> None:
    page = (DOCS / f"{part}.md").read_text(encoding="utf-8")
    assert page == maker().page(part), f"{part}.md is stale; python docs/make_scoreboard.py {part} --pages"


def test_the_scoreboard_holds_every_figure_of_the_library() -> None:
    """Structure alone: what is predicted changes with the model, what is published does not."""
    key = ("source", "grade", "published", "calibrated")
    rows = {
        (r["subsystem"], r.get("trial", ""), r.get("arm", ""), r["target"]): r
        for r in stored("scoreboard")["scoreboard"]
    }
    expected: dict[tuple[str, str, str, str], tuple[Any, ...]] = {}
    for name in subsystem_names():
        subsystem = load_subsystem(name)
        for t in subsystem.target:
            expected[name, "", "", t.name] = (t.source, t.grade, t.published, t.calibrated)
        for trial in judged_trials(name):
            for p in trial.published:
                expected[name, trial.name, p.arm, p.target] = (p.source, p.grade, p.figure, p.calibrated)
        for c in subsystem.contrast:
            arm = f"{c.arm} against {c.against}" if c.against else c.arm
            expected[name, c.trial, arm, c.name] = (c.source, c.grade, c.published, c.calibrated)
    found = {place: tuple(row[k] for k in key) for place, row in rows.items()}
    exposure = {place for place in found if place not in expected and place[0] == "drugs"}
    assert {place: value for place, value in found.items() if place not in exposure} == expected, AGAIN
    targets = load_toml(library_path("targets", "exposure.toml")).data["target"]
    figures = sum(
        len({"mean", "sd", "accumulation"} & set(t.get(m, {}))) for t in targets for m in ("cmax", "cmin", "auc")
    )
    assert len(exposure) == figures, AGAIN


def test_every_row_outside_has_a_reason() -> None:
    for row in stored("scoreboard")["scoreboard"]:
        if row["judged"] and not row["inside"]:
            assert row["misfit"], f"{row['target']}: say why it is outside, in its target or trial file"


def test_what_cannot_be_simulated_is_listed_on_the_page() -> None:
    page = (DOCS / "scoreboard.md").read_text(encoding="utf-8")
    for name in subsystem_names():
        for entry in load_subsystem(name).listed:
            assert entry.name in page, AGAIN


def test_forecasts_are_of_the_designs_that_stand_in_the_library() -> None:
    record = stored("forecasts")
    assert set(record["forecasts"]) == set(forecast_names())
    assert record["recorded"]
    for name, made in record["forecasts"].items():
        assert made["digest"] == digest(load_trial(name)), (
            f"the design of {name} has changed since its forecast; {AGAIN} forecasts"
        )
