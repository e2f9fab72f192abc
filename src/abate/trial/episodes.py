"""Rare episodes that a trial draws: an intercurrent infection that raises IL-6, and so CRP and ESR, without a flare."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abate.engine.ensemble import Run, Setting
from abate.ground.randomness import uniform
from abate.science.model import Input

__all__ = ["episodes"]


def episodes(run: Run, day: float, until: float) -> Iterator[Setting]:
    """Yield what episodes set in [day, until): inputs of that kind, span by span of their length.

    A span has an episode with the chance that one begins in it; its size is exponential around the mean, so that most
    are slight and some are not. Draws are keyed by person and span, whatever the visits are.
    """
    for entry in run.ensemble.model.inputs.values():
        if entry.kind == "episodes":
            yield from _of(entry, run, day, until)


def _of(entry: Input, run: Run, day: float, until: float) -> Iterator[Setting]:
    assert entry.rate is not None
    assert entry.size is not None
    chance = -np.expm1(-run.parameter(entry.rate) * entry.every)
    size = run.parameter(entry.size)
    for span in range(int(np.ceil(day / entry.every)), int(np.ceil(until / entry.every))):
        comes = uniform(run.seed, f"episode:{entry.name}", run.persons, span) < chance
        how_large = -np.log(uniform(run.seed, f"episode-size:{entry.name}", run.persons, span))
        yield Setting(span * entry.every, entry.name, np.where(comes, size * how_large, 0.0))
