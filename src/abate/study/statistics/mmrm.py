"""Mixed model for repeated measures: any covariance between visits, REML, tests that hold for few people."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, optimize, stats

from abate.ground.errors import InputError, SolveError
from abate.ground.results import Estimate

__all__ = ["Contrast", "MixedModel", "fit_mmrm"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A linear combination of the fixed effects: its interval, t test and degrees of freedom."""

    estimate: Estimate
    standard_error: float
    df: float
    p: float
    method: str


@dataclass(frozen=True)
class MixedModel:
    """A fitted mixed model for repeated measures.

    Parameters
    ----------
    coefficients : ndarray, shape (p,)
        Fixed effects, in the order of the design's columns.
    covariance : ndarray, shape (p, p)
        Of the coefficients, model-based.
    adjusted_covariance : ndarray, shape (p, p)
        With Kenward and Roger's correction for having estimated the covariance between visits.
    visit_covariance : ndarray, shape (t, t)
        Between the visits of one person.
    minus_two_log_likelihood : float
        Restricted (or full) likelihood, with the constant that SAS PROC MIXED counts.
    n, observations : int
        People and values.
    """

    coefficients: Array
    covariance: Array
    adjusted_covariance: Array
    visit_covariance: Array
    minus_two_log_likelihood: float
    n: int
    observations: int
    restricted: bool
    _gradient: Array  # d covariance / d each entry of the visit covariance, shape (k, p, p)
    _parameter_covariance: Array  # of those entries, shape (k, k)

    def contrast(self, weights: ArrayLike, *, level: float = 0.95) -> Contrast:
        """Estimate ``weights @ coefficients``.

        The standard error carries Kenward and Roger's correction; for one combination their degrees of freedom
        are Satterthwaite's, 2 v**2 / var(v).

        Parameters
        ----------
        weights : array-like, shape (p,)
        level : float
            Coverage of the t interval.

        Returns
        -------
        Contrast
        """
        row = np.asarray(weights, dtype=np.float64)
        value = float(row @ self.coefficients)
        plain = float(row @ self.covariance @ row)
        error = math.sqrt(float(row @ self.adjusted_covariance @ row))
        slope = np.einsum("i,kij,j->k", row, self._gradient, row)
        df = 2 * plain**2 / float(slope @ self._parameter_covariance @ slope)
        half = float(stats.t.isf((1 - level) / 2, df)) * error
        how = "MMRM, unstructured covariance, REML, Kenward-Roger"
        return Contrast(
            Estimate(value, value - half, value + half, level, self.n, how),
            error,
            df,
            float(2 * stats.t.sf(abs(value) / error, df)),
            f"{how} t test",
        )


def fit_mmrm(
    values: ArrayLike,
    design: ArrayLike,
    subjects: Sequence[Hashable],
    visits: ArrayLike,
    *,
    restricted: bool = True,
) -> MixedModel:
    """Fit a mixed model for repeated measures with unstructured covariance between visits.

    Parameters
    ----------
    values : array-like, shape (m,)
        One value a person and visit; a missing visit has no row (missing at random is assumed).
    design : array-like, shape (m, p)
        Fixed effects of full rank.
    subjects : sequence, length m
        Whose value it is.
    visits : array-like of int, shape (m,)
        0, 1, ...; each person at most once a visit.
    restricted : bool
        REML; else full maximum likelihood.

    Returns
    -------
    MixedModel

    Raises
    ------
    InputError
        When lengths differ, a person is twice at a visit, the design is not of full rank, or there are too few
        people for the covariance between so many visits, or two visits that hardly anybody shares.
    SolveError
        When the likelihood has no maximum at a positive definite covariance, as happens with very few people.

    References
    ----------
    Mallinckrodt CH, Lane PW, Schnell D, Peng Y, Mancuso JP. Drug Inf J 2008;42:303-319.
    Kenward MG, Roger JH. Biometrics 1997;53:983-997 (standard errors and degrees of freedom).

    Examples
    --------
    >>> people = [0, 0, 1, 1, 2, 2, 3, 3]
    >>> model = fit_mmrm([-3, -5, -1, -4, -6, -6, -2, -5], np.tile(np.eye(2), (4, 1)), people, [0, 1] * 4)
    >>> model.coefficients.round(6).tolist(), model.visit_covariance.round(4).tolist()
    ([-3.0, -5.0], [[4.6667, 1.6667], [1.6667, 0.6667]])
    """
    data = _Data.of(values, design, subjects, visits)
    start = np.linalg.cholesky(np.eye(data.visits) * _pooled_variance(data))
    rows, columns = np.tril_indices(data.visits)
    flat = start[rows, columns]
    diagonal = rows == columns
    flat[diagonal] = np.log(flat[diagonal])

    def objective(parameters: Array) -> tuple[float, Array]:
        root = np.zeros((data.visits, data.visits))
        root[rows, columns] = np.where(diagonal, np.exp(np.clip(parameters, -300, 300)), parameters)
        value, slope = _minus_two(data, root @ root.T, restricted)
        gradient = (2 * slope @ root)[rows, columns]
        gradient[diagonal] *= root[rows, columns][diagonal]
        return value, gradient

    with np.errstate(all="ignore"):
        found = optimize.minimize(objective, flat, jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    root = np.zeros((data.visits, data.visits))
    root[rows, columns] = np.where(diagonal, np.exp(found.x), found.x)
    sigma = root @ root.T
    scale = np.sqrt(np.diag(sigma))
    # On its way to a singular covariance the likelihood rises for ever; correlations then approach 1.
    if not np.isfinite(found.fun) or np.linalg.eigvalsh(sigma / np.outer(scale, scale))[0] < 1e-7:
        size = f"{data.people} people, {data.visits} visits"
        raise SolveError(f"mixed model: no maximum at a positive definite covariance ({size})")
    return _finish(data, sigma, restricted)


@dataclass(frozen=True)
class _Data:
    """People grouped by the visits they have: each group is (visits, values (g, k), design (g, k, p))."""

    groups: tuple[tuple[NDArray[np.int64], Array, Array], ...]
    visits: int
    people: int
    observations: int
    effects: int

    @classmethod
    def of(cls, values: ArrayLike, design: ArrayLike, subjects: Sequence[Hashable], visits: ArrayLike) -> _Data:
        y, x = np.asarray(values, dtype=np.float64).ravel(), np.asarray(design, dtype=np.float64)
        when = np.asarray(visits, dtype=np.int64).ravel()
        if not len(y) == len(x) == len(subjects) == len(when):
            raise InputError("mixed model", "values, design, subjects and visits differ in length", value=len(y))
        if not np.isfinite(y).all() or not np.isfinite(x).all():
            raise InputError("mixed model", "a value is missing; leave its row out")
        rows: dict[Hashable, list[int]] = {}
        for row in np.argsort(when, kind="stable").tolist():
            rows.setdefault(subjects[row], []).append(row)
        patterns: dict[tuple[int, ...], list[list[int]]] = {}
        for who, mine in rows.items():
            pattern = tuple(when[mine].tolist())
            if len(set(pattern)) < len(pattern):
                raise InputError("mixed model", "a person is twice at a visit", value=who)
            patterns.setdefault(pattern, []).append(mine)
        total, effects = int(when.max()) + 1, x.shape[1]
        if np.linalg.matrix_rank(x) < effects:
            raise InputError("mixed model", "the design is not of full rank", value=f"{effects} columns")
        if len(rows) < effects / total + total:
            raise InputError(
                "mixed model",
                "too few people for the covariance between the visits",
                value=len(rows),
                allowed=f"at least {math.ceil(effects / total + total)} for {total} visits",
            )
        shared = np.zeros((total, total), dtype=int)
        for pattern, together in patterns.items():
            shared[np.ix_(pattern, pattern)] += len(together)
        if shared.min() < 2:
            row, column = np.argwhere(shared < 2)[0] + 1
            pair = f"{row} and {column}"
            raise InputError("mixed model", "two visits have fewer than two people in common", value=pair)
        groups = tuple((np.array(pattern), y[np.array(who)], x[np.array(who)]) for pattern, who in patterns.items())
        return cls(groups, total, len(rows), len(y), effects)


def _pooled_variance(data: _Data) -> float:
    y = np.concatenate([values.ravel() for _, values, _ in data.groups])
    x = np.concatenate([design.reshape(-1, data.effects) for _, _, design in data.groups])
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return max(float(left @ left) / max(len(y) - data.effects, 1), 1e-12)


def _information(data: _Data, sigma: Array) -> tuple[Array, Array, list[Array]]:
    """X'V^-1 X, X'V^-1 y and the inverse covariance of each pattern of visits."""
    cross, right, inverses = np.zeros((data.effects, data.effects)), np.zeros(data.effects), []
    for when, y, x in data.groups:
        inverse = linalg.inv(sigma[np.ix_(when, when)])
        cross += np.einsum("gka,kl,glb->ab", x, inverse, x, optimize=True)
        right += np.einsum("gka,kl,gl->a", x, inverse, y, optimize=True)
        inverses.append(inverse)
    return cross, right, inverses


def _minus_two(data: _Data, sigma: Array, restricted: bool) -> tuple[float, Array]:
    """Minus twice the log-likelihood, and its derivative by the covariance (as a symmetric matrix)."""
    flat = np.zeros_like(sigma)
    try:
        cross, right, inverses = _information(data, sigma)
        phi = linalg.inv(cross)
    except linalg.LinAlgError:
        return math.inf, flat
    beta = phi @ right
    constant = data.observations - (data.effects if restricted else 0)
    value = constant * math.log(2 * math.pi) + (float(np.linalg.slogdet(cross)[1]) if restricted else 0.0)
    for (when, y, x), inverse in zip(data.groups, inverses, strict=True):
        left = (y - x @ beta) @ inverse
        value += len(y) * -float(np.linalg.slogdet(inverse)[1]) + float(np.sum(left * (y - x @ beta)))
        part = len(y) * inverse - left.T @ left
        if restricted:
            turned = np.einsum("kl,gla->gka", inverse, x)
            part -= np.einsum("gka,ab,glb->kl", turned, phi, turned, optimize=True)
        flat[np.ix_(when, when)] += part
    return value, flat


def _finish(data: _Data, sigma: Array, restricted: bool) -> MixedModel:
    """Kenward and Roger 1997 for a covariance that is linear in its parameters (second derivatives vanish)."""
    cross, right, inverses = _information(data, sigma)
    phi = linalg.inv(cross)
    beta = phi @ right
    rows, columns = np.tril_indices(data.visits)
    count, effects = len(rows), data.effects
    p = np.zeros((count, effects, effects))
    q = np.zeros((count, count, effects, effects))
    trace, push, pull = np.zeros((count, count)), np.zeros((count, count)), np.zeros((count, effects))
    for (when, y, x), inverse in zip(data.groups, inverses, strict=True):
        units = np.zeros((count, data.visits, data.visits))
        units[np.arange(count), rows, columns] = units[np.arange(count), columns, rows] = 1.0
        units = units[:, when][:, :, when]
        turned = np.einsum("kl,gla->gka", inverse, x)
        left = (y - x @ beta) @ inverse
        p -= np.einsum("gka,ikl,glb->iab", turned, units, turned, optimize=True)
        middle = np.einsum("ikl,lm,jmn->ijkn", units, inverse, units, optimize=True)
        q += np.einsum("gka,ijkl,glb->ijab", turned, middle, turned, optimize=True)
        trace += len(y) * np.einsum("kl,ijlk->ij", inverse, middle, optimize=True)
        push += np.einsum("gk,ijkl,gl->ij", left, middle, left, optimize=True)
        pull += np.einsum("gk,ikl,gla->ia", left, units, turned, optimize=True)
    curved = np.einsum("ab,ijba->ij", phi, q, optimize=True)
    product = np.einsum("ab,ibc,cd,jda->ij", phi, p, phi, p, optimize=True)
    expected = (trace - 2 * curved + product) / 2 if restricted else trace / 2
    observed = push - pull @ phi @ pull.T - expected
    if np.linalg.eigvalsh(observed)[0] <= 0:
        raise SolveError("mixed model: the likelihood is flat in the covariance between visits")
    weights = linalg.inv(observed)
    spread = np.einsum("ij,ijab->ab", weights, q - np.einsum("iab,bc,jcd->ijad", p, phi, p, optimize=True))
    gradient = -np.einsum("ab,ibc,cd->iad", phi, p, phi, optimize=True)
    value, _ = _minus_two(data, sigma, restricted)
    return MixedModel(
        beta,
        phi,
        phi + 2 * phi @ spread @ phi,
        sigma,
        value,
        data.people,
        data.observations,
        restricted,
        gradient,
        weights,
    )
