"""One arm, visit by visit: people enter, are seen, decided upon, dosed, and followed to the end.

The truth lives in the engine; what a visit sees is measured with error; the policy sees that and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Dose, Ensemble, Run
from abate.ground.randomness import uniform
from abate.science.policy import Decisions, Memory, Policy, begin, decide
from abate.science.population import ParameterSets, Population, draw
from abate.study.observation import Clinic
from abate.trial.course import Course
from abate.trial.dosing import STEROID, Dosing, drugs_of
from abate.trial.entry import entry_doses, entry_parameters
from abate.trial.episodes import episodes
from abate.trial.leaving import Leaving
from abate.trial.protocol import Arm, Trial
from abate.trial.unscheduled import next_stop, occasion, remembered, who_comes

__all__ = ["run_arm"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Persons = npt.NDArray[np.int64]


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
    *,
    numbers: ParameterSets | None = None,
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
    numbers : ParameterSets, optional
        One set of the model's numbers a person.

    Returns
    -------
    Course
    """
    covariates, parameters = draw(population, ensemble.model, persons, seed, numbers=numbers)
    start_dose = entry_doses(trial, persons, seed)
    parameters |= entry_parameters(trial, ensemble.model, start_dose)
    run = ensemble.start(parameters, persons, seed)
    memory = _begin(trial, arm, policy, persons, start_dose, seed)
    n, days = persons.size, trial.days
    outputs = {name: np.empty((n, days + 1), dtype=np.float32) for name in ensemble.outputs}
    leaving = Leaving(arm.dropout or trial.dropout, days, persons, seed)
    course = Course(persons, covariates, leaving.day, np.zeros((n, days)), outputs, np.zeros(n, dtype=np.int64))
    if STEROID in trial.adherence:
        course.planned = np.zeros((n, days))
    dosing = Dosing(trial, arm, policy, covariates, persons, seed)
    way = _Way(trial, policy, clinic, run, dosing, course, memory, leaving, seed)
    visits = trial.visit_days
    for visit, day in enumerate(visits):
        until = visits[visit + 1] if visit + 1 < len(visits) else None
        way.visit(day, until, visit)
        if until is None:
            break
        stop = day
        while stop < until:
            start, stop = stop, next_stop(trial, policy, way.memory, stop, until)
            way.live(start, stop)
            if stop < until:
                way.visit_between(stop, until)
        if progress:
            progress(until / days)
    course.causes = leaving.causes
    course.codes = run.codes.astype(np.int64)
    return course


@dataclass
class _Way:
    """People on their way through a trial."""

    trial: Trial
    policy: Policy
    clinic: Clinic
    run: Run
    dosing: Dosing
    course: Course
    memory: Memory
    leaving: Leaving
    seed: int

    def visit(self, day: int, until: int | None, visit: int) -> None:
        """See everybody who has not left, on the day of a scheduled visit; `until` is that of the next."""
        followed = self.course.followed
        present = day < followed if until is not None else day <= followed
        seen = self._measured(day, visit)
        self.memory = self._decided(day, until, visit, seen, present).memory

    def visit_between(self, day: int, until: int) -> None:
        """See those who come between scheduled visits."""
        seen = self._measured(day, occasion(day))
        came = who_comes(self.trial, self.policy, self.memory, day, seen) & (day < self.course.followed)
        if came.any():
            self.course.unscheduled.add(day)
            self.memory = remembered(self._decided(day, until, occasion(day), seen, came), came)

    def live(self, day: int, until: int) -> None:
        """Give the doses of [day, until) and follow everybody through it."""
        doses = [dose for dose in self.dosing.give(self.course, self.memory, day, until) if self._felt(dose)]
        sick = list(episodes(self.run, day, until))
        between = self.run.advance(until, doses, sick, record_at=np.arange(day + 1.0, until))
        for name, rows in between.items():
            self.course.courses[name][:, day + 1 : until] = rows.T

    def _felt(self, dose: Dose) -> bool:
        """Tell whether a dose is one: no prednisone is nothing to a model that does not know prednisone."""
        known = (dose.drug, dose.route) in self.run.ensemble.model.doses
        return known or bool(np.any(dose.amount))

    def _measured(self, day: int, visit: int) -> dict[str, Floats]:
        """Record the truth of today, and return what would be measured of it."""
        truth = {name: rows[0] for name, rows in self.run.advance(day).items()}
        for name, values in truth.items():
            self.course.courses[name][:, day] = values
        taken = [name for name in self.trial.measures if name in self.clinic.measures]  # the others need data
        return self.clinic.observe(truth, taken, self.course.persons, visit, self.seed)

    def _decided(
        self, day: int, until: int | None, visit: int, measured: dict[str, Floats], present: Booleans
    ) -> Decisions:
        course, policy = self.course, self.policy
        seen = {name: np.where(present, values, np.nan) for name, values in measured.items()}
        course.seen.append((day, seen))
        draws = {d: uniform(self.seed, f"policy:{d}", course.persons, visit + 1) for d in policy.draws}
        decisions = decide(policy, day, seen, self.memory, draws, next_visit=until, present=present)
        course.events += [(day, event, called) for event, called in decisions.events.items() if called.any()]
        self.leaving.happened(day, decisions.events)
        course.followed = self.leaving.day
        course.ledger += list(decisions.ledger())
        return decisions


def _begin(trial: Trial, arm: Arm, policy: Policy, persons: Persons, start_dose: Floats, seed: int) -> Memory:
    draws = {name: uniform(seed, f"policy:{name}", persons, 0) for name in policy.draws}
    return begin(
        policy,
        persons.size,
        trial.days + 1,
        start_dose=start_dose,
        draws=draws,
        taper=arm.taper,
        drug=drugs_of(arm),
    )
