"""Virtual people like the patient: they lived through the same doses and showed what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Run
from abate.ground.errors import InputError
from abate.inference import Measurement, Patient, PatientDose, Posterior, fit_person
from abate.inference.prior import Prior, outside_noise
from abate.inference.seen import read_seen
from abate.planner.record import Entry, Record
from abate.planner.settings import candidate_list, value
from abate.science.model import Model, load
from abate.science.population import Population, load_population
from abate.science.regimen.drugs import clock_hours
from abate.study.observation import load_clinic

__all__ = ["OUTPUTS", "People", "people_like", "symptom_points"]

Floats = npt.NDArray[np.float64]
Basis = Literal["posterior", "population prior"]

OUTPUTS = ("symptoms", "u", "W", "adrenal_index", "morning_cortisol", "stimulated_cortisol", "crp", "esr", "il6", "C")
GROUP = 16


@dataclass(frozen=True)
class People:
    """People like the patient, standing at today.

    Attributes
    ----------
    record : Record
    basis : str
        ``posterior``: weighed by what was measured; ``population prior``: anybody of the population on these doses.
    says : str
        The same as a sentence.
    warnings : tuple of str
    run : Run
        Stands at today; take `abate.inference.branch` of it.
    posterior : Posterior
        Of equal weights.
    first : date
        Day 0 of the run.
    until : float
        Last day for which noise is drawn.
    effective : int
        Distinct people behind the numbers.
    """

    record: Record
    basis: Basis
    says: str
    warnings: tuple[str, ...]
    run: Run
    posterior: Posterior
    first: date
    until: float
    effective: int

    @property
    def n(self) -> int:
        """How many people."""
        return int(self.posterior.persons.size)

    @property
    def today(self) -> int:
        """Day of the run that is today."""
        return int(self.posterior.day)

    @property
    def model(self) -> Model:
        """The model that they live in."""
        return self.posterior.model


def people_like(
    record: Record,
    people: int = 128,
    seed: int = 1,
    *,
    basis: Literal["auto", "prior"] = "auto",
    weeks: int | None = None,
    copies: int = 1,
    progress: Callable[[float], None] | None = None,
) -> People:
    """Make people like the patient; seconds.

    Parameters
    ----------
    record : Record
    people : int
        A multiple of 16.
    seed : int
        Of all draws.
    basis : {'auto', 'prior'}
        ``auto`` weighs by the diary and the measurements where there are any.
    weeks : int, optional
        How far ahead plans will be forecast.
    copies : int
        So many ways on from each person: the same past, another future.
    progress : callable, optional
        Called with the share done, 0-1.

    Raises
    ------
    InputError
        If the number of people is not a multiple of 16, or a value of the record is refused by its measure.
    """
    if people < GROUP or people % GROUP:
        raise InputError("--people", "not a number of whole groups", value=people, allowed=f"a multiple of {GROUP}")
    listed = candidate_list(record.disease)
    model, population = load(listed.model), load_population(listed.population)
    patient, first = patient_of(record, model)
    horizon = weeks if weeks is not None else int(value("settings", "horizon"))
    if patient.measurements and basis == "auto":
        fitted = fit_person(model, patient, people=people, seed=seed, population=population, progress=progress)
        posterior = fitted.resampled(people * copies)
        kind: Basis = "posterior"
        effective = max(1, round(min(fitted.ess, people)))
        count = len(patient.measurements)
        says = (
            f"Virtual people weighed by this patient's {count} measurements of the last {int(patient.day / 7)} weeks."
        )
    else:
        posterior, kind, effective = (
            _from_population(model, patient, population, people * copies, seed),
            "population prior",
            people,
        )
        measured = "Nothing was measured"
        if patient.measurements:
            measured = "What was measured in this patient was not used"
        says = (
            f"Population prior: anybody of the population on these doses. {measured}, so the forecast knows no more "
            "than the population."
        )
    until = posterior.day + 7.0 * (horizon + 5)
    run = posterior.run(OUTPUTS, until=until)
    return People(
        record, kind, says, (*posterior.warnings, *posterior.seen.notes), run, posterior, first, until, effective
    )


def patient_of(record: Record, model: Model) -> tuple[Patient, date]:
    """Return the record as the inference reads it, and the date of its day 0.

    History older than the library's window enters by the dose, the inflammation and the adrenal mass at its start.
    """
    begin = max(record.diagnosed, record.today - timedelta(days=int(value("settings", "history"))))
    days = (record.today - begin).days
    if days < 1:
        raise InputError(
            "diagnosed", "there is no history before today", value=str(begin), allowed=f"before {record.today}"
        )
    hour = clock_hours()["morning"] / 24
    taken = record.prednisone(begin, days)
    doses = [PatientDose(k + hour, "prednisone", "oral", mg) for k, mg in enumerate(taken) if mg > 0]
    doses += _antibody_doses(record, begin, days)
    measurements = sorted([*_laboratory(record, begin), *_diary(record, begin, model)], key=lambda m: m.time)
    known: dict[str, float] = {}
    if begin > record.diagnosed:
        known = at_start(model, record.prednisone(begin - timedelta(days=1), 1)[0])
    patient = Patient(
        record.name, tuple(sorted(doses, key=lambda d: d.time)), tuple(measurements), covariates(record, model), known,
        begin, float(days),
    )  # fmt: skip
    return patient, begin


def covariates(record: Record, model: Model) -> dict[str, float]:
    """Return what the record knows of the covariates of the model."""
    found = {"weight": record.weight, "height": record.height}
    found["female"] = None if record.sex is None else float(record.sex == "female")
    found["age"] = None if record.born is None else float(record.today.year - record.born)
    drawn = set(load_population(candidate_list(record.disease).population).draw(np.array([0]), 0))
    return {k: float(v) for k, v in found.items() if v is not None and k in {*model.covariates, *drawn}}


def at_start(model: Model, dose: float) -> dict[str, float]:
    """Return the state of somebody who has long taken a dose: felt dose, inflammation, mass of the adrenals.

    Inflammation is the drive less the glucocorticoid effect, D/I = ED50/(ED50 + dose) (disease model, section 1); the
    adrenals are at the analytic steady state A = 1 - e/c0, not below the floor (glucocorticoids, section 3, rule 1).
    """
    from scipy.optimize import brentq

    p = {name: model.parameters[model.resolve(name)].value for name in
         ("ED50", "kap", "k_MR", "KGR", "n_GR", "floor_mass", "physiological_dose")}  # fmt: skip

    def pinned(c: float) -> float:
        return float((1 + p["k_MR"]) / (c + p["k_MR"]) / (1 + (c / p["KGR"]) ** p["n_GR"]) - 1)

    baseline = float(brentq(pinned, 1e-3, 10.0))
    activity = p["kap"] * dose / p["physiological_dose"]
    adrenal = max(1 - activity / baseline, p["floor_mass"])
    return {"dose_before": dose, "D_entry": p["ED50"] / (p["ED50"] + dose), "A_before": adrenal}


def symptom_points(entry: Entry, model: Model) -> float | None:
    """Return a day of the diary as points of the symptom score, from pain and stiffness; None without either."""
    score = model.parameters[model.resolve("score")].value
    rows = [(entry.pain, "pain"), (entry.stiffness, "morning-stiffness")]
    points = [value * score / load_clinic()[measure].scale for value, measure in rows if value is not None]
    return float(np.mean(points)) if points else None


def _laboratory(record: Record, begin: date) -> list[Measurement]:
    return [
        Measurement(float((m.date - begin).days), m.name, m.number, m.unit, m.censored, f"measurements, {m.date}")
        for m in record.measurements
        if m.date >= begin
    ]


def _diary(record: Record, begin: date, model: Model) -> list[Measurement]:
    """Return the diary as symptom scores, days close together averaged: they share their error."""
    rows = [((e.date - begin).days, symptom_points(e, model)) for e in record.diary if e.date >= begin]
    scored = sorted((day, points) for day, points in rows if points is not None)
    every = value("settings", "diary_every")
    groups: list[list[tuple[int, float]]] = []
    for row in scored:
        if groups and row[0] - groups[-1][0][0] < every:
            groups[-1].append(row)
        else:
            groups.append([row])
    made = []
    for group in groups:
        day = round(float(np.mean([d for d, _ in group])))
        points = float(np.mean([p for _, p in group]))
        made.append(Measurement(float(day), "symptom-score", points, "", "", f"diary, {begin + timedelta(days=day)}"))
    return made


def _antibody_doses(record: Record, begin: date, days: int) -> list[PatientDose]:
    doses = []
    for course in record.drugs:
        regimen = course.read
        if regimen.drug not in ("tocilizumab", "sarilumab"):
            continue
        offset = (course.from_ - begin).days
        end = min(days, (course.to - begin).days + 1 if course.to else days)
        people = {"weight": [record.weight]} if regimen.needs_weight and record.weight else None
        if regimen.needs_weight and not people:
            raise InputError("weight", "a dose per kg needs the weight", value=course.regimen)
        given = regimen.doses(max(0.0, -offset), max(0.0, end - offset), people)
        for time, amount in zip(given.time, given.amount, strict=True):
            doses.append(
                PatientDose(float(time + offset), given.drug, given.route, float(amount[0]), given.duration_h / 24)
            )
    return doses


def _from_population(model: Model, patient: Patient, population: Population, people: int, seed: int) -> Posterior:
    """Return the population on the patient's doses, in the shape of a posterior of equal weights."""
    blind = replace(patient, measurements=())
    prior = Prior(model, blind, read_seen(blind, model), population, seed)
    who = np.arange(people)
    numbers = prior.draw(who)
    parameters: Mapping[str, Floats] = prior.parameters(numbers, prior.covariates(who))
    return Posterior(
        model=outside_noise(model), patient=blind, parameters=parameters, weights=np.full(people, 1 / people),
        ess=float(people), persons=who, seed=seed, day=float(patient.day), noise=prior.noise(numbers, parameters),
        map={}, fitted=np.empty((0, people)), seen=prior.seen, prior=parameters, warnings=(), effects=prior.effects,
        noises=prior.noises, inputs=prior.inputs(),
    )  # fmt: skip
