"""The interface for programs, from its own description: nothing to load from elsewhere."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import Any

from nicegui import ui

from abate.web.api import create_api
from abate.web.pages.frame import frame, html, words

__all__ = ["interface_page"]


@ui.page("/interface")
def interface_page() -> None:
    """List what can be asked under ``/api``."""
    _ = words()
    with frame(_, _("Interface for programs"), here="/interface"):
        described = _description()
        html(escape(described["info"]["description"]), classes="lead", tag="p").props("lang=en")
        html(f'<a href="/api/openapi.json">{escape(_("Description for machines (OpenAPI)"))}</a>', tag="p")
        heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in (_("Ask"), _("For"), _("With")))
        rows = "".join(
            f"<tr><td><code>{method.upper()} /api{escape(path)}</code></td><td>{escape(verb['summary'])}</td>"
            f"<td><code>{escape(', '.join(_given(described, verb)))}</code></td></tr>"
            for path, verbs in described["paths"].items()
            for method, verb in verbs.items()
        )
        html(
            f'<div class="tablebox" tabindex="0" lang="en"><table><thead><tr>{heads}</tr></thead>'
            f"<tbody>{rows}</tbody></table></div>"
        )


@cache
def _description() -> dict[str, Any]:
    return create_api().openapi()


def _given(described: dict[str, Any], verb: dict[str, Any]) -> list[str]:
    names = [parameter["name"] for parameter in verb.get("parameters", ())]
    for body in verb.get("requestBody", {}).get("content", {}).values():
        shape = described["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
        names += list(shape["properties"])
    return names
