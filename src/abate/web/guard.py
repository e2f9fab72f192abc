"""Who may ask: this machine's own pages, with bodies of a sensible size, and a password when others can reach it.

A page of another origin must not read or change anything here, not even through a name that resolves to 127.0.0.1
(DNS rebinding): on the loopback address only loopback names are answered, and an ``Origin`` must be our own.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from abate.web.faults import answer

__all__ = ["LIMIT", "LOOPBACK", "Guard", "Refusal", "judge"]

LIMIT = 20 * 1024 * 1024
"""Largest body of a request, bytes."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")

# Everything comes from this server; scripts of the page framework are evaluated in the page. connect-src 'self' covers
# the page's own websocket.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'self'"
)
_HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    # Not no-referrer: with that a browser sends "Origin: null" with the app's own forms.
    b"referrer-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered."""

    status: int
    message: str


def judge(headers: dict[str, str], method: str, *, password: str | None, limit: int = LIMIT) -> Refusal | None:
    """Return why a request with these headers is refused, or None.

    Parameters
    ----------
    headers : dict of str to str
        With lower-case names.
    method : str
        ``WEBSOCKET`` for a websocket.
    password : str, optional
        Asked for where there is one; without one only loopback names are answered.
    limit : int
        Largest body, bytes.

    Examples
    --------
    >>> own = {"host": "127.0.0.1:8080", "origin": "http://127.0.0.1:8080"}
    >>> judge(own, "POST", password=None) is None
    True
    >>> judge(own | {"origin": "https://elsewhere.example"}, "POST", password=None).status
    403
    >>> judge({"host": "elsewhere.example"}, "GET", password=None).status
    403
    """
    host = headers.get("host", "")
    if password is None and _name(host) not in LOOPBACK:
        return Refusal(403, f"this address is not served here: {host[:60]!r}; allowed: {', '.join(LOOPBACK)}")
    if not _own_origin(headers, method, host):
        return Refusal(403, "requests from another origin are refused; open the app itself")
    if password is not None and not _knows(headers.get("authorization", ""), password):
        return Refusal(401, "a password is needed; it was set when the app was started")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > limit:
        return Refusal(
            413, f"the upload is larger than {limit // 1024**2} MB; for larger files use: abate analyse FILE"
        )
    return None


class Guard:
    """Refuse what must not be answered, before anything else sees it."""

    def __init__(self, app: ASGIApp, *, password: str | None = None, limit: int = LIMIT) -> None:
        self.app, self.password, self.limit = app, password, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        method = scope["method"] if scope["type"] == "http" else "WEBSOCKET"
        refusal = judge(headers, method, password=self.password, limit=self.limit)
        if scope["type"] == "websocket":
            if refusal:
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": refusal.message[:100]})
            else:
                await self.app(scope, receive, send)
            return
        if refusal:
            await _refuse(refusal, scope, receive, _headed(send))
            return
        await self._measured(scope, receive, _headed(send))

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a body of unknown length until it is too long."""
        seen, begun, too_long = 0, False, False

        async def counted() -> Message:
            nonlocal seen, too_long
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                too_long = True
                return {"type": "http.disconnect"}
            return message

        async def first(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            if too_long and not begun:
                return
            begun = True
            await send(message)

        try:
            await self.app(scope, counted, first)
        except Exception:
            if not too_long:
                raise
        if too_long and not begun:
            refusal = Refusal(413, f"the upload is larger than {self.limit // 1024**2} MB")
            await _refuse(refusal, scope, receive, send)


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"connection": "close"} if refusal.status == 413 else {}
    if refusal.status == 401:
        headers["www-authenticate"] = 'Basic realm="abate", charset="UTF-8"'
    await answer(refusal.status, refusal.message, headers=headers)(scope, receive, send)


def _headed(send: Send) -> Send:
    async def add(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            present = {key.lower() for key, _ in message["headers"]}
            extra = [(key, value) for key, value in _HEADERS.items() if key not in present]
            message["headers"] = [*message["headers"], *extra]
        await send(message)

    return add


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _own_origin(headers: dict[str, str], method: str, host: str) -> bool:
    origin = headers.get("origin")
    if origin is not None:
        try:
            return urlsplit(origin).netloc == host
        except ValueError:
            return False
    # A browser that sends no Origin (an image, a form that navigates) still says where the request comes from.
    site = headers.get("sec-fetch-site", "none")
    arriving = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
    framed = headers.get("sec-fetch-dest") in ("iframe", "frame", "embed", "object")
    return site in ("none", "same-origin") or (arriving and not framed)


def _knows(authorization: str, password: str) -> bool:
    kind, _, text = authorization.partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        given = base64.b64decode(text, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, password.encode())
