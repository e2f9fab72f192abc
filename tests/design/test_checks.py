"""The page of design checks: every design that ships, its results as they were simulated, and what is outside said."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from abate.design.adaptive.choose import ADAPTIVE
from abate.design.boundary import BOUNDARIES
from abate.design.spending import SPENDING

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def made() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_design_checks", DOCS / "make_design_checks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_design_checks"] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def kept() -> dict:
    return json.loads((DOCS / "design-checks.json").read_text(encoding="utf-8"))


def test_the_page_is_that_of_its_results(made: ModuleType, kept: dict) -> None:
    assert set(kept) == set(made.CHECKS)
    assert all(row["trials"] == made.CHECKS[name].trials for name, row in kept.items())
    assert made.page(kept) == (DOCS / "design-checks.md").read_text(encoding="utf-8")


def test_every_boundary_and_spending_and_adaptive_design_is_there(made: ModuleType) -> None:
    names = set(made.CHECKS)
    assert set(BOUNDARIES) - {"spending"} <= names
    assert {f"spending-{'listed' if name == 'points' else name}" for name in SPENDING} <= names
    assert set(ADAPTIVE) <= names
    assert {"futility", "futility-binding", "stratified", "minimised", "crossover-score", "margin-score"} <= names


def test_every_design_errs_as_often_as_it_says(made: ModuleType, kept: dict) -> None:
    away = {name: made.distance(made.CHECKS[name], row) for name, row in kept.items()}
    assert {name for name, z in away.items() if z > 3 or (z < -3 and not made.CHECKS[name].most)} == set()


@pytest.mark.parametrize("name", ["pocock", "spending-unequal", "futility-binding", "bayesian", "enrichment"])
def test_a_slice_of_the_trials_is_simulated_again(made: ModuleType, name: str) -> None:
    check = made.CHECKS[name]
    away = made.distance(check, made.measured(name, 10_000))
    assert away <= 3
    assert check.most or away >= -3


def test_both_kinds_of_balanced_allocation_are_simulated_again(made: ModuleType) -> None:
    for method in ("blocks", "minimised"):
        assert made.adjusted(method, 60).consistent_with(0.05)
