"""Dummy data for a trial to be: people, visits and values of the right shape, and of no meaning whatever."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abate.design.plan import Plan
from abate.design.protocol.file import DesignFile
from abate.design.randomisation import AllocationList
from abate.ground.randomness import uniform

if TYPE_CHECKING:
    from abate.study.tables import StudyTables

__all__ = ["dummy_events", "dummy_study"]


def dummy_events(design: DesignFile) -> tuple[str, ...]:
    """Return the events that dummy data hold: what the endpoints wait for, and what estimands are about.

    Examples
    --------
    >>> from abate.design.protocol.file import load_design
    >>> dummy_events(load_design("examples/design/fibromyalgia.yaml"))
    ('flare', 'rescue', 'stop', 'withdrawal')
    """
    waited = (design.endpoint.event, *(one.event for one in design.endpoint.ranking if one.event is not None))
    return tuple(dict.fromkeys((*waited, "rescue", "stop", "withdrawal")))


def dummy_study(design: DesignFile, made: Plan, allocation: AllocationList, *, seed: int) -> StudyTables:
    """Return a Study of made-up people, for programs to be written against.

    Values are even over the range of their measure, at every visit and in both arms: nobody can mistake them for a
    forecast. Some people leave and some have a flare, so that every variable occurs.

    Parameters
    ----------
    design : DesignFile
    made : Plan
    allocation : AllocationList
        Never the real one: a list of its own.
    seed : int
    """
    import pandas as pd

    from abate.study.tables import StudyTables, conform, empty

    rows = allocation.rows
    arms = design.sequences if design.is_crossover else (design.treatment, design.control)
    people = np.arange(len(rows))
    names = [f"{i + 1:04d}" for i in people]
    factors = dict.fromkeys(design.randomisation.strata)
    subjects = pd.DataFrame(
        {
            "subject": names,
            "arm": [row.arm for row in rows],
            "sex": np.where(uniform(seed, "dummy-sex", people) < 0.5, "female", "male"),
            "age": np.round(18 + 62 * uniform(seed, "dummy-age", people)),
            **{factor: [_level(row.stratum, factor) for row in rows] for factor in factors},
        }
    )
    end = float(7 * design.weeks)
    leaves = uniform(seed, "dummy-leave", people)
    last = np.where(leaves < 0.15, np.maximum(1.0, np.ceil(end * leaves / 0.15)), math.inf)
    measures = dict.fromkeys([design.endpoint.measure, *(e.measure for e in design.secondary)])
    visits = np.array(design.all_visits)
    frames = []
    for index, measure in enumerate(measures):
        for k, week in enumerate(map(int, visits)):
            values = _values(_range(design, made, measure), uniform(seed, "dummy-value", people, 1000 * index + k))
            there = 7 * week <= last
            frames.append(
                pd.DataFrame({"subject": names, "time": float(7 * week), "visit": f"week {week}", "value": values})[
                    there
                ].assign(measure=measure, item="", unit="", censoring="")
            )
    first, *others = dummy_events(design)
    during = [row for event in others[:-1] for row in _during(names, event, seed, end, last, share=0.1)]
    flare = uniform(seed, "dummy-flare", people)
    times = np.ceil(end * uniform(seed, "dummy-flare-time", people))
    flares = [
        (n, float(t), first, "dummy") for n, f, t, s in zip(names, flare, times, last, strict=True) if f < 0.3 and t < s
    ]
    gone = [(n, float(s), "withdrawal", "") for n, s in zip(names, last, strict=True) if math.isfinite(s)]
    events = pd.DataFrame([*flares, *during, *gone], columns=["subject", "time", "event", "detail"])
    return StudyTables(
        conform("subjects", subjects),
        conform("measurements", pd.concat(frames, ignore_index=True)),
        empty("doses"),
        conform("events", events),
        empty("decisions"),
        {
            "name": f"Dummy data: {design.title}",
            "source": "observed",
            "disease": design.disease,
            "days": 7 * design.weeks,
            "arms": {arm.name: arm.label for arm in arms},
            "reference": arms[-1].name,
            "endpoints": ["patients-with-a-flare", "time-to-first-flare-days", "cumulative-glucocorticoid-mg"],
            "provenance": {"made-up": "even draws, the same in both arms; of no meaning", "seed": seed},
        },
    )


def _during(
    names: list[str], event: str, seed: int, end: float, last: NDArray[np.float64], *, share: float
) -> list[tuple[str, float, str, str]]:
    """Return an event of a share of the people, on an even day of those on which they are there."""
    people = np.arange(len(names))
    hit = uniform(seed, f"dummy-{event}", people) < share
    times = np.ceil(end * uniform(seed, f"dummy-{event}-time", people))
    return [(names[k], float(times[k]), event, "dummy") for k in people if hit[k] and times[k] < last[k]]


def _range(design: DesignFile, made: Plan, measure: str) -> tuple[float, float]:
    """Return the values that a measure may take, so that the readers and the analysis accept them."""
    from abate.design.fixed.ordinal import OrderedOutcome
    from abate.study.readers.names import measures

    first = design.endpoint
    if measure == first.measure:
        if isinstance(made.comparison, OrderedOutcome):
            return 1.0, float(len(made.comparison.control))
        graded = any(rule is not None for rule in (first.fall, first.at_most, first.at_least))
        if made.comparison is not None and made.comparison.endpoint == "responders" and not graded:
            return 0.0, 1.0
    known = measures().get(measure)
    low = 0.0 if known is None or known.low is None else known.low
    high = 100.0 if known is None or known.high is None else known.high
    return low, high


def _values(allowed: tuple[float, float], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread draws evenly over what is allowed, in whole numbers."""
    low, high = allowed
    return np.round(low + (high - low) * share)


def _level(stratum: str, factor: str) -> str:
    parts = dict(part.split("=", 1) for part in stratum.split("; ") if "=" in part)
    return parts.get(factor, "")
