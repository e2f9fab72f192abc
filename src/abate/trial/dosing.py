"""What people are given between two visits: tablets as planned, the drugs as the policy lets them, within limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Dose
from abate.ground.errors import InputError
from abate.ground.units import convert
from abate.science.policy import Memory, Policy
from abate.science.policy.actions import ANTIBODY, SpaceDrug
from abate.science.regimen import Doses, Regimen
from abate.science.regimen.drugs import clock_hours, drug
from abate.trial.adherence import Taking
from abate.trial.course import Course
from abate.trial.protocol import Arm, Trial

__all__ = ["STEROID", "Dosing", "check_regimens", "drugs_of", "largest_dose", "single"]

Floats = npt.NDArray[np.float64]

STEROID = "prednisone"


class Dosing:
    """The doses of an arm, span by span; it remembers when each person last had each drug.

    Parameters
    ----------
    trial, arm, policy : Trial, Arm, Policy
        Who gives what, and within which limits.
    covariates : mapping of str to ndarray, shape (n,)
        For doses by weight.
    persons : ndarray of int, shape (n,)
        Keys of the draws.
    seed : int
        Of the run.
    """

    def __init__(
        self,
        trial: Trial,
        arm: Arm,
        policy: Policy,
        covariates: Mapping[str, Floats],
        persons: npt.NDArray[np.int64],
        seed: int,
    ) -> None:
        self.covariates = covariates
        self.regimens = [regimen.of(regimen.drug or "") for regimen in arm.regimens]
        self.names = [drug(regimen.drug or "").active for regimen in self.regimens]
        self.largest = [largest_dose(policy, name) for name in self.names]
        self.last = np.full((len(self.regimens), persons.size), -np.inf)
        habits = {drug(name).active: entry.adherence for name, entry in trial.adherence.items()}
        self.tablets = None
        if STEROID in habits:
            self.tablets = Taking.of(habits[STEROID], _mornings(0, trial.days), persons, STEROID, seed)
        self.taking: list[Taking | None] = []
        for index, (regimen, name) in enumerate(zip(self.regimens, self.names, strict=True)):
            times = regimen.times(0, trial.days)
            keyed = f"{name}:{index}"
            self.taking.append(Taking.of(habits[name], times, persons, keyed, seed) if name in habits else None)

    def give(self, course: Course, memory: Memory, day: int, until: int) -> Iterator[Dose]:
        """Write what is taken in [day, until) into the course, and yield it dose by dose."""
        planned = memory.plan[:, day:until]
        doses = Doses(STEROID, "oral", _mornings(day, until), np.ascontiguousarray(planned.T))
        if self.tablets is None or course.planned is None:
            course.prednisone[:, day:until] = planned
        else:
            doses = self.tablets.taken(doses)
            course.planned[:, day:until] = planned
            course.steroid.append(doses)
            _add_daily(course.prednisone, doses)
        given = [self._given(index, day, until, memory) for index in range(len(self.regimens))]
        course.antibody += given
        for some in (doses, *given):
            yield from single(some)

    def _given(self, index: int, day: int, until: int, memory: Memory) -> Doses:
        on, every = memory.on(self.names[index]), memory.spaced(self.names[index])
        doses = self.regimens[index].doses(day, until, self.covariates)
        prescribed = _prescribed(doses, on, every, self.last[index], self.largest[index])
        taking = self.taking[index]
        return prescribed if taking is None else taking.taken(prescribed)


def drugs_of(arm: Arm) -> tuple[str, ...]:
    """Return what the people of an arm are given beside their taper, by canonical name.

    Examples
    --------
    >>> from abate.trial.protocol import load_trial
    >>> drugs_of(load_trial("giacta").arms["tocilizumab-weekly"])
    ('tocilizumab',)
    """
    return tuple(dict.fromkeys(drug(regimen.drug or "").active for regimen in arm.regimens))


def largest_dose(policy: Policy, name: str) -> float:
    """Return the largest single dose of a drug in mg: of its label, and of the policy where it limits the drug.

    Examples
    --------
    >>> from abate.science.policy import load_policy
    >>> largest_dose(load_policy("giacta"), "tocilizumab")
    800.0
    """
    cap = drug(name).cap
    label = convert(cap.value, cap.unit, "mg") if cap else np.inf
    return float(min(label, policy.limits.get(drug(name).active, np.inf)))


def check_regimens(trial: Trial, slug: str, policy: Policy) -> None:
    """Refuse an arm whose drugs cannot be given as its policy says.

    Raises
    ------
    InputError
        If a regimen's own dose lies above the policy's limit (a dose by weight is cut to it), or a rule would give the
        drug more often than the regimen does.
    """
    for regimen in trial.arms[slug].regimens:
        name = drug(regimen.drug or "").active
        where = f"{trial.name}, arms.{slug}"
        most, dose = policy.limits.get(name, np.inf), 0.0 if regimen.needs_weight else regimen.largest_mg
        if dose > most:
            raise InputError(
                where, f"the dose lies above the limit of the policy {policy.name}", value=str(regimen),
                allowed=f"at most {most:g} mg of {name}",
            )  # fmt: skip
        for rule in policy.rules:
            for action in rule.do:
                if isinstance(action, SpaceDrug) and action.drug in (ANTIBODY, name) and _closer(action, regimen):
                    problem = f"the rule {rule.id!r} of {policy.name} would give {name} more often than the arm does"
                    hint = "spacing leaves out doses of the regimen: write the shorter interval in the arm"
                    raise InputError(where, problem, value=str(action), allowed=f"{regimen.every} or more", hint=hint)


def _closer(action: SpaceDrug, regimen: Regimen) -> bool:
    return regimen.every is not None and action.every.days < regimen.every.days - 1e-9


def single(doses: Doses) -> Iterator[Dose]:
    """Yield the doses one by one, as the engine takes them."""
    for time, amount in zip(doses.enters, doses.amount, strict=True):
        yield Dose(float(time), doses.drug, doses.route, amount, doses.duration_h / 24)


def _mornings(day: int, until: int) -> Floats:
    return np.arange(float(day), until) + clock_hours()["morning"] / 24


def _add_daily(daily: Floats, doses: Doses) -> None:
    """Add doses to a table of mg a day; what is taken after its end is not shown."""
    for time, amount in zip(doses.time, doses.amount, strict=True):
        if time < daily.shape[1]:
            daily[:, int(time)] += amount


def _prescribed(doses: Doses, on: npt.NDArray[np.bool_], every: Floats, last: Floats, largest: float) -> Doses:
    """Return the doses of a drug as the regimen has them, unless the policy stopped, spaced or limited it.

    `last` holds the day of each person's last dose and is moved on.
    """
    amount = np.minimum(doses.amount, largest)
    for index, time in enumerate(doses.time):
        due = np.isnan(every) | (time - last >= every - 1e-9)
        amount[index] = np.where(on & due, amount[index], 0.0)
        last[amount[index] > 0] = time
    return replace(doses, amount=amount)
