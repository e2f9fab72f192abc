"""Trial lab: run a virtual trial, read its report, and browse the people in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nicegui import ui
from pydantic import ValidationError

from abate.ground.errors import AbateError
from abate.web.faults import one_line
from abate.web.pages.frame import PATIENCE, fault, frame, html, press, room, words
from abate.web.pages.progress import Progress
from abate.web.sessions import Run
from abate.web.trials import FOR_REPORTS, TrialRequest, plan_trial, report_trial
from abate.web.words import Words
from abate.web.work import Job, bench

if TYPE_CHECKING:
    from abate.report.trial_view import TrialView

__all__ = ["lab_page", "run_page"]

KIND = "trials"


@ui.page("/lab", response_timeout=PATIENCE)
async def lab_page() -> None:
    """Choose a trial, run it, find the earlier ones."""
    _ = words()
    titles = await bench.call(_trials)
    with frame(_, _("Trial lab"), here="/lab"):
        html(
            escape(
                _(
                    "People who do not exist, drawn from published populations, go through a trial under its own "
                    "rules. Look at a trial with few people to see how much chance alone does."
                )
            ),
            classes="lead",
            tag="p",
        )
        with ui.element("div").classes("fields"):
            trial = ui.select(titles, value=next(iter(titles)), label=_("Trial")).props("outlined").classes("broad")
            patients = ui.number(_("People in each arm"), value=20, min=1, max=2000, precision=0).props("outlined")
            seed = ui.number(_("Seed"), value=1, min=0, precision=0).props("outlined")
            seed.tooltip(_("The same seed gives the same people and the same course."))
        said = ui.element("div")
        with ui.element("div").classes("actions"):
            button = press(_("Run the trial"))
        mine = room()

        def ended(job: Job) -> None:
            _show_end(_, job, said)
            listed.refresh()

        progress = Progress(_, KIND, ended)

        @ui.refreshable
        def listed() -> None:
            _list(_, mine.runs(KIND))

        listed()

        async def start() -> None:
            said.clear()
            try:
                request = TrialRequest(
                    trial=trial.value,
                    patients=int(patients.value or 0),
                    seed=int(-1 if seed.value is None else seed.value),
                )
                await bench.call(plan_trial, request, FOR_REPORTS)
            except (AbateError, ValidationError) as error:
                with said:
                    fault(one_line(error.errors()) if isinstance(error, ValidationError) else str(error))
                return
            work = _runner(request, mine.new_run(KIND), mine.note)
            bench.start(progress.session, KIND, titles[request.trial], work, long=True)
            progress.watch()

        button.on_click(start)


def _runner(
    request: TrialRequest, folder: Path, note: Callable[[Path, dict[str, Any]], None]
) -> Callable[[Callable[[float], None]], str]:
    def work(tell: Callable[[float], None]) -> str:
        note(folder, report_trial(request, folder, tell))
        return folder.name

    return work


def _trials() -> dict[str, str]:
    from abate.report.entry import shelf

    return {entry.name: entry.title for entry in shelf() if entry.kind == "trial"}


def _show_end(_: Words, job: Job, said: ui.element) -> None:
    said.clear()
    with said:
        if job.state == "failed":
            fault(job.message)
        elif job.state == "stopped":
            ui.label(_("Stopped; nothing was kept of it.")).props("role=status")
        else:
            link = f'<a href="/lab/{job.result}">{escape(_("Read the report"))}</a>'
            html(f'<p role="status">{escape(_("Done."))} {link}</p>')


def _list(_: Words, runs: list[Run]) -> None:
    if not runs:
        return
    html(escape(_("Trials that you ran")), tag="h2")
    rows = "".join(
        f'<li><a href="/lab/{run.key}">{escape(run.about["title"])}</a> '
        f'<span class="what">{escape(_about(_, run))}</span></li>'
        for run in runs
    )
    html(rows, classes="plain", tag="ul")


def _about(_: Words, run: Run) -> str:
    said = _("{n} people in each arm, seed {seed}", n=run.about["patients"], seed=run.about["seed"])
    return f"№ {run.key}: {said}"


@ui.page("/lab/{key}", response_timeout=PATIENCE)
async def run_page(key: str) -> None:
    """Show one run: its people and its report."""
    _ = words()
    run = room().run(KIND, key)
    with frame(_, run.about["title"] if run else _("Trial lab"), here="/lab"):
        if run is None:
            fault(_("This browser has no such trial."))
            return
        html(escape(_about(_, run)), classes="note", tag="p")
        html(escape(_("One person's course")), tag="h2")
        view = await bench.call(_view, str(run.folder))
        people = [str(name) for name in view.people.index]
        shown = await bench.call(_chosen, view) or people[0]
        who = ui.select(people, value=shown, label=_("Person"), with_input=True).props("outlined").classes("broad")
        box = ui.element("div")

        async def tell() -> None:
            content = await bench.call(_person, _, view, str(who.value))
            box.clear()
            with box:
                html(content)

        who.on_value_change(tell)
        await tell()
        html(escape(_("Report")), tag="h2")
        address = f"/runs/{KIND}/{run.key}/report.html"
        opening = escape(_("Open the report on its own page, to print or save it"))
        html(f'<a href="{address}" target="_blank" rel="noopener">{opening}</a>', tag="p")
        if _.language != "en":
            html(escape(_("Reports are written in English.")), classes="note", tag="p")
        html(f'<iframe class="report" src="{address}" title="{escape(_("Report"))}"></iframe>')


@lru_cache(maxsize=8)
def _view(folder: str) -> TrialView:
    from abate.report.trial_view import look
    from abate.study.store import Study

    return look(Study(Path(folder) / "study"), None, None)


def _chosen(view: TrialView) -> str | None:
    from abate.report.trial_story import choose

    return choose(view)


def _person(_: Words, view: TrialView, subject: str) -> str:
    from abate.report.drawing import to_svg
    from abate.report.trial_story import portrait, story

    alt = _("Prednisone, symptoms and CRP of one person over the weeks of the trial.")
    drawn = to_svg(portrait(view, subject), label=alt, standalone=False)
    lines = "".join(
        f'<li class="{escape(line.kind)}"><time>{escape(line.when)}</time>{escape(line.what)}'
        f'<span class="why">{escape(line.why)}</span></li>'
        for line in story(view, subject)
    )
    caption = escape(_("What was taken and what each visit saw; dotted lines: a flare was called."))
    return f'<figure>{drawn}<figcaption>{caption}</figcaption></figure><ol class="story" lang="en">{lines}</ol>'
