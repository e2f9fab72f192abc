"""The compiled kernel: pace, steps, and what compiling costs."""

from __future__ import annotations

import os
import tempfile

import numpy as np

from abate.engine.ensemble import Dose, Ensemble, compile_model
from abate.science.model import load
from abate.science.population import draw, load_population

OUTPUTS = ("C", "il6", "crp", "symptoms", "x3", "prednisolone", "esr", "A")
DAYS = 28


def doses() -> list[Dose]:
    daily = [Dose(d + 1 / 3, "prednisone", "oral", 40 * 0.985**d) for d in range(DAYS)]
    return daily + [Dose(d + 3 / 8, "tocilizumab", "sc", 162.0) for d in range(0, DAYS, 7)]


class Advance:
    """Four weeks of the whole model, by how many people and in which precision."""

    params = ([16, 256, 4096], [64, 32])
    param_names = ("people", "precision")

    def setup(self, people: int, precision: int) -> None:
        model = load("il6_blockade/gca")
        self.ensemble: Ensemble = compile_model(model, OUTPUTS, precision=precision)
        _, self.parameters = draw(load_population("gca"), model, np.arange(people), seed=1)
        self.advance(people)

    def advance(self, people: int) -> float:
        run = self.ensemble.start(self.parameters, np.arange(people), 1, threads=1)
        run.advance(float(DAYS), doses(), record_at=np.arange(1.0, DAYS + 1))
        return float(run.state.steps.sum() / run.state.groups / DAYS)

    def time_four_weeks(self, people: int, _precision: int) -> None:
        self.advance(people)

    def track_steps_a_day(self, people: int, _precision: int) -> float:
        return self.advance(people)


class Compile:
    """First use of a model, and later ones."""

    timeout = 300

    def setup(self) -> None:
        self.before = os.environ.get("ABATE_CACHE")
        os.environ["ABATE_CACHE"] = tempfile.mkdtemp()
        self.model = load("il6_blockade/gca")
        self.kept = compile_model(self.model, OUTPUTS[:4])

    def teardown(self) -> None:
        if self.before is None:
            del os.environ["ABATE_CACHE"]
        else:
            os.environ["ABATE_CACHE"] = self.before

    def time_first(self) -> None:
        os.environ["ABATE_CACHE"] = tempfile.mkdtemp()
        compile_model(self.model, OUTPUTS)

    def time_later(self) -> None:
        compile_model(self.model, OUTPUTS[:4])
