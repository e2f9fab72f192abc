"""Options: what could be done from today on. An option is a frozen value; a step dragged makes another one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.results import slug
from abate.planner.plan_text import taper_from_text
from abate.planner.record import Plan, Record
from abate.planner.settings import candidate_list, fall_windows, largest_fall, value
from abate.planner.told import Told
from abate.science.policy import Policy, load_policy, policies
from abate.science.regimen import Regimen, Taper, load_taper, parse
from abate.science.regimen.drugs import antibodies
from abate.science.regimen.taper import Step
from abate.science.regimen.value import number

__all__ = [
    "Option", "PlannedStep", "antibody_of", "candidates", "choose", "option_from_text", "reference_of", "week_before",
]  # fmt: skip

Floats = npt.NDArray[np.float64]

_WATCHED = 182
"""Days shown of a plan that takes no prednisone."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of an option: ``mg`` from day ``first`` to day ``last`` (included), day 0 being today."""

    mg: float
    first: int
    last: int
    lowered_by_per_cent: float | None


@dataclass(frozen=True)
class Option:
    """One plan from today on.

    Attributes
    ----------
    slug, label : str
    taper : Taper
        From the present dose on; day 0 is today.
    policy : str
        Who decides when a flare comes.
    dose : float
        mg taken yesterday.
    antibody : Regimen or None
    antibody_since : float
        Days since the first dose of the antibody; 0 begins it today.
    before : tuple of float
        mg of the days before today, the latest last; for the check of falls.
    rules : Policy, optional
        The policy itself where it is none of the library's.
    """

    slug: str
    label: str
    taper: Taper
    policy: str
    dose: float
    antibody: Regimen | None = None
    antibody_since: float = 0.0
    before: tuple[float, ...] = ()
    rules: Policy | None = None

    @property
    def decides(self) -> Policy:
        """Who decides at visits."""
        return self.rules or load_policy(self.policy)

    def daily(self, days: int) -> Floats:
        """Return the planned mg of each day from today, shape (days,)."""
        return np.asarray(self.taper.daily(days)[0])

    @property
    def days(self) -> int:
        """Days until the taper ends."""
        return self.taper.duration

    @cached_property
    def steps(self) -> tuple[PlannedStep, ...]:
        """The steps, with how much each lowers the dose of the one before."""
        rows, was = [], self.dose
        for first, step in zip(self.taper.first_days, self.taper.steps, strict=False):
            drop = round(100 * (was - step.level) / was, 1) if was > 0 else None
            rows.append(PlannedStep(step.level, int(first), int(first) + step.days - 1, drop))
            was = step.level
        return tuple(rows)

    @cached_property
    def abrupt(self) -> tuple[str, ...]:
        """Falls that are too steep for a schedule, in words; empty for nearly all plans."""
        course = np.concatenate([self.before or (self.dose,), self.daily(self.days + 7)])
        start = len(self.before) or 1
        found: list[str] = []
        for day in range(start, course.size):
            for within in fall_windows():
                # from every dose of the window: small falls are allowed less than large ones
                tops = [float(top) for top in np.unique(course[max(day - within, 0) : day])]
                top = max((t for t in tops if t - course[day] > largest_fall(t, within) + 1e-9), default=None)
                if top is None:
                    continue
                said = "today the dose falls from {top} to {low} mg within {within} days"
                if day > start:
                    said = "in {days} days the dose falls from {top} to {low} mg within {within} days"
                low = number(float(course[day]))
                found.append(Told(said, days=day - start, top=number(top), low=low, within=within))
        return tuple(found[:1])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before choosing it."""
        weeks = f"{value('adrenal', 'suppressed_after') / 7:.0f}"
        said: list[str] = [
            Told(
                "{fall}. After more than {weeks} weeks above the physiological dose, a sudden fall can be dangerous: "
                "do not do this without your doctor",
                fall=fall, weeks=weeks,
            )
            for fall in self.abrupt
        ]  # fmt: skip
        if self.taper.then > 0:
            said.append(Told("it does not end: {mg} mg a day go on", mg=number(self.taper.then)))
        if self.steps[0].mg > self.dose + 1e-9:
            first, now = number(self.steps[0].mg), number(self.dose)
            said.append(
                Told("it begins with more than is taken now ({first} instead of {now} mg)", first=first, now=now)
            )
        return tuple(said)

    def moved(self, step: int, *, mg: float | None = None, days: int | None = None) -> Option:
        """Return the option with one step changed.

        Raises
        ------
        InputError
            If there is no such step, or the value is not allowed.
        """
        if not 0 <= step < len(self.taper.steps):
            raise InputError("step", "there is no such step", value=step, allowed=f"0 to {len(self.taper.steps) - 1}")
        old = self.taper.steps[step]
        if mg is not None and not 0 <= mg <= 100:
            raise InputError("mg", "not a dose", value=mg, allowed="0 to 100 mg")
        if days is not None and not 1 <= days <= 730:
            raise InputError("days", "not a length", value=days, allowed="1 to 730 days")
        new = replace(old, days=days or old.days)
        if mg is not None:
            new = replace(new, doses=(float(mg),), level=float(mg))
        steps = (*self.taper.steps[:step], new, *self.taper.steps[step + 1 :])
        return replace(self, taper=replace(self.taper, steps=steps, stretch_from=None))

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: what it is, its steps and its warnings."""
        return {
            "label": self.label,
            "taper": self.taper.name,
            "source": self.taper.source,
            "grade": self.taper.grade,
            "policy": self.policy,
            "antibody": str(self.antibody) if self.antibody else None,
            "planned_total_mg": float(self.taper.table.sum()),
            "planned_weeks": self.days / 7,
            "then_mg": self.taper.then,
            "steps": [
                {"mg": s.mg, "first_day": s.first, "last_day": s.last, "lowered_by_per_cent": s.lowered_by_per_cent}
                for s in self.steps
            ],
            "warnings": list(self.warnings),
        }


def candidates(record: Record) -> dict[str, Option]:
    """Return the options of a record: the library's list, the record's own plans, with and without the antibody.

    Who takes no prednisone has one option, to stay off it, with and without the antibody.

    Raises
    ------
    InputError
        If a plan of the record is not understood.
    """
    listed = candidate_list(record.disease)
    options: dict[str, Option] = {}
    if record.dose <= 0:
        options["stay-off"] = _stay_off(record)
    else:
        for row in listed.options:
            made = _made(record, Plan(name=row.name, label=row.label, taper=row.taper, policy=row.policy), fits=True)
            if made is not None:
                options[made.slug] = made
    for plan in record.plans:
        made = _made(record, plan)
        assert made is not None
        options[made.slug] = made
    if not options:
        raise InputError("drugs", "no taper of the library has a step at this dose", value=f"{number(record.dose)} mg",
                         hint="write a plan: '10 mg for 4 weeks, 1 mg less every 4 weeks to 0'")  # fmt: skip
    if not listed.flares:
        return options
    now = record.antibody(record.today)
    chosen = [listed.reference, "stay-off", *(slug(p.name) for p in record.plans if p.antibody is None)]
    for name in chosen:
        if name in options:
            other = _other(options[name], now is not None, listed.antibody)
            options.setdefault(other.slug, other)
    return options


def _stay_off(record: Record) -> Option:
    """Return what is left to plan where no prednisone is taken: to watch, half a year at a time."""
    taper = Taper("stay-off", "Stay off prednisone", "prednisone", "no prednisone is taken now", "assumed",
                  (Step((0.0,), _WATCHED, 0.0),), 0.0)  # fmt: skip
    antibody, since = antibody_of(record, None, "stay-off")
    return Option("stay-off", taper.title, taper, candidate_list(record.disease).policy, 0.0, antibody, since,
                  week_before(record))  # fmt: skip


def week_before(record: Record) -> tuple[float, ...]:
    """Return mg a day of the week before today, for the check of falls."""
    return tuple(record.levels(record.today - timedelta(days=7), 7))


def choose(record: Record, names: list[str] | None) -> dict[str, Option]:
    """Return some of the options by slug, or all.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    options = candidates(record)
    for name in names or ():
        if name not in options:
            raise InputError(
                "--option", "there is no such option", value=name, allowed=options, hint=did_you_mean(name, options)
            )
    return {name: options[name] for name in names} if names else options


def reference_of(record: Record) -> Option:
    """Return the option that others are compared with: the library's reference, else the first."""
    options = candidates(record)
    return options.get(candidate_list(record.disease).reference) or next(iter(options.values()))


def option_from_text(record: Record, text: str, *, name: str = "plan", label: str = "") -> Option:
    """Return a plan as typed, with the antibody that is taken now.

    Raises
    ------
    InputError
        If it is not understood.
    """
    made = _made(record, Plan(name=name, label=label or text, text=text))
    assert made is not None
    return made


def _made(record: Record, plan: Plan, *, fits: bool = False) -> Option | None:
    """Make an option; None where a taper of the library has no step at the present dose and `fits` asks for that."""
    policy = plan.policy or candidate_list(record.disease).policy
    where = f"plans, {plan.name}"
    if policy not in policies() and not policy.endswith((".yaml", ".yml")):
        raise InputError(
            where, "there is no such policy", value=policy, allowed=policies(), hint=did_you_mean(policy, policies())
        )
    if plan.text is not None:
        taper = taper_from_text(plan.text, name=slug(plan.name), title=plan.label, where=where)
    else:
        name = plan.taper or load_policy(policy).start.taper
        try:
            taper = _entered(name, record.dose)
        except InputError:
            if fits:
                return None
            raise
    antibody, since = antibody_of(record, plan.antibody, where)
    return Option(
        slug(plan.name), plan.label or taper.title, taper, policy, record.dose, antibody, since,
        week_before(record),
    )  # fmt: skip


def _entered(name: str, dose: float) -> Taper:
    """Return a taper from the present dose: at its start where a rule makes it, else at the step that gives no more."""
    return load_taper(name, start=dose).from_dose(dose)


def antibody_of(record: Record, asked: str | None, where: str = "antibody") -> tuple[Regimen | None, float]:
    """Return an antibody as it is asked for and days since its first dose: what is taken now where nothing is asked.

    Raises
    ------
    InputError
        If it is not understood, or another drug.
    """
    now = record.antibody(record.today)
    wanted = parse(asked, where=where) if asked is not None and asked.casefold() != "none" else None
    if wanted is not None and wanted.drug not in antibodies():
        raise InputError(
            where, "this is no antibody against the IL-6 receptor", value=asked, allowed=[*antibodies(), "none"]
        )
    if now is not None and (asked is None or wanted == now.read):
        return now.read, float((record.today - now.from_).days)
    return wanted, 0.0


def _other(option: Option, taken: bool, regimen: str) -> Option:
    """Return the same taper without the antibody that is taken now, or with the one that is not."""
    if taken:
        assert option.antibody is not None
        drug = option.antibody.drug
        return replace(
            option, slug=f"{option.slug}-without-{drug}", label=f"{option.label}, without {drug}", antibody=None,
            antibody_since=0.0,
        )  # fmt: skip
    new = parse(regimen)
    return replace(
        option, slug=f"{option.slug}-with-{new.drug}", label=f"{option.label}, with {new.drug}", antibody=new,
        antibody_since=0.0,
    )  # fmt: skip
