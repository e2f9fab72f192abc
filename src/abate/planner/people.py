"""Virtual people like the patient: they lived through the same doses and showed what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Dose, Run, compile_model
from abate.ground.errors import InputError
from abate.inference import Measurement, Patient, PatientDose, Posterior, fit_person
from abate.inference.prior import Prior, outside_noise
from abate.inference.seen import read_seen
from abate.planner.record import Entry, Measured, Record
from abate.planner.settings import candidate_list, value
from abate.planner.steroids import PREDNISONE
from abate.planner.told import Told
from abate.science.model import Model, load
from abate.science.population import Population, load_population
from abate.science.regimen.drugs import antibodies, clock_hours
from abate.science.regimen.value import number
from abate.study.observation import load_clinic

__all__ = ["OUTPUTS", "People", "antibody_of", "fewer", "patient_of", "people_like", "speaks", "symptom_points"]

Floats = npt.NDArray[np.float64]
Basis = Literal["posterior", "population prior"]

OUTPUTS = ("symptoms", "u", "W", "adrenal_index", "morning_cortisol", "stimulated_cortisol", "crp", "esr", "il6", "C",
           "C_sarilumab")  # fmt: skip
GROUP = 16
_DRIVE = ("I0",)
"""Parameters that are 0 where the disease of the model is not the patient's."""
_LEVEL = "drug-level"
_ADRENAL = ("morning-cortisol", _LEVEL)
"""What is measured that does not depend on the disease."""
_OF_ILLNESS = ("crp", "esr", "il6")
"""What another illness raises too."""


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
        says = Told(
            "Virtual people weighed by what was measured in this patient in the last {weeks} weeks (values: {count}).",
            weeks=int(patient.day / 7), count=count,
        )  # fmt: skip
    else:
        posterior, kind, effective = (
            _from_population(model, patient, population, people * copies, seed),
            "population prior",
            people,
        )
        says = Told(
            "Population prior: anybody of the population on these doses. Nothing was measured, so the forecast knows "
            "no more than the population."
        )
        if patient.measurements:
            says = Told(
                "Population prior: anybody of the population on these doses. What was measured in this patient was not "
                "used, so the forecast knows no more than the population."
            )
    until = posterior.day + 7.0 * (horizon + 5)
    run = posterior.run(until=until)  # with every output of the model: one compiled kernel serves every patient
    warnings = (*posterior.warnings, *posterior.seen.notes, *_notes(record))
    return People(record, kind, says, warnings, run, posterior, first, until, effective)


def fewer(people: People, count: int) -> People:
    """Return some of the people, for a first drawing that is refined afterwards; a multiple of 16."""
    if count >= people.n:
        return people
    posterior = people.posterior.resampled(count)
    run = posterior.run(until=people.until)
    return replace(people, posterior=posterior, run=run, effective=min(people.effective, count))


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
    measurements = [*_laboratory(record, begin, {d.drug for d in doses}), *_diary(record, begin, model)]
    known = at_start(model, record, begin) if begin > record.diagnosed else {}
    if not record.flares_forecast:
        known |= dict.fromkeys(_DRIVE, 0.0)
    patient = Patient(
        record.name, tuple(sorted(doses, key=lambda d: d.time)), tuple(sorted(measurements, key=lambda m: m.time)),
        covariates(record, model), known, begin, float(days),
    )  # fmt: skip
    return patient, begin


def covariates(record: Record, model: Model) -> dict[str, float]:
    """Return what the record knows of the covariates of the model."""
    found = {"weight": record.weight, "height": record.height}
    found["female"] = None if record.sex is None else float(record.sex == "female")
    found["age"] = None if record.born is None else float(record.today.year - record.born)
    drawn = set(load_population(candidate_list(record.disease).population).draw(np.array([0]), 0))
    return {k: float(v) for k, v in found.items() if v is not None and k in {*model.covariates, *drawn}}


def at_start(model: Model, record: Record, begin: date) -> dict[str, float]:
    """Return how somebody comes into the window who was treated before it: as a typical person who took those doses.

    The typical person begins untreated, lives through the doses of the years before `begin`, and hands on the dose, the
    inflammation as a share of the drive, the memory of the tissue and the mass of the adrenals.
    """
    days = min((begin - record.diagnosed).days, int(value("settings", "lead_in")))
    lead = begin - timedelta(days=days)
    still = outside_noise(model)
    run = compile_model(still).start({}, np.arange(GROUP), 0)
    hour = clock_hours()["morning"] / 24
    taken = record.prednisone(lead, days)
    doses = [Dose(k + hour, "prednisone", "oral", mg) for k, mg in enumerate(taken) if mg > 0]
    doses += [Dose(d.time, d.drug, d.route, d.amount, d.duration) for d in _antibody_doses(record, lead, days)]
    last = {name: float(rows[0, 0]) for name, rows in run.advance(float(days), doses).items()}
    found = {"dose_before": taken[-1], "D_entry": last["D"] / last["drive"], "M_entry": last["M"]}
    return {**found, "A_before": last["A"], "P_before": last["P"]}


def symptom_points(entry: Entry, model: Model) -> float | None:
    """Return a day of the diary as points of the symptom score, from pain and stiffness; None without either."""
    score = model.parameters[model.resolve("score")].value
    rows = [(entry.pain, "pain"), (entry.stiffness, "morning-stiffness")]
    points = [value * score / load_clinic()[measure].scale for value, measure in rows if value is not None]
    return float(np.mean(points)) if points else None


def _laboratory(record: Record, begin: date, given: set[str]) -> list[Measurement]:
    """Return the laboratory values since `begin`, levels by the name of their antibody where both were given."""
    courses = {course.read.drug for course in record.drugs if course.read.drug in antibodies()}
    found = []
    for m in record.measurements:
        level, whose = m.name == _LEVEL, antibody_of(record, m)
        if m.date < begin or not speaks(record, m) or (level and whose in courses - given):
            continue
        name = f"{whose}-level" if level and len(courses) > 1 else m.name
        day = float((m.date - begin).days)
        found.append(Measurement(day, name, *m.level, m.censored, f"measurements, {m.date}"))
    return found


def antibody_of(record: Record, measured: Measured) -> str:
    """Return the antibody whose level is measured: the one begun last, or, before any, the first."""
    courses = sorted((c for c in record.drugs if c.read.drug in antibodies()), key=lambda c: c.from_)
    begun = [c for c in courses if c.from_ <= measured.date] or courses[:1]
    return str(begun[-1].read.drug) if begun else antibodies()[0]


def speaks(record: Record, measured: Measured) -> bool:
    """Return whether a laboratory value tells of what is modelled: not of another illness, or of another disease."""
    if not record.flares_forecast:
        return measured.name in _ADRENAL
    return measured.name not in _OF_ILLNESS or record.ill(measured.date) is None


def _notes(record: Record) -> tuple[str, ...]:
    """Return what a reader must know of how the record was read."""
    said: list[str] = []
    if not record.flares_forecast:
        said.append(Told(candidate_list(record.disease).why))
    unused = [m for m in record.measurements if record.flares_forecast and not speaks(record, m)]
    if unused:
        names = ", ".join(f"{m.name} of {m.date}" for m in unused)
        said.append(Told("not used, because another illness moves it too: {names}", names=names))
    if record.steroid not in PREDNISONE:
        said.append(
            Told(
                "{drug} counts as {mg} mg of prednisone a day, by equal effect on inflammation; it may suppress the "
                "adrenals more or less than that. Plans are written in prednisone: a change of drug is for the doctor "
                "to make",
                drug=record.steroid,
                mg=number(record.dose),
            )
        )
    return tuple(said)


def _diary(record: Record, begin: date, model: Model) -> list[Measurement]:
    """Return the diary as symptom scores, days close together averaged: they share their error."""
    if not record.flares_forecast:
        return []
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
        if regimen.drug not in ("tocilizumab", "sarilumab") or course.from_ > begin + timedelta(days=days):
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
