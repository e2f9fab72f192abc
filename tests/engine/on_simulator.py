"""Runs in a process of its own, with numba's CUDA simulator: prints what the tests of the card compare, as JSON."""

from __future__ import annotations

import json
import sys

import numpy as np
import sympy

from abate.engine.ensemble import Dose, compile_model
from abate.engine.solver import Event, Kernel, Kind, State, System, Tolerance, compile_system
from abate.science.model import load


def small(device: str, precision: int) -> Kernel:
    """Elementary functions, a wave in time, conditions, and a state that blows up for some."""
    a, b, bomb, k, fuse, time = sympy.symbols("a b bomb k fuse time")
    wave = 1 + sympy.cos(2 * sympy.pi * time + k) / 5
    rates = {
        "a": -k * a * wave,
        "b": sympy.exp(-a / 50) - b ** sympy.Rational(5, 2) + sympy.log(1 + a) * sympy.Max(0, a - 60) / (60 + a),
        "bomb": sympy.Piecewise((fuse * bomb**2, time > 1), (0, True)),
    }
    system = System(("a", "b", "bomb"), rates, {}, ("k", "fuse"), ("a", "b", "bomb"))
    return compile_system(system, device=device, precision=precision)


def start(kernel: Kernel, people: int = 4) -> State:
    fuse = np.zeros(people)
    fuse[2] = 10.0
    k = np.linspace(0.3, 0.9, people)
    return kernel.state({"a": 0.0, "b": 1.0, "bomb": 1.0}, {"k": k, "fuse": fuse}, people)


def events(kernel: Kernel, people: int = 4) -> object:
    slower = np.full(people, 0.4)
    slower[1] = np.nan
    return kernel.schedule(
        [
            Event(0.0, Kind.ADD, "a", 100.0),
            Event(0.75, Kind.ADD, "a", np.arange(people) * 10.0),
            Event(1.25, Kind.SET, "k", slower),
            Event(1.5, Kind.ADD_TO_PARAMETER, "k", 0.1),
        ],
        people,
    )


def course_of_small(device: str, precision: int, *, parts: bool = False, relative: float = 2e-4) -> dict[str, object]:
    kernel = small(device, precision)
    tolerance = Tolerance(relative)
    state = start(kernel)
    if parts:
        first = kernel.advance(state, 1.0, events(kernel), [0.5, 1.0], tolerance=tolerance)
        second = kernel.advance(state, 3.0, events(kernel), [2.0, 3.0], tolerance=tolerance)
        rows = np.concatenate([first, second], axis=1)
    else:
        rows = kernel.advance(state, 3.0, events(kernel), [0.5, 1.0, 2.0, 3.0], tolerance=tolerance)
    return {"rows": rows.tolist(), "codes": state.codes.tolist()}


def course_of_blockade(device: str) -> dict[str, object]:
    outputs = ["C", "crp", "x3", "symptoms", "prednisolone"]
    ensemble = compile_model(load("il6_blockade/gca"), outputs, device=device)
    run = ensemble.start({}, [0, 1], seed=1)
    doses = [
        Dose(1 / 3, "prednisone", "oral", np.array([40.0, 15.0])),
        Dose(0.4, "tocilizumab", "iv", 560.0, duration=1 / 24),
    ]
    course = run.advance(0.5, doses, record_at=[0.25, 0.5])
    return {"rows": [course[name].tolist() for name in outputs], "codes": run.codes.tolist()}


def main() -> None:
    """Print everything."""
    told: dict[str, object] = {}
    for precision in (64, 32):
        for device in ("cpu", "gpu"):
            told[f"small {device} {precision}"] = course_of_small(device, precision)
    for device in ("cpu", "gpu"):
        told[f"blockade {device} 64"] = course_of_blockade(device)
        told[f"small {device} tight"] = course_of_small(device, 64, relative=1e-6)
    told["small gpu 64 in parts"] = course_of_small("gpu", 64, parts=True)
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
