"""A policy as YAML: reading it, checking every name, and writing it so that it reads back the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from abate.ground.errors import InputError, UnitError
from abate.ground.files import Document, did_you_mean, library_path, load_yaml
from abate.ground.quantity import Grade, Quantity
from abate.science.policy.action_text import parse_action
from abate.science.policy.actions import Action, Call, Gate, Lengthen, Rescue, Retest, channels
from abate.science.policy.checks import check
from abate.science.policy.condition_text import Vocabulary, parse_condition
from abate.science.policy.conditions import Compare, Condition, atoms
from abate.science.policy.facts import threshold
from abate.science.policy.measures import require_observable
from abate.science.policy.value import Policy, Rule, Start, StepLength, Visits
from abate.science.regimen import drug, tapers
from abate.science.regimen.schema import StrictModel, validated
from abate.science.regimen.value import Span, number

__all__ = ["PolicyFile", "load_policy", "policies", "policy_from", "print_policy"]

Number = int | float


class SettingEntry(StrictModel):
    """A named number with where it comes from."""

    value: Number
    unit: str
    source: str = Field(min_length=1)
    grade: Grade


class StepLengthEntry(StrictModel):
    """Each person's own length of the stretchable steps."""

    shortest: str
    longest: str
    at_most: str = Field(alias="at-most")


class StartEntry(StrictModel):
    """How prednisone begins."""

    taper: str
    step_length: StepLengthEntry | None = Field(None, alias="step-length")


class VisitsEntry(StrictModel):
    """When people are seen."""

    every: str
    on_symptoms: str | None = Field(None, alias="on-symptoms")


class RuleEntry(StrictModel):
    """One rule."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    when: str
    do: str | list[str]
    because: str = Field(min_length=1)
    priority: int = 0


class PolicyFile(StrictModel):
    """Keys of a policy file."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    title: str
    disease: str = ""
    source: str = Field(min_length=1)
    grade: Grade
    notes: str = ""
    measures: list[str]
    settings: dict[str, SettingEntry] = Field(default_factory=dict)
    visits: VisitsEntry
    start: StartEntry
    limits: dict[str, str | Number] = Field(default_factory=dict)
    rules: list[RuleEntry] = Field(min_length=1)


def load_policy(name_or_path: str | Path) -> Policy:
    """Read a policy of the library by name, or of a file by path.

    Raises
    ------
    InputError
        If there is no such policy, a key or name is unknown, a unit is missing, a rule reads the simulated truth, two
        rules conflict, or a rule can never decide; with file, line and key.

    Examples
    --------
    >>> load_policy("giacta").measures
    ('symptom-score', 'crp')
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        names = policies()
        if str(name_or_path) not in names:
            hint = did_you_mean(str(name_or_path), names)
            raise InputError("policy", "there is no such policy", value=str(name_or_path), allowed=names, hint=hint)
        path = library_path("policies", f"{name_or_path}.yaml")
    return policy_from(load_yaml(path))


@cache
def policies() -> tuple[str, ...]:
    """Return the names of the library's policies.

    Examples
    --------
    >>> "giacta" in policies()
    True
    """
    return tuple(sorted(p.stem for p in library_path("policies").glob("*.yaml")))


def policy_from(document: Document) -> Policy:
    """Make a policy from a document that was read; see `load_policy`."""
    content = validated(document, PolicyFile)
    for index, name in enumerate(content.measures):
        require_observable(name, where=document.where(("measures", index)))
    entries = [[rule.do] if isinstance(rule.do, str) else rule.do for rule in content.rules]
    done = [
        tuple(parse_action(text, where=document.where(("rules", i, "do"))) for text in texts)
        for i, texts in enumerate(entries)
    ]
    called = [action.event for actions in done for action in actions if isinstance(action, Call)]
    rescued = ["rescue"] if any(isinstance(a, Rescue) for actions in done for a in actions) else []
    words = Vocabulary(tuple(content.measures), tuple(content.settings), tuple(dict.fromkeys([*called, *rescued])))
    rules = [
        Rule(entry.id, parse_condition(entry.when, words, where=document.where(("rules", i, "when"))), actions,
             entry.because, entry.priority)
        for i, (entry, actions) in enumerate(zip(content.rules, done, strict=True))
    ]  # fmt: skip
    order = sorted(range(len(rules)), key=lambda i: -rules[i].priority)
    policy = Policy(
        name=content.name,
        title=content.title,
        disease=content.disease,
        source=content.source,
        grade=content.grade,
        measures=tuple(content.measures),
        settings={k: Quantity(float(s.value), s.unit, s.source, s.grade) for k, s in content.settings.items()},
        visits=_visits(document, content.visits, words),
        start=_start(document, content.start),
        limits=_limits(document, content.limits),
        rules=tuple(rules[i] for i in order),
        notes=content.notes,
    )
    _check_rules(document, policy, order)
    check(document, policy, order)
    return policy


def print_policy(policy: Policy) -> str:
    """Write a policy as YAML that reads back to an equal policy.

    Examples
    --------
    >>> from abate.ground.files import load_yaml
    >>> policy = load_policy("giacta")
    >>> policy_from(load_yaml("printed.yaml", text=print_policy(policy))) == policy
    True
    """
    data: dict[str, Any] = {k: getattr(policy, k) for k in ("name", "title", "disease", "source", "grade", "notes")}
    data["measures"] = list(policy.measures)
    data["settings"] = {
        k: {"value": q.value, "unit": q.unit, "source": q.source, "grade": q.grade} for k, q in policy.settings.items()
    }
    data["visits"] = {"every": str(policy.visits.every)}
    if policy.visits.on_symptoms:
        data["visits"]["on-symptoms"] = str(policy.visits.on_symptoms)
    data["start"] = {"taper": policy.start.taper}
    if policy.start.step_length:
        length = policy.start.step_length
        names = {"shortest": length.shortest, "longest": length.longest, "at-most": length.at_most}
        data["start"]["step-length"] = {name: str(span) for name, span in names.items()}
    data["limits"] = {name: f"{number(mg)} mg" for name, mg in policy.limits.items()}
    data["rules"] = [
        {
            "id": rule.id,
            **({"priority": rule.priority} if rule.priority else {}),
            "when": str(rule.when),
            "do": [str(action) for action in rule.do],
            "because": rule.because,
        }
        for rule in policy.rules
    ]
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def _span(document: Document, key: tuple[str | int, ...], text: str) -> Span:
    count, _, unit = text.strip().rpartition(" ")
    count = count.removeprefix("every").strip()
    unit = unit.removesuffix("s")
    if (
        unit not in ("day", "week")
        or (count and not count.replace(".", "", 1).isdigit())
        or (count and not float(count))
    ):
        raise UnitError(
            document.where(key), "this is not a length of time", value=text, allowed="such as 2 weeks or 14 days"
        )
    return Span(float(count or 1), "day" if unit == "day" else "week")


def _visits(document: Document, entry: VisitsEntry, words: Vocabulary) -> Visits:
    condition = None
    if entry.on_symptoms is not None:
        condition = parse_condition(entry.on_symptoms, words, where=document.where(("visits", "on-symptoms")))
    return Visits(_span(document, ("visits", "every"), entry.every), condition)


def _start(document: Document, entry: StartEntry) -> Start:
    _known_taper(document, ("start", "taper"), entry.taper)
    if entry.step_length is None:
        return Start(entry.taper)
    key = ("start", "step-length")
    shortest = _span(document, (*key, "shortest"), entry.step_length.shortest)
    longest = _span(document, (*key, "longest"), entry.step_length.longest)
    at_most = _span(document, (*key, "at-most"), entry.step_length.at_most)
    if not shortest.days <= longest.days <= at_most.days:
        raise document.error(key, "the lengths are out of order", allowed="shortest <= longest <= at-most")
    return Start(entry.taper, StepLength(shortest, longest, at_most))


def _limits(document: Document, entries: dict[str, str | Number]) -> dict[str, float]:
    limits: dict[str, float] = {}
    for name, text in entries.items():
        key = ("limits", name)
        active = drug(name, where=document.where(key)).active
        if active in limits:
            raise document.error(key, "the drug has two limits", value=name, hint="keep one")
        value, _, unit = str(text).strip().partition(" ")
        if unit != "mg":
            problem = "the unit is missing" if not unit else "a limit is in mg"
            raise UnitError(document.where(key), problem, value=text, allowed="such as 60 mg")
        if not value.replace(".", "", 1).isdigit() or not float(value) > 0:
            raise document.error(key, "a limit must be above 0", value=text, allowed="such as 60 mg")
        limits[active] = float(value)
    return limits


def _known_taper(document: Document, key: tuple[str | int, ...], name: str) -> None:
    if name not in tapers():
        hint = did_you_mean(name, tapers())
        raise document.error(key, "there is no such taper", value=name, allowed=tapers(), hint=hint)


def _check_rules(document: Document, policy: Policy, order: list[int]) -> None:
    """Check what a rule names: tapers, measures, units, doses within the limits; at most one action a channel."""
    seen: set[str] = set()
    for place, rule in zip(order, policy.rules, strict=True):
        key = ("rules", place)
        if rule.id in seen:
            raise document.error((*key, "id"), "two rules have this id", value=rule.id, hint="give each its own")
        seen.add(rule.id)
        _check_condition(document, (*key, "when"), policy, rule.when)
        claims = [c for action in rule.do for c in channels(action)]
        if len(claims) != len(set(claims)):
            raise document.error((*key, "do"), "two actions of this rule decide the same thing", value=rule.id)
        for action in rule.do:
            _check_action(document, (*key, "do"), policy, action)
    if policy.visits.on_symptoms:
        _check_condition(document, ("visits", "on-symptoms"), policy, policy.visits.on_symptoms)


def _check_condition(document: Document, key: tuple[str | int, ...], policy: Policy, condition: Condition) -> None:
    for atom in atoms(condition):
        if not isinstance(atom, Compare):
            continue
        threshold(policy, atom.quantity, atom.value, where=document.where(key))
        if atom.until:
            threshold(policy, atom.quantity, atom.until[1], where=document.where(key))
            if atom.window:
                raise document.error(key, "a comparison has a window or an until, not both", value=str(atom))
        if atom.window and atom.quantity.kind != "measure":
            raise document.error(key, "only a measure can be asked over several visits", value=str(atom))


def _check_action(document: Document, key: tuple[str | int, ...], policy: Policy, action: Action) -> None:
    if isinstance(action, Gate | Retest) and action.measure not in policy.measures:
        hint = did_you_mean(action.measure, policy.measures) or "add it to measures"
        raise document.error(key, "the policy is not shown this measure", value=action.measure, hint=hint)
    if isinstance(action, Lengthen) and policy.start.step_length is None:
        raise document.error(
            key, "there is no step length to lengthen", value=str(action), hint="add start: step-length"
        )
    if isinstance(action, Rescue):
        if action.then:
            _known_taper(document, key, action.then)
        stretched = bool(action.then) and policy.tapers[action.then].stretch_from is not None
        if action.hold == "one step" and not (policy.start.step_length or stretched):
            allowed = "hold 4 weeks; or add start: step-length"
            raise document.error(key, "it is not said how long one step is", value=str(action), allowed=allowed)
        for dose in (*action.to, action.at_least):
            if dose > policy.prednisone_limit:
                allowed = f"at most {number(policy.prednisone_limit)} mg"
                raise document.error(key, "a rescue lies above the limit of prednisone", value=dose, allowed=allowed)
