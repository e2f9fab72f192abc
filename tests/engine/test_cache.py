"""Compiled kernels on disk: found again, never trusted when damaged, done without when the folder cannot be written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sympy

from abate.engine.solver import Kernel, System, compile_system


def kernel(rate: float) -> Kernel:
    amount = sympy.Symbol("amount")
    return compile_system(System(("amount",), {"amount": -rate * amount}, {}, (), ("amount",)))


def after_a_day(compiled: Kernel) -> float:
    state = compiled.state({"amount": 1.0}, {}, people=1)
    return float(compiled.advance(state, 1.0, None, [1.0])[0, 0, 0])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ABATE_CACHE", str(tmp_path))
    return tmp_path / "kernels"


def test_a_kernel_is_compiled_once(folder: Path) -> None:
    first, second = kernel(0.7), kernel(0.7)
    assert (first.code.cached, second.code.cached) == (False, True)
    assert [path.suffix for path in folder.iterdir()] == [".o"]
    assert after_a_day(first) == after_a_day(second) == pytest.approx(np.exp(-0.7), rel=1e-4)


def test_other_equations_are_another_kernel(folder: Path) -> None:
    assert after_a_day(kernel(0.7)) != after_a_day(kernel(0.8))
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"no line", b'{"facts": {}, "sha256": "0"}\nrest'])
def test_a_damaged_file_is_compiled_again(folder: Path, damage: bytes) -> None:
    kernel(0.7)
    (path,) = folder.iterdir()
    path.write_bytes(damage)
    again = kernel(0.7)
    assert not again.code.cached
    assert after_a_day(again) == pytest.approx(np.exp(-0.7), rel=1e-4)
    assert kernel(0.7).code.cached


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    occupied = tmp_path / "a file, not a folder"
    occupied.write_text("")
    monkeypatch.setenv("ABATE_CACHE", str(occupied))
    assert after_a_day(kernel(0.7)) == pytest.approx(np.exp(-0.7), rel=1e-4)
    assert occupied.read_text() == ""
