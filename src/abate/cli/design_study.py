"""``abate design FILE --study STUDY`` and ``abate analyse STUDY --design FILE``: the analysis that a design planned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from abate.cli.design_answers import Answer, Wanted

__all__ = ["analyse_planned", "from_people", "from_study", "show_study"]


def from_study(file: Path, study: Path, *, look: int | None, seed: int, wanted: Wanted | None = None) -> Answer:
    """Analyse a Study as a design file says.

    Raises
    ------
    InputError
        When the Study is not of this design.
    """
    from abate.design.analysis.planned import analyse_as_planned
    from abate.design.assurance import solve_from_pilot
    from abate.design.plan import plan
    from abate.design.protocol.file import load_design
    from abate.design.report_study import study_report
    from abate.study.store import Study, is_study

    described = load_design(file, changes=wanted.changes() if wanted else None)
    if is_study(study) or study.is_dir():
        tables = Study(study).tables()
    else:
        from abate.study import readers

        tables = readers.read(study).tables
    if described.pilot is not None:
        made = solve_from_pilot(described.pilot.value(), described.request)[0]
    else:
        made = plan(described.request)
    body: dict[str, Any] = {"kind": "planned-analysis"}
    body |= analyse_as_planned(tables, described, made, look=look, seed=seed)
    return Answer({"design": body}, lambda: study_report(body, described, made))


def from_people(people: Path | None, lists: Path | None, out: Path | None) -> Answer:
    """Allocate people from the sealed half of a randomisation folder.

    Raises
    ------
    InputError
        When one of the three is missing, or the list does not fit the people.
    """
    from abate.design.allocate import allocate, read_people, write_allocated
    from abate.ground.errors import InputError
    from abate.report.page import Honesty, Prose, Report, Section

    if people is None or lists is None or out is None:
        raise InputError(
            "--allocate",
            "people, lists and a folder to write into are needed",
            hint="--allocate P.csv --lists D --out O",
        )
    found = allocate(lists, read_people(people))
    # Nothing printed or reported here may tell an arm.
    body = {"kind": "allocation", "people": len(found), "commitment_kept": True}
    text = f"{len(found)} people were allocated. sites/allocated.csv has their kits; sealed/ also has their arms."
    limits = ("The sealed folder must not reach anybody who recruits or assesses.",)
    sections = (Section("Allocated", (Prose(text), Honesty(limits=limits))),)
    report = Report(title="Allocation", kind="Trial design", sections=sections)
    return Answer({"design": body}, lambda: report, lambda folder: write_allocated(found, folder))


def analyse_planned(study: Path, design: Path, target: Path, *, look: int | None, pdf: bool, json_: bool) -> None:
    """Analyse a Study as a design file says, and write results.json and the report."""
    from abate.cli.output import emit
    from abate.ground.files import fresh_directory
    from abate.ground.results import write_results
    from abate.report.page import write

    answer = from_study(design, study, look=look, seed=1)
    with fresh_directory(target) as folder:
        write_results(folder, "design", 1, answer.payload)
        report = answer.report()
        write(report, folder)
        if pdf:
            from abate.report.document import write_pdf

            write_pdf(report, folder / "report.pdf")
    emit(answer.payload, kind="design", seed=1, json_=json_, out=None, show=lambda body: show_study(body["design"]))


def show_study(body: dict[str, Any]) -> None:
    """Print what was found."""
    from rich.console import Console

    from abate.design.report_study import study_sentences

    console = Console() if Console().is_terminal else Console(width=160)
    arms = ", ".join(f"{arm['randomised']} on {arm['label']}" for arm in body["flow"].values())
    console.print(f"{body['title']}: {arms}", highlight=False)
    console.print(f"Endpoint: {body['endpoint']['name']}, week {body['endpoint']['week']}", highlight=False)
    for line in study_sentences(body):
        console.print(line, highlight=False)
    console.print("For research; not a prescription.", style="dim")
