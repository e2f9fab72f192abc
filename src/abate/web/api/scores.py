"""``/api/score``: one answer sheet, every score with its bands and the rule used."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.web.api.answers import Results, as_answer
from abate.web.studies import Missing

__all__ = ["AnswerSheet", "router"]

router = APIRouter(tags=["instruments"])


class AnswerSheet(BaseModel):
    """The answers of one person on one day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instrument: str = Field(max_length=80, description="A name of the library, as in fiqr.")
    answers: dict[Annotated[str, Field(max_length=80)], float] = Field(
        max_length=500, description="Answers by item, as in {'fiqr/1': 5}."
    )
    missing: Missing = "strict"


@router.post("/score", response_model=Results, summary="Score one answer sheet")
def score(sheet: AnswerSheet) -> Response:
    """Turn answers into scores."""
    from abate.science import instruments

    known = instruments.names()
    if sheet.instrument not in known:
        hint = did_you_mean(sheet.instrument, known)
        raise InputError("instrument", "there is no such instrument", value=sheet.instrument, allowed=known, hint=hint)
    chosen = instruments.load(sheet.instrument)
    scored = instruments.score(chosen, sheet.answers, policy=sheet.missing)
    return as_answer("scores", {"instrument": chosen.name, "scores": scored.as_dict()})
