"""What a policy remembers of people between visits: arrays, one place a person, replaced and never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.science.policy.actions import ANTIBODY, StepDown
from abate.science.policy.value import Policy
from abate.science.regimen import Taper, antibodies, load_taper

__all__ = ["Memory", "begin", "drawn", "stretch"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Memory:
    """What is remembered of n people.

    Attributes
    ----------
    plan : ndarray, shape (n, horizon or more)
        mg of prednisone on every day: taken before today, planned from today on. The dose of a day is that of its
        morning; a visit on a day comes before it. It reaches beyond the horizon where a rule may bring later doses
        forward.
    step_days : ndarray, shape (n,)
        Each person's length of the stretchable steps, days; NaN as the taper says.
    count : mapping of event to ndarray of int, shape (n,)
        How often it was called.
    last : mapping of event to ndarray, shape (n,)
        Day on which it was last called; -inf when never.
    days : tuple of int
        Days of the visits so far.
    history : mapping of measure to ndarray, shape (visits, n)
        What was observed; NaN where it was not.
    latched : mapping of condition to ndarray of bool, shape (n,)
        State of conditions with hysteresis.
    given : mapping of drug to ndarray of bool, shape (n,)
        Whether each drug is given; ``drug`` is an antibody that the caller did not name.
    every : mapping of drug to ndarray, shape (n,)
        Days between its doses; NaN as the regimen says.
    due : mapping of measure to ndarray, shape (n,)
        Day on which a test was asked for; +inf for none.
    """

    plan: Floats
    step_days: Floats
    count: Mapping[str, npt.NDArray[np.int64]]
    last: Mapping[str, Floats]
    given: Mapping[str, Booleans]
    every: Mapping[str, Floats]
    days: tuple[int, ...] = ()
    history: Mapping[str, Floats] = field(default_factory=dict)
    latched: Mapping[str, Booleans] = field(default_factory=dict)
    due: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def persons(self) -> int:
        """How many people."""
        return int(self.plan.shape[0])

    def names(self, drug: str) -> tuple[str, ...]:
        """Return the drugs here that a rule means: every antibody for ``drug``, else the one of that name."""
        if drug == ANTIBODY:
            return tuple(name for name in self.given if name == ANTIBODY or name in antibodies())
        if drug in self.given:
            return (drug,)
        return (ANTIBODY,) if ANTIBODY in self.given and drug in antibodies() else ()

    def on(self, drug: str = ANTIBODY) -> Booleans:
        """Return whom a drug is given to, shape (n,)."""
        found = [self.given[name] for name in self.names(drug)]
        return np.asarray(np.logical_or.reduce(found)) if found else np.zeros(self.persons, dtype=bool)

    def spaced(self, drug: str = ANTIBODY) -> Floats:
        """Return the days between doses of a drug, shape (n,); NaN as the regimen says."""
        names = self.names(drug)
        return self.every[names[0]] if names else np.full(self.persons, np.nan)

    @property
    def drug_on(self) -> Booleans:
        """Whether an antibody is given, shape (n,)."""
        return self.on()

    @property
    def drug_every(self) -> Floats:
        """Days between the antibody's doses, shape (n,); NaN as the regimen says."""
        return self.spaced()

    def dose(self, day: int, until: int | None = None) -> Floats:
        """Return mg on a day, shape (n,), or on the days [day, until), shape (n, days)."""
        return self.plan[:, day] if until is None else self.plan[:, day:until]

    def with_taper(self, day: int, taper: Taper, dose: npt.ArrayLike | None = None) -> Memory:
        """Return the memory with another taper from a day on; what was taken before stays as it was.

        Parameters
        ----------
        day : int
            First day of the other taper.
        taper : Taper
        dose : array_like, shape (n,), optional
            mg at which people enter it; by default the dose last taken.

        Examples
        --------
        >>> from abate.science.policy import load_policy
        >>> from abate.science.regimen import load_taper
        >>> memory = begin(load_policy("giacta"), 1, 364, start_dose=40).with_taper(70, load_taper("bsr-2010-slow"))
        >>> memory.plan[0, [69, 70, 126]].tolist()
        [9.0, 9.0, 8.0]
        """
        entered = self.plan[:, max(day - 1, 0)] if dose is None else np.broadcast_to(dose, (self.persons,))
        ahead = taper.daily(self.plan.shape[1] - day, entered, stretch(taper, self.step_days))
        return self.with_plan(np.concatenate([self.plan[:, :day], ahead], axis=1))

    def with_plan(self, plan: Floats) -> Memory:
        """Return the same memory with another calendar (a chart's own, in a replay)."""
        return replace(self, plan=np.asarray(plan, dtype=float))


def begin(
    policy: Policy,
    persons: int,
    horizon: int,
    *,
    start_dose: npt.ArrayLike = np.nan,
    draws: Mapping[str, npt.ArrayLike] | None = None,
    taper: str | Taper | None = None,
    drug: bool | Iterable[str] = True,
) -> Memory:
    """Return the memory of people on day 0; see `Policy` for what the draws are.

    Parameters
    ----------
    policy : Policy
    persons, horizon : int
        How many people, and how many days the plan reaches.
    start_dose : array_like, shape (n,)
        mg of prednisone a day at the start; NaN begins at the first step of the taper.
    draws : mapping of name to array_like in (0, 1), shape (n,)
        For the names in ``policy.draws`` (only ``step-length`` is used here).
    taper : str or Taper, optional
        Of the arm, in the place of the policy's own.
    drug : bool or iterable of str
        Whether an antibody is given at the start; or the names of the drugs that are.

    Raises
    ------
    InputError
        If a draw is missing, or a starting dose lies above the policy's limit.
    """
    plan_of = taper if isinstance(taper, Taper) else load_taper(taper) if taper else policy.tapers[policy.start.taper]
    doses = np.broadcast_to(np.asarray(start_dose, dtype=float), (persons,))
    if np.any(doses > policy.prednisone_limit) or np.any(doses < 0):
        allowed = f"0 to {policy.prednisone_limit:g} mg"
        raise InputError(
            "start dose", "a dose lies outside the policy's limits", value=float(np.nanmax(doses)), allowed=allowed
        )
    step_days = np.full(persons, np.nan)
    if policy.start.step_length:
        length = policy.start.step_length
        low, high = length.shortest.days, length.longest.days
        step_days = low + (high - low) * drawn(draws, "step-length", persons)
    brings_forward = any(isinstance(action, StepDown) for rule in policy.rules for action in rule.do)
    reach = horizon + (max(t.duration for t in (plan_of, *policy.tapers.values())) if brings_forward else 0)
    plan = np.minimum(plan_of.daily(reach, doses, stretch(plan_of, step_days)), policy.prednisone_limit)
    events = policy.events
    start = {ANTIBODY: drug} if isinstance(drug, bool) else dict.fromkeys(drug, True)
    given = {name: np.full(persons, on) for name, on in start.items()}
    return Memory(
        plan=plan,
        step_days=step_days,
        count={event: np.zeros(persons, dtype=np.int64) for event in events},
        last={event: np.full(persons, -np.inf) for event in events},
        given=given,
        every={name: np.full(persons, np.nan) for name in given},
    )


def stretch(taper: Taper, step_days: Floats) -> Floats:
    """Return how many times longer than in the taper each person's stretchable steps are, shape (n,)."""
    if taper.stretch_from is None:
        return np.ones_like(step_days)
    return np.where(np.isnan(step_days), 1.0, step_days / taper.steps[taper.stretch_from].days)


def drawn(draws: Mapping[str, npt.ArrayLike] | None, name: str, persons: int) -> Floats:
    """Return the draw of a name, or refuse when the caller did not hand it in."""
    if not draws or name not in draws:
        raise InputError("draws", "a random draw is missing", value=name, hint="hand in one uniform number a person")
    return np.broadcast_to(np.asarray(draws[name], dtype=float), (persons,))
