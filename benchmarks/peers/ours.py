"""abate's own kernels, two threads."""

from __future__ import annotations

import time

import numpy as np

from abate.engine.ensemble import compile_model
from abate.engine.solver import Tolerance
from benchmarks.workload import OUTPUTS, Measured, Workload


def run(work: Workload, tolerance: float, precision: int = 64, *, quasi_steady: bool = False) -> Measured:
    began = time.process_time()
    ensemble = compile_model(work.model, OUTPUTS, precision=precision, quasi_steady=quasi_steady)
    compiled = time.process_time() - began
    going = ensemble.start(work.parameters, np.arange(work.people), seed=1, tolerance=Tolerance(tolerance), threads=2)
    began = time.process_time()
    course = going.advance(float(work.days), work.doses, record_at=np.arange(work.days + 1.0))
    spent = time.process_time() - began
    return Measured(np.stack([course[name] for name in OUTPUTS]), spent, compiled)


def run_single(work: Workload, tolerance: float) -> Measured:
    return run(work, tolerance, precision=32)
