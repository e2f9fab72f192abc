from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abate.ground.errors import InputError
from abate.ground.results import dumps
from abate.study.paired import look
from abate.study.series import analyse
from abate.study.store import Study, write
from abate.study.tables import StudyTables, empty

spec = importlib.util.spec_from_file_location("six", Path(__file__).with_name("six.py"))
made_up = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made_up)
six = made_up.six


@pytest.fixture(scope="module")
def results():
    return json.loads(dumps(analyse(six())))


def test_every_estimate_has_its_fields(results):
    wanted = {"estimate", "low", "high", "level", "n", "method"}

    def walk(value):
        if isinstance(value, dict):
            if "estimate" in value:
                assert wanted <= set(value)
            if "p" in value:
                assert "method" in value
                assert 0 <= value["p"] <= 1
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(results)
    assert list(results["measures"]) == ["fibromyalgianess", "fiqr", "pain"]
    assert list(results["measures"]["pain"]["visits"]) == ["week-4", "week-12"]


def test_change_is_the_plain_calculation(results):
    for name, data in (("fiqr", made_up.FIQR), ("pain", made_up.PAIN)):
        change = np.array(data[12], dtype=float) - np.array(data[0])
        ours = results["measures"][name]["visits"]["week-12"]
        walsh = [(a + b) / 2 for i, a in enumerate(change) for b in change[i:]]
        if 0 not in change:
            assert ours["estimate"] == np.median(walsh)
            assert (
                ours["p"]
                == stats.permutation_test(
                    (change,),
                    lambda d, axis: _smaller_rank_sum(d, axis),
                    permutation_type="samples",
                    alternative="less",
                ).pvalue
            )
        assert ours["mean_change"]["estimate"] == pytest.approx(change.mean(), rel=1e-12)
        assert ours["before"]["estimate"] == np.median(data[0])
        assert (ours["better"], ours["worse"], ours["same"]) == tuple(
            int(np.sum(np.sign(change) == s)) for s in (-1, 1, 0)
        )


def _smaller_rank_sum(d, axis):
    ranks = stats.rankdata(np.abs(d), axis=axis)
    plus = np.sum(ranks * (d > 0), axis=axis)
    return np.minimum(plus, np.sum(ranks, axis=axis) - plus)


def test_smallest_p_and_a_zero(results):
    pain = results["measures"]["pain"]["visits"]["week-4"]  # one person without change
    assert pain["n"] == 6
    assert pain["n_nonzero"] == 5
    assert pain["smallest_p"] == 0.0625
    assert pain["p"] == 0.0625
    assert pain["level"] == 0.9375
    assert "no exact 0.95 interval exists" in pain["method"]
    assert pain["pratt"]["level"] == 0.96875
    assert results["measures"]["fiqr"]["visits"]["week-4"]["p"] == 0.03125


def test_responders(results):
    rates = results["responders"]["pain-30-percent"]["visits"]
    assert [(rates[v]["events"], rates[v]["n"]) for v in ("week-4", "week-12")] == [(4, 6), (3, 6)]
    # Printed to a tenth of a percent.
    assert (rates["week-4"]["low"], rates["week-4"]["high"]) == pytest.approx((0.223, 0.957), abs=5e-4)
    assert (rates["week-12"]["low"], rates["week-12"]["high"]) == pytest.approx((0.118, 0.882), abs=5e-4)
    between = results["responders"]["pain-30-percent"]["between_visits"]
    assert (between["gained"], between["lost"], between["p"]) == (1, 2, 1)


def test_multiplicity(results):
    assert results["analysis"]["tests"] == 6
    p = [v["p"] for m in results["measures"].values() for v in m["visits"].values()]
    holm = [v["p_holm"] for m in results["measures"].values() for v in m["visits"].values()]
    assert min(holm) == min(p) * 6
    ordered = analyse(six(), order=[("fiqr", "week-12"), ("pain", "week-4"), ("fiqr", "week-4")])
    hierarchical = ordered["measures"]["fiqr"]["visits"]["week-4"]["p_hierarchical"]
    assert hierarchical == 0.0625  # the gate closed at pain
    with pytest.raises(InputError, match="no such test: 'fiqr/week-8'"):
        analyse(six(), order=[("fiqr", "week-8")])


def test_mixed_model_of_complete_data_is_near_the_mean_change(results):
    model = results["measures"]["fiqr"]["mixed_model"]
    assert model["fitted"]
    mean = np.mean(np.array(made_up.FIQR[4]) - np.array(made_up.FIQR[0]))
    # Complete data, baseline centred: the visit mean itself.
    assert model["visits"]["week-4"]["estimate"] == pytest.approx(mean, abs=1e-6)
    assert model["visits"]["week-4"]["df"] == pytest.approx(4, abs=0.01)  # six people, intercept and baseline


def test_subgroups_are_not_tested(results):
    shown = results["subgroups"]["fibromyalgia"]
    assert shown["sizes"] == {"primary": 2, "secondary": 4}
    week = shown["measures"]["fiqr"]["visits"]["week-12"]
    assert week["test"] is None
    assert "fewer than 10" in week["statement"]
    assert week["groups"]["primary"]["median_change"]["estimate"] == -17.25


def test_regression_line(results):
    line = results["measures"]["fiqr"]["visits"]["week-12"]["regression_to_the_mean"]
    assert line["population"]["value"] == 61.2
    start = np.mean(made_up.FIQR[0])
    for row in line["line"]:
        # Differences are compared on a grid of 1e-6.
        assert row["estimate"] == pytest.approx(-13.75 - (1 - row["reliability"]) * (61.2 - start), abs=1e-5)
    assert "line" not in results["measures"]["pain"]["visits"]["week-12"]["regression_to_the_mean"]


def test_a_missing_follow_up_and_a_missing_baseline():
    fiqr = {0: [72.5, 66, 81, None, 61, 70.5], 4: [55, None, 70, 66, 49, 69], 12: made_up.FIQR[12]}
    results = analyse(six(fiqr=fiqr))
    measure = results["measures"]["fiqr"]
    assert measure["no_baseline"] == ["P4"]
    week = measure["visits"]["week-4"]
    assert week["n"] == 4
    assert week["missing"]["who"] == ["P2"]
    assert week["missing"]["assumed_change"] == 0
    assert week["missing"]["worst_case"]["n"] == 5
    assert week["smallest_p"] == 0.125
    assert measure["visits"]["week-12"]["missing"] == {"people": 0}
    pain = {0: made_up.PAIN[0], 4: [5, 4, 6, 7, 4, None], 12: made_up.PAIN[12]}
    rate = analyse(six(pain=pain))["responders"]["pain-30-percent"]["visits"]["week-4"]
    assert (rate["events"], rate["n"], rate["not_told"]) == (4, 5, 1)
    assert rate["worst_case"].n == 6
    assert rate["best_case"].events == 5


def test_items_are_scored():
    rows = [
        (p, 7.0 * w, f"week {w}", "fiqr", f"fiqr/{k}", float(v), "", "")
        for p, (a, b) in {"P1": (8, 5), "P2": (7, 6), "P3": (9, 3)}.items()
        for w, v in ((0, a), (12, b))
        for k in range(1, 22)
    ]
    columns = ["subject", "time", "visit", "measure", "item", "value", "unit", "censoring"]
    subjects = pd.DataFrame({"subject": ["P1", "P2", "P3"], "arm": "all"})
    tables = StudyTables(
        subjects, pd.DataFrame(rows, columns=columns), empty("doses"), empty("events"), empty("decisions")
    )
    measure = analyse(tables)["measures"]["fiqr"]
    assert measure["baseline"]["estimate"] == 80
    assert measure["visits"]["week-12"]["estimate"] == -32.5  # of -30, -10, -60 and their averages
    assert measure["visits"]["week-12"]["p"] == 0.25
    # One symptom missing makes the strict score invalid; prorating keeps it.
    gap = tables.measurements[
        ~((tables.measurements["subject"] == "P2") & (tables.measurements["item"] == "fiqr/21"))
    ].reset_index(drop=True)
    short = StudyTables(subjects, gap, empty("doses"), empty("events"), empty("decisions"))
    strict, prorated = analyse(short), analyse(short, policy="prorate")
    assert strict["measures"]["fiqr"]["no_baseline"] == ["P2"]
    assert strict["measures"]["fiqr"]["sheets_not_scored"] == 2
    assert prorated["measures"]["fiqr"]["visits"]["week-12"]["n"] == 3


def test_the_same_from_a_stored_study(tmp_path):
    tables = six()
    frames = {name: getattr(tables, name) for name in ("subjects", "measurements", "doses", "events", "decisions")}
    write(tmp_path / "study", dict(tables.meta), frames)
    assert dumps(analyse(Study(tmp_path / "study"))) == dumps(analyse(tables))


def test_the_order_of_rows_does_not_show():
    tables = six()
    mixed = tables.measurements.sample(frac=1, random_state=4).reset_index(drop=True)
    again = StudyTables(tables.subjects, mixed, tables.doses, tables.events, tables.decisions, tables.meta)
    assert dumps(analyse(again)) == dumps(analyse(tables))


def test_arms_of_a_larger_study_and_laboratory_values():
    generator = np.random.default_rng(3)
    people = [f"{k}" for k in range(40)]
    rows = [
        (p, 7.0 * w, f"week {w}", "crp", "", float(generator.lognormal(2 - w / 20, 0.5)), "mg/L", "")
        for p in people
        for w in (0, 4, 8)
    ]
    columns = ["subject", "time", "visit", "measure", "item", "value", "unit", "censoring"]
    subjects = pd.DataFrame({"subject": people, "arm": ["a", "b"] * 20})
    tables = StudyTables(
        subjects, pd.DataFrame(rows, columns=columns), empty("doses"), empty("events"), empty("decisions")
    )
    results = analyse(tables, arm="a")
    assert results["study"]["n"] == 20
    assert results["measures"]["crp"]["unit"] == "mg/L"
    assert results["measures"]["crp"]["direction_assumed"]
    wide = tables.measurements.pivot(index="subject", columns="visit", values="value").loc[people[::2]]
    reference = stats.wilcoxon(wide["week 8"] - wide["week 0"], method="exact").pvalue
    assert results["measures"]["crp"]["visits"]["week-8"]["p"] == pytest.approx(reference, rel=1e-12)
    assert results["responders"] == {}
    with pytest.raises(InputError, match="there is no such arm: 'c'; allowed: a, b"):
        analyse(tables, arm="c")


def test_nothing_to_pair():
    with pytest.raises(InputError, match="needs a baseline and a later visit: 'week 0'"):
        analyse(six(fiqr={0: made_up.FIQR[0]}, pain={}, fibromyalgianess={}))
    later = {0: [1, None, None, None, None, None], 4: [None, 2, None, None, None, None]}
    with pytest.raises(InputError, match="no measure has a value at baseline and at a later visit"):
        analyse(six(fiqr={}, pain=later, fibromyalgianess={}))
    with pytest.raises(InputError, match="there is no value in this study"):
        analyse(six(fiqr={}, pain={}, fibromyalgianess={}))


def test_a_value_twice_at_a_visit():
    tables = six(pain={}, fibromyalgianess={})
    lab = tables.measurements.assign(measure="crp")
    again = pd.concat([lab, lab.iloc[[2]]], ignore_index=True)
    twice = StudyTables(tables.subjects, again, tables.doses, tables.events, tables.decisions, tables.meta)
    with pytest.raises(InputError, match="subject P3, week 0: crp stands twice at one visit"):
        look(twice)


def test_everybody_unchanged():
    results = json.loads(
        dumps(analyse(six(fiqr={0: made_up.FIQR[0], 4: made_up.FIQR[0]}, pain={}, fibromyalgianess={})))
    )
    week = results["measures"]["fiqr"]["visits"]["week-4"]
    assert week["p"] == 1
    assert week["estimate"] is None
    assert week["pratt"]["estimate"] == 0
    assert not math.isnan(week["mean_change"]["estimate"])
