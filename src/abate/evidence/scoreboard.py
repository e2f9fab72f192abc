"""The scoreboard: every published figure of the library, by subsystem, beside what is predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from abate.evidence.judge import experiment_rows
from abate.evidence.pharmacokinetics import exposure_scoreboard
from abate.evidence.replicates import affordable, replicate_scoreboard
from abate.evidence.targets import Contrast, load_subsystem, subsystem_names
from abate.trial.protocol import Trial, load_trial, trial_names
from abate.trial.settings import apply

__all__ = ["Effort", "judged_trials", "scoreboard", "subsystem_board", "trial_board"]

Progress = Callable[[float], None]

SMALLER = 4
"""An experiment may cost so much less than a trial."""


class Effort:
    """How much to simulate.

    Parameters
    ----------
    patients : int
        People in a population whose exposure is described.
    replicates : int
        Studies of the published size.
    person_years : float, optional
        What one trial may cost; a long and large trial then has fewer replicates.
    """

    def __init__(self, patients: int = 2000, replicates: int = 40, person_years: float | None = None) -> None:
        self.patients, self.replicates, self.person_years = patients, replicates, person_years

    def of(self, trial: Trial) -> int:
        """Replicates of one trial."""
        if self.person_years is None:
            return self.replicates
        return affordable(trial, self.replicates, self.person_years)


def scoreboard(
    effort: Effort, *, seed: int = 1, progress: Callable[[str, float], None] | None = None
) -> dict[str, Any]:
    """Judge every subsystem.

    Parameters
    ----------
    effort : Effort
    seed : int
        Of all draws.
    progress : callable, optional
        Called with a subsystem and the share of it that is done.

    Returns
    -------
    dict
        ``subsystems`` by name, and all their rows at ``scoreboard``.
    """
    boards = {}
    for name in subsystem_names():
        tell = (lambda share, name=name: progress(name, share)) if progress else None
        boards[name] = subsystem_board(name, effort, seed=seed, progress=tell)
    rows = [row for board in boards.values() for row in board["scoreboard"]]
    return {
        **_count(rows),
        "subsystems": {
            name: {key: value for key, value in board.items() if key != "scoreboard"} for name, board in boards.items()
        },
        "scoreboard": rows,
        "models": models_used(),
    }


def subsystem_board(name: str, effort: Effort, *, seed: int = 1, progress: Progress | None = None) -> dict[str, Any]:
    """Judge one subsystem: its experiments, its exposures, and the trials that belong to it.

    Raises
    ------
    InputError
        If there is no such subsystem.
    """
    subsystem = load_subsystem(name)
    trials = judged_trials(name)
    parts = int(bool(subsystem.experiments)) + int(name == "drugs") + len(trials)
    done = 0

    def tell(share: float) -> None:
        if progress:
            progress((done + share) / max(parts, 1))

    rows: list[dict[str, Any]] = []
    made: dict[str, Any] = {"subsystem": name, "title": subsystem.title, "about": subsystem.about}
    if name == "drugs":
        exposure = exposure_scoreboard(patients=effort.patients, seed=seed, progress=tell)
        rows += exposure["scoreboard"]
        made["exposure"] = exposure["exposure"]
        done += 1
    if subsystem.experiments:
        found, shown = experiment_rows(
            subsystem,
            replicates=effort.replicates,
            seed=seed,
            person_years=effort.person_years and effort.person_years / SMALLER,
            progress=tell,
        )
        rows += found
        made["shown"] = shown
        done += 1
    for trial in trials:
        board = trial_board(trial, effort, seed=seed, progress=tell)
        rows += [{**row, "trial": trial.name, "title": trial.title} for row in board["scoreboard"]]
        done += 1
    tell(0.0)
    rows = [{"subsystem": name, **row} for row in rows]
    made["listed"] = [each.model_dump() for each in subsystem.listed]
    return {**made, **_count(rows), "scoreboard": rows}


def trial_board(
    trial: Trial,
    effort: Effort,
    *,
    seed: int = 1,
    settings: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge one trial by replicates of its published size."""
    changed = apply(trial, settings or {})
    return replicate_scoreboard(
        changed, replicates=effort.of(changed), seed=seed, contrasts=contrasts_of(trial.name), progress=progress
    )


def judged_trials(subsystem: str) -> list[Trial]:
    """Return the trials of the library with published figures that belong to a subsystem."""
    if subsystem not in ("disease", "fibromyalgia"):
        return []
    known = [load_trial(name) for name in trial_names()]
    return [t for t in known if t.published and (t.disease == "fibromyalgia") == (subsystem == "fibromyalgia")]


def contrasts_of(trial: str) -> list[Contrast]:
    """Return the published figures about several arms of a trial."""
    found = [c for name in subsystem_names() for c in load_subsystem(name).contrast]
    return [c for c in found if c.trial == trial]


def models_used(check: str | None = None) -> dict[str, str]:
    """Return the models behind the scoreboard, or one check of it, and the first characters of their hashes."""
    from abate.science.model import load

    if check in trial_names():
        names = {load_trial(check).model_name}
    else:
        asked = [check] if check in subsystem_names() else subsystem_names()
        names = {e.model for name in asked for e in load_subsystem(name).experiments.values()}
        names |= {trial.model_name for name in asked for trial in judged_trials(name)}
    return {name: load(name).hash[:12] for name in sorted(names)}


def _count(rows: list[dict[str, Any]]) -> dict[str, int]:
    judged = [row for row in rows if row.get("judged", True)]
    return {
        "inside": sum(bool(row["inside"]) for row in judged),
        "rows": len(judged),
        "not_judged": len(rows) - len(judged),
    }
