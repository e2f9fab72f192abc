"""One bench for long work: a job after another, off the event loop, with progress and a way to stop.

The libraries that read models are not made for threads, so everything that touches a model is done here, in one. So
that nobody waits for another browser's search or trial, what is short goes first: whenever a job tells how far it is,
the calls that wait are answered, and a long job lets the other jobs through too.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
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
    between : callable
        Called whenever it tells how far it is: what may go first goes now.
    """

    title: str
    share: float = 0.0
    state: str = "waiting"
    result: Any = None
    message: str = ""
    stopping: bool = False
    between: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def open(self) -> bool:
        """Still to be done."""
        return self.state in ("waiting", "running")

    def tell(self, share: float) -> None:
        """Note the share done, and let others go first; a stopped job ends here."""
        self.share = share
        self.between()
        if self.stopping:
            raise Stopped

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
    """Does one thing at a time; remembers the last job of each session.

    Examples
    --------
    >>> asyncio.run(Bench().call(sum, [1, 2]))
    3
    """

    def __init__(self) -> None:
        self._hands = ThreadPoolExecutor(max_workers=1, thread_name_prefix="abate-work")
        self._jobs: dict[tuple[str, str], Job] = {}
        # What waits, the shortest kind first: calls, jobs of seconds, jobs of minutes.
        self._waiting: tuple[deque[Callable[[], None]], ...] = (deque(), deque(), deque())

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
        return await self._ask(0, lambda: function(*args, **kwargs))

    async def request(self, function: Callable[[Callable[[float], None]], R], *, long: bool = False) -> R:
        """Run something of seconds, or of minutes where it is long, that tells how far it is; wait for it."""
        kind = 2 if long else 1

        def tell(share: float) -> None:
            self._let_through(kind)

        return await self._ask(kind, lambda: function(tell))

    def start(
        self, session: str, kind: str, title: str, function: Callable[[Callable[[float], None]], Any], *,
        long: bool = False,
    ) -> Job:  # fmt: skip
        """Begin a job; one of each kind a session, so a second press of a button changes nothing.

        A long one, of minutes, lets the other jobs through at each of its steps.
        """
        known = self._jobs.get((session, kind))
        if known is not None and known.open:
            return known
        place = 2 if long else 1
        job = Job(title, between=lambda: self._let_through(place))
        self._jobs[session, kind] = job
        self._put(place, lambda: job.do(function))
        return job

    def job(self, session: str, kind: str) -> Job | None:
        """Return the last job of a kind that this session began."""
        return self._jobs.get((session, kind))

    def stop(self, session: str, kind: str) -> None:
        """Ask a job to end at its next step."""
        job = self.job(session, kind)
        if job is not None:
            job.stopping = True

    async def _ask(self, kind: int, function: Callable[[], R]) -> R:
        asked: Future[R] = Future()

        def answer() -> None:
            if not asked.set_running_or_notify_cancel():
                return  # who asked has gone
            try:
                asked.set_result(function())
            except BaseException as error:
                asked.set_exception(error)

        self._put(kind, answer)
        return await asyncio.wrap_future(asked)

    def _put(self, kind: int, work: Callable[[], None]) -> None:
        self._waiting[kind].append(work)
        self._hands.submit(self._next, len(self._waiting))

    def _let_through(self, kind: int) -> None:
        """Do what waits and is shorter than this kind."""
        while self._next(kind):
            pass

    def _next(self, below: int) -> bool:
        """Do what waits longest among the shortest kind; tell whether there was anything."""
        for waiting in self._waiting[:below]:
            if waiting:
                waiting.popleft()()
                return True
        return False


bench = Bench()
"""The bench of this process."""
