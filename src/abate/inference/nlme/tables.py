"""Tables that a fit leaves behind: iterations in NONMEM's .ext form, and each subject's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from abate.inference.nlme.fit import PopulationFit

__all__ = ["ext_table", "individual_table", "trace_table"]

_FINAL, _ERRORS, _FIXED = -1000000000, -1000000001, -1000000006


def trace_table(fit: PopulationFit) -> pd.DataFrame:
    """Return the iterations: typical values on the scale of their random effects, slopes, variances, errors."""
    import pandas as pd

    s = fit.structure
    names = [s.names[j] for j in s.typical] + [e.text.replace(" ", "") for e in s.effects]
    names += [name for name, _ in s.variances]
    names += [f"{kind}.{output}" for output in fit.data.outputs for kind in ("add.sd", "prop.sd")]
    frame = pd.DataFrame(fit.trace.history, columns=names)
    frame.insert(0, "iteration", np.arange(1, len(frame) + 1))
    return frame


def individual_table(fit: PopulationFit) -> pd.DataFrame:
    """Return each subject's conditional mean and standard deviation, and the parameters at the mean.

    Random effects of occasions are ``eta.CL@1``, ``eta.CL@2``; empty where the subject had no such occasion.
    """
    import pandas as pd

    s = fit.structure
    now = fit.trace.parameters
    centre = s.centres(now.mu, now.beta, fit.data.subjects)
    own = centre.copy()
    own[:, : s.random] = fit.conditional.mean
    natural = s.natural(own)
    frame = pd.DataFrame({s.names[j]: natural[:, j] for j in s.typical})
    frame.insert(0, "ID", fit.data.ids)
    eta = np.where(s.present, own - centre, np.nan)
    for j, name in enumerate(s.names[: s.random]):
        frame[f"eta.{name}"] = eta[:, j]
        frame[f"sd.{name}"] = np.where(s.present[:, j], np.sqrt(fit.conditional.covariance[:, j, j]), np.nan)
    return frame


def ext_table(fit: PopulationFit) -> str:
    """Return a table like NONMEM's .ext file: iterations, final estimates and standard errors.

    THETA are on the scale of their random effects, SIGMA are variances; occasions have an OMEGA each, all the same. The
    objective is that without its constant, at the final row only, as SAEM does not compute it on the way.
    """
    s, now = fit.structure, fit.trace.parameters
    count, r = len(s.typical) + len(s.effects), s.random
    pairs = [(i, j) for i in range(r) for j in range(i + 1)]
    columns = ["ITERATION", *(f"THETA{i + 1}" for i in range(count))]
    columns += [f"SIGMA({i + 1},{i + 1})" for i in range(now.sigma.size)]
    columns += [f"OMEGA({i + 1},{j + 1})" for i, j in pairs] + ["SAEMOBJ"]
    lines = ["TABLE NO.     1: SAEM: Goal Function=FINAL VALUE OF OBJECTIVE FUNCTION: Problem=1"]
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
    variances = (now.sigma.reshape(-1) ** 2).tolist()
    lines.append(row(_FINAL, theta, variances, [float(now.omega[i, j]) for i, j in pairs], fit.objective))
    se = dict(zip(fit.flat.names, fit.standard_errors.tolist(), strict=True))
    spread = _sigma_se(fit, se)
    lines.append(row(_ERRORS, list(se.values())[:count], spread, [_omega_se(fit, se, i, j) for i, j in pairs], 0.0))
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


def _sigma_se(fit: PopulationFit, se: dict[str, float]) -> list[float]:
    """Standard errors of variances from those of their roots; NONMEM's 1E+10 for what is not estimated."""
    sizes = fit.trace.parameters.sigma.reshape(-1)
    return [2 * float(v) * se[n] if n in se else 1e10 for v, n in zip(sizes, _sigma_names(fit), strict=True)]


def _omega_se(fit: PopulationFit, se: dict[str, float], i: int, j: int) -> float:
    s = fit.structure
    if i == j:
        return next(se[name] for name, places in s.variances if i in places)
    return se.get(f"cov.{s.names[i]}.{s.names[j]}", 1e10)
