"""A one-compartment oral model written plainly, and data sets simulated from it: nothing of the package is used."""

from __future__ import annotations

import numpy as np


def concentration(dose, time, ka, clearance, volume):
    """Bateman's function; arrays broadcast."""
    k = clearance / volume
    return dose * ka / (volume * (ka - k)) * (np.exp(-k * time) - np.exp(-ka * time))


TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 18.0, 24.0])


def simulated_rows(seed, subjects=60, *, slope=0.0, rho=0.0, limit=-np.inf, additive=0.2, proportional=0.0):
    """CSV of subjects with 8 samples: ka 1.5, CL 3, V 30; SD of the random effects 0.4, 0.3, 0.2."""
    rng = np.random.default_rng(seed)
    omega = np.diag([0.16, 0.09, 0.04])
    omega[1, 2] = omega[2, 1] = rho * 0.3 * 0.2
    weight = np.exp(rng.normal(np.log(70), 0.2, subjects))
    eta = rng.multivariate_normal(np.zeros(3), omega, subjects)
    ka, cl, v = 1.5 * np.exp(eta[:, 0]), 3 * (weight / 70) ** slope * np.exp(eta[:, 1]), 30 * np.exp(eta[:, 2])
    lines = ["ID,TIME,AMT,DV,CMT,EVID,CENS,WT"]
    for i in range(subjects):
        lines.append(f"{i + 1},0,300,.,1,1,0,{weight[i]:.3f}")
        truth = concentration(300, TIMES, ka[i], cl[i], v[i])
        seen = truth + np.hypot(additive, proportional * truth) * rng.normal(size=TIMES.size)
        for t, y in zip(TIMES, seen, strict=True):
            below = y < limit
            lines.append(f"{i + 1},{t},.,{limit if below else y:.5f},2,0,{int(below)},{weight[i]:.3f}")
    return "\n".join(lines) + "\n"
