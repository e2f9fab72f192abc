"""heyoka's adaptive Taylor integrator, eight people at once (one SIMD batch), one thread."""

from __future__ import annotations

import time

import heyoka
import numpy as np
import sympy

from benchmarks.workload import Measured, Workload

BATCH = 8


def _translated(expression: sympy.Expr, known: dict[sympy.Symbol, object]) -> object:
    """A heyoka expression; max(a, b) becomes b + relu(a - b)."""
    made: dict[sympy.Symbol, object] = {}

    def larger(*arguments: sympy.Expr) -> sympy.Symbol:
        first, *others = (heyoka.from_sympy(sympy.sympify(a), {**known, **made}) for a in arguments)
        for other in others:
            first = other + heyoka.relu(first - other)
        symbol = sympy.Dummy("larger")
        made[symbol] = first
        return symbol

    plain = expression.replace(sympy.Min, lambda *a: -larger(*(-x for x in a))).replace(sympy.Max, larger)
    return heyoka.from_sympy(plain, {**known, **made})


def run(work: Workload, tolerance: float) -> Measured:
    numbers = work.numbers()
    differing = [k for k, v in numbers.items() if np.ptp(v) > 0]
    fixed = {sympy.Symbol(k): float(v[0]) for k, v in numbers.items() if k not in differing}
    rates, outputs = work.expanded()
    known = {sympy.Symbol(s): heyoka.expression(s) for s in work.model.states}
    known |= {sympy.Symbol(k): heyoka.par[i] for i, k in enumerate(differing)}
    known[sympy.Symbol("time")] = heyoka.time
    system = [
        (known[sympy.Symbol(s)], _translated(rate.xreplace(fixed), known))
        for s, rate in zip(work.model.states, rates, strict=True)
    ]
    heyoka.llvm_state.set_diskcache_enabled(False)  # so that compiling is measured, not remembering
    heyoka.llvm_state.clear_memcache()
    began = time.process_time()
    integrator = heyoka.taylor_adaptive_batch(
        system, np.zeros((len(system), BATCH)), pars=np.zeros((len(differing), BATCH)), tol=tolerance
    )
    compiled = time.process_time() - began
    arguments = [sympy.Symbol(s) for s in (*work.model.states, *numbers)]
    read = sympy.lambdify([*arguments, sympy.Symbol("time")], outputs, modules="numpy", cse=True)
    start, events = work.initial(), work.events()
    out = np.empty((len(outputs), work.days + 1, work.people))
    spent = 0.0
    for first in range(0, work.people, BATCH):
        who = slice(first, first + BATCH)
        integrator.set_time(0.0)
        integrator.state[:] = start[:, who]
        integrator.pars[:] = [numbers[k][who] for k in differing]
        waiting = list(events)
        for day in range(work.days + 1):
            began = time.process_time()
            while waiting and waiting[0][0] < day:
                at, state, amount = waiting.pop(0)
                integrator.propagate_until([at] * BATCH)
                integrator.state[state] += amount[who]
            integrator.propagate_until([float(day)] * BATCH)
            spent += time.process_time() - began
            rows = read(*integrator.state, *(v[who] for v in numbers.values()), float(day))
            out[:, day, who] = [np.broadcast_to(row, (BATCH,)) for row in rows]
    return Measured(out, spent, compiled)
