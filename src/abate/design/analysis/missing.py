"""What missing values could hide: reference-based multiple imputation, and the tipping point.

Values after stopping the drug are missing, and the question is what they would have been. Missing at random says: like
those of people who stayed on it. Jump to reference says: like those on control, from then on. Copy reference says: as
if they had been on control all along. The tipping point asks how much worse than imputed the missing values on
treatment must be for the result to turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from abate.design.adaptive.operating import generator
from abate.ground.errors import InputError
from abate.ground.results import Estimate

__all__ = ["Imputed", "completed", "reference_based", "tipping_point", "tipping_responders"]

Array = NDArray[np.float64]
METHODS = ("missing-at-random", "jump-to-reference", "copy-reference")


@dataclass(frozen=True)
class Imputed:
    """A difference at the last visit after multiple imputation."""

    difference: Estimate
    p: float
    method: str
    missing: int


def reference_based(
    treated: ArrayLike,
    control: ArrayLike,
    *,
    method: str = "jump-to-reference",
    imputations: int = 100,
    shift: float = 0.0,
    seed: int = 1,
    level: float = 0.95,
) -> Imputed:
    """Compare two arms at the last visit, the missing values imputed by reference.

    Parameters
    ----------
    treated, control : array_like, shape (people, visits)
        The baseline first; NaN from the visit at which somebody left (monotone), never at baseline.
    method : {'missing-at-random', 'jump-to-reference', 'copy-reference'}
        For the treated; the control is imputed at random.
    imputations : int
    shift : float
        Added to every imputed last value of the treated (delta adjustment).
    seed : int
    level : float
        Coverage of the interval.

    Returns
    -------
    Imputed
        Difference of the last visit adjusted for baseline, treated minus control, pooled by Rubin's rules with the
        degrees of freedom of Barnard & Rubin (1999).

    References
    ----------
    Carpenter JR, Roger JH, Kenward MG. J Biopharm Stat 2013;23:1352-1371. Rubin DB. Multiple Imputation, 1987.
    Barnard J, Rubin DB. Biometrika 1999;86:948-955.
    """
    a, b = _checked("treated", treated), _checked("control", control)
    if a.shape[1] != b.shape[1]:
        raise InputError("visits", "the arms have different visits", value=(a.shape[1], b.shape[1]))
    if method not in METHODS:
        raise InputError("method", "there is no such imputation", value=method, allowed=METHODS)
    if imputations < 2:
        raise InputError("imputations", "two or more are needed", value=imputations)
    rng = generator(seed, f"imputation-{method}")
    gone_a = np.isnan(a[:, -1])
    estimates, variances = np.empty(imputations), np.empty(imputations)
    for k in range(imputations):
        full_a, full_b = completed(a, b, method, rng)
        full_a[gone_a, -1] += shift
        estimates[k], variances[k] = _adjusted(full_a, full_b)
    missing = int(gone_a.sum() + np.isnan(b[:, -1]).sum())
    words = f"{method.replace('-', ' ')}, {imputations} imputations" + (f", shift {shift:g}" if shift else "")
    found, p = _pooled(estimates, variances, len(a) + len(b), level, words)
    return Imputed(found, p, method, missing)


def completed(treated: Array, control: Array, method: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return both arms with their missing values imputed once, from parameters drawn for this once.

    Parameters
    ----------
    treated, control : ndarray, shape (people, visits)
        As for `reference_based`.
    method : str
    rng : Generator
    """
    own, reference = _drawn(treated, rng), _drawn(control, rng)
    return (
        _impute(treated, own, reference, method, rng),
        _impute(control, reference, reference, "missing-at-random", rng),
    )


def tipping_point(
    treated: ArrayLike,
    control: ArrayLike,
    *,
    worse: float,
    alpha: float = 0.05,
    imputations: int = 100,
    seed: int = 1,
) -> float:
    """Return how much worse the missing values on treatment must be for the difference to lose its significance.

    Parameters
    ----------
    treated, control : array_like, shape (people, visits)
        As for `reference_based`, imputed at random.
    worse : float
        The direction that is worse, and the largest shift tried: 30 where more is worse, -30 where less is.
    alpha : float
        Two-sided.

    Returns
    -------
    float
        The shift; 0 when the result is not significant as it is, NaN when even `worse` does not turn it.
    """

    def significant(shift: float) -> bool:
        found = reference_based(
            treated, control, method="missing-at-random", imputations=imputations, shift=shift, seed=seed
        )
        return found.p < alpha

    if worse == 0:
        raise InputError(
            "worse", "no direction is given", value=worse, allowed="above 0 where more is worse, else below"
        )
    if not significant(0.0):
        return 0.0
    if significant(worse):
        return math.nan
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if significant(middle * worse) else (low, middle)
    return high * worse


def tipping_responders(
    treated: tuple[int, int, int], control: tuple[int, int, int], *, alpha: float = 0.05
) -> tuple[tuple[int, int], ...]:
    """Return which numbers of responders among the missing leave the result significant.

    Parameters
    ----------
    treated, control : (responders, seen, randomised)
    alpha : float
        Two-sided, Fisher's exact test.

    Returns
    -------
    tuple of (int, int)
        For each number of responders among the missing controls, from none to all, the fewest responders among the
        missing treated with which treatment stays significantly better; ``missing + 1`` where none is enough.

    Examples
    --------
    >>> tipping_responders((20, 28, 30), (6, 27, 30))
    ((0, 0), (1, 0), (2, 0), (3, 0))
    """
    for name, (hits, seen, total) in (("treated", treated), ("control", control)):
        if not 0 <= hits <= seen <= total:
            raise InputError(name, "not responders of seen of randomised", value=(hits, seen, total))
    rows = []
    away = treated[2] - treated[1]
    for others in range(control[2] - control[1] + 1):
        y = control[0] + others
        enough = away + 1
        for mine in range(away + 1):
            x = treated[0] + mine
            p = stats.fisher_exact([[x, treated[2] - x], [y, control[2] - y]]).pvalue
            if p < alpha and x / treated[2] > y / control[2]:
                enough = mine
                break
        rows.append((others, enough))
    return tuple(rows)


def _checked(name: str, values: ArrayLike) -> Array:
    found = np.array(values, dtype=float)
    if found.ndim != 2 or found.shape[1] < 2 or len(found) < found.shape[1] + 2:
        raise InputError(name, "too few people or visits", value=list(found.shape), allowed="(people, visits)")
    gone = np.isnan(found)
    if gone[:, 0].any():
        raise InputError(name, "a baseline is missing", value=int(np.argmax(gone[:, 0])) + 1)
    if (gone[:, :-1] & ~gone[:, 1:]).any():
        raise InputError(
            name,
            "somebody comes back after a missing visit; the missing values must be monotone",
            value=int(np.argmax((gone[:, :-1] & ~gone[:, 1:]).any(axis=1))) + 1,
            hint="impute the gaps in between first",
        )
    return found


def _drawn(values: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw mean and covariance from their posterior, visit by visit (monotone data factorise)."""
    visits = values.shape[1]
    mean, covariance = np.zeros(visits), np.zeros((visits, visits))
    here = values[:, 0]
    n = len(here)
    covariance[0, 0] = here.var(ddof=1) * (n - 1) / rng.chisquare(n - 1)
    mean[0] = here.mean() + rng.normal() * math.sqrt(covariance[0, 0] / n)
    for k in range(1, visits):
        seen = ~np.isnan(values[:, k])
        design = np.column_stack([np.ones(seen.sum()), values[seen, :k]])
        target = values[seen, k]
        freedom = len(target) - design.shape[1]
        if freedom < 1:
            raise InputError("visits", f"too few people are left at visit {k + 1} to impute the others from")
        inverse = np.linalg.pinv(design.T @ design)
        fitted = inverse @ design.T @ target
        rest = float(np.sum((target - design @ fitted) ** 2)) / rng.chisquare(freedom)
        root = np.linalg.cholesky(inverse + 1e-12 * np.trace(inverse) * np.eye(len(inverse)))
        slope = fitted + math.sqrt(rest) * root @ rng.normal(size=len(fitted))
        mean[k] = slope[0] + slope[1:] @ mean[:k]
        cross = covariance[:k, :k] @ slope[1:]
        covariance[:k, k] = covariance[k, :k] = cross
        covariance[k, k] = rest + slope[1:] @ cross
    return mean, covariance


def _impute(
    values: Array,
    own: tuple[Array, Array],
    reference: tuple[Array, Array],
    method: str,
    rng: np.random.Generator,
) -> Array:
    out = values.copy()
    gone = np.isnan(values)
    first = np.where(gone.any(axis=1), gone.argmax(axis=1), 0)
    # People who left at the same visit share their conditional distribution.
    for left in map(int, np.unique(first[first > 0])):
        rows = np.flatnonzero(first == left)
        before = own[0][:left] if method != "copy-reference" else reference[0][:left]
        after = own[0][left:] if method == "missing-at-random" else reference[0][left:]
        covariance = own[1] if method == "missing-at-random" else reference[1]
        slope = np.linalg.solve(covariance[:left, :left], covariance[:left, left:]).T
        spread = covariance[left:, left:] - slope @ covariance[:left, left:]
        centre = after + (values[rows, :left] - before) @ slope.T
        root = np.linalg.cholesky(spread + 1e-12 * np.trace(spread) * np.eye(len(spread)))
        out[rows, left:] = centre + rng.normal(size=centre.shape) @ root.T
    return out


def _adjusted(a: Array, b: Array) -> tuple[float, float]:
    """Return the difference at the last visit adjusted for baseline, and its variance."""
    arm = np.concatenate([np.ones(len(a)), np.zeros(len(b))])
    first = np.concatenate([a[:, 0], b[:, 0]])
    last = np.concatenate([a[:, -1], b[:, -1]])
    design = np.column_stack([np.ones(len(arm)), arm, first - first.mean()])
    inverse = np.linalg.inv(design.T @ design)
    fitted = inverse @ design.T @ last
    rest = float(np.sum((last - design @ fitted) ** 2)) / (len(arm) - 3)
    return float(fitted[1]), rest * float(inverse[1, 1])


def _pooled(estimates: Array, variances: Array, people: int, level: float, words: str) -> tuple[Estimate, float]:
    m = len(estimates)
    within, between = float(variances.mean()), float(estimates.var(ddof=1))
    total = within + (1 + 1 / m) * between
    whole = people - 3
    share = (1 + 1 / m) * between / total
    old = (m - 1) / max(share, 1e-12) ** 2
    seen = (whole + 1) / (whole + 3) * whole * (1 - share)
    freedom = 1 / (1 / old + 1 / seen)
    centre, error = float(estimates.mean()), math.sqrt(total)
    half = float(stats.t.isf((1 - level) / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(centre) / error, freedom))
    return Estimate(centre, centre - half, centre + half, level, people, f"baseline-adjusted difference, {words}"), p
