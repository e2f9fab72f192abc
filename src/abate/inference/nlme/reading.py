"""Reading a NONMEM-format file into a `Dataset`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.units import convert
from abate.inference.nlme.dataset import Dataset, DoseEvent, Steady, Unit
from abate.inference.nlme.dosing import DoseReader
from abate.science.model import Model
from abate.science.regimen import Records, read_records

__all__ = ["read_dataset", "time_unit_of"]

Floats = npt.NDArray[np.float64]

_AFTER = 1e-7  # in model time: an instant after a dose, far below any half-life
_KNOWN = {
    "ID", "TIME", "DV", "EVID", "AMT", "CMT", "RATE", "ADDL", "II", "SS", "MDV", "CENS", "BLQ", "LLOQ", "DVID", "OCC",
}  # fmt: skip


def time_unit_of(model: Model) -> str:
    """Return the unit that TIME is read in: hours where the parameters are per hour, else the model's own."""
    if any("hour" in p.unit for n, p in model.parameters.items() if n != "hours_per_day"):
        return "hour"
    return model.time_unit or "hour"


def read_dataset(
    path: str | Path,
    model: Model,
    *,
    outputs: Sequence[str] = (),
    time_unit: str | None = None,
    rates: Mapping[str, str] | None = None,
    durations: Mapping[str, str] | None = None,
) -> Dataset:
    """Read and check a data set.

    Parameters
    ----------
    path : str or Path
        CSV with ID, TIME, DV, AMT, and EVID, CMT, RATE, ADDL, II, SS, MDV, CENS or BLQ with LLOQ, DVID, OCC where
        needed.
    model : Model
        Its states are the compartments, in their order, by number or name.
    outputs : sequence of str
        What DVID 1, 2, ... observe; default: the model's only output, or its first.
    time_unit : str, optional
        Of TIME; default `time_unit_of`.
    rates, durations : mapping of state to name, optional
        Parameters that hold the rate of RATE -1 and the duration of RATE -2; the key ``""`` serves every state. Without
        them, parameters called ``R1`` and ``D1`` of compartment 1, and so on.

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
    unit = time_unit or ("hour" if records.clocked else time_unit_of(model))
    if records.clocked and convert(1.0, unit, "hour", where="--time-unit") != 1.0:
        raise InputError("--time-unit", f"{where} has dates or clock times: TIME is hours", value=unit, allowed="hour")
    own = model.time_unit or unit
    per_time = 1.0 if unit == own else convert(1.0, unit, own, where="--time-unit")
    chosen = _outputs(model, outputs)
    doses = DoseReader(model, per_time, dict(rates or {}), dict(durations or {}))
    reader = _Reader(model, where, per_time, chosen, doses)
    for row, (_, part) in enumerate(records.subjects()):
        reader.subject(row, part)
    if not reader.value:
        raise InputError(where, "there is no observation", allowed="rows with EVID 0 and a DV")
    covariates, varying = _covariates(records)
    return Dataset(
        where,
        np.array([i for i, _ in records.subjects()], dtype=float),
        tuple(reader.units),
        np.array(reader.who, dtype=np.int64),
        np.array(reader.time, dtype=float),
        np.array(reader.value, dtype=float),
        np.array(reader.censored, dtype=bool),
        np.array(reader.output, dtype=np.int64),
        chosen,
        covariates,
        unit,
        per_time,
        tuple(dict.fromkeys([f"TIME is read in {unit}s", *reader.notes])),
        np.array(reader.occasions, dtype=np.int64),
        varying,
    )


def _outputs(model: Model, asked: Sequence[str]) -> tuple[str, ...]:
    for name in asked:
        if name not in model.outputs:
            raise InputError(
                "--dv", "no such output", value=name, allowed=model.outputs, hint=did_you_mean(name, model.outputs)
            )
    if not asked and not model.outputs:
        raise InputError(model.name, "the model has no outputs", hint="name what DV observes with --dv")
    return tuple(asked) or (next(iter(model.outputs)),)


def _covariates(records: Records) -> tuple[dict[str, Floats], dict[str, float]]:
    found: dict[str, list[float]] = {}
    varying: dict[str, float] = {}
    for who, part in records.subjects():
        for name, values in part.columns.items():
            if name.upper() not in _KNOWN:
                real = values[~np.isnan(values)]
                found.setdefault(name, []).append(float(real[0]) if real.size else np.nan)
                if real.size and (real != real[0]).any():
                    varying.setdefault(name, float(who))
    return {name: np.array(values) for name, values in found.items()}, varying


class _Reader:
    """Turns records into units and observations."""

    def __init__(self, model: Model, where: str, per_time: float, outputs: tuple[str, ...], doses: DoseReader) -> None:
        self.model, self.where, self.per_time, self.outputs, self.doses = model, where, per_time, outputs, doses
        self.units: list[Unit] = []
        self.who: list[int] = []
        self.time: list[float] = []
        self.value: list[float] = []
        self.censored: list[bool] = []
        self.output: list[int] = []
        self.occasions: list[int] = []
        self.notes: list[str] = []
        self.at_rest = all(expression == 0 for expression in model.initial.values())

    def subject(self, row: int, part: Records) -> None:
        """Read one subject: split at resets and steady states, expand additional doses."""
        c = dict(part.columns)
        c["OCC"] = self._occasions(c)
        first = len(self.value)
        resets = np.isin(c["EVID"], (3, 4)) | (np.isin(c["EVID"], (1, 4)) & (c["SS"] == 1))
        starts = sorted({0, *np.flatnonzero(resets).tolist(), len(part)})
        for begin, end in pairwise(starts):
            self._unit(row, {n: v[begin:end] for n, v in c.items()})
        mine = self.censored[first:]
        if mine and all(mine):
            where = f"{self.where}, ID {c['ID'][0]:g}"
            raise InputError(where, "every observation is below its limit", hint="leave the subject out, and say so")

    def _occasions(self, c: dict[str, Floats]) -> Floats:
        """Return which of its subject's occasions each record belongs to, counted from 0 as they come."""
        given = next((v for n, v in c.items() if n.upper() == "OCC"), None)
        if given is None:
            self.occasions.append(0)
            return np.zeros(c["TIME"].size)
        if np.isnan(given).any():
            when = c["TIME"][np.isnan(given)][0]
            raise InputError(
                f"{self.where}, ID {c['ID'][0]:g}, TIME {when:g}, OCC", "the occasion is missing", allowed="a number"
            )
        order = {label: float(place) for place, label in enumerate(dict.fromkeys(given.tolist()))}
        self.occasions.append(len(order))
        return np.array([order[label] for label in given.tolist()])

    def _unit(self, row: int, c: dict[str, Floats]) -> None:
        doses: list[DoseEvent] = []
        steady: list[Steady] = []
        rows: list[int] = []
        occasions: list[tuple[float, int]] = []
        for i in range(c["TIME"].size):
            record = {n: float(v[i]) for n, v in c.items()}
            place = f"{self.where}, ID {record['ID']:g}, TIME {record['TIME']:g}"
            time = record["TIME"] * self.per_time
            if not occasions or occasions[-1][1] != int(record["OCC"]):
                occasions.append((time, int(record["OCC"])))
            if record["EVID"] in (1, 4):
                found, before = self.doses.read(record, place)
                doses += found
                steady += [before] if before else []
                if before and before.onto and not self.at_rest:
                    raise InputError(
                        f"{place}, SS", "a steady state cannot be added to a model that is not empty before its doses",
                        value=2, allowed="1",
                    )  # fmt: skip
            elif record["EVID"] == 0 and record.get("MDV", 0) != 1:
                moments = [d.time for d in doses] + [s.time for s in steady] + [t for t, _ in occasions[1:]]
                rows += self._observation(row, record, place, moments, bool(doses or steady))
        if rows:
            first = c["TIME"][0] * self.per_time
            begins = [d.time for d in doses] + [self.time[r] for r in rows] + [s.time for s in steady]
            # a steady state begins with its record, also where an earlier implied dose is still on its way
            start = first if steady and not steady[0].onto else min(begins)
            unit = np.array(rows, dtype=np.int64)
            self.units.append(Unit(row, tuple(doses), start, unit, tuple(occasions), tuple(steady)))

    def _observation(
        self, row: int, record: dict[str, float], place: str, moments: Sequence[float], dosed: bool
    ) -> list[int]:
        if record["DV"] != record["DV"]:
            self.notes.append("observations without DV are left out")
            return []
        if not dosed and self.at_rest:
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
        self.time.append(time + _AFTER if any(abs(t - time) < _AFTER / 10 for t in moments) else time)
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
