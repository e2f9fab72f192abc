"""What every page shares: language, theme, navigation, and what it is and is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse
from nicegui import app, ui

from abate.ground.version import __version__
from abate.report.drawing import colour_rules
from abate.web.sessions import Room
from abate.web.words import LANGUAGES, Words, choose

__all__ = ["PATIENCE", "fault", "frame", "html", "press", "room", "session", "settle", "words"]

PATIENCE = 60.0
"""Seconds that a page may wait for the bench before it is sent."""

_home = Path()


def settle(home: Path) -> None:
    """Say where data is kept, and serve the app's own style and icon."""
    global _home
    _home = home
    app.add_static_files("/assets", Path(__file__).parent.parent / "assets")


def session() -> str:
    """Return the session of the browser that is served."""
    return str(app.storage.browser["id"])


def room(key: str | None = None) -> Room:
    """Return the folder of the browser that is served, or of another session by key."""
    return Room.of(_home, key or session())


def words() -> Words:
    """Return the language that was chosen, else the one that the browser prefers."""
    chosen = app.storage.user.get("language")
    if chosen not in LANGUAGES:
        request = ui.context.client.request
        chosen = choose(request.headers.get("accept-language", "") if request else "")
    return Words(chosen)


def html(content: str, *, classes: str = "", tag: str = "div") -> ui.html:
    """Show markup that this package wrote; whatever came from a file or a person in it is escaped already."""
    element = ui.html(content, sanitize=False, tag=tag)
    return element.classes(classes) if classes else element


def press(text: str, *, main: bool = True) -> ui.button:
    """Return a button in the app's own colours, which hold their contrast in the dark too."""
    return ui.button(text, color=None).props("no-caps unelevated").classes("press" if main else "press quiet")


def fault(message: str) -> None:
    """Say what was wrong, so that it is read out too."""
    ui.label(message).classes("fault").props("role=alert")


def _places(_: Words) -> list[tuple[str, str]]:
    return [
        ("/patient", _("Patient")),
        ("/compare", _("Compare plans")),
        ("/explain", _("What is this?")),
        ("/calendar", _("Calendar")),
        ("/lab", _("Trial lab")),
        ("/study", _("Small study")),
        ("/library", _("Library")),
        ("/policies", _("Policies")),
    ]


@contextmanager
def frame(_: Words, title: str, *, here: str) -> Iterator[None]:
    """Put a page between its head and its foot.

    Parameters
    ----------
    _ : Words
    title : str
        In the reader's language.
    here : str
        Address of the place that the navigation marks.
    """
    ui.page_title(f"{title} · abate" if here != "/" else "abate")
    ui.add_head_html(f'<script>document.documentElement.lang="{_.language}"</script>')
    ui.add_head_html(f'<link rel="stylesheet" href="/assets/app.css?v={__version__}">')
    ui.add_head_html(f"<style>{colour_rules(dark=False)}body.body--dark{{{colour_rules(dark=True)}}}</style>")
    dark = ui.dark_mode(app.storage.user.get("dark"))
    _bar(_, here, dark)
    ui.colors(primary="#005a8f")
    # The page framework has a <main> of its own around everything.
    with ui.element("div").classes("sheet").props("id=content tabindex=-1"):
        html(escape(title), tag="h1")
        yield
    _foot(_)


def _bar(_: Words, here: str, dark: ui.dark_mode) -> None:
    def links(kind: str) -> str:
        rows = "".join(
            f'<li><a href="{address}"{" aria-current=page" if address == here else ""}>{escape(name)}</a></li>'
            for address, name in _places(_)
        )
        return f'<nav class="rooms {kind}" aria-label="{escape(_("Pages"))}"><ul>{rows}</ul></nav>'

    where = quote(str(ui.context.client.request.url.path) if ui.context.client.request else here)
    languages = "".join(
        f'<a lang="{code}" href="/language/{code}?back={where}"{" aria-current=true" if code == _.language else ""}>'
        f"{name}</a>"
        for code, name in LANGUAGES.items()
    )
    html(f'<a class="skip" href="#content">{escape(_("To the content"))}</a>')
    with ui.element("header").classes("bar"), ui.element("div").classes("inner"):
        html('<a class="brand" href="/"><img src="/assets/icon.svg" alt="">abate</a>')
        html(links("wide"))
        with ui.element("div").classes("switches"):
            html(languages)

            def turn() -> None:
                # From what the system says to dark, to light, and back.
                dark.value = {None: True, True: False, False: None}[dark.value]
                app.storage.user["dark"] = dark.value

            button = ui.element("button").props('type="button"').on("click", turn)
            with button:
                ui.label(_("Light or dark"))
        html(f'<details class="menu"><summary>{escape(_("Menu"))}</summary>{links("narrow")}</details>')


def _foot(_: Words) -> None:
    said = [
        _("For research and conversation with your clinician; not a prescription."),
        _(
            "Never stop or cut a steroid abruptly: after weeks of treatment the adrenal glands need time, and stopping "
            "at once can be dangerous."
        ),
        _(
            "Not validated: the model reproduces some published trials on average; it has not been tested on "
            "individual patients, and its forecasts have been compared with no one's real course."
        ),
        _("Nothing typed here leaves this machine. abate {version}.", version=__version__),
    ]
    link = f'<p><a href="/interface">{escape(_("Interface for programs"))}</a></p>'
    html(
        f'<div class="inner">{"".join(f"<p>{escape(line)}</p>" for line in said)}{link}</div>',
        classes="foot",
        tag="footer",
    )


@app.get("/language/{code}", include_in_schema=False)
def change_language(code: str, request: Request, back: str = "/") -> RedirectResponse:
    """Keep a language for this browser and go back to where one was."""
    if code in LANGUAGES:
        app.storage.user["language"] = code
    own = back.startswith("/") and not back.startswith(("//", "/\\"))
    return RedirectResponse(back if own else "/", status_code=303)
