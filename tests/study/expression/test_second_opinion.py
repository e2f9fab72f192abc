"""Relabelling, gene sets and the smallest detectable change, against plainly written second ones."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from abate.ground.errors import InputError
from abate.study.expression.detectable import smallest_effect
from abate.study.expression.fit import fit_expression
from abate.study.expression.gene_sets import GeneSet, camera, read_gmt, score_gene_sets
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


def test_camera_without_correlation_is_a_t_test() -> None:
    rng = np.random.default_rng(1)
    z, inside = rng.normal(size=200), np.arange(200) < 20
    t, p = camera(z, inside, correlation=0.0)
    plain = ttest_ind(z[inside], z[~inside])
    assert t == pytest.approx(plain.statistic)  # algebraically the same
    assert p == pytest.approx(plain.pvalue)
    assert abs(camera(z, inside, correlation=0.05)[0]) < abs(t)


def test_gene_sets_find_what_moves() -> None:
    data = simulate_counts(600, changed=60, patients=4, controls=4)
    fit = fit_expression(data.counts, plan_design(SampleSheet(data.samples, ROLES, "simulated")), shrink=False)
    rising = tuple(data.truth.index[data.truth["log2_fold_change"] > 0])
    falling = tuple(g.upper() for g in data.truth.index[data.truth["log2_fold_change"] < 0])
    sets = [
        GeneSet("rising", "", rising, "s.gmt"),
        GeneSet("falling", "", falling, "s.gmt"),
        GeneSet("still", "", tuple(data.truth.index[~data.truth["changed"]][:40]), "s.gmt"),
        GeneSet("small", "", rising[:2], "s.gmt"),
    ]
    table, notes = score_gene_sets(fit.genes["statistic"], sets)
    assert table.loc["rising", "direction"] == "up"
    assert table.loc["falling", "direction"] == "down"
    assert table.loc[["rising", "falling"], ["p_adjusted", "p_rank"]].max(axis=None) < 0.01
    assert table.loc["still", "p"] > 0.01
    assert (table["p_rank"] >= 1 / 1000).all()
    assert notes == ["1 of 4 gene sets have fewer than 5 or more than 2000 genes"]
    with pytest.raises(
        InputError, match=r"none of its genes is among those counted: 'IL6, STAT3'.*symbols or Ensembl ids"
    ):
        score_gene_sets(fit.genes["statistic"], [GeneSet("x", "", ("IL6", "STAT3"), "s.gmt")])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"s\.gmt: there is no gene set in it"),
        ("one\tx\tA\none\ty\tB\n", r"s\.gmt, line 2: a set of this name came before: 'one'; first on line 1"),
        ("one two three\n", r"s\.gmt, line 1: not a gene set"),
    ],
)
def test_a_gmt_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "s.gmt").write_text(text)
    with pytest.raises(InputError, match=said):
        read_gmt(tmp_path / "s.gmt")


def test_more_people_see_smaller_changes() -> None:
    found = []
    for people in (3, 8):
        data = simulate_counts(800, changed=40, patients=people, controls=people)
        design = plan_design(SampleSheet(data.samples, ROLES, "simulated"))
        found.append(smallest_effect(fit_expression(data.counts, design, shrink=False), design, repeats=2))
    few, many = found
    assert many.smallest.estimate < few.smallest.estimate
    for one in found:
        assert one.smallest.low <= one.smallest.estimate
        # Where the lower bound of the power never reaches 80 %, there is no upper end.
        assert np.isnan(one.smallest.high) or one.smallest.estimate <= one.smallest.high
        assert (one.curve["low"] <= one.curve["power"]).all()
        # Power grows with the change but for the noise of some 40 genes a size (standard error below 0.08).
        assert (one.curve["power"].diff().dropna() > -0.2).all()
