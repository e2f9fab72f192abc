"""What a dosing record means to a fit: doses, infusions whose rate or duration is a parameter, steady states.

Semantics are those of `abate.science.regimen.record_events`, to which the tests compare: a dose enters at its time plus
the lag of its compartment; bioavailability scales an amount given at once, the duration of an infusion at a given rate,
and the rate of one with a given duration; at steady state the implied earlier doses include those still on their way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from abate.ground.errors import InputError
from abate.inference.nlme.dataset import DoseEvent, Steady
from abate.science.model import DoseTarget, Model

__all__ = ["DoseReader"]

_CLOSE = 1e-9


@dataclass(frozen=True)
class DoseReader:
    """Reads dosing records of one model.

    Attributes
    ----------
    model : Model
    per_time : float
        Model time in one unit of TIME.
    rates, durations : mapping of state to parameter
        See `read_dataset`.
    """

    model: Model
    per_time: float
    rates: Mapping[str, str]
    durations: Mapping[str, str]

    def __post_init__(self) -> None:
        for option, named in (("--dose-rate", self.rates), ("--dose-duration", self.durations)):
            for state, name in named.items():
                if state and state not in self.model.states:
                    raise InputError(option, "there is no such compartment", value=state, allowed=self.model.states)
                if self.model.resolve(name) not in self.model.parameters:
                    raise InputError(option, "this is no parameter", value=name, allowed=self.model.parameters)

    def read(self, record: Mapping[str, float], place: str) -> tuple[list[DoseEvent], Steady | None]:
        """Return the doses of a record, and the steady state before them.

        Raises
        ------
        InputError
            For a measured value on the row, an infusion that the compartment does not take, or a rate or duration that
            no parameter holds.
        """
        if record["DV"] == record["DV"] and record["DV"] != 0 and record.get("MDV", 0) != 1:
            raise InputError(f"{place}, DV", "a dose has a measured value", value=record["DV"], allowed="nothing, or 0")
        first, every = self._dose(record, place), record["II"] * self.per_time
        if record["SS"] > 0 and record["AMT"] == 0:
            return [], Steady(first.time, 0.0, first, record["SS"] == 2)
        doses = [replace(first, time=first.time + k * every) for k in range(int(record["ADDL"]) + 1)]
        if not record["SS"]:
            return doses, None
        target = self._target(first.state, infusion=False)
        lag = target.lag if target else 0.0
        if first.modelled and lag:
            raise InputError(
                f"{place}, SS", "a steady state of infusions with a lag needs a given duration", value=record["SS"]
            )
        return [*self._on_their_way(first, every, lag), *doses], Steady(first.time, every, first, record["SS"] == 2)

    def _on_their_way(self, dose: DoseEvent, every: float, lag: float) -> list[DoseEvent]:
        """Return implied earlier doses that have not entered yet, and infusions that still run."""
        found: list[DoseEvent] = []
        count = math.ceil(lag / every - _CLOSE) + math.floor(dose.duration / every + _CLOSE) + 1
        for back in range(1, count + 1):
            entered = dose.time + lag - back * every
            if entered > dose.time + _CLOSE:
                found.append(replace(dose, time=dose.time - back * every))
            elif dose.duration and entered + dose.duration > dose.time + _CLOSE:
                left = entered + dose.duration - dose.time
                rate = dose.amount / dose.duration
                found.append(replace(dose, time=dose.time - lag, amount=rate * left, duration=left))
        return found

    def _dose(self, record: Mapping[str, float], place: str) -> DoseEvent:
        number, rate = int(record["CMT"]), record["RATE"]
        state, time = self.model.states[number - 1], record["TIME"] * self.per_time
        if rate == 0:
            return DoseEvent(time, state, record["AMT"])
        target = self._target(state, infusion=True)
        if target is None:
            raise InputError(f"{place}, RATE", f"{state} takes no infusion", value=rate, allowed="0")
        if rate > 0:
            if record["AMT"] == 0 or target.bioavailability is not None:
                return DoseEvent(time, state, record["AMT"], rate=rate / self.per_time)
            return DoseEvent(time, state, record["AMT"], record["AMT"] / rate * self.per_time)
        if rate == -1:
            return DoseEvent(time, state, record["AMT"], rate_by=self._holder(self.rates, "R", number, rate, place))
        return DoseEvent(time, state, record["AMT"], duration_by=self._holder(self.durations, "D", number, rate, place))

    def _holder(self, named: Mapping[str, str], letter: str, number: int, rate: float, place: str) -> str:
        state = self.model.states[number - 1]
        usual = f"{letter}{number}"
        name = named.get(state) or named.get("") or (usual if usual in self.model.parameters else "")
        if not name:
            word, option = ("rate", "--dose-rate") if rate == -1 else ("duration", "--dose-duration")
            raise InputError(
                f"{place}, RATE", f"no parameter holds the {word} of doses into {state}", value=rate,
                allowed=f"a parameter called {usual}, or {option} NAME",
            )  # fmt: skip
        return self.model.resolve(name)

    def _target(self, state: str, *, infusion: bool) -> DoseTarget | None:
        for target in self.model.doses.values():
            if target.state == state and (target.rate_input or not infusion):
                return target
        return None
