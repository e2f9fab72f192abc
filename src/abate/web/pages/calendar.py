"""Calendar: the chosen plan by day, with tablets; papers to hand over."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from fastapi import HTTPException, Request
from fastapi.responses import FileResponse
from nicegui import app, ui

from abate.ground.errors import AbateError
from abate.planner.record import Record
from abate.planner.schedule import Day, Schedule, schedule
from abate.web.pages.compare import desk_of
from abate.web.pages.frame import PATIENCE, fault, frame, html, press, room, session, words
from abate.web.pages.plan_html import plan_name, table
from abate.web.pages.progress import Progress
from abate.web.pages.warnings import flag_box
from abate.web.plans import Desk, Variant, load_patient
from abate.web.words import Words
from abate.web.work import Job, bench

__all__ = ["calendar_page", "paper"]

KIND = "papers"
_PAPERS = ("handout.pdf", "letter.pdf", "calendar.ics", "plan.fhir.json", "schedule.csv")


@ui.page("/calendar", response_timeout=PATIENCE)
async def calendar_page() -> None:
    """Show the chosen plan week by week."""
    _ = words()
    mine = room()
    with frame(_, _("Calendar"), here="/calendar"):
        if "chosen" not in app.storage.user:
            html(f'<a href="/compare">{escape(_("Choose a plan first"))}</a>', tag="p")
            return
        variant = Variant.of(app.storage.user["chosen"])
        try:
            record = load_patient(mine.patient)
            if record is None:
                html(f'<a href="/patient">{escape(_("Enter a patient first"))}</a>', tag="p")
                return
            flag_box(_, record)
            made = await bench.call(_schedule, record, variant)
        except AbateError as error:
            fault(str(error))
            return
        html(escape(plan_name(_, made.option.label)), classes="lead", tag="p")
        _papers(_, record, variant, mine.folder / "papers")
        _weeks(_, made)


def _schedule(record: Record, variant: Variant) -> Schedule:
    return schedule(record, variant.option(record))


def _papers(_: Words, record: Record, variant: Variant, folder: Path) -> None:
    desk = desk_of(session(), record)
    said = ui.element("div").classes("noprint")

    def work(tell: Callable[[float], None]) -> None:
        _write(desk, record, variant, folder, tell)

    def ended(job: Job) -> None:
        said.clear()
        with said:
            if job.state != "done":
                fault(job.message or _("Stopped; nothing was kept of it."))
                return
            names = {
                "handout.pdf": _("Handout with boxes to tick (PDF)"),
                "letter.pdf": _("Letter to the doctor (PDF)"),
                "calendar.ics": _("Calendar (ICS)"),
                "plan.fhir.json": _("For records of a clinic (FHIR)"),
                "schedule.csv": _("Table (CSV)"),
            }
            rows = "".join(f'<li><a href="/papers/{n}" download>{escape(t)}</a></li>' for n, t in names.items())
            html(rows, tag="ul", classes="plain")
            if _.language != "en":
                html(escape(_("Papers are written in English.")), classes="note", tag="p")

    button = press(_("Make the papers to hand over")).classes("noprint")
    progress = Progress(_, KIND, ended)

    def start() -> None:
        bench.start(progress.session, KIND, _("Papers"), work)
        progress.watch()

    button.on_click(start)


def _write(desk: Desk, record: Record, variant: Variant, folder: Path, tell: Callable[[float], None]) -> None:
    """Write every paper of the chosen plan; the letter needs the forecast."""
    from abate.planner.paper import write_papers

    desk.work(record, [variant], lambda share: tell(0.7 * share))
    made = _schedule(record, variant)
    plan = desk.plan([variant]) | {"chosen": variant.key, "schedule": made.as_dict()}
    tell(0.8)
    write_papers(made, plan, folder)


def _weeks(_: Words, made: Schedule) -> None:
    notes = made.by_day()
    rows = []
    for first, days, total in made.weeks():
        doses = dict.fromkeys(f"{_('{n} mg', n=_.number(day.mg, 2))}: {_tablets(_, day)}" for day in days)
        lower = next((day.lowered_by_per_cent for day in days if day.lowered_by_per_cent), None)
        said = "".join(
            f'<span class="todo">{escape(_.date(day.date))}: {escape(_.told(reminder.what))}</span>'
            for day in days
            for reminder in notes.get(day.date, ())
        )
        step = f"{_.percent(lower / 100)}\u00a0↓" if lower and lower > 0 else ""
        rows.append([escape(_.date(first)), escape("; ".join(doses)) + said, escape(step), escape(_.number(total, 2))])
    heads = [_("Week of"), _("Each day, and what to do"), _("Step"), _("mg in the week")]
    html(table([escape(head) for head in heads], rows))
    html(escape(_("Tablets to have at hand")), tag="h2")
    refills = [
        [escape(_.date(r.date)), str(r.days), escape(", ".join(_tablet(_, str(n), mg) for mg, n in r.tablets))]
        for r in made.refills
    ]
    html(table([escape(head) for head in (_("On"), _("For days"), _("Tablets"))], refills))


def _tablets(_: Words, day: Day) -> str:
    """Write the tablets of a day."""
    parts = [(mg, f"{int(count) or ''}½" if count % 1 else str(int(count))) for mg, count in day.tablets.parts]
    return " + ".join(_tablet(_, count, mg) for mg, count in parts) or _("none")


def _tablet(_: Words, count: str, mg: float) -> str:
    strength = _("{n} mg", n=_.number(mg, 2))
    return f"{count} × {strength}".replace(" ", "\u00a0")


@app.get("/papers/{name}", include_in_schema=False)
def paper(name: str, request: Request) -> FileResponse:
    """Send a paper of this browser's patient."""
    file = room(str(request.session["id"])).folder / "papers" / name
    if name not in _PAPERS or not file.is_file():
        raise HTTPException(404, "this browser has no such paper")
    return FileResponse(file, filename=name)
