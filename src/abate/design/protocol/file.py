"""The design file: one YAML from which sample size, protocol, lists and dummy data come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from abate.design.pilot import PilotResponders
from abate.design.request import DesignRequest, Strict
from abate.ground.errors import InputError
from abate.ground.files import Document, load_yaml
from abate.ground.quantity import Grade
from abate.ground.schema import read

__all__ = ["ArmText", "DesignFile", "Endpoint", "Estimand", "Sequence", "load_design"]

Strategy = Literal["treatment-policy", "hypothetical", "composite", "while-on-treatment", "principal-stratum"]


class ArmText(Strict):
    """One arm in words."""

    name: str = Field(min_length=1)
    label: str = Field(min_length=1, max_length=60)
    regimen: str = ""


class Ranked(Strict):
    """One outcome of a ranked composite: an event (later is better), or a measure at a week."""

    event: str | None = None
    measure: str | None = None
    week: int | None = Field(default=None, ge=0)
    better: Literal["lower", "higher"] = "lower"
    margin: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _one_of_both(self) -> Ranked:
        if (self.event is None) == (self.measure is None):
            raise ValueError("name an event or a measure, one of them")
        return self


class Endpoint(Strict):
    """What is measured, when, and what counts.

    For responders one of ``fall`` (share of the first value), ``at_most`` or ``at_least`` says who is one; without any,
    the measure itself is 0 or 1. ``event`` is what a time to an event waits for, ``ranking`` what a win ratio compares.
    """

    name: str = Field(min_length=1)
    measure: str = Field(min_length=1)
    week: int = Field(ge=0)
    definition: str = ""
    unit: str = ""
    better: Literal["lower", "higher"] = "lower"
    fall: float | None = Field(default=None, gt=0, lt=1)
    at_most: float | None = None
    at_least: float | None = None
    event: str = "flare"
    ranking: tuple[Ranked, ...] = ()


class Visits(Strict):
    """Weeks of the visits, and what is done at which; a procedure without weeks is done at all."""

    weeks: tuple[int, ...] = Field(min_length=1)
    procedures: dict[str, tuple[int, ...] | None] = Field(default_factory=dict)
    window_days: int = Field(default=3, ge=0)

    @model_validator(mode="after")
    def _weeks_are_visits(self) -> Visits:
        if list(self.weeks) != sorted(set(self.weeks)) or self.weeks[0] != 0:
            raise ValueError("write each week once, in order, from 0")
        for name, weeks in self.procedures.items():
            strange = [week for week in weeks or () if week not in self.weeks]
            if strange:
                raise ValueError(f"{name!r} is planned for week {strange[0]}, which is no visit")
        return self


class Randomisation(Strict):
    """How people are allocated."""

    method: Literal["permuted-blocks", "minimisation"] = "permuted-blocks"
    blocks: tuple[int, ...] = (4, 6)
    strata: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    probability: float = 0.8
    people: int | dict[str, int] | None = None


class Estimand(Strict):
    """An estimand as in ICH E9(R1): five attributes, with a strategy for each intercurrent event."""

    name: str = Field(min_length=1)
    population: str = Field(min_length=1)
    variable: str = Field(min_length=1)
    summary: str = Field(min_length=1)
    intercurrent: dict[str, Strategy] = Field(default_factory=dict)
    treatment: str = ""


class Analysis(Strict):
    """How the primary endpoint is analysed, and what checks it."""

    primary: str = ""
    covariates: tuple[str, ...] = ()
    sensitivity: tuple[str, ...] = ()


class PilotCounts(Strict):
    """Responders of a published pilot, where no more than the counts is known."""

    responders: int = Field(ge=0)
    n: int = Field(ge=1)
    control: float = Field(gt=0, lt=1)
    control_people: float = Field(default=0.0, ge=0)
    prior_people: float | None = Field(default=None, ge=0)
    source: str = Field(min_length=1)
    grade: Grade

    def value(self) -> PilotResponders:
        """Return the pilot; its prior weighs as much as itself unless told otherwise."""
        weight = float(self.n) if self.prior_people is None else self.prior_people
        return PilotResponders(self.responders, self.n, self.control, weight, self.control_people)


class Sequence(Strict):
    """One order of the treatments in a crossover: its name as an arm of a Study, its label, and what comes when."""

    name: str
    label: str
    first: ArmText
    second: ArmText

    @property
    def names(self) -> tuple[str, ...]:
        """Return what a file may call it: ``a first``, ``a then b``, by name or label."""
        a, b = self.first, self.second
        return (self.name, self.label, *(f"{x} then {y}" for x, y in ((a.name, b.name), (a.label, b.label))))


class DesignFile(Strict):
    """A trial to be, in words and numbers; the numbers of its size are in `request`.

    Of a crossover (``layout: crossover``) ``visits`` are those of one period, and ``washout`` the weeks between the end
    of the first and the start of the second.
    """

    name: str = Field(min_length=1, max_length=40)
    title: str = Field(min_length=1)
    disease: str = Field(min_length=1)
    background: str = ""
    start: date = date(2027, 1, 4)
    control: ArmText
    treatment: ArmText
    endpoint: Endpoint
    secondary: tuple[Endpoint, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    visits: Visits
    washout: int = Field(default=0, ge=0)
    randomisation: Randomisation = Randomisation()
    estimands: tuple[Estimand, ...] = ()
    analysis: Analysis = Analysis()
    safety: tuple[str, ...] = ()
    pilot: PilotCounts | None = None
    request: DesignRequest = DesignRequest()

    @property
    def weeks(self) -> int:
        """Length of the trial."""
        return self.second_period + self.visits.weeks[-1] if self.is_crossover else self.visits.weeks[-1]

    @property
    def is_crossover(self) -> bool:
        """Whether everybody gets both."""
        return self.request.layout == "crossover"

    @property
    def second_period(self) -> int:
        """Week in which the second period of a crossover begins."""
        return self.visits.weeks[-1] + self.washout

    @property
    def all_visits(self) -> tuple[int, ...]:
        """Weeks of every visit, of both periods in a crossover."""
        weeks = self.visits.weeks
        return tuple(sorted({*weeks, *(self.second_period + week for week in weeks)})) if self.is_crossover else weeks

    @property
    def sequences(self) -> tuple[Sequence, Sequence]:
        """The two orders of a crossover, that with the treatment first before the other."""
        a, b = (
            Sequence(name=f"{x.name} first", label=f"{x.label} first", first=x, second=y)
            for x, y in ((self.treatment, self.control), (self.control, self.treatment))
        )
        return a, b

    @model_validator(mode="after")
    def _endpoints_are_visits(self) -> DesignFile:
        for endpoint in (self.endpoint, *self.secondary):
            if endpoint.week not in self.visits.weeks:
                raise ValueError(f"endpoint {endpoint.name!r} is due in week {endpoint.week}, which is no visit")
        return self


def load_design(path: str | Path, *, changes: Mapping[str, Any] | None = None) -> DesignFile:
    """Read a design file.

    Parameters
    ----------
    path : str or Path
    changes : mapping, optional
        What the command line says over it: top-level keys of `DesignRequest`; ``assume`` and ``looks`` key by key.

    Raises
    ------
    InputError
        With file, line and key.
    """
    document = load_yaml(path)
    own = set(DesignRequest.model_fields)
    request = {key: value for key, value in document.data.items() if key in own}
    for key, value in (changes or {}).items():
        request[key] = {**dict(request.get(key) or {}), **value} if isinstance(value, Mapping) else value
    # The request is read first, so that its errors carry their own lines.
    wanted = read(DesignRequest, Document(document.path, request, document.lines))
    rest = {key: value for key, value in document.data.items() if key not in own}
    if "request" in rest:
        raise InputError(document.where(("request",)), "there is no such key", allowed=sorted(own))
    made = read(DesignFile, Document(document.path, rest, document.lines))
    if made.washout and wanted.layout != "crossover":
        raise InputError(document.where(("washout",)), "only a crossover has one", value=made.washout)
    return made.model_copy(update={"request": wanted})
