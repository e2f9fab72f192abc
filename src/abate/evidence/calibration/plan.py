"""A calibration as a file: which numbers, within what prior, from which published figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, library_path, load_toml
from abate.ground.quantity import Grade
from abate.ground.schema import read

__all__ = ["Free", "Plan", "Target", "calibrations", "load_plan"]

Floats = npt.NDArray[np.float64]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Free(_Strict):
    """One number that is calibrated: of which models, and how far it may lie from where the search begins.

    Attributes
    ----------
    id : str
        Slug, unique in the file.
    name : str
        Of the parameter (``disease.a``), or of a key of a trial (``dropout.rate``).
    of : {'value', 'spread', 'trial'}
        Its typical value, the standard deviation of its random effect, or a key of a trial.
    models : tuple of str
        Models that share it (``il6_blockade/gca``); for a key of a trial, the trial.
    scale : {'log', 'logit', 'linear'}
        On which its prior is normal.
    prior, sd : float
        Centre, on the number's own scale, and standard deviation, on `scale`.
    """

    id: str
    name: str
    of: Literal["value", "spread", "trial"] = "value"
    models: tuple[str, ...] = Field(min_length=1)
    scale: Literal["log", "logit", "linear"] = "log"
    prior: float
    sd: float = Field(gt=0)
    unit: str

    def value(self, score: Floats) -> Floats:
        """Numbers at standard scores of the prior."""
        x = self._line(np.asarray(self.prior)) + self.sd * np.asarray(score)
        if self.scale == "log":
            return np.asarray(np.exp(x))
        return np.asarray(1 / (1 + np.exp(-x)) if self.scale == "logit" else x)

    def score(self, value: Floats | float) -> Floats:
        """Standard scores of numbers."""
        return np.asarray((self._line(np.asarray(value)) - self._line(np.asarray(self.prior))) / self.sd)

    def _line(self, value: npt.ArrayLike) -> Floats:
        v = np.asarray(value, dtype=float)
        if self.scale == "log":
            return np.asarray(np.log(v))
        return np.asarray(np.log(v / (1 - v)) if self.scale == "logit" else v)


class Target(_Strict):
    """One published figure: a share (events of n), a median of n people, or a mean that is known to some per cent."""

    name: str
    trial: str
    arm: str
    endpoint: str
    n: int = Field(1, gt=0)
    events: int | None = None
    median: float | None = None
    mean: float | None = None
    within: float = Field(0.05, gt=0)
    """Standard deviation of the logarithm of a published mean."""
    unit: str = ""
    source: str = Field(min_length=1)
    grade: Grade
    used: bool = True
    """False for a figure that is shown beside the others but that nothing was calibrated on."""
    why: str = ""

    @model_validator(mode="after")
    def _one_figure(self) -> Target:
        if sum(figure is not None for figure in (self.events, self.median, self.mean)) != 1:
            raise ValueError("give one figure: events (of n), a median or a mean")
        return self

    @property
    def figure(self) -> float:
        """What is to be reproduced: the mean, the share, or for a median the half of people at or below it."""
        if self.mean is not None:
            return self.mean
        return 0.5 if self.events is None else self.events / self.n


class Reading(_Strict):
    """What is read from a person: a peak, a trough or a level in the last `over` days, with its measurement error."""

    output: str
    how: Literal["max", "min", "end"] = "end"
    over: float = Field(0.0, ge=0)
    below: float | None = None
    """With a limit the outcome is whether the value is below it."""
    noise: bool = False


class Course(_Strict):
    """People on doses for some days.

    Attributes
    ----------
    model, population : str
    days : float
    dose : str, optional
        A regimen.
    taper : str, optional
        A taper of the library, stretched to `taper_days`, whose dose is felt at once: written into `felt`.
    before : tuple of (mg, days)
        Felt doses of everybody before the levels.
    levels : tuple of float
        Doses of which each person has one, equally often, for all days up to the last `pause`; written into `felt`.
    felt : str
        The input that holds a felt daily dose.
    """

    model: str
    population: str
    days: float = Field(gt=0)
    dose: str | None = None
    taper: str | None = None
    taper_days: int = 0
    before: tuple[tuple[float, float], ...] = ()
    levels: tuple[float, ...] = ()
    pause: float = 0.0
    felt: str = ""
    reading: dict[str, Reading]


@dataclass(frozen=True)
class Plan:
    """One calibration.

    Attributes
    ----------
    name, title, notes : str
    free : tuple of Free
    targets : tuple of Target
    endpoints : dict
        Rules of endpoints that the file defines.
    courses : dict of name to Course
        What is simulated without a trial; a target names it as its trial.
    people : dict of trial to int
        In each arm and round; the default of the command.
    discrepancy : float
        Standard deviation of what the model is allowed to miss a share by, beyond the sampling error of the study.
    """

    name: str
    title: str
    free: tuple[Free, ...]
    targets: tuple[Target, ...]
    endpoints: dict[str, dict[str, Any]]
    courses: dict[str, Course]
    people: dict[str, int]
    discrepancy: float
    notes: str = ""

    @property
    def trials(self) -> tuple[str, ...]:
        """Trials that the targets come from, in order."""
        return tuple(dict.fromkeys(target.trial for target in self.targets))


def calibrations() -> list[str]:
    """Return the names of the calibrations in the library.

    Examples
    --------
    >>> "disease" in calibrations()
    True
    """
    return sorted(path.stem for path in library_path("calibrations").glob("*.toml"))


@cache
def load_plan(name: str) -> Plan:
    """Load a calibration of the library.

    Raises
    ------
    InputError
        If there is none of that name, or the file is wrong.
    """
    names = calibrations()
    if name not in names:
        raise InputError(
            "NAME", "there is no such calibration", value=name, allowed=names, hint=did_you_mean(name, names)
        )
    document = load_toml(library_path("calibrations", f"{name}.toml"))
    data = document.data
    free = tuple(read(Free, document, ("free", i)) for i in range(len(data.get("free", []))))
    targets = tuple(read(Target, document, ("target", i)) for i in range(len(data.get("target", []))))
    if not free or not targets:
        raise document.error(("free",), "a calibration needs free numbers and targets")
    return Plan(
        name,
        str(data.get("title", name)),
        free,
        targets,
        dict(data.get("endpoints", {})),
        {key: read(Course, document, ("course", key)) for key in data.get("course", {})},
        dict(data.get("people", {})),
        float(data.get("discrepancy", 0.0)),
        str(data.get("notes", "")),
    )
