"""scipy's LSODA with a rate function compiled by numba, one person after the other."""

from __future__ import annotations

import time

import numba
import numpy as np
import sympy
from scipy.integrate import solve_ivp

from benchmarks.workload import Measured, Workload


def run(work: Workload, tolerance: float) -> Measured:
    numbers = work.numbers()
    rates, outputs = work.expanded()
    t, y, p = sympy.Symbol("time"), sympy.IndexedBase("y"), sympy.IndexedBase("p")
    names = {sympy.Symbol(s): y[i] for i, s in enumerate(work.model.states)}
    names |= {sympy.Symbol(k): p[i] for i, k in enumerate(numbers)}
    symbols = [sympy.Symbol(s) for s in (*work.model.states, *numbers)]
    plain = sympy.lambdify([t, symbols[: len(rates)], symbols[len(rates) :]], rates, modules="math", cse=True)
    read = sympy.lambdify([*symbols, t], outputs, modules="numpy", cse=True)
    began = time.process_time()
    fast = numba.njit(plain)
    first = {k: float(v[0]) for k, v in numbers.items()}
    start, events = work.initial(), work.events()
    fast(0.0, tuple(start[:, 0]), tuple(first.values()))
    compiled = time.process_time() - began
    out = np.empty((len(outputs), work.days + 1, work.people))
    spent = 0.0
    for person in range(work.people):
        values = tuple(float(v[person]) for v in numbers.values())

        def rate(time_: float, state: np.ndarray, values: tuple[float, ...] = values) -> tuple[float, ...]:
            return fast(time_, tuple(state), values)

        state, now, waiting = start[:, person].copy(), 0.0, list(events)
        began = time.process_time()
        for day in range(work.days + 1):
            while waiting and waiting[0][0] < day:
                at, index, amount = waiting.pop(0)
                state, now = _to(rate, state, now, at, tolerance), at
                state[index] += amount[person]
            state, now = _to(rate, state, now, float(day), tolerance), float(day)
            out[:, day, person] = read(*state, *values, now)
        spent += time.process_time() - began
    return Measured(out, spent, compiled)


def _to(rate: object, state: np.ndarray, now: float, until: float, tolerance: float) -> np.ndarray:
    if until <= now:
        return state
    return solve_ivp(rate, (now, until), state, method="LSODA", rtol=tolerance, atol=1e-6 * tolerance).y[:, -1]
