"""What a design is asked for: one file, or the options of the command line, as one checked value."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from abate.design.boundary import Boundary
from abate.design.fixed.comparison import Comparison
from abate.design.fixed.means import Crossover, PairedMeans, TwoMeans
from abate.design.fixed.ordinal import OrderedOutcome
from abate.design.fixed.proportions import PairedProportions, TwoProportions
from abate.design.fixed.time_to_event import TimeToEvent
from abate.design.fixed.win_ratio import WinRatio
from abate.design.sequential import Futility, equal_looks
from abate.design.spending import Spending
from abate.ground.errors import InputError
from abate.ground.files import Document
from abate.ground.quantity import Grade
from abate.ground.schema import read

__all__ = ["Assumptions", "DesignRequest", "Looks", "request"]

Layout = Literal["parallel", "paired", "crossover"]


class Strict(BaseModel):
    """Refuses keys that it does not know and numbers without end, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Assumptions(Strict):
    """The effect to be found. Which numbers are given says which endpoint it is.

    ===================================  =============================================================
    responders                           ``control``, ``treatment`` (shares), or ``effect`` for one of them
    change in a score                    ``effect`` (or both means) and ``sd``; ``correlation`` with the baseline
    time to an event                     ``hazard_ratio``, ``control`` = share with the event by ``at``
    ordered outcome                      ``odds_ratio``, ``categories`` (shares on control, best first)
    win ratio                            ``win_ratio``, ``ties``
    ===================================  =============================================================

    With a ``margin`` the trial is to show that no more than that is lost: a share of responders, units of the score
    (``better`` says whether a lower or a higher one is better), or the highest hazard ratio.
    """

    control: float | None = None
    treatment: float | None = None
    effect: float | None = None
    sd: float | None = None
    correlation: float = 0.0
    hazard_ratio: float | None = None
    at: float = 1.0
    accrual: float = 0.0
    follow_up: float | None = None
    odds_ratio: float | None = None
    categories: tuple[float, ...] = ()
    win_ratio: float | None = None
    ties: float = 0.0
    margin: float | None = None
    better: Literal["lower", "higher"] | None = None
    period: float = 0.0
    carry_over: float = 0.0
    test: str | None = None
    source: str = ""
    grade: Grade = "assumed"

    def comparison(self, layout: Layout, *, lost: float = 0.0) -> Comparison | None:
        """Return the comparison that these numbers describe, or None when nothing is given.

        Parameters
        ----------
        layout : {'parallel', 'paired', 'crossover'}
        lost : float
            Share of people lost, which a time to an event counts in its formula.

        Raises
        ------
        InputError
            When they describe none, or two.
        """
        kinds = {"--hazard-ratio": self.hazard_ratio, "--odds-ratio": self.odds_ratio, "--win-ratio": self.win_ratio}
        given = [option for option, value in kinds.items() if value is not None]
        if self.sd is not None:
            given.append("--sd")
        if len(given) > 1:
            raise InputError("design", "two endpoints at once", value=", ".join(given), hint="give the numbers of one")
        if given and given[0] != "--sd":
            if layout != "parallel":
                raise InputError("--layout", f"{given[0]} needs two arms", value=layout, allowed="parallel")
            return self._ratio(lost)
        if self.sd is None and (self.control is not None or self.treatment is not None):
            return self._responders(layout)
        if self.sd is None and self.effect is None:
            return None
        return self._change(layout)

    def _ratio(self, lost: float) -> Comparison:
        if self.hazard_ratio is not None:
            control = self._needed("--control", self.control, "share of the control arm with the event")
            follow_up = self.at if self.follow_up is None else self.follow_up
            times = {"at": self.at, "accrual": self.accrual, "follow_up": follow_up, "dropout": lost}
            null = 1.0 if self.margin is None else self.margin
            return TimeToEvent(self.hazard_ratio, control, **times, formula=self.test or "schoenfeld", null=null)
        if self.margin is not None:
            raise InputError(
                "--margin",
                "non-inferiority is for responders, scores and times to an event",
                value=self.margin,
                hint="nearest feasible: dichotomise the outcome, and give --control and --treatment",
            )
        if self.odds_ratio is not None:
            if not self.categories:
                raise InputError(
                    "--categories", "shares of the categories on control are needed", hint="as 0.2,0.5,0.3"
                )
            return OrderedOutcome(self.categories, self.odds_ratio)
        assert self.win_ratio is not None
        return WinRatio(self.win_ratio, self.ties)

    def _responders(self, layout: Layout) -> Comparison:
        control, treatment = self.control, self.treatment
        if control is None:
            control = self._needed("--control", treatment, "share on treatment") - self._needed(
                "--effect", self.effect, "share on control, or the difference"
            )
        if treatment is None:
            treatment = control + self._needed("--effect", self.effect, "share on treatment, or the difference")
        if max(control, treatment) > 1:
            raise InputError(
                "--treatment",
                "shares of responders lie between 0 and 1; means need a standard deviation",
                value=[control, treatment],
                hint="write 30 % as 0.3, or add --sd",
            )
        if self.carry_over or self.period:
            raise InputError("--carry-over", "is for scores, not for shares", hint="give --effect and --sd")
        if layout == "paired":
            raise InputError("--layout", "a share has no before and after", value=layout, allowed="parallel, crossover")
        if layout == "crossover":
            if self.margin is not None:
                raise InputError("--margin", "a crossover of shares has none", hint="take --layout parallel")
            return PairedProportions(control, treatment, self.correlation)
        return TwoProportions(control, treatment, self.test or "pooled", self._null(higher=self.better != "lower"))

    def _change(self, layout: Layout) -> Comparison:
        effect = self.effect
        if effect is None:
            treatment = self._needed("--effect", self.treatment, "difference, or both means")
            effect = treatment - self._needed("--control", self.control, "mean on control")
        # An effect without a unit is one in standard deviations (Cohen's d).
        sd = 1.0 if self.sd is None else self.sd
        null = self._null(higher=self.better == "higher" if self.better else effect > 0)
        if layout == "crossover":
            return Crossover(effect, sd, null, self.period, self.carry_over)
        if self.carry_over or self.period:
            raise InputError("--carry-over", "only a crossover has periods", value=layout, allowed="--layout crossover")
        if layout == "paired":
            if null:
                raise InputError("--margin", "the same people before and after cannot show it", value=abs(null))
            return PairedMeans(effect, sd)
        return TwoMeans(effect, sd, self.correlation, null)

    def _null(self, *, higher: bool) -> float:
        """Return the difference to be refuted."""
        if self.margin is None:
            return 0.0
        if not self.margin > 0:
            raise InputError("--margin", "not a loss", value=self.margin, allowed="above 0, in the unit of the effect")
        return -self.margin if higher else self.margin

    @staticmethod
    def _needed(option: str, value: float | None, what: str) -> float:
        if value is None:
            raise InputError(option, f"the {what} is needed")
        return value


class Looks(Strict):
    """How often, and where, the trial is looked at."""

    number: int | None = None
    information: tuple[float, ...] = ()
    boundary: str | None = None
    spending: str | None = None
    gamma: float | None = None
    rho: float | None = None
    delta: float | None = None
    early_z: float = 3.0
    spend: tuple[float, ...] = ()
    futility: str | None = None
    futility_z: tuple[float, ...] = ()
    futility_gamma: float = -2.0
    binding: bool = False

    @property
    def shares(self) -> tuple[float, ...]:
        """Shares of the information at each look."""
        if self.information:
            if self.number not in (None, len(self.information)):
                raise InputError(
                    "--looks",
                    "not as many as the shares of the information",
                    value=self.number,
                    allowed=str(len(self.information)),
                )
            return self.information
        return tuple(float(share) for share in equal_looks(1 if self.number is None else self.number))

    def stopping(self) -> Boundary:
        """Return the boundary that stops for a difference."""
        if self.boundary is not None and self.spending is not None:
            raise InputError(
                "--spending",
                "a classical boundary and a spending function at once",
                value=self.spending,
                hint="give one of them",
            )
        if self.spend:
            return Boundary("spending", spending=Spending("points", points=self.spend))
        if self.spending is not None:
            return Boundary("spending", spending=self._spending(self.spending))
        family = self.boundary or "obrien-fleming"
        if family == "hwang-shih-decani":
            return Boundary(family, spending=self._spending(family))
        parameter = self.early_z if family == "haybittle-peto" else 0.25 if self.delta is None else self.delta
        return Boundary(family, parameter)

    def _spending(self, name: str) -> Spending:
        parameter = {"hwang-shih-decani": self.gamma, "kim-demets": self.rho}.get(name)
        usual = {"hwang-shih-decani": -4.0, "kim-demets": 3.0}.get(name, float("nan"))
        return Spending(name, usual if parameter is None else parameter)

    def stopping_for_futility(self) -> Futility | None:
        """Return the futility boundary, if one is wanted."""
        if self.futility_z:
            return Futility(bounds=self.futility_z, binding=self.binding)
        if self.futility is None:
            return None
        parameter = {"hwang-shih-decani": self.futility_gamma, "kim-demets": 3.0 if self.rho is None else self.rho}
        return Futility(Spending(self.futility, parameter.get(self.futility, float("nan"))), binding=self.binding)


class DesignRequest(Strict):
    """Everything that a sample size needs.

    Examples
    --------
    >>> wanted = request(control=0.25, treatment=0.5, looks={"number": 3})
    >>> wanted.assume.comparison(wanted.layout).sentence()
    '50 % responders on treatment against 25 % on control'
    """

    layout: Layout = "parallel"
    assume: Assumptions = Assumptions()
    alpha: float = 0.05
    power: float = 0.9
    sided: int = 2
    ratio: float = 1.0
    dropout: float = 0.0
    looks: Looks = Looks()
    seed: int = Field(default=1, ge=0)


def request(**options: Any) -> DesignRequest:
    """Build a request from flat options; what is not known to it belongs to the assumptions."""
    own = {key: value for key, value in options.items() if key in DesignRequest.model_fields}
    rest = {key: value for key, value in options.items() if key not in own and value is not None}
    document = Document("design", {**own, "assume": {**dict(own.get("assume", {})), **rest}})
    return read(DesignRequest, document)
