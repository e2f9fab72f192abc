"""The scoreboard: one shape of row, one verdict, nothing left out; forecasts are recorded and repeat."""

import datetime
from typing import Any

import numpy as np
import pytest

from abate.evidence.checks import checks
from abate.evidence.forecast import digest, forecast, forecast_names, forecast_trial
from abate.evidence.pharmacokinetics import exposure_scoreboard
from abate.evidence.replicates import replicate_scoreboard
from abate.evidence.scoreboard import Effort, contrasts_of, judged_trials, subsystem_board
from abate.evidence.targets import load_subsystem, subsystem_names
from abate.ground.errors import InputError
from abate.trial.protocol import load_trial, trial_names
from abate.trial.settings import apply

KEYS = {"target", "source", "grade", "published", "predicted", "low", "high", "inside", "calibrated", "judged"}


def check_rows(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert set(row) >= KEYS
        if row.get("bound"):
            side = row["low"] > row["published"] if row["bound"] == "above" else row["high"] < row["published"]
            assert row["inside"] == side
        elif np.isfinite(row["low"]):
            assert row["inside"] == (row["low"] <= row["published"] <= row["high"])
        assert row["judged"] == (row["grade"] != "unverified")


@pytest.fixture(scope="module")
def receptor() -> dict[str, Any]:
    return subsystem_board("receptor", Effort(100, 3))


def test_a_subsystem_has_a_row_a_target_and_lists_the_rest(receptor: dict[str, Any]) -> None:
    known = load_subsystem("receptor")
    assert [row["target"] for row in receptor["scoreboard"]] == [t.name for t in known.target]
    assert len(receptor["listed"]) == len(known.listed)
    check_rows(receptor["scoreboard"])
    assert receptor["rows"] == sum(row["judged"] for row in receptor["scoreboard"])


def test_competition_and_the_rise_of_il6_hold(receptor: dict[str, Any]) -> None:
    rows = {row["target"]: row for row in receptor["scoreboard"]}
    # The arithmetic of competition, and signs that no calibration can turn.
    for target in ("Receptor carrying antibody at 5 ug/mL", "Free IL-6 over untreated, tocilizumab weekly"):
        assert rows[target]["inside"]


def test_every_trial_with_figures_belongs_to_a_subsystem() -> None:
    judged = {t.name for name in subsystem_names() for t in judged_trials(name)}
    assert judged == {name for name in trial_names() if load_trial(name).published}
    assert {"adrenal", "pharmacokinetics", "giacta"} <= set(checks())


def test_exposure_rows_keep_what_is_asked_of_them() -> None:
    board = exposure_scoreboard(patients=400)
    check_rows(board["scoreboard"])
    rows = {row["target"]: row for row in board["scoreboard"]}
    for measure in ("Cmax", "Cmin"):
        row = rows[f"RA SC 162 mg every 2 weeks, US label: {measure}, mean"]
        assert abs(row["predicted"] / row["published"] - 1) < 0.2  # what calibrating the absorption has to reach
        assert row["calibrated"]


def test_a_trial_judges_contrasts_beside_its_figures() -> None:
    # Two replicates: the slice shows rows and shapes, not agreement.
    trial = load_trial("pmr-early-response")
    found = replicate_scoreboard(trial, replicates=2, contrasts=contrasts_of("pmr-early-response"))
    check_rows(found["scoreboard"])
    assert len(found["scoreboard"]) == len(trial.published) + len(contrasts_of("pmr-early-response"))


def test_the_same_seed_gives_the_same_rows() -> None:
    trial = load_trial("pmr-early-response")
    first, second, other = (replicate_scoreboard(trial, replicates=2, seed=seed)["scoreboard"] for seed in (3, 3, 4))
    assert first == second
    assert first != other


def test_forecasts_are_recorded_with_date_and_design() -> None:
    trial = apply(load_trial("saphyr"), {"weeks": "16", "arms.sarilumab.patients": "16", "arms.placebo.patients": "16"})
    day = datetime.date(2030, 1, 2)
    made = forecast([trial], Effort(100, 4), today=day)
    assert made["recorded"] == "2030-01-02"
    record = made["forecasts"]["saphyr"]
    assert record["digest"] == digest(trial) != digest(load_trial("saphyr"))
    # Two tapers fit what is published of each arm; every forecast shows both.
    assert record["tapers"][1] == {"sarilumab": "saphyr-14-late", "placebo": "saphyr-52-early"}
    for row in record["rows"]:
        assert len(row["variants"]) == 2
        if np.isfinite(row["low"]):
            assert row["low"] <= row["predicted"] <= row["high"]


def test_what_is_known_is_not_forecast() -> None:
    assert not set(forecast_names()) & {t.name for t in judged_trials("disease")}
    with pytest.raises(InputError, match="nothing is left to forecast"):
        forecast_trial(load_trial("tenor"), Effort(100, 2))
