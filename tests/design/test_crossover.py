"""Crossovers analysed: a published example, a plain second implementation, each estimand, and everything around."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from abate.cli.main import main
from abate.design.analysis.crossover import crossed_scores, crossed_shares, mixed_scores
from abate.design.analysis.planned import analyse_as_planned
from abate.design.plan import plan
from abate.design.protocol.file import DesignFile, load_design
from abate.design.protocol.spirit import spirit
from abate.design.protocol.visits import schedule_rows
from abate.design.protocol.write import write_protocol
from abate.design.report_study import study_report
from abate.ground.errors import InputError
from abate.report.page import render
from abate.study.readers import read
from abate.study.store import Study
from abate.study.tables import StudyTables, conform, empty

# Peak expiratory flow of 13 children after formoterol and salbutamol: Senn 2002, chapter 3; SAS/STAT User's Guide, PROC
# TTEST, example "AB/BA Crossover Design". First and second period.
FORMOTEROL_FIRST = [(310, 270), (310, 260), (370, 300), (410, 390), (250, 210), (380, 350), (330, 365)]
SALBUTAMOL_FIRST = [(370, 385), (310, 400), (380, 410), (290, 320), (260, 340), (90, 220)]


def asthma() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = np.array(FORMOTEROL_FIRST + SALBUTAMOL_FIRST, dtype=float)
    return values[:, 0], values[:, 1], np.arange(13) < 7


def test_the_asthma_trial_is_as_published() -> None:
    first, second, early = asthma()
    found = crossed_scores(first, second, early, np.full(13, ""))
    # SAS prints four decimals of the mean, and Senn 46.6 (22.9 to 70.3).
    assert found.estimate.estimate == pytest.approx(46.6071, abs=5e-5)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((22.9, 70.3), abs=0.05)
    assert found.p == pytest.approx(0.0012, abs=5e-5)
    assert found.more["df"] == 11
    assert found.more["cells"][0] == {
        "sequence": "treatment first",
        "period": 1,
        "on": "treatment",
        "n": 7,
        "mean": pytest.approx(337.142857),
        "sd": pytest.approx(np.std([row[0] for row in FORMOTEROL_FIRST], ddof=1)),
    }


def drawn(n: int, seed: int, effect: float = -6.0, period: float = 4.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    early = np.arange(n) % 2 == 0
    person = rng.normal(50, 10, n)
    first = person + effect * early + rng.normal(0, 5, n)
    second = person + effect * ~early + period + rng.normal(0, 5, n)
    return first, second, early


def long_form(first: np.ndarray, second: np.ndarray, early: np.ndarray, **more: np.ndarray) -> pd.DataFrame:
    rows = pd.DataFrame({"person": np.arange(len(first)), "early": early, **more})
    return pd.concat(
        [
            rows.assign(y=first, period=0, on=early.astype(float)),
            rows.assign(y=second, period=1, on=(~early).astype(float)),
        ]
    )


def test_differences_within_people_are_the_model_with_everybody_as_a_factor() -> None:
    """Person, period and treatment by least squares: the same estimate, standard error, degrees of freedom and p."""
    first, second, early = drawn(24, seed=1)
    found = crossed_scores(first, second, early, np.full(24, ""))
    fit = smf.ols("y ~ C(person) + period + on", long_form(first, second, early)).fit()
    assert found.estimate.estimate == pytest.approx(fit.params["on"])
    assert found.error == pytest.approx(fit.bse["on"])
    assert found.p == pytest.approx(fit.pvalues["on"])
    assert found.more["df"] == fit.df_resid
    assert found.more["period_effect"]["estimate"] == pytest.approx(fit.params["period"])
    assert found.more["period_effect"]["p"] == pytest.approx(fit.pvalues["period"])
    low, high = fit.conf_int().loc["on"]
    assert (found.estimate.low, found.estimate.high) == pytest.approx((low, high))
    sums = stats.ttest_ind((first + second)[early], (first + second)[~early])
    assert found.more["carry_over"]["p"] == pytest.approx(sums.pvalue)
    assert "wash-out" in found.more["carry_over"]["warning"]


def test_strata_adjust_the_differences() -> None:
    first, second, early = drawn(40, seed=2)
    site = np.where(np.arange(40) % 3 == 0, "x", "y")
    second = second + 6.0 * (site == "x")  # a period effect of one site's own
    found = crossed_scores(first, second, early, site)
    frame = pd.DataFrame({"d": first - second, "early": early.astype(float), "site": site})
    fit = smf.ols("d ~ early + C(site)", frame).fit()
    assert found.estimate.estimate == pytest.approx(fit.params["early"] / 2)
    assert found.p == pytest.approx(fit.pvalues["early"])


def test_the_mixed_model_is_that_of_statsmodels_where_periods_are_missing() -> None:
    first, second, early = drawn(400, seed=3)
    second[::9] = np.nan
    first[4::31] = np.nan
    found = mixed_scores(first, second, early, np.full(400, ""))
    rows = long_form(first, second, early).dropna()
    fit = smf.mixedlm("y ~ period + on", rows, groups=rows["person"]).fit(reml=True)
    # One has any variances of both periods, the other equal ones: with 400 people of equal ones they differ little.
    assert found.estimate.estimate == pytest.approx(fit.params["on"], abs=0.1 * fit.bse["on"])
    assert found.error == pytest.approx(fit.bse["on"], rel=0.02)
    both = crossed_scores(first, second, early, np.full(400, ""))
    assert found.error < both.error  # single periods say something too
    assert found.more["people_with_both_periods"] == both.more["people_with_both_periods"] < 400


def test_responders_by_mcnemar_and_by_mainland_and_gart() -> None:
    rng = np.random.default_rng(5)
    early = np.arange(80) % 2 == 0
    latent = rng.normal(0, 1, 80)
    first = (latent + 0.9 * early + rng.normal(0, 1, 80) > 0.3).astype(float)
    second = (latent + 0.9 * ~early + rng.normal(0, 1, 80) > 0.3).astype(float)
    found = crossed_shares(first, second, early)
    on, off = np.where(early, first, second), np.where(early, second, first)
    table = pd.crosstab(on, off).to_numpy()
    assert found.p == pytest.approx(mcnemar(table, exact=False, correction=False).pvalue)
    once = first != second
    gart = stats.fisher_exact(pd.crosstab(early[once], first[once]).to_numpy()).pvalue
    assert found.more["mainland_gart"]["p"] == pytest.approx(gart)
    assert found.estimate.estimate == pytest.approx((on - off).mean())  # equal sequences
    # A share of the sample's standard error: the usual one of paired proportions, but for the degrees of freedom.
    usual = math.sqrt(((on - off) ** 2).mean() - (on - off).mean() ** 2) / math.sqrt(80)
    assert found.error == pytest.approx(usual, rel=0.05)


def test_a_period_effect_cancels_and_carry_over_biases_by_half_of_itself() -> None:
    first, second, early = drawn(2000, seed=8, period=25.0)
    plain = crossed_scores(first, second, early, np.full(2000, ""))
    assert plain.estimate.estimate == pytest.approx(-6.0, abs=3 * plain.error)
    assert plain.more["period_effect"]["estimate"] == pytest.approx(25.0, abs=0.7)
    left = crossed_scores(first, second + np.where(early, -4.0, 0.0), early, np.full(2000, ""))
    assert left.estimate.estimate - plain.estimate.estimate == pytest.approx(2.0)
    assert left.more["carry_over"]["estimate"] - plain.more["carry_over"]["estimate"] == pytest.approx(-4.0)


TEXT = """
name: X-1
title: Split against single morning dose
disease: polymyalgia rheumatica
control: {name: single, label: Single dose}
treatment: {name: split, label: Split dose}
layout: crossover
washout: 2
endpoint: {name: pain at week 4, measure: pain, week: 4%s}
visits: {weeks: [0, 2, 4], procedures: {bloods: [0], questionnaire: }}
assume: {%s}
estimands:
  - {name: policy, population: all, variable: v, summary: s, intercurrent: {rescue: treatment-policy}}
  - {name: without rescue, population: all, variable: v, summary: s, intercurrent: {rescue: hypothetical}}
  - {name: composite, population: all, variable: v, summary: s, intercurrent: {rescue: composite}}
"""
SCORES = TEXT % ("", "effect: -6, sd: 5")
SHARES = TEXT % (", at_most: 47", "control: 0.3, treatment: 0.6")


def design_of(tmp_path: Path, text: str) -> DesignFile:
    path = tmp_path / "design.yaml"
    path.write_text(text)
    return load_design(path)


def study(
    first: np.ndarray, second: np.ndarray, early: np.ndarray, events: list[tuple[int, float, str]] | None = None
) -> StudyTables:
    names = [f"{k:03d}" for k in range(len(first))]
    rows = []
    for who, name in enumerate(names):
        # Period 1 runs from week 0 to 4, period 2 from week 6 to 10.
        for week, value in ((0, 55.0), (2, 52.0), (4, first[who]), (6, 55.0), (8, 52.0), (10, second[who])):
            if not math.isnan(value):
                rows.append({"subject": name, "time": 7.0 * week, "visit": f"week {week}", "value": value})
    happened = [(names[who], day, event, "") for who, day, event in events or []]
    arms = ["split first" if one else "single then split" for one in early]
    return StudyTables(
        conform("subjects", pd.DataFrame({"subject": names, "arm": arms})),
        conform("measurements", pd.DataFrame(rows).assign(measure="pain", item="", unit="", censoring="")),
        empty("doses"),
        conform("events", pd.DataFrame(happened, columns=["subject", "time", "event", "detail"])),
        empty("decisions"),
        {"name": "t", "source": "observed", "arms": {"split first": "", "single then split": ""}},
    )


def test_a_crossover_is_analysed_from_its_design(tmp_path: Path) -> None:
    design = design_of(tmp_path, SCORES)
    first, second, early = drawn(40, seed=4)
    rescued = [(3, 30.0, "rescue"), (8, 60.0, "rescue")]  # day 30 lies in the wash-out, day 60 in the second period
    found = analyse_as_planned(study(first, second, early, rescued), design, plan(design.request))
    plain = crossed_scores(first, second, early, np.full(40, ""))
    rows = found["estimands"]
    assert rows["policy"]["result"]["estimate"] == plain.estimate.as_dict()
    assert rows["policy"]["result"]["p"] == plain.p
    assert rows["policy"]["missing"] == "nothing was missing"
    holed = second.copy()
    holed[8] = np.nan  # the rescue of the wash-out came after the first period's last visit
    mixed = mixed_scores(first, holed, early, np.full(40, ""))
    assert rows["without-rescue"]["result"]["estimate"]["estimate"] == pytest.approx(mixed.estimate.estimate)
    assert rows["without-rescue"]["missing"] == "1 people of whom one period was seen are in the mixed model"
    assert "no score to be set against the other period" in rows["composite"]["not_estimated"]
    assert found["flow"]["split first"] == {
        "label": "Split dose first",
        "randomised": 20,
        "seen_in_period_1": 20,
        "analysed": 20,
        "seen_at_the_end": 20,
        "rescue": 1,
    }
    assert found["sensitivity"] == {"missing": 0}


def test_responders_of_a_crossover_and_what_missing_periods_hide(tmp_path: Path) -> None:
    design = design_of(tmp_path, SHARES)
    first, second, early = drawn(60, seed=6)
    second[::10] = np.nan
    rescued = [(1, 20.0, "rescue"), (5, 60.0, "rescue")]
    found = analyse_as_planned(study(first, second, early, rescued), design, plan(design.request))
    hits = [np.where(np.isnan(values), np.nan, (values <= 47).astype(float)) for values in (first, second)]
    plain = crossed_shares(hits[0], hits[1], early)
    rows = found["estimands"]
    assert rows["policy"]["result"]["p"] == plain.p
    assert rows["policy"]["missing"] == "6 people without both periods are left out"
    failed = [hits[0].copy(), hits[1].copy()]
    failed[0][1] = failed[1][5] = 0.0
    assert rows["composite"]["result"]["p"] == crossed_shares(failed[0], failed[1], early).p
    order = [
        found["sensitivity"][name]["estimate"]["estimate"] for name in ("worst-case", "not-responding", "best-case")
    ]
    assert order == sorted(order)
    assert order[0] < order[2]
    assert found["sensitivity"]["missing"] == 6


def test_missing_scores_are_shown_with_and_without(tmp_path: Path) -> None:
    design = design_of(tmp_path, SCORES)
    first, second, early = drawn(60, seed=6)
    second[::5] = np.nan
    tables = study(first, second, early)
    found = analyse_as_planned(tables, design, plan(design.request))
    rows = found["sensitivity"]
    assert rows["missing"] == 12
    both, none = (
        rows[name]["estimate"]["estimate"] for name in ("people-with-both-periods", "no-benefit-for-the-others")
    )
    assert both < none < 0  # a smaller effect, never another sign
    assert found["flow"]["split first"]["seen_at_the_end"] == 24
    page = render(study_report(found, design, plan(design.request)))
    assert "Shown, not used" in page
    assert "no benefit for the others" in page


def test_dummy_data_of_a_crossover_are_read_back_and_analysed(tmp_path: Path) -> None:
    design = design_of(tmp_path, SHARES.replace("washout: 2", "washout: 2\nrandomisation: {strata: {site: [x, y]}}"))
    made = plan(design.request)
    write_protocol(design, made, tmp_path / "out", seed=1)
    tables = Study(tmp_path / "out/study-dummy").tables()
    assert set(tables.subjects["arm"]) == {"split first", "single first"}
    assert sorted(set(tables.measurements["time"] / 7)) == [0, 2, 4, 6, 8, 10]
    found = analyse_as_planned(tables, design, made)
    assert found["estimands"]["policy"]["result"]["people_with_both_periods"] > 0.7 * made.total
    again = analyse_as_planned(read(tmp_path / "out/adam-dummy/adeff.csv").tables, design, made)
    for name, row in found["estimands"].items():
        assert again["estimands"][name]["result"] == row["result"], name
    subjects = pd.read_csv(tmp_path / "out/adam-dummy/adsl.csv")
    one = subjects.iloc[0]
    assert {one["TRT01P"], one["TRT02P"]} == {"Split dose", "Single dose"}
    assert one["TRTSEQP"] == f"{one['TRT01P']}, then {one['TRT02P']}"
    assert (pd.to_datetime(subjects["TR02SDT"]) - pd.to_datetime(subjects["TR01SDT"])).dt.days.unique().tolist() == [42]
    values = pd.read_csv(tmp_path / "out/adam-dummy/adeff.csv")
    assert values.groupby("AVISITN")["APERIOD"].unique().map(list).to_dict() == {
        0: [1], 2: [1], 4: [1], 6: [2], 8: [2], 10: [2]
    }  # fmt: skip
    in_second = values[values["APERIOD"] == 2]
    assert set(in_second.loc[in_second["ABLFL"] == "Y", "AVISITN"]) == {6}
    merged = in_second.merge(subjects[["USUBJID", "TRT02P"]], on="USUBJID")
    assert (
        (merged["TRTP"] == merged["TRT02P_y"]).all()
        if "TRT02P_y" in merged
        else (merged["TRTP"] == merged["TRT02P"]).all()
    )
    text = spirit(design, made)
    assert "two periods of 4 weeks, 2 weeks of wash-out between them" in text
    heading, rows = schedule_rows(design)
    assert heading[-1] == "week 10"
    assert ["bloods", "x", "", "", "x", "", ""] in rows


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design_of(tmp_path, SCORES)
    file = str(tmp_path / "design.yaml")
    for words in (
        ["design", file, "--out", str(tmp_path / "d")],
        ["analyse", str(tmp_path / "d/study-dummy"), "--design", file, "--out", str(tmp_path / "r")],
    ):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert "Split dose first" in said
    assert "difference of means" in said


def test_a_wash_out_without_a_crossover_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 7, washout: only a crossover has one: 2"):
        design_of(tmp_path, SCORES.replace("layout: crossover\n", ""))


def test_studies_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    design = design_of(tmp_path, SCORES)
    made = plan(design.request)
    first, second, early = drawn(20, seed=1)
    tables = study(first, second, early)
    parallel = tables.subjects.assign(arm=["split" if one else "single" for one in early])
    with pytest.raises(InputError, match=r"not of the design.*allowed: split first, single first"):
        analyse_as_planned(StudyTables(parallel, *list(vars(tables).values())[1:]), design, made)
    with pytest.raises(InputError, match="no value of it at its week of period 2"):
        analyse_as_planned(study(first, np.full(20, np.nan), early), design, made)
    with pytest.raises(InputError, match="do not vary"):
        crossed_scores(np.full(8, 3.0), np.full(8, 2.0), np.arange(8) < 4, np.full(8, ""))
    with pytest.raises(InputError, match="fewer than two people of a sequence"):
        crossed_scores(first, np.where(early, second, np.nan), early, np.full(20, ""))
