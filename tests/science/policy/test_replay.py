"""Replay: a chart kept by the policy agrees with it, another one differs where it should, and no outcome is made up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abate.cli.main import main
from abate.ground.errors import InputError
from abate.ground.randomness import normal, uniform
from abate.science.policy import Policy, begin, decide, load_policy
from abate.science.policy.charts import charts
from abate.science.policy.replay import Replayed, replay
from abate.science.regimen import load_taper
from abate.study.store import write

DAYS = tuple(range(0, 365, 14))


def dose_rows(subject: str, daily: np.ndarray, drug: str = "prednisone", unit: str = "mg") -> list[dict[str, object]]:
    breaks = np.flatnonzero(np.diff(daily)) + 1
    starts = np.concatenate([[0], breaks])
    lengths = np.diff(np.concatenate([starts, [daily.size]]))
    head = {"subject": subject, "drug": drug, "route": "oral", "unit": unit, "duration": 0.0, "interval": 1.0}
    return [
        {**head, "time": start + 8 / 24, "amount": float(daily[start]), "count": int(length)}
        for start, length in zip(starts, lengths, strict=True)
        if daily[start] > 0
    ]


def seen_rows(
    subject: str, days: tuple[int, ...], measure: str, values: np.ndarray, unit: str
) -> list[dict[str, object]]:
    head = {"subject": subject, "measure": measure, "item": "", "unit": unit, "censoring": ""}
    return [
        {**head, "time": float(day), "visit": f"day {day}", "value": float(value)}
        for day, value in zip(days, values, strict=True)
    ]


def kept_by(policy: Policy, people: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Charts of people treated by a policy: symptoms at random, doses as it decides."""
    ids = np.arange(people)
    start = np.resize([60.0, 40.0, 20.0], people)
    memory = begin(policy, people, 380, start_dose=start)
    scores = np.exp(0.6 * normal(4, "score", ids, np.arange(len(DAYS))[:, None]) + 2.2)
    for visit, day in enumerate(DAYS):
        draws = {name: uniform(4, name, ids, visit) for name in policy.draws}
        memory = decide(policy, day, {"symptom-score": scores[visit]}, memory, draws).memory
    doses = [row for p in ids for row in dose_rows(f"p{p}", memory.plan[p, :365])]
    seen = [row for p in ids for row in seen_rows(f"p{p}", DAYS, "symptom-score", scores[:, p], "point")]
    return pd.DataFrame(doses), pd.DataFrame(seen)


def replayed(policy: Policy, doses: pd.DataFrame, seen: pd.DataFrame) -> list[Replayed]:
    return [row for chart in charts(policy, doses, seen) for row in replay(policy, chart)]


def test_a_chart_kept_by_the_policy_agrees_at_every_visit() -> None:
    policy = load_policy("giacta")
    rows = replayed(policy, *kept_by(policy))
    assert {row.comparison for row in rows} == {"agrees", "last visit"}
    assert len(rows) == 12 * len(DAYS)
    assert any("flare" in row.rule for row in rows)  # the agreement is not for want of decisions


def one_chart(scores: list[float], daily: np.ndarray) -> list[Replayed]:
    days = tuple(range(0, 28 * len(scores), 28))
    seen = seen_rows("a", days, "symptom-score", np.array(scores), "point")
    return replayed(load_policy("giacta"), pd.DataFrame(dose_rows("a", daily)), pd.DataFrame(seen))


def test_a_flare_that_the_chart_let_pass_is_shown_and_then_the_chart_goes_on() -> None:
    daily = load_taper("giacta-26").daily(200, 40)[0]
    rows = one_chart([3, 3, 30, 3, 3], daily)
    assert [row.comparison for row in rows] == ["agrees", "agrees", "only the policy changes", "agrees", "last visit"]
    flare = rows[2]
    assert (flare.rule, flare.chart_mg) == ("flare", daily[56])
    # The chart gave 10 mg: of the doses at least 5 mg above, the nearest to what was done.
    assert flare.policy_mg == 20
    assert flare.seen == {"symptom-score": 30, "dose": daily[55]}
    assert "symptoms came back" in flare.reason


def test_a_rise_without_a_rule_is_the_charts_own() -> None:
    daily = load_taper("giacta-26").daily(200, 40)[0].copy()
    daily[56:] = 30
    rows = one_chart([3, 3, 3, 3], daily)
    # From day 84 on the policy takes its taper up at the 30 mg really taken; the chart stays there.
    assert [row.comparison for row in rows] == ["agrees", "agrees", "only the chart changes", "last visit"]
    assert (rows[2].policy_mg, rows[2].chart_mg) == (10, 30)
    assert rows[3].policy_mg == 25  # 28 days of 30 mg are behind: the week of that step is over


def test_a_dose_above_the_plan_is_no_difference() -> None:
    daily = load_taper("giacta-26").daily(200, 60)[0]
    seen = seen_rows("a", (0, 28, 56, 84), "symptom-score", np.array([3.0, 3, 3, 3]), "point")
    rows = replayed(load_policy("pmr-cohort"), pd.DataFrame(dose_rows("a", daily)), pd.DataFrame(seen))
    assert [row.comparison for row in rows][:2] == ["above the plan", "above the plan"]
    assert [row.differs for row in rows][:2] == [False, False]


def test_the_future_of_a_chart_does_not_reach_the_policy() -> None:
    daily = load_taper("giacta-26").daily(200, 40)[0]
    other = daily.copy()
    other[84:] = 50
    first, second = one_chart([3, 3, 30, 3], daily), one_chart([3, 3, 30, 30], other)
    for a, b in zip(first[:3], second[:3], strict=True):
        assert (a.rule, a.policy_mg, a.decided) == (b.rule, b.policy_mg, b.decided)


def test_other_glucocorticoids_and_units_are_converted() -> None:
    policy = load_policy("giacta")
    daily = load_taper("giacta-26").daily(100, 40)[0]
    doses = pd.DataFrame(dose_rows("a", daily * 0.8 / 1000, drug="methylprednisolone", unit="g"))
    seen = seen_rows("a", (0, 28), "symptom-score", np.array([3.0, 3.0]), "point")
    seen += seen_rows("a", (0, 28), "crp", np.array([2.0, 1.0]), "mg/dL")
    chart = next(charts(policy, doses, pd.DataFrame(seen)))
    np.testing.assert_allclose(chart.prednisone[0, :100], daily, rtol=1e-12)  # a product and a quotient
    np.testing.assert_allclose(chart.observed["crp"][:, 0], [20, 10])


def test_stopping_the_drug_is_compared_too() -> None:
    policy = load_policy("gca-sarilumab-safety")
    days = (0, 28, 56, 84)
    daily = load_taper("giacta-26").daily(120, 20)[0]
    seen = seen_rows("a", days, "neutrophils", np.array([3, 3, 0.8, 3.0]), "10^9/L")
    seen += seen_rows("a", days, "symptom-score", np.array([9.0, 9, 9, 9]), "point")
    given = {"subject": "a", "drug": "sarilumab", "route": "sc", "unit": "mg", "duration": 0.0, "interval": 14.0}
    doses = pd.DataFrame([*dose_rows("a", daily), {**given, "time": 0.0, "amount": 200.0, "count": 9}])
    rows = replayed(policy, doses, pd.DataFrame(seen))
    assert [row.comparison for row in rows] == ["agrees", "agrees", "only the policy changes", "last visit"]
    assert rows[2].rule == "laboratory"


def test_spacing_the_drug_is_compared_with_the_days_between_its_doses() -> None:
    policy = load_policy("gca-sarilumab-safety")
    days = tuple(range(0, 225, 28))
    daily = load_taper("giacta-26").daily(240, 20)[0]
    seen = seen_rows("a", days, "symptom-score", np.full(len(days), 1.0), "point")
    head = {"subject": "a", "drug": "sarilumab", "route": "sc", "unit": "mg", "duration": 0.0, "amount": 200.0}
    fortnightly = {**head, "time": 0.0, "interval": 14.0, "count": 17}
    spaced = [
        {**head, "time": 0.0, "interval": 14.0, "count": 7},
        {**head, "time": 112.0, "interval": 28.0, "count": 5},
    ]
    rules = {}
    for name, given in (("fortnightly", [fortnightly]), ("spaced", spaced)):
        rows = replayed(policy, pd.DataFrame([*dose_rows("a", daily), *given]), pd.DataFrame(seen))
        rules[name] = [(row.day, row.rule, row.comparison) for row in rows if row.rule or row.differs]
    # Three quiet visits on 5 mg or less are there on day 84; the policy asks again where the chart did not follow.
    assert rules["fortnightly"][:2] == [(d, "space", "only the policy changes") for d in (84, 112)]
    assert rules["spaced"][:2] == [(84, "space", "agrees"), (112, "space", "agrees")]


def test_a_study_without_what_the_policy_reads_is_refused() -> None:
    policy = load_policy("giacta")
    doses, seen = kept_by(policy, people=1)
    with pytest.raises(InputError, match="nothing that the policy giacta reads was recorded"):
        list(charts(policy, doses, seen.assign(measure="fiqr")))
    with pytest.raises(InputError, match="no prednisone was recorded"):
        list(charts(policy, doses.assign(drug="methotrexate"), seen))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    doses, seen = kept_by(load_policy("giacta"), people=6)
    subjects = pd.DataFrame({"subject": [f"p{i}" for i in range(6)], "arm": ["x", "x", "x", "y", "y", "y"]})
    folder = tmp_path / "study"
    write(folder, {"name": "demo", "source": "observed"}, {"subjects": subjects, "doses": doses, "measurements": seen})
    return folder


def run(*words: str) -> int:
    with pytest.raises(SystemExit, match=r"\d") as stopped:
        main(list(words))
    return int(str(stopped.value.code))


def test_the_command_writes_results_and_every_decision(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("replay", "giacta", str(study), "--json", "--out", str(out)) == 0
    payload = json.loads(capsys.readouterr().out)
    assert payload["kind"] == "replay"
    assert payload["comparisons"] == {"agrees": 6 * (len(DAYS) - 1), "last visit": 6}
    share = payload["subjects-with-a-difference"]
    assert (share["estimate"], share["n"], share["events"]) == (0, 6, 0)
    assert payload["not_recorded"] == ["crp"]
    assert json.loads((out / "results.json").read_text()) == payload
    assert len(pd.read_csv(out / "decisions.csv")) == payload["visits"]


def test_the_command_shows_differences_of_one_arm(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("replay", "giacta", str(study), "--arm", "x", "--taper", "giacta-52") == 0
    text = capsys.readouterr().out
    assert "visits of 3 people" in text
    assert "only the chart changes" in text
    assert "not made up" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("giakta",), "did you mean 'giacta'"),
        (("giacta", "--arm", "z"), "there is no such arm: 'z'; allowed: x, y"),
        (("giacta", "--taper", "giacta"), "there is no such taper"),
    ],
)
def test_bad_words_end_with_one_line(
    study: Path, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("replay", words[0], str(study), *words[1:]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
