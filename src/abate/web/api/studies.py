"""``/api/analyse``: the results of a study file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, File, Form, Response, UploadFile

from abate.web.api.answers import Results, as_answer
from abate.web.studies import Missing, analyse_file, keep_upload
from abate.web.work import bench

__all__ = ["router"]

router = APIRouter(tags=["study"])


@router.post("/analyse", response_model=Results, summary="Analyse a study file")
async def analyse(
    file: Annotated[UploadFile, File(description="A CSV, Excel, REDCap export ..., or a zipped Study; up to 20 MB.")],
    missing: Annotated[Missing, Form(description="What is done with missing items.")] = "strict",
) -> Response:
    """Read a file as `abate analyse` does and answer with its results; the file is not kept."""
    content, name = await file.read(), file.filename or "study"

    def run() -> Response:
        with TemporaryDirectory(prefix="abate-api-") as folder:
            kind, results, study = analyse_file(keep_upload(name, content, Path(folder)), missing)
            del study  # a zipped Study lives in a folder of its own, which goes with it
        return as_answer(kind, results)

    return await bench.call(run)
