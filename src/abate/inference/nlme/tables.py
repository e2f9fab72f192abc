"""Tables that a fit leaves behind: iterations, and each subject's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from abate.inference.nlme.fit import PopulationFit

__all__ = ["individual_table", "trace_table"]


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
