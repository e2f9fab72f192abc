"""diffrax: Tsit5 over all people at once by ``vmap``, compiled by XLA, from dose to dose."""

from __future__ import annotations

import time

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import sympy

from benchmarks.workload import Measured, Workload


def run(work: Workload, tolerance: float) -> Measured:
    jax.config.update("jax_enable_x64", True)
    numbers = work.numbers()
    rates, outputs = work.expanded()
    symbols = [sympy.Symbol(s) for s in (*work.model.states, *numbers)]
    size, clock = len(rates), sympy.Symbol("time")
    rate = sympy.lambdify([clock, symbols[:size], symbols[size:]], rates, modules="jax", cse=True)
    read = sympy.lambdify([*symbols, clock], outputs, modules="numpy", cse=True)
    term = diffrax.ODETerm(lambda t, y, p: jnp.stack([jnp.asarray(r, float) for r in rate(t, y, p)]))
    control = diffrax.PIDController(rtol=tolerance, atol=1e-6 * tolerance)

    def single(y: jax.Array, p: jax.Array, begin: float, end: float) -> jax.Array:
        solution = diffrax.diffeqsolve(
            term, diffrax.Tsit5(), begin, end, 1e-5, y, p, stepsize_controller=control, max_steps=100_000
        )
        return solution.ys[-1]

    everyone = jax.jit(jax.vmap(single, in_axes=(0, 0, None, None)))
    states, parameters = jnp.asarray(work.initial().T), jnp.asarray(np.array(list(numbers.values())).T)
    began = time.process_time()
    everyone(states, parameters, 0.0, 1e-4).block_until_ready()
    compiled = time.process_time() - began
    out = np.empty((len(outputs), work.days + 1, work.people))
    waiting, now, spent = list(work.events()), 0.0, 0.0
    for day in range(work.days + 1):
        began = time.process_time()
        while waiting and waiting[0][0] < day:
            at, state, amount = waiting.pop(0)
            if at > now:
                states = everyone(states, parameters, now, at)
                now = at
            states = states.at[:, state].add(jnp.asarray(amount))
        if day > now:
            states = everyone(states, parameters, now, float(day))
            now = float(day)
        states.block_until_ready()
        spent += time.process_time() - began
        rows = read(*np.asarray(states).T, *numbers.values(), float(day))
        out[:, day] = [np.broadcast_to(row, (work.people,)) for row in rows]
    return Measured(out, spent, compiled)
