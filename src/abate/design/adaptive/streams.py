"""The statistic at each look of many simulated trials, one function an endpoint.

Each returns a `Stream`: z of treatment against control, the estimate it belongs to, and the people who have entered.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from abate.design.adaptive.crossover import crossover_stream
from abate.design.adaptive.stream import Stream, as_normal, people, steps
from abate.design.adaptive.wins import win_stream
from abate.design.fixed.comparison import Comparison
from abate.design.fixed.margin import constrained_shares
from abate.design.fixed.means import Crossover, PairedMeans, TwoMeans
from abate.design.fixed.ordinal import OrderedOutcome, shifted
from abate.design.fixed.proportions import PairedProportions, TwoProportions
from abate.design.fixed.time_to_event import TimeToEvent
from abate.design.fixed.win_ratio import WinRatio
from abate.design.plan import Plan
from abate.ground.errors import InputError

__all__ = ["stream", "truth"]

Array = NDArray[np.float64]


def truth(comparison: Comparison) -> float:
    """Return the assumed effect on the scale of the estimates."""
    if isinstance(comparison, (TwoProportions, PairedProportions)):
        return comparison.treatment - comparison.control
    if isinstance(comparison, (TwoMeans, PairedMeans, Crossover)):
        return comparison.difference
    if isinstance(comparison, TimeToEvent):
        return comparison.scale().assumed
    if isinstance(comparison, OrderedOutcome):
        return _superiority(comparison)
    if isinstance(comparison, WinRatio):
        return comparison.win_ratio / (1 + comparison.win_ratio) - 0.5
    raise InputError("--simulate", "this endpoint is not simulated", value=comparison.endpoint)


def stream(made: Plan, *, null: bool, trials: int, rng: np.random.Generator) -> Stream:
    """Simulate the looks of a plan.

    Parameters
    ----------
    made : Plan
    null : bool
        Whether the treatment is like the control.
    trials : int
    rng : Generator
    """
    comparison = made.comparison
    looks = [made.people_at(float(share)) for share in made.sequential.information]
    if isinstance(comparison, TwoProportions):
        return _proportions(comparison, looks, null, trials, rng)
    if isinstance(comparison, PairedProportions):
        return _pairs(comparison, looks, null, trials, rng)
    if isinstance(comparison, TwoMeans):
        return _means(comparison, looks, null, trials, rng)
    if isinstance(comparison, PairedMeans):
        return _differences(comparison, looks, null, trials, rng)
    if isinstance(comparison, Crossover):
        return crossover_stream(comparison, looks, null, trials, rng)
    if isinstance(comparison, TimeToEvent):
        return _times(comparison, made, null, trials, rng)
    if isinstance(comparison, OrderedOutcome):
        other = comparison.control if null else shifted(comparison.control, comparison.odds_ratio)
        return _categories(comparison.control, other, looks, trials, rng)
    if isinstance(comparison, WinRatio):
        return win_stream(comparison, looks, null, trials, rng)
    raise InputError("--simulate", "this endpoint is not simulated", value=getattr(comparison, "endpoint", None))


def _proportions(
    effect: TwoProportions, looks: list[tuple[int, int]], null: bool, trials: int, rng: np.random.Generator
) -> Stream:
    z, gap = np.zeros((trials, len(looks))), np.zeros((trials, len(looks)))
    x, y = np.zeros(trials), np.zeros(trials)
    rate = effect.control + effect.null if null else effect.treatment
    for k, ((control, treated), (n, m)) in enumerate(zip(steps(looks), looks, strict=True)):
        x, y = x + rng.binomial(control, effect.control, trials), y + rng.binomial(treated, rate, trials)
        gap[:, k] = y / m - x / n
        z[:, k] = (gap[:, k] - effect.null) / np.sqrt(_share_variance(effect, x / n, y / m, n, m))
    return Stream(z, gap, people(looks, trials))


def _share_variance(effect: TwoProportions, p: Array, q: Array, n: int, m: int) -> Array:
    """Return the variance of the difference that the test of the design uses."""
    if effect.null and effect.test == "pooled":
        p, q = constrained_shares(p, q, m / n, effect.null)
    elif effect.test != "unpooled":
        p = q = (n * p + m * q) / (n + m)
    # Of nobody or everybody on both arms an unpooled variance is 0: half a person keeps it finite.
    least = 0.5 / max(n, m) ** 2
    return np.asarray(np.maximum(p * (1 - p) / n + q * (1 - q) / m, least))


def _pairs(
    effect: PairedProportions, looks: list[tuple[int, int]], null: bool, trials: int, rng: np.random.Generator
) -> Stream:
    better, worse = effect.effect()["better"], effect.effect()["worse"]
    if null:
        better = worse = (better + worse) / 2
    z, gap = np.zeros((trials, len(looks))), np.zeros((trials, len(looks)))
    counts = np.zeros((trials, 3))
    for k, ((more, _), (n, _)) in enumerate(zip(steps(looks), looks, strict=True)):
        counts = counts + rng.multinomial(more, [better, worse, 1 - better - worse], size=trials)
        gap[:, k] = (counts[:, 0] - counts[:, 1]) / n
        z[:, k] = (counts[:, 0] - counts[:, 1]) / np.sqrt(np.maximum(counts[:, 0] + counts[:, 1], 1))
    return Stream(z, gap, people(looks, trials))


def _means(effect: TwoMeans, looks: list[tuple[int, int]], null: bool, trials: int, rng: np.random.Generator) -> Stream:
    z, gap = np.zeros((trials, len(looks))), np.zeros((trials, len(looks)))
    sums, squares = np.zeros((trials, 2)), np.zeros((trials, 2))
    centre = (0.0, effect.null if null else effect.difference)
    for k, (step, (n, m)) in enumerate(zip(steps(looks), looks, strict=True)):
        for arm in (0, 1):
            values = rng.normal(centre[arm], effect.spread, (trials, step[arm]))
            sums[:, arm] += values.sum(axis=1)
            squares[:, arm] += (values**2).sum(axis=1)
        size = np.array([n, m])
        within = squares - sums**2 / size
        spread = np.sqrt(within.sum(axis=1) / (n + m - 2) * (1 / n + 1 / m))
        gap[:, k] = sums[:, 1] / m - sums[:, 0] / n
        z[:, k] = as_normal((gap[:, k] - effect.null) / spread, n + m - 2)
    return Stream(z, gap, people(looks, trials))


def _differences(
    effect: PairedMeans, looks: list[tuple[int, int]], null: bool, trials: int, rng: np.random.Generator
) -> Stream:
    z, gap = np.zeros((trials, len(looks))), np.zeros((trials, len(looks)))
    total, squares = np.zeros(trials), np.zeros(trials)
    for k, ((more, _), (n, _)) in enumerate(zip(steps(looks), looks, strict=True)):
        values = rng.normal(0.0 if null else effect.difference, effect.sd, (trials, more))
        total, squares = total + values.sum(axis=1), squares + (values**2).sum(axis=1)
        gap[:, k] = total / n
        spread = np.sqrt((squares - total**2 / n) / (n - 1) / n)
        z[:, k] = as_normal(gap[:, k] / spread, n - 1)
    return Stream(z, gap, people(looks, trials))


def _times(effect: TimeToEvent, made: Plan, null: bool, trials: int, rng: np.random.Generator) -> Stream:
    n, m = made.control, made.treatment
    hazard = -math.log1p(-effect.control_events) / effect.at
    lost = -math.log1p(-effect.dropout) / effect.at
    arm = np.repeat([0.0, 1.0], [n, m])
    rate = hazard * np.where(arm > 0, effect.null if null else effect.hazard_ratio, 1.0)
    entry = effect.accrual * rng.random((trials, n + m))
    event = rng.exponential(1 / rate, (trials, n + m))
    leave = rng.exponential(1 / lost, (trials, n + m)) if lost > 0 else np.full((trials, n + m), np.inf)
    end = effect.accrual + effect.follow_up
    calendar = np.where(event < leave, entry + event, np.inf)
    ordered = np.sort(calendar, axis=1)
    planned = effect.events(n, m)
    shape = (trials, made.sequential.looks)
    z, estimate, entered = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for k, share in enumerate(map(float, made.sequential.information)):
        wanted = min(max(1, math.ceil(planned * share)), n + m)
        # A look is taken when its events have happened; the last one at the planned end, if that comes first.
        cut = np.minimum(ordered[:, wanted - 1], end)[:, None]
        watched = np.clip(np.minimum(cut - entry, leave), 0.0, None)
        seen = event <= watched
        z[:, k], estimate[:, k] = _log_rank(np.where(seen, event, watched), seen, arm, effect.null)
        entered[:, k] = (entry <= cut).sum(axis=1)
    return Stream(z, estimate, entered)


def _log_rank(time: Array, seen: NDArray[np.bool_], arm: Array, null: float) -> tuple[Array, Array]:
    """Return the score statistic of Cox's model at a hazard ratio, and the one-step logarithm of the ratio.

    At a ratio of 1 they are the log-rank z and Peto's estimate. Times are continuous, so there are no ties.
    """
    order = np.argsort(time, axis=1)
    treated, happened = arm[order], np.take_along_axis(seen, order, axis=1)
    left = np.cumsum(treated[:, ::-1], axis=1)[:, ::-1]
    share = null * left / (np.arange(time.shape[1], 0, -1) + (null - 1) * left)
    excess = (happened * (treated - share)).sum(axis=1)
    variance = np.maximum((happened * share * (1 - share)).sum(axis=1), 1e-12)
    return excess / np.sqrt(variance), math.log(null) + excess / variance


def _categories(
    control: tuple[float, ...],
    treated: tuple[float, ...],
    looks: list[tuple[int, int]],
    trials: int,
    rng: np.random.Generator,
) -> Stream:
    z, gap = np.zeros((trials, len(looks))), np.zeros((trials, len(looks)))
    x, y = np.zeros((trials, len(control))), np.zeros((trials, len(control)))
    for k, (step, (n, m)) in enumerate(zip(steps(looks), looks, strict=True)):
        x, y = x + rng.multinomial(step[0], control, trials), y + rng.multinomial(step[1], treated, trials)
        # Wilcoxon's statistic from counts, best category first: mid-ranks from the end.
        together = x + y
        above = np.cumsum(together[:, ::-1], axis=1)[:, ::-1] - together
        rank = above + (together + 1) / 2
        total = n + m
        excess = (y * rank).sum(axis=1) - m * (total + 1) / 2
        ties = (together**3 - together).sum(axis=1)
        variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
        z[:, k] = excess / np.sqrt(np.maximum(variance, 1e-12))
        gap[:, k] = excess / (n * m)
    return Stream(z, gap, people(looks, trials))


def _superiority(effect: OrderedOutcome) -> float:
    """Return the chance that a treated person does better, ties split, less one half."""
    a, b = np.array(effect.control), np.array(shifted(effect.control, effect.odds_ratio))
    worse = np.concatenate([np.cumsum(a[::-1])[::-1][1:], [0.0]])
    return float(np.sum(b * (worse + a / 2)) - 0.5)
