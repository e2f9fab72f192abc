"""Infusions whose end differs between people: their rate is switched off by the equations, not by an event.

Events of a batch happen at one time for everyone. So an infusion that ends with each person's own rate, duration or
bioavailability becomes a pair of inputs, a rate and an end: ``Piecewise((rate, time < end), (0, True))`` is added to
the input that holds the rate of infusions. A few such pairs take turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import sympy

from abate.ground.units import convert
from abate.inference.nlme.dataset import DoseEvent
from abate.science.model import TIME, DoseTarget, Input, Model

__all__ = ["TURNS", "Infusions", "infused", "with_infusions"]

Floats = npt.NDArray[np.float64]

TURNS = 3  # infusions that may run at once into one compartment


def slot(rate_input: str, turn: int) -> tuple[str, str]:
    """Return the names of the inputs of one pair."""
    return f"{rate_input}_rate_{turn}", f"{rate_input}_end_{turn}"


def infused(model: Model, state: str) -> DoseTarget:
    """Return the target of infusions into a state."""
    return next(t for t in model.doses.values() if t.state == state and t.rate_input)


def with_infusions(model: Model, doses: Iterable[DoseEvent]) -> Model:
    """Return the model with pairs of inputs for the infusions of some doses that end when a person's own do."""
    needed = sorted({str(infused(model, d.state).rate_input) for d in doses if d.modelled})
    for name in needed:
        added: sympy.Expr = sympy.Symbol(name)
        inputs = dict(model.inputs)
        for turn in range(TURNS):
            rate, end = slot(name, turn)
            added += sympy.Piecewise((sympy.Symbol(rate), sympy.Symbol(end) > TIME), (0, True))
            inputs[rate] = Input(rate, model.inputs[name].unit, 0.0)
            inputs[end] = Input(end, model.time_unit or "dimensionless", 0.0)
        model = replace(
            model,
            inputs=inputs,
            rates={n: sympy.sympify(r).subs(sympy.Symbol(name), added) for n, r in model.rates.items()},
            assignments={
                n: sympy.sympify(a).subs(sympy.Symbol(name), added) for n, a in model.assignments.items()
            },
        )  # fmt: skip
    return model


@dataclass(frozen=True)
class Infusions:
    """Rates and durations of modelled infusions in the model's units."""

    model: Model

    def of(self, dose: DoseEvent, given: float | Floats, values: Mapping[str, Floats]) -> tuple[Floats, Floats]:
        """Return rate and duration for everyone.

        Parameters
        ----------
        dose : DoseEvent
            With a rate, or the name of a parameter that holds rate or duration.
        given : float or ndarray, shape (n,)
            Amount.
        values : mapping of name to ndarray, shape (n,)

        Returns
        -------
        tuple of ndarray, shape (n,)
        """
        target = infused(self.model, dose.state)
        amount = given * (values[target.bioavailability] if target.bioavailability else 1.0)
        own = self.model.time_unit
        if dose.duration_by:
            unit = self.model.parameters[dose.duration_by].unit
            scale = convert(1.0, unit, own) if own and unit not in ("", own) else 1.0
            duration = values[dose.duration_by] * scale
            return np.asarray(amount / duration), np.asarray(duration)
        if dose.rate_by:
            unit, whole = self.model.parameters[dose.rate_by].unit, f"{target.unit}/{own}"
            scale = convert(1.0, unit, whole) if own and unit not in ("", whole) else 1.0
            rate = values[dose.rate_by] * scale
        else:
            some = next(iter(values.values()))
            rate = np.full(some.shape, dose.rate)
        return np.asarray(rate), np.asarray(amount / rate) * np.ones_like(rate)
