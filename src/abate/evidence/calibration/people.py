"""Simulated people of a calibration: each from a parameter set of their own, with what the targets ask about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from abate.evidence.calibration.plan import Free, Plan, Target
from abate.evidence.replicates import many_people
from abate.ground.files import library_path
from abate.ground.randomness import normal
from abate.science.model import Model
from abate.science.population import ParameterSets
from abate.trial.protocol import Trial, load_trial
from abate.trial.simulate import prepare

__all__ = ["Sample", "run", "trial_of"]

Floats = npt.NDArray[np.float64]

LEVELS = 4
"""A key of a trial is one number for all its people, so they are simulated in as many blocks."""


@dataclass(frozen=True)
class Sample:
    """People of one trial.

    Attributes
    ----------
    scores : dict of arm to ndarray, shape (people, free numbers)
        Where in the prior each person comes from.
    outcomes : dict of target's name to ndarray, shape (people,)
        0 or 1; NaN where it is not defined. People of a group of arms follow each other.
    at : dict of target's name to ndarray, shape (people, free numbers)
        Scores that belong to them.
    """

    outcomes: dict[str, Floats]
    at: dict[str, Floats]


def trial_of(plan: Plan, name: str) -> Trial:
    """Load a trial of the library, or one that stands beside the calibration, with the endpoints that are asked for."""
    beside = library_path("calibrations", f"{name}.yaml")
    trial = load_trial(beside if beside.exists() else name)
    wanted = tuple(dict.fromkeys(t.endpoint for t in plan.targets if t.trial == name))
    rules = {**trial.endpoint_rules, **plan.endpoints}
    measures = {str(rules[e]["measure"]) for e in wanted if e in rules and "measure" in rules[e]}
    shown = tuple(dict.fromkeys([*trial.measures, *sorted(measures)]))
    return trial.model_copy(
        update={"endpoints": wanted, "published": (), "endpoint_rules": rules, "measures": shown, "uncertainty": "none"}
    )


def run(
    plan: Plan,
    name: str,
    people: int,
    seed: int,
    draw: Callable[[Floats], Floats],
    progress: Callable[[float], None] | None = None,
) -> Sample:
    """Simulate people of a trial's arms.

    Parameters
    ----------
    plan : Plan
    name : str
        Of the trial.
    people : int
        In each arm.
    seed : int
        Of all draws.
    draw : callable
        From standard normal draws (people, free numbers) to scores: the prior itself, or where the last round points.
    progress : callable, optional
        Called with the share done.
    """
    trial = trial_of(plan, name)
    targets = [t for t in plan.targets if t.trial == name]
    keys = [(i, f) for i, f in enumerate(plan.free) if f.of == "trial" and name in f.models]
    blocks = LEVELS if keys else 1
    each = -(-people // blocks)
    found: dict[str, list[Floats]] = {t.name: [] for t in targets}
    at: dict[str, list[Floats]] = {t.name: [] for t in targets}
    for block in range(blocks):
        raw = np.stack([normal(seed, f"calibrate:{name}:{f.id}", np.arange(each), block) for f in plan.free], axis=1)
        scores = draw(raw)
        level = trial
        for i, free in keys:
            scores[:, i] = np.median(scores[:, i]) + (block - (blocks - 1) / 2) * 2 / (blocks - 1)
            level = _keyed(level, free, float(free.value(scores[:1, i])[0]))
        setup = prepare(level, outputs=())
        setup = replace(setup, sets=parameter_sets(plan.free, scores, setup.model))
        tell = (lambda share, b=block: progress((b + share) / blocks)) if progress else None
        table = many_people(setup, dict.fromkeys(trial.arms, each), seed + block, tell)
        for target in targets:
            arms = trial.groups.get(target.arm, (target.arm,))
            values = table[table["arm"].isin(arms)][target.endpoint].to_numpy(dtype=float)
            found[target.name].append(_outcome(target, values))
            at[target.name].append(np.tile(scores, (len(arms), 1)))
    return Sample({n: np.concatenate(v) for n, v in found.items()}, {n: np.concatenate(v) for n, v in at.items()})


def parameter_sets(free: tuple[Free, ...], scores: Floats, model: Model) -> ParameterSets:
    """Return the sets of a model's numbers at some scores."""
    tables: Mapping[str, dict[str, Floats]] = {"value": {}, "spread": {}, "trial": {}}
    entry = model.name.partition(",")[0]
    for index, number in enumerate(free):
        if number.of != "trial" and entry in number.models:
            tables[number.of][model.resolve(number.name)] = number.value(scores[:, index])
    return ParameterSets(tables["value"], tables["spread"])


def _keyed(trial: Trial, free: Free, value: float) -> Trial:
    head, _, rest = free.name.partition(".")
    part = getattr(trial, head)
    return trial.model_copy(update={head: part.model_copy(update={rest: value})})


def _outcome(target: Target, values: Floats) -> Floats:
    if target.median is None:
        return values
    return np.where(np.isnan(values), np.nan, (values <= target.median).astype(float))
