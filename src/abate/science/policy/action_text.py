"""Reading an action as people write it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Literal, cast

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, library_path, load_toml
from abate.science.policy.actions import (
    ANTIBODY,
    Action,
    Call,
    Continue,
    DrugOrder,
    Gate,
    Hold,
    Lengthen,
    RepeatWeek,
    Rescue,
    Retest,
    SpaceDrug,
    StepBack,
    StepDown,
    StopPrednisone,
    Stress,
)
from abate.science.regimen import drug, drugs
from abate.science.regimen.value import Span, Unit

__all__ = ["FORMS", "drug_named", "parse_action"]

_N = r"(\d+(?:\.\d+)?)"
_SPAN = rf"{_N} (days?|weeks?)"
_EVERY = rf"every (?:{_N} )?(days?|weeks?)"
_NAME = r"([a-z][a-z0-9-]*)"
Match = re.Match[str]


def _span(count: str | None, unit: str) -> Span:
    return Span(float(count or 1), cast(Unit, unit.removesuffix("s")))


def _maybe(found: Match) -> Span | None:
    return _span(found[1], found[2]) if found[2] else None


def _rescue(found: Match) -> Rescue:
    doses = tuple(float(d) for d in re.split(r",\s*|\s+or\s+", found["to"])) if found["to"] else ()
    hold: Span | Literal["one step"] | None = None
    if found["hold"]:
        count, _, unit = found["hold"].partition(" ")
        hold = "one step" if found["hold"] == "one step" else _span(count, unit)
    down = None
    if found["down"]:
        count, _, unit = found["every"].rpartition(" ")
        down = (float(found["down"]), _span(count or None, unit))
    return Rescue(
        to=doses,
        above=float(found["above"] or 0),
        by=float(found["by"] or 0),
        at_least=float(found["least"] or 0),
        down=down,
        hold=hold,
        then=found["then"] or "",
    )


_RESCUE = (
    r"rescue (?:to (?:one of )?(?P<to>\d[\d., or]*?) mg(?:, at least (?P<above>[\d.]+) mg above the dose)?"
    r"|by (?P<by>[\d.]+) mg(?:, at least (?P<least>[\d.]+) mg)?)"
    r"(?:, down (?P<down>[\d.]+) mg every (?P<every>(?:[\d.]+ )?(?:days?|weeks?)) to the dose before)?"
    r"(?:, hold (?P<hold>one step|[\d.]+ (?:days?|weeks?)))?(?:, then (?P<then>[a-z][a-z0-9-]*))?"
)
_GATE = rf"gate on {_NAME}: above {_N} (\S+) stop, from {_N} (\S+) hold and retest in {_SPAN}, below continue"
_FORMS: tuple[tuple[str, str, Callable[[Match], Action]], ...] = (
    ("call EVENT", rf"call {_NAME}", lambda m: Call(m[1])),
    ("continue", "continue", lambda m: Continue()),
    ("hold [for TIME]", rf"hold(?: for {_SPAN})?", lambda m: Hold(_maybe(m))),
    ("step down", "step down", lambda m: StepDown()),
    ("step back [for TIME]", rf"step back(?: for {_SPAN})?", lambda m: StepBack(_maybe(m))),
    ("repeat the week", "repeat the week", lambda m: RepeatWeek()),
    ("rescue to [one of] N, ... mg [, at least N mg above the dose] [, then TAPER]", _RESCUE, _rescue),
    (
        "rescue by N mg [, at least N mg] [, down N mg every TIME to the dose before] [, hold TIME] [, then TAPER]",
        _RESCUE,
        _rescue,
    ),
    ("lengthen the steps by N", rf"lengthen the steps by {_N}", lambda m: Lengthen(float(m[1]))),
    (
        "stress dose N times [, at least N mg], for TIME",
        rf"stress dose {_N} times(?:, at least {_N} mg)?,? for {_SPAN}",
        lambda m: Stress(float(m[1]), float(m[2] or 0), _span(m[3], m[4])),
    ),
    ("stop prednisone", "stop prednisone", lambda m: StopPrednisone()),
    (
        "gate on MEASURE: above N UNIT stop, from N UNIT hold and retest in TIME, below continue",
        _GATE,
        lambda m: Gate(m[1], float(m[2]), float(m[4]), m[3], _span(m[6], m[7])),
    ),
    ("retest MEASURE in TIME", rf"retest {_NAME} in {_SPAN}", lambda m: Retest(m[1], _span(m[2], m[3]))),
    ("stop DRUG, hold DRUG, resume DRUG", rf"(stop|hold|resume) {_NAME}", lambda m: DrugOrder(m[1].casefold(), m[2])),  # type: ignore[arg-type]
    ("space DRUG to every TIME", rf"space {_NAME} to {_EVERY}", lambda m: SpaceDrug(_span(m[2], m[3]), m[1])),
)
FORMS = tuple(form for form, _, _ in _FORMS)
"""Every action, as it is written."""


def parse_action(text: str, *, where: str = "do") -> Action:
    """Read an action.

    Parameters
    ----------
    text : str
        One of `FORMS`.
    where : str
        File, line and key, named in errors.

    Raises
    ------
    InputError
        If it is not understood; the nearest form is suggested.

    Examples
    --------
    >>> str(parse_action("rescue to one of 40, 35, 30 mg, at least 5 mg above the dose, then giacta-26"))
    'rescue to one of 40, 35, 30 mg, at least 5 mg above the dose, then giacta-26'
    """
    plain = " ".join(str(text).split())
    for _, pattern, make in _FORMS:
        found = re.fullmatch(pattern, plain, flags=re.IGNORECASE)
        if found:
            return _checked(make(found), found, plain, where)
    first = plain.split(" ")[0].casefold() if plain else ""
    likely = [form for form in FORMS if form.split(" ")[0] == first]
    hint = f"write: {likely[0]}" if likely else did_you_mean(first, {form.split(" ")[0] for form in FORMS})
    raise InputError(where, "this action is not understood", value=plain, allowed=likely or FORMS, hint=hint)


def drug_named(name: str, *, where: str) -> str:
    """Return the drug that a rule means: ``drug`` for the antibody, or the canonical name of another.

    Raises
    ------
    InputError
        If the library does not have it, or it is a glucocorticoid, which has actions of its own.

    Examples
    --------
    >>> drug_named("injections", where="do"), drug_named("Actemra", where="do")
    ('drug', 'tocilizumab')
    """
    if name.casefold() in (ANTIBODY, "injections"):
        return ANTIBODY
    try:
        found = drug(name, where=where).active
    except InputError as error:
        known = [ANTIBODY, *others()]
        raise InputError(
            where, error.problem, value=name, allowed=known, hint=did_you_mean(name, known) or error.hint
        ) from error
    if found not in others():
        problem = "a glucocorticoid is changed by actions of its own"
        hint = "write hold, step down, step back, or stop prednisone (which asks for a physiological dose)"
        raise InputError(where, problem, value=name, allowed=[ANTIBODY, *others()], hint=hint)
    return found


@cache
def others() -> tuple[str, ...]:
    """Return the drugs of the library that are no glucocorticoids."""
    steroids = load_toml(library_path("drugs", "equivalence.toml")).data["anti-inflammatory"]
    return tuple(dict.fromkeys(d.active for d in drugs().values() if d.active not in steroids))


def _checked(action: Action, found: Match, text: str, where: str) -> Action:
    if isinstance(action, DrugOrder | SpaceDrug):
        return replace(action, drug=drug_named(action.drug, where=where))
    if isinstance(action, Gate):
        if found[3] != found[5]:
            raise InputError(where, "the gate has two units", value=text, allowed="the same unit twice")
        if action.hold_from >= action.stop_above:
            raise InputError(where, "the gate's levels are the wrong way round", value=text, allowed="stop above hold")
    if isinstance(action, Lengthen) and action.factor <= 0:
        raise InputError(where, "a factor must be above 0", value=text)
    if isinstance(action, Stress) and action.times < 1:
        raise InputError(where, "a stress dose is not lower than the dose", value=text, allowed="1 times or more")
    if isinstance(action, Rescue) and action.down and action.down[0] <= 0:
        raise InputError(where, "steps down must be above 0 mg", value=text)
    return action
