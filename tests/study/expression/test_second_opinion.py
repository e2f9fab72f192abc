"""Relabelling, against plainly written second ones."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest

from abate.study.expression.named_design import plan_design
from abate.study.expression.relabel import MOST_RELABELLINGS, relabel
from abate.study.expression.sheet import SampleSheet
from abate.study.expression.simulate import simulate_counts

ROLES = {"subject": "subject", "group": "group", "time": "time"}


def prepared(genes: int = 60, **options: object) -> tuple[pd.DataFrame, object, pd.DataFrame]:
    data = simulate_counts(genes, changed=6, **options)
    values = np.log2(data.counts + 1)
    design = plan_design(SampleSheet(data.samples, ROLES, "simulated"))
    table = pd.DataFrame({"statistic": 1.0, "p": 0.5, "p_adjusted": 1.0}, index=values.index)
    return values, design, table


def share(observed: float, others: list[float]) -> float:
    return float(np.mean([abs(o) >= abs(observed) - 1e-9 for o in others]))


def test_paired_labels_are_exchanged_within_subjects() -> None:
    values, design, table = prepared(design="before vs after", patients=4)
    second = relabel(values, design, table)
    assert (second.relabellings, second.done, second.smallest_p) == (16, 16, 0.125)
    change = values.to_numpy()[:, 1::2] - values.to_numpy()[:, ::2]
    constant = np.median(change.std(axis=1, ddof=1) / 2)  # the standard error of a mean of four
    for gene in range(0, 60, 7):
        said = []
        for signs in product([1, -1], repeat=4):
            flipped = change[gene] * signs
            said.append(flipped.mean() / (flipped.std(ddof=1) / 2 + constant))
        assert second.p.iloc[gene] == share(said[0], said)
        assert second.statistic.iloc[gene] == pytest.approx(said[0])  # the same formula


def test_unpaired_labels_are_exchanged_among_all() -> None:
    values, design, table = prepared(patients=3, controls=2)
    second = relabel(values, design, table)
    assert (second.relabellings, second.smallest_p) == (10, 0.1)
    y = values.to_numpy()

    def parts(row: np.ndarray, first: tuple[int, ...]) -> tuple[float, float]:
        one, other = row[list(first)], np.delete(row, list(first))
        pooled = ((one - one.mean()) ** 2).sum() + ((other - other.mean()) ** 2).sum()
        return one.mean() - other.mean(), np.sqrt(pooled / 3 * (1 / one.size + 1 / other.size))

    error = [parts(row, (0, 1, 2))[1] for row in y]
    constant = np.median(error)
    for gene in range(0, 60, 11):
        chosen = {tuple(sorted(p[:3])) for p in permutations(range(5))}
        said = {c: parts(y[gene], c) for c in chosen}
        statistics = {c: d / (e + constant) for c, (d, e) in said.items()}
        assert second.p.iloc[gene] == pytest.approx(share(statistics[(0, 1, 2)], list(statistics.values())))


def test_an_interaction_exchanges_the_changes_of_subjects() -> None:
    values, design, table = prepared(design="both", patients=3, controls=3)
    assert relabel(values, design, table).relabellings == 20


def test_too_many_relabellings_are_drawn_and_that_is_said() -> None:
    values, design, table = prepared(patients=8, controls=8)
    one, two = (relabel(values, design, table, seed=seed) for seed in (1, 2))
    assert one.relabellings == 12870
    assert one.done == MOST_RELABELLINGS
    assert not one.complete
    # Shares of 1,000 draws differ by 4 * sqrt(2 * 0.25 / 1000) = 0.09 at most.
    assert (one.p - two.p).abs().max() < 0.09
    pd.testing.assert_series_equal(one.p, relabel(values, design, table, seed=1).p)


def test_labels_under_a_covariate_are_not_exchanged() -> None:
    data = simulate_counts(20, changed=2, patients=3, controls=3)
    sheet = SampleSheet(data.samples.assign(age=[50.0, 61, 47, 55, 70, 66]), ROLES, "simulated")
    design = plan_design(sheet, "~ age + group")
    assert relabel(np.log2(data.counts + 1), design, pd.DataFrame()) is None
    assert any("cannot be exchanged" in note for note in design.notes)


def test_with_nothing_changed_exact_p_values_are_even() -> None:
    data = simulate_counts(2000, changed=0, patients=4, controls=4, subject_sd=0.0, depth_sd=0.0)
    design = plan_design(SampleSheet(data.samples, ROLES, "simulated"))
    table = pd.DataFrame({"statistic": 1.0, "p": 0.5, "p_adjusted": 1.0}, index=data.counts.index)
    p = relabel(np.log2(data.counts + 1), design, table).p.dropna()
    # 2,000 independent genes: a share of 0.5 has a standard error of 0.011; four of these, and steps of 2/70.
    assert abs((p <= 0.5).mean() - 0.5) < 0.045 + 2 / 70
