"""Equivalent doses come from the table of their purpose."""

from __future__ import annotations

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.science.regimen import load_taper
from abate.science.regimen.equivalence import equivalent, switch_taper

EQUAL_TO_5_MG = {
    "prednisolone": 5,
    "methylprednisolone": 4,
    "triamcinolone": 4,
    "hydrocortisone": 20,
    "cortisone": 25,
    "dexamethasone": 0.75,
}


@pytest.mark.parametrize(("to", "mg"), EQUAL_TO_5_MG.items())
def test_equal_effect_on_inflammation_of_5_mg_prednisone(to: str, mg: float) -> None:
    assert equivalent(5, "prednisone", to, purpose="anti-inflammatory").mg == mg


def test_the_two_tables_give_different_answers() -> None:
    calm = equivalent(5, "prednisone", "dexamethasone", purpose="anti-inflammatory")
    suppress = equivalent(5, "prednisone", "dexamethasone", purpose="adrenal")
    assert calm.mg == 0.75
    assert suppress.mg == 0.375
    assert (suppress.low, suppress.high) == (5 * 0.25 / 6, 5 * 0.5 / 4)
    assert calm.source != suppress.source


def test_there_and_back_is_the_same_dose() -> None:
    there = equivalent(7.5, "prednisone", "betamethasone", purpose="anti-inflammatory")
    assert equivalent(there.mg, "betamethasone", "prednisone", purpose="anti-inflammatory").mg == pytest.approx(7.5)
    assert there.low < there.mg < there.high


def test_a_drug_that_a_table_lacks_is_named() -> None:
    with pytest.raises(InputError, match=r"the adrenal table does not have this drug: 'triamcinolone'"):
        equivalent(5, "prednisone", "triamcinolone", purpose="adrenal")
    with pytest.raises(InputError, match="did you mean 'prednisone'"):
        equivalent(5, "prednison", "prednisone", purpose="adrenal")
    with pytest.raises(InputError, match="cannot be negative"):
        equivalent(-1, "prednisone", "prednisolone", purpose="adrenal")


def test_a_switched_taper_keeps_its_days_and_scales_its_doses() -> None:
    taper = load_taper("giacta-26")
    switched = switch_taper(taper, "methylprednisolone", purpose="anti-inflammatory")
    np.testing.assert_allclose(switched.table, 0.8 * taper.table, rtol=1e-12)  # one product and one rounding a dose
    assert (switched.drug, switched.grade) == ("methylprednisolone", "derived")
    assert "anti-inflammatory table" in switched.notes
