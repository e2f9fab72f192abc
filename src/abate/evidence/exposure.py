"""Exposure to an antibody: Cmax, Cmin and AUC of a dosing interval, in a population."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy

from abate.engine.ensemble import Dose, compile_model, whole_groups
from abate.ground.errors import InputError
from abate.science.model import Model, load
from abate.science.population import WeightBand, draw, load_population
from abate.science.regimen import Regimen, parse

__all__ = ["Exposure", "exposure", "summary"]

Floats = npt.NDArray[np.float64]

POINTS = 96
"""Records in an interval: a Cmax of a subcutaneous dose is flat over days, so that a 1 % grid loses nothing."""
LEAST_DOSES = 8
LEAST_DAYS = 168.0
"""Without a number of doses: eight, and at least 24 weeks, by when labels call the regimens steady."""


@dataclass(frozen=True)
class Exposure:
    """Exposure of people in the first and the last dosing interval.

    Attributes
    ----------
    cmax, cmin, auc : ndarray, shape (2, n)
        First and last interval; ug/mL, and ug*h/mL over the interval. Cmin is the level at the end of the interval.
    doses : int
        How many were given.
    interval : float
        Days between them.
    """

    cmax: Floats
    cmin: Floats
    auc: Floats
    doses: int
    interval: float


def exposure(
    dose: str | Regimen,
    *,
    model: str | Model = "tocilizumab/ra",
    population: str = "ra",
    patients: int = 2000,
    seed: int = 1,
    weight: str | None = None,
    doses: int | None = None,
) -> Exposure:
    """Simulate exposure to repeated doses in a population.

    Parameters
    ----------
    dose : str or Regimen
        ``'4 mg/kg iv every 4 weeks'``; the drug is that of the model unless named.
    model : str or Model
        A pharmacokinetic model with the output ``C``.
    population : str
        Who is dosed.
    patients : int
        How many people.
    seed : int
        Of all draws.
    weight : str, optional
        ``'>=100 kg'``.
    doses : int, optional
        How many; by default at least eight and at least 24 weeks.

    Raises
    ------
    InputError
        If the regimen is not repeated, the model has no such dose, or an argument is out of range.

    Examples
    --------
    >>> made = exposure("4 mg/kg iv every 4 weeks", patients=16, doses=2)
    >>> made.cmax.shape, made.doses, made.interval
    ((2, 16), 2, 28.0)
    """
    if patients < 1:
        raise InputError("--patients", "a population needs people", value=patients, allowed="1 or more")
    plain = load(model) if isinstance(model, str) else model
    regimen = _regimen(dose, plain)
    assert regimen.every is not None
    interval = regimen.every.days
    count = doses if doses is not None else max(LEAST_DOSES, int(np.ceil(LEAST_DAYS / interval)))
    if count < 1:
        raise InputError("--doses", "at least one dose is needed", value=count, allowed="1 or more")
    band = WeightBand.parse(weight) if weight else None
    persons = whole_groups(patients)
    covariates, parameters = draw(load_population(population), plain, persons, seed, band=band)
    level = _level(plain)
    run = compile_model(_with_auc(plain, level), [level, "auc"]).start(parameters, persons, seed)
    given = regimen.doses(0, count * interval, covariates)
    length = given.duration_h / 24
    if length > interval:
        raise InputError(
            "--dose", "the infusion outlasts the interval", value=str(regimen), allowed=f"{length:g} days or more"
        )
    parts = []
    for index, (time, amount) in enumerate(zip(given.time, given.amount, strict=True)):
        each = Dose(float(time), given.drug, given.route, amount, length)
        until = float(given.time[0]) + (index + 1) * interval
        watched = index in (0, count - 1)
        grid = np.unique(np.concatenate([np.linspace(time, until, POINTS + 1), [time + length]]))
        course = run.advance(until, [each], record_at=grid if watched else [until])
        if watched:
            parts.append({name: rows[:, :patients] for name, rows in course.items()})
    if count == 1:
        parts = parts * 2
    return Exposure(
        np.stack([part[level].max(axis=0) for part in parts]),
        np.stack([part[level][-1] for part in parts]),
        np.stack([24 * (part["auc"][-1] - part["auc"][0]) for part in parts]),
        count,
        interval,
    )


def summary(made: Exposure) -> dict[str, dict[str, Any]]:
    """Return mean, SD, unit and accumulation (ratio of means, last over first interval) of Cmax, Cmin and AUC."""
    units = {"cmax": "ug/mL", "cmin": "ug/mL", "auc": "ug*hour/mL"}
    rows = {}
    for name, unit in units.items():
        first, last = getattr(made, name)
        spread = float(last.std(ddof=1)) if last.size > 1 else float("nan")
        rows[name] = {
            "mean": float(last.mean()),
            "sd": spread,
            "unit": unit,
            "accumulation": float(last.mean() / first.mean()),
            "n": int(last.size),
        }
    return rows


def _regimen(dose: str | Regimen, model: Model) -> Regimen:
    regimen = parse(dose) if isinstance(dose, str) else dose
    if regimen.drug is None:
        drugs = list(dict.fromkeys(drug for drug, _ in model.doses))
        regimen = regimen.of(drugs[0])
    routes = [route for drug, route in model.doses if drug == regimen.drug]
    if regimen.route is None and len(routes) > 1:
        raise InputError("--dose", "the route is missing", value=str(regimen), allowed=routes)
    if not all(amount > 0 for amount in regimen.amounts):
        raise InputError("--dose", "exposure needs a dose", value=str(regimen), allowed="more than 0 mg")
    if regimen.over is not None and regimen.every is not None and regimen.over.days > regimen.every.days:
        raise InputError("--dose", "the infusion outlasts the interval", value=str(regimen))
    if regimen.every is None:
        raise InputError("--dose", "exposure needs repeated doses", value=str(regimen), allowed="... every 4 weeks")
    if not any(drug == regimen.drug and regimen.route in (None, route) for drug, route in model.doses):
        known = ", ".join(f"{drug} {route}" for drug, route in model.doses)
        raise InputError("--dose", f"{model.name} has no such dose", value=str(regimen), allowed=known)
    if regimen.at_most is None and regimen.needs_weight:
        return _capped(regimen)
    return regimen


def _capped(regimen: Regimen) -> Regimen:
    """Apply the label's largest dose where the regimen names none."""
    from abate.science.regimen.drugs import drug

    cap = drug(regimen.drug or "").cap
    return replace(regimen, at_most=cap.value) if cap else regimen


def _level(model: Model) -> str:
    """Return the output that is the concentration of the model's drug: ``C``, or ``C_`` and its name."""
    found = [name for name in model.outputs if name == "C" or name.startswith("C_")]
    if not found:
        raise InputError("--model", "the model has no drug level", value=model.name, allowed="a pharmacokinetic model")
    return found[0]


def _with_auc(model: Model, level: str) -> Model:
    """Return the model with the area under the drug's concentration as one more state."""
    return replace(
        model,
        states=(*model.states, "auc"),
        rates={**model.rates, "auc": sympy.Symbol(level)},
        initial={**model.initial, "auc": sympy.Integer(0)},
    )
