"""Who may ask: this machine's own pages, bodies of a sensible size, the password elsewhere."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from abate.web.guard import Guard, judge

from .conftest import Asker

OWN = {"host": "127.0.0.1:8080"}


@pytest.fixture(scope="module")
def guarded() -> Asker:
    from abate.web.api import create_api

    return Asker(Guard(create_api()))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:8080"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    ],
)
def test_own_pages_programs_and_links_are_answered(headers: dict[str, str]) -> None:
    assert judge(OWN | headers, "GET", password=None) is None


@pytest.mark.parametrize(
    ("headers", "method"),
    [
        ({"origin": "https://elsewhere.example"}, "POST"),
        ({"origin": "https://elsewhere.example"}, "WEBSOCKET"),
        ({"origin": "http://127.0.0.1:9090"}, "GET"),
        ({"origin": "http://localhost:8080"}, "GET"),
        ({"origin": "null"}, "POST"),
        ({"origin": "http://["}, "POST"),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, "GET"),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, "POST"),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, "GET"),
        ({"host": "elsewhere.example:8080"}, "GET"),
        ({"host": "127.0.0.1.elsewhere.example"}, "GET"),
        ({"host": ""}, "GET"),
    ],
)
def test_other_origins_and_other_names_are_refused(headers: dict[str, str], method: str) -> None:
    refusal = judge(OWN | headers, method, password=None)
    assert refusal is not None
    assert refusal.status == 403


def test_a_request_from_another_origin_gets_nothing(guarded: Asker) -> None:
    answer = guarded("GET", "/library", headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 403
    assert set(answer.json()) == {"error"}
    assert "access-control-allow-origin" not in answer.headers


def test_answers_forbid_other_sources(guarded: Asker) -> None:
    policy = guarded("GET", "/library").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_fifty_megabytes_are_refused_whether_announced_or_not(guarded: Asker) -> None:
    answer = guarded("POST", "/analyse", files={"file": ("big.csv", b"0" * 50 * 1024**2)})
    assert (answer.status_code, answer.json()["error"]["kind"]) == (413, "too-large")

    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        for _ in range(50):
            sent += 1
            yield b"0" * 1024**2

    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer = guarded("POST", "/analyse", content=pieces(), headers=kind)
    assert (answer.status_code, answer.json()["error"]["kind"]) == (413, "too-large")
    assert "20 MB" in answer.json()["error"]["message"]
    assert sent < 25, "it must not be read to its end"


def test_a_password_is_asked_for_where_others_can_reach_the_app() -> None:
    def with_password(given: str) -> dict[str, str]:
        return {"authorization": "Basic " + base64.b64encode(f"me:{given}".encode()).decode()}

    place: dict[str, Any] = {"method": "GET", "password": "pässword"}
    there = {"host": "clinic.example:8080"}
    assert judge(there | with_password("pässword"), **place) is None
    for headers in ({}, with_password("password"), {"authorization": "Basic ???"}, {"authorization": "Bearer x"}):
        refusal = judge(there | headers, **place)
        assert refusal is not None
        assert refusal.status == 401
    other = judge(there | with_password("pässword") | {"origin": "https://elsewhere.example"}, **place)
    assert other is not None
    assert other.status == 403
