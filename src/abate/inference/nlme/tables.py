"""Tables that a fit leaves behind: iterations in NONMEM's .ext form, and each subject's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from abate.inference.nlme.fit import PopulationFit

__all__ = ["ext_table", "individual_table", "trace_table"]

_FINAL, _ERRORS = -1000000000, -1000000001


def trace_table(fit: PopulationFit) -> pd.DataFrame:
    """Return the iterations: typical values on the scale of their random effects, slopes, variances, errors."""
    import pandas as pd

    s = fit.structure
    names = [*s.names, *(e.text.replace(" ", "") for e in s.effects), *(f"eta.{n}" for n in s.names[: s.random])]
    names += [f"{kind}.{output}" for output in fit.data.outputs for kind in ("add.sd", "prop.sd")]
    frame = pd.DataFrame(fit.trace.history, columns=names)
    frame.insert(0, "iteration", np.arange(1, len(frame) + 1))
    return frame


def individual_table(fit: PopulationFit) -> pd.DataFrame:
    """Return each subject's conditional mean and standard deviation, and the parameters at the mean."""
    import pandas as pd

    s = fit.structure
    now = fit.trace.parameters
    own = s.centres(now.mu, now.beta, fit.data.subjects)
    own[:, : s.random] = fit.conditional.mean
    frame = pd.DataFrame(s.natural(own), columns=list(s.names))
    frame.insert(0, "ID", fit.data.ids)
    eta = fit.conditional.mean - s.centres(now.mu, now.beta, fit.data.subjects)[:, : s.random]
    for j, name in enumerate(s.names[: s.random]):
        frame[f"eta.{name}"] = eta[:, j]
        frame[f"sd.{name}"] = np.sqrt(fit.conditional.covariance[:, j, j])
    return frame


def ext_table(fit: PopulationFit) -> str:
    """Return a table like NONMEM's .ext file: iterations, final estimates and standard errors.

    THETA are on the scale of their random effects, SIGMA are variances; the objective is that without its constant, at
    the final row only, as SAEM does not compute it on the way.
    """
    s = fit.structure
    q, r = len(s.names), s.random
    thetas = [f"THETA{i + 1}" for i in range(q + len(s.effects))]
    sigmas = [f"SIGMA({i + 1},{i + 1})" for i in range(fit.trace.parameters.sigma.size)]
    omegas = [f"OMEGA({i + 1},{j + 1})" for i in range(r) for j in range(i + 1)]
    lines = ["TABLE NO.     1: SAEM: Goal Function=FINAL VALUE OF OBJECTIVE FUNCTION: Problem=1", ""]
    columns = ["ITERATION", *thetas, *sigmas, *omegas, "SAEMOBJ"]
    lines[1] = " ".join(f"{c:>14}" for c in columns)

    def row(number: int, theta: list[float], sigma: list[float], omega: list[float], objective: float) -> str:
        return f"{number:>14d} " + " ".join(f"{v:>14.6E}" for v in [*theta, *sigma, *omega, objective])

    for k, values in enumerate(fit.trace.history, start=1):
        theta, diagonal = values[: len(thetas)].tolist(), values[len(thetas) : len(thetas) + r]
        omega = [float(diagonal[i]) if i == j else 0.0 for i in range(r) for j in range(i + 1)]
        lines.append(row(k, theta, (values[len(thetas) + r :] ** 2).tolist(), omega, 0.0))
    now = fit.trace.parameters
    theta = [*now.mu.tolist(), *now.beta.tolist()]
    omega = [float(now.omega[i, j]) for i in range(r) for j in range(i + 1)]
    lines.append(row(_FINAL, theta, (now.sigma.reshape(-1) ** 2).tolist(), omega, fit.objective))
    se = dict(zip(fit.flat.names, fit.standard_errors.tolist(), strict=True))
    errors = list(se.values())[: len(thetas)]
    spread = [_sigma_se(fit, se, k, c) for k in range(len(fit.data.outputs)) for c in (0, 1)]
    omega_se = [_omega_se(fit, se, i, j) for i in range(r) for j in range(i + 1)]
    lines.append(row(_ERRORS, errors, spread, omega_se, 0.0))
    return "\n".join(lines) + "\n"


def _sigma_se(fit: PopulationFit, se: dict[str, float], k: int, column: int) -> float:
    """Standard error of a variance from that of its root; NONMEM's 1E+10 for what is not estimated."""
    label = ("add.sd", "lnorm.sd" if fit.structure.errors[k] == "exponential" else "prop.sd")[column]
    name = label if len(fit.data.outputs) == 1 else f"{label}.{fit.data.outputs[k]}"
    return 2 * float(fit.trace.parameters.sigma[k, column]) * se[name] if name in se else 1e10


def _omega_se(fit: PopulationFit, se: dict[str, float], i: int, j: int) -> float:
    names = fit.structure.names
    return se.get(f"eta.{names[i]}" if i == j else f"cov.{names[i]}.{names[j]}", 1e10)
