"""The API as an application of its own, so that it is tested without a server and without pages."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from abate.ground.version import __version__
from abate.web import faults
from abate.web.api import answers, library, plans, scores, studies, trials

__all__ = ["About", "create_api"]

_ABOUT = """Simulate, analyse and plan treatment that blocks the interleukin-6 receptor, so that a patient can come off
prednisone. For research and for conversation with a clinician; not a prescription. Every error is
`{"error": {"status", "kind", "message"}}`, one line, and nothing is kept between two requests."""


class About(BaseModel):
    """What answers here."""

    abate: str
    verbs: list[str]
    caution: str


def create_api() -> FastAPI:
    """Return the API, to be mounted at ``/api``.

    Examples
    --------
    >>> sorted(create_api().openapi()["paths"])[:2]
    ['/', '/analyse']
    """
    # The usual pages of documentation load scripts from elsewhere; ours is a page of the app.
    api = FastAPI(
        title="abate",
        version=__version__,
        description=" ".join(_ABOUT.split()),
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        servers=[{"url": "/api"}],
        root_path_in_servers=False,
    )
    faults.install(api)
    router = APIRouter(responses=answers.FAULTS)

    @router.get("/", summary="What answers here")
    async def about() -> About:
        return About(
            abate=__version__,
            verbs=sorted({path for path in api.openapi()["paths"] if path != "/"}),
            caution="For research and conversation with your clinician; not a prescription.",
        )

    for part in (library, trials, studies, scores, plans):
        router.include_router(part.router)
    api.include_router(router)
    return api
