"""Instruments as data, and one scorer.

>>> from abate.science import instruments
>>> fiqr = instruments.load("fiqr")                      # a name, one of its other names, or a TOML file
>>> sheet = {f"fiqr/{k}": 10 for k in range(1, 22)}
>>> instruments.score(fiqr, sheet, policy="strict").total
100.0
>>> instruments.responder(10, 7, percent=30)             # IMMPACT, by whole numbers
True

A whole table of measurements is scored by ``instruments.score_table(measurements, "fiqr")`` (see there), which also
works out what spans visits: changes from baseline and from the visit before.
"""

from __future__ import annotations

from abate.science.instruments.bands import BandFound
from abate.science.instruments.catalog import items, load, names
from abate.science.instruments.change import changed, responder
from abate.science.instruments.course import SustainedRemission, flares_after_remission, sustained_remission
from abate.science.instruments.definition import Instrument, Item
from abate.science.instruments.scorer import Policy, Score, accepted, check_answer, score
from abate.science.instruments.table import ScoredVisit, recorded_instruments, score_frame, score_table
from abate.science.instruments.wording import load_wording

__all__ = [
    "BandFound",
    "Instrument",
    "Item",
    "Policy",
    "Score",
    "ScoredVisit",
    "SustainedRemission",
    "accepted",
    "changed",
    "check_answer",
    "flares_after_remission",
    "items",
    "load",
    "load_wording",
    "names",
    "recorded_instruments",
    "responder",
    "score",
    "score_frame",
    "score_table",
    "sustained_remission",
]
