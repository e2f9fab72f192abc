"""One workload for every engine: the blockade model, differing people, prednisone daily, tocilizumab weekly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy

from abate.engine.ensemble import Dose
from abate.science.model import Model, load
from abate.science.population import draw, load_population

OUTPUTS = ("C", "il6", "crp", "symptoms", "x3", "prednisolone", "esr", "A")


@dataclass(frozen=True)
class Workload:
    """What is to be computed: outputs [O, days + 1, n] at midnights, as they are just before any dose."""

    model: Model
    parameters: dict[str, np.ndarray]
    people: int
    days: int

    def part(self, first: int, last: int) -> Workload:
        """Some of the people."""
        some = {name: np.broadcast_to(v, (self.people,))[first:last] for name, v in self.parameters.items()}
        return Workload(self.model, some, last - first, self.days)

    @property
    def years(self) -> float:
        """Patient-years of the whole."""
        return self.people * self.days / 365.25

    @property
    def doses(self) -> list[Dose]:
        """The same regimen for everyone."""
        daily = [Dose(d + 1 / 3, "prednisone", "oral", max(2.5, 40 * 0.985**d)) for d in range(self.days)]
        weekly = [Dose(d + 3 / 8, "tocilizumab", "sc", 162.0) for d in range(0, self.days, 7)]
        return sorted([*daily, *weekly], key=lambda dose: dose.time)

    def events(self) -> list[tuple[float, int, np.ndarray]]:
        """Time, index of the state and amounts [n] of every dose."""
        found = []
        for dose in self.doses:
            target = self.model.doses[(dose.drug, dose.route)]
            share = self.parameters[target.bioavailability] if target.bioavailability else np.ones(self.people)
            found.append((dose.time, self.model.states.index(target.state), dose.amount * share))
        return found

    def numbers(self) -> dict[str, np.ndarray]:
        """Every parameter and input, an array [n] each."""
        typical = {k: v.value for k, v in {**self.model.parameters, **self.model.inputs}.items()}
        return {k: np.broadcast_to(self.parameters.get(k, v), (self.people,)) for k, v in typical.items()}

    def expanded(self) -> tuple[list[sympy.Expr], list[sympy.Expr]]:
        """Rates and outputs in terms of states, parameters, inputs and time alone."""
        done: dict[sympy.Symbol, sympy.Expr] = {}
        for name, expression in self.model.assignments.items():
            done[sympy.Symbol(name)] = sympy.sympify(expression).xreplace(done)
        rates = [sympy.sympify(self.model.rates[s]).xreplace(done) for s in self.model.states]
        return rates, [sympy.Symbol(name).xreplace(done) for name in OUTPUTS]

    def initial(self) -> np.ndarray:
        """Initial states [S, n]."""
        numbers = self.numbers()
        function = sympy.lambdify(
            [sympy.Symbol(k) for k in numbers], [self.model.initial[s] for s in self.model.states]
        )
        rows = function(*numbers.values())
        return np.array([np.broadcast_to(np.asarray(row, float), (self.people,)) for row in rows])


def workload(people: int, days: int) -> Workload:
    """The first people of the population of giant cell arteritis, without weekly noise."""
    model = load("il6_blockade/gca")
    _, parameters = draw(load_population("gca"), model, np.arange(people), seed=1)
    parameters["disease_om_z"] = np.zeros(people)
    return Workload(model, parameters, people, days)


@dataclass(frozen=True)
class Measured:
    """One engine's result."""

    outputs: np.ndarray
    seconds: float
    compile_seconds: float


Engine = Callable[[Workload, float], Measured]


def largest_error(got: np.ndarray, reference: np.ndarray) -> float:
    """Largest relative error over outputs, days and people; below a millionth of its peak an output counts as 0."""
    peak = np.abs(reference).max(axis=(1, 2), keepdims=True)
    scale = np.maximum(np.abs(reference), 1e-6 * peak)
    return float((np.abs(got - reference) / scale).max())
