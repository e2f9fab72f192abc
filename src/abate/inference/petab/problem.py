"""A PEtab problem as plain values; what cannot be computed here is refused by name."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy

from abate.ground.errors import InputError, MissingExtra
from abate.ground.files import did_you_mean
from abate.science.model import Model, load

__all__ = ["Free", "Observed", "Period", "Problem", "read_problem"]

Floats = npt.NDArray[np.float64]
NOISES = ("normal", "laplace", "log-normal", "log-laplace")


@dataclass(frozen=True)
class Free:
    """A parameter that is estimated, between bounds; searched on the log scale where the lower one is above 0."""

    name: str
    low: float
    high: float
    nominal: float | None
    density: Callable[[Floats], Floats] | None = None

    @property
    def logged(self) -> bool:
        """Whether it is searched on the log scale."""
        return self.low > 0


@dataclass(frozen=True)
class Period:
    """From when on which targets have which values."""

    time: float
    changes: Mapping[str, sympy.Expr]


@dataclass(frozen=True)
class Observed:
    """One measurement: what is seen, with its noise, in terms of states, assignments and parameters."""

    experiment: str
    time: float
    value: float
    formula: sympy.Expr
    noise: sympy.Expr
    kind: str
    observable: str


@dataclass(frozen=True)
class Problem:
    """What is to be estimated from what.

    Attributes
    ----------
    name : str
    model : Model
    free : tuple of Free
    fixed : mapping of name to float
        Parameters of the table that are not estimated.
    experiments : mapping of name to tuple of Period
        In order of time; the first is where the simulation begins.
    measurements : tuple of Observed
    """

    name: str
    model: Model
    free: tuple[Free, ...]
    fixed: Mapping[str, float]
    experiments: Mapping[str, tuple[Period, ...]]
    measurements: tuple[Observed, ...]


def read_problem(path: str | Path) -> Problem:
    """Read a PEtab problem, version 2.

    Parameters
    ----------
    path : str or Path
        Its YAML file.

    Raises
    ------
    MissingExtra
        If the package petab is not installed.
    InputError
        If the problem is not valid, or asks for something that is not computed here.
    """
    where = Path(path).name
    head = _head(Path(path), where)
    (entry,) = head["model_files"].values()
    source = _parsed(Path(path), where)
    model = load(Path(path).parent / str(entry["location"]))
    names = {*model.states, *model.assignments, *model.parameters}
    free = tuple(_free(p, where) for p in source.parameters if p.estimate)
    if not free:
        raise InputError(where, "nothing is estimated", allowed="a row of the parameter table with estimate true")
    fixed = {p.id: float(p.nominal_value) for p in source.parameters if not p.estimate}
    names |= {f.name for f in free} | set(fixed)
    experiments = {e.id: _periods(e, source, model, names, where) for e in source.experiments}
    observables = {o.id: o for o in source.observables}
    measurements = tuple(
        _observed(m, n, observables, experiments, names, where) for n, m in enumerate(source.measurements, start=2)
    )
    if not measurements:
        raise InputError(where, "there is no measurement", allowed="rows of the measurement table")
    return Problem(Path(path).stem, model, free, fixed, experiments or {"": (Period(0.0, {}),)}, measurements)


def _head(path: Path, where: str) -> Any:
    """Return the problem's YAML, after a look at what it asks for."""
    import yaml

    if not path.is_file():
        raise InputError(str(path), "there is no such file", hint="check the name")
    try:
        head = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise InputError(where, "this is no YAML", hint="check the file") from error
    version = str(head.get("format_version", "")) if isinstance(head, dict) else ""
    if not version.startswith("2"):
        raise InputError(where, "not a PEtab problem of version 2", value=version, allowed="format_version: 2.0.0")
    if head.get("extensions"):
        raise InputError(where, "extensions of PEtab are not read", value=sorted(head["extensions"]), allowed="none")
    models = head.get("model_files") or {}
    if len(models) != 1:
        raise InputError(where, "a problem of one model is read", value=len(models), allowed="1")
    for entry in models.values():
        if not isinstance(entry, dict) or entry.get("language", "sbml") != "sbml" or not entry.get("location"):
            language = entry.get("language") if isinstance(entry, dict) else entry
            raise InputError(where, "this language of models is not read", value=language, allowed="sbml")
    return head


def _parsed(path: Path, where: str) -> Any:
    """Return the problem as the library reads it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import petab.v2 as petab
    except ImportError as error:
        raise MissingExtra("petab", "petab") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem = petab.Problem.from_yaml(str(path))
    except Exception as error:  # whatever the library says about a table, in one line
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise InputError(where, "the problem cannot be read: " + "; ".join(lines)[:300]) from error
    if problem.mappings:
        raise InputError(where, "mapping tables are not read", value=problem.mappings[0].petab_id, allowed="none")
    return problem


def _free(row: Any, where: str) -> Free:
    place = f"{where}, parameter {row.id}"
    if row.lb is None or row.ub is None or not math.isfinite(row.lb) or not math.isfinite(row.ub) or row.lb >= row.ub:
        raise InputError(place, "bounds are needed", value=(row.lb, row.ub), allowed="a finite lower and upper bound")
    density = None
    if row.prior_distribution is not None:
        prior = row.prior_dist
        density = prior.pdf
    return Free(row.id, float(row.lb), float(row.ub), row.nominal_value, density)


def _periods(experiment: Any, source: Any, model: Model, names: set[str], where: str) -> tuple[Period, ...]:
    found = []
    place = f"{where}, experiment {experiment.id}"
    for period in sorted(experiment.periods, key=lambda p: p.time):
        if not math.isfinite(period.time):
            raise InputError(place, "a steady state before the experiment is not computed", value=period.time,
                             allowed="periods at finite times", hint="begin with its values")  # fmt: skip
        changes: dict[str, sympy.Expr] = {}
        for change in source.get_changes_for_period(period):
            target = change.target_id
            if target in model.assignments or target not in {*model.states, *model.parameters}:
                raise InputError(place, "this cannot be set", value=target, allowed=[*model.states, *model.parameters],
                                 hint=did_you_mean(target, [*model.states, *model.parameters]))  # fmt: skip
            changes[target] = _known(change.target_value, names, f"{place}, {target}")
        found.append(Period(float(period.time), changes))
    return tuple(found)


def _observed(
    row: Any, number: int, observables: Mapping[str, Any], experiments: Mapping[str, Any], names: set[str], where: str
) -> Observed:
    place = f"{where}, measurement {number - 1}"
    if row.observable_id not in observables:
        raise InputError(place, "no such observable", value=row.observable_id, allowed=observables)
    observable = observables[row.observable_id]
    experiment = row.experiment_id or ""
    if experiment and experiment not in experiments:
        raise InputError(place, "no such experiment", value=experiment, allowed=experiments)
    if not math.isfinite(row.time):
        raise InputError(
            place, "a measurement at steady state is not computed", value=row.time, allowed="a finite time"
        )
    begin = experiments[experiment][0].time if experiment and experiments[experiment] else 0.0
    if row.time < begin:
        raise InputError(
            place, "a measurement before its experiment begins", value=row.time, allowed=f"{begin:g} or later"
        )
    formula, noise = _filled(observable, row, place)
    kind = str(getattr(observable.noise_distribution, "value", observable.noise_distribution))
    if kind not in NOISES:
        raise InputError(place, "this noise is not computed", value=kind, allowed=NOISES)
    if kind.startswith("log") and not row.measurement > 0:
        raise InputError(place, "a logarithm needs a value above 0", value=row.measurement)
    return Observed(
        experiment, float(row.time), float(row.measurement), _known(formula, names, place), _known(noise, names, place),
        kind, row.observable_id,
    )  # fmt: skip


def _filled(observable: Any, row: Any, place: str) -> tuple[sympy.Expr, sympy.Expr]:
    """Put a measurement's own parameters in the place of its observable's placeholders."""
    swaps: dict[Any, Any] = {}
    for holders, given, word in (
        (observable.observable_placeholders, row.observable_parameters, "observable"),
        (observable.noise_placeholders, row.noise_parameters, "noise"),
    ):
        if len(holders) != len(given):
            raise InputError(place, f"another number of {word} parameters than its observable has", value=len(given),
                             allowed=str(len(holders)))  # fmt: skip
        swaps |= dict(zip(holders, given, strict=True))
    named = {sympy.Symbol(str(k)): sympy.sympify(v) for k, v in swaps.items()}
    return _plain(observable.formula).xreplace(named), _plain(observable.noise_formula).xreplace(named)


def _plain(expression: Any) -> sympy.Expr:
    """Return an expression over plain symbols: those of the library carry assumptions."""
    found = sympy.sympify(expression)
    return found.xreplace({s: sympy.Symbol(s.name) for s in found.free_symbols})


def _known(expression: Any, names: set[str], place: str) -> sympy.Expr:
    found = _plain(expression)
    odd = sorted(s.name for s in found.free_symbols if s.name not in names and s.name != "time")
    if odd:
        raise InputError(place, "no such name", value=odd[0], allowed="the model's, or the parameter table's",
                         hint=did_you_mean(odd[0], names))  # fmt: skip
    return found
