"""What missing values could hide in ordered and ranked outcomes: bounds against a plain count, imputation, tipping."""

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from abate.design.analysis.compare import ordered
from abate.design.analysis.planned import analyse_as_planned
from abate.design.plan import plan
from abate.design.protocol.file import DesignFile, load_design
from abate.design.report_study import study_report
from abate.report.page import render
from abate.study.tables import StudyTables, conform, empty

HEAD = """
name: T-1
title: A against B
disease: polymyalgia rheumatica
control: {name: b, label: Usual care}
treatment: {name: a, label: New drug}
visits: {weeks: [0, 6, 12]}
estimands:
  - {name: policy, population: all, variable: v, summary: s, intercurrent: {rescue: treatment-policy}}
"""
ORDERED = HEAD + "endpoint: {name: state, measure: state, week: 12}\nassume: {odds_ratio: 2, categories: [%s]}\n"
RANKED = (
    HEAD
    + "endpoint: {name: rank, measure: pain, week: 12, ranking: [{event: flare}, {measure: pain, week: 12, margin: 2}]}"
    + "\n"
    + "assume: {win_ratio: 1.8}\n"
)


def design_of(tmp_path: Path, text: str) -> DesignFile:
    path = tmp_path / "design.yaml"
    path.write_text(text)
    return load_design(path)


def study(
    values: np.ndarray, measure: str, arms: list[str], events: list[tuple[int, float, str]] | None = None
) -> StudyTables:
    names = [f"{k:03d}" for k in range(len(arms))]
    rows = [
        {"subject": names[i], "time": 7.0 * week, "visit": f"week {week}", "value": values[i, k]}
        for i, (k, week) in itertools.product(range(len(arms)), enumerate((0, 6, 12)))
        if not math.isnan(values[i, k])
    ]
    happened = [(names[who], day, event, "") for who, day, event in events or []]
    return StudyTables(
        conform("subjects", pd.DataFrame({"subject": names, "arm": arms})),
        conform("measurements", pd.DataFrame(rows).assign(measure=measure, item="", unit="", censoring="")),
        empty("doses"),
        conform("events", pd.DataFrame(happened, columns=["subject", "time", "event", "detail"])),
        empty("decisions"),
        {"name": "t", "source": "observed", "arms": {"a": "A", "b": "B"}},
    )


def states(n: int, categories: int, shift: float, gone: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw states from 1 (best) at three visits, some missing at the end; and who is treated."""
    rng = np.random.default_rng(seed)
    treated = np.arange(n) % 2 == 0
    person = rng.logistic(size=n)
    cut = np.linspace(-1.5, 1.5, categories - 1)
    out = np.column_stack(
        [1 + np.searchsorted(cut, person + 0.5 * rng.normal(size=n) - s * treated) for s in (0.0, shift / 2, shift)]
    ).astype(float)
    out[rng.random(n) < gone, 2] = np.nan
    return out, treated


def arms_of(treated: np.ndarray) -> list[str]:
    return ["a" if one else "b" for one in treated]


def test_bounds_of_two_categories_are_those_of_a_logistic_model(tmp_path: Path) -> None:
    values, treated = states(160, 2, 1.2, 0.15, seed=5)
    design = design_of(tmp_path, ORDERED % "0.5, 0.5")
    found = analyse_as_planned(study(values, "state", arms_of(treated)), design, plan(design.request))["sensitivity"]
    gone = np.isnan(values[:, 2])
    assert found["missing"] == gone.sum()
    for name, mine, other in (("best-case", 1, 2), ("worst-case", 2, 1), ("worst-category", 2, 2)):
        worse = np.where(gone, np.where(treated, mine, other), values[:, 2]) - 1
        fit = sm.Logit(worse, np.column_stack([np.ones(160), treated])).fit(disp=False)
        # Optimisers stop at a gradient, not at the last digit.
        assert found[name]["estimate"]["estimate"] == pytest.approx(math.exp(-fit.params[1]), rel=1e-3), name
        assert found[name]["p"] == pytest.approx(fit.pvalues[1], rel=1e-2), name
    order = [found[name]["estimate"]["estimate"] for name in ("worst-case", "missing-at-random", "best-case")]
    assert order == sorted(order)


def test_imputed_categories_know_where_people_stood_before(tmp_path: Path) -> None:
    """Those who leave the treatment arm are its worst: leaving them out flatters, imputing from their like does not."""
    values, treated = states(3000, 4, 1.0, 0.0, seed=2)
    whole = ordered(values[:, 2], treated, np.full(3000, "")).estimate.estimate
    rng = np.random.default_rng(3)
    holed = values.copy()
    holed[treated & (values[:, 1] >= 3) & (rng.random(3000) < 0.6), 2] = np.nan
    left_out = ordered(holed[:, 2], treated, np.full(3000, "")).estimate.estimate
    design = design_of(tmp_path, ORDERED % "0.3, 0.3, 0.2, 0.2")
    found = analyse_as_planned(study(holed, "state", arms_of(treated)), design, plan(design.request))["sensitivity"]
    imputed = found["missing-at-random"]["estimate"]["estimate"]
    assert left_out > 1.3 * whole
    # 10 % is three times what some 600 imputed categories of 3,000 scatter (their log odds ratio: about 0.03).
    assert imputed == pytest.approx(whole, rel=0.1)
    assert found["jump-to-reference"]["estimate"]["estimate"] < imputed


def test_the_tipping_point_by_category_is_that_of_trying_them_all(tmp_path: Path) -> None:
    values, treated = states(140, 4, 1.6, 0.2, seed=9)
    design = design_of(tmp_path, ORDERED % "0.3, 0.3, 0.2, 0.2")
    found = analyse_as_planned(study(values, "state", arms_of(treated)), design, plan(design.request))["sensitivity"]
    gone = np.isnan(values[:, 2])
    expected = []
    for other in (1, 2, 3, 4):
        stands = []
        for mine in (1, 2, 3, 4):
            one = ordered(np.where(gone, np.where(treated, mine, other), values[:, 2]), treated, np.full(140, ""))
            stands += [mine] if one.z > 0 and one.p < 0.05 else []
        expected.append((other, max(stands, default=None)))
    rows = found["tipping_point"]
    assert [(row["control_missing_category"], row["treatment_worst_category"]) for row in rows] == expected
    assert len({mine for _, mine in expected}) > 1  # it does turn somewhere


def test_a_higher_category_may_be_the_better_one(tmp_path: Path) -> None:
    values, treated = states(140, 4, 1.6, 0.2, seed=9)
    low = design_of(tmp_path, ORDERED % "0.3, 0.3, 0.2, 0.2")
    high = design_of(tmp_path, (ORDERED % "0.3, 0.3, 0.2, 0.2").replace("week: 12}", "week: 12, better: higher}"))
    one = analyse_as_planned(study(values, "state", arms_of(treated)), low, plan(low.request))["sensitivity"]
    other = analyse_as_planned(study(5 - values, "state", arms_of(treated)), high, plan(high.request))["sensitivity"]
    for name in ("best-case", "worst-case"):
        assert other[name]["estimate"]["estimate"] == pytest.approx(one[name]["estimate"]["estimate"], rel=1e-4)
    mirrored = [row["control_missing_category"] for row in other["tipping_point"]]
    assert mirrored == [4, 3, 2, 1]


def plain_win_ratio(people: list[dict], filling: str) -> tuple[int, int]:
    """Count wins and losses of pairs, as anybody would by hand."""
    due, wins, losses = 84.0, 0, 0

    def filled(person: dict) -> dict:
        bad = {"best": not person["treated"], "worst": person["treated"], "loss": True}.get(filling)
        one = dict(person)
        if bad is None:
            return one
        if one["flare"] is None and one["until"] < due:
            one |= {"flare": one["until"]} if bad else {"until": due}
        if math.isnan(one["fall"]):
            one["fall"] = -math.inf if bad else math.inf
        return one

    for a, b in itertools.product(*([filled(p) for p in people if p["treated"] is t] for t in (True, False))):
        time_a = a["until"] if a["flare"] is None else a["flare"]
        time_b = b["until"] if b["flare"] is None else b["flare"]
        if b["flare"] is not None and b["flare"] < time_a:
            wins += 1
        elif a["flare"] is not None and a["flare"] < time_b:
            losses += 1
        elif a["fall"] > b["fall"] + 2:
            wins += 1
        elif b["fall"] > a["fall"] + 2:
            losses += 1
    return wins, losses


def test_bounds_of_the_win_ratio_are_those_of_counting_pairs(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    n = 60
    treated = np.arange(n) % 2 == 0
    values = np.column_stack([np.full(n, 60.0), np.full(n, 55.0), 50 + rng.normal(0, 8, n) - 5 * treated])
    gone = rng.random(n) < 0.25
    values[gone, 2] = np.nan
    flares = [(k, float(5 + k), "flare") for k in range(0, n, 7)]
    left = [(k, 45.0, "withdrawal") for k in np.flatnonzero(gone)]
    design = design_of(tmp_path, RANKED)
    tables = study(values, "pain", arms_of(treated), [*flares, *left])
    found = analyse_as_planned(tables, design, plan(design.request))["sensitivity"]
    day = {who: time for who, time, _ in flares}
    people = [
        {
            "treated": bool(treated[k]),
            # Whoever withdrew was seen last in week 6.
            "until": 42.0 if gone[k] else 84.0,
            "flare": day[k] if k in day and day[k] <= (42.0 if gone[k] else 84.0) else None,
            "fall": 60.0 - values[k, 2],
        }
        for k in range(n)
    ]
    names = {"best-case": "best", "worst-case": "worst", "missing-as-loss": "loss", "missing-as-tie": "tie"}
    for name, how in names.items():
        wins, losses = plain_win_ratio(people, how)
        assert found[name]["wins"] == pytest.approx(wins / 900), name
        assert found[name]["losses"] == pytest.approx(losses / 900), name
    order = [found[name]["estimate"]["estimate"] for name in ("worst-case", "missing-as-tie", "best-case")]
    assert order == sorted(order)
    assert order[0] < order[1] < order[2]


@pytest.mark.parametrize(("text", "measure"), [(ORDERED % "0.3, 0.3, 0.2, 0.2", "state"), (RANKED, "pain")])
def test_nothing_missing_is_said_and_the_report_shows_the_rest(tmp_path: Path, text: str, measure: str) -> None:
    values, treated = states(80, 4, 1.0, 0.0, seed=1)
    design = design_of(tmp_path, text)
    made = plan(design.request)
    assert analyse_as_planned(study(values, measure, arms_of(treated)), design, made)["sensitivity"] == {"missing": 0}
    values[::9, 2] = np.nan
    page = render(
        study_report(analyse_as_planned(study(values, measure, arms_of(treated)), design, made), design, made)
    )
    assert "worst case" in page
    assert ("Tipping point by category" if measure == "state" else "missing as loss") in page
