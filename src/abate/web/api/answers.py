"""What every answer of the API shares: strict JSON of a results.json, and the errors that may stand in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Response
from pydantic import BaseModel, ConfigDict

from abate.ground.results import dumps
from abate.ground.version import __version__
from abate.web.faults import FaultAnswer

__all__ = ["FAULTS", "Results", "as_answer"]

FAULTS: dict[int | str, dict[str, Any]] = {
    400: {"model": FaultAnswer, "description": "Not a request that can be read"},
    403: {"model": FaultAnswer, "description": "From another origin, or under another name"},
    413: {"model": FaultAnswer, "description": "Too large"},
    422: {"model": FaultAnswer, "description": "Something given is wrong; the message says what is allowed"},
}


class Results(BaseModel):
    """A results.json: version, kind, seed, and what the kind holds."""

    model_config = ConfigDict(extra="allow")

    abate: str
    kind: str
    seed: int | None


def as_answer(kind: str, payload: Mapping[str, Any], seed: int | None = None) -> Response:
    """Return what the command line prints with ``--json``.

    Examples
    --------
    >>> as_answer("series", {"n": float("nan")}).body.endswith(b'"kind": "series", "seed": null, "n": null}\\n')
    True
    """
    head = {"abate": __version__, "kind": kind, "seed": seed}
    return Response(dumps({**head, **payload}, indent=None), media_type="application/json")
