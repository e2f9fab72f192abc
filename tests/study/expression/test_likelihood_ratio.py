"""The likelihood-ratio test, against statsmodels on the same dispersions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import chi2

from abate.ground.errors import InputError
from abate.study.expression.fit import Fit, fit_expression
from abate.study.expression.likelihood_ratio import ratio_p
from abate.study.expression.named_design import plan_design
from abate.study.expression.sheet import SampleSheet
from abate.study.expression.simulate import simulate_counts

ROLES = {"subject": "subject", "group": "group", "time": "time", "batch": "batch"}


def visits(genes: int = 300, seed: int = 1) -> tuple[pd.DataFrame, SampleSheet]:
    """Six people at three visits: the counts of two pairs of a paired study, laid side by side."""
    data = simulate_counts(genes, changed=genes // 10, design="before vs after", patients=6, effect=2.5, seed=seed)
    other = simulate_counts(genes, changed=0, design="before vs after", patients=6, seed=seed).counts
    counts = data.counts.copy()
    samples = data.samples.assign(time=data.samples["time"].map({"before": "week 0", "after": "week 12"}))
    for name in samples.index[samples["time"] == "week 0"]:
        counts[f"{name}-4"] = other[name]
        samples.loc[f"{name}-4"] = samples.loc[name].replace({"week 0": "week 4"})
    return counts, SampleSheet(samples, ROLES, "samples.csv")


def by_hand(fit: Fit, counts: pd.DataFrame, full: pd.DataFrame, reduced: pd.DataFrame, gene: str) -> float:
    family = sm.families.NegativeBinomial(alpha=fit.genes.loc[gene, "dispersion"])
    y, offset = counts.loc[gene, full.index], np.log(fit.size_factors[full.index])
    large, small = (sm.GLM(y, x, family=family, offset=offset).fit(tol=1e-12).llf for x in (full, reduced))
    return float(2 * (large - small))


def test_the_ratio_is_that_of_statsmodels() -> None:
    counts, sheet = visits()
    design = plan_design(sheet, "~ subject + time", test="lrt")
    assert design.left_out == ("time[T.week 4]", "time[T.week 12]")
    assert design.tested_df == 2
    fit = fit_expression(counts, design, shrink=False)
    some = fit.genes.dropna(subset=["p"]).index[:40]
    for gene in some:
        wanted = by_hand(fit, counts, design.matrix, design.reduced, gene)
        # The same maximum by two optimisers: both stop within 1e-8 of the deviance, which is of the order of 100.
        assert fit.genes.loc[gene, "statistic"] == pytest.approx(wanted, abs=1e-4)
    np.testing.assert_allclose(fit.genes.loc[some, "p"], chi2.sf(fit.genes.loc[some, "statistic"], 2))
    assert (fit.genes.loc[some, "p_moderated"] >= fit.genes.loc[some, "p"]).all()


def test_with_one_coefficient_it_says_what_wald_says() -> None:
    data = simulate_counts(400, changed=20, patients=6, controls=6)
    sheet = SampleSheet(data.samples, ROLES, "samples.csv")
    wald, ratio = (fit_expression(data.counts, plan_design(sheet, test=t), shrink=False) for t in ("wald", "lrt"))
    pd.testing.assert_series_equal(wald.wald, ratio.wald)
    pd.testing.assert_series_equal(wald.genes["log2_fold_change"], ratio.genes["log2_fold_change"])
    both = pd.DataFrame({"wald": wald.signed, "ratio": ratio.signed}).dropna()
    # Root of the ratio and Wald statistic are equal but for the curvature of the likelihood.
    assert np.corrcoef(both["wald"], both["ratio"])[0, 1] > 0.99
    called = [set(f.genes.index[f.genes["p_adjusted"] < 0.05]) for f in (wald, ratio)]
    assert len(called[0] ^ called[1]) <= 0.2 * len(called[0] | called[1])


def test_an_f_tail_with_one_coefficient_is_a_t_tail() -> None:
    from scipy.stats import t

    root = np.array([0.5, 2.0, 5.0])
    np.testing.assert_allclose(ratio_p(root**2, 1, 7.5), 2 * t.sf(root, 7.5))  # algebraically the same


def test_replaced_outliers_are_replaced_in_both_models() -> None:
    data = simulate_counts(200, changed=10, patients=8, controls=8)
    counts = data.counts.copy()
    counts.loc["gene-1", "patient-1-before"] = 100 * int(counts.loc["gene-1"].max()) + 100_000
    sheet = SampleSheet(data.samples, ROLES, "samples.csv")
    fit = fit_expression(counts, plan_design(sheet, test="lrt"), shrink=False)
    # With eight a side DESeq2 replaces the outlier by what the others say, and the gene is tested like any other.
    assert fit.genes.loc["gene-1", "statistic"] < 30
    assert fit.genes.loc["gene-1", "p"] > 1e-6


def test_false_discoveries_of_the_ratio() -> None:
    false, found = [], []
    for seed in range(3):
        counts, sheet = visits(1000, seed)
        truth = simulate_counts(1000, changed=100, design="before vs after", patients=6, effect=2.5, seed=seed).truth
        fit = fit_expression(counts, plan_design(sheet, "~ subject + time", test="lrt"), shrink=False)
        called = fit.genes["p_adjusted"] < 0.05
        false.append((called & ~truth["changed"]).sum() / max(1, called.sum()))
        found.append((called & truth["changed"]).sum() / 100)
    # Nominal 5 %; three sets of about 90 calls: a standard error of 1.3 %.
    assert np.mean(false) <= 0.07
    assert np.mean(found) > 0.6


@pytest.mark.parametrize(
    ("design", "reduced", "out"),
    [
        ("~ batch + time", None, ("time[T.week 4]", "time[T.week 12]")),
        ("~ batch + time", "~ 1", ("batch[T.batch-2]", "time[T.week 4]", "time[T.week 12]")),
        ("~ batch * time", "~ batch + time", ("batch[T.batch-2]:time[T.week 4]", "batch[T.batch-2]:time[T.week 12]")),
    ],
)
def test_what_is_left_out(design: str, reduced: str | None, out: tuple[str, ...]) -> None:
    _, sheet = visits(5)
    people = sheet.table["subject"].astype("category").cat.codes % 2 + 1
    sheet = SampleSheet(sheet.table.assign(batch="batch-" + people.astype(str)), ROLES, "samples.csv")
    assert plan_design(sheet, design, test="lrt", reduced=reduced).left_out == out


def test_named_designs_leave_out_what_they_test() -> None:
    data = simulate_counts(5, changed=0, design="both", patients=3, controls=3)
    sheet = SampleSheet(data.samples, ROLES, "samples.csv")
    assert plan_design(sheet, "both", test="lrt").left_out == ("group[T.patient]:time[T.after]",)
    assert plan_design(sheet, "before vs after", test="lrt").left_out == ("time[T.after]",)


def test_without_an_intercept_the_levels_share_one() -> None:
    data = simulate_counts(5, changed=0, patients=3, controls=3)
    plan = plan_design(SampleSheet(data.samples, ROLES, "samples.csv"), "~ 0 + group", test="lrt")
    assert plan.tested_df == 1
    assert plan.reduced.to_numpy().tolist() == [[1.0]] * 6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"test": "lrt", "reduced": "~ subject + time"}, r"--reduced: it leaves nothing out"),
        ({"test": "lrt", "reduced": "~ batch"}, r"--reduced: it has columns that are not in the design: 'batch"),
        ({"test": "lrt", "reduced": "~ subjekt"}, r"--reduced: .* has no such column: 'subjekt'.*subject"),
        ({"test": "lrt", "reduced": "subject"}, r"--reduced: a formula starts with ~"),
        ({"test": "lrt", "reduced": "~ subject +* 3"}, r"--reduced: this formula cannot be read"),
        ({"reduced": "~ subject"}, r"--reduced: a smaller model belongs to the likelihood-ratio test.*--test lrt"),
        ({"test": "lr"}, r"--test: there is no such test: 'lr'; allowed: wald, lrt"),
    ],
)
def test_a_smaller_model_that_is_none(options: dict[str, str], said: str) -> None:
    _, sheet = visits(5)
    sheet = SampleSheet(sheet.table.assign(batch=["x", "y", "y"] * 6), ROLES, "samples.csv")
    with pytest.raises(InputError, match=said):
        plan_design(sheet, "~ subject + time", **options)
