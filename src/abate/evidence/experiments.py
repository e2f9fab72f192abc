"""Running an experiment of a target file: people on doses, recorded on a grid, with every plausible set of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sympy

from abate.engine.ensemble import Dose, Setting, compile_model, whole_groups
from abate.evidence.plausible import plausible
from abate.evidence.targets import Experiment, Reading
from abate.ground.errors import InputError
from abate.ground.randomness import normal
from abate.science.model import Model, load
from abate.science.population import ParameterSets, draw, load_population
from abate.science.regimen import load_taper, parse
from abate.science.regimen.drugs import clock_hours
from abate.trial.values import model_values

__all__ = ["Recorded", "read_values", "run", "statistic"]

Floats = npt.NDArray[np.float64]

STEROID = "prednisone"


@dataclass(frozen=True)
class Recorded:
    """What an experiment recorded.

    Attributes
    ----------
    model : Model
        With the numbers that the experiment fixes.
    time : ndarray, shape (T,)
        Days.
    treated, untreated : dict of output to ndarray, shape (T, replicates, patients)
        The same people on the doses, and without; `untreated` is empty unless asked for.
    parameters : dict of name to ndarray, shape (replicates, patients)
    seed : int
    """

    model: Model
    time: Floats
    treated: Mapping[str, Floats]
    untreated: Mapping[str, Floats]
    parameters: Mapping[str, Floats]
    seed: int


def run(experiment: Experiment, *, replicates: int, seed: int, untreated: bool = False) -> Recorded:
    """Simulate replicates of an experiment; each has one plausible set of the model's numbers.

    Parameters
    ----------
    experiment : Experiment
    replicates : int
        How many; one where neither people nor numbers vary.
    seed : int
        Of all draws.
    untreated : bool
        Also run the same people without doses.

    Raises
    ------
    InputError
        If a name, a dose or a number does not fit the model.
    """
    plain = load(experiment.model)
    model = plain.with_values(model_values(plain, experiment.set))
    sets = plausible(model, fixed=experiment.set, seed=seed)
    count = replicates if experiment.population or sets is not None else 1
    many = count * experiment.patients
    persons = whole_groups(many)
    numbers = None if sets is None else sets.take(persons // experiment.patients % sets.number)
    covariates, parameters = _people(experiment, model, persons, seed, numbers)
    ensemble = compile_model(model, tuple(model.outputs))
    steps = round(24 * experiment.days / experiment.grid_h)
    time = np.linspace(0.0, experiment.days, steps + 1)
    settings = [Setting(c.day, model.resolve(c.name), c.value) for c in experiment.changes]
    doses = _doses(experiment, covariates, persons.size)

    def course(given: list[Dose]) -> dict[str, Floats]:
        started = ensemble.start(parameters, persons, seed)
        rows = started.advance(experiment.days, given, settings, record_at=time)
        return {name: part[:, :many].reshape(-1, count, experiment.patients) for name, part in rows.items()}

    known = {name: values[:many].reshape(count, -1) for name, values in parameters.items()}
    return Recorded(model, time, course(doses), course([]) if untreated else {}, known, seed)


def _people(
    experiment: Experiment, model: Model, persons: npt.NDArray[np.int64], seed: int, numbers: ParameterSets | None
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Draw people of a population, or take the typical person of every plausible set."""
    if experiment.population:
        return draw(load_population(experiment.population), model, persons, seed, numbers=numbers)
    parameters = {name: np.full(persons.size, p.value) for name, p in model.parameters.items()}
    if numbers is not None:
        parameters |= {name: np.asarray(values) for name, values in numbers.typical.items()}
    # The typical person has no weekly ups and downs either.
    parameters |= {entry.sd: np.zeros(persons.size) for entry in model.inputs.values() if entry.sd}
    typical = {"weight": np.full(persons.size, _typical_weight())}
    return typical, parameters


def _typical_weight() -> float:
    """Return the body weight that the typical vectors of the fact base are for, in kg: of the doses per kg alone."""
    from abate.ground.files import library_path, load_toml

    return float(load_toml(library_path("targets", "scoreboard.toml")).data["typical"]["weight"]["value"])


def _doses(experiment: Experiment, covariates: Mapping[str, Floats], people: int) -> list[Dose]:
    given: list[Dose] = []
    levels = experiment.levels or (0.0,)
    turn = np.arange(people) % len(levels)
    for text in experiment.doses:
        for number, level in enumerate(levels if "{level}" in text else (0.0,)):
            here = turn == number if "{level}" in text else np.ones(people, dtype=bool)
            doses = parse(text.format(level=level)).doses(0, experiment.days, covariates, persons=people)
            given += [
                Dose(float(time), doses.drug, doses.route, np.where(here, amount, 0.0), doses.duration_h / 24)
                for time, amount in zip(doses.enters, doses.amount, strict=True)
            ]
    if experiment.taper:
        end = int(experiment.taper_days or experiment.days)
        start = np.nan if experiment.start is None else experiment.start
        mg: Floats = np.asarray(load_taper(experiment.taper).dose_on(np.arange(end), start), dtype=np.float64)
        morning = clock_hours()["morning"] / 24
        given += [Dose(day + morning, STEROID, "oral", float(mg[day])) for day in range(end) if mg[day] > 0]
    return given


def read_values(recorded: Recorded, reading: Reading) -> Floats:
    """Return one value a person, shape (replicates, patients); NaN for whom the reading leaves out.

    Raises
    ------
    InputError
        If the quantity names something that the model does not have.
    """
    value = _one(recorded, reading)
    if reading.measured:
        value = value * _noise(recorded, reading, value.shape)
    value = reading.scale * ((1.0 / value if reading.invert else value) - reading.minus)
    if reading.among is not None:
        known = _quantity(recorded, reading.among.quantity, recorded.treated)[_index(recorded, reading.among.day)]
        low, high = reading.among.above, reading.among.below
        here = (known >= (-np.inf if low is None else low)) & (known < (np.inf if high is None else high))
        value = np.where(here, value, np.nan)
    return np.asarray(value)


def statistic(values: Floats, reading: Reading) -> Floats:
    """Return the statistic of each replicate, shape (replicates,); NaN where it has nobody."""
    made = np.full(values.shape[0], np.nan)
    for row, each in enumerate(values):
        known = each[~np.isnan(each)]
        if known.size == 0 or (reading.statistic == "sd" and known.size < 2):
            continue
        if reading.statistic == "share-above":
            made[row] = (known > reading.limit).mean()
        elif reading.statistic == "share-below":
            made[row] = (known < reading.limit).mean()
        elif reading.statistic == "sd":
            made[row] = known.std(ddof=1)
        else:
            made[row] = np.median(known) if reading.statistic == "median" else known.mean()
    return made


def _noise(recorded: Recorded, reading: Reading, shape: tuple[int, ...]) -> Floats:
    spread = recorded.model.outputs[reading.quantity].residual.sd_log
    who = np.arange(int(np.prod(shape)))
    return np.asarray(np.exp(spread * normal(recorded.seed, f"experiment:{reading.quantity}", who))).reshape(shape)


def _one(recorded: Recorded, reading: Reading) -> Floats:
    value = _followed(recorded, reading, reading.quantity)
    if reading.over:
        value = value / _followed(recorded, reading, reading.over)
    return value - _followed(recorded, reading, reading.lead) if reading.lead else value


def _course(recorded: Recorded, reading: Reading, quantity: str) -> Floats:
    """Return the course of a quantity, relative to what the reading asks for; shape (T, replicates, patients)."""
    course = _quantity(recorded, quantity, recorded.treated)
    if reading.relative == "start":
        return course / course[:1]
    return course / _quantity(recorded, quantity, recorded.untreated) if reading.relative else course


def _followed(recorded: Recorded, reading: Reading, quantity: str) -> Floats:
    course = _course(recorded, reading, quantity)
    if reading.how == "at":
        return np.asarray(course[_index(recorded, recorded.time[-1] if reading.day is None else reading.day)])
    end = recorded.time[-1] if reading.end is None else reading.end
    here = (recorded.time >= reading.start - 1e-9) & (recorded.time <= end + 1e-9)
    time, values = recorded.time[here], course[here]
    if reading.how == "time-of-max":
        return np.asarray(time[values.argmax(axis=0)] - reading.start)
    if reading.level is None:
        return np.asarray(getattr(np, reading.how)(values, axis=0))
    if reading.how == "when":
        return _when(values, _quantity(recorded, reading.of, recorded.treated)[here], reading.level)
    return _crossing(time - reading.start, values, reading.how, reading.level)


def _crossing(time: Floats, values: Floats, how: str, level: float) -> Floats:
    """Return when a course first is above or below a level (infinite: never), or last is below it (0: never)."""
    if how == "last-below":
        met = values[::-1] < level
        return np.asarray(np.where(met.any(axis=0), time[::-1][met.argmax(axis=0)], 0.0))
    met = values >= level if how == "first-above" else values <= level
    return np.asarray(np.where(met.any(axis=0), time[met.argmax(axis=0)], np.inf))


def _when(values: Floats, of: Floats, level: float) -> Floats:
    """Return the values as `of` first falls through a level, interpolated between two records; (T, r, n) -> (r, n)."""
    met = of <= level
    after = np.maximum(met.argmax(axis=0), 1)[None]
    before = after - 1
    high, low = (np.take_along_axis(of, index, axis=0)[0] for index in (before, after))
    share = np.where(high > low, (high - level) / np.where(high > low, high - low, 1.0), 0.0)
    first, second = (np.take_along_axis(values, index, axis=0)[0] for index in (before, after))
    return np.where(met.any(axis=0), first + share * (second - first), np.nan)


def _index(recorded: Recorded, day: float) -> int:
    return int(np.argmin(np.abs(recorded.time - day)))


def _quantity(recorded: Recorded, text: str, courses: Mapping[str, Floats]) -> Floats:
    """Evaluate an expression of outputs (T, r, n) and parameters (r, n)."""
    expression = sympy.sympify(text, locals={n: sympy.Symbol(n) for n in (*courses, *recorded.parameters)})
    names = sorted(str(s) for s in expression.free_symbols)
    shape = (recorded.time.size, *next(iter(recorded.parameters.values())).shape)
    values = []
    for name in names:
        if name in courses:
            values.append(np.asarray(courses[name], dtype=float))
        elif name in recorded.parameters:
            values.append(np.broadcast_to(recorded.parameters[name], shape))
        else:
            known = [*courses, *recorded.parameters]
            raise InputError(
                recorded.model.name, "a target reads what the model does not have", value=name, allowed=known
            )
    with np.errstate(divide="ignore", invalid="ignore"):  # a ratio of concentrations before the first dose is no number
        found = sympy.lambdify(names, expression, "numpy")(*values)
    return np.broadcast_to(np.asarray(found, dtype=float), shape)
