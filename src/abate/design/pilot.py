"""A pilot without a control group: what it saw, and what it says about an effect once it is shrunk."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean

if TYPE_CHECKING:
    from abate.study.paired import Measure, Series

__all__ = ["Pilot", "PilotChange", "PilotResponders", "changes_of", "read_pilot"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PilotChange:
    """Changes in a score, before and after, in people who all got the drug.

    The difference to a control that the trial shall estimate is ``mean change - control change``. Its prior is centred
    on no difference and weighs as much as `prior_people` people: with as many as the pilot has, the estimate is halved.
    The pilot alone cannot tell the drug from placebo response and regression to the mean; the prior is the price of it.

    Attributes
    ----------
    changes : tuple of float
        One a person, after minus before.
    control : float
        Change expected without the drug.
    prior_people : float
        Weight of the prior; 0 for none.
    measure, visit : str
        What was measured, and when.
    """

    changes: tuple[float, ...]
    control: float = 0.0
    prior_people: float = 0.0
    measure: str = ""
    visit: str = ""

    def __post_init__(self) -> None:
        if len(self.changes) < 2:
            raise InputError("--pilot", "a pilot needs two people at least", value=len(self.changes))
        if not self.prior_people >= 0:
            raise InputError("--prior-people", "not a weight", value=self.prior_people, allowed="0 or more people")
        if np.ptp(self.changes) == 0:
            raise InputError(
                "--pilot",
                f"all {len(self.changes)} changes are the same, so the pilot shows no variance to plan with",
                value=self.changes[0],
                hint=f"nearest feasible: --effect {self.changes[0]:g} with an --sd from elsewhere",
            )

    @property
    def n(self) -> int:
        """People in the pilot."""
        return len(self.changes)

    @property
    def raw(self) -> float:
        """Mean change less that expected without the drug."""
        return float(np.mean(self.changes)) - self.control

    @property
    def sd(self) -> float:
        """Standard deviation of the changes."""
        return float(np.std(self.changes, ddof=1))

    @property
    def kept(self) -> float:
        """Share of the raw effect that is left after shrinkage."""
        return self.n / (self.n + self.prior_people)

    @property
    def shrunk(self) -> float:
        """Effect after shrinkage: what a trial is sized for."""
        return self.kept * self.raw

    def draws(self, nodes: int = 41, spreads: int = 80) -> tuple[Array, Array, Array]:
        """Return effects and standard deviations that the pilot leaves possible, with their weights.

        The variance has its usual scaled inverse chi-squared distribution; given it, the effect is normal around the
        shrunk one with variance ``sd**2 / (n + prior_people)``, so that all in all it is a shifted t.

        Returns
        -------
        tuple of ndarray, each shape (spreads * nodes,)
        """
        points, weights = np.polynomial.hermite_e.hermegauss(nodes)
        share = (np.arange(spreads) + 0.5) / spreads
        sd = self.sd * np.sqrt((self.n - 1) / stats.chi2.ppf(share, self.n - 1))
        effects = self.shrunk + np.outer(sd, points) / math.sqrt(self.n + self.prior_people)
        mass = np.tile(weights / weights.sum() / spreads, spreads)
        return effects.ravel(), np.repeat(sd, nodes), mass

    def as_dict(self) -> dict[str, Any]:
        """Return what results.json holds at ``design.pilot``."""
        half = float(stats.t.isf(0.025, self.n - 1)) * self.sd / math.sqrt(self.n)
        mean = float(np.mean(self.changes))
        return {
            "endpoint": "change",
            "measure": self.measure,
            "visit": self.visit,
            "n": self.n,
            "mean_change": {
                "estimate": mean,
                "low": mean - half,
                "high": mean + half,
                "level": 0.95,
                "n": self.n,
                "method": "mean, Student t interval",
            },
            "sd": self.sd,
            "control_change": self.control,
            "prior_people": self.prior_people,
            "kept": self.kept,
            "shrunk_effect": self.shrunk,
        }


@dataclass(frozen=True)
class PilotResponders:
    """Responders among people who all got the drug.

    The share of responders has a Beta prior around the control's share, worth `prior_people` people.

    Attributes
    ----------
    responders, n : int
        How many of how many.
    control : float
        Share expected without the drug.
    prior_people : float
        Weight of the prior.
    control_people : float
        How many people stand behind `control`; 0 takes it as known.
    """

    responders: int
    n: int
    control: float
    prior_people: float = 0.0
    control_people: float = 0.0
    measure: str = ""
    visit: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.responders <= self.n or self.n < 1:
            raise InputError("--pilot", "not a count of responders", value=self.responders, allowed=f"0 to {self.n}")
        if not 0 < self.control < 1:
            raise InputError("--control", "not a share of responders", value=self.control, allowed="between 0 and 1")
        if not (self.prior_people >= 0 and self.control_people >= 0):
            raise InputError("--prior-people", "not a weight", value=self.prior_people, allowed="0 or more people")
        if self.prior_people == 0 and self.responders in (0, self.n):
            raise InputError(
                "--pilot",
                f"{self.responders} of {self.n} responded, so without a prior the pilot shows no variance to plan with",
                value=self.responders,
                hint=f"nearest feasible: --prior-people {self.n}",
            )

    @property
    def raw(self) -> float:
        """Share of responders seen."""
        return self.responders / self.n

    @property
    def kept(self) -> float:
        """Share of the raw difference that is left after shrinkage."""
        return self.n / (self.n + self.prior_people)

    @property
    def shrunk(self) -> float:
        """Share of responders after shrinkage."""
        return (self.responders + self.prior_people * self.control) / (self.n + self.prior_people)

    def draws(self, points: int = 200) -> tuple[Array, Array, Array]:
        """Return shares of responders on treatment and on control that the pilot leaves possible, with weights.

        Returns
        -------
        tuple of ndarray, each shape (points * control points,)
        """
        share = (np.arange(points) + 0.5) / points
        first = self.responders + self.prior_people * self.control
        second = self.n - self.responders + self.prior_people * (1 - self.control)
        treated = stats.beta.ppf(share, first, second)
        if self.control_people == 0:
            return treated, np.full(points, self.control), np.full(points, 1 / points)
        few = (np.arange(20) + 0.5) / 20
        others = stats.beta.ppf(few, self.control_people * self.control, self.control_people * (1 - self.control))
        return np.repeat(treated, 20), np.tile(others, points), np.full(20 * points, 1 / (20 * points))

    def as_dict(self) -> dict[str, Any]:
        """Return what results.json holds at ``design.pilot``."""
        from abate.study.statistics.proportions import proportion

        return {
            "endpoint": "responders",
            "measure": self.measure,
            "visit": self.visit,
            "n": self.n,
            "responders": proportion(self.responders, self.n).as_dict(),
            "control": self.control,
            "control_people": self.control_people,
            "prior_people": self.prior_people,
            "kept": self.kept,
            "shrunk_share": self.shrunk,
        }


Pilot = PilotChange | PilotResponders


def changes_of(
    series: Series, measure: str | None, visit: str | None, *, where: str
) -> tuple[Array, Array, Measure, str]:
    """Return values before and after of everybody who has both, with the measure and the visit that were taken.

    Parameters
    ----------
    series : Series
        Answers item by item are scored in it already.
    measure, visit : str, optional
        By default the only measure, and the last visit.
    where : str
        Named in errors.
    """
    by_name = {one.slug: one for one in series.measures}
    names = sorted(by_name)
    if measure is None and len(names) != 1:
        raise InputError("--measure", "the pilot holds more than one measure", allowed=names, hint="choose one")
    chosen = names[0] if measure is None else measure
    if chosen not in by_name:
        raise InputError(
            "--measure",
            f"{where} does not hold this measure",
            value=chosen,
            allowed=names,
            hint=did_you_mean(chosen, names),
        )
    later = [one.label for one in series.follow_ups]
    last = later[-1] if visit is None else visit
    if last not in later:
        raise InputError("--visit", "there is no such visit", value=last, allowed=later, hint=did_you_mean(last, later))
    both = by_name[chosen].values[[series.baseline.label, last]].dropna()
    before, after = (both[label].to_numpy(dtype=float) for label in (series.baseline.label, last))
    return before, after, by_name[chosen], last


def read_pilot(
    path: str | Path,
    *,
    measure: str | None = None,
    visit: str | None = None,
    responder: float | None = None,
    control: float | None = None,
    prior_people: float | None = None,
    control_people: float = 0.0,
) -> Pilot:
    """Read a pilot from a Study or a CSV (``subject,visit,measure,value``).

    Parameters
    ----------
    path : str or Path
        A Study folder or zip, or a file that the readers know.
    measure, visit : str, optional
        By default the only measure, and the last visit.
    responder : float, optional
        A fall by this share of the first value makes a responder (0.3 for 30 %); without it the change is taken.
    control : float, optional
        Share of responders (or change) expected without the drug; needed for responders, 0 for a change.
    prior_people : float, optional
        Weight of the prior of no effect; by default the number of people in the pilot.
    control_people : float
        How many people stand behind `control`.

    Raises
    ------
    InputError
        When the file cannot be read, or shows no variance.
    """
    before, after, taken, when = changes_of(_series(path), measure, visit, where=str(path))
    chosen = taken.slug
    weight = float(len(before)) if prior_people is None else prior_people
    if responder is None:
        return PilotChange(tuple(float(d) for d in after - before), control or 0.0, weight, chosen, when)
    if not 0 < responder < 1:
        raise InputError(
            "--responder", "not a share of the first value", value=responder, allowed="0 to 1, such as 0.3"
        )
    if control is None:
        raise InputError(
            "--control",
            "the share of responders without the drug is needed, as a pilot without a control cannot show it",
        )
    if not taken.higher_is_worse:
        raise InputError("--responder", f"a higher {chosen} is better, so a fall of it is no response")
    if (before <= 0).any():
        raise InputError("--responder", f"a first value of {chosen} is not above 0, so no share of it can fall")
    hits = int(np.sum(after <= (1 - responder) * before + 1e-12))
    return PilotResponders(hits, len(before), control, weight, control_people, chosen, when)


def read_counts(
    text: str,
    *,
    control: float | None = None,
    prior_people: float | None = None,
    control_people: float = 0.0,
    **_: object,
) -> PilotResponders | None:
    """Read ``3/6``, three responders of six, or return None for anything else.

    Examples
    --------
    >>> read_counts("3/6", control=0.25).shrunk
    0.375
    """
    match = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", text)
    if match is None:
        return None
    if control is None:
        raise InputError("--control", "the share of responders without the drug is needed", hint="as --control 0.25")
    responders, n = int(match[1]), int(match[2])
    return PilotResponders(responders, n, control, float(n) if prior_people is None else prior_people, control_people)


def _series(path: str | Path) -> Series:
    from abate.study.paired import look
    from abate.study.store import Study, is_study

    if is_study(path):
        return look(Study(path))
    from abate.study.readers import read

    return look(read(path).tables)
