"""Events, records and the bits of a run."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from abate.engine.solver import Event, Kernel, Kind, State, System, Tolerance, compile_system

DAYS = 21


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    """Absorption, saturable elimination, an infusion input and a daily rhythm."""
    depot, central, ka, vmax, km, rate, time = sympy.symbols("depot central ka vmax km rate time")
    rhythm = 1 + sympy.cos(2 * sympy.pi * (time - sympy.Symbol("phase"))) / 2
    return compile_system(
        System(
            ("depot", "central"),
            {"depot": -ka * depot, "central": ka * depot + rate - rhythm * vmax * central / (km + central)},
            {"total": depot + central},
            ("ka", "vmax", "km", "rate", "phase"),
            ("total", "central"),
        )
    )


def begin(kernel: Kernel, people: int) -> State:
    person = np.arange(people)
    parameters = {
        "ka": 5 + np.sin(person),
        "vmax": 40 + 10 * np.cos(person),
        "km": 20.0,
        "rate": 0.0,
        "phase": 0.01 * person,
    }
    return kernel.state({"depot": 0.0, "central": 1.0}, parameters, people)


def doses(kernel: Kernel, people: int) -> list[Event]:
    amount = 20 + np.arange(people) % 7.0
    events = [Event(day + 0.3, Kind.ADD, "depot", amount) for day in range(DAYS)]
    events += [Event(7.0, Kind.ADD_TO_PARAMETER, "rate", 30.0), Event(7.5, Kind.ADD_TO_PARAMETER, "rate", -30.0)]
    return events


def run(kernel: Kernel, people: int, threads: int = 1) -> np.ndarray:
    state = begin(kernel, people)
    schedule = kernel.schedule(doses(kernel, people), people)
    return kernel.advance(state, DAYS, schedule, np.arange(DAYS + 1.0), threads=threads)


def test_a_person_is_the_same_in_runs_of_any_size(kernel: Kernel) -> None:
    few, many = run(kernel, 100), run(kernel, 1000)
    # persons 96..99 share their group with others in the larger run, so they are left out
    np.testing.assert_array_equal(few[:, :, :96], many[:, :, :96])


def test_the_number_of_threads_changes_no_bit(kernel: Kernel) -> None:
    np.testing.assert_array_equal(run(kernel, 200, threads=1), run(kernel, 200, threads=3))


def test_an_advance_in_parts_has_the_bits_of_one(kernel: Kernel) -> None:
    people = 40
    whole = run(kernel, people)
    state = begin(kernel, people)
    schedule = kernel.schedule(doses(kernel, people), people)
    parts = []
    for week in range(0, DAYS, 7):
        times = np.arange(week + (week > 0), week + 8.0)
        parts.append(kernel.advance(state, week + 7.0, schedule, times))
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_a_record_at_an_event_comes_before_it(kernel: Kernel) -> None:
    state = begin(kernel, 3)
    schedule = kernel.schedule([Event(0.0, Kind.ADD, "depot", np.array([0.0, 5.0, 7.0]))], 3)
    at_zero = kernel.advance(state, 0.0, schedule, [0.0])
    np.testing.assert_array_equal(at_zero[0, 0], 1.0)
    np.testing.assert_array_equal(state.values()[0], 0.0)  # the event at the end waits
    kernel.advance(state, 1e-9, schedule)
    # a nanoday of absorption at 6 a day loses 6e-9 of the dose
    np.testing.assert_allclose(state.values()[0], [0.0, 5.0, 7.0], rtol=1e-8)


def test_a_dose_is_never_stepped_over() -> None:
    """A pulse of a minute in a quiet year, given as an infusion, arrives whole."""
    rate = sympy.Symbol("rate")
    kernel = compile_system(System(("amount",), {"amount": rate}, {}, ("rate",), ("amount",)))
    state = kernel.state({"amount": 1.0}, {"rate": 0.0}, people=1)
    minute = 1 / 1440
    schedule = kernel.schedule(
        [
            Event(200.0, Kind.ADD_TO_PARAMETER, "rate", 1440.0),
            Event(200.0 + minute, Kind.ADD_TO_PARAMETER, "rate", -1440.0),
        ],
        1,
    )
    out = kernel.advance(state, 365.0, schedule, [365.0])
    # the duration is a difference of times near 200 days: 2 * 1.4e-14 of 7e-4 days
    assert out[0, 0, 0] == pytest.approx(2.0, rel=1e-10)


def test_setting_leaves_out_those_marked_nan(kernel: Kernel) -> None:
    state = begin(kernel, 2)
    schedule = kernel.schedule([Event(0.0, Kind.SET, "km", np.array([np.nan, 33.0]))], 2)
    kernel.advance(state, 0.5, schedule)
    np.testing.assert_array_equal(state.parameters()[2], [20.0, 33.0])


def test_a_failing_person_does_not_disturb_the_other_fifteen() -> None:
    y, k = sympy.symbols("y k")
    kernel = compile_system(System(("y",), {"y": k * y**2 - y}, {}, ("k",), ("y",)))
    people = 48
    growth = np.zeros(people)
    growth[17] = 2.0  # reaches infinity at ln 2
    growth[30] = np.nan
    state = kernel.state({"y": 1.0}, {"k": growth}, people)
    out = kernel.advance(state, 3.0, None, [0.5, 3.0], tolerance=Tolerance(1e-8))
    assert state.codes[17] != 0
    assert state.codes[30] == 1
    assert np.isnan(out[0, 1, [17, 30]]).all()
    others = np.setdiff1d(np.arange(people), [17, 30])
    assert not state.codes[others].any()
    # a thousand steps at most, each with a relative error of 1e-8
    np.testing.assert_allclose(out[0, 1, others], np.exp(-3.0), rtol=1e-6)
