"""A virtual trial on request: from the library, with numbers changed, kept small enough to answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean

if TYPE_CHECKING:
    from abate.trial.protocol import Trial

__all__ = ["FOR_ANSWERS", "FOR_REPORTS", "TrialRequest", "plan_trial", "report_trial", "run_trial"]

FOR_ANSWERS = 400.0
"""Person-years that are simulated while a request waits for its answer."""
FOR_REPORTS = 4000.0
"""Person-years that are simulated for a report, with progress."""

# A number, with or without a unit: nothing that could name a file.
_CHANGE = r"^[-+]?\d+(\.\d+)?([eE][-+]?\d+)?( [A-Za-z%][A-Za-z0-9/%*.^ -]*)?$"


class TrialRequest(BaseModel):
    """Which trial, how many people, which draws."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trial: str = Field(max_length=80, description="A trial of the library, as in giacta.")
    patients: int = Field(20, ge=1, le=2000, description="People in each arm.")
    seed: int = Field(1, ge=0, le=2**32 - 1, description="Seed of all draws.")
    changes: dict[str, Annotated[str, Field(max_length=60)]] = Field(
        default_factory=dict,
        max_length=20,
        description="Numbers to change, as --set does: {'tocilizumab.CL': '0.2 L/day', 'weeks': '26'}.",
    )


def plan_trial(request: TrialRequest, most: float = FOR_ANSWERS) -> Trial:
    """Return the trial that is asked for, changed as asked.

    Raises
    ------
    InputError
        If it is unknown, a change is none, or it is larger than what is run here.

    Examples
    --------
    >>> plan_trial(TrialRequest(trial="giacta", patients=2, changes={"weeks": "26"})).weeks
    26
    """
    from abate.trial.protocol import load_trial, trial_names
    from abate.trial.settings import apply

    names = trial_names()
    if request.trial not in names:
        hint = did_you_mean(request.trial, names)
        raise InputError("trial", "there is no such trial", value=request.trial, allowed=names, hint=hint)
    for key, value in request.changes.items():
        if not re.fullmatch(_CHANGE, value):
            raise InputError(f"changes.{key}", "not a number", value=value, allowed="a number, as in '0.2 L/day'")
    trial = apply(load_trial(request.trial), request.changes)
    years = request.patients * len(trial.arms) * trial.days / 365.25
    if years > most:
        fits = int(most * 365.25 / trial.days / len(trial.arms))
        raise InputError(
            "patients",
            "more than is simulated here",
            value=request.patients,
            allowed=f"1 to {fits} in each arm of {trial.name}" if fits else f"at most {most:g} person-years",
            hint="for more, use: abate simulate",
        )
    return trial


def run_trial(trial: Trial, request: TrialRequest, folder: Path, tell: Callable[[float], None]) -> dict[str, Any]:
    """Simulate into a folder and return what results.json holds."""
    from abate.study.arms import analyse_arms
    from abate.trial.simulate import simulate

    study = simulate(trial, folder, seed=request.seed, patients=request.patients, progress=tell)
    return analyse_arms(study.tables())


def report_trial(request: TrialRequest, folder: Path, tell: Callable[[float], None]) -> dict[str, Any]:
    """Simulate into ``folder/study`` and write the report into ``folder/report``; return what names the run."""
    from abate.report import trial as report
    from abate.study.store import Study

    # The report takes a few seconds after the last person is simulated.
    simulated = 0.85
    trial = plan_trial(request, FOR_REPORTS)
    results: Mapping[str, Any] = run_trial(trial, request, folder / "study", lambda share: tell(simulated * share))
    tell(simulated)
    report.write(Study(folder / "study"), folder / "report", results=results)
    return {"title": trial.title, "patients": request.patients, "seed": request.seed, "changes": request.changes}
