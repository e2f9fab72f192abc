"""The shipped scorer against a second, plainly written one, on random answer sheets with missing items."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from abate.science import instruments
from abate.science.instruments import Item


def _plain() -> ModuleType:
    """The plain scorer beside this file (tests are no package, so it is loaded by its path)."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("plain_scorer", Path(__file__).with_name("plain.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


plain = _plain()
POLICIES = ("strict", "prorate")
SCORERS: dict[str, Callable[[Any, str], Any]] = {
    "fiqr": plain.fiqr,
    "fibromyalgia-2010": lambda a, _: plain.fibromyalgia(a, 2010),
    "fibromyalgia-2011": lambda a, _: plain.fibromyalgia(a, 2011),
    "fibromyalgia-2016": lambda a, _: plain.fibromyalgia(a, 2016),
    "pain": lambda a, _: {"total": a.get("pain")},
    "pmr-as": lambda a, _: plain.pmr_as(a),
    "pmr-classification-2012": lambda a, _: plain.classification(a),
    "haq-di": plain.haq_di,
    "facit-fatigue": plain.facit_fatigue,
    "sf-36": lambda a, _: plain.sf36(a),
    "giacta": lambda a, _: plain.giacta(a),
    "omeract-pmr": lambda a, _: plain.omeract(a),
}


# Of 256, how many items are missing on a sheet: on a fifth of the sheets each, none to half of them.
MISSING = (0, 8, 24, 64, 128)


def answer(item: Item, number: int) -> float:
    """One of the item's allowed answers: whole ones, and tenths where they are allowed."""
    low = 0 if item.low is None else int(item.low)
    # Without a limit of its own, an item runs to 100: beyond every cut-off.
    high = 100 if item.high is None else int(item.high)
    if item.whole or number % 2:
        return float(low + (number // 2) % (high - low + 1))
    return low + (number // 2) % (10 * (high - low) + 1) / 10


def sheets(name: str) -> st.SearchStrategy[dict[str, float | None]]:
    """Answer sheets from a string of bytes, three an item (one draw, so that ten thousand sheets take a minute)."""
    items = instruments.load(name).items

    def sheet(data: bytes) -> dict[str, float | None]:
        rare = MISSING[data[-1] % len(MISSING)]
        triples = [data[3 * k : 3 * k + 3] for k in range(len(items))]
        return {
            item.id: None if gone < rare else answer(item, 256 * high + low)
            for item, (high, low, gone) in zip(items, triples, strict=True)
        }

    return st.binary(min_size=3 * len(items) + 1, max_size=3 * len(items) + 1).map(sheet)


def agree(name: str, answers: dict[str, float | None], policy: str) -> None:
    shipped = instruments.score(instruments.load(name), answers, policy)  # type: ignore[arg-type]
    found = {"total": shipped.total, **shipped.domains, **shipped.criteria}
    for key, expected in SCORERS[name](answers, policy).items():
        got = found[key]
        if expected is None or isinstance(expected, bool):
            assert got is expected, (key, got, expected)
        else:
            # The plain scorer adds at most 21 doubles of size 10: its rounding stays far below 1e-9.
            assert got == pytest.approx(expected, abs=1e-9), key


def check(name: str, examples: int) -> None:
    # The instrument's place in the list is the seed: every run sees the same sheets.
    @seed(sorted(SCORERS).index(name))
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(sheets(name))
    def both_agree(answers: dict[str, float | None]) -> None:
        for policy in POLICIES:
            agree(name, answers, policy)

    both_agree()


def test_every_shipped_instrument_has_a_second_scorer() -> None:
    assert set(SCORERS) == set(instruments.names())


@pytest.mark.parametrize("name", sorted(SCORERS))
def test_slice(name: str) -> None:
    check(name, 150)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SCORERS))
def test_ten_thousand_sheets(name: str) -> None:
    check(name, 10_000)
