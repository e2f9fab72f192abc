"""Adherence: the rates are those stated, and what is not missed is taken once."""

from __future__ import annotations

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.ground.randomness import uniform
from abate.science.regimen import Doses, parse
from abate.science.regimen.adherence import Adherence

PEOPLE = 2000


def prescribed() -> Doses:
    return parse("prednisone 5 mg every morning").doses(0, 50, persons=PEOPLE)


def draws(doses: Doses, seed: int = 1) -> np.ndarray:
    events, people = doses.amount.shape
    parts = [uniform(seed, f"adherence-{k}", np.arange(people), np.arange(events)[:, None]) for k in range(3)]
    return np.stack(parts)


@pytest.mark.parametrize("persistence", [0.0, 0.6])
def test_the_share_of_missed_doses_is_as_stated(persistence: float) -> None:
    doses = prescribed()
    taken = Adherence(missed=0.2, persistence=persistence).taken(doses, draws(doses))
    missed = taken.amount == 0
    # 100,000 doses, correlated over some days: one hundredth is above six standard errors in both cases.
    assert missed.mean() == pytest.approx(0.2, abs=0.01)
    after = missed[1:][missed[:-1]].mean()
    # 20,000 missed doses: 0.02 is above five standard errors.
    assert after == pytest.approx(0.2 + persistence * 0.8, abs=0.02)


def test_late_doses_are_taken_once_within_the_longest_delay() -> None:
    doses = prescribed()
    taken = Adherence(delayed=0.3, delay_h=4, longest_h=12).taken(doses, draws(doses))
    np.testing.assert_array_equal(taken.amount.sum(axis=0), doses.amount.sum(axis=0))
    late = taken.time[:, None] - np.floor(taken.time)[:, None] - 8 / 24
    assert late.max() <= 12 / 24 + 1e-9
    moved = (taken.amount * (late > 1e-9)).sum() / taken.amount.sum()
    assert moved == pytest.approx(0.3, abs=0.01)  # 100,000 doses: six standard errors
    assert np.all(np.diff(taken.time) > 0)


def test_perfect_adherence_changes_nothing_and_none_takes_nothing() -> None:
    doses = prescribed()
    same = Adherence().taken(doses, draws(doses))
    np.testing.assert_array_equal(same.time, doses.time)
    np.testing.assert_array_equal(same.amount, doses.amount)
    assert Adherence(missed=1).taken(doses, draws(doses)).amount.sum() == 0


def test_bad_rates_are_named() -> None:
    with pytest.raises(InputError, match=r"missed: a share lies outside 0 to 1: 1.2"):
        Adherence(missed=1.2)
    with pytest.raises(InputError, match="persistence"):
        Adherence(persistence=1)
    with pytest.raises(InputError, match="the draws do not fit the doses"):
        Adherence().taken(prescribed(), np.zeros((3, 2, 2)))
