"""Policies: the rules by which tapers are run, in words."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import ui

from abate.report.entry import shelf
from abate.web.pages.frame import PATIENCE, frame, html, words
from abate.web.words import Words
from abate.web.work import bench

__all__ = ["policies_page"]


@ui.page("/policies", response_timeout=PATIENCE)
async def policies_page() -> None:
    """Show every policy: what it sees, what it decides, and why."""
    _ = words()
    contents = await bench.call(lambda: [entry.content() for entry in shelf() if entry.kind == "policy"])
    with frame(_, _("Policies"), here="/policies"):
        html(
            escape(
                _(
                    "A policy decides from what was observed so far, and from nothing else. The same rules run in a "
                    "virtual trial, plan one patient, and are replayed against recorded charts."
                )
            ),
            classes="lead",
            tag="p",
        )
        if _.language != "en":
            html(escape(_("Entries are written in English.")), classes="note", tag="p")
        for content in contents:
            html(escape(str(content["title"])), tag="h2").props("lang=en")
            html(_facts(_, content))
            html(_rules(_, content))


def _facts(_: Words, content: dict[str, Any]) -> str:
    grade = escape(str(content["grade"]))
    facts = {
        _("Sees"): escape(", ".join(content["measures"])),
        _("Visits"): escape(str(content["visits"]["every"])),
        _("Taper"): _taper(str(content["start"]["taper"])),
        _("Source"): f'{escape(str(content["source"]))} <span class="grade {grade}">{grade}</span>',
        _("Notes"): escape(str(content.get("notes", ""))),
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in facts.items() if value)
    more = f'<a href="/library/policy/{escape(content["name"])}">{escape(_("Everything about it"))}</a>'
    return f'<dl class="facts">{rows}</dl><p>{more}</p>'


def _taper(name: str) -> str:
    return f'<a href="/library/taper/{escape(name)}">{escape(name)}</a>'


def _rules(_: Words, content: dict[str, Any]) -> str:
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in (_("When"), _("Do"), _("Because")))
    rows = ""
    for rule in content["rules"]:
        do = rule["do"] if isinstance(rule["do"], list) else [rule["do"]]
        cells = (rule["when"], "; ".join(do), rule["because"])
        rows += "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"
    return (
        f'<div class="tablebox" tabindex="0" lang="en"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>'
        "</table></div>"
    )
