"""Minimisation: each new person goes, most likely, to the arm that keeps the factors balanced.

References
----------
Taves DR. Clin Pharmacol Ther 1974;15:443-453. Pocock SJ, Simon R. Biometrics 1975;31:103-115.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from abate.ground.errors import InputError
from abate.ground.randomness import uniform

__all__ = ["Minimisation"]


@dataclass(frozen=True)
class Minimisation:
    """A rule of minimisation.

    Parameters
    ----------
    arms : tuple of str
        To be kept equal.
    factors : mapping of factor to levels
        Whose totals are balanced, each for itself.
    weights : mapping of factor to float, optional
        Importance; 1 by default.
    probability : float
        Of the arm that balances best; the others share the rest. 1 would make the next arm predictable.

    Raises
    ------
    InputError
        For fewer than two arms, no factor, or a probability that does not favour balance.

    Examples
    --------
    >>> rule = Minimisation(("placebo", "tocilizumab"), {"sex": ("female", "male")})
    >>> arms = rule.allocate([{"sex": "female"}] * 10, seed=1)
    >>> abs(arms.count("placebo") - arms.count("tocilizumab")) <= 4
    True
    """

    arms: tuple[str, ...]
    factors: Mapping[str, Sequence[str]]
    weights: Mapping[str, float] = field(default_factory=dict)
    probability: float = 0.8

    def __post_init__(self) -> None:
        if len(self.arms) < 2 or not self.factors:
            raise InputError("randomisation", "minimisation needs two arms and a factor", value=list(self.arms))
        if not 1 / len(self.arms) < self.probability <= 1:
            raise InputError(
                "randomisation.probability",
                "this does not favour the arm that balances",
                value=self.probability,
                allowed=f"above {1 / len(self.arms):.3g} to 1, such as 0.8",
            )

    def imbalance(self, people: Sequence[Mapping[str, str]], arms: Sequence[str]) -> dict[str, int]:
        """Return the largest difference between arms at any level, by factor."""
        found = {}
        for factor, levels in self.factors.items():
            spread = [0]
            for level in levels:
                counts = [
                    sum(p[factor] == level and a == arm for p, a in zip(people, arms, strict=True)) for arm in self.arms
                ]
                spread.append(max(counts) - min(counts))
            found[factor] = max(spread)
        return found

    def next_arm(self, person: Mapping[str, str], counts: Mapping[str, NDArray[np.int64]], draw: float) -> str:
        """Return the arm of the next person.

        Parameters
        ----------
        person : mapping of factor to level
        counts : mapping of ``factor=level`` to ndarray, shape (arms,)
            People so far.
        draw : float
            Uniform, 0 to 1.
        """
        scores = np.zeros(len(self.arms))
        for factor in self.factors:
            so_far = counts[self._key(person, factor)]
            for k in range(len(self.arms)):
                after = so_far.copy()
                after[k] += 1
                scores[k] += self.weights.get(factor, 1.0) * float(after.max() - after.min())
        best = np.flatnonzero(scores <= scores.min() + 1e-9)
        others = np.setdiff1d(np.arange(len(self.arms)), best)
        chance = np.zeros(len(self.arms))
        chance[best] = (self.probability if len(others) else 1.0) / len(best)
        if len(others):
            chance[others] = (1 - self.probability) / len(others)
        place = int(np.searchsorted(np.cumsum(chance), draw, side="right"))
        return self.arms[min(place, len(self.arms) - 1)]

    def allocate(self, people: Sequence[Mapping[str, str]], *, seed: int) -> tuple[str, ...]:
        """Return the arms of people in the order in which they come.

        Raises
        ------
        InputError
            When somebody has no level, or an unknown one, of a factor.
        """
        counts = {
            f"{factor}={level}": np.zeros(len(self.arms), dtype=np.int64)
            for factor, levels in self.factors.items()
            for level in levels
        }
        draws = uniform(seed, "minimisation", np.arange(len(people)))
        arms: list[str] = []
        for person, draw in zip(people, draws, strict=True):
            arm = self.next_arm(person, counts, float(draw))
            for factor in self.factors:
                counts[self._key(person, factor)][self.arms.index(arm)] += 1
            arms.append(arm)
        return tuple(arms)

    def _key(self, person: Mapping[str, str], factor: str) -> str:
        level = person.get(factor)
        if level not in self.factors[factor]:
            raise InputError(f"randomisation.{factor}", "not a level", value=level, allowed=list(self.factors[factor]))
        return f"{factor}={level}"
