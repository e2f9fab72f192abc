"""``abate serve``: one line for what is wrong, a warning and a password where others can reach it."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason="the web app comes with the extra 'web'")

from abate.cli.main import main
from abate.web import server


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Where it would have been served."""
    seen: list[Any] = []
    monkeypatch.setattr(server, "run", seen.append)
    return seen


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit, match=r"^\d$") as ended:
        main(["serve", *arguments])
    return int(ended.value.code or 0)


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_it_serves_this_machine_alone(places: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    assert run("--port", port, "--data", str(tmp_path), "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"address": f"http://127.0.0.1:{port}", "data": str(tmp_path), "local": True}
    assert said.err == ""
    assert places[0].password is None


def test_another_host_gets_a_password_and_a_warning(
    places: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--host", "0.0.0.0", "--port", free_port(), "--data", str(tmp_path)) == 0
    said = capsys.readouterr().err
    assert "warning" in said
    assert len(places[0].password) >= 12
    assert places[0].password in said
    assert run("--host", "0.0.0.0", "--port", free_port(), "--password", "mine", "--data", str(tmp_path)) == 0
    assert places[1].password == "mine"
    assert "mine" not in capsys.readouterr().err


def test_a_port_that_is_taken_is_one_line(
    places: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        assert run("--port", str(held.getsockname()[1]), "--data", str(tmp_path)) == 2
    said = capsys.readouterr().err
    assert "nothing can be served" in said
    assert said.count("\n") == 1
    assert not places


def test_the_description_of_the_api_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--openapi") == 0
    assert "/simulate" in json.loads(capsys.readouterr().out)["paths"]
