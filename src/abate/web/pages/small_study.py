"""Small study: drop a file, read the report."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Annotated

from fastapi import File, Form, Request, UploadFile
from fastapi.responses import RedirectResponse
from nicegui import app, ui

from abate.web.guard import LIMIT
from abate.web.pages.frame import fault, frame, html, room, words
from abate.web.pages.progress import Progress
from abate.web.studies import Missing, keep_upload, report_file
from abate.web.words import Words
from abate.web.work import Job, bench

__all__ = ["receive_study", "study_page", "study_report_page"]

KIND = "studies"
# What a form puts around the file counts too.
_LARGEST = LIMIT - 65536


@ui.page("/study")
def study_page() -> None:
    """Take a file and make its report."""
    _ = words()
    mine = room()
    with frame(_, _("Small study"), here="/study"):
        html(
            escape(
                _(
                    "A table of a few patients before and after: CSV, Excel, a REDCap export, SPSS, SAS, Stata or a "
                    "zipped Study. It is read on this machine. The simplest file has the columns subject, visit, "
                    "measure, value."
                )
            ),
            classes="lead",
            tag="p",
        )
        html(_form(_))
        said = ui.element("div")

        def ended(job: Job) -> None:
            if job.state == "done":
                ui.navigate.to(f"/study/{job.result}")
                return
            with said:
                fault(job.message or _("Stopped; nothing was kept of it."))

        progress = Progress(_, KIND, ended)
        last = bench.job(progress.session, KIND)
        if last is not None and last.state == "failed":
            ended(last)
        runs = mine.runs(KIND)
        if runs:
            html(escape(_("Files that you analysed")), tag="h2")
            rows = "".join(
                f'<li><a href="/study/{run.key}">{escape(run.about["title"])}</a> '
                f'<span class="what">№ {run.key}</span></li>'
                for run in runs
            )
            html(rows, classes="plain", tag="ul")


def _form(_: Words) -> str:
    too_large = _("The file is larger than {n} MB; for larger ones use: abate analyse FILE", n=LIMIT // 1024**2)
    # A file input of the browser's own: it takes a dropped file, works by keyboard, and is read out.
    check = (
        f"this.setCustomValidity(this.files[0]&&this.files[0].size>{_LARGEST}?this.dataset.fault:'');"
        "this.reportValidity()"
    )
    rules = {"strict": _("not scored where an item is missing"), "prorate": _("estimated from the answered items")}
    options = "".join(f'<option value="{value}">{escape(name)}</option>' for value, name in rules.items())
    return (
        '<form class="file" method="post" action="/study/file" enctype="multipart/form-data">'
        f'<label>{escape(_("File: drop it here, or choose"))}<input type="file" name="file" required '
        f'data-fault="{escape(too_large)}" oninput="{check}"></label>'
        f'<label>{escape(_("Missing items"))}<select name="missing">{options}</select></label>'
        f'<button class="plain" type="submit">{escape(_("Analyse"))}</button></form>'
    )


@app.post("/study/file", include_in_schema=False)
async def receive_study(
    request: Request, file: Annotated[UploadFile, File()], missing: Annotated[Missing, Form()] = "strict"
) -> RedirectResponse:
    """Take the form's file, begin the work, and show the page again, which shows how far it is."""
    session = str(request.session["id"])
    mine, name, content = room(session), file.filename or "study", await file.read()

    def work(tell: Callable[[float], None]) -> str:
        folder = mine.new_run(KIND)
        about = report_file(keep_upload(name, content, folder / "file"), missing, folder, tell)
        mine.note(folder, about)
        return folder.name

    bench.start(session, KIND, name, work)
    return RedirectResponse("/study", status_code=303)


@ui.page("/study/{key}")
def study_report_page(key: str) -> None:
    """Show the report of one file."""
    _ = words()
    run = room().run(KIND, key)
    with frame(_, run.about["title"] if run else _("Small study"), here="/study"):
        if run is None:
            fault(_("This browser has no such study."))
            return
        if run.about["found"]:
            html("".join(f"<li>{escape(line)}</li>" for line in run.about["found"]), tag="ul").props("lang=en")
        address = f"/runs/{KIND}/{run.key}/report.html"
        opening = escape(_("Open the report on its own page, to print or save it"))
        html(f'<a href="{address}" target="_blank" rel="noopener">{opening}</a>', tag="p")
        if _.language != "en":
            html(escape(_("Reports are written in English.")), classes="note", tag="p")
        html(f'<iframe class="report" src="{address}" title="{escape(_("Report"))}"></iframe>')
