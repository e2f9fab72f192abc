"""The comparisons that a trial is sized for, on its data: shares, scores, times, ordered and ranked outcomes.

Each returns a `Compared`. Estimates are treatment against control; strata are those of the randomisation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from abate.design.adaptive.stream import as_normal
from abate.design.analysis.stratified import cochran_mantel_haenszel, tables_of
from abate.design.analysis.wins import Outcome, win_ratio
from abate.ground.errors import AbateError, InputError
from abate.ground.results import Estimate
from abate.study.statistics.cox import log_hazard_ratio
from abate.study.statistics.proportional_odds import proportional_odds

__all__ = ["Compared", "ordered", "pooled", "scores", "shares", "times", "wins"]

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Compared:
    """A comparison of two arms.

    Attributes
    ----------
    name : str
        Of the estimate.
    estimate : Estimate
        Treatment against control, on the scale that is read.
    z : float
        The statistic against no effect (or against the margin), positive for more on treatment.
    p : float
        Two-sided; one-sided where a margin is to be refuted.
    method : str
        Of the test.
    log : bool
        Whether the estimate is a ratio.
    error : float
        Standard error, of the logarithm for a ratio.
    more : dict
        What else was found.
    """

    name: str
    estimate: Estimate
    z: float
    p: float
    method: str
    log: bool = False
    error: float = math.nan
    more: dict[str, Any] = field(default_factory=dict)

    def against(self, null: float, *, above: bool) -> Compared:
        """Return the comparison with a margin: `null` on the scale of `error`, to be refuted from `above` or below."""
        value = math.log(self.estimate.estimate) if self.log else self.estimate.estimate
        z = (value - null) / self.error
        p = float(stats.norm.sf(z if above else -z))
        margin = math.exp(null) if self.log else null
        return Compared(
            self.name,
            self.estimate,
            z,
            p,
            f"{self.method}; one-sided against a margin of {margin:g}",
            self.log,
            self.error,
            self.more,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what results.json holds."""
        return {
            "name": self.name,
            "estimate": self.estimate.as_dict(),
            "z": self.z,
            "p": self.p,
            "method": self.method,
            **self.more,
        }


def shares(hit: Array, treated: Flags, stratum: NDArray[np.str_], *, level: float = 0.95) -> Compared:
    """Compare responders (1, 0) over strata by the Cochran-Mantel-Haenszel test."""
    tables = tables_of(hit > 0.5, treated, stratum)
    found = cochran_mantel_haenszel(tables, level=level)
    gap = found.difference
    sign = math.copysign(1.0, gap.estimate)
    more = {
        "odds_ratio": found.odds_ratio.as_dict(),
        "responders": {
            "treatment": [int(hit[treated].sum()), int(treated.sum())],
            "control": [int(hit[~treated].sum()), int((~treated).sum())],
        },
    }
    half = stats.norm.isf((1 - level) / 2)
    return Compared(
        "difference of shares",
        gap,
        sign * math.sqrt(found.statistic),
        found.p,
        "Cochran-Mantel-Haenszel test",
        error=(gap.high - gap.low) / 2 / float(half),
        more=more,
    )


def scores(
    values: Array, weeks: tuple[int, ...], treated: Flags, stratum: NDArray[np.str_], *, level: float = 0.95
) -> Compared:
    """Compare a score at the last week by a mixed model for repeated measures of the changes since the first.

    Parameters
    ----------
    values : ndarray, shape (people, weeks)
        The baseline first; NaN where nobody was seen.
    weeks : tuple of int
    treated : ndarray of bool, shape (people,)
    stratum : ndarray, shape (people,)
    """
    from abate.study.statistics.mmrm import fit_mmrm

    there = ~np.isnan(values[:, 0])
    change = values[there, 1:] - values[there, :1]
    arm, place = treated[there].astype(float), stratum[there]
    person, visit = np.nonzero(~np.isnan(change))
    count = change.shape[1]
    if count < 1 or not len(person):
        raise InputError("endpoint", "nobody was seen after the baseline", value=list(weeks))
    at = np.eye(count)[visit]
    base = (values[there, 0] - values[there, 0].mean())[person]
    columns = [at, at * arm[person][:, None], at * base[:, None]]
    columns += [(place[person] == name).astype(float)[:, None] for name in np.unique(place)[1:]]
    design = np.hstack(columns)
    try:
        model = fit_mmrm(change[person, visit], design, person.tolist(), visit)
    except AbateError as error:
        raise InputError("endpoint", f"the mixed model cannot be fitted: {error}") from error
    visits = {}
    for k in range(count):
        weights = np.zeros(design.shape[1])
        weights[count + k] = 1.0
        visits[f"week {weeks[k + 1]}"] = model.contrast(weights, level=level)
    last = visits[f"week {weeks[-1]}"]
    return Compared(
        "difference of mean changes",
        last.estimate,
        float(as_normal(np.array(last.estimate.estimate / last.standard_error), last.df)),
        last.p,
        last.method,
        error=last.standard_error,
        more={"df": last.df, "visits": {name: one.estimate.as_dict() | {"p": one.p} for name, one in visits.items()}},
    )


def times(
    duration: Array, seen: Flags, treated: Flags, stratum: NDArray[np.str_], *, until: float, level: float = 0.95
) -> Compared:
    """Compare times to an event: stratified Cox model and log-rank test, and restricted mean times.

    Parameters
    ----------
    duration : ndarray, shape (people,)
    seen : ndarray of bool, shape (people,)
    treated, stratum : ndarray, shape (people,)
    until : float
        End of the restricted mean.
    """
    from abate.study.statistics.survival import difference_of_rmst

    z, p = _stratified_log_rank(duration, seen, treated, stratum)
    ratio, error = _cox(duration, seen, treated, stratum, level)
    a, b = treated, ~treated
    horizon = min(until, float(duration[a].max()), float(duration[b].max()))
    mean = difference_of_rmst(duration[a], seen[a], duration[b], seen[b], horizon, level=level)
    more = {
        "restricted_mean_difference": {**mean.as_dict(), "until": horizon},
        "events": {"treatment": int(seen[a].sum()), "control": int(seen[b].sum())},
    }
    return Compared("hazard ratio", ratio, z, p, "log-rank test over strata; Cox model, Efron ties", True, error, more)


def ordered(category: Array, treated: Flags, stratum: NDArray[np.str_], *, level: float = 0.95) -> Compared:
    """Compare an ordered outcome, the lowest category best, by the proportional-odds model."""
    there = ~np.isnan(category)
    arm, place = treated[there].astype(float), stratum[there]
    columns = [arm, *((place == name).astype(float) for name in np.unique(place)[1:])]
    _, codes = np.unique(category[there], return_inverse=True)
    if codes.max() < 1:
        raise InputError("endpoint", "everybody is in one category", value=float(category[there][0]))
    slopes, errors = proportional_odds(codes, np.column_stack(columns))
    # A positive slope means a higher category, which is worse.
    value, error = -float(slopes[0]), float(errors[0])
    half = float(stats.norm.isf((1 - level) / 2)) * error
    method = "proportional-odds model, Wald interval"
    estimate = Estimate(
        math.exp(value), math.exp(value - half), math.exp(value + half), level, int(there.sum()), method
    )
    z = value / error
    return Compared("common odds ratio", estimate, z, float(2 * stats.norm.sf(abs(z))), method, True, error)


def wins(outcomes: Sequence[Outcome], *, level: float = 0.95) -> Compared:
    """Compare a ranked composite by the win ratio."""
    found = win_ratio(outcomes, level=level)
    sign = math.copysign(1.0, found.wins - found.losses)
    z = sign * float(stats.norm.isf(found.p / 2)) if found.p > 0 else sign * 38.0
    half = float(stats.norm.isf((1 - level) / 2))
    error = math.log(found.ratio.high / found.ratio.low) / 2 / half if found.ratio.low > 0 else math.nan
    more = {"wins": found.wins, "losses": found.losses, "ties": found.ties}
    return Compared("win ratio", found.ratio, z, found.p, "Finkelstein-Schoenfeld test", True, error, more)


def pooled(found: Sequence[Compared], words: str, *, level: float = 0.95) -> Compared:
    """Pool comparisons of several imputations by Rubin's rules.

    References
    ----------
    Rubin DB. Multiple Imputation for Nonresponse in Surveys, 1987.
    """
    first, m = found[0], len(found)
    values = np.array([math.log(one.estimate.estimate) if one.log else one.estimate.estimate for one in found])
    within, between = float(np.mean([one.error**2 for one in found])), float(values.var(ddof=1)) if m > 1 else 0.0
    total = within + (1 + 1 / m) * between
    share = (1 + 1 / m) * between / total if total > 0 else 0.0
    freedom = (m - 1) / max(share, 1e-9) ** 2
    centre, error = float(values.mean()), math.sqrt(total)
    half = float(stats.t.isf((1 - level) / 2, freedom)) * error
    limits = (centre, centre - half, centre + half)
    low, middle, high = sorted(math.exp(v) if first.log else v for v in limits)
    t = centre / error if error > 0 else 0.0
    z = float(as_normal(np.array(t), freedom))
    estimate = Estimate(
        middle, low, high, level, first.estimate.n, f"{first.estimate.method}; {m} imputations, Rubin's rules"
    )
    p = float(2 * stats.norm.sf(abs(z)))
    return Compared(first.name, estimate, z, p, f"{first.method}; {words}", first.log, error, {"imputations": m})


def _stratified_log_rank(
    duration: Array, seen: Flags, treated: Flags, stratum: NDArray[np.str_]
) -> tuple[float, float]:
    """Return z (positive for more events on treatment) and two-sided p."""
    excess = variance = 0.0
    for name in np.unique(stratum):
        here = stratum == name
        time, hit, arm = duration[here], seen[here], treated[here]
        for moment in np.unique(time[hit]):
            risk = time >= moment
            n, n1 = int(risk.sum()), int((risk & arm).sum())
            d = int(((time == moment) & hit).sum())
            d1 = int(((time == moment) & hit & arm).sum())
            share = n1 / n
            excess += d1 - d * share
            if n > 1:
                variance += d * share * (1 - share) * (n - d) / (n - 1)
    z = excess / math.sqrt(variance) if variance > 0 else 0.0
    return z, float(2 * stats.norm.sf(abs(z)))


def _cox(
    duration: Array, seen: Flags, treated: Flags, stratum: NDArray[np.str_], level: float
) -> tuple[Estimate, float]:
    method = "stratified Cox hazard ratio, Efron ties, Wald interval"
    value, error = log_hazard_ratio(duration, seen, treated, stratum)
    if math.isnan(value):
        both = seen[treated].any() and seen[~treated].any()
        why = "the arms do not overlap" if both else "an arm has no event"
        return Estimate(value, value, value, level, len(duration), f"{method} (none: {why})"), error
    half = float(stats.norm.isf((1 - level) / 2)) * error
    shown = Estimate(math.exp(value), math.exp(value - half), math.exp(value + half), level, len(duration), method)
    return shown, error
