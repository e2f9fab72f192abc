"""limma's second opinion through inmoose, and how the methods agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abate.study.expression import Expression, analysis, express
from abate.study.expression import limma as room
from abate.study.expression.agreement import agreement
from abate.study.expression.counts import Counts
from abate.study.expression.fit import fit_expression
from abate.study.expression.limma import limma
from abate.study.expression.named_design import plan_design
from abate.study.expression.payload import payload_of
from abate.study.expression.sheet import SampleSheet
from abate.study.expression.simulate import SimulatedCounts, simulate_counts

ROLES = {"subject": "subject", "group": "group", "time": "time"}


@pytest.fixture
def inmoose() -> None:
    if not room.limma_installed():
        pytest.skip("inmoose is not installed (pip install 'abate[expression-limma]')")


def analysed(genes: int = 300, **options: object) -> tuple[SimulatedCounts, Expression]:
    data = simulate_counts(genes, changed=20, effect=3.0, **options)
    sheet = SampleSheet(data.samples, ROLES, "samples.csv")
    return data, express(Counts(data.counts, "counts.csv"), sheet, simulate_power=False)


@pytest.mark.usefixtures("inmoose")
@pytest.mark.parametrize("design", ["before vs after", "patients vs controls", "both"])
def test_it_is_the_moderated_t(design: str) -> None:
    data = simulate_counts(400, changed=20, design=design, patients=4, controls=4)
    plan = plan_design(SampleSheet(data.samples, ROLES, "samples.csv"), design)
    values = fit_expression(data.counts, plan, shrink=False).stabilised
    said = limma(data.counts, values, plan)
    some = said.genes.dropna().index[:5]
    x, c = plan.matrix.to_numpy(), plan.contrast
    inverse = np.linalg.inv(x.T @ x)
    beta = values.loc[some].to_numpy() @ x @ inverse
    # Algebraically the same contrast of the same least squares.
    np.testing.assert_allclose(said.genes.loc[some, "log2_fold_change_limma"], beta @ c)
    residual = ((values.loc[some].to_numpy() - beta @ x.T) ** 2).sum(axis=1) / plan.residual_df
    ordinary = beta @ c / np.sqrt(residual * (c @ inverse @ c))
    # The prior draws each variance towards the middle, and its sign nowhere.
    assert (np.sign(said.genes.loc[some, "t_limma"]) == np.sign(ordinary)).all()
    if np.isfinite(said.prior_df):
        ratio = (ordinary / said.genes.loc[some, "t_limma"]) ** 2
        prior = (ratio * (said.prior_df + plan.residual_df) - plan.residual_df) * residual / said.prior_df
        np.testing.assert_allclose(prior, prior.iloc[0])  # one prior variance for all genes (Smyth 2004)


@pytest.mark.usefixtures("inmoose")
def test_it_is_what_inmoose_calls_ebayes() -> None:
    from inmoose.limma import eBayes, lmFit

    data = simulate_counts(600, changed=20, design="before vs after", patients=3)
    plan = plan_design(SampleSheet(data.samples, ROLES, "samples.csv"))
    values = fit_expression(data.counts, plan, shrink=False).stabilised
    said = limma(data.counts, values, plan)
    kept = said.genes.dropna().index
    wanted = eBayes(lmFit(values.loc[kept], plan.matrix.to_numpy()))
    # The same formula in other coordinates of the design.
    np.testing.assert_allclose(said.genes.loc[kept, "t_limma"], np.asarray(wanted.t)[:, -1])
    np.testing.assert_allclose(said.genes.loc[kept, "p_limma"], np.asarray(wanted.p_value)[:, -1])
    assert said.prior_df == pytest.approx(float(np.asarray(wanted.df_prior).ravel()[0]))  # the same estimate


@pytest.mark.usefixtures("inmoose")
def test_agreement_is_told() -> None:
    data, found = analysed(design="before vs after", patients=4)
    assert list(zip(found.agreed["one"], found.agreed["other"], strict=True)) == [
        ("DESeq2", "permutation"), ("DESeq2", "limma"), ("permutation", "limma"),
    ]  # fmt: skip
    # Twenty genes that change eightfold are on the list of every method.
    assert (found.agreed["overlap"] > 0.7).all()
    payload = payload_of(found)
    assert payload["limma"]["also_called"] <= min(payload["limma"]["n"], payload["calls"]["n"])
    assert payload["agreement"][1]["shared"] <= payload["agreement"][1]["length"]
    assert payload["versions"]["inmoose"]
    assert data.truth.loc[found.genes["p_limma_adjusted"] < 0.05, "changed"].mean() > 0.7


@pytest.mark.usefixtures("inmoose")
def test_two_people_get_no_adjusted_claim_of_limma() -> None:
    _, found = analysed(design="before vs after", patients=2)
    assert found.genes[["p_adjusted", "p_moderated", "p_limma_adjusted"]].isna().all(axis=None)
    assert found.genes["p_limma"].notna().any()
    assert payload_of(found)["limma"]["n"] is None


@pytest.mark.usefixtures("inmoose")
def test_too_few_reads_for_a_linear_model() -> None:
    data = simulate_counts(60, changed=3, patients=3, controls=3, log_mean=(-1.5, 0.2))
    plan = plan_design(SampleSheet(data.samples, ROLES, "samples.csv"))
    assert limma(data.counts, np.log2(data.counts + 1), plan) is None


def test_without_inmoose_it_is_said_and_all_else_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "limma_installed", lambda: False)
    _, found = analysed(patients=3, controls=3)
    assert found.linear is None
    assert found.no_linear == ("limma was not asked: inmoose is not installed (pip install 'abate[expression-limma]')")
    assert payload_of(found)["limma"] is None
    assert len(found.agreed) == 1


def test_agreement_counts_what_two_lists_share() -> None:
    one = pd.Series([9.0, -8, 7, 1, np.nan], index=list("abcde"))
    other = pd.Series([1.0, -8, 9, 7, 30], index=list("abcde"))
    row = agreement({"x": one, "y": other}, 3).iloc[0]
    # e was tested by one method only and is on no list: {a, b, c} against {c, b, d}.
    assert (row["length"], row["shared"]) == (3, 2)
    assert row["overlap"] == pytest.approx(2 / 3)  # two of three


@pytest.mark.usefixtures("inmoose")
def test_the_page_says_how_the_methods_agree(tmp_path: Path) -> None:
    from abate.report.expression import expression_report
    from abate.report.page import render

    _, found = analysed(design="before vs after", patients=3)
    page = render(expression_report(found))
    assert "DESeq2 and limma" in page
    assert "moderated t was done on" in page
