"""The numerics on all genes at once against PyDESeq2's own, gene by gene."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydeseq2.dds import DeseqDataSet
from pydeseq2.default_inference import DefaultInference
from pydeseq2.ds import DeseqStats
from scipy.optimize import approx_fprime

from abate.study.expression.genewise import BlockInference
from abate.study.expression.heavy_tail import HeavyTail
from abate.study.expression.simulate import simulate_counts


def fitted(inference: Any, counts: pd.DataFrame, samples: pd.DataFrame, design: str) -> tuple[Any, pd.DataFrame]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = DeseqDataSet(counts=counts.T, metadata=samples, design=design, quiet=True, inference=inference)
        data.deseq2()
        stats = DeseqStats(data, contrast=["time", "after", "before"], quiet=True, inference=inference)
        stats.summary()
    return data, stats.results_df


@pytest.mark.parametrize("design", ["~time", "~subject + time"])
def test_agrees_with_pydeseq2_gene_by_gene(design: str) -> None:
    data = simulate_counts(80, changed=10, design="before vs after", patients=5, seed=3)
    counts = data.counts[data.counts.sum(axis=1) > 0]
    ours, mine = fitted(BlockInference(), counts, data.samples, design)
    theirs, reference = fitted(DefaultInference(n_cpus=1), counts, data.samples, design)
    # L-BFGS-B stops at a gradient of 1e-5, ours at the root: their dispersions are known to about 1e-4 (relative).
    np.testing.assert_allclose(
        ours.var["genewise_dispersions"], theirs.var["genewise_dispersions"], rtol=2e-3, atol=1e-6
    )
    np.testing.assert_allclose(ours.var["dispersions"], theirs.var["dispersions"], rtol=2e-3)
    # Standard errors go with the root of the dispersion.
    np.testing.assert_allclose(mine["lfcSE"], reference["lfcSE"], rtol=1e-3)
    np.testing.assert_allclose(mine["log2FoldChange"], reference["log2FoldChange"], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ours.layers["cooks"], theirs.layers["cooks"], rtol=5e-3, atol=1e-4)


def test_a_gene_that_diverges_goes_to_the_solver_of_pydeseq2() -> None:
    counts = np.array([[0, 0, 0, 0, 1_000_000], [0, 0, 0, 0, 1_000_000]], dtype=float).T
    design = np.column_stack([np.ones(5), [0, 0, 0, 0, 1.0]])
    dispersion = np.array([1e-8, 1e-8])
    beta, mean, hat, _ = BlockInference().irls(counts, np.ones(5), design, dispersion, 0.5, 1e-8, maxiter=3)
    reference, *_ = DefaultInference(n_cpus=1).irls(counts, np.ones(5), design, dispersion, 0.5, 1e-8, maxiter=3)
    np.testing.assert_allclose(beta, reference)
    assert np.isfinite(hat).all()
    assert mean.shape == (5, 2)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    data = simulate_counts(50, changed=5, design="before vs after", patients=3)
    _, whole = fitted(BlockInference(), data.counts, data.samples, "~time")
    monkeypatch.setattr("abate.study.expression.genewise._BLOCK_NUMBERS", 42)
    _, cut = fitted(BlockInference(), data.counts, data.samples, "~time")
    # The same sums in other matrix products: rounding only.
    np.testing.assert_allclose(whole, cut, rtol=1e-7)


@pytest.fixture
def posterior() -> HeavyTail:
    data = simulate_counts(30, changed=6, patients=4, controls=4, seed=5)
    x = np.column_stack([np.ones(8), [1.0] * 4 + [0.0] * 4])
    dispersion = data.truth["dispersion"].to_numpy()
    return HeavyTail(data.counts.to_numpy(float), x, 1 / dispersion, np.zeros(8), np.array([15.0, 0.4]), 1)


def test_the_mode_is_a_minimum_with_the_curvature_that_is_said(posterior: HeavyTail) -> None:
    beta, converged = posterior.mode()
    assert converged.all()
    for gene in range(30):
        at = np.array([gene])

        def loss(b: np.ndarray, at: np.ndarray = at) -> float:
            return float(posterior.loss(b[None, :], at)[0])

        def slope(b: np.ndarray, at: np.ndarray = at) -> np.ndarray:
            return posterior.slope(b[None, :], at)[0]

        # Forward differences with a step of 1e-6 are good to about 1e-6 times the curvature (some hundreds here).
        np.testing.assert_allclose(
            slope(beta[gene] + 0.01), approx_fprime(beta[gene] + 0.01, loss, 1e-6), rtol=1e-3, atol=1e-2
        )
        np.testing.assert_allclose(
            posterior.curvature(beta[[gene]], at)[0], approx_fprime(beta[gene], slope, 1e-6), rtol=1e-3, atol=1e-2
        )
        assert np.abs(slope(beta[gene])).max() < 1e-3  # steps end below 1e-8, times a curvature of some thousands


def test_of_two_modes_the_lower_is_taken() -> None:
    # A strong change with a narrow prior: one mode near zero, one near the change.
    y = np.array([[20.0, 22, 18, 60, 66, 54]])
    x = np.column_stack([np.ones(6), [0, 0, 0, 1.0, 1, 1]])
    posterior = HeavyTail(y, x, np.array([10.0]), np.zeros(6), np.array([15.0, 0.01]), 1)
    beta, _ = posterior.mode()
    grid = np.linspace(-0.5, 2, 501)
    start = np.array([[3.0, g] for g in grid])
    everywhere = []
    for point in start:
        intercepts = np.linspace(2, 5, 301)
        losses = posterior.loss(np.column_stack([intercepts, np.full(301, point[1])]), np.zeros(301, dtype=int))
        everywhere.append(losses.min())
    # The grid is 0.005 wide; at the mode the loss is flat, so its least value lies within 1e-3 of the true one.
    assert posterior.loss(beta, np.array([0]))[0] <= min(everywhere) + 1e-3
