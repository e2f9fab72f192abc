"""``/api/plan``: forecasts of candidate tapers for one patient, with intervals."""

from __future__ import annotations

from fastapi import APIRouter, Response

from abate.web.api.answers import Results, as_answer
from abate.web.plans import PlanRequest, answer_plan
from abate.web.work import bench

__all__ = ["router"]

router = APIRouter(tags=["patient"])


@router.post("/plan", response_model=Results, summary="Forecast tapers for one patient")
async def plan(request: PlanRequest) -> Response:
    """Forecast every option in the same virtual people, and search for one with less prednisone where that is asked.

    The record is not kept. Not a prescription.
    """
    made = await bench.request(lambda tell: answer_plan(request, tell), long=request.optimise)
    return as_answer("plan", made, request.seed)
