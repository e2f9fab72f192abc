"""Doses: regimens as people write them, tapers, tablets and dosing records.

`parse` reads ``162 mg sc every week``; `load_taper` reads a taper of the library or of a file; both are frozen values.
"""

from abate.science.regimen.drugs import Drug, clock_hours, drug, drugs
from abate.science.regimen.taper import Step, Taper
from abate.science.regimen.taper_file import load_taper, tapers
from abate.science.regimen.text import parse
from abate.science.regimen.value import Doses, Regimen, Span

__all__ = [
    "Doses",
    "Drug",
    "Regimen",
    "Span",
    "Step",
    "Taper",
    "clock_hours",
    "drug",
    "drugs",
    "load_taper",
    "parse",
    "tapers",
]
