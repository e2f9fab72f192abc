"""People on the processor: lane groups shared out among threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import numpy as np

from abate.engine.solver.driver import compiled_driver
from abate.engine.solver.job import Job, Limits
from abate.engine.solver.native import Code
from abate.engine.solver.operations import LANES
from abate.engine.solver.source import ENTRIES
from abate.engine.solver.state import Floats, State

_BLOCK = 16
"""Most lane groups a thread takes at once: small enough for progress bars and Ctrl-C."""


def advance_on_processor(
    code: Code,
    state: State,
    job: Job,
    limits: Limits,
    threads: int | None,
    progress: Callable[[int], None] | None,
) -> None:
    """Move every lane group through all stops."""
    bits = 8 * state.y.dtype.itemsize
    driver = compiled_driver(bits)
    addresses = np.array([code.addresses[name] for name in ENTRIES], dtype=np.int64)
    plane = LANES * state.y.shape[1]
    sizes = (2 * plane + 2 * LANES, LANES * code.facts["hoisted"], max(code.facts["work"], plane))
    flat, stride, row = job.out.reshape(-1), job.out[0].size if len(job.out) else 0, job.out.shape[2]

    def run(first: int, last: int) -> int:
        scratch, q, work = (_aligned(size, state) for size in sizes)
        driver(
            addresses, first, last, state.time, job.y, job.p, state.step, state.restart, job.peak, state.code,
            state.steps, job.stop_time, job.stop_record, job.stop_event, job.kind, job.target, job.amount,
            limits.absolute, limits.relative, limits.floor, limits.exponent, limits.max_steps, scratch, q, work, flat,
            stride, row, 512 // bits,
        )  # fmt: skip
        return min(last * LANES, state.people) - first * LANES

    _run_blocks(run, state.groups, threads or os.cpu_count() or 1, progress)


def _aligned(size: int, state: State) -> Floats:
    """Scratch memory that begins with a cache line, so that a SIMD value never lies across two."""
    raw = np.zeros(size + 64, dtype=state.y.dtype)
    offset = (-raw.ctypes.data % 64) // raw.itemsize
    return raw[offset : offset + size]


def _run_blocks(
    run: Callable[[int, int], int],
    groups: int,
    threads: int,
    progress: Callable[[int], None] | None,
) -> None:
    """Share lane groups out among threads; each group is computed by itself."""
    block = max(1, min(_BLOCK, groups // (4 * threads)))
    bounds = [(first, min(first + block, groups)) for first in range(0, groups, block)]
    if threads == 1 or len(bounds) == 1:
        for first, last in bounds:
            done = run(first, last)
            if progress:
                progress(done)
        return
    with ThreadPoolExecutor(min(threads, len(bounds))) as pool:
        waiting: set[Future[int]] = {pool.submit(run, *bound) for bound in bounds}
        try:
            while waiting:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    done = future.result()
                    if progress:
                        progress(done)
        except BaseException:
            for future in waiting:
                future.cancel()
            raise
