"""Simulated crossovers, period by period: half of the people take the treatment first, half the control."""

from __future__ import annotations

import numpy as np

from abate.design.adaptive.stream import Array, Stream, as_normal, people
from abate.design.fixed.means import Crossover

__all__ = ["crossover_stream"]


def crossover_stream(
    effect: Crossover, looks: list[tuple[int, int]], null: bool, trials: int, rng: np.random.Generator
) -> Stream:
    """Return the t test of the period differences between the sequences, as z.

    Under the null the treatment is like the control and leaves nothing behind; the period effect stays.
    """
    difference = effect.null if null else effect.difference
    left = 0.0 if null else effect.carry_over
    # First period minus second: what a person shows apart from himself.
    centres = (difference - left - effect.period, -difference - effect.period)
    noise = effect.sd * np.sqrt(2.0)
    sums, squares = np.zeros((trials, 2)), np.zeros((trials, 2))
    size = np.zeros(2)
    shape = (trials, len(looks))
    z, estimate = np.zeros(shape), np.zeros(shape)
    for k, (total, _) in enumerate(looks):
        more = np.array([-(-total // 2), total // 2]) - size
        for sequence in (0, 1):
            values = rng.normal(centres[sequence], noise, (trials, int(more[sequence])))
            sums[:, sequence] += values.sum(axis=1)
            squares[:, sequence] += (values**2).sum(axis=1)
        size = size + more
        mean: Array = sums / size
        within = (squares - sums**2 / size).sum(axis=1) / (size.sum() - 2)
        estimate[:, k] = (mean[:, 0] - mean[:, 1]) / 2
        error = np.sqrt(within * (1 / size).sum()) / 2
        z[:, k] = as_normal((estimate[:, k] - effect.null) / error, int(size.sum()) - 2)
    return Stream(z, estimate, people(looks, trials))
