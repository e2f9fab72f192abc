"""Search for the least prednisone at a flare risk, beside the plans that are compared."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from nicegui import ui

from abate.ground.errors import InputError
from abate.planner.record import Record
from abate.planner.settings import candidate_list
from abate.web.pages.frame import fault, html, press
from abate.web.pages.plan_html import front_svg, front_table
from abate.web.pages.progress import Progress
from abate.web.plans import SEARCHED, Desk, Variant
from abate.web.words import Words
from abate.web.work import Job, bench

__all__ = ["Search"]

KIND = "search"
FEWEST, TRIALS, MOST = 8, 30, 120
"""Plans that are tried."""


class Search:
    """The part of a page that searches: what is asked, how far it is, what was found.

    Parameters
    ----------
    _ : Words
    record : Record
    desk : Desk
    take : callable
        Called with the plan that was found when a person wants it beside the others.
    """

    def __init__(self, _: Words, record: Record, desk: Desk, take: Callable[[Variant], None]) -> None:
        self._, self.record, self.desk, self.take = _, record, desk, take
        html(escape(_("The least prednisone at a flare risk")), tag="h2", classes="noprint")
        said = _(
            "A search tries plans in {n} of the virtual people and shows those that no other beats in flares, adrenals "
            "and prednisone at once, with the guideline's plan among them. What it finds is a proposal to talk about "
            "with your clinician. Without an antibody it rarely saves much.",
            n=SEARCHED,
        )
        html(escape(said), tag="p").classes("noprint")
        with ui.element("div").classes("fields noprint"):
            self.risk = ui.number(
                _("Flare risk to accept (%)"), value=_per_cent(record.flare_risk), min=1, max=99, precision=0
            )
            self.risk.props("outlined clearable stack-label").classes("broad")
            self.risk.props(f'placeholder="{escape(_("as on the guideline’s plan"))}"')
            self.trials = ui.number(_("Plans to try"), value=TRIALS, min=FEWEST, max=MOST, precision=0)
            self.trials.props("outlined")
        with (
            ui.element("div")
            .classes("noprint")
            .props(f'role=group aria-label="{escape(_("Antibodies that may be chosen"))}"')
        ):
            html(escape(_("Antibodies that may be chosen")), tag="p", classes="label")
            self.may = {
                regimen: ui.checkbox(label, value=on).props("dense") for regimen, label, on in _antibodies(_, record)
            }
        press(_("Search")).on_click(self._start).classes("noprint")
        self.said = ui.element("div")
        self.progress = Progress(_, KIND, self._ended)
        self.box = ui.element("div")
        self._draw()

    def _start(self) -> None:
        self.said.clear()
        try:
            risk, may, trials = self._asked()
        except InputError as error:
            with self.said:
                fault(str(error))
            return
        desk, record = self.desk, self.record

        def work(tell: Callable[[float], None]) -> None:
            desk.search(record, risk, may, trials, tell)

        bench.start(self.progress.session, KIND, self._("Searching"), work, long=True)
        self.progress.watch()

    def _asked(self) -> tuple[float | None, list[str], int]:
        _ = self._
        risk, trials = self.risk.value, self.trials.value
        if risk is not None and not 1 <= risk <= 99:
            raise InputError(_("Flare risk to accept (%)"), _("not a chance"), value=risk, allowed="1-99")
        if trials is None or not FEWEST <= trials <= MOST:
            raise InputError(_("Plans to try"), _("not a number that fits"), value=trials, allowed=f"{FEWEST}-{MOST}")
        may = [regimen for regimen, box in self.may.items() if box.value]
        if not may:
            raise InputError(_("Antibodies that may be chosen"), _("choose at least one, or without an antibody"))
        return None if risk is None else risk / 100, may, int(trials)

    def _ended(self, job: Job) -> None:
        if job.state == "done":
            self._draw()
            return
        with self.said:
            fault(job.message or self._("Stopped; nothing was kept of it."))

    def _draw(self) -> None:
        """Show what was found, if anything was."""
        _, found = self._, self.desk.search_result()
        self.box.clear()
        if found is None:
            return
        with self.box:
            html(escape(_said(_, found)), tag="p", classes="reading").props("role=status")
            html(front_svg(_, found))
            heading = escape(_("Plans that no other beats in flares, adrenals and prednisone at once"))
            html(f"<summary>{heading}</summary>{front_table(_, found)}", tag="details")
            note = _(
                "{n} plans were tried. What is best of many looks better than it is, so the sentence above comes from "
                "another future of the same people; the drawing and the table do not.",
                n=found["plans_tried"],
            )
            html(escape(note), tag="p", classes="note")
            button = press(_("Compare the plan that was found with the others"), main=False).classes("noprint")
            button.on_click(lambda: self.take(Variant("optimised", settings=tuple(found["settings"].items()))))


def _antibodies(_: Words, record: Record) -> list[tuple[str, str, bool]]:
    """Return what may be chosen: how it is written, what it is called, and whether it is taken now."""
    now, usual = record.antibody(record.today), candidate_list(record.disease).antibody
    rows = [("none", _("without an antibody"), now is None)]
    rows += [(now.regimen, now.regimen, True)] if now else [(usual, usual, False)] if usual else []
    return rows


def _per_cent(share: float | None) -> float | None:
    return None if share is None else round(100 * share)


def _said(_: Words, found: dict[str, Any]) -> str:
    """Say what was found, in the reader's language."""
    risk, ready = _.percent(found["risk"]), _.percent(found["adrenals_ready"])
    flares, theirs = _.percent(found["flare"]["estimate"]), _.percent(found["flare_of_reference"]["estimate"])
    if not found["kept"]:
        return _(
            "No plan that was tried keeps the chance of a flare at or below {risk} with adrenals that are ready in "
            "{ready} or more: the one that comes nearest has {flares} flares, the guideline's {theirs}.",
            risk=risk, ready=ready, flares=flares, theirs=theirs,
        )  # fmt: skip
    saved = found["saved"]
    low, high = (_.percent(saved[end]) for end in ("low", "high"))
    if saved["estimate"] <= 0:
        return _(
            "At a flare risk of at most {risk} no plan that was tried saves prednisone: the one that comes nearest "
            "takes {amount} more than the guideline's, with {flares} flares against {theirs}.",
            risk=risk, amount=_.percent(-saved["estimate"]), flares=flares, theirs=theirs,
        )  # fmt: skip
    return _(
        "At a flare risk of at most {risk} the plan that was found takes {amount} less prednisone than the "
        "guideline's ({low} to {high}), with {flares} flares against {theirs}.",
        risk=risk, amount=_.percent(saved["estimate"]), low=low, high=high, flares=flares, theirs=theirs,
    )  # fmt: skip
