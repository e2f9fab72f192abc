"""Gene sets: how they are read, and whether the tests find what moves."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress, ttest_ind

from abate.ground.errors import InputError
from abate.study.expression.fit import fit_expression
from abate.study.expression.gene_sets import GeneSet, read_gene_sets, read_gmt
from abate.study.expression.named_design import plan_design
from abate.study.expression.set_tests import camera, linear_test, score_gene_sets
from abate.study.expression.sheet import SampleSheet
from abate.study.expression.simulate import simulate_counts

ROLES = {"subject": "subject", "group": "group", "time": "time"}


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


GPML_2013 = """<?xml version="1.0" encoding="UTF-8"?>
<Pathway xmlns="http://pathvisio.org/GPML/2013a" Name="a pathway" Version="WP0_r7" Organism="Homo sapiens">
  <DataNode TextLabel="IL6" Type="Protein"><Xref Database="Entrez Gene" ID="3569" /></DataNode>
  <DataNode TextLabel="STAT3" Type="GeneProduct"><Xref Database="Ensembl" ID="ENSG00000168610" /></DataNode>
  <DataNode TextLabel="STAT3" Type="GeneProduct"><Xref Database="Ensembl" ID="ENSG00000168610" /></DataNode>
  <DataNode TextLabel="heme" Type="Metabolite"><Xref Database="ChEBI" ID="1" /></DataNode>
</Pathway>"""
GPML_2021 = """<Pathway xmlns="http://pathvisio.org/GPML/2021" title="a pathway"><DataNodes>
  <DataNode textLabel="IL6" type="Protein"><Xref identifier="3569" dataSource="Entrez Gene" /></DataNode>
  <DataNode textLabel="STAT3" type="GeneProduct"><Xref identifier="ENSG00000168610" dataSource="Ensembl" /></DataNode>
</DataNodes></Pathway>"""


@pytest.mark.parametrize("text", [GPML_2013, GPML_2021])
def test_a_pathway_is_a_gene_set(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.gpml").write_text(text)
    (read,) = read_gene_sets(tmp_path / "a.gpml")
    assert (read.name, read.genes, read.source) == ("a pathway", ("IL6", "STAT3"), "a.gpml")
    assert set(read.others) == {("ENSG00000168610",), ("3569",)}


def test_a_table_of_data_nodes_is_a_gene_set(tmp_path: Path) -> None:
    (tmp_path / "WP0-datanodes.tsv").write_text(
        "Label\tType\tEnsembl\tHGNC\n"
        "interleukin 6\tProtein\tensembl:ENSG00000136244\thgnc.symbol:IL6\n"
        "JAK\tGeneProduct\tensembl:ENSG00000162434;ensembl:ENSG00000096968\thgnc.symbol:JAK1;hgnc.symbol:JAK2\n"
        "heme\tMetabolite\t\t\n"
    )
    (read,) = read_gene_sets(tmp_path / "WP0-datanodes.tsv")
    assert read.name == "WP0"
    assert ("IL6", "JAK1", "JAK2") in read.others
    statistic = pd.Series(np.arange(60.0), index=["ENSG00000136244", "ENSG00000162434", "ENSG00000096968",
                                                  *(f"ENSG{i:011}" for i in range(57))])  # fmt: skip
    # Counts know Ensembl ids: the set is asked for by these.
    table, notes = score_gene_sets(statistic, [read])
    assert table.empty
    assert notes == ["1 of 1 gene sets have fewer than 5 or more than 2000 genes"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.gpml", "<Pathway", r"a\.gpml: this is not GPML"),
        ("a.gpml", "<Pathway Name='x'/>", r"a\.gpml: there is no gene in it"),
        ("a-datanodes.tsv", "one\ttwo\n1\t2\n", r"a-datanodes\.tsv: this is not a table of data nodes"),
    ],
)
def test_a_pathway_that_is_none(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said):
        read_gene_sets(tmp_path / name)


@pytest.mark.skipif(find_spec("decoupler") is None, reason="decoupler is not installed (abate[expression-sets])")
def test_the_linear_test_is_a_regression_on_membership() -> None:
    rng = np.random.default_rng(3)
    z = pd.Series(rng.normal(size=300), index=[f"g{i}" for i in range(300)])
    z.iloc[:30] += 1.0
    z.iloc[200] = 0.0  # a gene with a statistic of zero is a gene
    sets = {"moved": list(z.index[:30]), "still": list(z.index[100:140])}
    table = linear_test(z, sets)
    for name, genes in sets.items():
        line = linregress(z.index.isin(genes).astype(float), z)
        assert table.loc[name, "t_linear"] == pytest.approx(line.slope / line.stderr, rel=1e-5)  # single precision
        assert table.loc[name, "p_linear"] == pytest.approx(line.pvalue, rel=1e-3)  # of the rounded t
    assert table.loc["moved", "p_linear_adjusted"] < 0.001


def test_no_p_is_zero() -> None:
    z = pd.Series(np.r_[np.full(40, 30.0), np.random.default_rng(1).normal(size=400)])
    z.index = pd.Index([f"g{i}" for i in range(440)])
    table, _ = score_gene_sets(z, [GeneSet("moved", "", tuple(z.index[:40]), "s.gmt")])
    columns = [c for c in table if c.startswith("p_rank")]
    assert (table[columns] >= 1 / 1000).all(axis=None)
