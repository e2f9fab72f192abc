"""From stop to stop: step-size control, events, records and failures of lane groups.

One compiled driver serves all models: the generated functions of a model are called through their addresses.

A group has one time and one step size. Its error is the largest among its lanes, so copies of a lane change nothing. A
lane whose solution fails is frozen at NaN with a code, is left out of the error from then on, and its fifteen
neighbours go on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

LANES = 16
HUGE = 1e30
OK, NOT_FINITE, STEP_TOO_SMALL, TOO_MANY_STEPS = 0, 1, 2, 3
ADD, SET, ADD_TO_PARAMETER = 0, 1, 2

Function = Callable[..., Any]

_COMPILING = threading.Lock()


def _inner(function: Function) -> Function:
    """Compile a part of the driver, without the wrappers that only Python needs."""
    compiled = numba.njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
    return cast(Function, compiled(function))


def _calling(result: Any) -> Function:
    """An intrinsic that calls machine code: an address, then numbers and ``(array, offset)`` pairs."""

    def typing(_typing: Any, address: Any, arguments: Any) -> Any:
        signature = result(address, arguments)

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            operands = []
            for i, kind in enumerate(signature.args[1]):
                value = builder.extract_value(values[1], i)
                if isinstance(kind, types.Array):
                    value = context.make_array(kind)(context, builder, value).data
                operands.append(value)
            gives = context.get_value_type(result) if result != types.void else ir.VoidType()
            function = ir.FunctionType(gives, [operand.type for operand in operands])
            called = builder.call(builder.inttoptr(values[0], function.as_pointer()), operands)
            return context.get_dummy_value() if result == types.void else called

        return signature, emit

    return cast(Function, intrinsic(typing))


call = _calling(types.void)
call_for_number = _calling(types.float64)


@_inner
def start_step(code: Any, time: Any, y: Any, p: Any, q: Any, peak: Any, alive: Any, work: Any, width: Any) -> Any:
    """First step size of a group: a thousandth of its fastest relative change."""
    fastest = 0.0
    for half in range(0, LANES, width):
        call(code[1], (time, y[half:], p[half:], q[half:], work[half:]))
    for k in range(y.size):
        if alive[k % LANES] > 0.0 and peak[k] > 0.0:
            speed = abs(work[k]) / peak[k]
            if fastest < speed < HUGE:
                fastest = speed
    return 1e-3 / fastest if fastest > 0.0 else 1e-3


@_inner
def set_weights(y: Any, peak: Any, weight: Any, absolute: Any, share: Any) -> None:
    """Error allowed near zero: a share of the largest value that the state has had so far."""
    for k in range(y.size):
        size = abs(y[k])
        if peak[k] < size < HUGE:
            peak[k] = size
        allowed = share * peak[k]
        if absolute[k // LANES] > allowed:
            allowed = absolute[k // LANES]
        weight[k] = allowed if allowed > 1e-35 else 1e-35


@_inner
def freeze(y: Any, alive: Any, result: Any, errors: Any, reason: Any) -> None:
    """Take the lane with the largest error out of the group, and all whose error is not finite."""
    worst, lane_of_worst = -1.0, -1
    for lane in range(LANES):
        if alive[lane] > 0.0 and errors[lane] > worst:
            worst, lane_of_worst = errors[lane], lane
    for lane in range(LANES):
        broken = errors[lane] >= HUGE
        if alive[lane] > 0.0 and (lane == lane_of_worst or broken):
            alive[lane] = 0.0
            result[lane] = NOT_FINITE if broken else reason
            for k in range(lane, y.size, LANES):
                y[k] = np.nan


@_inner
def try_step(
    code: Any, time: Any, h: Any, rtol: Any, y: Any, p: Any, q: Any, weight: Any, alive: Any, new: Any,
    errors: Any, work: Any, width: Any,
) -> Any:  # fmt: skip
    """One step of all lanes of a group; the largest error among those alive."""
    largest = 0.0
    for half in range(0, LANES, width):
        error = call_for_number(
            code[3],
            (
                time, h, y[half:], p[half:], q[half:], weight[half:], alive[half:], rtol, new[half:],
                errors[half:], work,
            ),
        )  # fmt: skip
        if error > largest:
            largest = error
    return largest


@_inner
def factor_of(error: Any, exponent: Any) -> Any:
    """Change of the step size that would bring the error to its target."""
    if not error > 0.0:
        return 6.0
    factor = 0.9 * error**exponent
    return 0.2 if factor < 0.2 else (6.0 if factor > 6.0 else factor)


@_inner
def learn(disturbed: Any, restart: Any, h: Any) -> None:
    """Remember the step size that suits the time after the last disturbances."""
    for slot in range(disturbed.size):
        if disturbed[slot]:
            restart[slot] = h
            disturbed[slot] = False


@_inner
def run_to(
    code: Any, time: Any, target: Any, h: Any, rtol: Any, exponent: Any, max_steps: Any, y: Any, p: Any, q: Any,
    weight: Any, alive: Any, result: Any, new: Any, errors: Any, work: Any, restart: Any, disturbed: Any,
    steps: Any, width: Any,
) -> Any:  # fmt: skip
    """Integrate a group to ``target`` exactly; returns the step size to go on with."""
    count, rejected = 0, False
    while time < target:
        remaining = target - time
        lands = h >= 0.999 * remaining
        size = remaining if lands else (0.5 * remaining if h > 0.5 * remaining else h)
        error = try_step(code, time, size, rtol, y, p, q, weight, alive, new, errors, work, width)
        factor = factor_of(error, exponent)
        count += 1
        if error <= 1.0:
            for k in range(y.size):
                y[k] = new[k]
            time = target if lands else time + size
            proposed = size if rejected and factor > 1.0 else size * factor
            # a step cut short to land says nothing against the larger one planned
            h = proposed if size >= h or proposed > h else h
            rejected = False
            learn(disturbed, restart, proposed)
            steps[0] += 1
            continue
        steps[1] += 1
        rejected = True
        h = size * factor
        if h < 4e-16 * max(abs(time), abs(target)):
            freeze(y, alive, result, errors, STEP_TOO_SMALL)
        elif count > max_steps:
            freeze(y, alive, result, errors, TOO_MANY_STEPS)
            count = 0
    return h


@_inner
def disturb(
    first: Any, last: Any, person: Any, kind: Any, slot_of: Any, amount: Any, y: Any, p: Any, disturbed: Any
) -> Any:
    """Apply events to a group; true when a parameter changed."""
    changed = False
    for e in range(first, last):
        slot = slot_of[e]
        for lane in range(LANES):
            value = amount[e, person + lane]
            k = slot * LANES + lane
            if kind[e] == ADD:
                if value != 0.0:
                    y[k] += value
                    disturbed[slot] = True
                continue
            before = p[k]
            if kind[e] == ADD_TO_PARAMETER:
                p[k] += value
            elif value == value:
                p[k] = value
            if p[k] != before:
                disturbed[y.size // LANES + slot] = True
                changed = True
    return changed


@_inner
def restart_step(h: Any, restart: Any, disturbed: Any) -> Any:
    """Step size after a disturbance: what suited the last one of its kind."""
    for slot in range(disturbed.size):
        if disturbed[slot] and restart[slot] < h:
            h = restart[slot]
    return h


@_inner
def prepare(code: Any, p: Any, q: Any, width: Any) -> None:
    """Recompute what depends on parameters alone."""
    for half in range(0, LANES, width):
        call(code[0], (p[half:], q[half:]))


@_inner
def observe(code: Any, time: Any, y: Any, p: Any, q: Any, out: Any, at: Any, stride: Any, width: Any) -> None:
    """Write the outputs of a group at one time."""
    for half in range(0, LANES, width):
        call(code[2], (time, y[half:], p[half:], q[half:], out[at + half :], stride))


def advance_groups(
    code: Any, begin: Any, end: Any, start: Any, y_all: Any, p_all: Any, h_all: Any, restart_all: Any, peak_all: Any,
    result_all: Any, steps_all: Any, stop_time: Any, stop_record: Any, stop_event: Any, kind: Any, slot_of: Any,
    amount: Any, absolute: Any, rtol: Any, floor_share: Any, exponent: Any, max_steps: Any, scratch: Any,
    q: Any, work: Any, out: Any, stride: Any, row: Any, width: Any,
) -> None:  # fmt: skip
    """Integrate groups ``begin`` to ``end`` from ``start`` through all stops.

    ``code`` holds the addresses of `source.ENTRIES`; ``out`` is flat, with outputs ``stride`` and record times ``row``
    numbers apart; ``scratch`` holds weights, new states, errors and who is alive.
    """
    plane = y_all.shape[1]
    weight, new = scratch[:plane], scratch[plane : 2 * plane]
    errors, alive = scratch[2 * plane : 2 * plane + LANES], scratch[2 * plane + LANES :]
    share = rtol * floor_share
    disturbed = np.zeros(restart_all.shape[1], dtype=np.bool_)
    for g in range(begin, end):
        y, p, peak = y_all[g], p_all[g], peak_all[g]
        restart, result, steps = restart_all[g], result_all[g], steps_all[g]
        time, h = start, h_all[g]
        disturbed[:] = False
        for lane in range(LANES):
            alive[lane] = 1.0 if result[lane] == OK else 0.0
        prepare(code, p, q, width)
        set_weights(y, peak, weight, absolute, share)
        if h <= 0.0:
            h = start_step(code, time, y, p, q, peak, alive, work, width)
        for i in range(stop_time.size):
            if stop_time[i] > time:
                h = run_to(
                    code, time, stop_time[i], h, rtol, exponent, max_steps, y, p, q, weight, alive, result, new,
                    errors, work, restart, disturbed, steps, width,
                )  # fmt: skip
                time = stop_time[i]
                set_weights(y, peak, weight, absolute, share)
            if stop_record[i] >= 0:
                observe(code, time, y, p, q, out, stop_record[i] * row + g * LANES, stride, width)
            if stop_event[i] < stop_event[i + 1]:
                person = g * LANES
                if disturb(stop_event[i], stop_event[i + 1], person, kind, slot_of, amount, y, p, disturbed):
                    prepare(code, p, q, width)
                set_weights(y, peak, weight, absolute, share)
                h = restart_step(h, restart, disturbed)
        h_all[g] = h


def _signature(number: Any) -> tuple[Any, ...]:
    """Types of the arguments of `advance_groups`."""
    line, plane = types.Array(number, 1, "C"), types.Array(number, 2, "C")
    f1, f2 = types.Array(types.float64, 1, "C"), types.Array(types.float64, 2, "C")
    i1, i2 = types.Array(types.int64, 1, "C"), types.Array(types.int64, 2, "C")
    i, f = types.int64, types.float64
    return (
        i1, i, i, f, plane, plane, f1, f2, plane, types.Array(types.int8, 2, "C"), i2, f1, i1, i1, i1, i1, f2, f1,
        f, f, f, i, line, line, line, line, i, i, i,
    )  # fmt: skip


@lru_cache(maxsize=2)
def _compiled(bits: int) -> Function:
    number = types.float64 if bits == 64 else types.float32
    options = {"error_model": "numpy", "nogil": True}
    try:
        driver = numba.njit(cache=True, **options)(advance_groups)
        driver.compile(_signature(number))
    except (RuntimeError, OSError):  # no folder to keep it in: compile it once a process
        driver = numba.njit(**options)(advance_groups)
        driver.compile(_signature(number))
    return cast(Function, driver)


def compiled_driver(bits: int) -> Function:
    """The driver for float64 or float32 states; compiled once and kept on disk by numba."""
    with _COMPILING:
        return _compiled(bits)
