"""How each kind of score is worked out from its parts: exact fractions in, a value and the rule that was used out.

Fractions, because a score is compared with printed cut-offs: 80 * 9 / 8 / 3 is 30 here, not 30.000000000000004.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from abate.ground.units import convert
from abate.science.instruments.definition import (
    Count,
    Groups,
    Mean,
    Operation,
    Points,
    Recorded,
    Rule,
    Sum,
    Weighted,
    Worst,
    alias,
)
from abate.science.instruments.rule import Value, evaluate

__all__ = ["Policy", "exact", "work_out"]

Policy = Literal["strict", "prorate"]
Outcome = tuple[Value, str]


@lru_cache(maxsize=4096)
def exact(number: float | str) -> Fraction:
    """Return a number as people wrote it: 0.1 is one tenth.

    Examples
    --------
    >>> exact(0.1) * 45
    Fraction(9, 2)
    """
    return Fraction(str(number))


def work_out(score: Operation, values: Mapping[str, Value], units: Mapping[str, str], policy: Policy) -> Outcome:
    """Work out one score.

    Parameters
    ----------
    score : Operation
        What the instrument's file says.
    values : mapping of item or score name to value
        None = missing or not known.
    units : mapping of item to unit
        As the instrument declares them.
    policy : {"strict", "prorate"}
        What to do with missing parts.

    Returns
    -------
    value : Fraction, bool or None
    rule : str
        In words, which rule gave it.
    """
    if isinstance(score, (Sum, Mean, Count, Worst)):
        return _from_parts(score, values, policy)
    if isinstance(score, Groups):
        return _groups(score, values)
    if isinstance(score, Weighted):
        return _weighted(score, values, units)
    if isinstance(score, Recorded):
        found = [part for part in score.of if values.get(part) is not None]
        return bool(found), f"recorded: {', '.join(found)}" if found else "not recorded"
    named = {alias(name): value for name, value in values.items()}
    if isinstance(score, Points):
        return _points(score, named)
    assert isinstance(score, Rule)
    verdict = evaluate(score.rule, named)
    return verdict, score.rule if verdict is not None else f"not known: {score.rule}"


def _from_parts(score: Sum | Mean | Count | Worst, values: Mapping[str, Value], policy: Policy) -> Outcome:
    answered = [Fraction(v) for part in score.of if (v := values.get(part)) is not None]
    total, missing = len(score.of), len(score.of) - len(answered)
    rule = score.missing.get(policy)
    most, least = (rule.at_most_missing, rule.at_least_answered) if rule else (0, 1)
    if not answered or len(answered) < least or (most is not None and missing > most):
        limit = f"at least {least} answered" if most is None else f"at most {most} missing"
        return None, f"not scored: {missing} of {total} missing, {policy} asks for {limit}"
    if isinstance(score, Sum):
        value = sum(answered, Fraction(0)) * Fraction(total, len(answered)) / exact(score.divide)
        return value, "complete" if not missing else f"prorated: sum * {total} / {len(answered)} answered"
    if isinstance(score, Mean):
        value = sum(answered, Fraction(0)) / len(answered)
        return value, "complete" if not missing else f"mean of {len(answered)} of {total} answered"
    if isinstance(score, Count):
        return Fraction(sum(1 for value in answered if value > 0)), "complete"
    return _worst(score, values, answered, missing)


def _worst(score: Worst, values: Mapping[str, Value], answered: Sequence[Fraction], missing: int) -> Outcome:
    value = max(answered)
    rule = "complete" if not missing else f"worst of {len(answered)} of {len(score.of)} answered"
    if score.lift_to is not None and any(values.get(part) for part in score.lift):
        lifted = exact(score.lift_to)
        if lifted > value:
            return lifted, f"{rule}; lifted to {score.lift_to:g}"
    return value, rule


def _groups(score: Groups, values: Mapping[str, Value]) -> Outcome:
    count, unknown = 0, []
    for name, parts in score.groups.items():
        answers = [values.get(part) for part in parts]
        if any(answer is not None and answer > 0 for answer in answers):
            count += 1
        elif None in answers:
            unknown.append(name)
    if unknown:
        return None, f"not scored: {', '.join(unknown)} not known"
    return Fraction(count), "complete"


def _weighted(score: Weighted, values: Mapping[str, Value], units: Mapping[str, str]) -> Outcome:
    total, missing = Fraction(0), []
    for term in score.terms:
        value = values.get(term.part)
        if value is None:
            missing.append(term.part)
            continue
        unit = units.get(term.part, "")
        factor = exact(convert(1.0, unit, term.unit)) if term.unit and unit != term.unit else Fraction(1)
        total += exact(term.weight) * factor * Fraction(value)
    if missing:
        return None, f"not scored: {', '.join(missing)} missing"
    return total, "complete"


def _points(score: Points, named: Mapping[str, Value]) -> Outcome:
    verdicts = [(point, evaluate(point.when, named)) for point in score.points]
    unknown = [point.when for point, verdict in verdicts if verdict is None]
    if unknown:
        return None, f"not scored: not known whether {', '.join(unknown)}"
    return sum((exact(point.points) for point, verdict in verdicts if verdict), Fraction(0)), "complete"
