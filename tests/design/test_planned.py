"""A trial analysed as its design file planned: each kind of endpoint, each strategy, and the looks."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.contingency_tables import StratifiedTable

from abate.cli.main import main
from abate.design.analysis.estimands import events_of, intercurrent
from abate.design.analysis.imputation import imputed, monotone
from abate.design.analysis.people import people_of
from abate.design.analysis.planned import analyse_as_planned
from abate.design.analysis.wins import Outcome, win_ratio
from abate.design.plan import plan
from abate.design.protocol.file import DesignFile, Estimand, load_design
from abate.design.report_study import study_report, study_sentences
from abate.design.stopping import after
from abate.ground.errors import InputError
from abate.study.statistics.survival import hazard_ratio, log_rank
from abate.study.store import write
from abate.study.tables import StudyTables, conform, empty

HEAD = """
name: T-1
title: A against B
disease: polymyalgia rheumatica
control: {name: b, label: Usual care}
treatment: {name: a, label: New drug}
randomisation: {strata: {site: [x, y]}}
"""
POLICY = "{name: policy, population: all, variable: v, summary: s, intercurrent: {rescue: treatment-policy}}"


def design_of(tmp_path: Path, more: str) -> DesignFile:
    path = tmp_path / "design.yaml"
    path.write_text(HEAD + more)
    return load_design(path)


def study(
    values: np.ndarray, weeks: list[int], arms: list[str], events: list[tuple[str, float, str]], measure: str = "pain"
) -> StudyTables:
    names = [f"{k:03d}" for k in range(len(arms))]
    subjects = pd.DataFrame({"subject": names, "arm": arms, "site": ["x" if k % 3 else "y" for k in range(len(arms))]})
    rows = [
        {"subject": names[i], "time": 7.0 * week, "visit": f"week {week}", "value": values[i, k]}
        for i in range(len(arms))
        for k, week in enumerate(weeks)
        if not math.isnan(values[i, k])
    ]
    measured = pd.DataFrame(rows, columns=["subject", "time", "visit", "value"])
    measured = measured.assign(measure=measure, item="", unit="", censoring="")
    happened = pd.DataFrame(
        [(names[int(who)] if not isinstance(who, str) else who, time, event, "") for who, time, event in events],
        columns=["subject", "time", "event", "detail"],
    )
    return StudyTables(
        conform("subjects", subjects),
        conform("measurements", measured),
        empty("doses"),
        conform("events", happened),
        empty("decisions"),
        {"name": "t", "source": "observed", "arms": {"a": "A", "b": "B"}},
    )


def drawn(n: int, effect: float, seed: int = 3) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    arms = ["a", "b"] * (n // 2)
    treated = np.array([arm == "a" for arm in arms])
    person = rng.normal(0, 6, n)
    values = np.column_stack([50 + person + rng.normal(0, 5, n) for _ in range(3)])
    values[:, 1:] += (effect * treated)[:, None] * np.array([0.5, 1.0])
    return values, arms


CHANGE = f"""
endpoint: {{name: change, measure: pain, week: 12}}
visits: {{weeks: [0, 6, 12]}}
assume: {{effect: -8, sd: 10}}
estimands: [{POLICY}]
"""


def test_a_change_of_one_visit_is_an_analysis_of_covariance(tmp_path: Path) -> None:
    design = design_of(tmp_path, CHANGE.replace("[0, 6, 12]", "[0, 12]"))
    values, arms = drawn(60, -8.0)
    tables = study(values[:, [0, 2]], [0, 12], arms, [])
    found = analyse_as_planned(tables, design, plan(design.request))
    treated = np.array([arm == "a" for arm in arms], dtype=float)
    site = np.array([float(k % 3 == 0) for k in range(60)])
    frame = np.column_stack([np.ones(60), treated, values[:, 0], site])
    reference = sm.OLS(values[:, 2] - values[:, 0], frame).fit()
    result = found["estimands"]["policy"]["result"]
    assert result["estimate"]["estimate"] == pytest.approx(reference.params[1], rel=1e-6)  # the likelihood's optimiser
    assert result["p"] == pytest.approx(reference.pvalues[1], rel=1e-4)
    assert found["sensitivity"]["missing"] == 0


def test_missing_scores_are_met_by_reference_and_by_a_tipping_point(tmp_path: Path) -> None:
    design = design_of(tmp_path, CHANGE)
    values, arms = drawn(120, -9.0)
    values[::5, 2] = np.nan
    values[::10, 1] = np.nan
    values[3, 1] = np.nan  # a gap, filled by a straight line
    found = analyse_as_planned(study(values, [0, 6, 12], arms, []), design, plan(design.request))
    rows = found["sensitivity"]
    assert rows["gaps_filled"] == 1
    random, jump = (rows[name]["estimate"] for name in ("missing-at-random", "jump-to-reference"))
    assert random < jump < 0  # whoever left the drug lost its effect
    assert abs(random - found["estimands"]["policy"]["result"]["estimate"]["estimate"]) < 1.5
    point = rows["tipping_point"]
    assert point["shift"] > 0  # a lower score is better, so worse is upwards
    assert list(found["estimands"]["policy"]["result"]["visits"]) == ["week 6", "week 12"]


RESPONDERS = """
endpoint: {name: response, measure: pain, week: 12, fall: 0.3}
visits: {weeks: [0, 6, 12]}
assume: {control: 0.3, treatment: 0.55}
estimands:
  - {name: policy, population: all, variable: v, summary: s, intercurrent: {rescue: treatment-policy}}
  - {name: composite, population: all, variable: v, summary: s, intercurrent: {rescue: composite}}
  - {name: without rescue, population: all, variable: v, summary: s, intercurrent: {rescue: hypothetical}}
  - {name: on drug, population: all, variable: v, summary: s, intercurrent: {rescue: while-on-treatment}}
  - {name: stratum, population: all, variable: v, summary: s, intercurrent: {rescue: principal-stratum}}
"""


def test_responders_over_strata_and_each_strategy(tmp_path: Path) -> None:
    design = design_of(tmp_path, RESPONDERS)
    values, arms = drawn(90, -20.0)
    rescued = [(k, 40.0, "rescue") for k in range(0, 90, 6)]  # six in ten of them on treatment, before week 6
    found = analyse_as_planned(study(values, [0, 6, 12], arms, rescued), design, plan(design.request))
    hit = values[:, 2] <= 0.7 * values[:, 0]
    treated = np.array([arm == "a" for arm in arms])
    rows = found["estimands"]

    def reference(responded: np.ndarray) -> StratifiedTable:
        layers = []
        for site in (True, False):
            here = np.array([(k % 3 == 0) is site for k in range(90)])
            layers.append([[np.sum(here & t & r) for r in (responded, ~responded)] for t in (treated, ~treated)])
        return StratifiedTable(layers)

    plain = reference(hit).test_null_odds(correction=False)
    assert rows["policy"]["result"]["p"] == pytest.approx(plain.pvalue)
    failed = np.isin(np.arange(90), [k for k, _, _ in rescued])
    assert rows["composite"]["result"]["p"] == pytest.approx(
        reference(hit & ~failed).test_null_odds(correction=False).pvalue
    )
    assert "missing values of pain imputed" in rows["without-rescue"]["missing"]
    assert rows["without-rescue"]["result"]["seen"]["treatment"][1] == 45 - 15
    early = values.copy()
    early[failed, 2] = early[failed, 0]  # day 40 comes before week 6: the baseline is the last value before it
    on_drug = early[:, 2] <= 0.7 * early[:, 0]
    assert rows["on-drug"]["result"]["p"] == pytest.approx(reference(on_drug).test_null_odds(correction=False).pvalue)
    assert rows["stratum"]["result"] is None
    assert "principal stratum" in rows["stratum"]["not_estimated"]
    assert found["flow"]["a"]["rescue"] == 15
    assert any("Stratum: not estimated" in line for line in study_sentences(found))


TIMES = """
endpoint: {name: time to flare, measure: flare, week: 24}
visits: {weeks: [0, 12, 24]}
assume: {hazard_ratio: 0.5, control: 0.6}
looks: {number: 2, spending: pocock}
estimands:
  - {name: policy, population: all, variable: v, summary: s, intercurrent: {rescue: treatment-policy}}
  - {name: composite, population: all, variable: v, summary: s, intercurrent: {rescue: composite}}
"""


def test_times_to_an_event_and_the_looks(tmp_path: Path) -> None:
    design = design_of(tmp_path, TIMES.replace("strata", "x"))
    rng = np.random.default_rng(4)
    arms = ["a", "b"] * 60
    treated = np.array([arm == "a" for arm in arms])
    day = np.ceil(rng.exponential(np.where(treated, 300.0, 140.0)))
    values = np.tile([[3.0, 3.0, 3.0]], (120, 1))
    flares = [(k, float(day[k]), "flare") for k in range(120) if day[k] <= 168]
    tables = study(values, [0, 12, 24], arms, [*flares, (1, 10.0, "rescue"), (5, 20.0, "withdrawal")])
    tables = StudyTables(
        tables.subjects.drop(columns="site"),
        tables.measurements,
        tables.doses,
        tables.events,
        tables.decisions,
        tables.meta,
    )
    made = plan(design.request)
    found = analyse_as_planned(tables, design, made, look=2)
    watched = np.full(120, 168.0)
    watched[5] = 20.0
    seen = day <= watched
    time = np.where(seen, day, watched)
    result = found["estimands"]["policy"]["result"]
    alone = hazard_ratio(time[treated], seen[treated], time[~treated], seen[~treated])
    assert result["estimate"]["estimate"] == pytest.approx(alone.estimate, rel=1e-6)
    assert result["p"] == pytest.approx(log_rank(time[treated], seen[treated], time[~treated], seen[~treated]))
    assert result["restricted_mean_difference"]["estimate"] > 0
    assert found["estimands"]["composite"]["result"]["events"]["control"] == result["events"]["control"] + (
        0 if day[1] <= 168 else 1
    )
    assert "not stratified" in found["notes"][0]
    # After the looks: the same z, on the hazard ratio's scale.
    told = found["sequential"]
    reference = after(made.sequential, 2, -result["z"])
    assert told["p_one_sided"] == pytest.approx(reference.p)
    assert told["naive"]["estimate"] == pytest.approx(result["estimate"]["estimate"])
    assert told["median_unbiased"]["low"] < told["median_unbiased"]["estimate"] < told["median_unbiased"]["high"]
    first = analyse_as_planned(tables, design, made, look=1)["sequential"]
    planned = made.comparison.events(made.control, made.treatment)  # type: ignore[union-attr]
    assert first["information"] == pytest.approx(int(seen.sum()) / planned)  # the boundary spends, so it moves along
    with pytest.raises(InputError, match="no such look"):
        analyse_as_planned(tables, design, made, look=3)


def test_a_ranked_composite_is_the_win_ratio(tmp_path: Path) -> None:
    ranking = "ranking: [{event: flare}, {measure: pain, week: 12, margin: 2}]"
    more = CHANGE.replace("week: 12}", f"week: 12, {ranking}}}").replace("effect: -8, sd: 10", "win_ratio: 1.8")
    design = design_of(tmp_path, more)
    values, arms = drawn(40, -6.0)
    flares = [(k, 30.0 + k, "flare") for k in (1, 3, 4, 9)]
    found = analyse_as_planned(study(values, [0, 6, 12], arms, flares), design, plan(design.request))
    treated = np.array([arm == "a" for arm in arms])
    day, seen = np.full(40, 84.0), np.zeros(40, dtype=bool)
    for k, time, _ in flares:
        day[k], seen[k] = time, True
    fall = values[:, 0] - values[:, 2]
    outcomes = [
        Outcome(day[treated], day[~treated], seen[treated], seen[~treated]),
        Outcome(fall[treated], fall[~treated], margin=2.0),
    ]
    reference = win_ratio(outcomes)
    result = found["estimands"]["policy"]["result"]
    assert result["estimate"]["estimate"] == pytest.approx(reference.ratio.estimate)
    assert result["p"] == pytest.approx(reference.p)
    assert result["ties"] == pytest.approx(reference.ties)


def test_an_ordered_outcome_of_two_categories_is_a_logistic_model(tmp_path: Path) -> None:
    more = CHANGE.replace("effect: -8, sd: 10", "odds_ratio: 2, categories: [0.4, 0.6]")
    design = design_of(tmp_path, more.replace("strata", "x"))
    rng = np.random.default_rng(7)
    arms = ["a", "b"] * 50
    treated = np.array([arm == "a" for arm in arms])
    worse = (rng.random(100) < np.where(treated, 0.4, 0.65)).astype(float) + 1
    values = np.column_stack([np.full(100, 2.0), worse, worse])
    found = analyse_as_planned(study(values, [0, 6, 12], arms, []), design, plan(design.request))
    site = np.array([float(k % 3 == 0) for k in range(100)])
    design_matrix = np.column_stack([np.ones(100), treated, site])
    reference = sm.Logit(worse - 1, design_matrix).fit(disp=False)
    result = found["estimands"]["policy"]["result"]
    assert result["estimate"]["estimate"] == pytest.approx(
        math.exp(-reference.params[1]), rel=1e-4
    )  # an optimiser's end
    assert result["p"] == pytest.approx(reference.pvalues[1], rel=1e-3)


def test_a_margin_is_refuted_on_one_side(tmp_path: Path) -> None:
    design = design_of(tmp_path, CHANGE.replace("effect: -8, sd: 10", "effect: 0, sd: 10, margin: 6"))
    values, arms = drawn(80, 0.0)
    found = analyse_as_planned(study(values, [0, 6, 12], arms, []), design, plan(design.request))
    result = found["estimands"]["policy"]["result"]
    plain = analyse_as_planned(study(values, [0, 6, 12], arms, []), design_of(tmp_path, CHANGE), plan(design.request))
    assert "one-sided against a margin of 6" in result["method"]
    half = (result["estimate"]["high"] - result["estimate"]["low"]) / 2
    assert (result["p"] < 0.025) == (result["estimate"]["estimate"] + half < 6.0)
    assert plain["endpoint"]["kind"] == "change"


def test_strategies_take_out_what_they_should(tmp_path: Path) -> None:
    design = design_of(tmp_path, CHANGE)
    values, arms = drawn(12, 0.0)
    people, _ = people_of(study(values, [0, 6, 12], arms, [(0, 50.0, "rescue"), (1, 90.0, "rescue")]), design)
    hypothetical = Estimand(
        name="h", population="p", variable="v", summary="s", intercurrent={"rescue": "hypothetical"}
    )
    kept = intercurrent(hypothetical, people).observed(values, (0, 6, 12))
    assert np.isnan(kept[0]).tolist() == [False, False, True]  # week 12 is day 84, after day 50
    assert not np.isnan(kept[1]).any()  # day 90 comes after the last visit
    policy = Estimand(name="p", population="p", variable="v", summary="s", intercurrent={"rescue": "treatment-policy"})
    assert not np.isnan(intercurrent(policy, people).observed(values, (0, 6, 12))).any()


def test_a_cause_of_withdrawal_has_a_strategy_of_its_own(tmp_path: Path) -> None:
    design = design_of(tmp_path, CHANGE)
    values, arms = drawn(12, 0.0)
    tables = study(values, [0, 6, 12], arms, [(0, 50.0, "withdrawal"), (1, 50.0, "withdrawal")])
    tables = replace(tables, events=tables.events.assign(detail=["Lack of efficacy", "adverse-event"]))
    people, _ = people_of(tables, design)
    strategies = {"leaving for lack of efficacy": "composite"}
    estimand = Estimand(name="e", population="p", variable="v", summary="s", intercurrent=strategies)
    found = intercurrent(estimand, people)
    assert found.composite[:2].tolist() == [50.0, math.inf]
    flow = analyse_as_planned(tables, design, plan(design.request))["flow"]
    counts = [arm["withdrew_for"] for arm in flow.values()]
    assert {cause: sum(c[cause] for c in counts) for cause in counts[0]} == {"adverse-event": 1, "lack-of-efficacy": 1}


def test_imputed_values_keep_what_was_seen_and_have_the_right_spread() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(50, 10, (200, 1)) + rng.normal(0, 5, (200, 3))
    treated = np.arange(200) % 2 == 0
    gone = values.copy()
    gone[::4, 2] = np.nan
    whole = imputed(gone, treated, "missing-at-random", seed=2, imputations=40)
    assert all(np.array_equal(one[~np.isnan(gone)], gone[~np.isnan(gone)]) for one in whole)
    drawn_values = np.stack([one[::4, 2] for one in whole])
    assert drawn_values.std() == pytest.approx(values[:, 2].std(), rel=0.15)  # 50 people's worth
    assert monotone(values)[1] == 0
    with pytest.raises(InputError, match="too few people in an arm"):
        imputed(gone[:6], treated[:6], "missing-at-random", seed=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.subjects.__setitem__("arm", "c"), "not of the design.*allowed: a, b"),
        (lambda s: s.subjects.__setitem__("arm", "a"), "one of the arms has nobody"),
        (lambda s: s.measurements.__setitem__("measure", "pian"), "does not hold this measure.*did you mean 'pian'"),
        (lambda s: s.measurements.__setitem__("time", 200.0), "nobody has a baseline"),
    ],
)
def test_a_study_of_another_design_is_refused(tmp_path: Path, change: object, message: str) -> None:
    design = design_of(tmp_path, CHANGE)
    values, arms = drawn(20, -5.0)
    tables = study(values, [0, 6, 12], arms, [])
    assert callable(change)
    change(tables)
    with pytest.raises(InputError, match=message):
        analyse_as_planned(tables, design, plan(design.request))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (RESPONDERS.replace(", fall: 0.3", ""), "nothing says who is a responder"),
        (CHANGE.replace("effect: -8, sd: 10", "win_ratio: 1.8"), "needs its ranking"),
        (CHANGE.replace("intercurrent: {rescue:", "intercurrent: {moon:"), None),
    ],
)
def test_a_design_that_says_too_little_is_told_what_to_add(tmp_path: Path, more: str, message: str | None) -> None:
    design = design_of(tmp_path, more)
    values, arms = drawn(40, -5.0)
    tables = study(values, [0, 6, 12], arms, [])
    if message is None:  # under the treatment policy nothing needs to be known of the event
        assert analyse_as_planned(tables, design, plan(design.request))["estimands"]["policy"]["result"] is not None
    else:
        with pytest.raises(InputError, match=message):
            analyse_as_planned(tables, design, plan(design.request))


def test_events_are_known_by_words() -> None:
    assert events_of("Discontinuation of tocilizumab") == ("stop", "withdrawal")
    assert events_of("transfusion", {"transfusion": 1}) == ("transfusion",)
    with pytest.raises(InputError, match=r"no event of a Study is meant.*rescue, stop"):
        events_of("the moon")


def test_from_the_command_line_and_as_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = design_of(tmp_path, CHANGE + "looks: {number: 2}\n")
    values, arms = drawn(60, -9.0)
    values[::7, 2] = np.nan
    tables = study(values, [0, 6, 12], arms, [(2, 20.0, "rescue")])
    parts = {"subjects": tables.subjects, "measurements": tables.measurements, "events": tables.events}
    write(tmp_path / "study", {**tables.meta}, parts)
    words = ["--design", str(tmp_path / "design.yaml"), "--look", "1", "--out", str(tmp_path / "r")]
    with pytest.raises(SystemExit) as stop:
        main(["analyse", str(tmp_path / "study"), *words])
    out = capsys.readouterr()
    assert stop.value.code == 0, out.err
    assert "Policy: difference of mean changes -" in out.out
    page = (tmp_path / "r" / "report.html").read_text()
    assert "What missing values could hide" in page
    assert "After the looks" in page
    found = analyse_as_planned(tables, design, plan(design.request))
    assert study_report(found, design, plan(design.request)).title == "Analysis: A against B"
    with pytest.raises(SystemExit) as stop:
        main(["design", "--study", str(tmp_path / "study")])
    assert "abate design FILE --study STUDY" in capsys.readouterr().err
    assert stop.value.code == 2
