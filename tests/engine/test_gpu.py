"""The code for a graphics card, run by numba's CUDA simulator on a handful of people."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abate.engine.solver import System, compile_system, elementary
from abate.engine.solver.gpu import card
from abate.engine.solver.gpu.operations import of_precision
from abate.engine.solver.gpu.single import single_source
from abate.ground.errors import InputError, MissingExtra

ERROR = {64: 2e-4, 32: 4e-4}
"""Agreement with the processor that the documentation states, relative: either is within 1e-4 of the truth at the
default tolerance, with step sizes of its own; float32 adds its rounding over some hundred steps."""


@pytest.fixture(scope="module")
def simulated() -> dict[str, Any]:
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    script = Path(__file__).with_name("on_simulator.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(("what", "precision"), [("small", 64), ("small", 32), ("blockade", 64)])
def test_the_card_agrees_with_the_processor(simulated: dict[str, Any], what: str, precision: int) -> None:
    got = np.array(simulated[f"{what} gpu {precision}"]["rows"])
    np.testing.assert_allclose(got, np.array(simulated[f"{what} cpu 64"]["rows"]), rtol=ERROR[precision])


def test_at_a_tight_tolerance_the_card_and_the_processor_meet(simulated: dict[str, Any]) -> None:
    got, expected = (np.array(simulated[f"small {device} tight"]["rows"]) for device in ("gpu", "cpu"))
    # a tolerance of 1e-6 a step, some hundred steps, whose errors add up at worst to this
    np.testing.assert_allclose(got, expected, rtol=2e-5)


def test_a_failure_on_the_card_is_a_code_and_leaves_the_others_alone(simulated: dict[str, Any]) -> None:
    codes = np.array(simulated["small gpu 64"]["codes"])
    assert (codes != 0).tolist() == [False, False, True, False]
    assert (codes != 0).tolist() == (np.array(simulated["small cpu 64"]["codes"]) != 0).tolist()
    rows = np.array(simulated["small gpu 64"]["rows"])
    assert np.isnan(rows[:, 2:, 2]).all()
    assert np.isfinite(rows[:, :2, 2]).all()


def test_a_run_in_parts_has_the_same_bits_on_the_card(simulated: dict[str, Any]) -> None:
    # person 2 fails on the way: not a number on both sides
    np.testing.assert_array_equal(
        np.array(simulated["small gpu 64 in parts"]["rows"]), np.array(simulated["small gpu 64"]["rows"])
    )


SOURCE = """
def mixed(time: float, x: memory, out: memory) -> None:
    wave = cos(6.283185307179586 * time)
    store(out, 0, 0.1 * exp(load(x, 0)) + wave)
    store(out, 1, power(load(x, 1), 0.3))
"""


def test_constants_are_narrowed_but_not_time() -> None:
    text = single_source(SOURCE, 32)
    assert "wave = wide_cos(6.283185307179586 * time)" in text
    assert "out[0] = narrow(0.1) * exp(x[0]) + narrow(wave)" in text
    assert "narrow" not in single_source(SOURCE, 64)


def test_elementary_functions_of_single_numbers_are_those_of_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abate.engine.solver.gpu.operations.SIMULATED", True)
    functions = {name: getattr(function, "py_func", function) for name, function in of_precision(64).items()}
    names: dict[str, Any] = {"device": lambda f: f, "INF": np.inf, "NAN": np.nan, **functions}
    exec(single_source(SOURCE, 64), names)
    for name, values in {
        "exp": (-745.0, -1.0, 0.0, 1e-310, 0.7, 30.0, 700.0),
        "cos": (-745.0, -1.0, 0.0, 1e-310, 0.7, 30.0, 700.0),
        "log": (1e-310, 0.5, 1.0, 2.0, 1e290),
    }.items():
        for x in map(np.float64, values):
            assert names[name](x) == getattr(elementary, name)(x)  # the same arithmetic, bit for bit


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(card, "version", missing)
    with pytest.raises(MissingExtra, match=r"pip install 'abate\[gpu\]'"):
        compile_system(System(("x",), {"x": 0}, {}, (), ("x",)), device="gpu")


def test_without_a_card_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        def get_current_device(self) -> None:
            raise RuntimeError("CUDA driver library cannot be found.\nEnsure ...")

    monkeypatch.setattr(card, "_cuda", Nothing)
    with pytest.raises(InputError, match=r"no NVIDIA card answers .*driver library cannot be found"):
        card.check_card()


def test_other_devices_are_refused() -> None:
    with pytest.raises(ValueError, match="device is 'tpu', allowed are cpu and gpu"):
        compile_system(System(("x",), {"x": 0}, {}, (), ("x",)), device="tpu")
