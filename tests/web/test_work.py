"""The bench: one thing at a time, the short before the long, and nobody waits for another's search."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from abate.ground.errors import InputError
from abate.web.work import Bench, Job


def finished(*jobs: Job) -> None:
    until = time.monotonic() + 30
    while any(job.open for job in jobs):
        assert time.monotonic() < until, jobs
        time.sleep(0.01)


def test_calls_and_jobs_go_through_a_long_job_which_then_goes_on() -> None:
    bench, begun, order = Bench(), threading.Event(), []

    def search(tell: Callable[[float], None]) -> None:
        begun.set()
        while "forecast" not in order or "call" not in order:  # it ends only because the others are let through
            time.sleep(0.005)
            tell(0.5)
        order.append("search")

    def forecast(tell: Callable[[float], None]) -> None:
        order.append("forecast")

    long = bench.start("me", "search", "Searching", search, long=True)
    assert begun.wait(10)
    short = bench.start("you", "plan", "Forecasting", forecast)
    asyncio.run(bench.call(order.append, "call"))
    finished(long, short)
    assert (long.state, short.state) == ("done", "done")
    assert order[-1] == "search"


def test_a_second_search_waits_for_the_first() -> None:
    bench, order = Bench(), []

    def search(name: str) -> Callable[[Callable[[float], None]], None]:
        def work(tell: Callable[[float], None]) -> None:
            for share in (0.0, 0.5, 1.0):
                order.append(name)
                tell(share)

        return work

    finished(*[bench.start(name, "search", name, search(name), long=True) for name in ("first", "second")])
    assert order == ["first"] * 3 + ["second"] * 3


def test_a_job_that_is_stopped_ends_at_its_next_step_and_the_bench_goes_on() -> None:
    bench, begun = Bench(), threading.Event()

    def search(tell: Callable[[float], None]) -> None:
        begun.set()
        for _ in range(10_000):
            time.sleep(0.005)
            tell(0.1)

    job = bench.start("me", "search", "Searching", search, long=True)
    assert begun.wait(10)
    assert bench.start("me", "search", "Searching", search, long=True) is job, "a second press changes nothing"
    bench.stop("me", "search")
    finished(job)
    assert job.state == "stopped"
    assert asyncio.run(bench.call(sum, [1, 2])) == 3


def test_what_a_call_raises_is_raised_to_who_asked() -> None:
    def wrong() -> None:
        raise InputError("risk", "not a chance", value=2)

    with pytest.raises(InputError, match="risk: not a chance: 2"):
        asyncio.run(Bench().call(wrong))
