"""The whole way from files to a finding, and what two subjects may not claim."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest

from abate.ground.errors import InputError
from abate.study.expression import express, simulate_counts
from abate.study.expression.analysis import COLUMNS
from abate.study.expression.payload import payload_of
from abate.study.expression.write import write_expression

Files = Callable[..., tuple[Path, Path, Any]]


def test_two_pairs_are_a_hypothesis_and_claim_nothing(files: Files) -> None:
    counts, samples, _ = files(design="before vs after", patients=2)
    found = express(counts, samples, simulate_power=False)
    assert found.hypothesis
    assert not found.claimed
    assert found.genes[["p_adjusted", "p_moderated"]].isna().all(axis=None)
    assert found.called.empty
    assert "hypothesis" in found.sentence()
    assert "carried by 2 pairs" in found.sentence()
    assert payload_of(found)["calls"]["n"] is None
    assert found.second.calls == 100  # a fixed length: that of the called list would be a claim
    anyway = express(counts, samples, simulate_power=False, claim_anyway=True)
    assert anyway.genes["p_adjusted"].notna().any()
    assert anyway.hypothesis


def test_two_genes_are_refused_in_a_line(tmp_path: Path) -> None:
    names = ["A1", "A2", "A3", "B1", "B2", "B3"]
    counts = pd.DataFrame([[1, 2, 3, 4, 5, 6], [3, 4, 2, 1, 2, 3]], index=["a", "b"], columns=names)
    counts.to_csv(tmp_path / "c.csv", index_label="gene")
    sheet = pd.DataFrame({"sample": names, "group": ["control"] * 3 + ["patient"] * 3})
    sheet.to_csv(tmp_path / "s.csv", index=False)
    with pytest.raises(InputError, match="counts: too few genes scatter more than counting does"):
        express(tmp_path / "c.csv", tmp_path / "s.csv", design="patients vs controls", simulate_power=False)


def test_two_patients_among_many_controls_are_a_hypothesis(files: Files) -> None:
    counts, samples, _ = files(patients=2, controls=7)
    found = express(counts, samples, simulate_power=False)
    assert found.hypothesis
    assert found.second.relabellings == 36


def test_truth_is_found_and_files_are_whole(files: Files, tmp_path: Path) -> None:
    counts, samples, data = files(genes=600, design="before vs after", patients=5, effect=3.0)
    (tmp_path / "sets.gmt").write_text(
        "moved\t-\t" + "\t".join(data.truth.index[data.truth["log2_fold_change"] > 0]) + "\n"
    )
    said: list[str] = []
    found = express(counts, samples, gene_sets=[tmp_path / "sets.gmt"], announce=said.extend)
    assert any(line.startswith("contrast    after vs before") for line in said)
    called = data.truth.loc[found.called.index]
    assert called["changed"].mean() > 0.9
    assert len(called) > 20
    assert (np.sign(called["log2_fold_change"]) == np.sign(found.called["log2_fold_change"]))[called["changed"]].all()
    out = tmp_path / "out"
    out.mkdir()
    write_expression(found, out)
    genes = pd.read_csv(out / "genes.csv")
    assert list(genes.columns) == ["gene", *COLUMNS]
    whole = pd.read_parquet(out / "genes.parquet")
    # CSV keeps 17 digits.
    pd.testing.assert_frame_equal(whole[genes.columns], genes)
    results = json.loads((out / "results.json").read_text())
    assert results["kind"] == "expression"
    assert results["relabelling"]["relabellings"] == 32
    assert results["calls"]["n"] == len(called)
    assert set(results["smallest_detectable_log2_fold_change"]) >= {"estimate", "low", "high", "level", "n", "method"}
    assert results["gene_sets"][0]["set"] == "moved"
    assert results["test"] == {"method": "Wald test of the contrast", "df": 1, "left_out": []}
    power = results["power"][3]["power"]
    assert set(power) == {"estimate", "low", "high", "level", "n", "method", "events"}
    assert power["low"] <= power["estimate"] <= power["high"]
    stored = anndata.read_h5ad(out / "expression.h5ad")
    assert stored.shape == (10, 600)
    np.testing.assert_array_equal(stored.X.T, data.counts.to_numpy())
    assert {"normalised", "stabilised"} <= set(stored.layers)
    assert stored.uns["design"]["contrast"] == "after vs before"


def test_no_warning_of_a_library_leaks(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    # Sparse counts, few of them: no gene is counted everywhere, and dispersions have no trend.
    counts, samples, _ = files(genes=120, patients=3, controls=3, log_mean=(-0.7, 0.3), dispersion=(2.0, 2.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = express(counts, samples)
    assert capsys.readouterr() == ("", "")
    assert any("no gene is counted in every sample" in note for note in found.notes)


def test_wald_or_moderated_only_changes_what_is_adjusted(files: Files) -> None:
    counts, samples, _ = files(patients=4, controls=4)
    auto, wald = (express(counts, samples, simulate_power=False, adjust_by=by) for by in ("auto", "wald"))
    pd.testing.assert_series_equal(auto.genes["p"], wald.genes["p"])
    assert (auto.genes["p_moderated"].dropna() >= auto.genes["p"].dropna()).all()
    assert len(wald.called) >= len(auto.called)
    assert np.isinf(wald.fit.tail_df)
    assert auto.fit.tail_df > 6
    assert "normal tail" in wald.adjustment()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"alpha": 5.0}, r"--alpha: not a level: 5\.0"),
        ({"adjust_by": "bonferroni"}, r"--adjust-by: .*auto, moderated, wald"),
    ],
)
def test_options(files: Files, options: dict[str, object], said: str) -> None:
    counts, samples, _ = files(patients=2, controls=2)
    with pytest.raises(InputError, match=said):
        express(counts, samples, **options)


def test_an_outlier_has_no_p_value() -> None:
    data = simulate_counts(200, changed=10, patients=5, controls=5)
    from abate.study.expression.counts import Counts
    from abate.study.expression.sheet import SampleSheet

    counts = data.counts.copy()
    counts.loc["gene-1", "patient-1-before"] = 100 * int(counts.loc["gene-1"].max()) + 100_000
    sheet = SampleSheet(data.samples, {"subject": "subject", "group": "group"}, "simulated")
    genes = express(Counts(counts, "simulated"), sheet, simulate_power=False).genes
    assert genes.loc["gene-1", ["p", "p_adjusted", "p_moderated"]].isna().all()
    assert np.isfinite(genes.loc["gene-1", "log2_fold_change"])


def test_a_hypothesis_claims_no_gene_set_either(files: Files, tmp_path: Path) -> None:
    counts, samples, data = files(patients=2, controls=2)
    (tmp_path / "sets.gmt").write_text("moved\t-\t" + "\t".join(data.truth.index[data.truth["changed"]]) + "\n")
    sets = express(counts, samples, gene_sets=[tmp_path / "sets.gmt"], simulate_power=False).sets
    assert sets[["p_adjusted", "p_rank_adjusted"]].isna().all(axis=None)
    assert sets[["p", "p_rank"]].notna().all(axis=None)


def test_drawn_relabellings_are_not_said_to_bound_the_exact_p(files: Files) -> None:
    counts, samples, _ = files(genes=100, patients=8, controls=8)
    found = express(counts, samples, simulate_power=False)
    assert "in 12,870 ways, of which 1,000 were done." in found.sentence()
    assert "exact p" not in found.sentence()


def test_the_same_name_in_two_files_of_gene_sets_is_refused(files: Files, tmp_path: Path) -> None:
    counts, samples, _ = files(genes=50, patients=3, controls=3)
    for name in ("a.gmt", "b.gmt"):
        (tmp_path / name).write_text("mine\t-\tgene-1\tgene-2\n")
    with pytest.raises(InputError, match=r"b\.gmt: a gene set of this name is in another file: 'mine'; a\.gmt"):
        express(counts, samples, gene_sets=[tmp_path / "a.gmt", tmp_path / "b.gmt"], simulate_power=False)


def test_a_ratio_over_several_columns_goes_all_the_way(files: Files) -> None:
    counts, samples, _ = files(genes=150, design="both", patients=4, controls=4, effect=3.0)
    found = express(counts, samples, design="~ group * time", test="lrt", reduced="~ 1", simulate_power=False)
    payload = payload_of(found)
    assert payload["test"]["df"] == 3
    assert "F tail with 3 and" in payload["calls"]["method"]
    asked = importlib.util.find_spec("inmoose") is not None
    assert ("limma was not asked: it tests one contrast" if asked else "inmoose is not installed") in found.no_linear
    assert found.top["p"].is_monotonic_increasing


def test_samples_of_one_person_taken_for_several_are_warned_of(files: Files) -> None:
    counts, samples, _ = files(genes=80, design="before vs after", patients=3)
    said: list[str] = []
    found = express(counts, samples, design="~ time", announce=said.extend, simulate_power=False)
    (warning,) = [line for line in said if line.startswith("warning")]
    assert "3 subjects have several samples" in warning
    assert "take --design 'before vs after', or put the subject into the formula (~ subject + time)" in warning
    assert "taken for different ones by this design" in found.sentence()
    assert payload_of(found)["design"]["warnings"] == list(found.design.warnings)
    named = express(counts, samples, design="~ subject + time", simulate_power=False)
    assert named.design.warnings == ()
