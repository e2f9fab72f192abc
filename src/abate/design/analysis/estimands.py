"""Estimands applied: what each strategy of ICH E9(R1) does to the values and times of a Study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abate.design.analysis.people import People
from abate.design.protocol.file import Estimand
from abate.ground.errors import InputError
from abate.ground.results import slug

__all__ = ["Intercurrent", "events_of", "intercurrent"]

Array = NDArray[np.float64]

WORDS = {
    "rescue": (("rescue",), ("rescue",)),
    # Who leaves the trial stops its drug.
    "stop": (("stop", "discontinu", "switch"), ("stop", "withdrawal")),
    "withdrawal": (("withdraw", "drop-out", "dropout", "lost"), ("withdrawal",)),
    "flare": (("flare", "relapse"), ("flare",)),
    "death": (("death", "died"), ("death",)),
}
"""Words of an estimand's text, and which events of a Study they mean."""


@dataclass(frozen=True)
class Intercurrent:
    """First day of the intercurrent events of each strategy, infinite where none happened; shape (people,) each."""

    hypothetical: Array
    composite: Array
    while_on_treatment: Array

    @property
    def ends(self) -> Array:
        """Day from which values are not used as they are."""
        return np.minimum(self.hypothetical, np.minimum(self.composite, self.while_on_treatment))

    def observed(self, values: Array, weeks: tuple[int, ...]) -> Array:
        """Return values with those after a hypothetical, composite or while-on-treatment event taken out.

        Under the treatment policy nothing is taken out.
        """
        days = 7.0 * np.array(weeks)
        return np.where((days[None, :] > 0) & (days[None, :] >= self.ends[:, None]), np.nan, values)


def intercurrent(estimand: Estimand, people: People) -> Intercurrent:
    """Return the days of an estimand's intercurrent events.

    Raises
    ------
    InputError
        When the text of an event names none of a Study, or for a principal stratum, which no randomised comparison
        shows without further assumptions.
    """
    none = np.full(people.n, np.inf)
    found = {"hypothetical": none, "composite": none, "while-on-treatment": none}
    for text, strategy in estimand.intercurrent.items():
        if strategy == "principal-stratum":
            raise InputError(
                f"estimand {estimand.name!r}",
                "a principal stratum cannot be told from what was observed",
                value=text,
                hint="nearest feasible: hypothetical, composite or treatment-policy",
            )
        if strategy != "treatment-policy":
            for event in events_of(text, people.first):
                found[strategy] = np.minimum(found[strategy], people.day(event))
    return Intercurrent(found["hypothetical"], found["composite"], found["while-on-treatment"])


def events_of(text: str, recorded: Mapping[str, object] | None = None) -> tuple[str, ...]:
    """Return the events of a Study that a text means; a name, or a cause of withdrawal, that it holds means itself.

    Examples
    --------
    >>> events_of("rescue medication"), events_of("stopping the trial drug")
    (('rescue',), ('stop', 'withdrawal'))
    >>> events_of("leaving for lack of efficacy", {"withdrawal: lack-of-efficacy": 0, "withdrawal": 0})
    ('withdrawal: lack-of-efficacy',)
    """
    low = text.lower()
    known = recorded or {}
    for name in known:
        if name.lower() == low and name not in WORDS:
            return (name,)
    causes = [name for name in known if name.startswith("withdrawal: ") and name[12:] in slug(text)]
    if causes:
        return tuple(causes)
    for words, events in WORDS.values():
        if any(word in low for word in words):
            return events
    raise InputError(
        "estimands, intercurrent",
        "no event of a Study is meant by this",
        value=text,
        allowed=[*WORDS, *(name for name in known if name not in WORDS)],
        hint="name the event as the Study does",
    )
