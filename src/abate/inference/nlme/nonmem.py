"""A fit as NONMEM writes one, for programs that read its tables: .ext, .phi and .tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

    from abate.inference.nlme.fit import PopulationFit

__all__ = ["ext_table", "phi_table", "record_table"]

Floats = npt.NDArray[np.float64]

_FINAL, _ERRORS, _ROOTS, _ROOT_ERRORS, _FIXED = -1000000000, -1000000001, -1000000004, -1000000005, -1000000006
_NONE = 1e10  # what NONMEM writes for a standard error that there is none of
_TITLE = "TABLE NO.     1"


def ext_table(fit: PopulationFit) -> str:
    """Return a table like NONMEM's .ext file: iterations, final estimates and standard errors, also of roots.

    THETA are on the scale of their random effects, SIGMA are variances; occasions have an OMEGA each, all the same. The
    objective is that without its constant, at the final row only, as SAEM does not compute it on the way.
    """
    s, now = fit.structure, fit.trace.parameters
    count, r = len(s.typical) + len(s.effects), s.random
    pairs = [(i, j) for i in range(r) for j in range(i + 1)]
    columns = ["ITERATION", *(f"THETA{i + 1}" for i in range(count))]
    columns += [f"SIGMA({i + 1},{i + 1})" for i in range(now.sigma.size)]
    columns += [f"OMEGA({i + 1},{j + 1})" for i, j in pairs] + ["SAEMOBJ"]
    lines = [f"{_TITLE}: SAEM: Goal Function=FINAL VALUE OF OBJECTIVE FUNCTION: Problem=1"]
    lines.append(" ".join(f"{c:>14}" for c in columns))

    def row(number: int, theta: list[float], sigma: list[float], omega: list[float], objective: float) -> str:
        return f"{number:>14d} " + " ".join(f"{v:>14.6E}" for v in [*theta, *sigma, *omega, objective])

    for k, values in enumerate(fit.trace.history, start=1):
        diagonal = np.zeros(r)
        for value, (_, places) in zip(values[count:], s.variances, strict=False):
            diagonal[places] = value
        omega = [float(diagonal[i]) if i == j else 0.0 for i, j in pairs]
        sigma = (values[count + len(s.variances) :] ** 2).tolist()
        lines.append(row(k, values[:count].tolist(), sigma, omega, 0.0))
    theta = [*now.mu[s.typical].tolist(), *now.beta.tolist()]
    sizes = now.sigma.reshape(-1)
    lines.append(row(_FINAL, theta, (sizes**2).tolist(), [float(now.omega[i, j]) for i, j in pairs], fit.objective))
    se = dict(zip(fit.flat.names, np.nan_to_num(fit.standard_errors, nan=_NONE).tolist(), strict=True))
    root_se = [se.get(n, _NONE) for n in _sigma_names(fit)]
    spread = [2 * float(v) * e if e < _NONE else _NONE for v, e in zip(sizes, root_se, strict=True)]
    mine = list(se.values())[:count]
    lines.append(row(_ERRORS, mine, spread, [_omega_se(fit, se, i, j) for i, j in pairs], 0.0))
    roots = [_root(fit, i, j) for i, j in pairs]
    lines.append(row(_ROOTS, theta, sizes.tolist(), [value for value, _ in roots], 0.0))
    lines.append(row(_ROOT_ERRORS, mine, root_se, [error for _, error in roots], 0.0))
    free = [name in se for name in _sigma_names(fit)]
    held = [0.0 if i == j or s.block[i, j] else 1.0 for i, j in pairs]
    lines.append(row(_FIXED, [0.0] * count, [0.0 if f else 1.0 for f in free], held, 0.0))
    return "\n".join(lines) + "\n"


def _sigma_names(fit: PopulationFit) -> list[str]:
    """Names of the residual standard deviations as estimates have them, additive and proportional of each output."""
    alone = len(fit.data.outputs) == 1
    return [
        label if alone else f"{label}.{output}"
        for output, error in zip(fit.data.outputs, fit.structure.errors, strict=True)
        for label in ("add.sd", "lnorm.sd" if error == "exponential" else "prop.sd")
    ]


def _omega_se(fit: PopulationFit, se: dict[str, float], i: int, j: int) -> float:
    s = fit.structure
    if i == j:
        return next(se[name] for name, places in s.variances if i in places)
    return se.get(f"cov.{s.names[i]}.{s.names[j]}", _NONE)


def _root(fit: PopulationFit, i: int, j: int) -> tuple[float, float]:
    """Return a standard deviation or a correlation of random effects, and its standard error by its slopes."""
    s, omega = fit.structure, fit.trace.parameters.omega
    sd = np.sqrt(np.diag(omega))
    value = float(sd[i] if i == j else omega[i, j] / (sd[i] * sd[j]))
    owner = [next(name for name, places in s.variances if k in places) for k in (i, j)]
    if i == j:
        slopes = {owner[0]: float(0.5 / sd[i])}
    else:
        name = f"cov.{s.names[i]}.{s.names[j]}"
        if name not in fit.flat.names:
            return value, _NONE
        slopes = {n: float(-value / (2 * omega[k, k])) for n, k in zip(owner, (i, j), strict=True)}
        slopes[name] = float(1 / (sd[i] * sd[j]))
    slope = np.array([slopes.get(name, 0.0) for name in fit.flat.names])
    used = slope != 0
    error = float(np.sqrt(slope[used] @ fit.covariance[np.ix_(used, used)] @ slope[used]))
    return value, error if np.isfinite(error) else _NONE


def phi_table(fit: PopulationFit) -> str:
    """Return a table like NONMEM's .phi file: each subject's random effects, their covariance, and its objective.

    ETA are means and ETC covariances given the subject's data, at the estimates. Objectives add up to that of the fit.
    """
    s, data, now = fit.structure, fit.data, fit.trace.parameters
    r = s.random
    pairs = [(i, j) for i in range(r) for j in range(i + 1)]
    names = [
        "SUBJECT_NO",
        "ID",
        *(f"ETA({i + 1})" for i in range(r)),
        *(f"ETC({i + 1},{j + 1})" for i, j in pairs),
        "OBJ",
    ]
    eta = fit.conditional.mean[:, :r] - s.centres(now.mu, now.beta, data.subjects)[:, :r]
    seen = np.bincount(data.subject[~data.censored], minlength=data.subjects)
    objective = -2 * fit.likelihood.by_subject(now) - seen * np.log(2 * np.pi)
    lines = [f"{_TITLE}: SAEM: Goal Function=FINAL VALUE OF OBJECTIVE FUNCTION: Problem=1"]
    lines.append(" " + " ".join(f"{name:>13}" for name in names))
    for k in range(data.subjects):
        values = [float(data.ids[k]), *eta[k], *(fit.conditional.covariance[k, i, j] for i, j in pairs), objective[k]]
        lines.append(" " + " ".join([f"{k + 1:>13d}", *(f"{v:>13.5E}" for v in values)]))
    return "\n".join(lines) + "\n"


def record_table(table: pd.DataFrame) -> str:
    """Return observations with predictions as NONMEM's $TABLE writes them: ID, TIME, DV, PRED, IPRED; 0 for none.

    Parameters
    ----------
    table : DataFrame
        From `goodness`.
    """
    numbers = table.select_dtypes("number")
    lines = [_TITLE, " " + " ".join(f"{name:<11}" for name in numbers.columns)]
    lines += [" " + " ".join(f"{value:>11.4E}" for value in row) for row in np.nan_to_num(numbers.to_numpy(float))]
    return "\n".join(lines) + "\n"
