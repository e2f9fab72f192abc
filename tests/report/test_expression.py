"""The report of gene expression, for every design."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from abate.report.expression import expression_report
from abate.report.expression_figures import distances, gene_heatmap, levels, scores, top_genes, volcano
from abate.report.page import render
from abate.study.expression import Expression, express, simulate_counts
from abate.study.expression.counts import Counts
from abate.study.expression.sheet import SampleSheet

ROLES = {"subject": "subject", "group": "group", "time": "time"}


def analysed(asked: dict[str, object] | None = None, **options: object) -> Expression:
    data = simulate_counts(200, changed=20, effect=3.0, **options)
    sheet = SampleSheet(data.samples, ROLES, "samples.csv")
    return express(Counts(data.counts, "counts.csv"), sheet, **asked or {})


@pytest.mark.parametrize("design", ["patients vs controls", "before vs after", "both"])
def test_every_design_has_a_whole_report(design: str) -> None:
    found = analysed({"simulate_power": design == "both"}, design=design, patients=3, controls=3)
    page = render(expression_report(found))
    for part in (
        "Second opinion",
        "principal components",
        "What this study can see",
        "person by person",
        "Design, fixed before",
    ):
        assert part in page
    assert found.sentence().split(".")[0] in page
    assert "nan" not in re.sub(r"<[^>]+>", " ", page).split()
    assert "not a prescription" in page


def test_a_hypothesis_says_so_and_gives_no_adjusted_p() -> None:
    report = expression_report(analysed({"simulate_power": False}, design="before vs after", patients=2))
    page = render(report)
    assert report.kind == "Hypothesis"
    assert "not given" in page
    assert "none claimed" in page
    assert "hypothesis to be tested in other people" in page


def test_a_formula_with_a_number_has_a_report() -> None:
    data = simulate_counts(150, changed=10, patients=4, controls=4)
    sheet = SampleSheet(data.samples.assign(age=np.linspace(45, 80, 8)), ROLES, "samples.csv")
    page = render(
        expression_report(express(Counts(data.counts, "c"), sheet, design="~ group + age", simulate_power=False))
    )
    assert "age: per unit" in page
    assert "no second opinion by relabelling" in page


def test_components_keep_distances() -> None:
    table = pd.DataFrame(np.random.default_rng(1).normal(size=(2, 5)), columns=list("abcde"))
    points, shares = scores(table)
    # Two genes span a plane: nothing is lost.
    assert shares.sum() == pytest.approx(1)
    for a, b in (("a", "b"), ("c", "e")):
        assert np.linalg.norm(points.loc[a] - points.loc[b]) == pytest.approx(np.linalg.norm(table[a] - table[b]))


def test_distances_are_euclidean_and_many_samples_are_thinned_in_the_drawing_only() -> None:
    table = pd.DataFrame(np.random.default_rng(1).normal(size=(30, 70)), columns=[f"s{i:02}" for i in range(70)])
    marks = pd.DataFrame({"group": "x", "time": "", "subject": table.columns}, index=table.columns)
    figure, between = distances(table, marks)
    assert figure.data[0].z.shape == (60, 60)
    assert between.shape == (70, 71)
    wanted = np.linalg.norm(table["s03"] - table["s11"])
    assert between.set_index("sample").loc["s03", "s11"] == pytest.approx(wanted)  # the same numbers


def test_arrows_go_from_the_reference_to_the_tested_sample_and_have_heads() -> None:
    values = pd.DataFrame([[0.0, 2.0, 0.5, -1.5]], index=["IL6R"], columns=["a0", "a1", "b0", "b1"])
    sides = pd.Series(["before", "after"] * 2, index=values.columns)
    joined = pd.Series(list("aabb"), index=values.columns)
    figure = top_genes(values, sides, ("before", "after"), joined)
    shafts, starts, heads = figure.data
    assert [x for x in shafts.x if x is not None] == [0.0, 2.0, 0.5, -1.5]
    assert (starts.name, heads.name) == ("before", "after")
    # A head is three points: its tip is the tested sample, its ends lie back towards the reference.
    assert heads.x[1] == 2.0
    assert heads.x[0] == heads.x[2] < 2.0
    assert heads.x[5] == -1.5
    assert heads.x[4] == heads.x[6] > -1.5
    assert heads.y[0] < heads.y[1] < heads.y[2]


def test_a_heatmap_says_what_its_columns_and_strips_are() -> None:
    z = pd.DataFrame(np.random.default_rng(1).normal(size=(3, 4)), index=list("xyz"), columns=list("abcd"))
    marks = pd.DataFrame(
        {"group": "patient", "time": ["before", "after"] * 2, "subject": ["1", "1", "2", "2"]}, index=z.columns
    )
    figure, _ = gene_heatmap(z, marks)
    assert list(figure.layout.yaxis.ticktext) == ["subject", "time", "x", "y", "z"]
    assert list(figure.layout.xaxis.ticktext) == ["1<br>before", "1<br>after", "2<br>before", "2<br>after"]
    assert {trace.name for trace in figure.data if trace.showlegend} == {"before", "after"}
    # Where names do not fit below their columns, none stand there.
    wide = pd.concat([z] * 30, axis=1, keys=range(30))
    wide.columns = [f"{i}{c}" for i, c in wide.columns]
    many = pd.DataFrame({"group": "", "time": "", "subject": [f"subject-{c}" for c in wide]}, index=wide.columns)
    assert list(gene_heatmap(wide, many)[0].layout.xaxis.ticktext or ()) == []


def test_a_volcano_names_the_called_and_survives_p_of_zero() -> None:
    genes = pd.DataFrame({"log2_fold_change": [3.0, 0.1, -2.0], "p": [0.0, 0.8, 1e-8]}, index=["A", "B", "C"])
    figure = volcano(genes, ["A", "C"])
    assert set(figure.data[-1].text) == {"A", "C"}
    assert max(figure.data[-1].y) == pytest.approx(300)


def test_levels_follow_categories() -> None:
    assert levels(pd.Series(pd.Categorical(["b", "a"], ["b", "a", "c"]))) == ["b", "a"]
