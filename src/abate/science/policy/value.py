"""A policy as a value: measures it is shown, settings, visits, start, limits and rules. It holds no state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.quantity import Grade, Quantity
from abate.science.policy.actions import ANTIBODY, Action, Call, DrugOrder, Rescue, SpaceDrug, channels
from abate.science.policy.conditions import Condition, Drug, atoms
from abate.science.regimen import Taper, load_taper
from abate.science.regimen.value import Span

__all__ = ["Policy", "Rule", "Start", "StepLength", "Visits"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: when its condition holds, its actions are done, and its reason is noted.

    Attributes
    ----------
    id : str
        Slug, unique in the policy; the ledger names it.
    when : Condition
        What must hold, judged on this visit's observations and on what happened at earlier visits.
    do : tuple of Action
        What is done, in order.
    because : str
        The reason, in a sentence.
    priority : int
        Higher goes first; equal ones in the order of the file.
    """

    id: str
    when: Condition
    do: tuple[Action, ...]
    because: str
    priority: int = 0

    @property
    def channels(self) -> frozenset[str]:
        """What it claims for a visit: ``prednisone``, ``drug`` and every antibody with it, other drugs by name."""
        return frozenset(c for action in self.do for c in channels(action))


@dataclass(frozen=True, slots=True)
class Visits:
    """When people are seen: every so often, and when a condition on a diary holds."""

    every: Span
    on_symptoms: Condition | None = None


@dataclass(frozen=True, slots=True)
class StepLength:
    """Each person's own length of the taper's stretchable steps, drawn once, and its largest value."""

    shortest: Span
    longest: Span
    at_most: Span


@dataclass(frozen=True, slots=True)
class Start:
    """How prednisone begins: a taper, and each person's own step length where the taper can be stretched."""

    taper: str
    step_length: StepLength | None = None


@dataclass(frozen=True)
class Policy:
    """A treatment policy: a frozen value and a pure function.

    Attributes
    ----------
    name, title, disease, source, grade, notes : str
        What it is, and who says so.
    measures : tuple of str
        What it is shown at a visit, and nothing else.
    settings : mapping of str to Quantity
        Named numbers that its conditions use; `with_settings` changes them.
    visits : Visits
    start : Start
    limits : mapping of str to float
        Largest dose in mg: ``prednisone`` a day, others a dose.
    rules : tuple of Rule
        In the order in which they decide.

    Examples
    --------
    >>> from abate.science.policy import load_policy
    >>> policy = load_policy("giacta")
    >>> [rule.id for rule in policy.rules]
    ['remission', 'flare', 'no-remission-by-day-84']
    """

    name: str
    title: str
    disease: str
    source: str
    grade: Grade
    measures: tuple[str, ...]
    settings: Mapping[str, Quantity]
    visits: Visits
    start: Start
    limits: Mapping[str, float]
    rules: tuple[Rule, ...]
    notes: str = ""

    def __hash__(self) -> int:
        return hash((self.name, self.rules, tuple(self.settings)))

    @cached_property
    def events(self) -> tuple[str, ...]:
        """Events that its rules call, in order."""
        found = [action.event for rule in self.rules for action in rule.do if isinstance(action, Call)]
        implied = ["rescue"] if any(isinstance(a, Rescue) for rule in self.rules for a in rule.do) else []
        return tuple(dict.fromkeys(found + implied))

    @cached_property
    def tapers(self) -> dict[str, Taper]:
        """The tapers that it names, read."""
        names = [self.start.taper] + [a.then for r in self.rules for a in r.do if isinstance(a, Rescue) and a.then]
        return {name: load_taper(name) for name in dict.fromkeys(names)}

    @cached_property
    def draws(self) -> tuple[str, ...]:
        """Names of the uniform draws that `begin` and `decide` need, one number a person and visit each.

        The caller keys them by (seed, ``f"policy:{name}"``, person, visit), so that a policy stays a pure function.
        """
        start = ("step-length",) if self.start.step_length else ()
        return start + tuple(
            rule.id for rule in self.rules if any(isinstance(a, Rescue) and len(a.to) > 1 for a in rule.do)
        )

    @cached_property
    def drugs(self) -> tuple[str, ...]:
        """Drugs that its rules name, beside ``drug`` for the antibody."""
        asked = [a.name for rule in self.rules for a in atoms(rule.when) if isinstance(a, Drug)]
        ordered = [a.drug for rule in self.rules for a in rule.do if isinstance(a, DrugOrder | SpaceDrug)]
        return tuple(dict.fromkeys(name for name in asked + ordered if name != ANTIBODY))

    @property
    def prednisone_limit(self) -> float:
        """Largest dose of prednisone a day, mg."""
        return self.limits.get("prednisone", float("inf"))

    def with_settings(self, changes: Mapping[str, float], *, where: str = "--set") -> Policy:
        """Return the policy with other values of its settings, in their units.

        Raises
        ------
        InputError
            If there is no such setting; the nearest name is suggested.

        Examples
        --------
        >>> from abate.science.policy import load_policy
        >>> load_policy("giacta").with_settings({"flare-threshold": 12}).settings["flare-threshold"].value
        12.0
        """
        settings = dict(self.settings)
        for name, value in changes.items():
            if name not in settings:
                hint = did_you_mean(name, settings)
                raise InputError(where, "there is no such setting", value=name, allowed=settings, hint=hint)
            settings[name] = replace(settings[name], value=float(value), source="set by the user", grade="assumed")
        return replace(self, settings=settings)

    def check_shown(self, shown: Collection[str], *, where: str = "policy") -> None:
        """Refuse to run where a measure that the policy reads is not shown.

        Raises
        ------
        InputError
            Naming the measures.
        """
        lacking = [name for name in self.measures if name not in shown]
        if lacking:
            near = did_you_mean(lacking[0], shown) if len(lacking) == 1 else None
            raise InputError(
                where,
                f"the policy {self.name} reads a measure that the visits do not take",
                value=", ".join(lacking),
                allowed=sorted(shown),
                hint=near or f"add {'it' if len(lacking) == 1 else 'them'} to the measures of the visits",
            )
