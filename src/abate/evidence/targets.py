"""Published figures as data: what is simulated, what is read from it, who published it, and how near counts.

A file of ``library/targets`` is one subsystem. It holds experiments (a model, people, doses, days), targets that are
read from them, and what was published but cannot be simulated, each with source and grade.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, library_path, load_toml
from abate.ground.quantity import Grade
from abate.ground.schema import read

__all__ = [
    "Among",
    "Change",
    "Contrast",
    "Experiment",
    "Listed",
    "Reading",
    "Shown",
    "Subsystem",
    "Target",
    "load_subsystem",
    "subsystem_names",
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Change(_Strict):
    """An input or a parameter that is set on a day."""

    day: float = Field(ge=0)
    name: str
    value: float


class Experiment(_Strict):
    """What is simulated.

    Attributes
    ----------
    model : str
        Entry of the library, with its set of numbers.
    population : str, optional
        Who; without one, a typical person.
    patients : int
        Size of the published study: a replicate holds so many.
    set : dict of name to number or text with a unit
        Numbers of the model that this experiment fixes.
    doses : tuple of str
        Regimens as people write them; ``{level}`` stands for a person's own level.
    levels : tuple of float
        Given to people in turn, where a study mixed doses.
    taper, start : str and float, optional
        A taper of the library, and the dose at which people enter it.
    taper_days : float, optional
        After so many days the taper is cut off.
    changes : tuple of Change
        In the order of their days.
    days, grid_h : float
        Length, and hours between two records.
    """

    model: str
    population: str | None = None
    patients: int = Field(1, gt=0)
    set: dict[str, float | str] = {}
    doses: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    taper: str | None = None
    start: float | None = None
    taper_days: float | None = None
    changes: tuple[Change, ...] = ()
    days: float = Field(1.0, gt=0, le=4000)
    grid_h: float = Field(6.0, gt=0)


class Among(_Strict):
    """Only the people of whom a quantity is below or above a limit on a day."""

    quantity: str
    day: float
    below: float | None = None
    above: float | None = None


class Reading(_Strict):
    """What is read from an experiment: a quantity, when, relative to what, and which statistic over people.

    Attributes
    ----------
    quantity : str
        An expression of outputs and parameters: ``100*unbound/prednisolone``.
    how : str
        ``at`` a day; ``mean``, ``max``, ``min`` over [`start`, `end`]; ``time-of-max``; the day after `start` on which
        it first is ``first-above`` or ``first-below`` `level`, or last is below it (``last-below``), counted from
        `start`; or ``when`` the quantity `of` falls through `level`.
    lead : str
        A quantity whose own day is taken off that of the first.
    over : str
        A second quantity, read in the same way, that divides the first.
    invert : bool
        Take one over the value, before `scale`.
    relative : str
        ``start`` divides the course by its value on day 0, ``untreated`` by that of the same people without doses.
    statistic : str
        Over people: ``mean``, ``median``, ``sd``, ``share-above`` or ``share-below`` `limit`.
    among : Among, optional
        Counts only these people.
    measured : bool
        Read with the error of measuring it, as the model has it.
    """

    quantity: str
    how: Literal["at", "mean", "max", "min", "time-of-max", "first-above", "first-below", "last-below", "when"] = "at"
    day: float | None = None
    start: float = 0.0
    end: float | None = None
    level: float | None = None
    of: str = ""
    lead: str = ""
    over: str = ""
    invert: bool = False
    among: Among | None = None
    relative: Literal["", "start", "untreated"] = ""
    minus: float = 0.0
    scale: float = 1.0
    statistic: Literal["mean", "median", "sd", "share-above", "share-below"] = "mean"
    limit: float | None = None
    measured: bool = False

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Reading:
        if self.how in ("first-above", "first-below", "last-below", "when") and self.level is None:
            raise ValueError(f"{self.how} needs a level")
        if self.how == "when" and not self.of:
            raise ValueError("when needs the quantity that falls through the level: write of")
        if self.statistic.startswith("share") and self.limit is None:
            raise ValueError(f"{self.statistic} needs a limit")
        return self


class Target(_Strict):
    """One published figure.

    Attributes
    ----------
    within, within_by : float
        How near a prediction must be, as a share of itself or in the figure's unit, where the source pools studies or
        rounds; the reason is `because`.
    bound : str
        ``above`` or ``below`` where only a side is published.
    judged : bool
        False where nothing in the source allows a verdict; `misfit` says why.
    """

    name: str
    published: float
    unit: str = ""
    share: bool = False
    source: str = Field(min_length=1)
    grade: Grade
    calibrated: bool
    experiment: str = ""
    read: Reading
    bound: Literal["", "above", "below"] = ""
    within: float = Field(0.0, ge=0, lt=1)
    within_by: float = Field(0.0, ge=0)
    because: str = ""
    judged: bool = True
    misfit: str = ""

    @model_validator(mode="after")
    def _a_tolerance_has_a_reason(self) -> Target:
        if (self.within or self.within_by) and not self.because:
            raise ValueError("a tolerance needs its reason: write because")
        return self


class Shown(_Strict):
    """A prediction with nothing published to hold it against."""

    name: str
    unit: str = ""
    share: bool = False
    experiment: str
    read: Reading


class Contrast(_Strict):
    """A published figure about arms of a trial that is no estimate of one arm: a difference, a ratio of odds, a side.

    Attributes
    ----------
    trial, endpoint : str
        In the library.
    arm, against : str
        Arms or groups of the trial; without `against` the arm's own estimate is held to a `bound`.
    compare : str
        ``difference``, ``odds-ratio`` or ``itself``.
    low, high : float, optional
        The published interval.
    """

    name: str
    trial: str
    endpoint: str
    arm: str
    against: str = ""
    compare: Literal["difference", "odds-ratio", "itself"] = "itself"
    published: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    share: bool = False
    source: str = Field(min_length=1)
    grade: Grade
    calibrated: bool = False
    bound: Literal["", "above", "below"] = ""
    misfit: str = ""


class Listed(_Strict):
    """Something published that is shown and not simulated, with the reason."""

    name: str
    published: str
    source: str = Field(min_length=1)
    grade: Grade
    reason: str = Field(min_length=1)


class Subsystem(_Strict):
    """One file: a subsystem and its published figures."""

    title: str
    about: str = ""
    experiments: dict[str, Experiment] = {}
    target: tuple[Target, ...] = ()
    shown: tuple[Shown, ...] = ()
    contrast: tuple[Contrast, ...] = ()
    listed: tuple[Listed, ...] = ()


def subsystem_names() -> list[str]:
    """Return the subsystems in the order of the scoreboard.

    Examples
    --------
    >>> subsystem_names()[:2]
    ['drugs', 'receptor']
    """
    order = load_toml(library_path("targets", "scoreboard.toml")).data["order"]
    return [str(name) for name in order]


@cache
def load_subsystem(name: str) -> Subsystem:
    """Load the published figures of a subsystem.

    Raises
    ------
    InputError
        If there is no such subsystem, or its file is wrong; the message names file, line and key.

    Examples
    --------
    >>> load_subsystem("receptor").title
    'Receptor and complex'
    """
    path = library_path("targets", f"{name}.toml")
    if name not in subsystem_names() or not path.exists():
        known = subsystem_names()
        raise InputError(
            "NAME", "there is no such subsystem", value=name, allowed=known, hint=did_you_mean(name, known)
        )
    document = load_toml(path)
    found = read(Subsystem, document)
    asked = [("target", i, t.experiment) for i, t in enumerate(found.target)]
    asked += [("shown", i, t.experiment) for i, t in enumerate(found.shown)]
    for key, index, experiment in asked:
        if experiment not in found.experiments:
            raise document.error(
                (key, index, "experiment"),
                "there is no such experiment",
                value=experiment,
                allowed=list(found.experiments),
                hint=did_you_mean(experiment, found.experiments),
            )
    return found
