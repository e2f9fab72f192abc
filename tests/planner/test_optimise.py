"""The search for less prednisone: what it may try, that it keeps to what it says, and that it never cuts abruptly."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.ground.results import dumps
from abate.planner import candidates, people_like, record_from, schedule
from abate.planner.optimise import Optimum, afresh, optimise
from abate.planner.people import People
from abate.planner.schedule import LONGEST
from abate.planner.search import option_of, space, suggest, with_hold
from abate.report.plan_front import front_figure, searched
from abate.science.policy import load_policy

pytest.importorskip("optuna", reason="the search comes with the extra 'planner'")

DOCS = Path(__file__).parents[2] / "docs"
TEXT = """
disease: pmr
diagnosed: 2026-01-05
today: 2026-03-02
drugs: [{regimen: prednisone 12.5 mg every morning, from: 2026-01-05}]
"""
WEEKS = 44


@pytest.fixture(scope="module")
def people() -> People:
    return people_like(record_from(TEXT), 32, seed=2, weeks=WEEKS)


@pytest.fixture(scope="module")
def found(people: People) -> Optimum:
    allowed = ["none", "tocilizumab 162 mg sc every week"]
    return optimise(people, candidates(people.record)["guideline"], 0.3, antibodies=allowed, trials=10, weeks=WEEKS)


def test_any_plan_of_the_space_goes_down_to_nothing_or_is_refused_as_abrupt() -> None:
    draw = Random(4)
    record = record_from(TEXT.replace("12.5", "40").replace("pmr", "gca"))
    for _ in range(60):
        option = option_of(record, suggest(record, ["none"], lambda _, rows: draw.choice(list(rows))))
        levels = [step.mg for step in option.steps]
        assert levels[0] == 40
        assert all(a > b for a, b in pairwise(levels))
        assert option.taper.then == 0
        if not option.abrupt and option.days <= LONGEST:
            schedule(record, option)


def test_a_hold_is_put_into_a_policy_without_one() -> None:
    plain = load_policy("giacta")
    held = with_hold(plain, 0.6, "gca")
    assert len(held.rules) == len(plain.rules) + 1
    assert held.settings["near-flare"].value == pytest.approx(0.6 * plain.settings["flare-threshold"].value)
    assert with_hold(plain, 1.0, "gca") is plain


def test_what_is_chosen_keeps_to_the_risk_and_saves_prednisone(found: Optimum) -> None:
    assert found.kept
    assert found.chosen.option.slug == "optimised"
    assert not found.chosen.option.abrupt
    assert found.saved.low <= found.saved.estimate <= found.saved.high
    assert found.saved.estimate > 0  # an antibody was allowed
    assert "less prednisone" in found.says


def test_the_numbers_come_from_another_future_than_the_one_searched_on(found: Optimum, people: People) -> None:
    assert found.chosen.people is not people
    assert found.chosen.people is found.reference.people
    other = afresh(people)
    assert not np.array_equal(other.posterior.persons, people.posterior.persons)
    assert other.posterior.parameters is people.posterior.parameters


def test_no_plan_of_the_front_beats_another_in_everything(found: Optimum) -> None:
    rows = [(r.flare, -np.nan_to_num(r.ready), r.prednisone) for r in found.front]
    for a in rows:
        for b in rows:
            assert a is b or not all(x <= y for x, y in zip(a, b, strict=True))


def test_the_report_has_the_front_with_the_guideline_on_it(found: Optimum) -> None:
    plain: dict[str, Any] = json.loads(dumps(found.as_dict()))
    figure = front_figure(plain)
    assert sum(len(trace.x) for trace in figure.data[:-1]) == len(found.front)
    assert figure.data[-1].x[0] == found.guideline.prednisone
    assert searched({"optimised": plain})[0].title == "The least prednisone at that flare risk"
    assert searched({}) == []


def test_the_same_search_finds_the_same(people: People) -> None:
    base = candidates(people.record)["guideline"]
    first, again = (optimise(people, base, 0.4, trials=4, weeks=12) for _ in range(2))
    assert first.as_dict() == again.as_dict()


@pytest.mark.parametrize(
    ("change", "risk", "said"),
    [
        (("pmr", "ra"), 0.2, "flares are not forecast in this disease: 'ra'"),
        (("2026-01-05}]", "2026-01-05, to: 2026-02-01}]"), 0.2, "no prednisone is taken now"),
        (("", ""), 1.5, "--risk: not a chance: 1.5; allowed: between 0 and 1"),
    ],
)
def test_what_cannot_be_searched_is_refused(change: tuple[str, str], risk: float, said: str) -> None:
    record = record_from(TEXT.replace(*change) if change[0] else TEXT)
    like = people_like(record, 16, weeks=8)
    with pytest.raises(InputError, match=said):
        optimise(like, next(iter(candidates(record).values())), risk, trials=2, weeks=8)


def test_the_space_is_of_the_library() -> None:
    assert [band.above for band in space().bands] == sorted((band.above for band in space().bands), reverse=True)
    assert space().bands[-1].above == 0


@pytest.mark.slow
def test_the_page_tells_what_the_search_finds() -> None:
    # All fifty patients: docs/make_planning_checks.py savings. The first of them are searched for again here.
    from abate.planner.savings import check

    kept = json.loads((DOCS / "planning-checks.json").read_text(encoding="utf-8"))["savings"]
    assert len(kept) == 50
    rows = check(patients=8, people=48, trials=30, weeks=52)
    for found, told in zip(rows, kept, strict=False):
        assert found["plan"] == told["plan"]
        assert found["saved"] == pytest.approx(told["saved"], rel=1e-9)  # the same arithmetic on another machine


def test_a_broken_off_check_goes_on_where_it_was() -> None:
    from abate.planner.savings import check, virtual_records

    before = [{"patient": r.name, "dose": r.dose, "saved": 0.5} for r in virtual_records(3)[:2]]
    told: list[float] = []
    rows = check(3, people=16, trials=8, weeks=12, done=before, progress=told.append)
    assert rows[:2] == before
    assert told == [1.0]
    assert rows[2]["patient"] == virtual_records(3)[2].name
