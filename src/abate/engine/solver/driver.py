"""From stop to stop: step-size control, events, records and failures of a lane group.

The functions below are copied, as text, into every generated module, where the names of
``_Generated`` stand for that module's own functions and constants; so numba compiles and caches
the whole integration as one piece of code. ``driver`` itself never runs.

A group has one time and one step size. Its error is the largest among its lanes, so copies of a
lane change nothing. A lane whose solution fails is frozen at NaN with a code, is left out of the
error from then on, and its fifteen neighbours go on.
"""

# ruff: noqa: F821
# mypy: disable-error-code="name-defined"
from __future__ import annotations

from typing import Any

import numpy as np

OK, NOT_FINITE, STEP_TOO_SMALL, TOO_MANY_STEPS = 0, 1, 2, 3
ADD, SET, ADD_TO_PARAMETER = 0, 1, 2


def start_step(time: Any, y: Any, p: Any, q: Any, peak: Any, alive: Any, work: Any) -> Any:
    """First step size of a group: a thousandth of its fastest relative change."""
    fastest = 0.0
    for half in range(0, LANES, WIDTH):
        rates_of_group(time, address(y, half), address(p, half), address(q, half), address(work, half))
    for i in range(STATES):
        for lane in range(LANES):
            k = i * LANES + lane
            if alive[lane] > 0.0 and peak[k] > 0.0:
                speed = magnitude(work[k]) / peak[k]
                if fastest < speed < HUGE:
                    fastest = speed
    return 1e-3 / fastest if fastest > 0.0 else 1e-3


def set_weights(y: Any, peak: Any, weight: Any, absolute: Any, rtol: Any, floor_share: Any) -> None:
    """Error allowed near zero: a share of the largest value that the state has had so far."""
    for i in range(STATES):
        for lane in range(LANES):
            k = i * LANES + lane
            size = magnitude(y[k])
            if peak[k] < size < HUGE:
                peak[k] = size
            allowed = maximum(absolute[i], rtol * floor_share * peak[k])
            weight[k] = maximum(allowed, 1e-35)


def freeze(y: Any, alive: Any, code: Any, errors: Any, reason: Any) -> None:
    """Take the lane with the largest error out of the group, or all whose error is not finite."""
    worst, lane_of_worst = -1.0, -1
    for lane in range(LANES):
        if alive[lane] > 0.0 and errors[lane] > worst:
            worst, lane_of_worst = errors[lane], lane
    for lane in range(LANES):
        broken = errors[lane] >= HUGE
        if alive[lane] > 0.0 and (lane == lane_of_worst or broken):
            alive[lane] = 0.0
            code[lane] = NOT_FINITE if broken else reason
            for i in range(STATES):
                y[i * LANES + lane] = np.nan


def try_step(
    time: Any,
    h: Any,
    y: Any,
    p: Any,
    q: Any,
    weight: Any,
    alive: Any,
    rtol: Any,
    new: Any,
    errors: Any,
    work: Any,
) -> Any:
    """One step of all lanes of a group; the largest error among those alive."""
    norm = 0.0
    for half in range(0, LANES, WIDTH):
        error = step(
            time,
            h,
            address(y, half),
            address(p, half),
            address(q, half),
            address(weight, half),
            address(alive, half),
            rtol,
            address(new, half),
            address(errors, half),
            address(work, 0),
        )
        norm = maximum(norm, error)
    return norm


def run_to(
    time: Any,
    target: Any,
    h: Any,
    y: Any,
    p: Any,
    q: Any,
    weight: Any,
    alive: Any,
    code: Any,
    rtol: Any,
    max_steps: Any,
    new: Any,
    errors: Any,
    work: Any,
    restart: Any,
    disturbed: Any,
    steps: Any,
) -> Any:
    """Integrate a group to ``target`` exactly; returns the step size to go on with."""
    count, rejected, fresh = 0, False, True
    while time < target:
        remaining = target - time
        lands = h >= 0.999 * remaining
        size = remaining if lands else (0.5 * remaining if h > 0.5 * remaining else h)
        norm = try_step(time, size, y, p, q, weight, alive, rtol, new, errors, work)
        factor = 6.0
        if norm > 0.0:
            factor = minimum(6.0, maximum(0.2, 0.9 * norm**EXPONENT))
        count += 1
        if norm <= 1.0:
            for k in range(STATES * LANES):
                y[k] = new[k]
            time = target if lands else time + size
            proposed = size * (minimum(factor, 1.0) if rejected else factor)
            # a step cut short to land says nothing against the larger one planned
            h = proposed if size >= h else maximum(h, proposed)
            rejected = False
            if fresh:
                for slot in range(STATES + PARAMETERS):
                    if disturbed[slot]:
                        restart[slot] = proposed
                        disturbed[slot] = False
                fresh = False
            steps[0] += 1
            continue
        steps[1] += 1
        rejected = True
        h = size * factor
        if h < 4e-16 * maximum(magnitude(time), magnitude(target)):
            freeze(y, alive, code, errors, STEP_TOO_SMALL)
        elif count > max_steps:
            freeze(y, alive, code, errors, TOO_MANY_STEPS)
            count = 0
    return h


def disturb(
    first: Any,
    last: Any,
    person: Any,
    kind: Any,
    slot_of: Any,
    amount: Any,
    y: Any,
    p: Any,
    disturbed: Any,
) -> Any:
    """Apply events to a group; true when a parameter changed."""
    changed = False
    for e in range(first, last):
        slot = slot_of[e]
        for lane in range(LANES):
            value = amount[e, person + lane]
            if kind[e] == ADD:
                if value != 0.0:
                    y[slot * LANES + lane] += value
                    disturbed[slot] = True
                continue
            k = slot * LANES + lane
            before = p[k]
            if kind[e] == ADD_TO_PARAMETER:
                p[k] += value
            elif value == value:
                p[k] = value
            if p[k] != before:
                disturbed[STATES + slot] = True
                changed = True
    return changed


def restart_step(h: Any, restart: Any, disturbed: Any) -> Any:
    """Step size after a disturbance: what worked after the last one of its kind."""
    for slot in range(STATES + PARAMETERS):
        if disturbed[slot]:
            h = minimum(h, restart[slot])
    return h


def prepare_group(p: Any, q: Any) -> None:
    """Recompute what depends on parameters alone."""
    for half in range(0, LANES, WIDTH):
        prepare(address(p, half), address(q, half))


def record_group(time: Any, y: Any, p: Any, q: Any, row: Any, person: Any, out: Any) -> None:
    """Write the outputs of a group at one time."""
    stride = out.shape[1] * out.shape[2]
    for half in range(0, LANES, WIDTH):
        at = row * out.shape[2] + person + half
        observe(
            time,
            address(y, half),
            address(p, half),
            address(q, half),
            address(out, at),
            stride,
        )


def advance_groups(
    begin: Any,
    end: Any,
    start: Any,
    y_all: Any,
    p_all: Any,
    h_all: Any,
    restart_all: Any,
    peak_all: Any,
    code_all: Any,
    steps_all: Any,
    stop_time: Any,
    stop_record: Any,
    stop_event: Any,
    kind: Any,
    slot_of: Any,
    amount: Any,
    absolute: Any,
    rtol: Any,
    floor_share: Any,
    max_steps: Any,
    scratch: Any,
    disturbed: Any,
    out: Any,
) -> None:
    """Integrate groups ``begin`` to ``end`` from ``start`` through all stops."""
    plane = STATES * LANES
    weight, new = scratch[:plane], scratch[plane : 2 * plane]
    errors, alive = scratch[2 * plane : 2 * plane + 16], scratch[2 * plane + 16 : 2 * plane + 32]
    q = scratch[2 * plane + 32 : 2 * plane + 32 + HOISTED * LANES]
    work = scratch[2 * plane + 32 + HOISTED * LANES :]
    for g in range(begin, end):
        y, p, peak = y_all[g], p_all[g], peak_all[g]
        restart, code, steps = restart_all[g], code_all[g], steps_all[g]
        time, h = start, h_all[g]
        for slot in range(STATES + PARAMETERS):
            disturbed[slot] = False
        for lane in range(LANES):
            alive[lane] = 1.0 if code[lane] == OK else 0.0
        prepare_group(p, q)
        set_weights(y, peak, weight, absolute, rtol, floor_share)
        if h <= 0.0:
            h = start_step(time, y, p, q, peak, alive, work)
        for i in range(stop_time.size):
            if stop_time[i] > time:
                h = run_to(
                    time,
                    stop_time[i],
                    h,
                    y,
                    p,
                    q,
                    weight,
                    alive,
                    code,
                    rtol,
                    max_steps,
                    new,
                    errors,
                    work,
                    restart,
                    disturbed,
                    steps,
                )
                time = stop_time[i]
                set_weights(y, peak, weight, absolute, rtol, floor_share)
            if stop_record[i] >= 0:
                record_group(time, y, p, q, stop_record[i], g * LANES, out)
            if stop_event[i] < stop_event[i + 1]:
                if disturb(
                    stop_event[i],
                    stop_event[i + 1],
                    g * LANES,
                    kind,
                    slot_of,
                    amount,
                    y,
                    p,
                    disturbed,
                ):
                    prepare_group(p, q)
                set_weights(y, peak, weight, absolute, rtol, floor_share)
                h = restart_step(h, restart, disturbed)
        h_all[g] = h


COPIED = (  # in order of definition; the last one is the entry point
    start_step,
    set_weights,
    freeze,
    try_step,
    run_to,
    disturb,
    restart_step,
    prepare_group,
    record_group,
    advance_groups,
)
