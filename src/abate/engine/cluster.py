"""Chunks of people on one process or on a Dask cluster: same bits, whoever comes, goes or is killed.

A chunk is computed by a pure function of its description, so it does not matter where, when or how often it runs;
results are handed over one at a time in the order of the chunks, in the process that asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from abate.ground.errors import InputError, SolveError
from abate.ground.extras import optional

__all__ = ["run_chunks"]

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")

_AHEAD = 2
"""Chunks in flight for each thread of the cluster: enough to keep it busy, few enough for flat memory."""

_LOSSES = 20
"""Times that a chunk may lose its worker before the run is given up."""


def run_chunks(
    work: Callable[[Chunk], Result],
    chunks: Sequence[Chunk],
    finished: Callable[[Chunk, Result], None],
    cluster: str | None = None,
) -> None:
    """Compute every chunk and hand the results over in order.

    Parameters
    ----------
    work : callable
        A pure function of a chunk; on a cluster it and the chunks travel by pickle (a `solver.Kernel` does: its code is
        compiled, or loaded from the cache, where it arrives).
    chunks : sequence
        Descriptions of chunks (who, which arm).
    finished : callable
        Takes a chunk and its result, in the order of ``chunks``, in this process: write it and let it go.
    cluster : str, optional
        Address of a Dask scheduler (``tcp://127.0.0.1:8786``), or ``local`` to start one on this machine; without it
        the chunks are computed here.

    Raises
    ------
    InputError
        If there is no scheduler at the address.
    MissingExtra
        If dask.distributed is not installed.
    SolveError
        If a chunk loses its worker over and over.

    Examples
    --------
    >>> kept = []
    >>> run_chunks(lambda chunk: sum(chunk), [range(3), range(4)], lambda chunk, result: kept.append(result))
    >>> kept
    [3, 6]
    """
    if cluster is None:
        for chunk in chunks:
            finished(chunk, work(chunk))
        return
    with _connected(cluster) as client:
        _distribute(client, work, chunks, finished)


@contextlib.contextmanager
def _connected(cluster: str) -> Iterator[Any]:
    """A client of the cluster; one that was started here ends here."""
    distributed = optional("distributed")
    if cluster == "local":
        with (
            distributed.LocalCluster(threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as here,
            distributed.Client(here) as client,
        ):
            yield client
        return
    try:
        client = distributed.Client(cluster, timeout="5s")
    except (OSError, TimeoutError, ValueError) as error:
        hint = "start one with: dask scheduler"
        raise InputError("--cluster", "no Dask scheduler answers there", value=cluster, hint=hint) from error
    with client:
        yield client


def _distribute(
    client: Any,
    work: Callable[[Chunk], Result],
    chunks: Sequence[Chunk],
    finished: Callable[[Chunk, Result], None],
) -> None:
    """Keep a window of chunks in flight; a chunk whose worker died runs again on another."""
    from distributed import KilledWorker

    waiting: dict[int, Any] = {}
    submitted = 0
    for position, chunk in enumerate(chunks):
        window = _AHEAD * max(1, sum(client.nthreads().values()))
        while submitted < min(len(chunks), position + window):
            waiting[submitted] = client.submit(work, chunks[submitted], pure=False)
            submitted += 1
        for losses in range(_LOSSES + 1):
            try:
                result = waiting[position].result()
                break
            except KilledWorker as error:
                if losses == _LOSSES:
                    raise SolveError(f"chunk {position} lost its worker {_LOSSES} times: is memory short?") from error
                waiting[position] = client.submit(work, chunk, pure=False)
        finished(chunk, result)
        del waiting[position]
