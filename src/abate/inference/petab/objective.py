"""The objective of a PEtab problem, for many candidate parameters at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy

from abate.engine.ensemble import Ensemble, compile_model
from abate.engine.solver import Event, Kind, Tolerance
from abate.inference.petab.problem import Observed, Problem

__all__ = ["Objective"]

Floats = npt.NDArray[np.float64]

_FINE = Tolerance(relative=1e-7, floor=1e-6)  # slopes are differences: the solver must be smoother than they are


@dataclass(frozen=True)
class Objective:
    """Minus the log-likelihood, minus the log density of priors where there are any.

    Attributes
    ----------
    problem : Problem
    """

    problem: Problem

    @cached_property
    def _ensemble(self) -> Ensemble:
        model = self.problem.model
        return compile_model(model, (*model.states, *model.assignments))

    def __call__(self, vectors: Floats) -> Floats:
        """Return the objective of candidates of shape (p, n); inf where a solution failed."""
        seen, sd = self.predict(vectors)
        total = np.zeros(vectors.shape[1])
        for m, f, s in zip(self.problem.measurements, seen, sd, strict=True):
            total += _minus_log(m, f, s)
        for free, values in zip(self.problem.free, vectors, strict=True):
            if free.density is not None:
                with np.errstate(divide="ignore"):
                    total -= np.log(np.asarray(free.density(values), dtype=float))
        return np.where(np.isfinite(total), total, np.inf)

    def predict(self, vectors: Floats) -> tuple[Floats, Floats]:
        """Return what every measurement should show and its noise, each of shape (measurements, n)."""
        n = vectors.shape[1]
        model = self.problem.model
        named = {f.name: v for f, v in zip(self.problem.free, vectors, strict=True)}
        named |= {name: np.full(n, value) for name, value in self.problem.fixed.items()}
        values = {name: np.full(n, p.value) for name, p in model.parameters.items()}
        values |= {name: np.full(n, i.value) for name, i in model.inputs.items()}
        values |= {name: v for name, v in named.items() if name in values}
        shape = (len(self.problem.measurements), n)
        seen, sd = np.full(shape, np.nan), np.full(shape, np.nan)
        for experiment in {m.experiment for m in self.problem.measurements}:
            self._experiment(experiment, values, named, seen, sd)
        return seen, sd

    def _experiment(
        self, experiment: str, values: dict[str, Floats], named: Mapping[str, Floats], seen: Floats, sd: Floats
    ) -> None:
        rows = [i for i, m in enumerate(self.problem.measurements) if m.experiment == experiment]
        periods = self.problem.experiments.get(experiment) or ()
        starts = [p.time for p in periods] or [0.0]
        ends = [*starts[1:], np.inf]
        last = max(self.problem.measurements[i].time for i in rows)
        model, kernel = self.problem.model, self._ensemble.kernel
        n = next(iter(values.values())).size
        now, amounts = dict(values), None
        for k, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if start > last:
                break
            changes = dict(periods[k].changes) if periods else {}
            for name in (c for c in changes if c in model.parameters):
                now[name] = _values(changes[name], {**now, **named}, start, n)
            if amounts is None:
                amounts = self._initial(now, changes, start)
            for name in (c for c in changes if c in model.states):
                scope = {**now, **named, **dict(zip(kernel.system.states, amounts, strict=True))}
                amounts[kernel.system.states.index(name)] = _values(changes[name], scope, start, n)
            here = [i for i in rows if start <= self.problem.measurements[i].time < end]
            times = np.unique([self.problem.measurements[i].time for i in here])
            state = kernel.state(amounts, now, n, start)
            until = float(min(end, last)) if np.isfinite(end) else max(last, start)
            doses = [
                Event(float(d.time), Kind.ADD, d.state, _values(d.amount, now, d.time, n))
                for d in model.scheduled
                if start <= d.time < until
            ]
            shown = kernel.advance(state, until, kernel.schedule(doses, n), times, tolerance=_FINE)
            amounts = state.values()
            for i in here:
                m = self.problem.measurements[i]
                at = int(np.searchsorted(times, m.time))
                scope = {**named, **now, **dict(zip(self._ensemble.outputs, shown[:, at], strict=True))}
                seen[i], sd[i] = (_values(e, scope, m.time, n) for e in (m.formula, m.noise))

    def _initial(self, now: dict[str, Floats], changes: Mapping[str, Any], time: float) -> Floats:
        """Return the first amounts; a state that is set changes those that begin from it."""
        model = self.problem.model
        n = next(iter(now.values())).size
        scope, rows = dict(now), {}
        for name, expression in model.initial.items():
            rows[name] = scope[name] = _values(changes.get(name, expression), scope, time, n)
        return np.stack([rows[name] for name in self._ensemble.kernel.system.states])


def _values(expression: Any, scope: Mapping[str, Floats], time: float, n: int) -> Floats:
    names, function = _compiled(sympy.sympify(expression))
    with np.errstate(all="ignore"):
        return np.array(np.broadcast_to(np.asarray(function(*(scope[x] for x in names), time), dtype=float), (n,)))


@cache
def _compiled(expression: sympy.Expr) -> tuple[tuple[str, ...], Any]:
    names = tuple(sorted(s.name for s in expression.free_symbols if s.name != "time"))
    return names, sympy.lambdify([sympy.Symbol(x) for x in (*names, "time")], expression, modules="numpy", cse=True)


def _minus_log(m: Observed, seen: Floats, sd: Floats) -> Floats:
    with np.errstate(all="ignore"):
        if m.kind.startswith("log-"):
            apart, jacobian = np.log(m.value) - np.log(seen), np.log(m.value)
        else:
            apart, jacobian = m.value - seen, 0.0
        if m.kind.endswith("laplace"):
            return np.asarray(np.log(2 * sd) + np.abs(apart) / sd + jacobian)
        return np.asarray(0.5 * np.log(2 * np.pi * sd**2) + 0.5 * (apart / sd) ** 2 + jacobian)
