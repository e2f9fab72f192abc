"""A plain second implementation of running a model: lambdified equations and scipy, one person, events one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp
from sympy.printing.pycode import PythonCodePrinter

from abate.science.model import TIME, Model

Event = tuple[float, str, str, float]


@pytest.fixture(scope="session")
def person() -> type[Person]:
    """The class of a person to run: ``person(model, values).course(times, events)``."""
    return Person


@pytest.fixture(scope="session")
def dose() -> Callable[..., list[Event]]:
    """Events of a repeated dose."""
    return doses


class Person:
    """One person of a model.

    Parameters
    ----------
    model : Model
    values : parameters and inputs that differ from the model's typical values
    """

    def __init__(self, model: Model, values: Mapping[str, float] | None = None) -> None:
        self.model = model
        self.values = {n: p.value for n, p in model.parameters.items()} | {n: i.value for n, i in model.inputs.items()}
        for name, value in (values or {}).items():
            self.values[model.resolve(name)] = value
        self.names = [n for n in self.values if n not in model.rates]
        arguments = [TIME, *map(sympy.Symbol, model.states), *map(sympy.Symbol, self.names)]
        expressions = {**model.assignments, **{f"d {s}": r for s, r in model.rates.items()}}
        self._order = list(expressions)
        self._function = _program(arguments, expressions)

    def start(self) -> np.ndarray:
        """Starting values of the states."""
        known = {sympy.Symbol(n): self.values[n] for n in self.names}
        return np.array([float(self.model.initial[s].subs(known)) for s in self.model.states])

    def everything(self, time: float, y: np.ndarray) -> dict[str, float]:
        """States and assignments at a moment."""
        found = dict(zip(self._order, self._function(time, *y, *[self.values[n] for n in self.names]), strict=True))
        return {**dict(zip(self.model.states, y, strict=True)), **found}

    def course(self, times: Sequence[float], events: Sequence[Event] = (), rtol: float = 1e-8) -> dict[str, np.ndarray]:
        """Run through events (time, 'add' or 'set', target, amount); an event at a recorded time comes after it."""
        times = np.asarray(times, dtype=float)
        events = sorted(events, key=lambda e: e[0])
        y, now, records = self.start(), float(times[0]), []
        stops = sorted({*times.tolist(), *(e[0] for e in events if times[0] <= e[0] <= times[-1])})
        for stop in stops:
            if stop > now:
                y = self._advance(now, stop, y, rtol)
                now = stop
            if stop in times:
                records.append(self.everything(stop, y))
            for when, kind, target, amount in events:
                if when == stop and kind == "add":
                    y = y.copy()
                    y[self.model.states.index(target)] += amount
                elif when == stop:
                    self.values[target] = amount
        return {name: np.array([r[name] for r in records]) for name in records[0]}

    def _advance(self, start: float, stop: float, y: np.ndarray, rtol: float) -> np.ndarray:
        constants = [self.values[n] for n in self.names]
        first = len(self._order) - len(self.model.states)

        def rhs(t: float, state: np.ndarray) -> list[float]:
            return self._function(t, *state, *constants)[first:]

        solution = solve_ivp(rhs, (start, stop), y, method="LSODA", rtol=rtol, atol=1e-10)
        assert solution.success, solution.message
        return np.asarray(solution.y[:, -1])


def doses(
    model: Model, drug: str, route: str, amount: float, times: Sequence[float], hours: float = 0.0
) -> list[Event]:
    """Events of the same dose at some times; with `hours`, as an infusion."""
    target = model.doses[(drug, route)]
    share = model.parameters[target.bioavailability].value if target.bioavailability else 1.0
    if not hours:
        return [(t, "add", target.state, amount * share) for t in times]
    rate = amount * 24 / hours
    starts = [(t, "set", target.rate_input, rate) for t in times]
    return starts + [(t + hours / 24, "set", target.rate_input, 0.0) for t in times]


def _program(arguments: list[sympy.Symbol], steps: Mapping[str, Any]) -> Callable[..., list[float]]:
    """Compile the assignments and rates into one function that computes them in order."""
    printer = PythonCodePrinter({"fully_qualified_modules": True})
    safe = {str(a): sympy.Symbol(f"v{i}_") for i, a in enumerate(arguments)}
    lines = [f"def program({', '.join(str(s) for s in safe.values())}):"]
    made = []
    for index, (name, expression) in enumerate(steps.items()):
        rename = {s: safe[str(s)] for s in expression.free_symbols}
        own = sympy.Symbol(f"w{index}_")
        lines.append(f"    {own} = {printer.doprint(expression.xreplace(rename))}")
        made.append(str(own))
        if not name.startswith("d "):
            safe[name] = own
    lines.append(f"    return [{', '.join(made)}]")
    space: dict[str, Any] = {"math": math}
    exec("\n".join(lines), space)
    return space["program"]
