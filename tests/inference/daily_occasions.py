"""Data sets of people whose clearance differs from day to day, written plainly: nothing of the package is used."""

from __future__ import annotations

import numpy as np

TIMES = np.array([1.0, 4.0, 8.0, 14.0, 20.0])


def simulated(seed, subjects=40, occasions=3):
    """Boluses a day apart, clearance of its own every day; what is left of a day is carried into the next."""
    rng = np.random.default_rng(seed)
    lines = ["ID,TIME,AMT,DV,OCC"]
    for i in range(subjects):
        volume, typical = 30 * np.exp(0.2 * rng.normal()), 3 * np.exp(0.3 * rng.normal())
        left = 0.0
        for k in range(occasions - (i % 4 == 0)):  # a quarter of them miss the last occasion
            clearance = typical * np.exp(0.2 * rng.normal())
            start = left + 300
            lines.append(f"{i + 1},{24 * k},300,.,{k + 1}")
            for t in TIMES:
                seen = start / volume * np.exp(-clearance / volume * t) * (1 + 0.1 * rng.normal())
                lines.append(f"{i + 1},{24 * k + t},.,{seen:.5f},{k + 1}")
            left = start * np.exp(-clearance / volume * 24)
    return "\n".join(lines) + "\n"
