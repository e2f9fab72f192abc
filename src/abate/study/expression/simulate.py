"""Negative binomial counts with a known truth: for tests, for teaching and for the smallest detectable effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from abate.ground.errors import InputError

__all__ = ["DESIGNS", "SimulatedCounts", "simulate_counts"]

DESIGNS = ("patients vs controls", "before vs after", "both")


@dataclass(frozen=True)
class SimulatedCounts:
    """Simulated counts and what is true of them.

    Attributes
    ----------
    counts : DataFrame, genes x samples, int
    samples : DataFrame indexed by sample
        Columns ``subject``, ``group`` (patient, control), ``time`` (before, after), ``batch``.
    truth : DataFrame indexed by gene
        Columns ``mean`` (at a size factor of 1), ``dispersion``, ``log2_fold_change`` (of the design's contrast),
        ``changed``.
    """

    counts: pd.DataFrame
    samples: pd.DataFrame
    truth: pd.DataFrame


def simulate_counts(
    genes: int = 5000,
    *,
    changed: int = 200,
    design: str = "patients vs controls",
    patients: int = 3,
    controls: int = 3,
    effect: float = 2.0,
    effect_sd: float = 0.5,
    subject_sd: float = 0.3,
    batches: int = 1,
    batch_sd: float = 0.3,
    dispersion: tuple[float, float] = (0.05, 2.0),
    dispersion_sd: float = 0.3,
    log_mean: tuple[float, float] = (5.0, 1.5),
    depth_sd: float = 0.2,
    seed: int = 1,
) -> SimulatedCounts:
    """Simulate RNA counts of a small study with known truth.

    Parameters
    ----------
    genes, changed : int
        All genes, and those that differ; half of these go up, half down.
    design : {"patients vs controls", "before vs after", "both"}
        The first has one sample a person. The second has each patient twice and no controls. In the third everybody
        is there
        twice, patients differ from controls before, and treatment undoes that: the contrast is the interaction.
    patients, controls : int
        People in each group (`controls` is not used by "before vs after").
    effect, effect_sd : float
        Mean and standard deviation of the size of the true log2 fold changes; sizes never fall below a quarter of
        `effect`.
    subject_sd, batch_sd : float
        Standard deviation of a gene's log expression (natural log) between people and between batches.
    batches : int
        People are dealt to batches in turn.
    dispersion : (float, float)
        ``(a, b)`` of the trend ``a + b / mean``; `dispersion_sd` is the scatter around it on the natural log scale.
    log_mean : (float, float)
        Mean and standard deviation of the natural log of the genes' means.
    depth_sd : float
        Scatter of the library size, natural log scale.
    seed : int
        The same arguments and seed give the same counts.

    Returns
    -------
    SimulatedCounts

    Raises
    ------
    InputError
        If the design is unknown or a number is out of range.

    Examples
    --------
    >>> from abate.study.expression import simulate_counts
    >>> data = simulate_counts(100, changed=10, design="before vs after", patients=3)
    >>> data.counts.shape, int(data.truth["changed"].sum())
    ((100, 6), 10)
    >>> data.samples["subject"].tolist()
    ['patient-1', 'patient-1', 'patient-2', 'patient-2', 'patient-3', 'patient-3']
    """
    _check(genes, changed, design, patients, controls, batches)
    rng = np.random.Generator(np.random.Philox(seed))
    samples = _sheet(design, patients, controls, batches)
    mean = np.exp(rng.normal(*log_mean, genes))
    trend = (dispersion[0] + dispersion[1] / mean) * np.exp(rng.normal(0.0, dispersion_sd, genes))
    log2_fold = np.zeros(genes)
    hit = rng.choice(genes, changed, replace=False)
    size = np.maximum(rng.normal(effect, effect_sd, changed), effect / 4)
    log2_fold[hit] = np.where(np.arange(changed) % 2 == 0, size, -size)
    log_expected = np.log(mean)[:, None] + np.log(2) * np.outer(log2_fold, _contrast(design, samples))
    log_expected += _levels(rng, samples["subject"], genes, subject_sd) + _levels(
        rng, samples["batch"], genes, batch_sd if batches > 1 else 0.0
    )
    log_expected += rng.normal(0.0, depth_sd, len(samples))
    rate = rng.gamma(1 / trend[:, None], trend[:, None] * np.exp(log_expected))
    names = pd.Index([f"gene-{i}" for i in range(1, genes + 1)], name="gene")
    truth = pd.DataFrame(
        {"mean": mean, "dispersion": trend, "log2_fold_change": log2_fold, "changed": log2_fold != 0}, index=names
    )
    return SimulatedCounts(pd.DataFrame(rng.poisson(rate), index=names, columns=samples.index), samples, truth)


def _check(genes: int, changed: int, design: str, patients: int, controls: int, batches: int) -> None:
    if design not in DESIGNS:
        raise InputError("design", "there is no such design", value=design, allowed=DESIGNS)
    if not 0 <= changed <= genes:
        raise InputError("changed", "more genes change than there are", value=changed, allowed=f"0 to {genes}")
    for name, value in (("genes", genes), ("patients", patients), ("controls", controls), ("batches", batches)):
        if value < 1 and not (name == "controls" and design == "before vs after"):
            raise InputError(name, "there is nobody and nothing to simulate", value=value, allowed="1 or more")


def _sheet(design: str, patients: int, controls: int, batches: int) -> pd.DataFrame:
    people = [("patient", f"patient-{i + 1}", i) for i in range(patients)]
    if design != "before vs after":
        people += [("control", f"control-{i + 1}", i) for i in range(controls)]
    times = ("before",) if design == "patients vs controls" else ("before", "after")
    rows = [
        {"sample": f"{name}-{time}", "subject": name, "group": group, "time": time, "batch": f"batch-{i % batches + 1}"}
        for group, name, i in people
        for time in times
    ]
    return pd.DataFrame(rows).set_index("sample")


def _contrast(design: str, samples: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return by how much of its fold change each sample's gene is moved."""
    patient = np.asarray(samples["group"] == "patient", dtype=np.float64)
    after = np.asarray(samples["time"] == "after", dtype=np.float64)
    if design == "patients vs controls":
        return patient
    if design == "before vs after":
        return after
    # Before treatment the patients stand off by minus the change that treatment brings.
    return -patient * (1 - after)


def _levels(rng: np.random.Generator, labels: pd.Series, genes: int, sd: float) -> npt.NDArray[np.float64]:
    codes, levels = pd.factorize(labels)
    drawn: npt.NDArray[np.float64] = rng.normal(0.0, sd, (genes, len(levels)))[:, codes]
    return drawn
