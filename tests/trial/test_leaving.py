"""Drop-out by cause: hazards that compete, only after an event where one is named, and nothing else that changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abate.ground.errors import InputError
from abate.ground.randomness import uniform
from abate.study.arms import analyse_arms
from abate.study.endpoints import check_rule
from abate.trial.leaving import Leaving
from abate.trial.pieces import Dropout
from abate.trial.protocol import load_trial
from abate.trial.settings import apply
from abate.trial.simulate import simulate

WHO = np.arange(4000)
NO = np.zeros(WHO.size, dtype=bool)


def cause(rate, **more):
    return {"rate": rate, "unit": "1/day", "source": "made up", "grade": "assumed", **more}


def leaving(days=1000, **causes):
    named = {name.replace("_", "-"): row for name, row in causes.items()}
    return Leaving(Dropout(causes=named), days, WHO, seed=3)


def test_a_constant_rate_leaves_on_the_days_it_always_did():
    plain = Leaving(Dropout(rate=0.3, unit="1/year", source="made up", grade="assumed"), 364, WHO, seed=3)
    days = -np.log(uniform(3, "dropout", WHO)) / (0.3 / 365.25)
    np.testing.assert_allclose(plain.day, np.minimum(364, days), rtol=1e-12)
    assert set(plain.causes) == {"", "left the study"}


def test_causes_compete_in_the_ratio_of_their_hazards():
    found = leaving(adverse_event=cause(0.006), withdrawal_of_consent=cause(0.002)).causes
    share = np.mean(found == "adverse-event") / np.mean(found != "")
    # 3 of 4 leave for the larger hazard; three binomial standard errors of 4,000.
    assert share == pytest.approx(0.75, abs=3 * np.sqrt(0.75 * 0.25 / WHO.size))


def test_a_cause_keeps_its_days_when_another_is_added():
    one = leaving(adverse_event=cause(0.002))
    two = leaving(adverse_event=cause(0.002), other=cause(0.001))
    same = two.causes == "adverse-event"
    assert same.sum() > 1000
    np.testing.assert_array_equal(two.day[same], one.day[same])
    assert (two.day <= one.day).all()


def test_nobody_leaves_before_the_event_nor_after_its_weeks():
    who = leaving(lack_of_efficacy=cause(0.01, after="flare", for_weeks=10))
    assert (who.day == 1000).all()
    called = WHO < 2000
    who.happened(100, {"flare": called, "remission": ~called})
    left = who.day < 1000
    assert not left[~called].any()
    assert who.day[left].min() > 100
    assert who.day[left].max() < 170
    # 1 - exp(-0.01*70) of those who flared; three binomial standard errors.
    want = 1 - np.exp(-0.7)
    assert left[called].mean() == pytest.approx(want, abs=3 * np.sqrt(want * (1 - want) / 2000))


def test_weeks_count_anew_from_each_event_and_the_hazard_goes_on_where_it_was():
    # Without memory: two spans of ten weeks, apart or overlapping, leave as many as one span of the same days.
    apart, lapped, one = (leaving(lack=cause(0.01, after="flare", for_weeks=w)) for w in (10, 10, 20))
    for day in (100, 300):
        apart.happened(day, {"flare": ~NO})
    for day in (100, 170):
        lapped.happened(day, {"flare": ~NO})
    one.happened(100, {"flare": ~NO})
    assert (apart.day < 1000).sum() == (lapped.day < 1000).sum() == (one.day < 1000).sum()
    np.testing.assert_allclose(lapped.day, one.day)
    late = (apart.day > 170) & (apart.day < 1000)
    np.testing.assert_allclose(apart.day[late], one.day[late] + 130)


def test_a_day_that_has_passed_does_not_change():
    who = leaving(other=cause(0.01), lack=cause(0.05, after="flare"))
    gone = who.day < 150
    before = who.day[gone]
    who.happened(150, {"flare": ~NO})
    np.testing.assert_array_equal(who.day[gone], before)
    assert (who.day[~gone] > 150).all()


DROPOUT = {
    "causes": {
        "adverse-event": {"rate": 0.4, "unit": "1/year", "source": "made up", "grade": "assumed"},
        "lack-of-efficacy": {
            "rate": 4.0, "unit": "1/year", "after": "flare", "for_weeks": 12, "source": "made up", "grade": "assumed"
        },
    }
}  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leaving")
    arms = {"placebo-26": {"label": "Placebo", "patients": 48, "taper": "giacta-26"}}
    keys = {"weeks": 40, "arms": arms, "groups": {}, "published": (), "reference": None}
    keys["endpoints"] = ["patients-with-a-flare", "flare-or-lack-of-efficacy", "time-to-flare-or-lack-of-efficacy-days"]
    made = []
    for name, dropout in (("none", None), ("causes", DROPOUT)):
        trial = load_trial("giacta", changes={**keys, "dropout": dropout})
        made.append(simulate(trial, folder / name, seed=2))
    return made


def test_what_else_is_drawn_for_a_person_stays(both):
    without, with_causes = (study.tables() for study in both)
    left = with_causes.events[with_causes.events["event"] == "withdrawal"].set_index("subject")["time"]
    assert len(left) > 5
    for name in ("measurements", "decisions"):
        before, after = getattr(without, name), getattr(with_causes, name)
        stays = before["time"] < before["subject"].map(left).fillna(np.inf)
        pd.testing.assert_frame_equal(before[stays].reset_index(drop=True), after.reset_index(drop=True))
    assert len(with_causes.measurements) < len(without.measurements)


def test_lack_of_efficacy_comes_after_a_flare_and_flows_into_the_results(both):
    tables = both[1].tables()
    left = tables.events[tables.events["event"] == "withdrawal"]
    flare = tables.events[tables.events["event"] == "flare"].groupby("subject")["time"].min()
    failed = left[left["detail"] == "lack-of-efficacy"]
    assert len(failed)
    assert (failed["time"].to_numpy() > flare.reindex(failed["subject"]).to_numpy()).all()
    arm = analyse_arms(tables)["arms"]["placebo-26"]
    assert arm["flow"]["withdrew_for"] == left["detail"].value_counts().sort_index().to_dict()
    assert sum(arm["flow"]["withdrew_for"].values()) == arm["flow"]["withdrew"]
    # All who leave for lack of efficacy have flared here, so that counting them adds nobody.
    ends = arm["endpoints"]
    assert ends["flare-or-lack-of-efficacy"]["events"] == ends["patients-with-a-flare"]["events"]


def test_leaving_for_lack_of_efficacy_counts_as_a_failure_where_the_endpoint_says_so(both):
    tables = both[1].tables()
    tables = replace(tables, events=tables.events[tables.events["event"] != "flare"])
    ends = analyse_arms(tables)["arms"]["placebo-26"]["endpoints"]
    assert ends["patients-with-a-flare"]["events"] == 0
    assert ends["flare-or-lack-of-efficacy"]["events"] == (tables.events["detail"] == "lack-of-efficacy").sum()


def test_without_causes_the_flow_has_none(both):
    assert "withdrew_for" not in analyse_arms(both[0].tables())["arms"]["placebo-26"]["flow"]


def test_an_arm_may_have_its_own():
    arm = {"label": "Placebo", "patients": 50, "taper": "giacta-26"}
    arms = {"one": {**arm, "dropout": DROPOUT}, "other": arm}
    keys = {"arms": arms, "groups": {}, "published": (), "reference": None}
    trial = load_trial("giacta", changes=keys)
    assert set(trial.arms["one"].dropout.causes) == {"adverse-event", "lack-of-efficacy"}
    assert trial.arms["other"].dropout is None


def test_a_rate_is_set_on_the_command_line():
    trial = load_trial("giacta", changes={"dropout": DROPOUT})
    assert apply(trial, {"dropout.causes.adverse-event.rate": "0.1"}).dropout.causes["adverse-event"].rate == 0.1
    assert apply(trial, {"weeks": "26"}).dropout == trial.dropout


@pytest.mark.parametrize(
    ("dropout", "message"),
    [
        ({"causes": {}}, "dropout: .*give a rate, or causes"),
        ({"rate": 0.1, "unit": "1/year", "source": "x"}, "the key 'grade' is missing"),
        ({"source": "x", **DROPOUT}, "'source' has no rate: each cause has its own"),
        ({"causes": {"Adverse event": DROPOUT["causes"]["adverse-event"]}}, "write it as 'adverse-event'"),
        ({"causes": {"other": {**DROPOUT["causes"]["adverse-event"], "unit": "mg"}}}, "causes.other.unit"),
        ({"causes": {"other": {**DROPOUT["causes"]["adverse-event"], "rate": -1}}}, "causes.other.rate"),
        ({"causes": {"other": {**DROPOUT["causes"]["adverse-event"], "for_weeks": 4}}}, "for_weeks needs an event"),
        (
            {"causes": {"other": {**DROPOUT["causes"]["adverse-event"], "after": "flaer"}}},
            "causes.other.after: the policy calls no such event: 'flaer'.* did you mean 'flare'",
        ),
    ],
)
def test_bad_causes_are_refused_by_name(dropout, message):
    with pytest.raises(InputError, match=message):
        load_trial("giacta", changes={"dropout": dropout})


def test_causes_of_an_endpoint_are_a_list():
    rule = {"label": "x", "source": "x", "kind": "flares", "estimator": "proportion", "at_least": 1}
    with pytest.raises(InputError, match="failed_by_leaving_for is no list of names"):
        check_rule("mine", {**rule, "failed_by_leaving_for": "lack-of-efficacy"})


def test_the_example_runs_as_written():
    path = Path(__file__).parents[2] / "examples" / "trials" / "drop-out-by-cause.yaml"
    assert set(load_trial(path).dropout.causes) == {
        "adverse-event",
        "lack-of-efficacy",
        "withdrawal-of-consent",
        "other",
    }
