"""A calibration from start to end: people, emulators, plausible sets; twice, then from where the first round points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abate.evidence.calibration.courses import run_course
from abate.evidence.calibration.emulator import Emulator, fit
from abate.evidence.calibration.people import Sample, run, trial_of
from abate.evidence.calibration.plan import Free, Plan, load_plan
from abate.evidence.calibration.posterior import Posterior, ensemble_draws, log_posterior
from abate.science.model import load
from abate.trial.protocol import load_trial

__all__ = ["Calibration", "calibrate", "library_value"]

Floats = npt.NDArray[np.float64]

WIDEN = 1.4
"""How much wider than the first round's sets the second draws: an emulator should not end where the answer may be."""
LEVEL = 0.95


@dataclass(frozen=True)
class Calibration:
    """What a calibration found.

    Attributes
    ----------
    plan : Plan
    posterior : Posterior
    emulators : dict of target's name to Emulator
    seed : int
    people : int
        Simulated in all.
    """

    plan: Plan
    posterior: Posterior
    emulators: dict[str, Emulator]
    seed: int
    people: int

    def payload(self) -> dict[str, Any]:
        """Return numbers and targets as results: library against recalibrated, published against reproduced."""
        return {
            "calibration": self.plan.name,
            "title": self.plan.title,
            "people": self.people,
            "sets": len(self.posterior.scores),
            "parameters": {f.id: self._number(i, f) for i, f in enumerate(self.plan.free)},
            "targets": self._targets(),
        }

    def _number(self, index: int, free: Free) -> dict[str, Any]:
        drawn = self.posterior.scores[:, index]
        tail = 100 * (1 - LEVEL) / 2
        low, high = (float(v) for v in free.value(np.percentile(drawn, [tail, 100 - tail])))
        known = library_value(free)
        return {
            "name": free.name + (" (spread)" if free.of == "spread" else ""),
            "models": list(free.models),
            "unit": "dimensionless" if free.of == "spread" else free.unit,
            "library": known,
            "estimate": float(free.value(drawn.mean())),
            "low": low,
            "high": high,
            "level": LEVEL,
            "n": len(drawn),
            "method": "geometric mean and percentiles of the plausible sets",
            # What the targets took away of the prior's variance: 0 where they say nothing about this number.
            "informed": float(np.clip(1 - drawn.var(), 0.0, 1.0)),
            "agrees": bool(low <= known <= high),
        }

    def _targets(self) -> list[dict[str, Any]]:
        here = np.array([float(f.score(library_value(f))) for f in self.plan.free])[None, :]
        rows = []
        for target in self.plan.targets:
            emulator = self.emulators[target.name]
            found = emulator.predict(self.posterior.scores)
            tail = 100 * (1 - LEVEL) / 2
            low, high = np.percentile(found, [tail, 100 - tail])
            rows.append(
                {
                    "target": target.name,
                    "source": target.source,
                    "grade": target.grade,
                    "used": target.used,
                    "why": target.why,
                    "n": target.n,
                    "published": target.figure,
                    "of": _figure(target.median, target.unit),
                    "library": float(emulator.predict(here)[0]),
                    "reproduced": float(found.mean()),
                    "low": float(low),
                    "high": float(high),
                    "emulator_error": emulator.error,
                }
            )
        return rows


def _figure(median: float | None, unit: str) -> str:
    return f"share at or below the published median of {median:g} {unit}" if median is not None else unit


def calibrate(
    name: str,
    *,
    effort: float = 1.0,
    rounds: int = 2,
    seed: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Calibration:
    """Reproduce calibrated numbers of the library from their targets.

    Parameters
    ----------
    name : str
        Of the calibration.
    effort : float
        Factor on the people of each trial and round.
    rounds : int
        The first draws people from the prior, each further one from around the sets that the one before found.
    seed : int
        Of all draws.
    progress : callable, optional
        Called with the share done.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If there is no such calibration.
    """
    plan = load_plan(name)
    samples: list[dict[str, Sample]] = []
    drawing: Callable[[Floats], Floats] = np.array
    posterior = None
    emulators: dict[str, Emulator] = {}
    people = 0
    for step in range(rounds):
        found: dict[str, Sample] = {}
        for index, trial in enumerate(plan.trials):
            many = max(64, int(effort * plan.people[trial]))
            done, each = step + index / len(plan.trials), 1 / len(plan.trials)
            tell = (lambda share, d=done, e=each: progress((d + e * share) / rounds)) if progress else None
            simulate = run_course if trial in plan.courses else run
            found[trial] = simulate(plan, trial, many, seed + 100 * step, drawing, tell)
            people += many
        samples.append(found)
        emulators = _emulators(plan, samples)
        posterior = ensemble_draws(log_posterior(plan, emulators), len(plan.free), seed)
        drawing = posterior.drawing(WIDEN)
    assert posterior is not None
    return Calibration(plan, posterior, emulators, seed, people)


def _emulators(plan: Plan, samples: list[dict[str, Sample]]) -> dict[str, Emulator]:
    made = {}
    for target in plan.targets:
        outcome = np.concatenate([sample[target.trial].outcomes[target.name] for sample in samples])
        at = np.concatenate([sample[target.trial].at[target.name] for sample in samples])
        made[target.name] = fit(at, outcome, _columns(plan, target.trial), share=target.mean is None)
    return made


def _columns(plan: Plan, trial: str) -> tuple[int, ...]:
    """Which free numbers can matter in a trial: those of its model, and its own keys."""
    entry = plan.courses[trial].model if trial in plan.courses else trial_of(plan, trial).model_name
    own = entry.partition(",")[0]
    return tuple(i for i, f in enumerate(plan.free) if (trial if f.of == "trial" else own) in f.models)


def library_value(free: Free) -> float:
    """Return the number as the library has it.

    Examples
    --------
    >>> from abate.evidence.calibration.plan import load_plan
    >>> library_value(load_plan("tocilizumab-sc").free[0])
    0.16
    """
    if free.of == "trial":
        head, _, rest = free.name.partition(".")
        return float(getattr(getattr(load_trial(free.models[0]), head), rest))
    model = load(free.models[0])
    parameter = model.parameters[model.resolve(free.name)]
    return parameter.spread if free.of == "spread" else parameter.value
