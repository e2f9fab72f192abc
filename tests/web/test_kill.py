"""kill -9 while days of a diary are saved through the page: at most the day being saved is lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from abate.planner import load_record

from .conftest import _wait
from .test_pages import PATIENCE_MS, enter_patient

pytestmark = pytest.mark.browser


def serve(home: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "abate.cli.main", "serve", "--port", str(port), "--data", str(home)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    log = home / "log.txt"
    with log.open("w") as stream:
        server = subprocess.Popen(command, stdout=stream, stderr=stream, env=environment)
    _wait(f"http://127.0.0.1:{port}", server, log)
    return server


def test_a_day_that_was_saved_is_there_after_a_kill(browser: Any, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = browser.new_context(base_url=f"http://127.0.0.1:{port}", locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    server = serve(tmp_path, port)
    try:
        enter_patient(page)
        file = next(tmp_path.glob("rooms/*/patient.yaml"))
        for round_, wait in enumerate((0.0, 0.03), start=1):
            for part in range(2):  # the first is seen to be saved, the second is being saved when the power goes
                day = (date.today() - timedelta(days=10 * round_ + part)).isoformat()
                page.get_by_label("Day", exact=True).first.fill(day)
                page.get_by_label("Pain (0-10)").fill(str(round_))
                page.get_by_role("button", name="Save the day").click()
                if part == 0:
                    page.get_by_text(f"{day}: pain {round_}").first.wait_for()
            page.wait_for_timeout(1000 * wait)
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
            saved = {str(entry.date) for entry in load_record(file).diary}
            assert {(date.today() - timedelta(days=10 * k)).isoformat() for k in range(1, round_ + 1)} <= saved
            server = serve(tmp_path, port)
            page.goto("/patient")
            page.get_by_role("heading", name="Diary").wait_for()
    finally:
        server.kill()
        server.wait()
        context.close()
