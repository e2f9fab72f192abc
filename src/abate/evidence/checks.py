"""The published checks by name: a subsystem of the scoreboard, exposure alone, or one trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from abate.evidence.pharmacokinetics import exposure_scoreboard
from abate.evidence.scoreboard import Effort, subsystem_board, trial_board
from abate.evidence.targets import subsystem_names
from abate.trial.protocol import load_trial, trial_names

__all__ = ["Check", "checks"]

Progress = Callable[[float], None]
Check = Callable[[Effort, int, Mapping[str, str], Progress], dict[str, Any]]
"""(effort, seed, settings, progress) -> payload with ``scoreboard``."""


def checks() -> dict[str, Check]:
    """Return every check: the subsystems, exposure, and each trial of the library with published figures.

    Examples
    --------
    >>> {"adrenal", "pharmacokinetics", "giacta"} <= set(checks())
    True
    """
    found: dict[str, Check] = {name: _subsystem(name) for name in subsystem_names()}
    found["pharmacokinetics"] = _pharmacokinetics
    for name in trial_names():
        if load_trial(name).published:
            found[name] = _trial(name)
    return found


def _subsystem(name: str) -> Check:
    def check(effort: Effort, seed: int, settings: Mapping[str, str], progress: Progress) -> dict[str, Any]:
        return subsystem_board(name, effort, seed=seed, progress=progress)

    return check


def _pharmacokinetics(effort: Effort, seed: int, settings: Mapping[str, str], progress: Progress) -> dict[str, Any]:
    return exposure_scoreboard(patients=effort.patients, seed=seed, progress=progress)


def _trial(name: str) -> Check:
    def check(effort: Effort, seed: int, settings: Mapping[str, str], progress: Progress) -> dict[str, Any]:
        return trial_board(load_trial(name), effort, seed=seed, settings=settings, progress=progress)

    return check
