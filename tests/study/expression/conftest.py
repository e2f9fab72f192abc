"""Small simulated experiments as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from abate.study.expression.simulate import SimulatedCounts, simulate_counts

Files = Callable[..., tuple[Path, Path, SimulatedCounts]]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Write a simulated experiment as counts.csv and samples.csv."""

    def write(genes: int = 300, **options: object) -> tuple[Path, Path, SimulatedCounts]:
        data = simulate_counts(genes, **({"changed": genes // 20} | options))
        data.counts.to_csv(tmp_path / "counts.csv")
        data.samples.to_csv(tmp_path / "samples.csv")
        return tmp_path / "counts.csv", tmp_path / "samples.csv", data

    return write
