"""A job on a page: how far it is, a way to stop it, and what to do when it has ended."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from abate.web.pages.frame import press, session
from abate.web.words import Words
from abate.web.work import Job, bench

__all__ = ["Progress"]


class Progress:
    """Shows the last job of a kind; a page that is opened again finds it where it is.

    Parameters
    ----------
    _ : Words
    kind : str
    ended : callable
        Called once with a job that this page saw to its end.
    """

    def __init__(self, _: Words, kind: str, ended: Callable[[Job], None]) -> None:
        self._, self.kind, self.ended, self.session = _, kind, ended, session()
        with ui.element("div").classes("progress") as self.box:
            self.label = ui.label().props("role=status")
            self.bar = ui.linear_progress(0, show_value=False).props(f'aria-label="{_("Progress")}"')
            press(_("Stop"), main=False).on_click(lambda: bench.stop(self.session, kind))
        self.timer = ui.timer(0.3, self._look, active=False)
        self.box.set_visibility(False)
        job = bench.job(self.session, kind)
        if job is not None and job.open:
            self.watch()

    def watch(self) -> None:
        """Begin to show the job."""
        self.box.set_visibility(True)
        self.timer.activate()
        self._look()

    def _look(self) -> None:
        job = bench.job(self.session, self.kind)
        if job is None:
            return
        self.bar.value = round(job.share, 3)
        waits = self._("Waiting for other work to finish …")
        self.label.text = waits if job.state == "waiting" else f"{job.title}: {self._.percent(job.share)}"
        if not job.open:
            self.timer.deactivate()
            self.box.set_visibility(False)
            self.ended(job)
