"""Pages and API in one, behind the guard, on one port of this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from abate.web.guard import LOOPBACK, Guard
from abate.web.sessions import secret_of

__all__ = ["Place", "build", "run"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the app is served and where it keeps its data.

    Attributes
    ----------
    home : Path
        Folder of its data.
    host : str
    port : int
    password : str or None
        Needed for any host but this machine.
    """

    home: Path
    host: str = "127.0.0.1"
    port: int = 8080
    password: str | None = None

    @property
    def local(self) -> bool:
        """Only this machine can reach it."""
        return self.host in LOOPBACK

    @property
    def address(self) -> str:
        """What to type into a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def build(place: Place) -> ASGIApp:
    """Join pages and API behind the guard. Once a process: the page framework keeps one app.

    Raises
    ------
    StorageError
        If the data folder cannot be written.
    """
    secret = secret_of(place.home)
    # The framework reads these when it is imported.
    os.environ["NICEGUI_STORAGE_PATH"] = str(place.home / "browsers")
    from fastapi import FastAPI
    from nicegui import app as pages_app
    from nicegui import ui

    from abate.web import faults, pages
    from abate.web.api import create_api

    pages_app.storage.path = place.home / "browsers"
    pages_app.storage.path.mkdir(parents=True, exist_ok=True)
    app = FastAPI(title="abate", docs_url=None, redoc_url=None, openapi_url=None)
    faults.install(app)
    app.mount("/api", create_api())
    pages.register(place.home)
    ui.run_with(
        app,
        title="abate",
        favicon=Path(__file__).parent / "assets" / "icon.svg",
        language=None,
        dark=None,
        tailwind=False,
        storage_secret=secret,
        session_middleware_kwargs={"same_site": "strict", "max_age": 365 * 24 * 3600},
        show_welcome_message=False,
        reconnect_timeout=30.0,
    )
    return Guard(app, password=None if place.local else place.password)


def run(place: Place) -> None:
    """Serve until interrupted."""
    import uvicorn

    from abate.web.work import bench

    bench.warm_up()
    uvicorn.run(build(place), host=place.host, port=place.port, log_level="warning", server_header=False)
