"""One bench for long work: a job after another, off the event loop, with progress and a way to stop.

The libraries that read models are not made for threads, so everything that touches a model is done here, in one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from abate.ground.errors import AbateError

__all__ = ["Bench", "Job", "Stopped", "bench"]

log = logging.getLogger("abate.web")

P = ParamSpec("P")
R = TypeVar("R")


class Stopped(Exception):
    """The person who asked has stopped the job."""


@dataclass
class Job:
    """Something that takes longer than a second.

    Attributes
    ----------
    title : str
    share : float
        Done, 0-1.
    state : {'waiting', 'running', 'done', 'failed', 'stopped'}
    result : object
        What the function returned.
    message : str
        One line, when it failed.
    """

    title: str
    share: float = 0.0
    state: str = "waiting"
    result: Any = None
    message: str = ""
    stopping: bool = False

    @property
    def open(self) -> bool:
        """Still to be done."""
        return self.state in ("waiting", "running")

    def tell(self, share: float) -> None:
        """Note the share done; a stopped job ends here."""
        if self.stopping:
            raise Stopped
        self.share = share

    def do(self, function: Callable[[Callable[[float], None]], Any]) -> None:
        """Run to an end, whatever end."""
        if self.stopping:
            self.state = "stopped"
            return
        self.state = "running"
        try:
            self.result = function(self.tell)
            self.share, self.state = 1.0, "done"
        except Stopped:
            self.state = "stopped"
        except AbateError as error:
            self.message, self.state = str(error), "failed"
        except Exception:
            log.exception("%s failed", self.title)
            self.message = "something went wrong in abate itself; the terminal that serves it says what"
            self.state = "failed"


class Bench:
    """Does one thing at a time; remembers the last job of each session."""

    def __init__(self) -> None:
        self._hands = ThreadPoolExecutor(max_workers=1, thread_name_prefix="abate-work")
        self._jobs: dict[tuple[str, str], Job] = {}

    def warm_up(self) -> None:
        """Load what most requests need, so that the first of them does not wait for it."""

        def load() -> None:
            from abate.report.entry import shelf
            from abate.science.model import load as load_model
            from abate.trial import simulate  # noqa: F401

            shelf()
            load_model("il6_blockade/pmr")

        self._hands.submit(load)

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run something short and wait for it without holding up anyone's page."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._hands, lambda: function(*args, **kwargs))

    def start(self, session: str, kind: str, title: str, function: Callable[[Callable[[float], None]], Any]) -> Job:
        """Begin a job; one of each kind a session, so a second press of a button changes nothing."""
        known = self._jobs.get((session, kind))
        if known is not None and known.open:
            return known
        job = Job(title)
        self._jobs[session, kind] = job
        self._hands.submit(job.do, function)
        return job

    def job(self, session: str, kind: str) -> Job | None:
        """Return the last job of a kind that this session began."""
        return self._jobs.get((session, kind))

    def stop(self, session: str, kind: str) -> None:
        """Ask a job to end at its next step."""
        job = self.job(session, kind)
        if job is not None:
            job.stopping = True


bench = Bench()
"""The bench of this process."""
