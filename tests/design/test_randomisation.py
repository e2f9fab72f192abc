"""Lists that balance, cannot be guessed, and are shown to be the ones that were sealed."""

import csv
import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abate.design.minimisation import Minimisation
from abate.design.randomisation import export, permuted_blocks, strata_of, verify
from abate.ground.errors import InputError

ARMS = {"placebo": 1, "tocilizumab": 1}


@given(seed=st.integers(0, 2**32), groups=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_every_stratum_ends_balanced_and_never_strays_by_more_than_half_a_block(seed: int, groups: int) -> None:
    made = permuted_blocks(
        ARMS, people=8 * groups, blocks=(4, 6), strata={"sex": ["f", "m"], "site": ["1", "2"]}, seed=seed
    )
    for name, counts in made.counts().items():
        assert counts["placebo"] == counts["tocilizumab"] == groups
        sign = np.cumsum([1 if row.arm == "placebo" else -1 for row in made.rows if row.stratum == name])
        assert np.abs(sign).max() <= 3


def test_two_to_one_and_block_sizes() -> None:
    made = permuted_blocks({"placebo": 1, "tocilizumab": 2}, people=60, blocks=(3, 6), seed=4)
    assert made.counts() == {"all": {"placebo": 20, "tocilizumab": 40}}
    sizes = Counter(row.block for row in made.rows)
    assert set(sizes.values()) <= {3, 6}
    for block in sizes:
        arms = Counter(row.arm for row in made.rows if row.block == block)
        assert arms["tocilizumab"] == 2 * arms["placebo"]


def test_each_order_of_a_block_is_equally_likely() -> None:
    orders = Counter()
    for seed in range(3000):
        made = permuted_blocks(ARMS, people=4, blocks=(4,), seed=seed)
        orders["".join(row.arm[0] for row in made.rows)] += 1
    assert len(orders) == 6
    # Four standard errors of a count with chance 1/6: six counts are compared.
    assert max(abs(count - 500) for count in orders.values()) < 4 * np.sqrt(3000 * 5 / 36)


def test_the_same_seed_gives_the_same_list_and_none_gives_a_new_one() -> None:
    assert permuted_blocks(ARMS, people=40, seed=7) == permuted_blocks(ARMS, people=40, seed=7)
    assert permuted_blocks(ARMS, people=40).seed != permuted_blocks(ARMS, people=40).seed


def test_sites_see_kits_and_nothing_else(tmp_path: Path) -> None:
    made = permuted_blocks(ARMS, people=40, strata={"site": ["1", "2"]}, seed=3)
    export(made, tmp_path)
    text = (tmp_path / "sites" / "kits.csv").read_text()
    assert "placebo" not in text
    assert "tocilizumab" not in text
    rows = list(csv.DictReader(text.splitlines()))
    assert list(rows[0]) == ["stratum", "number", "kit"]
    kits = [row["kit"] for row in rows]
    assert len(set(kits)) == len(kits) == 40
    sealed = list(csv.DictReader((tmp_path / "sealed" / "allocation.csv").read_text().splitlines()))
    # Sorted by kit number the arms are as mixed as ever: the number tells nothing.
    arms = [row["arm"] for row in sorted(sealed, key=lambda row: row["kit"])]
    assert 10 < sum(a != b for a, b in itertools.pairwise(arms)) < 30
    assert "seed" not in (tmp_path / "commitment.txt").read_text()
    assert "block" not in text


def test_a_changed_list_no_longer_fits_its_commitment(tmp_path: Path) -> None:
    export(permuted_blocks(ARMS, people=8, seed=3), tmp_path)
    assert verify(tmp_path)
    path = tmp_path / "sealed" / "allocation.csv"
    path.write_text(path.read_text().replace("placebo", "tocilizumab", 1))
    assert not verify(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"people": 40, "blocks": (5,)}, r"do not fit in a block.*multiples of 2; nearest feasible: 4"),
        ({"people": 42, "strata": {"a": ["1", "2"]}}, r"unequal.*nearest feasible: 40 or 44"),
        ({"people": {"a=1": 7, "a=2": 8}, "strata": {"a": ["1", "2"]}}, r"unequal: 7.*nearest feasible: 6 or 8"),
        ({"people": {"a=1": 8}, "strata": {"a": ["1", "2"]}}, "not one number a stratum"),
        ({"people": 8, "strata": {"a": ["1", "1"]}}, "levels once each"),
        ({"people": 8, "arms": {"placebo": 1}}, "two arms or more"),
    ],
)
def test_lists_that_cannot_balance_are_refused(settings: dict, message: str) -> None:
    given_ = {"arms": ARMS, "seed": 1, **settings}
    with pytest.raises(InputError, match=message):
        permuted_blocks(given_.pop("arms"), **given_)


def people(count: int, seed: int) -> list[dict[str, str]]:
    rng = np.random.default_rng(seed)
    levels = {"phenotype": ["primary", "secondary"], "site": ["1", "2", "3"], "sex": ["f", "m"]}
    return [{factor: str(rng.choice(values)) for factor, values in levels.items()} for _ in range(count)]


FACTORS = {"phenotype": ["primary", "secondary"], "site": ["1", "2", "3"], "sex": ["f", "m"]}


def test_minimisation_balances_every_factor_better_than_chance() -> None:
    rule = Minimisation(("placebo", "tocilizumab"), FACTORS, probability=0.85)
    worst, chance = [], []
    for seed in range(30):
        crowd = people(90, seed)
        worst.append(max(rule.imbalance(crowd, rule.allocate(crowd, seed=seed)).values()))
        coin = ["placebo" if u < 0.5 else "tocilizumab" for u in np.random.default_rng(seed).random(90)]
        chance.append(max(rule.imbalance(crowd, coin).values()))
    assert np.mean(worst) < 0.5 * np.mean(chance)


def test_deterministic_minimisation_follows_taves() -> None:
    rule = Minimisation(("a", "b"), {"sex": ["f", "m"], "age": ["young", "old"]}, probability=1.0)
    crowd = [{"sex": "f", "age": "young"}, {"sex": "f", "age": "old"}, {"sex": "m", "age": "old"}]
    for seed in range(10):
        arms = rule.allocate(crowd, seed=seed)
        # The second shares her sex with the first and goes to the other arm; the third then balances the second's age.
        assert arms[1] != arms[0]
        assert arms[2] == arms[0]


def test_weights_decide_between_factors() -> None:
    rule = Minimisation(("a", "b"), {"x": ["1"], "y": ["1"]}, weights={"x": 5.0}, probability=1.0)
    counts = {"x=1": np.array([3, 1]), "y=1": np.array([0, 3])}
    assert rule.next_arm({"x": "1", "y": "1"}, counts, 0.3) == "b"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Minimisation(("a",), FACTORS), "two arms and a factor"),
        (lambda: Minimisation(("a", "b"), FACTORS, probability=0.5), "does not favour"),
        (lambda: Minimisation(("a", "b"), {"s": ["x"]}).allocate([{"s": "y"}], seed=1), "not a level"),
    ],
)
def test_rules_that_do_not_minimise_are_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=message):
        make()


def test_strata_are_all_combinations() -> None:
    assert len(strata_of(FACTORS)) == 12
    assert strata_of({}) == ["all"]
