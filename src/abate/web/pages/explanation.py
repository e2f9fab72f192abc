"""What is this? Flare, withdrawal or adrenals: the model's probability of each, and what would tell them apart."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from nicegui import ui

from abate.ground.errors import AbateError
from abate.planner.settings import candidate_list, value
from abate.web.pages.frame import PATIENCE, fault, frame, html, press, room, words
from abate.web.pages.plan_html import table
from abate.web.pages.progress import Progress
from abate.web.pages.warnings import flag_box
from abate.web.plans import load_patient
from abate.web.words import Words
from abate.web.work import Job, bench

if TYPE_CHECKING:
    from abate.planner.explain import Explanation, Next

__all__ = ["explain_page"]

KIND = "explanation"
LAST_DAYS = 14
"""Days that are shown; the whole course is in what `abate plan` writes."""


@ui.page("/explain", response_timeout=PATIENCE)
def explain_page() -> None:
    """Explain the complaints of the last weeks."""
    _ = words()
    with frame(_, _("What is this?"), here="/explain"):
        try:
            record = load_patient(room().patient)
        except AbateError as error:
            fault(str(error))
            return
        if record is None:
            html(f'<a href="/patient">{escape(_("Enter a patient first"))}</a>', tag="p")
            return
        flagged = flag_box(_, record)
        if flagged:
            html(escape(_("These signs come before any forecast; nothing below outweighs them.")), tag="p")
        if not record.flares_forecast:
            html(escape(_(candidate_list(record.disease).why)), classes="caution", tag="p")
            return
        html(
            escape(
                _(
                    "A flare, withdrawal, or adrenals that are still asleep? The model weighs them by the diary. It is "
                    "not a diagnosis, and it may be wrong; never stop or cut a steroid because of it."
                )
            ),
            classes="lead",
            tag="p",
        )
        said = ui.element("div")
        patient = record

        def work(tell: Callable[[float], None]) -> Explanation:
            from abate.planner.explain import explain

            return explain(patient, progress=tell)

        def ended(job: Job) -> None:
            said.clear()
            with said:
                if job.state == "done":
                    _show(_, job.result)
                else:
                    fault(job.message or _("Stopped; nothing was kept of it."))

        button = press(_("Weigh the explanations"))
        progress = Progress(_, KIND, ended)

        def start() -> None:
            bench.start(progress.session, KIND, _("Weighing"), work)
            progress.watch()

        button.on_click(start)


def _measure(_: Words, row: Next) -> str:
    """Say a measurement in the reader's language."""
    said = {
        "morning-cortisol": _("a morning cortisol, before the tablet"),
        "crp": _("CRP"),
        "esr": _("ESR"),
        "wait": _("wait {n} days on the same dose, with the diary", n=int(value("explanation", "wait"))),
    }[row.name]
    return f"{said}: {_('nearly blind here')}" if row.blind else said


def _show(_: Words, found: Explanation) -> None:
    from abate.planner.complaints import CAUSES
    from abate.planner.explain import FEW

    names = {
        "flare": _("flare"),
        "withdrawal": _("withdrawal"),
        "adrenals": _("adrenals"),
        "none of these": _("none of these"),
    }
    shares = ", ".join(
        f"{names[cause]} {_.percent(float(p))}" for cause, p in zip(CAUSES, found.probability[-1], strict=True)
    )
    advice = " ".join(escape(_(said)) for said in found.advices)
    if found.effective < FEW:  # what hardly anybody fits is no answer, so it does not come first
        html(advice, classes="caution", tag="p")
        html(escape(_("Roughly: {shares}", shares=shares)), classes="note", tag="p")
    else:
        html(f"<strong>{escape(shares)}</strong>", tag="p")
        html(advice, classes="caution", tag="p")
    html(escape(_("What would tell them apart")), tag="h2")
    rows = [[escape(_measure(_, row)), _.percent(row.removes)] for row in found.next]
    html(table([escape(_("Measure")), escape(_("Share of the doubt that it removes"))], rows))
    html(escape(_("Day by day")), tag="h2")
    days = [
        [escape(_.date(day)), *(_.percent(float(p)) for p in row)]
        for day, row in list(zip(found.days, found.probability, strict=True))[-LAST_DAYS:]
    ]
    html(table([escape(_("Day")), *(escape(names[cause]) for cause in CAUSES)], days))
    for note in (*found.notes, found.basis):
        html(escape(_.told(note)), classes="note", tag="p")
