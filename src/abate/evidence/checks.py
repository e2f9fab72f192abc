"""The published checks by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from abate.evidence.pharmacokinetics import exposure_scoreboard
from abate.evidence.replicates import replicate_scoreboard
from abate.trial.protocol import load_trial, trial_names
from abate.trial.settings import apply

__all__ = ["Check", "checks"]

Progress = Callable[[float], None]
Check = Callable[[int, int, int, Mapping[str, str], Progress], dict[str, Any]]
"""(patients, replicates, seed, settings, progress) -> payload with ``scoreboard``."""


def checks() -> dict[str, Check]:
    """Return every check: exposure, and each trial of the library with published figures.

    Examples
    --------
    >>> {"pharmacokinetics", "giacta"} <= set(checks())
    True
    """
    found: dict[str, Check] = {"pharmacokinetics": _pharmacokinetics}
    for name in trial_names():
        if load_trial(name).published:
            found[name] = _trial(name)
    return found


def _pharmacokinetics(
    patients: int, replicates: int, seed: int, settings: Mapping[str, str], progress: Progress
) -> dict[str, Any]:
    return exposure_scoreboard(patients=patients, seed=seed, progress=progress)


def _trial(name: str) -> Check:
    def check(
        patients: int, replicates: int, seed: int, settings: Mapping[str, str], progress: Progress
    ) -> dict[str, Any]:
        trial = apply(load_trial(name), settings)
        return replicate_scoreboard(trial, replicates=replicates, seed=seed, progress=progress)

    return check
