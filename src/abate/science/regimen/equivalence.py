"""Switching glucocorticoids: two tables that are not interchangeable, one for inflammation and one for the adrenals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, cast

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, library_path, load_toml
from abate.ground.quantity import Grade
from abate.science.regimen.taper import Step, Taper

__all__ = ["Equivalent", "Purpose", "equivalent", "switch_taper"]

Purpose = Literal["anti-inflammatory", "adrenal"]
PURPOSES: tuple[Purpose, ...] = ("anti-inflammatory", "adrenal")


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A dose of another drug with the same effect: the middle, and the range that the table's ranges allow, mg."""

    mg: float
    low: float
    high: float
    drug: str
    purpose: Purpose
    source: str
    grade: Grade


def equivalent(dose: float, drug: str, to: str, *, purpose: Purpose) -> Equivalent:
    """Return the dose of another glucocorticoid with the same effect.

    Parameters
    ----------
    dose : float
        mg of `drug`.
    drug, to : str
        Glucocorticoids of the table.
    purpose : {'anti-inflammatory', 'adrenal'}
        Which effect shall stay the same. There is no default: a dose that calms inflammation equally does not
        suppress the adrenals equally.

    Raises
    ------
    InputError
        If the table does not have a drug, or the dose is negative.

    Examples
    --------
    >>> equivalent(20, "prednisone", "methylprednisolone", purpose="anti-inflammatory").mg
    16.0
    >>> swap = equivalent(5, "prednisone", "hydrocortisone", purpose="adrenal")
    >>> swap.mg, swap.low, swap.high
    (20.0, 12.5, 31.25)
    """
    if purpose not in PURPOSES:
        raise InputError("purpose", "there is no such table", value=purpose, allowed=PURPOSES)
    if not dose >= 0:
        raise InputError("dose", "a dose cannot be negative", value=dose, allowed="0 or more mg")
    table = _table(purpose)
    for name in (drug, to):
        if name not in table:
            hint = did_you_mean(name, table) or "the other table may have it, for its own purpose"
            raise InputError(
                "drug", f"the {purpose} table does not have this drug", value=name, allowed=table, hint=hint
            )
    (low, high), (low_to, high_to) = table[drug], table[to]
    head = load_toml(library_path("drugs", "equivalence.toml")).data[purpose]
    middle = dose * (low_to + high_to) / (low + high)
    span = (middle, middle) if drug == to else (dose * low_to / high, dose * high_to / low)
    return Equivalent(middle, *span, to, purpose, head["source"], cast(Grade, head["grade"]))


def switch_taper(taper: Taper, to: str, *, purpose: Purpose) -> Taper:
    """Return a taper in doses of another glucocorticoid, with the table named in its notes.

    Examples
    --------
    >>> from abate.science.regimen import load_taper
    >>> switch_taper(load_taper("pmr-spare"), "methylprednisolone", purpose="anti-inflammatory").levels[0]
    np.float64(16.0)
    """
    factor = equivalent(1.0, taper.drug, to, purpose=purpose)
    steps = tuple(
        Step(tuple(_clean(d * factor.mg) for d in step.doses), step.days, _clean(step.level * factor.mg))
        for step in taper.steps
    )
    note = f"Doses of {taper.drug} turned into {to} by the {purpose} table ({factor.source})."
    return replace(
        taper,
        name=f"{taper.name}-{to}",
        drug=to,
        steps=steps,
        then=_clean(taper.then * factor.mg),
        grade="derived",
        notes=f"{taper.notes} {note}".strip(),
    )


def _clean(dose: float) -> float:
    return round(dose, 9)  # takes the rounding of the quotient off a dose such as 1.6 mg


@cache
def _table(purpose: Purpose) -> dict[str, tuple[float, float]]:
    entries = load_toml(library_path("drugs", "equivalence.toml")).data[purpose]
    return {name: (float(v[0]), float(v[1])) for name, v in entries.items() if isinstance(v, list)}
