"""From a request to a design: people, looks, power, and the dictionary that results.json holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from abate.design.fixed.comparison import Comparison, FixedDesign
from abate.design.request import DesignRequest
from abate.design.sequential import SequentialDesign, group_sequential
from abate.design.stopping import Stopped, after, at_boundaries
from abate.ground.errors import InputError

__all__ = ["Plan", "plan"]


@dataclass(frozen=True)
class Plan:
    """A solved design.

    Attributes
    ----------
    request : DesignRequest
        What was asked for.
    sequential : SequentialDesign
        Looks and boundaries; one look for a fixed design.
    comparison : Comparison or None
        The effect; without one the sizes are relative to the fixed design.
    fixed : FixedDesign or None
        The same trial with one analysis.
    control, treatment : int
        Largest numbers to be analysed in each arm (``treatment`` is 0 where everybody gets both).
    """

    request: DesignRequest
    sequential: SequentialDesign
    comparison: Comparison | None
    fixed: FixedDesign | None
    control: int = 0
    treatment: int = 0

    @property
    def total(self) -> int:
        """Largest number to be analysed."""
        return self.control + self.treatment

    @property
    def randomised(self) -> tuple[int, int]:
        """People to randomise to each arm, so that enough are left after drop-out."""
        within = self.comparison is not None and self.comparison.counts_lost
        stay = 1.0 if within else 1 - self.request.dropout
        return math.ceil(self.control / stay - 1e-9), math.ceil(self.treatment / stay - 1e-9)

    @property
    def attained_power(self) -> float:
        """Power with the whole numbers of people."""
        if self.fixed is None:
            return self.sequential.power
        share = self.total / (self.fixed.exact * self.sequential.inflation)
        return self.sequential.power_at(self.sequential.drift * math.sqrt(share))

    def people_at(self, share: float) -> tuple[int, int]:
        """Return people in each arm at a share of the information."""
        return math.ceil(self.control * share - 1e-9), math.ceil(self.treatment * share - 1e-9)

    def looks(self) -> list[dict[str, Any]]:
        """Return one row a look: boundaries, probabilities, people."""
        design = self.sequential
        null, effect = design.crossing(0.0), design.crossing(design.drift)
        spent, nominal = design.cumulative_alpha(), design.nominal_p
        events = self.comparison.events(self.control, self.treatment) if self.comparison else None
        rows = []
        for k, share in enumerate(map(float, design.information)):
            row: dict[str, Any] = {
                "look": k + 1,
                "information": share,
                "z": float(design.upper[k]),
                "nominal_p": float(nominal[k]),
                "cumulative_alpha": float(spent[k]),
                "cumulative_power": float(np.cumsum(effect.upper)[k]),
                "stops_under_null": float(null.stopped[k]),
                "stops_under_effect": float(effect.stopped[k]),
            }
            if design.futility is not None:
                row["futility_z"] = float(design.lower[k])
                row["futility_under_null"] = float(np.cumsum(null.lower)[k])
                row["futility_under_effect"] = float(np.cumsum(effect.lower)[k])
            if self.comparison is not None:
                control, treatment = self.people_at(share)
                row |= {"control": control, "treatment": treatment, "total": control + treatment}
            if events is not None:
                row["events"] = math.ceil(events * share)
            rows.append(row)
        return rows

    def expected(self) -> dict[str, float]:
        """Return expected people (or shares of the fixed design) under no effect, half of it and all of it."""
        scale = float(self.total) if self.comparison else self.sequential.inflation
        drifts = {"null": 0.0, "half": 0.5 * self.sequential.drift, "effect": self.sequential.drift}
        return {name: scale * self.sequential.expected_share(drift) for name, drift in drifts.items()}

    def effect_of_drift(self) -> dict[str, Any]:
        """Return ``scale``, ``shift`` and ``log``: what turns a drift of this trial into an effect.

        Without an effect they turn it into itself. The drift of the planned numbers belongs to the assumed effect.
        """
        if self.comparison is None or self.fixed is None:
            return {}
        effect = self.comparison.scale()
        share = self.total / (self.fixed.exact * self.sequential.inflation)
        return {
            "scale": effect.distance / (self.sequential.drift * math.sqrt(share)),
            "shift": effect.null,
            "log": effect.log,
        }

    @property
    def effect_name(self) -> str:
        """Name of what is estimated."""
        return self.comparison.scale().name if self.comparison else "drift, the mean of z at the end"

    def stopped(self, look: int, z: float) -> dict[str, Any]:
        """Return what a trial that stopped at a look with this z says, in the unit of the effect."""
        return self._told(after(self.sequential, look, z))

    def stops(self) -> list[dict[str, Any]]:
        """Return the same for a trial that stops exactly on its boundary, one row a look."""
        return [self._told(one) for one in at_boundaries(self.sequential)]

    def _told(self, one: Stopped) -> dict[str, Any]:
        share = float(self.sequential.information[one.look - 1])
        people = sum(self.people_at(share)) if self.comparison else 0
        return one.as_dict(people=people, **self.effect_of_drift())

    def payload(self) -> dict[str, Any]:
        """Return what results.json holds at ``design``."""
        design, wanted = self.sequential, self.request
        body: dict[str, Any] = {
            "kind": "group-sequential" if design.looks > 1 else "fixed",
            "layout": wanted.layout,
            "alpha": design.alpha,
            "sided": design.sided,
            "power": wanted.power,
            "ratio": wanted.ratio,
            "looks": design.looks,
            "boundary": str(design.boundary) if design.looks > 1 else None,
            "futility": str(design.futility) if design.futility else None,
            "boundaries": self.looks(),
            "inflation_factor": design.inflation,
            "drift": design.drift,
            "expected_sample_size": self.expected(),
            "effect_name": self.effect_name,
            "expected_sample_size_unit": "people" if self.comparison else "share of the fixed design",
        }
        if design.looks > 1:
            body["if_stopped_on_the_boundary"] = self.stops()
        if self.comparison is None or self.fixed is None:
            return body
        control, treatment = self.randomised
        body |= {
            "endpoint": self.comparison.endpoint,
            "method": self.comparison.method,
            "assumptions": {**self.comparison.effect(), "source": wanted.assume.source, "grade": wanted.assume.grade},
            "attained_power": self.attained_power,
            "fixed_sample_size": {
                "control": self.fixed.control,
                "treatment": self.fixed.treatment,
                "total": self.fixed.total,
                "exact": self.fixed.exact,
                "power": self.fixed.power,
                "events": self.fixed.events,
            },
            "sample_size": {
                "control": self.control,
                "treatment": self.treatment,
                "total": self.total,
                "events": self.comparison.events(self.control, self.treatment),
                "dropout": wanted.dropout,
                "randomised_control": control,
                "randomised_treatment": treatment,
                "randomised_total": control + treatment,
            },
        }
        return body


def plan(wanted: DesignRequest) -> Plan:
    """Solve a request.

    Raises
    ------
    InputError
        When it cannot be met; the message names the nearest design that can.

    Examples
    --------
    >>> from abate.design.request import request
    >>> made = plan(request(control=0.25, treatment=0.5, looks={"number": 3}))
    >>> made.fixed.total, made.total
    (154, 156)
    """
    if not 0 <= wanted.dropout < 0.95:
        raise InputError(
            "--dropout", "not a share of people lost", value=wanted.dropout, allowed="0 to 0.95, such as 0.15"
        )
    comparison = wanted.assume.comparison(wanted.layout, lost=wanted.dropout)
    alpha, sided = wanted.alpha, wanted.sided
    if comparison is not None and comparison.non_inferior:
        # A loss can be refuted on one side only: a two-sided level leaves half of it for that.
        alpha, sided = alpha / sided, 1
    sequential = group_sequential(
        wanted.looks.shares,
        wanted.looks.stopping(),
        alpha=alpha,
        power=wanted.power,
        sided=sided,
        futility=wanted.looks.stopping_for_futility(),
    )
    if comparison is None:
        if len(wanted.looks.shares) == 1:
            raise InputError(
                "design",
                "there is nothing to design",
                hint="give an effect (--control 0.3 --treatment 0.5, or --effect 10 --sd 20, or --hazard-ratio 0.5 "
                "--control 0.6), looks (--looks 3), --pilot, --trial, or a design file",
            )
        return Plan(wanted, sequential, None, None)
    fixed = comparison.solve(alpha, wanted.power, sided=sided, ratio=wanted.ratio)
    factor = sequential.inflation if sequential.looks > 1 else 1.0
    if comparison.groups == 1:
        multiple = comparison.multiple
        return Plan(wanted, sequential, comparison, fixed, multiple * math.ceil(fixed.exact * factor / multiple - 1e-9))
    control = fixed.exact / (1 + wanted.ratio) * factor
    arms = math.ceil(control - 1e-9), math.ceil(wanted.ratio * control - 1e-9)
    return Plan(wanted, sequential, comparison, fixed, *arms)


def describe(made: Plan) -> Mapping[str, str]:
    """Return the main figures in words, for a terminal or a report."""
    design = made.sequential
    words = {"looks": f"{design.looks}, {design.boundary}" if design.looks > 1 else "1"}
    if design.futility is not None:
        words["futility"] = str(design.futility)
    if made.comparison is None:
        words["sample size"] = f"{design.inflation:.4f} times that of a design without looks"
        return words
    control, treatment = made.randomised
    people = f"{made.control} on control and {made.treatment} on treatment" if made.treatment else f"{made.control}"
    words |= {"effect": made.comparison.sentence(), "test": made.comparison.method, "analysed": people}
    if made.request.dropout:
        words["randomised"] = f"{control + treatment} in all, for {100 * made.request.dropout:.3g} % lost"
    words["power"] = f"{made.attained_power:.3f} at a {'two' if design.sided == 2 else 'one'}-sided {design.alpha:g}"
    return words
