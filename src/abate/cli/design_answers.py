"""What ``abate design`` answers: from numbers, from a design file, or from a pilot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abate.ground.errors import InputError

__all__ = ["Answer", "Wanted", "from_file", "from_numbers", "from_pilot"]

FLAT = ("alpha", "power", "sided", "ratio", "dropout", "layout")
ASSUME = (
    "control",
    "treatment",
    "effect",
    "sd",
    "correlation",
    "hazard_ratio",
    "at",
    "accrual",
    "follow_up",
    "odds_ratio",
    "categories",
    "win_ratio",
    "ties",
    "margin",
    "better",
    "period",
    "carry_over",
    "test",
)
LOOKS = (
    "information",
    "boundary",
    "spending",
    "gamma",
    "rho",
    "delta",
    "early_z",
    "spend",
    "futility",
    "futility_z",
    "futility_gamma",
)
LISTS = ("categories", "information", "spend", "futility_z")


@dataclass(frozen=True)
class Answer:
    """What a design comes to: its numbers, its report, and further files for a folder."""

    payload: dict[str, Any]
    report: Callable[[], Any]
    files: Callable[[Path], Any] | None = None


@dataclass(frozen=True)
class Wanted:
    """What the options say about the size of a trial, in the groups of a design file."""

    flat: dict[str, Any]
    assume: dict[str, Any]
    looks: dict[str, Any]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Wanted:
        """Sort the options of the command line."""
        read = {key: _numbers(f"--{key.replace('_', '-')}", options[key]) for key in LISTS}
        given = {key: value for key, value in {**options, **read}.items() if value is not None}
        looks = {key: given[key] for key in LOOKS if key in given}
        if "looks" in given:
            looks["number"] = given["looks"]
        if given["binding"]:
            looks["binding"] = True
        flat, assume = ({key: given[key] for key in keys if key in given} for keys in (FLAT, ASSUME))
        return cls(flat, assume, looks)

    def request(self) -> Any:
        """Return the request."""
        from abate.design.request import DesignRequest
        from abate.ground.files import Document
        from abate.ground.schema import read

        return read(DesignRequest, Document("design", self.changes()))

    def changes(self) -> dict[str, Any]:
        """Return what was given, as a design file has it."""
        groups = {"assume": self.assume, "looks": self.looks}
        return {**self.flat, **{name: group for name, group in groups.items() if group}}


def _numbers(name: str, text: str | None) -> tuple[float, ...] | None:
    """Read ``0.5,0.75,1``."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.replace(";", ",").split(",") if part.strip())
    except ValueError as error:
        raise InputError(name, "not numbers with commas between", value=text, allowed="as 0.5,0.75,1") from error


def from_numbers(
    wanted: Wanted,
    *,
    simulate: int | None,
    seed: int,
    adaptive: str | None,
    adapt: list[str] | None,
    stopped: str | None,
) -> Answer:
    """Size a trial from the options, and simulate it where asked."""
    from abate.design.plan import plan
    from abate.design.report import design_report

    made = plan(wanted.request())
    body = made.payload()
    if adaptive is not None:
        from abate.cli.output import changes
        from abate.design.adaptive.choose import adaptive as simulated

        body["adaptive"] = simulated(made, adaptive, changes=changes(adapt), trials=simulate or 10_000, seed=seed)
    elif simulate is not None:
        from abate.design.adaptive.sequential_trials import expected_error, simulate_plan

        body["simulated"] = {
            "trials": simulate,
            "nominal_error": expected_error(made),
            "null": simulate_plan(made, null=True, trials=simulate, seed=seed).as_dict(),
            "effect": simulate_plan(made, trials=simulate, seed=seed).as_dict(),
        }
    if stopped is not None:
        from abate.design.stopping import read_stopped

        body["stopped"] = made.stopped(*read_stopped(stopped))
    return Answer({"design": body}, lambda: design_report(made, body=body))


def from_file(file: Path, wanted: Wanted, seed: int) -> Answer:
    """Size the trial of a design file, and write its protocol."""
    from abate.design.assurance import solve_from_pilot
    from abate.design.plan import plan
    from abate.design.protocol.file import load_design
    from abate.design.protocol.sample_size import paragraph
    from abate.design.protocol.sections import protocol_sections
    from abate.design.protocol.write import write_protocol
    from abate.design.report import design_report

    described = load_design(file, changes=wanted.changes())
    pilot, assured = None, None
    if described.pilot is not None:
        pilot = described.pilot.value()
        made, assured = solve_from_pilot(pilot, described.request)
    else:
        made = plan(described.request)
    body = {"name": described.name, "title": described.title, **made.payload()}
    if pilot is not None and assured is not None:
        body |= {"pilot": pilot.as_dict(), "assurance": assured.as_dict()}

    def report() -> Any:
        more = protocol_sections(described, made)
        return design_report(made, title=described.title, pilot=pilot, assured=assured, more=more)

    size = paragraph(made, pilot=pilot, assured=assured)
    return Answer({"design": body}, report, lambda f: write_protocol(described, made, f, seed=seed, size=size))


def from_pilot(path: str, wanted: Wanted, seen: dict[str, Any], target: float | None) -> Answer:
    """Size a trial from a pilot."""
    from abate.design.assurance import solve_from_pilot
    from abate.design.pilot import read_counts, read_pilot
    from abate.design.report import design_report

    pilot = read_counts(path, **seen) or read_pilot(path, **seen)
    made, assured = solve_from_pilot(pilot, wanted.request(), target=target)
    body = {**made.payload(), "pilot": pilot.as_dict(), "assurance": assured.as_dict()}
    title = "A randomised trial, sized from a pilot"
    return Answer({"design": body}, lambda: design_report(made, title=title, pilot=pilot, assured=assured))
