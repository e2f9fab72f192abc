"""A NONMEM-format data set as a fit takes it: doses as events, observations by output, covariates by subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.units import convert
from abate.science.model import Model
from abate.science.regimen import Records, read_records

__all__ = ["Dataset", "DoseEvent", "Unit", "read_dataset", "time_unit_of"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_AFTER = 1e-7  # in model time: an instant after a dose, far below any half-life


@dataclass(frozen=True)
class DoseEvent:
    """An amount into a state; ``duration`` above 0 is an infusion. Times in the model's unit."""

    time: float
    state: str
    amount: float
    duration: float


@dataclass(frozen=True)
class Unit:
    """A subject between two resets: what the solver simulates as one person.

    Attributes
    ----------
    subject : int
        Row of `Dataset.ids`.
    doses : tuple of DoseEvent
    start : float
        First time.
    rows : ndarray of int
        Observations (rows of the data set's arrays) that belong to it.
    """

    subject: int
    doses: tuple[DoseEvent, ...]
    start: float
    rows: Integers


@dataclass(frozen=True)
class Dataset:
    """Observations in one long table, and the units that they belong to.

    Attributes
    ----------
    name : str
        File name.
    ids : ndarray, shape (subjects,)
    units : tuple of Unit
    subject : ndarray of int, shape (observations,)
    time : ndarray, shape (observations,)
        In the model's unit.
    value : ndarray, shape (observations,)
        Measured; where censored, the limit.
    censored : ndarray of bool, shape (observations,)
        Below `value` (M3).
    output : ndarray of int, shape (observations,)
        Row of `outputs`.
    outputs : tuple of str
    covariates : mapping of column to ndarray, shape (subjects,)
        First value of every further column.
    time_unit : str
        Of TIME in the file.
    per_time : float
        Model time in one unit of TIME.
    notes : tuple of str
    """

    name: str
    ids: Floats
    units: tuple[Unit, ...]
    subject: Integers
    time: Floats
    value: Floats
    censored: npt.NDArray[np.bool_]
    output: Integers
    outputs: tuple[str, ...]
    covariates: Mapping[str, Floats]
    time_unit: str
    per_time: float
    notes: tuple[str, ...]

    @property
    def subjects(self) -> int:
        """How many."""
        return int(self.ids.size)


def time_unit_of(model: Model) -> str:
    """Return the unit that TIME is read in: hours where the parameters are per hour, else the model's own."""
    if any("hour" in p.unit for n, p in model.parameters.items() if n != "hours_per_day"):
        return "hour"
    return model.time_unit or "hour"


def read_dataset(
    path: str | Path, model: Model, *, outputs: Sequence[str] = (), time_unit: str | None = None
) -> Dataset:
    """Read and check a data set.

    Parameters
    ----------
    path : str or Path
        CSV with ID, TIME, DV, AMT, and EVID, CMT, RATE, ADDL, II, MDV, CENS or BLQ with LLOQ, DVID where needed.
    model : Model
        Its states are the compartments, in their order, by number or name.
    outputs : sequence of str
        What DVID 1, 2, ... observe; default: the model's only output, or its first.
    time_unit : str, optional
        Of TIME; default `time_unit_of`.

    Raises
    ------
    InputError
        One line naming subject, time and column.
    """
    records = read_records(path, model.states)
    where = Path(path).name
    if "DV" not in records.columns:
        raise InputError(
            where, "a column is missing", value="DV", allowed="ID, TIME, DV, AMT, EVID, CMT and covariates"
        )
    unit = time_unit or time_unit_of(model)
    own = model.time_unit or unit
    per_time = 1.0 if unit == own else convert(1.0, unit, own, where="--time-unit")
    chosen = _outputs(model, outputs)
    reader = _Reader(model, where, per_time, chosen)
    for row, (_, part) in enumerate(records.subjects()):
        reader.subject(row, part)
    if not reader.value:
        raise InputError(where, "there is no observation", allowed="rows with EVID 0 and a DV")
    return Dataset(
        name=where,
        ids=np.array([subject for subject, _ in records.subjects()]),
        units=tuple(reader.units),
        subject=np.array(reader.who, dtype=np.int64),
        time=np.array(reader.time),
        value=np.array(reader.value),
        censored=np.array(reader.censored, dtype=bool),
        output=np.array(reader.output, dtype=np.int64),
        outputs=chosen,
        covariates=_covariates(records),
        time_unit=unit,
        per_time=per_time,
        notes=(f"TIME is read in {unit}s", *dict.fromkeys(reader.notes)),
    )


def _outputs(model: Model, asked: Sequence[str]) -> tuple[str, ...]:
    for name in asked:
        if name not in model.outputs:
            raise InputError(
                "--dv", "no such output", value=name, allowed=model.outputs, hint=did_you_mean(name, model.outputs)
            )
    return tuple(asked) or (next(iter(model.outputs)),)


def _covariates(records: Records) -> dict[str, Floats]:
    known = {"ID", "TIME", "DV", "EVID", "AMT", "CMT", "RATE", "ADDL", "II", "SS", "MDV", "CENS", "BLQ", "LLOQ", "DVID"}
    found: dict[str, list[float]] = {}
    for _, part in records.subjects():
        for name, values in part.columns.items():
            if name not in known:
                real = values[~np.isnan(values)]
                found.setdefault(name, []).append(float(real[0]) if real.size else np.nan)
    return {name: np.array(values) for name, values in found.items()}


class _Reader:
    """Turns records into units and observations."""

    def __init__(self, model: Model, where: str, per_time: float, outputs: tuple[str, ...]) -> None:
        self.model, self.where, self.per_time, self.outputs = model, where, per_time, outputs
        self.units: list[Unit] = []
        self.who: list[int] = []
        self.time: list[float] = []
        self.value: list[float] = []
        self.censored: list[bool] = []
        self.output: list[int] = []
        self.notes: list[str] = []
        self.at_rest = all(expression == 0 for expression in model.initial.values())

    def subject(self, row: int, part: Records) -> None:
        """Read one subject: split at resets, expand additional doses."""
        c = part.columns
        first = len(self.value)
        starts = [0, *np.flatnonzero(np.isin(c["EVID"], (3, 4))).tolist(), len(part)]
        for begin, end in pairwise(starts):
            if end > begin:
                self._unit(row, {n: v[begin:end] for n, v in c.items()})
        mine = self.censored[first:]
        if mine and all(mine):
            where = f"{self.where}, ID {c['ID'][0]:g}"
            raise InputError(where, "every observation is below its limit", hint="leave the subject out, and say so")

    def _unit(self, row: int, c: dict[str, Floats]) -> None:
        doses: list[DoseEvent] = []
        rows: list[int] = []
        for i in range(c["TIME"].size):
            record = {n: float(v[i]) for n, v in c.items()}
            place = f"{self.where}, ID {record['ID']:g}, TIME {record['TIME']:g}"
            if record["EVID"] in (1, 4):
                doses += self._doses(record, place)
            elif record["EVID"] == 0 and record.get("MDV", 0) != 1:
                rows += self._observation(row, record, place, doses)
        if rows:
            start = min([d.time for d in doses] + [self.time[r] for r in rows])
            self.units.append(Unit(row, tuple(doses), start, np.array(rows, dtype=np.int64)))

    def _doses(self, record: dict[str, float], place: str) -> list[DoseEvent]:
        if record["DV"] == record["DV"] and record["DV"] != 0 and record.get("MDV", 0) != 1:
            raise InputError(f"{place}, DV", "a dose has a measured value", value=record["DV"], allowed="nothing, or 0")
        if record["SS"] > 0:
            raise InputError(f"{place}, SS", "a fit takes no steady state", value=record["SS"], hint="write the doses")
        if record["RATE"] < 0:
            raise InputError(
                f"{place}, RATE", "a fit takes no modelled rate", value=record["RATE"], allowed="0 or more"
            )
        state = self.model.states[int(record["CMT"]) - 1]
        duration = record["AMT"] / record["RATE"] if record["RATE"] > 0 else 0.0
        if duration and not any(d.state == state and d.rate_input for d in self.model.doses.values()):
            raise InputError(f"{place}, RATE", f"{state} takes no infusion", value=record["RATE"], allowed="0")
        return [
            DoseEvent(
                (record["TIME"] + k * record["II"]) * self.per_time, state, record["AMT"], duration * self.per_time
            )
            for k in range(int(record["ADDL"]) + 1)
        ]

    def _observation(self, row: int, record: dict[str, float], place: str, doses: list[DoseEvent]) -> list[int]:
        if record["DV"] != record["DV"]:
            self.notes.append("observations without DV are left out")
            return []
        if not doses and self.at_rest:
            raise InputError(
                place, "an observation before the first dose", value=record["DV"],
                allowed="observations at or after it", hint="set MDV to 1 to keep the row",
            )  # fmt: skip
        which = int(record.get("DVID", 1) if record.get("DVID", 1) == record.get("DVID", 1) else 1)
        if not 1 <= which <= len(self.outputs):
            raise InputError(f"{place}, DVID", "no such output", value=which, allowed=f"1 to {len(self.outputs)}: --dv")
        censored, value = self._limit(record, place)
        self.who.append(row)
        time = record["TIME"] * self.per_time
        # A dose at the time of a record comes before it; the solver records before a dose.
        self.time.append(time + _AFTER if any(abs(d.time - time) < _AFTER / 10 for d in doses) else time)
        self.value.append(value)
        self.censored.append(censored)
        self.output.append(which - 1)
        return [len(self.value) - 1]

    def _limit(self, record: dict[str, float], place: str) -> tuple[bool, float]:
        flag = record.get("CENS", record.get("BLQ", 0.0))
        limit = record.get("LLOQ", np.nan)
        if flag == 1:
            value = limit if limit == limit else record["DV"]
            if not value > 0:
                raise InputError(f"{place}, DV", "the limit of a value below it is missing", value=record["DV"],
                                 allowed="LLOQ, or the limit as DV")  # fmt: skip
            return True, value
        if flag not in (0.0, 1.0) and flag == flag:
            raise InputError(f"{place}, CENS", "not a flag", value=flag, allowed="0 or 1")
        return False, record["DV"]
