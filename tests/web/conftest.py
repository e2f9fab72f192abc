"""The API in this process, and the whole app in a process of its own with Chromium before it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("nicegui", reason="the web app comes with the extra 'web'")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Asker:
    """Asks an application in this process, as a program on this machine would."""

    app: Any
    base: str = "http://127.0.0.1:8080"
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, method: str, path: str, **details: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=self.base, headers=self.headers) as client:
                return await client.request(method, path, **details)

        return asyncio.run(ask())


@pytest.fixture(scope="session")
def api() -> Asker:
    from abate.web.api import create_api

    return Asker(create_api())


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of ``abate serve``, with data in a folder that goes with the tests."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-m", "abate.cli.main", "serve", "--port", str(port), "--data", str(home)]
    # The page framework behaves otherwise where it believes to be under test.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    log = Path(home) / "log.txt"
    with log.open("w") as stream:
        server = subprocess.Popen(command, stdout=stream, stderr=stream, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, server, log)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)
    assert "Traceback" not in log.read_text(), log.read_text()


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1800):  # long, for a machine that does other work too
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/assets/icon.svg", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the app did not start: {log.read_text()}")


# Not the whole session: other tests start a browser of their own, and two cannot run in one process.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    with sync_api.sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield running
        running.close()
