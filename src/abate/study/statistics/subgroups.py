"""Subgroups: shown always, tested only above a stated size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from abate.ground.errors import InputError
from abate.ground.results import Estimate
from abate.study.statistics.hodges_lehmann import hodges_lehmann
from abate.study.statistics.location import median
from abate.study.statistics.rank_sum import RankSum, rank_sum

__all__ = ["SMALLEST_TESTED", "Subgroup", "SubgroupDisplay", "subgroup_display"]

SMALLEST_TESTED = 10
"""With fewer people in any subgroup no test between subgroups is made."""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """One subgroup: its name, every person's change, and the median change with the range."""

    name: str
    changes: tuple[float, ...]
    median: Estimate
    shift: Estimate | None


@dataclass(frozen=True, slots=True)
class SubgroupDisplay:
    """Subgroups side by side; ``test`` compares two of them, or is None with the reason beside it."""

    groups: tuple[Subgroup, ...]
    test: RankSum | None
    statement: str


def subgroup_display(
    changes: ArrayLike,
    names: Sequence[str],
    *,
    smallest: int = SMALLEST_TESTED,
    level: float = 0.95,
) -> SubgroupDisplay:
    """Show changes by subgroup, and compare two subgroups only when both are large enough.

    Parameters
    ----------
    changes : array-like, shape (n,)
        NaN is left out.
    names : sequence of str, length n
        Subgroup of each person.
    smallest : int
        People a subgroup must have before anything is tested or an interval is given.
    level : float
        Coverage of intervals.

    Returns
    -------
    SubgroupDisplay

    Raises
    ------
    InputError
        When lengths differ.

    Examples
    --------
    >>> shown = subgroup_display([-10, -20, -5, -30, -2, -9], ["primary"] * 2 + ["secondary"] * 4)
    >>> shown.test is None, shown.statement
    (True, 'not tested: the smallest subgroup has 2 people, fewer than 10')
    """
    values = np.asarray(changes, dtype=np.float64).ravel()
    if len(values) != len(names):
        raise InputError("subgroups", "not one name a person", value=len(names), allowed=f"{len(values)} names")
    kept = {
        name: values[[i for i, other in enumerate(names) if other == name and np.isfinite(values[i])]]
        for name in dict.fromkeys(names)
    }
    groups = tuple(
        Subgroup(
            name,
            tuple(mine.tolist()),
            median(mine, level=level),
            hodges_lehmann(mine, level=level) if len(mine) >= smallest else None,
        )
        for name, mine in kept.items()
    )
    fewest = min((len(mine) for mine in kept.values()), default=0)
    if fewest < smallest:
        who = "1 person" if fewest == 1 else f"{fewest} people"
        return SubgroupDisplay(groups, None, f"not tested: the smallest subgroup has {who}, fewer than {smallest}")
    if len(groups) != 2:
        return SubgroupDisplay(groups, None, f"not tested: {len(groups)} subgroups, a test compares two")
    first, second = kept.values()
    test = rank_sum(first, second)
    return SubgroupDisplay(groups, test, f"{test.method}: p = {test.p:.4g}")
