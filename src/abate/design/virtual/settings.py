"""Which virtual trials are run: two arms of a trial, how many people, how often, over which plausible parameters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.randomness import uniform
from abate.trial.protocol import Trial

__all__ = ["LIBRARY", "Replicates", "Varied", "chosen_arms", "read_varied"]


LIBRARY = "library"
"""Plausible sets that the library holds for the model of the trial."""


@dataclass(frozen=True)
class Varied:
    """A parameter that is not known: drawn evenly between two values for each set of parameters."""

    name: str
    low: float
    high: float
    unit: str = ""


def read_varied(texts: Sequence[str]) -> tuple[Varied, ...]:
    """Read ``NAME=LOW:HIGH[ UNIT]``.

    Raises
    ------
    InputError
        When one cannot be read.

    Examples
    --------
    >>> read_varied(["disease.threshold=0.3:0.5"])
    (Varied(name='disease.threshold', low=0.3, high=0.5, unit=''),)
    """
    found = []
    for text in texts:
        name, _, rest = text.partition("=")
        span, _, unit = rest.strip().partition(" ")
        low, colon, high = span.partition(":")
        try:
            pair = float(low), float(high)
        except ValueError:
            colon = ""
        if not colon or not name or not pair[0] <= pair[1]:
            raise InputError(
                "--vary", "not a range", value=text, allowed="NAME=LOW:HIGH[ UNIT], as in disease.k=0.3:0.5"
            )
        found.append(Varied(name.strip(), *pair, unit.strip()))
    return tuple(found)


@dataclass(frozen=True)
class Replicates:
    """A set of virtual trials.

    Parameters
    ----------
    trial : Trial
        The protocol.
    treatment, control : str
        Two of its arms.
    people : int
        In each arm of one replicate.
    replicates : int
        How many trials.
    seed : int
    varied : tuple of Varied
        Parameters that are not known.
    plausible : str
        Where plausible sets of the model's numbers come from: ``library``, or a TOML file with ``columns`` and
        ``sets``; empty for the best numbers alone. Replicate r has set ``r % sets``, the same in both arms.
    sets : int
        How many draws of either; each is used by the same share of the replicates.
    """

    trial: Trial
    treatment: str
    control: str
    people: int
    replicates: int
    seed: int = 1
    varied: tuple[Varied, ...] = ()
    sets: int = 1
    plausible: str = ""

    def __post_init__(self) -> None:
        for option, value, least, most in (
            ("--patients", self.people, 4, 100_000),
            ("--replicates", self.replicates, 2, 1_000_000),
            ("--sets", self.sets, 1, self.replicates),
        ):
            if not least <= value <= most:
                raise InputError(option, "out of range", value=value, allowed=f"{least} to {most}")
        if self.varied and self.plausible:
            raise InputError("--plausible", "ranges and plausible sets at once", hint="leave --vary out")
        if self.replicates % self.sets:
            near = max(self.sets, round(self.replicates / self.sets) * self.sets)
            raise InputError(
                "--replicates",
                f"not a multiple of the {self.sets} sets of parameters",
                value=self.replicates,
                hint=f"nearest feasible: {near}",
            )

    def values(self, index: int) -> dict[str, str]:
        """Return the varied parameters of a set: a Latin hypercube over all sets, so that few sets cover the ranges."""
        out = {}
        for k, varied in enumerate(self.varied):
            order = np.argsort(uniform(self.seed, "design-plausible-order", np.arange(self.sets), k))
            inside = float(uniform(self.seed, "design-plausible", index, k))
            share = (float(order[index]) + inside) / self.sets
            value = varied.low + share * (varied.high - varied.low)
            out[varied.name] = f"{value:.12g} {varied.unit}".strip()
        return out

    def trial_of(self, index: int) -> Trial:
        """Return the trial with the parameters of a set."""
        from abate.trial.settings import apply

        if not self.varied:
            return self.trial
        try:
            return apply(self.trial, self.values(index))
        except InputError as error:
            raise InputError(
                "--vary", error.problem, value=error.value, allowed=error.allowed, hint=error.hint
            ) from error

    @property
    def _own(self) -> bool:
        return self.plausible not in ("", LIBRARY)

    def identity(self) -> str:
        """Return a hash of everything that decides the results."""
        body: dict[str, Any] = {
            "trial": self.trial.model_dump(mode="json"),
            "arms": [self.treatment, self.control],
            "people": self.people,
            "replicates": self.replicates,
            "seed": self.seed,
            "varied": [[v.name, v.low, v.high, v.unit] for v in self.varied],
            "sets": self.sets,
            "plausible": hashlib.sha256(Path(self.plausible).read_bytes()).hexdigest() if self._own else self.plausible,
        }
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def chosen_arms(trial: Trial, arms: str | None) -> tuple[str, str]:
    """Return treatment and control: as given (``treatment,control``), or the first arm and the reference.

    Raises
    ------
    InputError
        When they are not two arms of the trial.
    """
    names: Mapping[str, Any] = trial.arms
    if arms is None:
        control = trial.reference or list(names)[-1]
        others = [name for name in names if name != control]
        if not others:
            raise InputError("--trial", "the trial has one arm only, and a comparison needs two", value=trial.name)
        return others[0], control
    pair = [part.strip() for part in arms.split(",")]
    for name in pair:
        if name not in names:
            raise InputError(
                "--arms", "there is no such arm", value=name, allowed=list(names), hint=did_you_mean(name, names)
            )
    if len(pair) != 2 or pair[0] == pair[1]:
        raise InputError("--arms", "two different arms are compared", value=arms, allowed="treatment,control")
    return pair[0], pair[1]
