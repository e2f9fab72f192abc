"""``/api/library``: what is in the library, and one entry with equations, numbers, units and sources."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from abate.report.entry import find, shelf
from abate.web.api.answers import Results, as_answer
from abate.web.work import bench

__all__ = ["router"]

router = APIRouter(tags=["library"])


@router.get("/library", response_model=Results, summary="What is in the library")
async def entries() -> Response:
    """List every entry with its kind, name and title."""
    rows = [{"kind": entry.kind, "name": entry.name, "title": entry.title} for entry in await bench.call(shelf)]
    return as_answer("library", {"entries": rows})


@router.get("/library/entry", response_model=Results, summary="One entry")
async def entry(
    name: Annotated[str, Query(max_length=80, description="As listed; kind/name where two share a name.")],
) -> Response:
    """Show one entry: its content as data, and its file as text to start one's own from."""

    def read() -> Response:
        found = find(name)
        return as_answer("library", {"entry": found.content(), "file": found.text})

    return await bench.call(read)
