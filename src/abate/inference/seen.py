"""How well a course of the model explains what was measured: the error of each measure, and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.units import convert
from abate.inference.patient import Measurement, Patient
from abate.science.model import Model
from abate.science.regimen.drugs import antibodies
from abate.study.observation import Measure, load_clinic

__all__ = ["Seen", "level_measure", "read_seen"]

Floats = npt.NDArray[np.float64]

_LEVEL = "drug-level"
_SMALLEST = 1e-12  # in the unit of a measure; keeps the logarithm of a state that has died out finite


@dataclass(frozen=True)
class _Error:
    """Standard deviation of a measurement: of its logarithm, and of its value."""

    sd_log: float
    proportional: float = 0.0
    additive: float = 0.0

    @property
    def on_logarithm(self) -> bool:
        return self.proportional == 0 and self.additive == 0


@dataclass(frozen=True)
class Seen:
    """What was measured, ready to be compared with courses of the model.

    Attributes
    ----------
    measurements : tuple of Measurement
        Values in the unit of their measure.
    times : ndarray, shape (T,)
        Distinct times, days.
    outputs : tuple of str
        Outputs of the model that are needed.
    notes : tuple of str
        What was assumed about the values.
    """

    measurements: tuple[Measurement, ...]
    times: Floats
    outputs: tuple[str, ...]
    notes: tuple[str, ...]
    sees: tuple[tuple[tuple[str, float, _Error], ...], ...]
    high: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.measurements)

    def predict(self, course: Mapping[str, Floats]) -> Floats:
        """Return the value that each measurement would have without error.

        Parameters
        ----------
        course : mapping of output to ndarray, shape (T, n)
            At `times`.

        Returns
        -------
        ndarray, shape (measurements, n)
        """
        at = np.searchsorted(self.times, [m.time for m in self.measurements])
        rows = [
            sum((factor * course[output][t] for output, factor, _ in parts), np.zeros(course[self.outputs[0]].shape[1]))
            for t, parts in zip(at, self.sees, strict=True)
        ]
        return np.asarray(np.maximum(np.stack(rows), _SMALLEST))

    def spread(self, course: Mapping[str, Floats]) -> Floats:
        """Return the standard deviation of each measurement on the scale of `scaled`, shape (measurements, n)."""
        at = np.searchsorted(self.times, [m.time for m in self.measurements])
        rows = []
        for t, parts in zip(at, self.sees, strict=True):
            values = [(factor * course[output][t], error) for output, factor, error in parts]
            variance = sum(
                ((e.sd_log**2 + e.proportional**2) * v**2 + e.additive**2 for v, e in values),
                np.zeros_like(values[0][0]),
            )
            total = sum((v for v, _ in values), np.zeros_like(values[0][0]))
            rows.append(np.sqrt(variance) / (np.maximum(total, _SMALLEST) if self._log(parts) else 1.0))
        return np.asarray(np.maximum(np.stack(rows), _SMALLEST))

    def residuals(self, course: Mapping[str, Floats]) -> Floats:
        """Return (measured - predicted)/spread, shape (measurements, n); for a censored value, of its limit."""
        predicted, spread = self.predict(course), self.spread(course)
        rows = [
            (np.log(max(m.value, _SMALLEST)) - np.log(p) if self._log(parts) else m.value - p) / s
            for m, parts, p, s in zip(self.measurements, self.sees, predicted, spread, strict=True)
        ]
        return np.stack(rows)

    def log_likelihood(self, course: Mapping[str, Floats]) -> Floats:
        """Return the log-likelihood of everything that was measured, shape (n,); -inf where a course failed."""
        residuals, spread = self.residuals(course), self.spread(course)
        total = np.zeros(residuals.shape[1])
        for m, parts, r, s in zip(self.measurements, self.sees, residuals, spread, strict=True):
            if m.censored == "<":
                total += log_ndtr(r)
            elif m.censored == ">":
                total += log_ndtr(-r)
            else:
                jacobian = np.log(max(m.value, _SMALLEST)) if self._log(parts) else 0.0
                total += -0.5 * r**2 - np.log(s) - 0.5 * np.log(2 * np.pi) - jacobian
        return np.where(np.isfinite(total), total, -np.inf)

    @staticmethod
    def _log(parts: Sequence[tuple[str, float, _Error]]) -> bool:
        return all(error.on_logarithm for _, _, error in parts)


def read_seen(patient: Patient, model: Model) -> Seen:
    """Match a patient's measurements with measures of the clinic or outputs of the model.

    ``drug-level`` is the level of the antibody that the doses name; ``tocilizumab-level`` and ``sarilumab-level`` say
    whose it is.

    Raises
    ------
    InputError
        For a measure that the model does not show, a wrong unit, a level of 0 that is no score, or a ``drug-level``
        of somebody who was given no antibody, or both.
    """
    kept: list[Measurement] = []
    sees: list[tuple[tuple[str, float, _Error], ...]] = []
    high: list[float] = []
    notes: list[str] = []
    streams: set[tuple[float, str]] = set()
    for m in patient.measurements:
        unit, limit, stream, parts = _match(m, _measure(m, patient), model)
        if (m.time, stream) in streams:
            notes.append(f"{m.where}: {m.name} of the same day shares its error with another measure; it is left out")
            continue
        streams.add((m.time, stream))
        kept.append(_valued(m, unit, limit, notes))
        sees.append(parts)
        high.append(limit)
    outputs = tuple(sorted({output for parts in sees for output, _, _ in parts}))
    times = np.unique([m.time for m in kept])
    return Seen(tuple(kept), times, outputs, tuple(dict.fromkeys(notes)), tuple(sees), tuple(high))


def level_measure(antibody: str) -> str:
    """Return the measure of the clinic that is an antibody's level.

    Examples
    --------
    >>> level_measure("tocilizumab"), level_measure("sarilumab")
    ('drug-level', 'sarilumab-level')
    """
    own = f"{antibody}-level"
    return own if own in load_clinic().measures else _LEVEL


def _measure(m: Measurement, patient: Patient) -> str:
    """Return the measure that a name means: of a level, that of the antibody in the doses."""
    if m.name != _LEVEL:
        return next((level_measure(name) for name in antibodies() if m.name == f"{name}-level"), m.name)
    given = [name for name in antibodies() if any(d.drug == name and d.amount > 0 for d in patient.doses)]
    if len(given) == 1:
        return level_measure(given[0])
    allowed = [f"{name}-level" for name in given or antibodies()]
    if given:
        raise InputError(f"{m.where}, name", "the doses name more than one antibody: whose level is it", value=m.name,
                         allowed=allowed)  # fmt: skip
    raise InputError(f"{m.where}, name", "no dose names the antibody whose level this is", value=m.name,
                     allowed=allowed, hint=f"add its doses ({' or '.join(antibodies())})")  # fmt: skip


def _match(m: Measurement, name: str, model: Model) -> tuple[str, float, str, tuple[tuple[str, float, _Error], ...]]:
    """Return unit, upper limit, error stream, and the outputs that a measurement adds up."""
    every = load_clinic().measures
    shown = load_clinic().simulated(every, {*model.outputs, *model.states, *model.assignments})
    clinic = {n: every[n] for n in shown if all(every[p].output in model.outputs for p in (n, *every[n].plus))}
    if name in clinic:
        measure = clinic[name]
        _noisy(measure, m)
        parts = [(measure.output, measure.scale, _Error(measure.noise))]
        for other, factor in measure.plus.items():
            parts.append((clinic[other].output, factor * clinic[other].scale, _Error(clinic[other].noise)))
        return measure.unit, measure.high, measure.stream, tuple(parts)
    bare = {
        n: o for n, o in model.outputs.items() if o.residual.sd_log or o.residual.additive or o.residual.proportional
    }
    if name in bare:
        r = bare[name].residual
        error = _Error(r.sd_log, r.proportional, r.additive)
        return bare[name].unit, np.inf, name, ((name, 1.0, error),)
    allowed = [*clinic, *(n for n in bare if n not in clinic)]
    problem = f"{model.name} shows no such measure" if allowed else f"{model.name} has no output with a residual error"
    raise InputError(f"{m.where}, name", problem, value=m.name, allowed=allowed, hint=did_you_mean(m.name, allowed))


def _noisy(measure: Measure, m: Measurement) -> None:
    if measure.noise == 0:
        raise InputError(
            f"{m.where}, name", "nothing is known of the error of this measure", value=m.name, hint="leave it out"
        )


def _valued(m: Measurement, unit: str, high: float, notes: list[str]) -> Measurement:
    """Return the measurement in the unit of its measure, with what its scale implies."""
    value, censored = m.value, m.censored
    if m.unit:
        value = convert(value, m.unit, unit, where=f"{m.where}, unit")
    elif unit not in ("point", "dimensionless", ""):
        raise InputError(f"{m.where}, unit", f"the unit of {m.name} is missing", allowed=f"one that converts to {unit}")
    if value == 0 and unit == "point" and not censored:
        # Scores are written in whole points: 0 is whatever rounds to it.
        value, censored = 0.5, "<"
        notes.append(f"{m.name} 0 is read as below half a point")
    if value <= 0:
        raise InputError(
            f"{m.where}, value", "a level cannot be 0", value=m.value, hint="write the limit it lay below: <0.5"
        )
    if value > high:
        raise InputError(f"{m.where}, value", f"{m.name} ends at {high:g}", value=m.value, allowed=f"0 to {high:g}")
    if value == high and not censored:
        censored = ">"
        notes.append(f"{m.name} {high:g} is read as at or above the end of its scale")
    return Measurement(m.time, m.name, value, unit, censored, m.where)
