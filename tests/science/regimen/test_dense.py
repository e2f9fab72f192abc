"""Unseen dosing records in a model of three compartments, against a dense solution that knows no events.

The reference steps through time on a fine grid of break points, adds every dose, switches every infusion by hand, and
solves each stretch by the matrix exponential. It shares no code with the records: doses are lists written out here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from abate.science.regimen.record_events import DoseParameters, follow
from abate.science.regimen.records import parse_records

NAMES = ("gut", "blood", "tissue")
KA, K, K23, K32 = 0.9, 0.12, 0.3, 0.15
SYSTEM = np.array([[-KA, 0, 0], [KA, -(K + K23), K32], [0, K23, -K32]])
AUGMENTED = np.zeros((6, 6))
AUGMENTED[:3, :3], AUGMENTED[:3, 3:] = SYSTEM, np.eye(3)


@cache
def through(duration: float) -> np.ndarray:
    return np.asarray(expm(AUGMENTED * duration)[:3])


def flow(state: np.ndarray, rates: np.ndarray, duration: float) -> np.ndarray:
    return through(round(duration, 13)) @ np.concatenate([state, rates])


@dataclass
class Given:
    """One dose by hand: when it enters, where, how much, over how long (0: at once)."""

    time: float
    cmt: int
    amount: float
    hours: float = 0.0


def dense(doses: list[Given], times: list[float], reset: float = -np.inf) -> np.ndarray:
    """Amounts at some times, after a reset: everything that entered before it is gone, and never comes."""
    doses = [d for d in doses if d.time >= reset]
    stops = {t for d in doses for t in (d.time, d.time + d.hours)} | set(times)
    grid = sorted(stops)
    state, rows = np.zeros(3), {}
    for here, then in zip(grid, [*grid[1:], grid[-1]], strict=True):
        for d in doses:
            if d.time == here and not d.hours:
                state = state + d.amount * np.eye(3)[d.cmt]
        rows[here] = state
        rates = np.zeros(3)
        for d in doses:
            if d.hours and d.time <= here < d.time + d.hours:
                rates[d.cmt] += d.amount / d.hours
        pieces = max(1, int((then - here) / 0.5))
        for _ in range(pieces):  # short steps keep the matrix exponential away from cancellation
            state = flow(state, rates, (then - here) / pieces)
    return np.array([rows[t] for t in times])


TIMES = [0.5, 3.0, 6.5, 11.9, 12.1, 20.0, 25.0, 37.5, 49.0]


def read(rows: str, times: list[float] = TIMES, columns: str = "ID,TIME,EVID,AMT,CMT,RATE,ADDL,II,SS") -> np.ndarray:
    seen = "".join(f"1,{t},0,0,blood,0,0,0,0\n" for t in times)
    lines = sorted((rows + seen).strip().splitlines(), key=lambda line: float(line.split(",")[1]))
    records = parse_records(columns + "\n" + "\n".join(lines), NAMES)
    found = follow(records, flow, 3, lambda row, cmt: LAGS[cmt], linear=True)
    return found[records.columns["EVID"] == 0]


LAGS = {0: DoseParameters(0.7, 0.6), 1: DoseParameters(0.0, 1.0, rate=8.0, duration=5.0), 2: DoseParameters(0.0, 0.9)}
# Sums of exponentials in double precision over some hundred stretches.
CLOSE = {"rtol": 1e-8, "atol": 1e-9}


def test_overlapping_infusions_into_two_compartments_by_name_and_number() -> None:
    rows = "1,0,1,100,blood,10,1,6,0\n1,2,1,50,3,5,0,0,0\n1,4,1,30,2,40,0,0,0\n1,8,1,20,gut,0,2,10,0\n"
    doses = [Given(0, 1, 100, 10), Given(6, 1, 100, 10), Given(2, 2, 45, 9), Given(4, 1, 30, 0.75)]
    doses += [Given(8.7 + 10 * k, 0, 12) for k in range(3)]
    np.testing.assert_allclose(read(rows), dense(doses, TIMES), **CLOSE)


def test_modelled_rates_and_durations_repeat_with_their_interval() -> None:
    rows = "1,0,1,40,blood,-1,3,8,0\n1,1,1,25,blood,-2,2,12,0\n"
    doses = [Given(8 * k, 1, 40, 5) for k in range(4)] + [Given(1 + 12 * k, 1, 25, 5) for k in range(3)]
    np.testing.assert_allclose(read(rows), dense(doses, TIMES), **CLOSE)


def test_a_reset_stops_an_infusion_a_lagged_dose_and_all_that_was_to_come() -> None:
    rows = "1,0,1,100,blood,4,5,6,0\n1,19.5,1,60,gut,0,0,0,0\n1,20,3,0,blood,0,0,0,0\n1,22,1,70,gut,0,0,0,0\n"
    after = [t for t in TIMES if t >= 20]
    found = read(rows)[-len(after) :]
    np.testing.assert_allclose(found, dense([Given(22.7, 0, 42)], after, reset=20), **CLOSE)
    assert not found[0].any()


def test_a_reset_with_a_dose_begins_anew() -> None:
    rows = "1,0,1,100,blood,0,9,3,0\n1,12,4,80,blood,20,0,0,0\n"
    after = [t for t in TIMES if t > 12]
    np.testing.assert_allclose(read(rows)[-len(after) :], dense([Given(12, 1, 80, 4)], after), **CLOSE)


@pytest.mark.parametrize("lag", [0.7, 11.9, 12.0, 30.5])
@pytest.mark.parametrize("extra", ["", "1,0,1,50,tissue,0,0,0,0\n"])
def test_steady_state_with_a_lag_shorter_and_longer_than_the_interval(
    lag: float, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LAGS, 0, DoseParameters(lag, 0.6))
    # SS = 2 adds to what is there, so the dose into the tissue stays.
    found = read(f"{extra}1,5,1,90,gut,0,2,12,2\n", times := [5.5, 11.0, 17.0, 29.3, 48.0, 70.0])
    # The slowest rate is above 0.03 a unit of time, so doses older than 90 intervals are below 1e-14.
    doses = [Given(5 + lag + 12 * k, 0, 54) for k in range(-90, 3)]
    whole = [Given(0, 2, 45)] if extra else []
    shift = -min(d.time for d in doses)
    moved = [Given(d.time + shift, d.cmt, d.amount, d.hours) for d in [*doses, *whole]]
    np.testing.assert_allclose(found, dense(moved, [t + shift for t in times]), **CLOSE)


@pytest.mark.parametrize("rate", [5.0, 10.0, 40.0])
def test_steady_state_of_infusions_shorter_and_longer_than_the_interval(rate: float) -> None:
    found = read(f"1,0,1,80,blood,{rate},2,8,1\n", times := [0.5, 3.0, 9.0, 15.5, 23.0, 40.0])
    doses = [Given(8.0 * k, 1, 80, 80 / rate) for k in range(-130, 3)]
    moved = [Given(d.time + 1040, d.cmt, d.amount, d.hours) for d in doses]
    np.testing.assert_allclose(found, dense(moved, [t + 1040 for t in times]), **CLOSE)


def test_evid_2_changes_nothing_and_other_people_are_not_touched() -> None:
    text = "ID,TIME,EVID,AMT,CMT\n1,0,1,100,2\n1,4,2,0,3\n1,9,0,0,2\n2,0,1,7,tissue\n2,9,0,0,2\n"
    parts = {who: follow(part, flow, 3) for who, part in parse_records(text, NAMES).subjects()}
    np.testing.assert_allclose(parts[1][-1], dense([Given(0, 1, 100)], [9.0])[0], **CLOSE)
    np.testing.assert_allclose(parts[2][-1], dense([Given(0, 2, 7)], [9.0])[0], **CLOSE)


event = st.tuples(
    st.integers(0, 40).map(lambda k: k / 2),
    st.sampled_from([1, 2]),
    st.integers(1, 200),
    st.sampled_from([0.0, 4.0, 7.5, 60.0]),
    st.integers(0, 3),
    st.integers(1, 20),
)


@given(st.lists(event, min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_any_pile_of_doses_agrees_with_the_dense_solution(
    events: list[tuple[float, int, int, float, int, int]],
) -> None:
    rows, doses = "", []
    for time, cmt, amount, rate, more, every in events:
        rows += f"1,{time},1,{amount},{cmt + 1},{rate},{more},{every},0\n"
        share = LAGS[cmt].bioavailability
        # An infusion at a given rate keeps its rate; what is lost on the way shortens it.
        hours = amount * share / rate if rate else 0.0
        doses += [Given(time + every * k, cmt, amount * share, hours) for k in range(more + 1)]
    np.testing.assert_allclose(read(rows), dense(doses, TIMES), **CLOSE)
