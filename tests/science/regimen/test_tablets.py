"""Tablets: as few as brute force can find, exact on average, and the nearest doses where one cannot be made."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abate.ground.errors import InputError
from abate.ground.files import load_toml
from abate.science.regimen.schema import validated
from abate.science.regimen.tablets import Tablet, TabletFile, TabletSet, load_tablets, tablet_sets

STRENGTHS = (1.0, 2.5, 5.0, 10.0, 20.0, 50.0)
SUBSETS = [subset for size in range(1, 7) for subset in combinations(STRENGTHS, size)]


def brute_force(tablets: tuple[Tablet, ...], dose: float) -> tuple[tuple[int, int, int], tuple[int, int, int]] | None:
    """Try every combination of all strengths but the smallest, which takes the rest; best keys for both aims.

    Amounts are counted in quarters of a milligram, of which every half tablet here is a multiple.
    """
    sizes = [round(t.mg * 4) // (2 if t.halved else 1) for t in tablets]
    total = round(dose * 4)
    grids = np.meshgrid(*[np.arange(total // size + 1) for size in sizes[1:]], indexing="ij")
    counts = [g.ravel() for g in grids]
    rest = total - sum((c * size for c, size in zip(counts, sizes[1:], strict=True)), np.zeros(1, dtype=int))
    fits = (rest >= 0) & (rest % sizes[0] == 0)
    if not fits.any():
        return None
    chosen = [rest[fits] // sizes[0], *[np.broadcast_to(c, rest.shape)[fits] for c in counts]]
    pieces = sum(c // 2 + c % 2 if t.halved else c for c, t in zip(chosen, tablets, strict=True))
    halves = sum(c % 2 if t.halved else 0 * c for c, t in zip(chosen, tablets, strict=True))
    strengths = sum((c > 0).astype(int) for c in chosen)
    first = min(zip(pieces.tolist(), halves.tolist(), strengths.tolist(), strict=True))
    second = min(zip(strengths.tolist(), pieces.tolist(), halves.tolist(), strict=True))
    return first, second


def check_against_brute_force(subset: tuple[float, ...], doses: np.ndarray, *, halved: bool) -> None:
    tablets = TabletSet("test", tuple(Tablet(mg, halved) for mg in subset))
    for dose in doses.tolist():
        wanted = brute_force(tablets.tablets, dose)
        if wanted is None:
            assert not tablets.can_make(dose), (subset, dose)
            with pytest.raises(InputError, match="cannot be made of"):
                tablets.make(dose)
            continue
        for aim, best in zip(("tablets", "strengths"), wanted, strict=True):
            made = tablets.make(dose, aim=aim)
            halves = sum(count % 1 != 0 for _, count in made.parts)
            key = (made.pieces, halves, len(made.parts)) if aim == "tablets" else (len(made.parts), made.pieces, halves)
            assert made.mg == dose
            assert key == best, (subset, dose, aim, str(made))


@pytest.mark.parametrize("halved", [True, False])
def test_every_subset_is_minimal_up_to_80_mg(halved: bool) -> None:
    for subset in SUBSETS:
        check_against_brute_force(subset, np.arange(0.5, 80.1, 0.5), halved=halved)


def test_the_two_aims_differ() -> None:
    us = load_tablets("us")
    assert str(us.make(17.5)) == "1 x 10 mg + 1 x 5 mg + 1 x 2.5 mg"
    assert str(us.make(17.5, aim="strengths")) == "3½ x 5 mg"
    assert str(us.make(0)) == "none"


def test_enteric_coated_tablets_are_never_halved() -> None:
    enteric = load_tablets("uk-enteric")
    with pytest.raises(
        InputError, match=r"6 mg cannot be made of 2.5, 5 mg tablets; allowed: nearest possible: 5 mg and 7.5"
    ):
        enteric.make(6)
    assert str(load_tablets("uk").whole().make(7.5)) == "1 x 5 mg + 1 x 2.5 mg"


def test_day_averages() -> None:
    enteric = load_tablets("uk-enteric")
    assert [day.mg for day in enteric.over_days(8.75)] == [10, 7.5]
    assert [day.mg for day in enteric.over_days(27.5 / 3)] == [10, 10, 7.5]
    assert [day.mg for day in enteric.over_days(7.5)] == [7.5]
    with pytest.raises(InputError, match=r"no cycle of up to 2 days averages 6 mg.*5 mg and 7.5 mg"):
        enteric.over_days(6, longest=2)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(SUBSETS), st.booleans(), st.integers(0, 800).map(lambda n: n / 10))
def test_averages_are_exact_and_nearest_doses_are_nearest(subset: tuple[float, ...], halved: bool, dose: float) -> None:
    tablets = TabletSet("test", tuple(Tablet(mg, halved) for mg in subset))
    near = tablets.nearest(dose)
    possible = np.array([d for d in np.arange(max(0.0, np.floor(dose) - 50), dose + 51, 0.25) if tablets.can_make(d)])
    below, above = possible[possible <= dose].max(), possible[possible >= dose].min()
    assert near == ((dose,) if tablets.can_make(dose) else (below, above))
    try:
        days = tablets.over_days(dose)
    except InputError:
        return
    # Sums of at most seven doses in double precision.
    assert sum(day.mg for day in days) / len(days) == pytest.approx(dose, abs=1e-9)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="cannot be negative"):
        load_tablets("us").make(-1)
    with pytest.raises(InputError, match=r"there is no such set.*did you mean 'uk-enteric'"):
        load_tablets("uk-enterik")
    with pytest.raises(InputError, match=r"no tablet of this strength: 3.0"):
        load_tablets("us").only([5, 3])
    text = "name='x'\ntitle='x'\ndrug='x'\nsource='x'\ngrade='assumed'\n[[tablets]]\nmg = 0\nhalved = true\n"
    with pytest.raises(InputError, match="greater than 0"):
        validated(load_toml("x.toml", text=text), TabletFile)


def test_every_library_set_loads() -> None:
    for name in tablet_sets():
        tablets = load_tablets(name)
        assert tablets.name == name
        assert tablets.source
