"""libroadrunner: LLVM-compiled SBML and CVODE, one person after the other, one process."""

from __future__ import annotations

import time

import numpy as np
import roadrunner

from abate.science.model.sbml_export import to_sbml
from benchmarks.workload import OUTPUTS, Measured, Workload


def run(work: Workload, tolerance: float) -> Measured:
    roadrunner.Logger.disableLogging()
    began = time.process_time()
    runner = roadrunner.RoadRunner(to_sbml(work.model))
    compiled = time.process_time() - began
    integrator = runner.getIntegrator()
    integrator.setValue("relative_tolerance", tolerance)
    integrator.setValue("absolute_tolerance", 1e-6 * tolerance)
    integrator.setValue("maximum_num_steps", 100_000)
    numbers, start, events = work.numbers(), work.initial(), work.events()
    out = np.empty((len(OUTPUTS), work.days + 1, work.people))
    spent = 0.0
    for person in range(work.people):
        runner.resetAll()
        for name, values in numbers.items():
            runner.setValue(name, float(values[person]))
        for state, values in zip(work.model.states, start, strict=True):
            runner.setValue(state, float(values[person]))
        waiting, now = list(events), 0.0
        began = time.process_time()
        for day in range(work.days + 1):
            while waiting and waiting[0][0] < day:
                at, state, amount = waiting.pop(0)
                if at > now:
                    now = runner.oneStep(now, at - now)
                name = work.model.states[state]
                runner.setValue(name, runner.getValue(name) + float(amount[person]))
            if day > now:
                now = runner.oneStep(now, day - now)
            out[:, day, person] = [runner.getValue(name) for name in OUTPUTS]
        spent += time.process_time() - began
    return Measured(out, spent, compiled)
