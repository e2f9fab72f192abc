"""Two-period, two-sequence crossovers: treatment by differences within people, the period set aside, carry-over shown.

Half of the people take the treatment first. First period minus second is the treatment effect plus the period effect in
one sequence, and the period effect less the treatment effect in the other: half of their difference is the treatment,
half of their sum the period (Grizzle 1965; Hills & Armitage 1979). The sums of both periods differ between the
sequences by what the treatment leaves behind; that test compares people, not periods, and so sees little.

References
----------
Grizzle JE. The two-period change-over design and its use in clinical trials. Biometrics 1965;21:467-480.
Hills M, Armitage P. The two-period cross-over clinical trial. Br J Clin Pharmacol 1979;8:7-20.
Freeman PR. The performance of the two-stage analysis of two-treatment, two-period crossover trials. Stat Med
1989;8:1421-1432. Senn S. Cross-over Trials in Clinical Research, 2nd ed., 2002, chapters 3 and 4.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from abate.design.adaptive.stream import as_normal
from abate.design.analysis.compare import Compared
from abate.ground.errors import AbateError, InputError
from abate.ground.results import Estimate

__all__ = ["CARRY_OVER", "crossed_scores", "crossed_shares", "mixed_scores"]

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

CARRY_OVER = (
    "shown, not used: this test compares people, not periods, so it misses most carry-over, and choosing the analysis "
    "by it errs more often than planned (Freeman 1989; Senn 2002). Only a long enough wash-out protects the result"
)

WITHIN = "t test of the differences within people, adjusted for period"


def crossed_scores(
    first: Array, second: Array, treatment_first: Flags, stratum: NDArray[np.str_], *, level: float = 0.95
) -> Compared:
    """Compare a score in the two periods of each person; whoever lacks a period is left out.

    Parameters
    ----------
    first, second : ndarray, shape (people,)
        The score in each period, NaN where it was not seen.
    treatment_first : ndarray of bool, shape (people,)
    stratum : ndarray of str, shape (people,)
        The differences are adjusted for it.
    level : float
        Coverage of the interval.

    Returns
    -------
    Compared
        Treatment minus control; ``more`` has ``period_effect`` (second minus first), ``carry_over`` and ``cells``.

    Raises
    ------
    InputError
        When fewer than two people of a sequence have both periods, or the differences do not vary.

    Examples
    --------
    >>> first, second = np.array([310.0, 310, 370, 370, 310, 380]), np.array([270.0, 260, 300, 385, 400, 410])
    >>> one = crossed_scores(first, second, np.arange(6) < 3, np.full(6, ""))
    >>> round(one.estimate.estimate, 2), round(one.more["period_effect"]["estimate"], 2)
    (49.17, -4.17)
    """
    both = ~np.isnan(first) & ~np.isnan(second)
    early, place = treatment_first[both], stratum[both]
    _check_sequences(early)
    apart, whole = (first - second)[both], (first + second)[both]
    size = np.array([early.sum(), (~early).sum()])
    df = len(apart) - 2 - (len(np.unique(place)) - 1)
    if df < 1:
        raise InputError("endpoint", "too few people have both periods", value=len(apart))
    effect, error = _between(apart, early, place, df)
    if not error > 1e-12 * max(1.0, float(np.abs(apart).max())):
        raise InputError("endpoint", "the differences within people do not vary", value=float(apart[0]))
    # Centred on the sequences, the same regression gives the period effect as its mean.
    shift = 0.5 * float(apart[early].mean() + apart[~early].mean())
    spread = np.sqrt(
        ((apart[early] - apart[early].mean()) ** 2).sum() + ((apart[~early] - apart[~early].mean()) ** 2).sum()
    ) / math.sqrt(len(apart) - 2)
    shift_error = 0.5 * float(spread) * math.sqrt(float((1 / size).sum()))
    left, left_error = _between(whole, early, place, df)
    estimate = _estimate(effect / 2, error / 2, df, level, len(apart), WITHIN)
    t = effect / error
    more = {
        "df": df,
        "people_with_both_periods": len(apart),
        "period_effect": _row(-shift, shift_error, len(apart) - 2, level, len(apart), "second period minus the first"),
        "carry_over": {
            **_row(left, left_error, df, level, len(apart), "difference of the sums of both periods"),
            "warning": CARRY_OVER,
        },
        "cells": _cells(first, second, treatment_first),
    }
    return Compared(
        "difference of means",
        estimate,
        float(as_normal(np.array(t), df)),
        float(2 * stats.t.sf(abs(t), df)),
        WITHIN,
        error=error / 2,
        more=more,
    )


def mixed_scores(
    first: Array, second: Array, treatment_first: Flags, stratum: NDArray[np.str_], *, level: float = 0.95
) -> Compared:
    """Compare a score by a mixed model over both periods, which also uses people of whom one was seen.

    Parameters
    ----------
    first, second, treatment_first, stratum, level
        As for `crossed_scores`.

    Raises
    ------
    InputError
        When the model cannot be fitted.
    """
    from abate.study.statistics.mmrm import fit_mmrm

    values = np.column_stack([first, second])
    person, period = np.nonzero(~np.isnan(values))
    on = np.where(period == 0, treatment_first[person], ~treatment_first[person]).astype(float)
    columns = [np.eye(2)[period], on[:, None]]
    columns += [(stratum[person] == name).astype(float)[:, None] for name in np.unique(stratum)[1:]]
    try:
        model = fit_mmrm(values[person, period], np.hstack(columns), person.tolist(), period)
    except AbateError as error:
        raise InputError("endpoint", f"the mixed model cannot be fitted: {error}") from error
    weights = np.zeros(2 + 1 + len(np.unique(stratum)) - 1)
    weights[2] = 1.0
    found = model.contrast(weights, level=level)
    weights[:3] = (-1.0, 1.0, 0.0)
    period_effect = model.contrast(weights, level=level)
    plain = crossed_scores(first, second, treatment_first, stratum, level=level).more
    more = {
        "df": found.df,
        "people_with_both_periods": plain["people_with_both_periods"],
        "period_effect": period_effect.estimate.as_dict() | {"p": period_effect.p},
        "carry_over": plain["carry_over"],
        "cells": plain["cells"],
    }
    z = float(as_normal(np.array(found.estimate.estimate / found.standard_error), found.df))
    method = f"{found.method}; period and treatment"
    return Compared("difference of means", found.estimate, z, found.p, method, error=found.standard_error, more=more)


def crossed_shares(first: Array, second: Array, treatment_first: Flags, *, level: float = 0.95) -> Compared:
    """Compare responders (1, 0) in the two periods of each person; whoever lacks a period is left out.

    The test is McNemar's, for which such a trial is sized; it takes the period effect to be cancelled by equal
    sequences. Mainland and Gart's test, which compares the sequences among those who respond once, needs no such thing
    and stands beside it. The difference is that within the sequences, averaged, so the period cancels there too.

    Parameters
    ----------
    first, second, treatment_first, level
        As for `crossed_scores`.

    References
    ----------
    Gart JJ. An exact test for comparing matched proportions in crossover designs. Biometrika 1969;56:75-80.

    Examples
    --------
    >>> first, second = np.array([1.0, 1, 1, 0, 0, 1, 0, 0]), np.array([0.0, 0, 1, 0, 1, 1, 1, 1])
    >>> one = crossed_shares(first, second, np.arange(8) < 4)
    >>> one.more["better"], one.more["worse"], round(one.p, 4)
    (5, 0, 0.0253)
    """
    both = ~np.isnan(first) & ~np.isnan(second)
    early = treatment_first[both]
    _check_sequences(early)
    gain = np.where(early, first[both] - second[both], second[both] - first[both])
    better, worse = int((gain > 0).sum()), int((gain < 0).sum())
    z = (better - worse) / math.sqrt(better + worse) if better + worse else 0.0
    parts = [gain[early], gain[~early]]
    value = float(np.mean([part.mean() for part in parts]))
    error = 0.5 * math.sqrt(sum(float(part.var(ddof=1)) / len(part) for part in parts))
    half = float(stats.norm.isf((1 - level) / 2)) * error
    method = "difference within people, averaged over the sequences, Wald interval"
    estimate = Estimate(value, value - half, value + half, level, len(gain), method)
    # Of those who respond in one period: whether it was the first, by sequence.
    apart = first[both] - second[both]
    table = [[int((apart[rows] == sign).sum()) for sign in (1, -1)] for rows in (early, ~early)]
    more = {
        "better": better,
        "worse": worse,
        "people_with_both_periods": len(gain),
        "mainland_gart": {"p": float(stats.fisher_exact(table).pvalue), "method": "Mainland and Gart's exact test"},
        "cells": _cells(first, second, treatment_first),
    }
    return Compared(
        "difference of shares", estimate, z, float(2 * stats.norm.sf(abs(z))), "McNemar's test", error=error, more=more
    )


def _check_sequences(early: Flags) -> None:
    least = min(int(early.sum()), int((~early).sum()))
    if least < 2:
        raise InputError("endpoint", "fewer than two people of a sequence have both periods", value=least)


def _between(values: Array, early: Flags, stratum: NDArray[np.str_], df: int) -> tuple[float, float]:
    """Return the difference between the sequences, adjusted for strata, and its standard error."""
    columns = [np.ones(len(values)), early.astype(float)]
    columns += [(stratum == name).astype(float) for name in np.unique(stratum)[1:]]
    design = np.column_stack(columns)
    inverse = np.linalg.pinv(design.T @ design)
    fitted = inverse @ design.T @ values
    rest = float(np.sum((values - design @ fitted) ** 2)) / df
    return float(fitted[1]), math.sqrt(max(rest * float(inverse[1, 1]), 0.0))


def _estimate(value: float, error: float, df: float, level: float, n: int, method: str) -> Estimate:
    half = float(stats.t.isf((1 - level) / 2, df)) * error
    return Estimate(value, value - half, value + half, level, n, method)


def _row(value: float, error: float, df: float, level: float, n: int, method: str) -> dict[str, Any]:
    p = float(2 * stats.t.sf(abs(value) / error, df)) if error > 0 else 1.0
    return _estimate(value, error, df, level, n, method).as_dict() | {"p": p}


def _cells(first: Array, second: Array, treatment_first: Flags) -> list[dict[str, Any]]:
    """Return mean, standard deviation and number by sequence and period."""
    rows = []
    for name, who in (("treatment first", treatment_first), ("control first", ~treatment_first)):
        for period, values in ((1, first[who]), (2, second[who])):
            seen = values[~np.isnan(values)]
            on = "treatment" if (period == 1) == (name == "treatment first") else "control"
            sd = float(seen.std(ddof=1)) if len(seen) > 1 else None
            mean = float(seen.mean()) if len(seen) else None
            rows.append({"sequence": name, "period": period, "on": on, "n": len(seen), "mean": mean, "sd": sd})
    return rows
