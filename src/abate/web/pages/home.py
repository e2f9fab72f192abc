"""The first page: what can be done here."""

from __future__ import annotations

from html import escape

from nicegui import ui

from abate.web.pages.frame import frame, html, words

__all__ = ["home_page"]


@ui.page("/")
def home_page() -> None:
    """Show where to go."""
    _ = words()
    with frame(_, _("Coming off prednisone with IL-6 receptor blockade"), here="/"):
        html(
            escape(
                _(
                    "Plan one patient's taper, simulate trials, analyse a small study, and look up every equation "
                    "and number behind it."
                )
            ),
            classes="lead",
            tag="p",
        )
        places = [
            ("/patient", _("Patient"), _("One patient's record, in a file on this machine.")),
            ("/compare", _("Compare plans"), _("Tapers side by side in people like the patient, with intervals.")),
            ("/explain", _("What is this?"), _("Flare, withdrawal or adrenals? And what would tell them apart.")),
            ("/calendar", _("Calendar"), _("The chosen plan by day, tablets, and papers to hand over.")),
            ("/lab", _("Trial lab"), _("Run a virtual trial and browse its people.")),
            ("/study", _("Small study"), _("Drop a file of a few patients; read the report.")),
            ("/library", _("Library"), _("Equations, numbers, units, sources, and how far each can be trusted.")),
            ("/policies", _("Policies"), _("The rules by which tapers are run, in words.")),
        ]
        cards = "".join(
            f'<li><a href="{where}"><b>{escape(name)}</b>{escape(what)}</a></li>' for where, name, what in places
        )
        html(cards, classes="cards", tag="ul")
