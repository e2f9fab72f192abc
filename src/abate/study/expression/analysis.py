"""From two files to a finding with its limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from abate.ground.errors import InputError
from abate.study.expression.agreement import agreement
from abate.study.expression.counts import Counts
from abate.study.expression.design import Design
from abate.study.expression.detectable import Detectable, smallest_effect
from abate.study.expression.fit import ADJUST_BY, Fit, fit_expression
from abate.study.expression.gene_sets import GeneSet, read_gene_sets
from abate.study.expression.limma import LinearOpinion, limma, limma_installed
from abate.study.expression.named_design import plan_design
from abate.study.expression.read_counts import read_counts
from abate.study.expression.relabel import Relabelling, relabel, ways
from abate.study.expression.set_tests import ADJUSTED, score_gene_sets
from abate.study.expression.sheet import SampleSheet, match, read_sheet

__all__ = ["COLUMNS", "Expression", "express"]

COLUMNS = ("base_mean", "log2_fold_change", "se", "statistic", "p", "p_adjusted")

# What a hypothesis does not say: p values made for a claim over many genes, or with variance lent by other genes.
_CLAIMS = ("p_adjusted", "p_moderated", "p_limma_adjusted")

# Length of the lists that are compared where nothing is called.
_MIDDLING = 100

# With so few subjects on a side a list of genes is a hypothesis: a third person could overturn it.
_HYPOTHESIS = 2


@dataclass(frozen=True)
class Expression:
    """A finished analysis.

    Attributes
    ----------
    counts : Counts
        Of the samples in the sheet, in its order.
    sheet : SampleSheet
    design : Design
    fit : Fit
    genes : DataFrame indexed by gene
        `Fit.genes` with ``p_relabelled`` and the columns of `LinearOpinion`; what is adjusted or moderated is empty
        where the list is a hypothesis.
    second : Relabelling or None
    linear : LinearOpinion or None
    no_linear : str
        Why there is no linear opinion.
    agreed : DataFrame
        Of `agreement`: DESeq2, the permutation and limma, two by two.
    sets : DataFrame or None
    detectable : Detectable or None
    alpha : float
    seed : int
    hypothesis : bool
        Whether too few people carry the list to claim anything.
    claimed : bool
        Whether adjusted p values are given.
    notes : tuple of str
    """

    counts: Counts
    sheet: SampleSheet
    design: Design
    fit: Fit
    genes: pd.DataFrame
    second: Relabelling | None
    linear: LinearOpinion | None
    no_linear: str
    agreed: pd.DataFrame
    sets: pd.DataFrame | None
    detectable: Detectable | None
    alpha: float
    seed: int
    hypothesis: bool
    claimed: bool
    notes: tuple[str, ...]

    @property
    def called(self) -> pd.DataFrame:
        """Genes whose adjusted p value is below the level, by p."""
        return self.genes[self.genes["p_adjusted"] < self.alpha].sort_values("p")

    @property
    def top(self) -> pd.DataFrame:
        """All tested genes, by p."""
        return self.genes.dropna(subset=["p"]).sort_values("p", kind="stable")

    def sentence(self) -> str:
        """Say what was found, and how many people carry it."""
        people = " and ".join(f"{count} subjects ({name})" for name, count in self.design.people.items())
        for alone in ("pairs", "subjects"):
            if list(self.design.people) == [alone]:
                people = f"{self.design.carriers} {alone}"
        carried = f"The list is carried by {people}"
        smallest = ""
        if self.second is not None:
            s = self.second
            so = (
                f"so that no gene by itself can have an exact p below {s.smallest_p:.3g}"
                if s.complete
                else f"of which {s.done:,} were done"
            )
            smallest = f" The labels can be handed out in {ways(s.relabellings)} ways, {so}."
        if self.design.warnings:
            carried += ", who are in part the same people, taken for different ones by this design"
        if self.hypothesis:
            close = (
                "no gene is claimed"
                if not self.claimed
                else "the adjusted p values were asked for and claim more than so few people can show"
            )
            return f"{carried}: it is a hypothesis, and {close}.{smallest}"
        up, down = (int((self.called["log2_fold_change"] * sign > 0).sum()) for sign in (1, -1))
        found = (
            f"{up + down:,} of {len(self.top):,} genes differ at a false discovery rate of {self.alpha:.0%}"
            f" ({up:,} up, {down:,} down"
            f"{f' in {self.design.label}' if self.design.tested_df > 1 else ''})"
        )
        return f"{found}. {carried}.{smallest}"

    def adjustment(self) -> str:
        """Say what the adjusted p values rest on."""
        if not self.claimed:
            return "none given"
        ratio, df = self.design.reduced is not None, self.fit.tail_df
        if np.isinf(df):
            tail = "chi-square tail (DESeq2)" if ratio else "normal tail (DESeq2)"
        else:
            of = f"F tail with {self.design.tested_df} and" if ratio else "t tail with"
            tail = f"{of} {df:.1f} degrees of freedom"
        return f"Benjamini-Hochberg with independent filtering, {tail}"


def express(
    counts: str | Path | Counts,
    samples: str | Path | SampleSheet,
    *,
    design: str | None = None,
    contrast: str | None = None,
    reference: str | None = None,
    gene_sets: Sequence[str | Path] = (),
    alpha: float = 0.05,
    seed: int = 1,
    columns: Mapping[str, str] | None = None,
    transcripts: str | Path | None = None,
    strand: str = "unstranded",
    only_shared: bool = False,
    adjust_by: str = "auto",
    claim_anyway: bool = False,
    test: str = "wald",
    reduced: str | None = None,
    ask_limma: bool = True,
    simulate_power: bool = True,
    announce: Callable[[list[str]], None] = lambda lines: None,
    progress: Callable[[float], None] = lambda share: None,
) -> Expression:
    """Compare gene expression, unpaired or paired.

    Parameters
    ----------
    counts : path or Counts
        See `read_counts`.
    samples : path or SampleSheet
        See `read_sheet`.
    design : str, optional
        ``patients vs controls``, ``before vs after``, ``both``, or a formula; else what the sheet asks for.
    contrast, reference : str, optional
        See `plan_design`.
    gene_sets : sequence of path
        Files of `read_gene_sets`.
    alpha : float
        False discovery rate of the claims, 0-1.
    seed : int
        Of drawn relabellings, gene-set permutations and the simulation of power.
    columns : mapping of role to column, optional
        Says what the sheet's columns are for.
    transcripts, strand
        See `read_counts`.
    only_shared : bool
        Keep the samples that counts and sheet both have.
    adjust_by : {"auto", "moderated", "wald"}
        See `fit_expression`.
    claim_anyway : bool
        Give adjusted p values also where two people on a side make the list a hypothesis.
    test, reduced : str
        See `plan_design`.
    ask_limma : bool
        Whether to ask limma, where inmoose is installed.
    simulate_power : bool
        Whether to simulate the smallest detectable change.
    announce : callable
        Is told design, contrast, reference and matching before anything is estimated.
    progress : callable
        Is told the share done, 0-1.

    Returns
    -------
    Expression

    Raises
    ------
    InputError
        If a file, the design or an option is wrong.

    Examples
    --------
    >>> from abate.study.expression import simulate_counts
    >>> data = simulate_counts(200, changed=20, design="before vs after", patients=4, effect=3.0)
    >>> found = express(
    ...     Counts(data.counts, "simulated"),
    ...     SampleSheet(data.samples, {"subject": "subject", "time": "time"}, "simulated"),
    ...     simulate_power=False,
    ... )
    >>> found.design.label, found.second.relabellings
    ('after vs before', 16)
    """
    _check_options(alpha, adjust_by)
    given = () if isinstance(counts, Counts) else _names(samples)
    table = counts if isinstance(counts, Counts) else read_counts(counts, given, transcripts=transcripts, strand=strand)
    sheet = (
        samples if isinstance(samples, SampleSheet) else read_sheet(samples, list(table.table.columns), columns=columns)
    )
    table, sheet = match(table, sheet, only_shared=only_shared)
    plan = plan_design(sheet, design, contrast=contrast, reference=reference, test=test, reduced=reduced)
    sets: list[GeneSet] = _sets(gene_sets)
    announce([*plan.lines(), *(f"note        {note}" for note in (*table.notes, *sheet.notes))])
    progress(0.1)
    fit = fit_expression(table.table, plan, alpha=alpha, adjust_by=adjust_by)
    progress(0.4)
    hypothesis = plan.carriers <= _HYPOTHESIS
    claimed = claim_anyway or not hypothesis
    listed = fit.genes.assign(statistic=fit.signed)
    if not claimed:
        listed["p_adjusted"] = np.nan  # the length of the list that is compared would tell how many it calls
    second = relabel(fit.stabilised, plan, listed, alpha=alpha, seed=seed)
    linear, no_linear = _linear(table.table, fit, plan) if ask_limma else (None, "limma was not asked")
    progress(0.6)
    scored, told = score_gene_sets(fit.wald[fit.genes["p"].notna()], sets, seed=seed) if sets else (None, [])
    progress(0.7)
    power = smallest_effect(fit, plan, alpha=alpha, seed=seed, adjust_by=adjust_by) if simulate_power else None
    progress(1.0)
    genes = fit.genes.assign(p_relabelled=second.p if second is not None else np.nan)
    if linear is not None:
        genes = genes.join(linear.genes)
    if not claimed:
        genes[[c for c in _CLAIMS if c in genes]] = np.nan
        if scored is not None:
            scored[[c for c in ADJUSTED if c in scored]] = np.nan
    notes = (*table.notes, *sheet.notes, *plan.warnings, *plan.notes, *fit.notes, *told)
    return Expression(
        table, sheet, plan, fit, genes, second, linear, no_linear, _agreed(fit, second, linear), scored, power, alpha,
        seed, hypothesis, claimed, notes,
    )  # fmt: skip


def _linear(counts: pd.DataFrame, fit: Fit, plan: Design) -> tuple[LinearOpinion | None, str]:
    if not limma_installed():
        return None, "limma was not asked: inmoose is not installed (pip install 'abate[expression-limma]')"
    if plan.tested_df > 1:
        return None, "limma was not asked: it tests one contrast, and the likelihood ratio several coefficients"
    asked = limma(counts, fit.stabilised, plan)
    return asked, "" if asked is not None else "limma was not asked: too few genes have enough reads"


def _agreed(fit: Fit, second: Relabelling | None, linear: LinearOpinion | None) -> pd.DataFrame:
    """Compare the lists of all methods at the length of what is called, or 100."""
    statistics = {"DESeq2": fit.signed[fit.genes["p"].notna()]}
    if second is not None:
        statistics["permutation"] = second.statistic
    if linear is not None:
        statistics["limma"] = linear.genes["t_limma"]
    length = second.calls if second is not None else _MIDDLING
    return agreement(statistics, length)


def _sets(paths: Sequence[str | Path]) -> list[GeneSet]:
    sets: dict[str, GeneSet] = {}
    for one in (s for path in paths for s in read_gene_sets(path)):
        if one.name in sets:
            raise InputError(
                one.source, "a gene set of this name is in another file", value=one.name, hint=sets[one.name].source
            )
        sets[one.name] = one
    return list(sets.values())


def _check_options(alpha: float, adjust_by: str) -> None:
    if not 0 < alpha < 1:
        raise InputError("--alpha", "not a level", value=alpha, allowed="more than 0 and less than 1")
    if adjust_by not in ADJUST_BY:
        raise InputError("--adjust-by", "there is no such way", value=adjust_by, allowed=ADJUST_BY)


def _names(samples: str | Path | SampleSheet) -> list[str]:
    """Return every text in the sheet: which of its columns names the samples is known once the counts are."""
    sheet = samples if isinstance(samples, SampleSheet) else read_sheet(samples)
    cells = {str(cell).strip() for column in sheet.table for cell in sheet.table[column].dropna()}
    return [*map(str, sheet.table.index), *sorted(cells - set(map(str, sheet.table.index)))]
