"""One error shape: ``{"error": {"status": 422, "kind": "input", "message": "one line"}}``, never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from abate.ground.errors import AbateError, InputError, MissingExtra, SolveError, StorageError
from abate.ground.schema import in_words

__all__ = ["Fault", "FaultAnswer", "answer", "install", "one_line"]

log = logging.getLogger("abate.web")

_KINDS = {400: "request", 401: "password", 403: "refused", 404: "not-found", 405: "method", 413: "too-large"}


class Fault(BaseModel):
    """What was wrong."""

    status: int
    kind: str
    message: str


class FaultAnswer(BaseModel):
    """Every error of the API."""

    error: Fault


def answer(status: int, message: str, *, kind: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an error as every error looks.

    Examples
    --------
    >>> answer(413, "too large").body
    b'{"error":{"status":413,"kind":"too-large","message":"too large"}}'
    """
    fault = Fault(status=status, kind=kind or _KINDS.get(status, "input"), message=" ".join(message.split()))
    return JSONResponse(FaultAnswer(error=fault).model_dump(), status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Let an app answer every error in the one shape."""
    app.add_exception_handler(AbateError, _expected)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def one_line(errors: Sequence[Any]) -> str:
    """Say the first thing that is wrong with a request, and where.

    Examples
    --------
    >>> error = {"type": "greater_than", "loc": ("patients",), "msg": "Input should be greater than 0", "input": 0}
    >>> one_line([error])
    'patients: it should be greater than 0: 0'
    """
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"])
    shown = first.get("input")
    value = f": {shown!r}" if isinstance(shown, (int, float, str)) and len(str(shown)) <= 60 else ""
    return f"{where}: {in_words(first)}{value}"


async def _expected(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, StorageError):
        return answer(507, str(error), kind="storage")
    for kind, name in ((InputError, "input"), (MissingExtra, "missing-extra"), (SolveError, "solve")):
        if isinstance(error, kind):
            return answer(422, str(error), kind=name)
    return answer(422, str(error))


async def _not_valid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return answer(422, one_line(error.errors()))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return answer(error.status_code, str(error.detail), headers=dict(error.headers or {}) or None)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # The server's own log has the traceback; the answer does not.
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(500, "something went wrong in abate itself; the terminal that serves it says what", kind="internal")
