"""Flare, withdrawal or adrenals: signs on made-up diaries, red flags first, virtual patients with known truth."""

from __future__ import annotations

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.planner import Explanation, explain, record_from
from abate.planner.complaints import CAUSES
from abate.planner.explain import ADVICE, effective_people, weights_of
from abate.planner.virtual import cases, score

STEP = """
disease: pmr
diagnosed: 2026-01-05
today: 2026-06-01
drugs:
  - {{regimen: prednisone 15 mg every morning, from: 2026-01-05}}
  - {{regimen: prednisone 12.5 mg every morning, from: 2026-03-01}}
  - {{regimen: prednisone 7.5 mg every morning, from: {step}}}
measurements: [{{date: 2026-04-20, name: crp, value: 3, unit: mg/L}}]
diary:
  - {{date: 2026-03-30, pain: 0.5, fatigue: 2}}
  - {{date: 2026-04-13, pain: 0.5, fatigue: 2}}
  - {{date: 2026-05-04, pain: 0.5, fatigue: 2}}
  - {{date: 2026-05-18, pain: 0.5, fatigue: 2}}
  - {{date: 2026-05-24, pain: {first}, fatigue: {tired}}}
  - {{date: 2026-05-31, pain: {last}, fatigue: {weary}{signs}}}
"""


def told(**more: object) -> Explanation:
    given = {"step": "2026-05-30", "first": 0.5, "tired": 2, "last": 1, "weary": 6, "signs": ""} | more
    return explain(record_from(STEP.format(**given)), people=64, seed=2)


@pytest.fixture(scope="module")
def after_a_step() -> Explanation:
    return told()


def test_probabilities_add_up_every_day(after_a_step: Explanation) -> None:
    assert after_a_step.probability.sum(axis=1) == pytest.approx(1, abs=1e-9)  # weights add up to 1 to rounding
    assert len(after_a_step.days) == 36


def test_tired_the_day_after_a_large_step_is_withdrawal(after_a_step: Explanation) -> None:
    assert after_a_step.likeliest == "withdrawal"
    assert after_a_step.probability[0, CAUSES.index("withdrawal")] < 0.05
    assert "do not lower it" in after_a_step.advice


def test_a_diary_that_hardly_anybody_fits_is_never_explained_away() -> None:
    found = told(step="2026-05-04", first=0, tired=10, last=9, weary=0)
    assert found.effective < 30
    assert found.advice.startswith("Hardly any virtual people fit this diary")
    assert "usual ups and downs" not in found.advice
    # Nobody speaks for all: the same weights, flattened until 30 effective people do, leave room for another cause.
    assert found.probability[-1].max() < 0.99


def test_weights_are_flattened_only_where_too_few_speak() -> None:
    fit = np.array([np.linspace(0.0, -1.0, 64), np.linspace(0.0, -4000.0, 64)])
    plain, enough = weights_of(fit), weights_of(fit, enough=30.0)
    assert enough[0].tolist() == plain[0].tolist()
    assert effective_people(plain)[1] == pytest.approx(1)
    # 40 halvings of the power leave it exact to 1e-12 of its range, and the number of people with it
    assert effective_people(enough)[1] == pytest.approx(30, rel=1e-6)
    assert enough.sum(axis=1) == pytest.approx(1)


def test_pain_that_grows_weeks_after_a_step_is_a_flare() -> None:
    found = told(step="2026-05-04", first=2.5, tired=3, last=5, weary=4)
    assert found.likeliest == "flare"
    assert "Speak with your doctor" in found.advice


def test_what_to_measure_next_is_ordered_and_a_share(after_a_step: Explanation) -> None:
    shares = [n.removes for n in after_a_step.next]
    assert shares == sorted(shares, reverse=True)
    assert all(0 <= s <= 1 for s in shares)
    assert {n.name for n in after_a_step.next} == {"morning-cortisol", "crp", "esr", "wait"}


def test_red_flags_override_everything() -> None:
    found = told(signs=", signs: [vision]")
    assert found.flags[0].name == "vision"
    assert found.advice.startswith("Go to emergency care now")
    assert found.as_dict()["overridden_by_red_flags"] is True


def test_crp_is_nearly_blind_on_an_il6_blocker_and_it_says_so() -> None:
    text = STEP.format(step="2026-05-04", first=2.5, tired=3, last=5, weary=4, signs="").replace(
        "measurements:", "  - {regimen: tocilizumab 162 mg sc every week, from: 2026-02-01}\nmeasurements:"
    )
    text = text.replace("value: 3,", "value: 1,")
    found = explain(record_from(text), people=64, seed=2)
    crp = next(n for n in found.next if n.name == "crp")
    assert "nearly blind" in crp.says
    assert any("a normal CRP does not exclude a flare" in note for note in found.notes)


def test_no_word_of_advice_lowers_or_stops_a_steroid() -> None:
    for words in ADVICE.values():
        lower = words.lower()
        for sentence in lower.split("."):
            if "stop" in sentence or "lower" in sentence:
                assert "not" in sentence or "never" in sentence


def test_without_a_diary_there_is_nothing_to_explain() -> None:
    text = STEP.format(step="2026-05-30", first=1, tired=1, last=1, weary=1, signs="").partition("diary:")[0]
    with pytest.raises(InputError, match="diary: nothing is written since 2026-04-27"):
        explain(record_from(text))


def test_virtual_patients_are_told_apart_better_than_by_the_rule_of_thumb() -> None:
    found = score(cases(((10, 112), (5, 40)), day=132, patients=64, people=256, seed=1))
    assert found["correct"] > found["correct_by_rule_of_thumb"]
    assert found["brier"] < found["brier_of_frequencies"]


SCHEDULES = (
    ((15, 56), (10, 56), (5, 28), (2.5, 28), (0, 60)),
    ((12.5, 84), (10, 28), (7.5, 28), (5, 28), (2, 28), (0, 60)),
    ((15, 112), (10, 40)),
    ((10, 112), (5, 40)),
)


@pytest.mark.slow
@pytest.mark.parametrize("steps", SCHEDULES)
@pytest.mark.parametrize("after", [2, 10, 20])
def test_virtual_patients_on_many_schedules(steps: tuple[tuple[float, int], ...], after: int) -> None:
    day = sum(days for _, days in steps[:-1]) + after
    made = cases(steps, day=day, patients=256, people=2048, seed=5)
    found = score(made)
    assert found["correct"] >= found["correct_by_rule_of_thumb"]
    # where nearly everybody has one cause, its frequency cannot be beaten: 0.02 is that of five people in 256
    assert found["brier"] < found["brier_of_frequencies"] + 0.02
    assert np.allclose(made.probability.sum(axis=1), 1, atol=1e-9)  # weights add up to 1 to rounding
