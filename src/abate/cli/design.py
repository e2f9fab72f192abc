"""``abate design``: sample size and operating characteristics of a randomised trial."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abate.cli import design_options as options
from abate.cli.design_answers import Answer, Wanted, from_file, from_numbers, from_pilot
from abate.cli.output import Json, Out, Seed, Set, emit
from abate.ground.errors import InputError

__all__ = ["design"]

SEEN = ("measure", "visit", "responder", "control", "prior_people", "control_people")
TRIALS = (
    "arms",
    "patients",
    "replicates",
    "endpoint",
    "vary",
    "plausible",
    "sets",
    "settings",
    "seed",
    "out",
    "resume",
    "cluster",
)


def design(
    file: options.File = None,
    *,
    alpha: options.Alpha = None,
    power: options.Power = None,
    sided: options.Sided = None,
    ratio: options.Ratio = None,
    dropout: options.Dropout = None,
    layout: options.Layout = None,
    control: options.Control = None,
    treatment: options.Treatment = None,
    effect: options.Effect = None,
    sd: options.Sd = None,
    correlation: options.Correlation = None,
    hazard_ratio: options.HazardRatio = None,
    at: options.At = None,
    accrual: options.Accrual = None,
    follow_up: options.FollowUp = None,
    odds_ratio: options.OddsRatio = None,
    categories: options.Categories = None,
    win_ratio: options.WinRatio = None,
    ties: options.Ties = None,
    margin: options.Margin = None,
    better: options.Better = None,
    period: options.Period = None,
    carry_over: options.CarryOver = None,
    test: options.Test = None,
    looks: options.LooksNumber = None,
    information: options.Information = None,
    boundary: options.Boundary = None,
    spending: options.Spending = None,
    gamma: options.Gamma = None,
    rho: options.Rho = None,
    delta: options.Delta = None,
    early_z: options.EarlyZ = None,
    spend: options.Spend = None,
    futility: options.Futility = None,
    futility_z: options.FutilityZ = None,
    futility_gamma: options.FutilityGamma = None,
    binding: options.Binding = False,
    pilot: options.Pilot = None,
    measure: options.Measure = None,
    visit: options.Visit = None,
    responder: options.Responder = None,
    prior_people: options.PriorPeople = None,
    control_people: options.ControlPeople = 0.0,
    assurance: options.Assurance = None,
    trial: options.Trial = None,
    replicates: options.Replicates = 1000,
    patients: options.Patients = None,
    arms: options.Arms = None,
    endpoint: options.Endpoint = None,
    vary: options.Vary = None,
    plausible: options.Plausible = None,
    sets: options.Sets = None,
    settings: Set = None,
    resume: options.Resume = False,
    cluster: options.Cluster = None,
    simulate: options.Simulate = None,
    adaptive: options.Adaptive = None,
    adapt: options.Adapt = None,
    stopped: options.Stopped = None,
    study: options.Study = None,
    look: options.Look = None,
    allocate: options.Allocate = None,
    lists: options.Lists = None,
    seed: Seed = 1,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Design a randomised trial: its size, its looks, and how it behaves.

    The effect comes from the options, from a design file, from a pilot (--pilot) or from virtual trials (--trial). With
    --out, the folder holds results.json and a report; a design file also gives the protocol, the randomisation lists
    and dummy ADaM data.
    """
    given = dict(locals())
    _finish(_answer(given), seed=seed, json_=json_, out=out)


def _answer(given: Mapping[str, Any]) -> Answer:
    wanted = Wanted.of(given)
    if given["pilot"] is not None:
        return from_pilot(given["pilot"], wanted, {key: given[key] for key in SEEN}, given["assurance"])
    if given["trial"] is not None:
        from abate.cli.design_trials import from_trials

        return from_trials(given["trial"], wanted.request(), **{key: given[key] for key in TRIALS})
    if given["allocate"] is not None or given["lists"] is not None:
        from abate.cli.design_study import from_people

        return from_people(given["allocate"], given["lists"], given["out"])
    if given["study"] is not None:
        return _from_study(given, wanted)
    if given["file"] is not None:
        return from_file(given["file"], wanted, given["seed"])
    return from_numbers(wanted, **{key: given[key] for key in ("simulate", "seed", "adaptive", "adapt", "stopped")})


def _from_study(given: Mapping[str, Any], wanted: Wanted) -> Answer:
    from abate.cli.design_study import from_study

    if given["file"] is None:
        raise InputError(
            "--study", "a Study is analysed as its design file says", hint="abate design FILE --study STUDY"
        )
    return from_study(given["file"], given["study"], look=given["look"], seed=given["seed"], wanted=wanted)


def _finish(answer: Answer, *, seed: int, json_: bool, out: Path | None) -> None:
    from abate.cli.design_show import show
    from abate.ground.files import fresh_directory
    from abate.ground.results import write_results

    if out is not None:
        from abate.report.page import write

        with fresh_directory(out) as folder:
            write_results(folder, "design", seed, answer.payload)
            write(answer.report(), folder)
            if answer.files is not None:
                answer.files(folder)
    emit(answer.payload, kind="design", seed=seed, json_=json_, out=None, show=show)
