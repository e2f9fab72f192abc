"""The one scorer: answers in, every score with its bands, what was missing, and which rule was used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.science.instruments.bands import BandFound, find_band
from abate.science.instruments.definition import Instrument, Item, Operation
from abate.science.instruments.operations import Policy, exact, work_out
from abate.science.instruments.rule import Value

__all__ = ["Policy", "Score", "accepted", "check_answer", "score"]


@dataclass(frozen=True)
class Score:
    """What one answer sheet scores.

    Attributes
    ----------
    instrument, version : str
        Which instrument, which version of its file.
    policy : {"strict", "prorate"}
        What was to be done with missing answers.
    total : float or None
        None where it could not be scored, or where the instrument has no total.
    domains : dict of score name to float or None
        Every other number: domains, sections, sub-scores.
    criteria : dict of name to bool or None
        Every verdict; None = cannot be known from these answers.
    bands : tuple of BandFound
        The severity band in each paper.
    missing : tuple of str
        Ids of the items without an answer.
    rules : dict of score name to str
        Which rule gave each score.
    notes : tuple of str
        What else a reader should know.
    """

    instrument: str
    version: str
    policy: Policy
    total: float | None
    domains: dict[str, float | None]
    criteria: dict[str, bool | None]
    bands: tuple[BandFound, ...]
    missing: tuple[str, ...]
    rules: dict[str, str]
    notes: tuple[str, ...] = ()
    exact_values: Mapping[str, Value] = field(default_factory=dict, repr=False, compare=False)

    @property
    def rule(self) -> str:
        """The policy, and which rule gave each number that was not simply complete."""
        special = [
            f"{name} {rule}" for name, rule in self.rules.items() if name not in self.criteria and rule != "complete"
        ]
        return f"{self.policy}: " + ("; ".join(special) or "complete")

    def as_dict(self) -> dict[str, Any]:
        """Return the entry that results.json holds."""
        return {
            "total": self.total,
            "domains": dict(self.domains),
            "criteria": dict(self.criteria),
            "bands": [
                {
                    "name": b.name,
                    "score": b.score,
                    "band": b.band,
                    "between": list(b.between),
                    "paper": b.paper,
                    "grade": b.grade,
                }
                for b in self.bands
            ],
            "missing": list(self.missing),
            "policy": self.policy,
            "rule": self.rule,
            "rules": dict(self.rules),
            "notes": list(self.notes),
        }


def score(
    instrument: Instrument,
    answers: Mapping[str, float | None],
    policy: Policy = "strict",
    *,
    where: str = "answers",
) -> Score:
    """Score one answer sheet.

    Parameters
    ----------
    instrument : Instrument
        From `load`.
    answers : mapping of item id to number or None
        None or NaN = missing; an item that is not there is missing too. In the item's unit. A measure recorded already
        scored (``wpi``) may stand in for its items.
    policy : {"strict", "prorate"}
        What to do with missing answers: refuse as the authors do, or prorate where a rule for it is known.
    where : str
        Named in errors.

    Returns
    -------
    Score

    Raises
    ------
    InputError
        If an answer is not allowed, or an id belongs to no item of the instrument.

    Examples
    --------
    >>> from abate.science.instruments import load
    >>> sheet = {f"fiqr/{k}": 5 for k in range(1, 22)}
    >>> result = score(load("fiqr"), sheet)
    >>> result.total, [(b.name, b.band) for b in result.bands]
    (50.0, [('salaffi-2018', 'moderate'), ('salaffi-2021', 'moderate')])
    >>> score(load("fiqr"), sheet | {"fiqr/21": None}).rules["symptoms"]
    'not scored: 1 of 10 missing, strict asks for at most 0 missing'
    """
    values, missing, notes = _item_values(instrument, answers, where)
    units = {item.id: item.unit for item in instrument.items}
    rules: dict[str, str] = {}
    for entry in instrument.scores:
        value, rule = work_out(entry, values, units, policy)
        recorded = answers.get(entry.recorded) if entry.recorded else None
        if recorded is not None and not math.isnan(recorded):
            value, rule, note = _with_recorded(entry, value, rule, recorded, where)
            notes += note
        values[entry.name] = value
        rules[entry.name] = rule
    numbers = {e.name: _float(values[e.name]) for e in instrument.scores if e.operation not in ("rule", "recorded")}
    verdicts = {e.name: _truth(values[e.name]) for e in instrument.scores if e.operation in ("rule", "recorded")}
    return Score(
        instrument=instrument.name,
        version=instrument.version,
        policy=policy,
        total=numbers.pop(instrument.total, None) if instrument.total else None,
        domains=numbers,
        criteria=verdicts,
        bands=_bands(instrument, values),
        missing=tuple(missing),
        rules=rules,
        notes=tuple(notes),
        exact_values=values,
    )


def accepted(instrument: Instrument) -> tuple[str, ...]:
    """Return the ids that an answer sheet of this instrument may hold: its items, and measures already scored."""
    recorded = tuple(entry.recorded for entry in instrument.scores if entry.recorded)
    return tuple(dict.fromkeys((*(item.id for item in instrument.items), *recorded)))


def check_answer(item: Item, answer: float, where: str) -> None:
    """Refuse an answer that the item does not allow.

    Raises
    ------
    InputError
        Naming `where`, the answer and what is allowed.
    """
    outside = (item.low is not None and answer < item.low) or (item.high is not None and answer > item.high)
    if not math.isfinite(answer) or outside or (item.whole and answer != int(answer)):
        shown = int(answer) if math.isfinite(answer) and answer == int(answer) else answer
        raise InputError(where, f"this is no answer to {item.id}", value=shown, allowed=item.allowed)


def _item_values(
    instrument: Instrument, answers: Mapping[str, float | None], where: str
) -> tuple[dict[str, Value], list[str], list[str]]:
    known = accepted(instrument)
    for name in answers:
        if name not in known:
            hint = did_you_mean(name, known) or f"{instrument.name} has the items {known[0]} to {known[-1]}"
            raise InputError(where, f"this is no item of {instrument.name}", value=name, hint=hint)
    values: dict[str, Value] = {}
    missing: list[str] = []
    notes: list[str] = []
    for item in instrument.items:
        answer = answers.get(item.id)
        if answer is None or math.isnan(answer):
            if item.absent is None:
                missing.append(item.id)
            values[item.id] = None if item.absent is None else exact(item.absent)
            continue
        check_answer(item, answer, f"{where}, {item.id}")
        if item.cap is not None and answer > item.cap:
            notes.append(f"{item.id} is capped at {item.cap:g}")
        values[item.id] = _scored(item, answer)
    return values, missing, notes


def _scored(item: Item, answer: float) -> Fraction:
    if item.cap is not None:
        answer = min(answer, item.cap)
    if item.recode:
        return exact(item.recode[int(answer - (item.low or 0))])
    if item.reversed and item.low is not None and item.high is not None:
        return exact(item.low) + exact(item.high) - exact(answer)
    return exact(answer)


def _with_recorded(
    entry: Operation, value: Value, rule: str, recorded: float, where: str
) -> tuple[Value, str, list[str]]:
    """Use a score recorded in place of its items; with both there, the items win and a difference is noted."""
    low, high = entry.low, entry.high
    outside = (low is not None and recorded < low) or (high is not None and recorded > high)
    if outside:
        allowed = f"{low or 0:g} to {high:g}" if high is not None else f"{low:g} or more"
        raise InputError(
            f"{where}, {entry.recorded}", "the recorded score is out of range", value=recorded, allowed=allowed
        )
    if value is None:
        return exact(recorded), "recorded already scored", []
    if abs(Fraction(value) - exact(recorded)) > Fraction(1, 100):
        return (
            value,
            rule,
            [f"recorded {entry.recorded} = {recorded:g}, but its items score {float(value):g}: the items are used"],
        )
    return value, rule, []


def _bands(instrument: Instrument, values: Mapping[str, Value]) -> tuple[BandFound, ...]:
    found = []
    for bands in instrument.band_sets:
        value = values[bands.score]
        if value is not None:
            found.append(find_band(bands, Fraction(value), instrument.sources[bands.source].citation))
    return tuple(found)


def _float(value: Value) -> float | None:
    return None if value is None else float(value)


def _truth(value: Value) -> bool | None:
    return None if value is None else bool(value)
