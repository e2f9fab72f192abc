"""Visits between the scheduled ones: for symptoms that a diary shows, and for a test that is due."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from abate.science.policy import Decisions, Memory, Policy, wants_visit
from abate.trial.protocol import Trial

__all__ = ["next_stop", "occasion", "remembered", "who_comes"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

_BEYOND = 1 << 20  # more than any trial has scheduled visits, so that no draw is made twice


def occasion(day: int) -> int:
    """Return the occasion that keys the draws of a day between scheduled visits."""
    return _BEYOND + day


def next_stop(trial: Trial, policy: Policy, memory: Memory, day: int, until: int) -> int:
    """Return the next day after `day` on which somebody may be seen: a day of the diary, a test due, or `until`."""
    stops = [until]
    if _diary(trial, policy):
        stops.append((day // trial.diary_days + 1) * trial.diary_days)
    for due in memory.due.values():
        ahead = due[(due > day) & np.isfinite(due)]
        if ahead.size:
            stops.append(math.ceil(ahead.min()))
    return min(stops)


def who_comes(trial: Trial, policy: Policy, memory: Memory, day: int, seen: Mapping[str, Floats]) -> Booleans:
    """Return who comes on a day between scheduled visits, shape (n,): whose diary asks for it, or whose test is due.

    `seen` is what would be measured; a diary shows what the policy's ``on-symptoms`` names and nothing else is read.
    """
    comes = np.zeros(memory.persons, dtype=bool)
    if _diary(trial, policy) and day % trial.diary_days == 0:
        comes |= wants_visit(policy, day, seen, memory)
    for due in memory.due.values():
        comes |= due <= day
    return comes


def remembered(decisions: Decisions, came: Booleans) -> Memory:
    """Return the memory after a visit to which only some came.

    Windows over visits, and 'since last visit', go on counting scheduled visits and today's: a row of missing values
    for everybody else would break their consecutive visits, and make a person's course depend on who else came.
    """
    before, after = decisions.before, decisions.memory
    latched = {
        name: np.where(came, on, before.latched.get(name, np.zeros(came.shape, dtype=bool)))
        for name, on in after.latched.items()
    }
    return replace(after, days=before.days, history=before.history, latched=latched)


def _diary(trial: Trial, policy: Policy) -> bool:
    return trial.diary is not None and policy.visits.on_symptoms is not None
