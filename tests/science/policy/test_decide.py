"""Decisions at visits: the rules of the library's policies, and what no policy may ever do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abate.ground.errors import InputError
from abate.ground.files import load_yaml
from abate.ground.randomness import normal, uniform
from abate.science.policy import (
    Decisions,
    Memory,
    Policy,
    begin,
    decide,
    load_policy,
    policies,
    policy_from,
    wants_visit,
)
from abate.science.regimen import load_taper, tapers

HALF = 0.5


def draws(policy: Policy, persons: np.ndarray, visit: int, seed: int = 1) -> dict[str, np.ndarray]:
    return {name: uniform(seed, f"policy:{name}", persons, visit) for name in policy.draws}


def own(rules: str, measures: str = "[symptom-score, crp, morning-cortisol]", more: str = "") -> Policy:
    text = f"""
name: own
title: own
source: me
grade: assumed
measures: {measures}
visits: {{every: 2 weeks}}
start: {{taper: giacta-26}}
limits: {{prednisone: 60 mg}}
{more}
rules:
{rules}
"""
    return policy_from(load_yaml("own.yaml", text=text))


def one(policy: Policy, day: int, memory: Memory, **seen: float) -> Decisions:
    observed = {name.replace("_", "-"): np.full(memory.persons, value) for name, value in seen.items()}
    return decide(policy, day, observed, memory, dict.fromkeys(policy.draws, HALF))


def test_remission_then_flare_then_rescue_and_taper_again() -> None:
    policy = load_policy("giacta")
    memory = begin(policy, 1, 364, start_dose=40)
    first = one(policy, 14, memory, symptom_score=3)
    assert first.events["remission"].tolist() == [True]
    assert not first.changed.any()
    flare = one(policy, 84, first.memory, symptom_score=20)
    assert (flare.events["flare"].tolist(), flare.events["rescue"].tolist()) == ([True], [True])
    # The dose last taken was 8 mg, so all five steps are open; the middle of the odds is 30 mg.
    assert flare.dose.tolist() == [30]
    np.testing.assert_array_equal(flare.memory.plan[0, :84], memory.plan[0, :84])
    np.testing.assert_array_equal(flare.memory.plan[0, 84:], load_taper("giacta-26").daily(280, 30)[0])


def test_a_flare_is_not_called_again_within_28_days_and_is_after() -> None:
    policy = load_policy("giacta")
    memory = one(policy, 0, begin(policy, 1, 364), symptom_score=3).memory
    memory = one(policy, 84, memory, symptom_score=20).memory
    assert one(policy, 98, memory, symptom_score=20).rule.tolist() == [-1]
    assert one(policy, 111, memory, symptom_score=20).rule.tolist() == [-1]
    assert one(policy, 112, memory, symptom_score=20).rule.tolist() == [1]


def test_no_remission_by_day_84_is_refractory_once_and_not_a_flare() -> None:
    policy = load_policy("giacta")
    memory = begin(policy, 1, 364)
    called = []
    for day in range(0, 140, 14):
        decisions = one(policy, day, memory, symptom_score=20)
        memory = decisions.memory
        called += [(day, event) for event, hit in decisions.events.items() if hit[0]]
    assert called == [(84, "refractory"), (84, "rescue")]


def test_crp_alone_decides_nothing_where_symptoms_decide() -> None:
    for name in ("giacta", "pmr-spare", "pmr-cohort"):
        policy = load_policy(name)
        ids = np.arange(50)
        memory = begin(policy, 50, 364, draws=draws(policy, ids, 0))
        for visit, day in enumerate(range(0, 364, 28)):
            score = np.exp(normal(3, "score", ids, visit) + 2)
            low = decide(policy, day, {"symptom-score": score, "crp": np.zeros(50)}, memory, draws(policy, ids, visit))
            high = decide(
                policy, day, {"symptom-score": score, "crp": np.full(50, 200.0)}, memory, draws(policy, ids, visit)
            )
            np.testing.assert_array_equal(low.fired, high.fired)
            np.testing.assert_array_equal(low.memory.plan, high.memory.plan)
            memory = low.memory


def test_rescue_odds_are_equal_among_the_steps_at_least_5_mg_above() -> None:
    policy = load_policy("giacta")
    n = 4000
    ids = np.arange(n)
    memory = begin(policy, n, 364, start_dose=60)  # week 6 of the table: 25 mg last taken on day 41
    memory = decide(policy, 0, {"symptom-score": np.full(n, 3.0)}, memory, draws(policy, ids, 0)).memory
    doses = decide(policy, 42, {"symptom-score": np.full(n, 30.0)}, memory, draws(policy, ids, 1)).dose
    found, count = np.unique(doses, return_counts=True)
    assert found.tolist() == [30, 35, 40]
    # Four standard errors of a share of 1/3 among 4,000.
    np.testing.assert_allclose(count / n, 1 / 3, atol=4 * np.sqrt(2 / 9 / n))


def test_where_no_rescue_step_is_high_enough_the_dose_is_not_lowered() -> None:
    policy = load_policy("giacta")
    memory = one(policy, 0, begin(policy, 1, 364), symptom_score=3).memory
    assert one(policy, 7, memory, symptom_score=30).dose.tolist() == [60]


def test_pmr_rescue_goes_up_five_and_back_down_then_the_slow_rule() -> None:
    policy = load_policy("pmr-spare")
    memory = begin(policy, 1, 700, draws={"step-length": HALF})
    assert memory.step_days.tolist() == [4.75 * 7]
    memory = one(policy, 0, memory, symptom_score=3).memory
    after = one(policy, 56, memory, symptom_score=20).memory  # 5 mg was last taken on day 55
    course = after.plan[0, 56:]
    length = round(4.75 * 7 * 1.5)
    assert after.step_days.tolist() == [4.75 * 7 * 1.5]
    np.testing.assert_allclose(course[[0, 13, 14, 28, 41]], [10, 10, 8.333, 6.666, 6.666])
    np.testing.assert_allclose(course[42 : 42 + length], 5)
    np.testing.assert_allclose(np.unique(course[42 + length :]), [0, 1, 2, 3, 4, 5])
    assert np.all(np.diff(course) <= 0)


def test_a_step_length_is_never_above_its_largest() -> None:
    policy = load_policy("pmr-cohort")
    memory = one(policy, 0, begin(policy, 1, 2000, draws={"step-length": 0.99}), symptom_score=3).memory
    for day in (100, 200, 300, 400):
        memory = one(policy, day, memory, symptom_score=30).memory
    assert memory.step_days.tolist() == [84]


RULE = "  - {{id: r, when: {when}, do: '{do}', because: b}}\n"


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ("hold for 14 days", [20] * 14 + [15] * 7 + [12.5] * 14),
        ("hold", [20] * 14 + [15] * 7 + [12.5] * 14),
        ("step down", [15] * 7 + [12.5] * 14 + [10] * 7),
        ("step back for 7 days", [25] * 7 + [15] * 7 + [12.5] * 14),
        ("repeat the week", [20] * 7 + [15] * 7 + [12.5] * 14),
        ("stress dose 2 times, at least 20 mg, for 3 days", [40] * 3 + [15] * 7 + [12.5] * 14),
        ("continue", [15] * 7 + [12.5] * 14),
        ("rescue by 5 mg", [25] * 40),
    ],
)
def test_each_action_rewrites_the_calendar_from_today(do: str, expected: list[float]) -> None:
    policy = own(RULE.format(when="symptom-score > 10", do=do))
    memory = begin(policy, 2, 200)
    observed = {"symptom-score": np.array([20.0, 1.0])}
    decisions = decide(policy, 49, observed, memory)  # day 49 begins the step of 15 mg
    np.testing.assert_array_equal(decisions.memory.plan[0, 49 : 49 + len(expected)], expected)
    np.testing.assert_array_equal(decisions.memory.plan[0, :49], memory.plan[0, :49])
    np.testing.assert_array_equal(decisions.memory.plan[1], memory.plan[1])
    assert decisions.changed.tolist() == [
        do not in ("continue", "step down"),
        False,
    ]  # the plan steps down that day anyway


def test_step_down_in_the_middle_of_a_step_brings_the_rest_forward() -> None:
    policy = own(RULE.format(when="always", do="step down"))
    memory = begin(policy, 1, 200)
    plan = decide(policy, 59, {}, memory).memory.plan[0]  # within the two weeks of 12.5 mg
    np.testing.assert_array_equal(plan[59:80], [10] * 7 + [9] * 7 + [8] * 7)


def test_doses_brought_forward_come_from_beyond_the_horizon() -> None:
    policy = own(RULE.format(when="always", do="step down"))
    memory = begin(policy, 1, 62)  # the plan of 62 days ends within the two weeks of 12.5 mg
    plan = decide(policy, 59, {}, memory).memory.plan[0]
    np.testing.assert_array_equal(plan[59:62], [10, 10, 10])


def test_the_cortisol_gate_stops_holds_or_continues() -> None:
    gate = "gate on morning-cortisol: above 300 nmol/L stop, from 150 nmol/L hold and retest in 28 days, below continue"
    policy = own(RULE.format(when="dose <= 5 mg", do=gate))
    memory = begin(policy, 6, 300)
    cortisol = np.array([301.0, 300.0, 150.0, 149.0, np.nan, 400.0])
    decisions = decide(policy, 126, {"morning-cortisol": cortisol}, memory)  # 5 mg was last taken on day 125
    plan = decisions.memory.plan[:, 126:]
    assert plan[0].sum() == 0
    assert plan[1, :28].tolist() == plan[2, :28].tolist() == [5] * 28
    np.testing.assert_array_equal(plan[1, 28:84], memory.plan[1, 126:182])
    np.testing.assert_array_equal(plan[3:5], memory.plan[3:5, 126:])
    np.testing.assert_array_equal(decisions.memory.due["morning-cortisol"][:4], [np.inf, 154, 154, np.inf])


def test_the_gate_says_which_way_it_went() -> None:
    gate = "gate on morning-cortisol: above 300 nmol/L stop, from 150 nmol/L hold and retest in 28 days, below continue"
    policy = own(RULE.format(when="dose <= 5 mg", do=gate))
    memory = begin(policy, 4, 300)
    decisions = decide(policy, 126, {"morning-cortisol": np.array([301.0, 200.0, 100.0, np.nan])}, memory)
    said = [row["decided"].split(": ")[1] for row in decisions.ledger()]
    assert said == ["stop prednisone (0 mg)", "hold and retest in 28 days (5 mg)", "continue (4 mg)", "continue (4 mg)"]
    unseen = next(decide(policy, 126, {}, memory).ledger())
    assert unseen["decided"] == "morning-cortisol not measured: continue (4 mg)"


def test_the_drug_is_stopped_and_spaced() -> None:
    policy = load_policy("gca-sarilumab-safety")
    memory = begin(policy, 3, 400, start_dose=20)
    for day in (0, 28, 56, 84, 112):
        seen = {
            "symptom-score": [1.0, 1.0, 1.0],
            "neutrophils": [3, 0.9 if day == 28 else 3, 3],
            "platelets": 200,
            "alt": 1,
        }
        observed = {k: np.broadcast_to(np.asarray(v, dtype=float), (3,)) for k, v in seen.items()}
        memory = decide(policy, day, observed, memory).memory
    assert memory.drug_on.tolist() == [True, False, True]
    np.testing.assert_array_equal(memory.drug_every, [28, np.nan, 28])


def test_drugs_are_stopped_spaced_and_resumed_by_name() -> None:
    policy = own(
        RULE.format(when="crp > 50 mg/L and on methotrexate", do="hold methotrexate").replace("id: r", "id: a")
        + RULE.format(when="crp < 5 mg/L and off methotrexate", do="resume methotrexate").replace("id: r", "id: b")
        + RULE.format(when="symptom-score < 5 and on sarilumab", do="space drug to every 4 weeks")
    )
    both = begin(policy, 2, 200, drug=("sarilumab", "methotrexate"))
    first = decide(policy, 14, {"crp": [60.0, 20.0], "symptom-score": [9.0, 1.0]}, both).memory
    assert first.on("methotrexate").tolist() == [False, True]
    assert first.on("sarilumab").tolist() == first.on("drug").tolist() == [True, True]
    np.testing.assert_array_equal(first.spaced("sarilumab"), [np.nan, 28])
    np.testing.assert_array_equal(first.spaced("methotrexate"), [np.nan, np.nan])
    second = decide(policy, 28, {"crp": [1.0, 1.0]}, first)
    assert second.memory.on("methotrexate").tolist() == [True, True]
    assert second.rule.tolist() == [1, -1]  # who never stopped has nothing to resume
    # Whoever is on another antibody, or on none, is not spoken of.
    for drug in (("tocilizumab",), (), False):
        memory = begin(policy, 1, 200, drug=drug)
        assert not decide(policy, 14, {"symptom-score": [1.0]}, memory).fired.any()


def test_hysteresis_holds_until_quiet() -> None:
    policy = load_policy("gca-sarilumab-safety")
    memory = begin(policy, 1, 400)
    fired = []
    for day, score in zip(range(0, 168, 28), (10, 16, 10, 5, 4.9, 10), strict=True):
        decisions = one(policy, day, memory, symptom_score=score)
        memory = decisions.memory
        fired.append(bool(decisions.fired[1, 0]))
    assert fired == [False, True, True, True, False, False]


def test_windows_ask_over_several_visits() -> None:
    policy = own(
        RULE.format(when="crp >= 10 mg/L at 2 consecutive visits", do="call twice").replace("id: r", "id: a")
        + RULE.format(when="crp >= 10 mg/L at any visit within 28 days", do="call lately").replace("id: r", "id: b")
        + RULE.format(when="crp >= 10 mg/L at every visit within 28 days", do="call always").replace("id: r", "id: c")
        + RULE.format(when="mean of crp over 28 days >= 10 mg/L", do="call mean").replace("id: r", "id: d")
        + RULE.format(when="rise of crp since last visit >= 1 mg/dL", do="call up").replace("id: r", "id: e")
    )
    memory = begin(policy, 1, 200)
    fired = []
    for day, crp in ((0, 12.0), (14, np.nan), (28, 11.0), (42, 30.0), (56, 1.0), (70, 1.0), (84, 1.0)):
        decisions = one(policy, day, memory, crp=crp)
        memory = decisions.memory
        fired.append("".join(rule.id for rule, hit in zip(policy.rules, decisions.fired[:, 0], strict=True) if hit))
    # A missing value breaks "consecutive" and never fulfils "every"; a rise is counted from the last value there is.
    assert fired == ["bcd", "bd", "bcd", "abcde", "bd", "bd", ""]


def test_missing_observations_decide_nothing() -> None:
    policy = load_policy("giacta")
    decisions = decide(policy, 100, {}, begin(policy, 3, 364), dict.fromkeys(policy.draws, HALF))
    assert decisions.rule.tolist() == [-1, -1, -1]


def test_symptoms_ask_for_a_visit() -> None:
    policy = load_policy("pmr-cohort")
    memory = begin(policy, 2, 364, draws={"step-length": HALF})
    assert wants_visit(policy, 10, {"symptom-score": [20.0, 2.0]}, memory).tolist() == [True, False]


def test_people_who_left_are_left_alone() -> None:
    policy = load_policy("giacta")
    memory = begin(policy, 2, 364)
    decisions = decide(policy, 14, {"symptom-score": [3.0, 3.0]}, memory, present=[True, False])
    assert decisions.events["remission"].tolist() == [True, False]


def test_the_ledger_says_what_was_seen_decided_and_why() -> None:
    policy = load_policy("giacta")
    memory = one(policy, 0, begin(policy, 1, 364), symptom_score=3, crp=2).memory
    rows = list(one(policy, 84, memory, symptom_score=20, crp=1).ledger())
    assert rows == [
        {
            "person": 0,
            "day": 84,
            "rule": "flare",
            "seen": {"symptom-score": 20.0, "dose": 9.0},
            "decided": "call flare; rescue to 30 mg, then giacta-26",
            "reason": "symptoms came back after remission, at least 28 days after the flare before",
        }
    ]


@pytest.mark.parametrize(
    ("day", "message"), [(400, "outside the plan"), (7, "before an earlier one")], ids=["too late", "backwards"]
)
def test_visits_out_of_order_are_refused(day: int, message: str) -> None:
    policy = load_policy("giacta")
    memory = one(policy, 14, begin(policy, 1, 364), symptom_score=3).memory
    with pytest.raises(InputError, match=message):
        one(policy, day, memory, symptom_score=3)


def test_missing_draws_and_doses_above_the_limit_are_named() -> None:
    with pytest.raises(InputError, match="random draw is missing: 'step-length'"):
        begin(load_policy("pmr-cohort"), 1, 100)
    with pytest.raises(InputError, match="outside the policy's limits: 80"):
        begin(load_policy("giacta"), 2, 100, start_dose=[60, 80])


@given(st.sampled_from(policies()), st.integers(0, 2**32), st.data())
@settings(max_examples=25, deadline=None)
def test_what_no_policy_may_ever_do(name: str, seed: int, data: st.DataObject) -> None:
    policy = load_policy(name)
    n = 7
    ids = np.arange(n)
    start = uniform(seed, "start", ids) * policy.prednisone_limit
    memory = begin(policy, n, 400, start_dose=start, draws=draws(policy, ids, 0, seed))
    days = sorted(data.draw(st.sets(st.integers(0, 399), min_size=1, max_size=12)))
    for visit, day in enumerate(days):
        observed = {m: np.exp(2.5 * normal(seed, m, ids, visit) + 1.5) for m in policy.measures}
        observed = {m: np.where(uniform(seed, f"{m}-seen", ids, visit) < 0.8, v, np.nan) for m, v in observed.items()}
        chance = draws(policy, ids, visit, seed)
        before = memory.plan.copy()
        decisions = decide(policy, day, observed, memory, chance)
        np.testing.assert_array_equal(memory.plan, before)  # pure: what is handed in is not changed
        again = decide(policy, day, observed, memory, chance)
        np.testing.assert_array_equal(again.fired, decisions.fired)
        np.testing.assert_array_equal(again.memory.plan, decisions.memory.plan)
        plan = decisions.memory.plan
        assert np.all(np.isfinite(plan))
        assert np.all(plan >= 0)
        assert np.all(plan <= policy.prednisone_limit)
        np.testing.assert_array_equal(plan[:, :day], before[:, :day])  # doses already taken stay as they are
        for channel in ("prednisone", "drug"):
            rows = [i for i, rule in enumerate(policy.rules) if channel in rule.channels]
            assert np.all(decisions.fired[rows].sum(axis=0) <= 1)
        memory = decisions.memory


@given(st.sampled_from(tapers()), st.sampled_from(tapers()), st.integers(0, 360))
@settings(max_examples=40, deadline=None)
def test_another_taper_never_changes_doses_already_taken(first: str, second: str, day: int) -> None:
    memory = begin(load_policy("pmr-cohort"), 3, 364, start_dose=[30, 15, 8], draws={"step-length": HALF}, taper=first)
    changed = memory.with_taper(day, load_taper(second))
    np.testing.assert_array_equal(changed.plan[:, :day], memory.plan[:, :day])
    last = memory.plan[:, max(day - 1, 0)]
    assert np.all(changed.plan[:, day:] <= np.maximum(last, load_taper(second).then)[:, None])


def test_a_person_decides_the_same_alone_or_among_others() -> None:
    policy = load_policy("pmr-cohort")
    alone, ids = np.array([17]), np.arange(40)
    a = begin(policy, 1, 364, draws=draws(policy, alone, 0))
    b = begin(policy, 40, 364, draws=draws(policy, ids, 0))
    for visit, day in enumerate(range(0, 364, 28)):
        score = np.exp(normal(5, "score", ids, visit) + 2)
        a = decide(policy, day, {"symptom-score": score[17:18]}, a, draws(policy, alone, visit)).memory
        b = decide(policy, day, {"symptom-score": score}, b, draws(policy, ids, visit)).memory
    np.testing.assert_array_equal(a.plan[0], b.plan[17])
