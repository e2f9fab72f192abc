"""A design: which samples, which model, which contrast, what is exchangeable with what; checked before anything is
estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from abate.ground.errors import InputError
from abate.study.expression.counts import few

__all__ = ["Design", "check_estimable"]


@dataclass(frozen=True)
class Design:
    """What will be estimated.

    Attributes
    ----------
    name : str
        ``patients vs controls``, ``before vs after``, ``both`` or ``formula``.
    formula : str
        The model in words of formulaic and R.
    matrix : DataFrame, samples x coefficients
    contrast : ndarray, shape (coefficients,)
        The combination that is tested.
    label : str
        The contrast in words (``patient vs control``).
    factor, tested, reference : str
        Column and levels; the levels are empty for a number.
    subject : Series of str, indexed by sample
        Whom each sample is from; the sample's own name where the sheet does not tell.
    positive : Series of bool, indexed by sample, or None
        Samples (for an interaction: subjects' samples) on the tested side; None where labels cannot be exchanged.
    strata : Series of str, indexed by sample
        Within which labels may be exchanged: the subject, the matching set, the batch.
    paired : bool
        Whether a subject stands on both sides.
    difference : bool
        Whether labels belong to subjects, whose change is compared (an interaction).
    people : dict of str to int
        Subjects on each side; for pairs, complete pairs.
    matching : str
        What is kept together, in words.
    notes : tuple of str
    warnings : tuple of str
        What makes the p values doubtful.
    reduced : DataFrame, samples x coefficients, or None
        The smaller model of a likelihood-ratio test; None where the Wald test is done.
    left_out : tuple of str
        Coefficients that the smaller model lacks.
    """

    name: str
    formula: str
    matrix: pd.DataFrame
    contrast: npt.NDArray[np.float64]
    label: str
    factor: str
    tested: str
    reference: str
    subject: pd.Series
    positive: pd.Series | None
    strata: pd.Series
    paired: bool
    difference: bool
    people: dict[str, int]
    matching: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    reduced: pd.DataFrame | None = None
    left_out: tuple[str, ...] = ()

    @property
    def coefficient(self) -> str | None:
        """Name of the coefficient that the contrast is, or None where it combines several."""
        return (
            str(self.matrix.columns[int(self.contrast.argmax())])
            if sorted(self.contrast)[-1] == self.contrast.sum() == 1
            else None
        )

    @property
    def residual_df(self) -> int:
        """Samples minus coefficients."""
        return self.matrix.shape[0] - self.matrix.shape[1]

    @property
    def carriers(self) -> int:
        """How many subjects carry the finding: those of the smaller side."""
        return min(self.people.values())

    @property
    def tested_df(self) -> int:
        """How many coefficients the test is about: 1 for the Wald test."""
        return 1 if self.reduced is None else self.matrix.shape[1] - self.reduced.shape[1]

    def test(self) -> str:
        """Say which test is done."""
        if self.reduced is None:
            return "Wald test of the contrast"
        return f"likelihood ratio, without {few(self.left_out, 6)}"

    def lines(self) -> list[str]:
        """Say what will be done, one fact a line."""
        people = ", ".join(f"{name}: {count}" for name, count in self.people.items())
        rows = [
            f"design      {self.name}: {self.formula}",
            f"contrast    {self.label}",
            f"reference   {self.reference or 'none (a number: change per unit)'}",
            f"matching    {self.matching}",
            f"samples     {self.matrix.shape[0]}; subjects {people}",
            f"model       {self.matrix.shape[1]} coefficients, {self.residual_df} residual degrees of freedom",
            f"test        {self.test()}",
        ]
        told = [f"warning     {warning}" for warning in self.warnings]
        return [*rows, *told, *(f"note        {note}" for note in self.notes)]


def check_estimable(where: str, matrix: pd.DataFrame) -> None:
    """Refuse a design that cannot be estimated.

    Raises
    ------
    InputError
        If columns are confounded (they are named) or no sample is left over to see the scatter.

    Examples
    --------
    >>> import pandas as pd
    >>> confounded = {"Intercept": [1, 1, 1, 1], "batch[T.2]": [0, 0, 1, 1], "group[T.B]": [0, 0, 1, 1]}
    >>> check_estimable("design", pd.DataFrame(confounded))
    Traceback (most recent call last):
    ...
    abate.ground.errors.InputError: design: these columns cannot be told apart: 'batch[T.2], group[T.B]'; ...
    """
    values = matrix.to_numpy(dtype=float)
    scaled = values / np.maximum(np.sqrt((values**2).sum(axis=0)), 1e-300)
    _, singular, right = np.linalg.svd(scaled, full_matrices=True)
    rank = int((singular > 1e-9).sum())
    samples, coefficients = matrix.shape
    if rank < coefficients:
        involved = np.abs(right[rank:]).max(axis=0) > 1e-6
        columns = [str(c) for c in matrix.columns[involved] if c != "Intercept"]
        few_samples = f"; there are {samples} samples for {coefficients} coefficients" if samples < coefficients else ""
        raise InputError(
            where,
            "these columns cannot be told apart",
            value=few(columns, 6),
            hint="each is a sum of the others (confounded): leave one out of the design, or compare within it"
            + few_samples,
        )
    if samples <= coefficients:
        raise InputError(
            where,
            f"{samples} samples for {coefficients} coefficients: nothing is left to see the scatter",
            hint="use a design with fewer terms, or more samples",
        )


def check_sides(where: str, people: dict[str, int], samples: Sequence[int]) -> None:
    """Refuse a comparison in which one side is a single sample.

    Raises
    ------
    InputError
        If a group has one sample only.
    """
    for (side, _), count in zip(people.items(), samples, strict=True):
        if count < 2:
            raise InputError(
                where,
                f"{side!r} has {count} sample{'' if count == 1 else 's'}",
                allowed="two or more on each side",
                hint="one sample shows no scatter: nothing can be tested",
            )
