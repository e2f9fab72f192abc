"""abate: treatment that blocks the interleukin-6 receptor, simulated, analysed and planned.

>>> import abate as ab
>>> ab.taper("giacta-26").total(40)
1862.0
"""

from __future__ import annotations

from abate.api import Analysis, Trial, model, policy, regimen, simulate_counts, study, taper, trial
from abate.ground.version import __version__

__all__ = [
    "Analysis",
    "Trial",
    "__version__",
    "model",
    "policy",
    "regimen",
    "simulate_counts",
    "study",
    "taper",
    "trial",
]
