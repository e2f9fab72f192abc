"""Starting values: typical values that fit everybody's data pooled, from a search around the model's own numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abate.ground.randomness import normal
from abate.inference.nlme.course import Courses
from abate.inference.nlme.dataset import Dataset
from abate.inference.nlme.structure import Structure

__all__ = ["pooled_start"]

Floats = npt.NDArray[np.float64]

_CANDIDATES, _ROUNDS, _BEST = 96, 10, 12
_REACH = 1.5  # first spread of the search on a log scale: a factor of 4.5 either way
_WORTH = 4.0  # the model's own numbers are left only when that halves the residual standard deviation of pooled data:
# differences between people blur a pooled fit, which then trades one parameter for another
_PULL = 3.0  # weak preference for the model's own numbers, as a spread: it settles which of two mirror images is meant


def pooled_start(structure: Structure, data: Dataset, courses: Courses, seed: int) -> Floats:
    """Return typical values on the scale of the random effects, shape (q,).

    A cross-entropy search: candidates around a centre, the best few give the next centre and spread. Where the model's
    own numbers are near already, they are kept.
    """
    own = structure.start.mu
    q = own.size
    centre, spread = own.copy(), np.full(q, _REACH)
    begin = float(_losses(data, courses.predict(np.repeat(own[None, None], data.subjects, axis=0)), structure)[0])
    seen = sum(float(((data.output == k) & ~data.censored).sum()) for k in range(len(structure.errors)))
    best, lowest = own, np.inf
    moving = np.isin(np.arange(q), structure.typical)  # random effects of occasions stay at 0
    for step in range(_ROUNDS):
        noise = normal(seed, "start", np.arange(_CANDIDATES)[:, None], step * q + np.arange(q))
        tried = centre + spread * noise * moving
        tried[0], tried[1] = centre, best
        phi = np.repeat(tried[None], data.subjects, axis=0)
        losses = _losses(data, courses.predict(phi), structure) + 0.5 * np.sum(((tried - own) / _PULL) ** 2, axis=1)
        order = np.argsort(losses, kind="stable")[:_BEST]
        if losses[order[0]] < lowest:
            lowest, best = float(losses[order[0]]), tried[order[0]]
        elite = tried[order]
        centre = elite.mean(axis=0)
        spread = np.maximum(elite.std(axis=0), 0.02)
    return np.asarray(best if begin - lowest > 0.5 * seen * np.log(_WORTH) else own)


def _losses(data: Dataset, predicted: Floats, structure: Structure) -> Floats:
    """Half the observations times the logarithm of their mean square, by output; on a log scale above a small floor."""
    total = np.zeros(predicted.shape[1])
    for k, kind in enumerate(structure.errors):
        rows = (data.output == k) & ~data.censored
        if not rows.any():
            continue
        seen, shown = data.value[rows][:, None], np.maximum(predicted[rows], 0.0)
        if kind != "additive":
            floor = 0.02 * float(np.abs(seen).max())
            seen, shown = np.log(np.maximum(seen, 0.0) + floor), np.log(shown + floor)
        square = np.mean((seen - shown) ** 2, axis=0)
        total += 0.5 * rows.sum() * np.log(np.where(np.isfinite(square), square, 1e300) + 1e-300)
    return total
