"""``abate analyse``: the report of a Study, simulated or observed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from abate.cli.output import Json, Out, emit

if TYPE_CHECKING:
    from abate.study.store import Study

__all__ = ["analyse"]


def analyse(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A Study, or a file of a clinic (CSV, Excel, REDCap ...).")
    ],
    map_: Annotated[Path | None, typer.Option("--map", metavar="FILE.toml", help="How columns are to be read.")] = None,
    policy: Annotated[str, typer.Option("--policy", help="Missing items: strict or prorate.")] = "strict",
    design: Annotated[
        Path | None, typer.Option("--design", metavar="DESIGN.yaml", help="Analyse it as this design file planned.")
    ] = None,
    look: Annotated[int | None, typer.Option("--look", help="With --design: the look (default: the last).")] = None,
    arm: Annotated[str | None, typer.Option("--arm", metavar="ARM", help="Before and after in this arm alone.")] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(
            "--order", metavar="MEASURE/VISIT", help="A test of the order fixed beforehand; repeat, or commas between."
        ),
    ] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also write report.pdf.")] = False,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Report a Study: results.json, tables, figures and report.html."""
    from abate.ground.errors import InputError
    from abate.ground.extras import need
    from abate.ground.files import check_replaceable
    from abate.study.store import Study, is_study

    if pdf:
        need("pdf")
    target = out or Path(f"{study.name.split('.')[0] or 'study'}-report")
    check_replaceable(target)
    if study.resolve().is_relative_to(target.resolve()):
        raise InputError("--out", "this would replace what is analysed", value=str(target), allowed="another folder")
    if design is not None:
        from abate.cli.design_study import analyse_planned

        analyse_planned(study, design, target, look=look, pdf=pdf, json_=json_)
        return
    if is_study(study) or study.is_dir():
        opened = Study(study)
        # Arms with recorded events are a trial; people measured before and after are a series.
        is_trial = opened.meta.get("source") == "simulated" or (
            len(opened.meta.get("arms", [])) > 1 and len(opened.events)
        )
        if is_trial and arm is None and not order:
            _trial(opened, target, pdf, json_)
        else:
            _series(opened.tables(), None, target, _Asked(policy, arm, _tests(order)), pdf, json_)
        return
    from abate.study import readers

    reading = readers.read(study, mapping=map_)
    print(reading.mapping.as_text(), file=sys.stderr)  # noqa: T201
    asked = _Asked(policy, arm, _tests(order))
    _series(reading.tables, reading.mapping.as_dict(), target, asked, pdf, json_)


@dataclass(frozen=True)
class _Asked:
    """What was asked of a series: missing items, one arm alone, an order of testing."""

    policy: str
    arm: str | None
    order: tuple[tuple[str, str], ...]


def _tests(order: list[str] | None) -> tuple[tuple[str, str], ...]:
    """Read ``fiqr/week-12`` as a measure and a visit; commas separate, too."""
    from abate.ground.errors import InputError
    from abate.ground.results import slug

    tests = []
    for text in (part.strip() for given in order or () for part in given.split(",")):
        measure, _, visit = text.rpartition("/")
        if not measure or not visit.strip():
            raise InputError("--order", "not a test", value=text, allowed="MEASURE/VISIT, as in fiqr/week-12")
        tests.append((slug(measure), slug(visit)))
    return tuple(tests)


def _trial(study: Study, target: Path, pdf: bool, json_: bool) -> None:
    from abate.ground.files import fresh_directory
    from abate.ground.results import write_results
    from abate.report import trial as report
    from abate.report.document import write_pdf
    from abate.report.terminal import show as show_tables
    from abate.report.trial_view import look
    from abate.study.arms import analyse_arms

    payload = analyse_arms(study.tables())
    seed = study.meta.get("provenance", {}).get("seed")
    with fresh_directory(target) as folder:
        write_results(folder, "trial", seed, payload)
        report.write(study, folder, results=payload)
        if pdf:
            write_pdf(report.compose(look(study, None, payload)), folder / "report.pdf")
    view = look(study, None, payload)

    def show(_: dict[str, Any]) -> None:
        show_tables(report.summary_table(view))
        print(f"Report: {target / 'report.html'}")  # noqa: T201

    emit(payload, kind="trial", seed=seed, json_=json_, out=None, show=show)


def _series(tables: Any, source: dict[str, Any] | None, target: Path, asked: _Asked, pdf: bool, json_: bool) -> None:
    from abate.ground.errors import InputError
    from abate.ground.files import did_you_mean

    policy, arm = asked.policy, asked.arm
    if policy not in ("strict", "prorate"):
        raise InputError("--policy", "there is no such rule for missing items", value=policy, allowed="strict, prorate")
    arms = sorted(set(tables.subjects["arm"].astype(str)))
    if arm is not None and arm not in arms:
        raise InputError("--arm", "there is no such arm", value=arm, allowed=arms, hint=did_you_mean(arm, arms))
    from abate.ground.files import fresh_directory
    from abate.ground.results import write_results
    from abate.report import series as report
    from abate.science.instruments import Policy
    from abate.study.between_arms import sentences
    from abate.study.series import analyse as analyse_series

    payload = analyse_series(tables, policy=cast(Policy, policy), arm=arm, order=asked.order)
    if source is not None:
        payload["source"] = source
    with fresh_directory(target) as folder:
        write_results(folder, "series", None, payload)
        report.write(tables, payload, folder, arm=arm, pdf=pdf)

    def show(_: dict[str, Any]) -> None:
        for line in report.sentences(payload):
            print(line)  # noqa: T201
        for line in sentences(payload.get("between_arms", {})):
            print(line)  # noqa: T201
        print(f"Report: {target / 'report.html'}")  # noqa: T201

    emit(payload, kind="series", seed=None, json_=json_, out=None, show=show)
