"""Library: every entry with its equations, numbers, units and sources."""

from __future__ import annotations

from html import escape
from itertools import groupby

from nicegui import ui

from abate.ground.errors import AbateError
from abate.report.entry import Entry, find, shelf
from abate.web.pages.entry_html import content_html
from abate.web.pages.frame import PATIENCE, fault, frame, html, words
from abate.web.words import Words
from abate.web.work import bench

__all__ = ["entry_page", "library_page"]


def _kinds(_: Words) -> dict[str, str]:
    return {
        "model": _("Models"),
        "trial": _("Trials"),
        "taper": _("Tapers"),
        "policy": _("Policies"),
        "population": _("Populations"),
        "instrument": _("Questionnaires"),
        "endpoints": _("Endpoints"),
        "measures": _("Measures"),
    }


@ui.page("/library", response_timeout=PATIENCE)
async def library_page() -> None:
    """List the library."""
    _ = words()
    entries = await bench.call(shelf)
    with frame(_, _("Library"), here="/library"):
        html(
            escape(
                _(
                    "Everything that is computed here comes from these files. Each number has a unit, a source and a "
                    "grade: verified, derived, calibrated, assumed or unverified."
                )
            ),
            classes="lead",
            tag="p",
        )
        search = ui.input(_("Search"), on_change=lambda: listed.refresh()).props("outlined clearable type=search")
        search.classes("broad")

        @ui.refreshable
        def listed() -> None:
            wanted = str(search.value or "").casefold().split()
            found = [e for e in entries if all(w in f"{e.kind} {e.name} {e.title}".casefold() for w in wanted)]
            if not found:
                ui.label(_("Nothing of that name.")).props("role=status")
            _list(_, found)

        listed()


def _list(_: Words, entries: list[Entry]) -> None:
    kinds = _kinds(_)
    for kind, group in groupby(entries, key=lambda entry: entry.kind):
        html(escape(kinds.get(kind, kind)), tag="h2")
        rows = "".join(
            f'<li><a href="/library/{e.kind}/{escape(e.name)}">{escape(e.name)}</a> '
            f'<span class="what" lang="en">{escape(e.title)}</span></li>'
            for e in group
        )
        html(rows, classes="plain", tag="ul")


@ui.page("/library/{kind}/{name:path}", response_timeout=PATIENCE)
async def entry_page(kind: str, name: str) -> None:
    """Show one entry."""
    _ = words()
    try:
        entry = await bench.call(find, f"{kind}/{name}")
        content = await bench.call(entry.content)
    except AbateError as error:
        with frame(_, _("Library"), here="/library"):
            fault(str(error))
        return
    with frame(_, entry.title, here="/library"):
        html(
            f'<a href="/library">{escape(_("Library"))}</a> / {escape(kind)} / {escape(name)}', classes="note", tag="p"
        )
        if _.language != "en":
            html(escape(_("Entries are written in English.")), classes="note", tag="p")
        html(content_html(_, content)).props("lang=en")
        html(
            f"<summary>{escape(_('The file, to start one of your own from'))}</summary>"
            f'<pre tabindex="0">{escape(entry.text)}</pre>',
            tag="details",
        )
