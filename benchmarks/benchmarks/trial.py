"""A trial from protocol to Study: time and memory, tables and courses and all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from abate.trial.protocol import load_trial
from abate.trial.simulate import simulate


class Simulate:
    """GiACTA over eight weeks."""

    params = (16, 256)
    param_names = ("patients",)
    timeout = 300

    def setup(self, _patients: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.trial = load_trial("giacta").model_copy(update={"weeks": 8})
        self.run(4)

    def teardown(self, _patients: int) -> None:
        self.folder.cleanup()

    def run(self, patients: int) -> None:
        simulate(self.trial, Path(self.folder.name) / "study", patients=patients)

    def time_simulate(self, patients: int) -> None:
        self.run(patients)

    def peakmem_simulate(self, patients: int) -> None:
        self.run(patients)
