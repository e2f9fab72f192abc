"""``abate validate``: the scoreboard, forecasts and sensitivity; predicted against published, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abate.cli.output import Json, Out, Seed, Set, changes, emit, progress

if TYPE_CHECKING:
    from abate.evidence.scoreboard import Effort

__all__ = ["validate"]

PATIENTS, REPLICATES, REPLICATES_OF_ALL = 2000, 100, 40
QUICK = {"patients": 200, "replicates": 6, "person_years": 300}
"""A slice that shows that everything runs; its intervals are too coarse to judge by."""


def validate(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A subsystem, pharmacokinetics, or a trial; without one, everything."),
    ] = None,
    dose: Annotated[str | None, typer.Option("--dose", help="A regimen: '4 mg/kg iv every 4 weeks'.")] = None,
    weight: Annotated[str | None, typer.Option("--weight", help="A band of body weight: '>=100 kg'.")] = None,
    doses: Annotated[int | None, typer.Option("--doses", help="How many; default: 8, and at least 24 weeks.")] = None,
    model: Annotated[str, typer.Option("--model", help="Pharmacokinetic model and set of numbers.")] = "tocilizumab/ra",
    population: Annotated[str, typer.Option("--population", help="Who is dosed.")] = "ra",
    patients: Annotated[
        int | None, typer.Option("--patients", help="People in a population; under each set of numbers.")
    ] = None,
    replicates: Annotated[
        int | None, typer.Option("--replicates", help="Replicate trials of the published size.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A coarse slice, to see that everything runs.")] = False,
    forecast: Annotated[bool, typer.Option("--forecast", help="Record forecasts of trials without results.")] = False,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Of a trial to the numbers; without NAME, what the data can tell.")
    ] = False,
    method: Annotated[str, typer.Option("--method", help="Of --sensitivity: both, sobol or local.")] = "both",
    arm: Annotated[list[str] | None, typer.Option("--arm", help="Of --sensitivity: which arms.")] = None,
    samples: Annotated[int, typer.Option("--samples", help="Of --sensitivity: a power of two.")] = 16,
    seed: Seed = 1,
    settings: Set = None,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Run the published checks and print predicted against published; forecast; measure sensitivity."""
    from abate.ground.errors import InputError

    modes = [flag for flag, on in (("--dose", dose), ("--forecast", forecast), ("--sensitivity", sensitivity)) if on]
    if len(modes) > 1:
        raise InputError(modes[1], f"does not go with {modes[0]}", hint="give one of them")
    _check_sizes(patients, replicates)
    if dose is not None:
        from abate.cli.validate_exposure import validate_exposure

        if name not in (None, "pharmacokinetics", "drugs"):
            raise InputError("--dose", "only pharmacokinetics takes a dose", value=dose)
        people = patients or PATIENTS
        validate_exposure(dose, model, population, people, seed, weight, doses, changes(settings), json_, out)
        return
    _refuse_without_dose(weight, doses)
    asked = _Asked(name, patients, replicates, quick, seed, changes(settings), json_, out)
    if sensitivity:
        _sensitivity(asked, method, arm or [], samples)
    elif forecast:
        _forecast(asked)
    else:
        _board(asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was typed, whichever way it goes."""

    name: str | None
    patients: int | None
    replicates: int | None
    quick: bool
    seed: int
    settings: dict[str, str]
    json_: bool
    out: Path | None

    def effort(self) -> Effort:
        """How much to simulate: what is asked for; else a budget for all, or enough for one."""
        from abate.evidence.replicates import PERSON_YEARS
        from abate.evidence.scoreboard import Effort

        if self.quick:
            return Effort(
                self.patients or QUICK["patients"], self.replicates or QUICK["replicates"], QUICK["person_years"]
            )
        whole = self.name is None
        budget = PERSON_YEARS if whole else 4 * PERSON_YEARS
        many = self.replicates or (REPLICATES_OF_ALL if whole else REPLICATES)
        return Effort(self.patients or PATIENTS, many, None if self.replicates else budget)

    def told(self, effort: Effort) -> dict[str, Any]:
        """Return the effort as results.json tells it."""
        return {"effort": {"patients": effort.patients, "replicates": effort.replicates, "quick": self.quick}}

    def emit(self, payload: dict[str, Any], kind: str, show: Callable[[dict[str, Any]], None]) -> None:
        """Print it, and write it where a folder is given."""
        emit(payload, kind=kind, seed=self.seed, json_=self.json_, out=self.out, show=show)


def _check_sizes(patients: int | None, replicates: int | None) -> None:
    from abate.ground.errors import InputError

    if patients is not None and patients < 1:
        raise InputError("--patients", "too few", value=patients, allowed="1 or more")
    if replicates is not None and replicates < 2:
        raise InputError("--replicates", "too few for an interval", value=replicates, allowed="2 or more")


def _refuse_without_dose(weight: str | None, doses: int | None) -> None:
    from abate.ground.errors import InputError

    for option, value in {"--weight": weight, "--doses": doses}.items():
        if value is not None:
            raise InputError(option, "needs a dose", value=value, hint="add --dose '162 mg sc every week'")


def _board(asked: _Asked) -> None:
    from abate.cli.validate_written import write_board
    from abate.evidence.checks import checks
    from abate.evidence.scoreboard import models_used, scoreboard, trial_board
    from abate.ground.errors import InputError
    from abate.ground.files import did_you_mean
    from abate.science.model import load
    from abate.trial.protocol import trial_names

    name, settings, effort = asked.name, asked.settings, asked.effort()
    if name is None:
        if settings:
            raise InputError(
                "--set", "needs a trial", value=next(iter(settings)), hint="name one: abate validate giacta"
            )
        with progress("validating") as tell:
            payload = scoreboard(effort, seed=asked.seed, progress=lambda part, share: tell(share))
        payload = {**asked.told(effort), **payload}
        asked.emit(payload, "validation", _show_board)
        write_board(asked.out, payload, asked.seed, whole=True)
        return
    known = checks()
    own = _own_trial(name)
    if name not in known and own is None:
        raise InputError("NAME", "there is no such check", value=name, allowed=known, hint=did_you_mean(name, known))
    if settings and name not in trial_names() and own is None:
        raise InputError("--set", "needs a trial or a dose", value=next(iter(settings)), hint="abate validate giacta")
    with progress(f"validating {name}") as tell:
        if own is not None:
            payload = trial_board(own, effort, seed=asked.seed, settings=settings, progress=tell)
        else:
            payload = known[name](effort, asked.seed, settings, tell)
    models = {own.model_name: load(own.model_name).hash[:12]} if own else models_used(name)
    payload = {**asked.told(effort), "models": models, **payload}
    asked.emit(payload, "validation", _show_board)
    write_board(asked.out, payload, asked.seed, whole=False)


def _own_trial(name: str) -> Any:
    """Return a trial that a file brings, or that has no published figures yet; None for a check of the library.

    Raises
    ------
    InputError
        If nothing was published about the trial.
    """
    from abate.ground.errors import InputError
    from abate.trial.protocol import load_trial, trial_names

    if not name.endswith((".yaml", ".yml")) and (name not in trial_names() or load_trial(name).published):
        return None
    trial = load_trial(name)
    if trial.published:
        return trial
    hint = f"forecast it: abate validate {name} --forecast; or simulate it: abate simulate {name}"
    raise InputError("NAME", "the trial has no published figures to compare with", value=name, hint=hint)


def _forecast(asked: _Asked) -> None:
    from abate.cli.validate_written import show_forecast, write_forecast
    from abate.evidence.forecast import forecast, forecast_names, known_trial
    from abate.trial.settings import apply

    effort = asked.effort()
    trials = [apply(known_trial(name), asked.settings) for name in ([asked.name] if asked.name else forecast_names())]
    with progress("forecasting") as tell:
        payload = forecast(trials, effort, seed=asked.seed, progress=lambda trial, share: tell(share))
    payload = {**asked.told(effort), **payload}
    asked.emit(payload, "forecast", show_forecast)
    write_forecast(asked.out, payload, asked.seed)


def _sensitivity(asked: _Asked, method: str, arms: list[str], samples: int) -> None:
    from abate.cli.validate_written import show_sensitivity, write_sensitivity
    from abate.evidence.sensitivity.analysis import sensitivity
    from abate.evidence.sensitivity.informed import informed
    from abate.trial.protocol import load_trial
    from abate.trial.settings import apply

    people = asked.patients or (16 if asked.quick else 64)
    with progress("sensitivity") as tell:
        if asked.name is None:
            found = informed(people=people, seed=asked.seed, progress=tell)
            payload: dict[str, Any] = {"informed": found, "people": people, "models": found["models"]}
        else:
            trial = apply(load_trial(asked.name), asked.settings)
            size = 4 if asked.quick else samples
            payload = sensitivity(
                trial, arms=arms, method=method, samples=size, people=people, seed=asked.seed, progress=tell
            )
    asked.emit(payload, "sensitivity", show_sensitivity)
    write_sensitivity(asked.out, payload, asked.seed)


def _show_board(payload: dict[str, Any]) -> None:
    from abate.report.terminal import scoreboard, show
    from abate.report.validation_page import reason

    rows = payload["scoreboard"]
    boards = payload.get("subsystems") or {"": payload}
    for name, board in boards.items():
        mine = [row for row in rows if not name or row["subsystem"] == name]
        judged = [row for row in mine if row.get("judged", True)]
        inside = sum(bool(row["inside"]) for row in judged)
        title = board.get("title") or "Predicted against published"
        if mine:
            show(scoreboard(mine, title=f"{title}: {inside} of {len(judged)} judged figures inside"))
        for entry in board.get("listed", ()):
            print(f"not simulated: {entry['name']} ({entry['published']}): {entry['reason']}")  # noqa: T201
    for row in rows:
        if row.get("judged", True) and not row["inside"]:
            print(f"outside: {row['target']}{', ' + row['arm'] if row.get('arm') else ''}: {reason(row)}")  # noqa: T201
    if payload.get("effort", {}).get("quick"):
        print("A quick slice: its intervals are too coarse to judge by.")  # noqa: T201
