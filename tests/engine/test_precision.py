"""float32: twice the pace, at a stated error."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from abate.engine.ensemble import Dose, compile_model
from abate.engine.solver import System, Tolerance, compile_system
from abate.science.model import load

OUTPUTS = ("C", "il6", "crp", "symptoms", "x3", "morning_cortisol")


def test_single_precision_stays_within_its_stated_error() -> None:
    model = load("il6_blockade/gca")
    doses = [Dose(d + 1 / 3, "prednisone", "oral", 20.0) for d in range(28)]
    doses += [Dose(7.0 * w, "tocilizumab", "sc", 162.0) for w in range(4)]
    courses = []
    for precision in (64, 32):
        run = compile_model(model, OUTPUTS, precision=precision).start({}, np.arange(16), seed=1)
        courses.append(run.advance(28.0, doses, record_at=np.arange(1.0, 29.0)))
        assert not run.codes.any()
    for name in OUTPUTS:
        assert courses[1][name].dtype == np.float32
        # some hundred steps, each rounding states to 6e-8; ENGINE's floor of 1.5e-5 plus the tolerance of 2e-4 a step
        np.testing.assert_allclose(courses[1][name], courses[0][name], rtol=2e-4)


def test_a_rhythm_keeps_its_phase_in_single_precision_after_years() -> None:
    """Time stays in double precision, and what depends on time alone is computed there."""
    y, time = sympy.symbols("y time")
    system = System(("y",), {"y": 50 * (sympy.cos(2 * sympy.pi * time) - y)}, {}, (), ("y",))
    last = []
    for precision in (64, 32):
        compiled = compile_system(system, precision=precision)
        state = compiled.state({"y": 1.0}, {}, people=1, time=3650.0)
        last.append(compiled.advance(state, 3651.3, None, [3651.3], tolerance=Tolerance(1e-5))[0, 0, 0])
    # a phase in float32 would be off by 2.4e-4 days there, the value by 1e-3
    assert last[1] == pytest.approx(last[0], abs=3e-5)


def test_other_precisions_are_refused() -> None:
    with pytest.raises(ValueError, match="allowed are 32 and 64"):
        compile_system(System(("y",), {"y": sympy.Integer(1)}, {}, (), ()), precision=16)
