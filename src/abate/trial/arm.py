"""One arm, visit by visit: people enter, are seen, decided upon, dosed, and followed to the end.

The truth lives in the engine; what a visit sees is measured with error; the policy sees that and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Dose, Ensemble
from abate.ground.randomness import uniform
from abate.science.policy import Memory, Policy, begin, decide
from abate.science.population import Population, draw
from abate.science.regimen import Doses, Regimen
from abate.science.regimen.drugs import clock_hours
from abate.study.observation import Clinic
from abate.trial.entry import entry_doses, entry_parameters, leaving_days
from abate.trial.protocol import Arm, Trial

__all__ = ["Course", "run_arm"]

Floats = npt.NDArray[np.float64]
Persons = npt.NDArray[np.int64]

STEROID = "prednisone"


@dataclass
class Course:
    """What happened to some people of one arm, as arrays; row i is person ``persons[i]``.

    Attributes
    ----------
    persons : ndarray of int, shape (n,)
        Keys of all draws.
    covariates : dict of ndarray, shape (n,)
    followed : ndarray, shape (n,)
        Day on which each person left, or the end.
    prednisone : ndarray, shape (n, days)
        mg on each day.
    courses : dict from output to ndarray, shape (n, days + 1)
        At 00:00 of each day.
    seen : list of (visit day, dict of measure to ndarray (n,))
        What each visit saw.
    events : list of (day, event, ndarray of bool (n,))
    ledger : list of dict
        One row a decision, ``person`` being the row.
    antibody : list of Doses
        Every dose of the arm's drugs, zeros where a person no longer took it.
    codes : ndarray of int, shape (n,)
        How each person's solution ended; 0 is well.
    """

    persons: Persons
    covariates: dict[str, Floats]
    followed: Floats
    prednisone: Floats
    courses: dict[str, npt.NDArray[np.float32]]
    codes: npt.NDArray[np.int64]
    seen: list[tuple[int, dict[str, Floats]]] = field(default_factory=list)
    events: list[tuple[int, str, npt.NDArray[np.bool_]]] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    antibody: list[Doses] = field(default_factory=list)

    def take(self, rows: npt.NDArray[np.int64]) -> Course:
        """Return the course of some of the people, in that order (without the ledger's rows of others)."""
        place = {int(row): index for index, row in enumerate(rows)}
        return Course(
            self.persons[rows],
            {name: values[rows] for name, values in self.covariates.items()},
            self.followed[rows],
            self.prednisone[rows],
            {name: values[rows] for name, values in self.courses.items()},
            self.codes[rows],
            [(day, {name: values[rows] for name, values in seen.items()}) for day, seen in self.seen],
            [(day, event, called[rows]) for day, event, called in self.events],
            [{**row, "person": place[row["person"]]} for row in self.ledger if row["person"] in place],
            [Doses(d.drug, d.route, d.time, d.amount[:, rows], d.duration_h, d.lag_h) for d in self.antibody],
        )


def run_arm(
    trial: Trial,
    arm: Arm,
    policy: Policy,
    population: Population,
    clinic: Clinic,
    ensemble: Ensemble,
    persons: Persons,
    seed: int,
    progress: Callable[[float], None] | None = None,
) -> Course:
    """Run some people of an arm from entry to the end.

    Parameters
    ----------
    trial, arm : Trial, Arm
        The protocol.
    policy : Policy
        Who decides.
    population : Population
        Who takes part.
    clinic : Clinic
        What a visit can measure.
    ensemble : Ensemble
        The compiled model, with every output that the clinic and the courses need.
    persons : ndarray of int, shape (n,)
        Whole groups of 16, so that nobody's course depends on who else was asked for.
    seed : int
        Of the run.
    progress : callable, optional
        Called with the share done.

    Returns
    -------
    Course
    """
    covariates, parameters = draw(population, ensemble.model, persons, seed)
    start_dose = entry_doses(trial, persons, seed)
    parameters |= entry_parameters(trial, ensemble.model, start_dose)
    run = ensemble.start(parameters, persons, seed)
    followed = leaving_days(trial, persons, seed)
    memory = _begin(trial, arm, policy, persons, start_dose, seed)
    n, days = persons.size, trial.days
    outputs = {name: np.empty((n, days + 1), dtype=np.float32) for name in ensemble.outputs}
    course = Course(persons, covariates, followed, np.empty((n, days)), outputs, np.zeros(n, dtype=np.int64))
    visits = trial.visit_days
    regimens = [regimen.of(regimen.drug or "") for regimen in arm.regimens]
    last = np.full((len(regimens), n), -np.inf)
    for visit, day in enumerate(visits):
        until = visits[visit + 1] if visit + 1 < len(visits) else None
        truth = {name: rows[0] for name, rows in run.advance(day).items()}
        for name in ensemble.outputs:
            course.courses[name][:, day] = truth[name]
        seen = clinic.observe(truth, trial.measures, persons, visit, seed)
        present = day < followed if until is not None else day <= followed
        seen = {name: np.where(present, values, np.nan) for name, values in seen.items()}
        course.seen.append((day, seen))
        draws = {d: uniform(seed, f"policy:{d}", persons, visit + 1) for d in policy.draws}
        decisions = decide(policy, day, seen, memory, draws, next_visit=until, present=present)
        memory = decisions.memory
        course.events += [(day, event, called) for event, called in decisions.events.items() if called.any()]
        course.ledger += list(decisions.ledger())
        if until is None:
            break
        course.prednisone[:, day:until] = memory.plan[:, day:until]
        given = [_antibody(r, day, until, covariates, memory, last[i]) for i, r in enumerate(regimens)]
        course.antibody += given
        doses = [dose for some in (_prednisone(course.prednisone, day, until), *given) for dose in _single(some)]
        between = run.advance(until, doses, record_at=np.arange(day + 1.0, until))
        for name, rows in between.items():
            course.courses[name][:, day + 1 : until] = rows.T
        if progress:
            progress(until / days)
    course.codes = run.codes.astype(np.int64)
    return course


def _begin(trial: Trial, arm: Arm, policy: Policy, persons: Persons, start_dose: Floats, seed: int) -> Memory:
    draws = {name: uniform(seed, f"policy:{name}", persons, 0) for name in policy.draws}
    return begin(
        policy,
        persons.size,
        trial.days + 1,
        start_dose=start_dose,
        draws=draws,
        taper=arm.taper,
        drug=bool(arm.drugs),
    )


def _prednisone(daily: Floats, day: int, until: int) -> Doses:
    """Return the tablets of each morning in [day, until)."""
    times = np.arange(float(day), until) + clock_hours()["morning"] / 24
    return Doses(STEROID, "oral", times, np.ascontiguousarray(daily[:, day:until].T))


def _single(doses: Doses) -> Iterator[Dose]:
    """Yield the doses one by one, as the engine takes them."""
    for time, amount in zip(doses.enters, doses.amount, strict=True):
        yield Dose(float(time), doses.drug, doses.route, amount, doses.duration_h / 24)


def _antibody(
    regimen: Regimen, day: int, until: int, covariates: Mapping[str, Floats], memory: Memory, last: Floats
) -> Doses:
    """Return the doses of a drug up to the next visit: as the regimen says, unless the policy stopped or spaced it.

    `last` holds the day of each person's last dose and is moved on.
    """
    doses = regimen.doses(day, until, covariates)
    amount = doses.amount.copy()
    for index, time in enumerate(doses.time):
        every = memory.drug_every
        due = np.isnan(every) | (time - last >= every - 1e-9)
        amount[index] = np.where(memory.drug_on & due, amount[index], 0.0)
        last[amount[index] > 0] = time
    return Doses(doses.drug, doses.route, doses.time, amount, doses.duration_h, doses.lag_h)
