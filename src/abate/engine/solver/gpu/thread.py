"""One person from stop to stop, on one thread of a graphics card.

This text stands behind the generated functions in the module of a kernel (see `card`), which defines the names
declared below. It is `solver.driver` for a group of one person: each has a step size of its own, so nobody waits for a
neighbour's difficult day except in the same warp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import cuda

from abate.engine.solver.gpu.operations import device

if TYPE_CHECKING:
    from abate.engine.solver.gpu.declared import NUMBER, OUTPUTS, STATES, WORK, observe, prepare, rates, step

# --- below, the text of a kernel's module goes on -----------------------------------------------
HUGE = 1e30
NOT_FINITE, STEP_TOO_SMALL, TOO_MANY_STEPS = 1, 2, 3
ADD, ADD_TO_PARAMETER = 0, 2
AFTER_DOSE, AFTER_SETTING = 0, 1


@device
def start_step(time: Any, y: Any, p: Any, q: Any, peak: Any, work: Any) -> Any:
    """First step size: a thousandth of the fastest relative change."""
    fastest = 0.0
    rates(time, y, p, q, work)
    for k in range(STATES):
        if peak[k] > 0.0:
            speed = abs(work[k]) / peak[k]
            if fastest < speed < HUGE:
                fastest = speed
    return 1e-3 / fastest if fastest > 0.0 else 1e-3


@device
def set_weights(y: Any, peak: Any, weight: Any, absolute: Any, share: Any) -> None:
    """Error allowed near zero: a share of the largest value that the state has had so far."""
    for k in range(STATES):
        size = abs(y[k])
        if peak[k] < size < HUGE:
            peak[k] = size
        weight[k] = max(share * peak[k], absolute[k], 1e-35)


@device
def factor_of(error: Any, exponent: Any) -> Any:
    """Change of the step size that would bring the error to its target."""
    if not error > 0.0:
        return 6.0
    return min(6.0, max(0.2, 0.9 * error**exponent))


@device
def run_to(
    time: Any, target: Any, h: Any, rtol: Any, exponent: Any, max_steps: Any, y: Any, p: Any, q: Any, weight: Any,
    alive: Any, new: Any, errors: Any, work: Any, restart: Any, disturbed: Any, steps: Any,
) -> Any:  # fmt: skip
    """Integrate to ``target`` exactly; returns the step size to go on with and a code."""
    count, rejected = 0, False
    while time < target:
        remaining = target - time
        lands = h >= 0.999 * remaining
        size = remaining if lands else (0.5 * remaining if h > 0.5 * remaining else h)
        error = np.float64(step(time, size, y, p, q, weight, alive, rtol, new, errors, work))
        factor = factor_of(error, exponent)
        count += 1
        if error <= 1.0:
            for k in range(STATES):
                y[k] = new[k]
            time = target if lands else time + size
            proposed = size if rejected and factor > 1.0 else size * factor
            # a step cut short to land says nothing against the larger one planned
            h = proposed if size >= h or proposed > h else h
            rejected = False
            for slot in range(2):
                if disturbed[slot]:
                    restart[slot] = proposed
                    disturbed[slot] = False
            steps[0] += 1
            continue
        steps[1] += 1
        rejected = True
        h = size * factor
        if error >= HUGE and h < 4e-16 * max(abs(time), abs(target)):
            return h, NOT_FINITE
        if h < 4e-16 * max(abs(time), abs(target)):
            return h, STEP_TOO_SMALL
        if count > max_steps:
            return h, NOT_FINITE if error >= HUGE else TOO_MANY_STEPS
    return h, 0


@device
def disturb(
    first: Any, last: Any, person: Any, kind: Any, slot_of: Any, amount: Any, y: Any, p: Any, disturbed: Any
) -> Any:
    """Apply events; true when a parameter changed."""
    changed = False
    for e in range(first, last):
        k = slot_of[e]
        value = amount[e, person]
        if kind[e] == ADD:
            if value != 0.0:
                y[k] += value
                disturbed[AFTER_DOSE] = True
            continue
        before = p[k]
        if kind[e] == ADD_TO_PARAMETER:
            p[k] += value
        elif value == value:
            p[k] = value
        if p[k] != before:
            disturbed[AFTER_SETTING] = True
            changed = True
    return changed


@cuda.jit(cache=True)  # type: ignore[untyped-decorator]
def advance_people(
    start: Any, y_all: Any, p_all: Any, q_all: Any, peak_all: Any, h_all: Any, restart_all: Any, code_all: Any,
    steps_all: Any, stop_time: Any, stop_record: Any, stop_event: Any, kind: Any, slot_of: Any, amount: Any,
    absolute: Any, rtol: Any, share: Any, exponent: Any, max_steps: Any, out: Any,
) -> None:  # fmt: skip
    """Integrate one person from ``start`` through all stops."""
    person = cuda.grid(1)
    if person >= h_all.size:
        return
    y = cuda.local.array(STATES, NUMBER)
    new = cuda.local.array(STATES, NUMBER)
    weight = cuda.local.array(STATES, NUMBER)
    work = cuda.local.array(WORK, NUMBER)
    alive = cuda.local.array(1, NUMBER)
    errors = cuda.local.array(1, NUMBER)
    disturbed = cuda.local.array(2, np.bool_)
    p, q, peak = p_all[:, person], q_all[:, person], peak_all[:, person]
    restart, steps = restart_all[:, person], steps_all[:, person]
    alive[0] = 1.0
    disturbed[0] = False
    disturbed[1] = False
    for k in range(STATES):
        y[k] = y_all[k, person]
    time, h, code = start, h_all[person], np.int64(code_all[person])
    prepare(p, q)
    set_weights(y, peak, weight, absolute, share)
    if h <= 0.0:
        h = start_step(time, y, p, q, peak, work)
    for i in range(stop_time.size):
        if stop_time[i] > time and code == 0:
            h, code = run_to(
                time, stop_time[i], h, rtol, exponent, max_steps, y, p, q, weight, alive, new, errors, work, restart,
                disturbed, steps,
            )  # fmt: skip
            if code != 0:
                for k in range(STATES):
                    y[k] = NUMBER(np.nan)
            set_weights(y, peak, weight, absolute, share)
        time = stop_time[i]
        if stop_record[i] >= 0:
            observe(time, y, p, q, work, 1)
            for k in range(OUTPUTS):
                out[k, stop_record[i], person] = work[k]
        if stop_event[i] < stop_event[i + 1]:
            if disturb(stop_event[i], stop_event[i + 1], person, kind, slot_of, amount, y, p, disturbed):
                prepare(p, q)
            set_weights(y, peak, weight, absolute, share)
            for slot in range(2):
                if disturbed[slot] and restart[slot] < h:
                    h = restart[slot]
    for k in range(STATES):
        y_all[k, person] = y[k]
    h_all[person] = h
    code_all[person] = code
