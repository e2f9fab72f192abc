"""Plausible sets of the model's numbers, so that the power of a design has an interval of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from abate.design.virtual.settings import LIBRARY, Replicates
from abate.ground.errors import InputError
from abate.ground.files import load_toml
from abate.ground.results import Estimate

if TYPE_CHECKING:
    from abate.trial.setup import Setup

__all__ = ["number_of_sets", "power_over_sets", "with_plausible_sets"]

SETS = 20
"""Sets of a run where nobody says: enough for a middle 95 %, few enough that each has some fifty trials."""


def number_of_sets(sets: int | None, replicates: int, *, plausible: str) -> int:
    """Return how many sets a run has: as asked, or one, or as many as divide the replicates when there are sets.

    Examples
    --------
    >>> number_of_sets(None, 1000, plausible="library"), number_of_sets(None, 1000, plausible="")
    (20, 1)
    """
    if sets is not None:
        return sets
    if not plausible:
        return 1
    return next(count for count in range(min(SETS, replicates), 0, -1) if replicates % count == 0)


def with_plausible_sets(setup: Setup, wanted: Replicates) -> Setup:
    """Return a setup in which each replicate has one plausible set, the same in both arms.

    Raises
    ------
    InputError
        When there are no sets for the model, or fewer than are wanted.
    """
    if not wanted.plausible:
        return setup
    from abate.science.population.ensembles import ParameterSets, read_sets, sets

    if wanted.plausible == LIBRARY:
        try:
            found = sets(setup.model, seed=wanted.seed)
        except InputError as error:
            raise InputError("--plausible", error.problem, value=error.value, hint=error.hint) from error
    else:
        found = read_sets(load_toml(wanted.plausible), setup.model)
    if wanted.sets > found.number:
        raise InputError(
            "--sets", "there are not so many plausible sets", value=wanted.sets, allowed=f"up to {found.number}"
        )
    # A number that somebody set has no uncertainty.
    fixed = {setup.model.resolve(name) for name in wanted.trial.parameters}
    kept = {name: values for name, values in found.typical.items() if name not in fixed}
    if not kept and not found.spread:
        return setup
    # Evenly over the file: neighbours of a chain resemble each other.
    rows = np.arange(wanted.sets) * found.number // wanted.sets
    chosen = ParameterSets(kept, found.spread).take(rows)
    return replace(setup, sets=chosen, replicates={wanted.treatment: wanted.people, wanted.control: wanted.people})


def power_over_sets(powers: Sequence[Estimate]) -> Estimate:
    """Return the mean power over sets with the middle 95 % of the powers that the sets truly have.

    Each set's power is known from some trials only. What they scatter by chance is taken off: the powers are drawn
    towards their mean until their variance is the one between sets. The interval is never narrower than that of the
    mean itself, so that few trials do not look like certainty.

    Examples
    --------
    >>> one = Estimate(0.8, 0.7, 0.9, 0.95, 50, "share", events=40)
    >>> round(power_over_sets([one, one]).high, 3)
    0.867
    """
    from abate.study.statistics.proportions import wilson

    rates = np.array([one.estimate for one in powers])
    trials = np.array([one.n for one in powers])
    mean, count = float(rates.mean()), len(rates)
    low = high = math.nan
    if count > 1:
        seen = float(rates.var(ddof=1))
        chance = float(np.mean(rates * (1 - rates) / np.maximum(trials - 1, 1)))
        kept = math.sqrt(max(seen - chance, 0.0) / seen) if seen > 0 else 0.0
        first, last = (float(v) for v in np.quantile(mean + kept * (rates - mean), [0.025, 0.975]))
        least, most = wilson(round(float(rates @ trials)), int(trials.sum()))
        low, high = min(first, least), max(last, most)
    return Estimate(
        mean, low, high, 0.95, count, "mean power over parameter sets, middle 95 % of them without chance of trials"
    )
