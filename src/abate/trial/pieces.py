"""The pieces of a trial file: sourced entries, drop-out, how people take a drug, published figures."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from abate.ground.errors import InputError
from abate.ground.quantity import Grade
from abate.ground.results import slug
from abate.science.regimen.adherence import Adherence

__all__ = ["Cause", "Dropout", "Entry", "EntryDose", "EntryStates", "Habit", "Published", "Sourced", "Strict"]


class Strict(BaseModel):
    """A group of keys: none unknown, frozen, every number finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Sourced(Strict):
    """Something assumed or cited: who says so, and how far to trust it."""

    source: str = Field(min_length=1)
    grade: Grade


class EntryDose(Sourced):
    """Prednisone at entry, mg a day, and the share of people at each."""

    mg: tuple[float, ...] = Field(min_length=1)
    share: tuple[float, ...] = (1.0,)

    @model_validator(mode="after")
    def _shares_add_up(self) -> EntryDose:
        if len(self.mg) != len(self.share):
            raise ValueError(f"{len(self.mg)} doses but {len(self.share)} shares: give one share a dose")
        if any(dose < 0 for dose in self.mg):
            raise ValueError(f"a dose is negative ({min(self.mg):g}): allowed is 0 or more mg")
        if abs(sum(self.share) - 1) > 1e-6 or any(part < 0 for part in self.share):
            raise ValueError(f"the shares add up to {sum(self.share):g}: they must add up to 1, each 0 or more")
        return self


class EntryStates(Sourced):
    """Parameters that set the state at entry: a number, or ``0.7 of prednisone`` (a share of the entry dose)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @property
    def values(self) -> dict[str, float | str]:
        """The entry parameters by name."""
        return dict(self.model_extra or {})


class Entry(Strict):
    """In which state people enter."""

    prednisone: EntryDose | None = None
    states: EntryStates | None = None


def _per_day(rate: float, unit: str) -> float:
    from abate.ground.units import convert

    return convert(rate, unit, "1/day")


def _check_rate_unit(unit: str | None) -> str | None:
    try:
        if unit is not None:
            _per_day(1.0, unit)
    except InputError as error:
        raise ValueError(error.problem) from error
    return unit


class Cause(Sourced):
    """One cause for which people leave: a hazard, all the time or only after an event."""

    rate: float = Field(ge=0)
    unit: str
    after: str | None = None
    """An event of the policy (``flare``): nobody leaves for this cause before it; by default from the start."""
    for_weeks: float | None = Field(None, gt=0)
    """How long after the event; counted anew from each one; by default to the end."""

    _unit = field_validator("unit")(_check_rate_unit)

    @model_validator(mode="after")
    def _weeks_after_something(self) -> Cause:
        if self.for_weeks is not None and self.after is None:
            raise ValueError("for_weeks needs an event to count from: write after: flare")
        return self

    @property
    def per_day(self) -> float:
        """The hazard a day."""
        return _per_day(self.rate, self.unit)


class Dropout(Strict):
    """People who leave: one constant rate for reasons of their own, or hazards by cause, or both."""

    rate: float | None = Field(None, ge=0)
    unit: str | None = None
    source: str | None = Field(None, min_length=1)
    grade: Grade | None = None
    causes: dict[str, Cause] = Field(default_factory=dict)
    """By name, such as ``adverse-event``; they compete."""

    _unit = field_validator("unit")(_check_rate_unit)

    @field_validator("causes")
    @classmethod
    def _slugs(cls, causes: dict[str, Cause]) -> dict[str, Cause]:
        for name in causes:
            if name != slug(name) or not name:
                raise ValueError(f"not a name ({name!r}): write it as '{slug(name) or 'adverse-event'}'")
        return causes

    @model_validator(mode="after")
    def _a_rate_or_causes(self) -> Dropout:
        if self.rate is None and not self.causes:
            raise ValueError("the key 'rate' is missing: give a rate, or causes with a rate each")
        for key in ("unit", "source", "grade"):
            if self.rate is not None and getattr(self, key) is None:
                raise ValueError(f"the key '{key}' is missing")
            if self.rate is None and getattr(self, key) is not None:
                raise ValueError(f"the key '{key}' has no rate: each cause has its own")
        return self

    @property
    def per_day(self) -> float:
        """The rate a day; 0 where there are only causes."""
        return 0.0 if self.rate is None or self.unit is None else _per_day(self.rate, self.unit)


class Habit(Sourced):
    """How people take a drug: doses missed, missed in a row, and late."""

    missed: float = Field(0.0, ge=0, le=1)
    """Share of doses that are not taken."""
    clustered: float = Field(0.0, ge=0, lt=1)
    """How missed doses cluster: 0 for each on its own, towards 1 for long runs; the share stays what it is."""
    late: float = Field(0.0, ge=0, le=1)
    """Share of the doses taken that are taken late."""
    mean_delay_h: float | None = Field(None, gt=0)
    """Mean delay of late doses, hours (exponential)."""
    longest_delay_h: float | None = Field(None, gt=0)
    """No dose is later than this."""
    grid_h: float = Field(4.0, gt=0)
    """Delays are rounded up to multiples of this; a finer grid costs more, as everybody's solution stops at each."""

    @model_validator(mode="after")
    def _lateness_has_a_length(self) -> Habit:
        if self.late > 0 and (self.mean_delay_h is None or self.longest_delay_h is None):
            raise ValueError("late doses need a length: write mean_delay_h and longest_delay_h in hours")
        if self.longest_delay_h is not None and self.longest_delay_h < self.grid_h:
            raise ValueError(
                f"the longest delay ({self.longest_delay_h:g} h) is shorter than grid_h ({self.grid_h:g} h): "
                "write a smaller grid_h"
            )
        return self

    @property
    def adherence(self) -> Adherence:
        """The random process."""
        if self.late == 0:
            return Adherence(self.missed, self.clustered)
        return Adherence(
            self.missed, self.clustered, self.late, self.mean_delay_h or 0.0, self.longest_delay_h or 0.0, self.grid_h
        )


class Published(Sourced):
    """One published figure: a proportion (events of n) or a value."""

    target: str
    arm: str
    endpoint: str
    n: int = Field(gt=0)
    events: int | None = None
    value: float | None = None
    unit: str = ""
    calibrated: bool
    misfit: str = ""
    """Why the model is known to miss this figure, where it does."""

    @model_validator(mode="after")
    def _one_figure(self) -> Published:
        if (self.events is None) == (self.value is None):
            raise ValueError("give either events (of n) or a value")
        if self.events is not None and not 0 <= self.events <= self.n:
            raise ValueError(f"{self.events} events of {self.n} people: allowed are 0 to {self.n}")
        return self

    @property
    def figure(self) -> float:
        """The published figure as one number."""
        return self.events / self.n if self.events is not None else float(self.value or 0.0)
