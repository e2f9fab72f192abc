"""Doses: regimens as people write them, tapers, tablets and dosing records.

`parse` reads ``162 mg sc every week``; `load_taper` reads a taper of the library or of a file; `load_tablets` knows the
strengths at hand; `read_records` reads a NONMEM-format file. All are frozen values.
"""

from abate.science.regimen.adherence import Adherence
from abate.science.regimen.drugs import Drug, antibodies, clock_hours, drug, drugs
from abate.science.regimen.equivalence import Equivalent, equivalent, switch_taper
from abate.science.regimen.record_events import DoseParameters, follow
from abate.science.regimen.records import Records, dose_records, parse_records, read_records
from abate.science.regimen.tablets import Dispensed, Tablet, TabletSet, load_tablets, tablet_sets
from abate.science.regimen.taper import Step, Taper
from abate.science.regimen.taper_file import load_taper, tapers
from abate.science.regimen.text import parse
from abate.science.regimen.value import Doses, Regimen, Span

__all__ = [
    "Adherence",
    "Dispensed",
    "DoseParameters",
    "Doses",
    "Drug",
    "Equivalent",
    "Records",
    "Regimen",
    "Span",
    "Step",
    "Tablet",
    "TabletSet",
    "Taper",
    "antibodies",
    "clock_hours",
    "dose_records",
    "drug",
    "drugs",
    "equivalent",
    "follow",
    "load_tablets",
    "load_taper",
    "parse",
    "parse_records",
    "read_records",
    "switch_taper",
    "tablet_sets",
    "tapers",
]
