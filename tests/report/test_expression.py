"""The report of gene expression, for every design."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from abate.report.expression import expression_report
from abate.report.expression_figures import distances, levels, scores, top_genes, volcano
from abate.report.page import render
from abate.study.expression import Expression, express, simulate_counts
from abate.study.expression.counts import Counts
from abate.study.expression.sheet import SampleSheet

ROLES = {"subject": "subject", "group": "group", "time": "time"}


def analysed(**options: object) -> Expression:
    data = simulate_counts(200, changed=20, effect=3.0, **options)
    return express(Counts(data.counts, "counts.csv"), SampleSheet(data.samples, ROLES, "samples.csv"))


@pytest.mark.parametrize("design", ["patients vs controls", "before vs after", "both"])
def test_every_design_has_a_whole_report(design: str) -> None:
    found = analysed(design=design, patients=3, controls=3)
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
    report = expression_report(analysed(design="before vs after", patients=2))
    page = render(report)
    assert report.kind == "Hypothesis"
    assert "not given" in page
    assert "none claimed" in page
    assert "hypothesis to be tested in other people" in page


def test_a_formula_with_a_number_has_a_report() -> None:
    data = simulate_counts(150, changed=10, patients=4, controls=4)
    sheet = SampleSheet(data.samples.assign(age=np.linspace(45, 80, 8)), ROLES, "samples.csv")
    page = render(expression_report(express(Counts(data.counts, "c"), sheet, design="~ group + age")))
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


def test_arrows_go_from_the_reference_to_the_tested_sample() -> None:
    values = pd.DataFrame([[0.0, 2.0, 0.5, 1.5]], index=["IL6R"], columns=["a0", "a1", "b0", "b1"])
    sides = pd.Series(["before", "after"] * 2, index=values.columns)
    joined = pd.Series(list("aabb"), index=values.columns)
    figure = top_genes(values, sides, ("before", "after"), joined)
    lines = figure.data[0]
    assert [x for x in lines.x if x == x] == [0.0, 2.0, 0.5, 1.5]
    assert figure.data[1].name == "before"


def test_a_volcano_names_the_called_and_survives_p_of_zero() -> None:
    genes = pd.DataFrame({"log2_fold_change": [3.0, 0.1, -2.0], "p": [0.0, 0.8, 1e-8]}, index=["A", "B", "C"])
    figure = volcano(genes, ["A", "C"])
    assert set(figure.data[-1].text) == {"A", "C"}
    assert max(figure.data[-1].y) == pytest.approx(300)


def test_levels_follow_categories() -> None:
    assert levels(pd.Series(pd.Categorical(["b", "a"], ["b", "a", "c"]))) == ["b", "a"]
