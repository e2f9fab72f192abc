"""Simulated courses of a calibration without a trial: people on known doses, and what a study read from them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from abate.engine.ensemble import Dose, Setting, compile_model
from abate.evidence.calibration.people import Sample, parameter_sets
from abate.evidence.calibration.plan import Course, Plan, Reading
from abate.ground.randomness import normal
from abate.science.model import Model, load
from abate.science.population import draw, load_population
from abate.science.regimen import load_taper, parse

__all__ = ["run_course"]

Floats = npt.NDArray[np.float64]

GRID = 96
"""Records of the last interval, so that a flat peak is met within a per cent."""


def run_course(
    plan: Plan,
    name: str,
    people: int,
    seed: int,
    drawing: Callable[[Floats], Floats],
    progress: Callable[[float], None] | None = None,
) -> Sample:
    """Simulate people of a course, each from a parameter set of their own; as `people.run` does for a trial."""
    course = plan.courses[name]
    model = load(course.model)
    persons = np.arange(people)
    raw = np.stack([normal(seed, f"calibrate:{name}:{f.id}", persons) for f in plan.free], axis=1)
    scores = drawing(raw)
    numbers = parameter_sets(plan.free, scores, model)
    covariates, parameters = draw(load_population(course.population), model, persons, seed, numbers=numbers)
    outputs = tuple(dict.fromkeys(r.output for r in course.reading.values()))
    started = compile_model(model, outputs).start(parameters, persons, seed)
    over = max(r.over for r in course.reading.values())
    times = np.linspace(course.days - over, course.days, GRID + 1) if over else np.array([course.days])
    rows = started.advance(course.days, _doses(course, covariates, people), _felt(course, people), record_at=times)
    if progress:
        progress(1.0)
    found = {}
    for target in (t for t in plan.targets if t.trial == name):
        reading = course.reading[target.endpoint]
        found[target.name] = _read(reading, rows[reading.output], model, persons, seed)
    return Sample(found, dict.fromkeys(found, scores))


def _doses(course: Course, covariates: dict[str, Floats], people: int) -> list[Dose]:
    if course.dose is None:
        return []
    given = parse(course.dose).doses(0, int(course.days), covariates, persons=people)
    return [
        Dose(float(time), given.drug, given.route, amount, given.duration_h / 24)
        for time, amount in zip(given.enters, given.amount, strict=True)
    ]


def _felt(course: Course, people: int) -> list[Setting]:
    """Write felt doses week by week: of a stretched taper, or of each person's own level until the pause."""
    steps: list[Setting] = []
    day = 0.0
    if course.taper:
        taper = load_taper(course.taper)
        for week in range(0, course.taper_days, 7):
            dose = float(taper.dose_on(int(week * taper.duration / course.taper_days)))
            steps.append(Setting(float(week), course.felt, dose))
        return [*steps, Setting(float(course.taper_days), course.felt, 0.0)]
    if course.levels:
        own = np.asarray(course.levels)[np.arange(people) % len(course.levels)]
        for mg, length in course.before:
            steps.append(Setting(day, course.felt, mg))
            day += length
        return [*steps, Setting(day, course.felt, own), Setting(course.days - course.pause, course.felt, 0.0)]
    return steps


def _read(reading: Reading, rows: Floats, model: Model, persons: npt.NDArray[np.int64], seed: int) -> Floats:
    value = {"max": rows.max(axis=0), "min": rows.min(axis=0), "end": rows[-1]}[reading.how]
    if reading.noise:
        spread = model.outputs[reading.output].residual.sd_log
        value = value * np.exp(spread * normal(seed, f"calibrate:{reading.output}", persons))
    return np.asarray(value if reading.below is None else (value < reading.below).astype(float))
