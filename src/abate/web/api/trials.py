"""``/api/simulate``: a small virtual trial."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import APIRouter, Response

from abate.web.api.answers import Results, as_answer
from abate.web.trials import FOR_ANSWERS, TrialRequest, plan_trial, run_trial
from abate.web.work import bench

__all__ = ["router"]

router = APIRouter(tags=["trial"])


@router.post("/simulate", response_model=Results, summary="Run a small virtual trial")
async def simulate(request: TrialRequest) -> Response:
    """Simulate, analyse and answer with the endpoints of every arm; what is larger belongs to the command line."""

    def run(tell: Callable[[float], None]) -> Response:
        trial = plan_trial(request, FOR_ANSWERS)
        with TemporaryDirectory(prefix="abate-api-") as folder:
            results = run_trial(trial, request, Path(folder) / "study", tell)
        return as_answer("trial", results, request.seed)

    return await bench.request(run, long=True)
