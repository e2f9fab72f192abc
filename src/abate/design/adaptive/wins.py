"""Simulated trials of a ranked composite: a latent normal outcome in which small differences are ties."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from abate.design.adaptive.stream import Array, Stream, people
from abate.design.fixed.win_ratio import WinRatio

__all__ = ["latent", "win_stream"]

# Latent values lie within this of 0 but for one in 1e15, so that trials can be told apart by an offset.
REACH = 8.0


def latent(effect: WinRatio) -> tuple[float, float]:
    """Return the shift of the treated and the margin below which two people are tied, in standard deviations.

    They give exactly the win ratio and the share of ties: the difference of two people is normal with variance 2.

    Examples
    --------
    >>> shift, margin = latent(WinRatio(1.5, ties=0.0))
    >>> round(shift, 4), round(margin, 4)
    (0.3583, 0.0)
    """
    win = (1 - effect.ties) * effect.win_ratio / (1 + effect.win_ratio)
    loss = 1 - effect.ties - win
    above, below = float(ndtri(win)), float(ndtri(loss))
    return (above - below) / math.sqrt(2), -(above + below) / math.sqrt(2)


def win_stream(
    effect: WinRatio, looks: list[tuple[int, int]], null: bool, trials: int, rng: np.random.Generator
) -> Stream:
    """Return the test of the win difference at each look, with its variance over all allocations."""
    shift, margin = latent(effect)
    if null:
        # No effect with the same share of ties.
        shift, margin = 0.0, -math.sqrt(2) * float(ndtri((1 - effect.ties) / 2))
    last = looks[-1]
    control = np.clip(rng.normal(0.0, 1.0, (trials, last[0])), -REACH, REACH)
    treated = np.clip(rng.normal(shift, 1.0, (trials, last[1])), -REACH + shift, REACH + shift)
    shape = (trials, len(looks))
    z, estimate = np.zeros(shape), np.zeros(shape)
    for k, (n, m) in enumerate(looks):
        everyone = np.concatenate([treated[:, :m], control[:, :n]], axis=1)
        score = (n + m) * _net(everyone, everyone, margin)
        total = score[:, :m].sum(axis=1)  # among the treated themselves wins and losses cancel
        variance = n * m / ((n + m) * (n + m - 1)) * (score**2).sum(axis=1)
        z[:, k] = total / np.sqrt(np.maximum(variance, 1e-12))
        estimate[:, k] = total / (2 * n * m)
    return Stream(z, estimate, people(looks, trials))


def _net(own: Array, others: Array, margin: float) -> Array:
    """Return each person's wins less losses, as a share of the others; shape of `own`."""
    trials, count = others.shape
    gap = 4 * REACH + 4 * margin + 20.0
    offset = gap * np.arange(trials)[:, None]
    ordered = np.sort((others + offset).ravel())
    base = count * np.arange(trials)[:, None]
    below = np.searchsorted(ordered, own - margin + offset, side="left") - base
    above = count - (np.searchsorted(ordered, own + margin + offset, side="right") - base)
    return np.asarray((below - above) / count)
