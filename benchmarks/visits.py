"""What it costs to stop every week, look, decide for everybody by array code, and go on."""

from __future__ import annotations

import statistics
import time

import numpy as np

from abate.engine.ensemble import Dose, compile_model
from benchmarks.workload import OUTPUTS, Workload, workload

WEEKS = 4


def _through(work: Workload, ensemble: object) -> float:
    run = ensemble.start(work.parameters, np.arange(work.people), 1)  # type: ignore[attr-defined]
    began = time.process_time()
    run.advance(float(work.days), work.doses, record_at=np.arange(1.0, work.days + 1))
    return time.process_time() - began


def _by_visits(work: Workload, ensemble: object) -> float:
    """The same doses unless the policy changes them: more prednisone for whom CRP and symptoms are high."""
    run = ensemble.start(work.parameters, np.arange(work.people), 1)  # type: ignore[attr-defined]
    began = time.process_time()
    factor = np.ones(work.people)
    for week in range(WEEKS):
        due = [d for d in work.doses if 7 * week <= d.time < 7 * (week + 1)]
        doses = [Dose(d.time, d.drug, d.route, d.amount * (factor if d.drug == "prednisone" else 1.0)) for d in due]
        seen = run.advance(7.0 * (week + 1), doses, record_at=np.arange(7.0 * week + 1, 7.0 * (week + 1) + 1))
        rescue = (seen["crp"][-1] > 1e9) & (seen["symptoms"][-1] > 1e9)  # decided for all, changed for none
        factor = np.where(rescue, 2.0, factor)
    return time.process_time() - began


def cost_of_visits(people: int = 10_000, pairs: int = 7) -> dict[str, float]:
    """Relative cost of the visits: median over pairs of runs that follow each other."""
    work = workload(people, 7 * WEEKS)
    ensemble = compile_model(work.model, OUTPUTS)
    _through(work, ensemble)
    ratios = [_by_visits(work, ensemble) / _through(work, ensemble) for _ in range(pairs)]
    return {"cost": statistics.median(ratios) - 1, "people": people, "pairs": pairs}
