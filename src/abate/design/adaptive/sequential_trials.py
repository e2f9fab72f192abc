"""Simulated trials of a group-sequential or fixed design, person by person, with the test that the design names."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from abate.design.adaptive.operating import Operating, generator
from abate.design.fixed.means import TwoMeans
from abate.design.fixed.proportions import TwoProportions
from abate.design.plan import Plan
from abate.ground.errors import InputError

__all__ = ["simulate_plan"]

Array = NDArray[np.float64]


def simulate_plan(made: Plan, *, null: bool = False, trials: int = 10_000, seed: int = 1) -> Operating:
    """Simulate the trials of a plan.

    Parameters
    ----------
    made : Plan
        Two arms with responders or a change in a score.
    null : bool
        Whether the treatment is like the control.
    trials : int
    seed : int

    Returns
    -------
    Operating
        Under the null: rejections of any side that the design tests (twice those of benefit when futility makes the
        other side untested). Under the effect: rejections in its direction.

    Raises
    ------
    InputError
        For an endpoint whose trials are not simulated here.
    """
    if not 100 <= trials <= 1_000_000:
        raise InputError("--simulate", "not a number of trials", value=trials, allowed="100 to 1000000")
    z, estimates = _statistics(made, null, trials, seed)
    design = made.sequential
    sign = -1.0 if _direction(made) < 0 else 1.0
    z = sign * z
    up = z >= design.upper
    symmetric = design.sided == 2 and design.futility is None
    down = z <= design.lower if symmetric else np.zeros_like(up)
    futile = np.zeros_like(up)
    if design.futility is not None and (design.futility.binding or not null):
        futile[:, :-1] = z[:, :-1] <= design.lower[:-1]
    looks = z.shape[1]
    ends = up | down | futile
    last = np.where(ends.any(axis=1), ends.argmax(axis=1), looks - 1)
    rows = np.arange(trials)
    hit = up[rows, last] | (down[rows, last] if null else False)
    people = np.array([sum(made.people_at(float(share))) for share in design.information], dtype=float)
    truth = 0.0 if null else _direction(made)
    return Operating(hit, people[last], float(np.mean(estimates[rows, last]) - truth))


def expected_error(made: Plan) -> float:
    """Return the nominal rate of rejections that `simulate_plan` counts under the null."""
    design = made.sequential
    return design.alpha if design.futility is None or design.sided == 1 else design.alpha / 2


def _direction(made: Plan) -> float:
    comparison = made.comparison
    if isinstance(comparison, TwoProportions):
        return comparison.treatment - comparison.control
    if isinstance(comparison, TwoMeans):
        return comparison.difference
    raise InputError(
        "--simulate",
        "only responders and changes in two arms are simulated",
        value=getattr(comparison, "endpoint", None),
    )


def _statistics(made: Plan, null: bool, trials: int, seed: int) -> tuple[Array, Array]:
    """Return z and the estimated difference at each look, shape (trials, looks)."""
    effect = _direction(made)
    rng = generator(seed, f"plan-{null}")
    looks = [made.people_at(float(share)) for share in made.sequential.information]
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in zip([(0, 0), *looks[:-1]], looks, strict=True)]
    z, gap = np.zeros((trials, len(looks))), np.zeros((trials, len(looks)))
    comparison = made.comparison
    if isinstance(comparison, TwoProportions):
        x, y = np.zeros(trials), np.zeros(trials)
        rate = comparison.control if null else comparison.treatment
        for k, ((control, treated), (n, m)) in enumerate(zip(steps, looks, strict=True)):
            x, y = x + rng.binomial(control, comparison.control, trials), y + rng.binomial(treated, rate, trials)
            mean = (x + y) / (n + m)
            spread = np.sqrt(np.maximum(mean * (1 - mean), 1e-12) * (1 / n + 1 / m))
            gap[:, k] = y / m - x / n
            z[:, k] = gap[:, k] / spread
        return z, gap
    assert isinstance(comparison, TwoMeans)
    sums, squares = np.zeros((trials, 2)), np.zeros((trials, 2))
    centre = (0.0, 0.0 if null else effect)
    for k, (step, total) in enumerate(zip(steps, looks, strict=True)):
        for arm in (0, 1):
            values = rng.normal(centre[arm], comparison.spread, (trials, step[arm]))
            sums[:, arm] += values.sum(axis=1)
            squares[:, arm] += (values**2).sum(axis=1)
        n, m = total
        means = sums / np.array([n, m])
        within = squares - np.array([n, m]) * means**2
        spread = np.sqrt(within.sum(axis=1) / (n + m - 2) * (1 / n + 1 / m))
        gap[:, k] = means[:, 1] - means[:, 0]
        z[:, k] = _as_normal(gap[:, k] / spread, n + m - 2)
    return z, gap


def _as_normal(t: Array, freedom: int) -> Array:
    """Turn t into the z of the same p: small looks keep their error."""
    from scipy import stats
    from scipy.special import ndtri

    tail = np.maximum(stats.t.sf(np.abs(t), freedom), 1e-300)
    return np.asarray(np.sign(t) * -ndtri(tail))


def nominal_window(nominal: float, trials: int) -> float:
    """Return three Monte-Carlo standard errors of a rate."""
    return 3 * math.sqrt(nominal * (1 - nominal) / trials)
