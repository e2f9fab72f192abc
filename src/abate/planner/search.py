"""Plans that a search may try: steps and pauses by band of dose, a hold where a flare comes near, an antibody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from abate.ground.files import Document, library_path, load_toml
from abate.ground.quantity import Grade, Quantity
from abate.ground.schema import read
from abate.planner.options import Option, antibody_of, week_before
from abate.planner.record import Record
from abate.planner.settings import candidate_list
from abate.science.policy import Policy, load_policy, policy_from, print_policy
from abate.science.regimen import Taper
from abate.science.regimen.taper import Step
from abate.science.regimen.value import number
from abate.study.observation import load_clinic

__all__ = ["Space", "fits", "option_of", "space", "suggest", "with_hold"]

NEAR = "near-flare"
"""Setting of a policy that holds the dose."""


class Band(BaseModel):
    """Doses above one dose: how much less at a time, how often."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    above: float = Field(ge=0)
    step_mg: tuple[float, ...] = Field(min_length=1)
    every_weeks: tuple[int, ...] = Field(min_length=1)


class Space(BaseModel):
    """What may be chosen."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str = Field(min_length=1)
    grade: Grade
    adrenals_ready: float = Field(ge=0, le=1)
    first_hold_weeks: tuple[int, ...]
    hold_at: tuple[float, ...]
    bands: tuple[Band, ...]


@dataclass(frozen=True, slots=True)
class _Pace:
    above: float
    step: float
    weeks: int


@cache
def space() -> Space:
    """Return the library's space.

    Examples
    --------
    >>> [band.above for band in space().bands]
    [20.0, 10.0, 5.0, 0.0]
    """
    return read(Space, load_toml(library_path("plans", "search.toml")))


def suggest(record: Record, antibodies: Sequence[str], choose: Callable[[str, Sequence[Any]], Any]) -> dict[str, Any]:
    """Choose one plan's settings.

    Parameters
    ----------
    record : Record
    antibodies : sequence of str
        Regimens that are allowed, or ``none``.
    choose : callable
        Takes a name and what is allowed; such as ``trial.suggest_categorical``.
    """
    made: dict[str, Any] = {"first_hold_weeks": choose("first_hold_weeks", space().first_hold_weeks)}
    for band in space().bands:
        if band.above < record.dose:
            made[f"step_mg>{number(band.above)}"] = choose(f"step_mg>{number(band.above)}", band.step_mg)
            made[f"every_weeks>{number(band.above)}"] = choose(f"every_weeks>{number(band.above)}", band.every_weeks)
    made["hold_at"] = choose("hold_at", space().hold_at)
    made["antibody"] = choose("antibody", tuple(antibodies)) if len(antibodies) > 1 else antibodies[0]
    return made


def option_of(record: Record, settings: Mapping[str, Any], slug: str = "optimised") -> Option:
    """Return the option that such settings make.

    Examples
    --------
    >>> from abate.planner.record import record_from
    >>> record = record_from('''
    ... disease: pmr
    ... diagnosed: 2025-01-01
    ... today: 2025-03-03
    ... drugs: [{regimen: prednisone 7 mg every morning, from: 2025-01-01}]
    ... ''')
    >>> chosen = suggest(record, ["none"], lambda name, allowed: allowed[1])
    >>> [(step.mg, step.last - step.first + 1) for step in option_of(record, chosen).steps]
    [(7.0, 14), (6.0, 14), (5.0, 14), (4.0, 14), (3.0, 14), (2.0, 14), (1.0, 14)]
    """
    paces = [
        _Pace(band.above, settings[f"step_mg>{number(band.above)}"], settings[f"every_weeks>{number(band.above)}"])
        for band in space().bands
        if f"step_mg>{number(band.above)}" in settings
    ]
    steps = [Step((record.dose,), 7 * settings["first_hold_weeks"], record.dose)]
    said = [f"{number(record.dose)} mg for {_weeks(settings['first_hold_weeks'])}"]
    said += [f"{number(p.step)} mg less every {_weeks(p.weeks, every=True)} to {number(p.above)}" for p in paces]
    dose = record.dose
    while True:
        pace = next(p for p in paces if dose > p.above)
        dose = max(round(dose - pace.step, 6), pace.above)
        if dose <= 0:
            break
        now = next(p for p in paces if dose > p.above)
        steps.append(Step((dose,), 7 * now.weeks, dose))
    policy = load_policy(candidate_list(record.disease).policy)
    share = settings["hold_at"]
    if share < 1:
        said.append(f"held at a visit where complaints reach {share:.0%} of the level of a flare")
    antibody, since = antibody_of(record, settings["antibody"])
    label = "; ".join(said) + (f"; {antibody}" if antibody else "")
    source = "found by a search over virtual people like the patient"
    taper = Taper(slug, label, "prednisone", source, "assumed", tuple(steps), 0.0)
    return Option(slug, label, taper, policy.name, record.dose, antibody, since, week_before(record),
                  with_hold(policy, share, record.disease))  # fmt: skip


def fits(record: Record, settings: Mapping[str, Any]) -> bool:
    """Tell whether settings are those of this record's doses: after a change of dose a search is made anew."""
    asked: list[str] = []

    def note(name: str, allowed: Sequence[Any]) -> Any:
        asked.append(name)
        return allowed[0]

    suggest(record, ["none"], note)
    return record.dose > 0 and set(settings) == {*asked, "antibody"}


def with_hold(policy: Policy, share: float, disease: str) -> Policy:
    """Return a policy that holds the dose where the symptom score reaches a share of the flare level.

    Examples
    --------
    >>> held = with_hold(load_policy("giacta"), 0.75, "gca")
    >>> held.settings["near-flare"].value == 0.75 * held.settings["flare-threshold"].value
    True
    """
    level = policy.settings.get("flare-threshold")
    limit = level.value if level else load_clinic().flare_level(disease)
    near = Quantity(share * limit, "point", "share of the flare level that the search chose", "assumed")
    if NEAR in policy.settings:
        return replace(policy, settings={**policy.settings, NEAR: near})
    if share >= 1:
        return policy
    data = yaml.safe_load(print_policy(policy))
    data["settings"] = {
        **data.get("settings", {}),
        NEAR: {k: getattr(near, k) for k in ("value", "unit", "source", "grade")},
    }
    data["rules"].append(
        {
            "id": "near-the-threshold",
            "when": f"after remission and symptom-score >= {NEAR} and symptom-score < flare-threshold and dose > 0 mg",
            "do": "hold",
            "because": "symptoms are close to the level of a flare, so the dose is held until the next visit",
        }
    )
    return policy_from(Document(f"{policy.name}, with a hold", data))


def _weeks(count: int, *, every: bool = False) -> str:
    if count == 1:
        return "week" if every else "1 week"
    return f"{count} weeks"
