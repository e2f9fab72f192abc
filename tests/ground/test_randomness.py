"""The counter-based generator against NumPy's own Philox, and the promise that a person is the same everywhere."""

import numpy as np
import pytest
from scipy import stats

from abate.ground import randomness


@pytest.mark.parametrize(("seed", "person", "occasion"), [(0, 1, 0), (5, 17, 3), (2**63, 10**9, 52)])
def test_words_equal_numpys_philox(seed: int, person: int, occasion: int) -> None:
    key = np.array([seed, int(randomness._stream("purpose"))], dtype=np.uint64)
    # NumPy's Philox increments its counter before the first block.
    judge = np.random.Philox(key=key, counter=np.array([person - 1, occasion, 0, 0], dtype=np.uint64))
    assert [int(word[()]) for word in randomness.bits(seed, "purpose", person, occasion)] == judge.random_raw(
        4
    ).tolist()


def test_a_person_is_the_same_in_any_company() -> None:
    alone = randomness.normal(1, "entry", [17], [4])
    crowd = randomness.normal(1, "entry", np.arange(1000)[:, None], np.arange(10))
    assert alone[0] == crowd[17, 4]


def test_draws_are_standard_normal_and_streams_independent() -> None:
    draws = randomness.normal(3, "a", np.arange(20_000))
    other = randomness.normal(3, "b", np.arange(20_000))
    assert stats.kstest(draws, "norm").pvalue > 0.01
    # Four standard errors of a correlation of 20,000 pairs.
    assert abs(np.corrcoef(draws, other)[0, 1]) < 4 / np.sqrt(20_000)
