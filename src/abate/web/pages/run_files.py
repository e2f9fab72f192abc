"""Reports of runs, for the browser that ran them and no other."""

from __future__ import annotations

from typing import Literal

from fastapi import HTTPException, Request
from fastapi.responses import FileResponse
from nicegui import app

from abate.web.pages.frame import room

__all__ = ["run_file"]


@app.get("/runs/{kind}/{key}/{path:path}", include_in_schema=False)
def run_file(kind: Literal["trials", "studies"], key: str, path: str, request: Request) -> FileResponse:
    """Send a file of a report."""
    run = room(request.session["id"]).run(kind, key)
    file = (run.report / path).resolve() if run else None
    if run is None or file is None or not file.is_relative_to(run.report.resolve()) or not file.is_file():
        raise HTTPException(404, "this browser has no such report")
    return FileResponse(file)
