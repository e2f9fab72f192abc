"""The win ratio: every treated person compared with every control, on the first outcome that tells them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from abate.ground.errors import InputError
from abate.ground.results import Estimate

__all__ = ["Outcome", "Wins", "win_ratio"]


@dataclass(frozen=True)
class Outcome:
    """One outcome of the ranking; more is better.

    Attributes
    ----------
    treated, control : array_like
        Values; for a time to an event, the follow-up.
    treated_seen, control_seen : array_like of bool, optional
        For a time: whether the event happened. Pairs in which the censoring hides the order are tied.
    margin : float
        Smaller differences are ties.
    """

    treated: ArrayLike
    control: ArrayLike
    treated_seen: ArrayLike | None = None
    control_seen: ArrayLike | None = None
    margin: float = 0.0

    def compared(self) -> NDArray[np.int8]:
        """Return 1 where the treated person wins, -1 where the control does, 0 for a tie; shape (treated, control)."""
        a, b = np.asarray(self.treated, float)[:, None], np.asarray(self.control, float)[None, :]
        if self.treated_seen is None or self.control_seen is None:
            return np.asarray((a > b + self.margin).astype(np.int8) - (b > a + self.margin).astype(np.int8))
        seen_a, seen_b = np.asarray(self.treated_seen, bool)[:, None], np.asarray(self.control_seen, bool)[None, :]
        # A win needs the other's event to be seen while oneself is still under observation.
        win = seen_b & (b + self.margin < a)
        loss = seen_a & (a + self.margin < b)
        return np.asarray(win.astype(np.int8) - loss.astype(np.int8))

    def among_all(self) -> Outcome:
        """Return the same outcome with everybody on both sides, the treated first."""
        values = np.concatenate([np.asarray(self.treated, float), np.asarray(self.control, float)])
        if self.treated_seen is None or self.control_seen is None:
            return Outcome(values, values, margin=self.margin)
        seen = np.concatenate([np.asarray(self.treated_seen, bool), np.asarray(self.control_seen, bool)])
        return Outcome(values, values, seen, seen, self.margin)


@dataclass(frozen=True)
class Wins:
    """Shares of pairs, the win ratio with its interval, and the test."""

    wins: float
    losses: float
    ties: float
    ratio: Estimate
    p: float


def _compared(outcomes: Sequence[Outcome]) -> NDArray[np.int8]:
    """Return who wins each pair, on the first outcome that tells the two apart."""
    result = outcomes[0].compared()
    for outcome in outcomes[1:]:
        result = np.where(result == 0, outcome.compared(), result)
    return result


def win_ratio(outcomes: Sequence[Outcome], *, level: float = 0.95) -> Wins:
    """Compare two groups on ranked outcomes.

    Parameters
    ----------
    outcomes : sequence of Outcome
        The most important first.
    level : float
        Coverage of the interval.

    Returns
    -------
    Wins
        The p is Finkelstein and Schoenfeld's: the win difference against its variance over all allocations of these
        people. The interval has the U-statistic variance.

    References
    ----------
    Finkelstein DM, Schoenfeld DA. Stat Med 1999;18:1341-1354 (test).
    Pocock SJ, et al. Eur Heart J 2012;33:176-182. Bebu I, Lachin JM. Biostatistics 2016;17:178-187 (variance).

    Examples
    --------
    >>> found = win_ratio([Outcome([3, 4, 5, 9], [1, 2, 3, 4])])
    >>> round(found.wins, 3), round(found.ties, 3)
    (0.812, 0.125)
    """
    if not outcomes:
        raise InputError("outcomes", "nothing to compare on")
    result = _compared(outcomes)
    m, n = result.shape
    if min(m, n) < 2:
        raise InputError("outcomes", "two people or more in each group", value=(m, n))
    win, loss = (result == 1).astype(float), (result == -1).astype(float)
    wins, losses = float(win.mean()), float(loss.mean())
    # Hoeffding projections: what each person contributes to the shares of wins and of losses.
    by_treated = np.stack([win.mean(axis=1), loss.mean(axis=1)])
    by_control = np.stack([win.mean(axis=0), loss.mean(axis=0)])
    covariance = np.cov(by_treated) / m + np.cov(by_control) / n
    method = "win ratio, delta-method interval on its logarithm"
    score = _compared([outcome.among_all() for outcome in outcomes]).sum(axis=1, dtype=float)
    spread = m * n / ((m + n) * (m + n - 1)) * float(score @ score)
    p = float(2 * stats.norm.sf(abs(score[:m].sum()) / math.sqrt(spread))) if spread > 0 else 1.0
    if wins == 0 or losses == 0:
        ratio = Estimate(math.nan, math.nan, math.nan, level, m + n, f"{method} (none: one side wins no pair)")
        return Wins(wins, losses, 1 - wins - losses, ratio, p)
    variance = covariance[0, 0] / wins**2 + covariance[1, 1] / losses**2 - 2 * covariance[0, 1] / (wins * losses)
    half = float(stats.norm.isf((1 - level) / 2)) * math.sqrt(float(variance))
    value = wins / losses
    estimate = Estimate(value, value * math.exp(-half), value * math.exp(half), level, m + n, method)
    return Wins(wins, losses, 1 - wins - losses, estimate, p)
