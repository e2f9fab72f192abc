"""The options of ``abate design``, each with its panel of the help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

EFFECT, LOOKS, PILOT, RUN = "Effect", "Looks", "From a pilot", "From virtual trials"
COURSE = "While the trial runs"


def _in(panel: str | None, *names: str, **settings: Any) -> Any:
    """Return an option in a panel of the help."""
    return typer.Option(*names, rich_help_panel=panel, **settings)


File = Annotated[Path | None, typer.Argument(metavar="[DESIGN.yaml]", help="A design file; options win.")]
Alpha = Annotated[float | None, _in(None, "--alpha", help="Type I error over all looks (default: 0.05).")]
Power = Annotated[float | None, _in(None, "--power", help="Wanted power (default: 0.9).")]
Sided = Annotated[int | None, _in(None, "--sided", help="Sides of the test, 1 or 2 (default: 2).")]
Ratio = Annotated[float | None, _in(None, "--ratio", help="People on treatment for each on control (default: 1).")]
Dropout = Annotated[
    float | None, _in(None, "--dropout", help="Share of people lost (default: 0); for a time to an event by --at.")
]
Layout = Annotated[str | None, _in(None, "--layout", help="parallel, paired or crossover (default: parallel).")]

Control = Annotated[float | None, _in(EFFECT, "--control", help="Share (or mean) on control.")]
Treatment = Annotated[float | None, _in(EFFECT, "--treatment", help="The same on treatment.")]
Effect = Annotated[float | None, _in(EFFECT, "--effect", help="Treatment minus control.")]
Sd = Annotated[float | None, _in(EFFECT, "--sd", help="Standard deviation of the score.")]
Correlation = Annotated[
    float | None, _in(EFFECT, "--correlation", help="Of a score with its baseline, or of both periods.")
]
HazardRatio = Annotated[float | None, _in(EFFECT, "--hazard-ratio", help="For a time to flare.")]
At = Annotated[float | None, _in(EFFECT, "--at", help="Time by which --control have the event.")]
Accrual = Annotated[float | None, _in(EFFECT, "--accrual", help="Time over which people enter.")]
FollowUp = Annotated[float | None, _in(EFFECT, "--follow-up", help="Time the last one is followed.")]
OddsRatio = Annotated[float | None, _in(EFFECT, "--odds-ratio", help="For ordered categories.")]
Categories = Annotated[
    str | None, _in(EFFECT, "--categories", help="Their shares on control, best first: 0.2,0.5,0.3.")
]
WinRatio = Annotated[float | None, _in(EFFECT, "--win-ratio", help="For a ranked composite.")]
Ties = Annotated[float | None, _in(EFFECT, "--ties", help="Share of tied pairs.")]
Margin = Annotated[
    float | None,
    _in(EFFECT, "--margin", help="Non-inferiority: the loss that is still accepted, or the highest hazard ratio."),
]
Better = Annotated[
    str | None, _in(EFFECT, "--better", help="Which score is better: lower or higher (default: as --effect says).")
]
Period = Annotated[float | None, _in(EFFECT, "--period", help="Crossover: second period minus the first (it cancels).")]
CarryOver = Annotated[
    float | None,
    _in(EFFECT, "--carry-over", help="Crossover: what is left of treatment in the next period, less of control."),
]
Test = Annotated[
    str | None,
    _in(EFFECT, "--test", help="pooled, continuity, unpooled, arcsine, exact; schoenfeld, freedman."),
]

LooksNumber = Annotated[int | None, _in(LOOKS, "--looks", help="How many, the last included (default: 1).")]
Information = Annotated[
    str | None, _in(LOOKS, "--information", help="Shares of the information: 0.5,0.75,1 (default: equal).")
]
Boundary = Annotated[
    str | None,
    _in(
        LOOKS,
        "--boundary",
        help="obrien-fleming, pocock, haybittle-peto, hwang-shih-decani, wang-tsiatis (default: obrien-fleming).",
    ),
]
Spending = Annotated[
    str | None,
    _in(LOOKS, "--spending", help="obrien-fleming, pocock, hwang-shih-decani, kim-demets (Lan-DeMets)."),
]
Gamma = Annotated[float | None, _in(LOOKS, "--gamma", help="Of Hwang-Shih-DeCani (default: -4).")]
Rho = Annotated[float | None, _in(LOOKS, "--rho", help="Of Kim-DeMets (default: 3).")]
Delta = Annotated[float | None, _in(LOOKS, "--delta", help="Of Wang-Tsiatis (default: 0.25).")]
EarlyZ = Annotated[float | None, _in(LOOKS, "--early-z", help="Of Haybittle-Peto (default: 3).")]
Spend = Annotated[str | None, _in(LOOKS, "--spend", help="Cumulative error of a side at each look: 0.005,0.025.")]
Futility = Annotated[str | None, _in(LOOKS, "--futility", help="Spending function of the type II error.")]
FutilityZ = Annotated[str | None, _in(LOOKS, "--futility-z", help="Or fixed z, one a look but the last: 0,0.5.")]
FutilityGamma = Annotated[
    float | None, _in(LOOKS, "--futility-gamma", help="Of Hwang-Shih-DeCani futility (default: -2).")
]
Binding = Annotated[bool, _in(LOOKS, "--binding", help="The futility boundary must be heeded.")]

Pilot = Annotated[str | None, _in(PILOT, "--pilot", metavar="STUDY", help="A Study, a CSV, or responders as 3/6.")]
Measure = Annotated[str | None, _in(PILOT, "--measure", help="What was measured.")]
Visit = Annotated[str | None, _in(PILOT, "--visit", help="Visit of the change (default: the last).")]
Responder = Annotated[float | None, _in(PILOT, "--responder", help="A fall by this share makes a responder: 0.3.")]
PriorPeople = Annotated[
    float | None, _in(PILOT, "--prior-people", help="Weight of the prior of no effect (default: as the pilot).")
]
ControlPeople = Annotated[float, _in(PILOT, "--control-people", help="People behind --control; 0 takes it as known.")]
Assurance = Annotated[
    float | None, _in(PILOT, "--assurance", help="Size for this chance of success instead of the power.")
]

Trial = Annotated[str | None, _in(RUN, "--trial", metavar="TRIAL", help="Run replicates of this trial (name or file).")]
Replicates = Annotated[int, _in(RUN, "--replicates", help="How many trials.")]
Patients = Annotated[
    int | None, _in(RUN, "--patients", help="In each arm (default: as the treatment arm of the trial).")
]
Arms = Annotated[str | None, _in(RUN, "--arms", help="treatment,control (default: the first arm, the reference).")]
Endpoint = Annotated[str | None, _in(RUN, "--endpoint", help="The one that decides (default: the trial's first).")]
Vary = Annotated[list[str] | None, _in(RUN, "--vary", metavar="NAME=LOW:HIGH", help="A parameter that is not known.")]
Plausible = Annotated[
    str | None,
    _in(RUN, "--plausible", metavar="library|FILE.toml", help="A plausible set of the model's numbers a trial."),
]
Sets = Annotated[int | None, _in(RUN, "--sets", help="How many such parameters (default: 1; 20 plausible sets).")]
Resume = Annotated[bool, _in(RUN, "--resume", help="Go on with an interrupted run.")]
Cluster = Annotated[
    str | None,
    _in(RUN, "--cluster", metavar="ADDRESS", help="A Dask scheduler, or 'local' to start one."),
]

Simulate = Annotated[int | None, _in(None, "--simulate", help="Simulate so many trials of the design itself.")]
Adaptive = Annotated[
    str | None,
    _in(
        None,
        "--adaptive",
        help="blinded-re-estimation, promising-zone, response-adaptive, bayesian or enrichment.",
    ),
]
Adapt = Annotated[list[str] | None, _in(None, "--adapt", metavar="KEY=VALUE", help="A setting of the adaptive design.")]

Stopped = Annotated[
    str | None,
    _in(
        COURSE,
        "--stopped",
        metavar="LOOK:Z",
        help="What a trial that stopped there says; z is positive in the direction of the effect.",
    ),
]
Study = Annotated[
    Path | None,
    _in(COURSE, "--study", metavar="STUDY", help="Analyse this Study as the design file says."),
]
Look = Annotated[int | None, _in(COURSE, "--look", help="At which look its data were taken (default: the last).")]
Allocate = Annotated[
    Path | None,
    _in(COURSE, "--allocate", metavar="PEOPLE.csv", help="Allocate people, in the order of the file, from --lists."),
]
Lists = Annotated[
    Path | None,
    _in(COURSE, "--lists", metavar="DIR", help="With --allocate: the randomisation folder of the design."),
]
