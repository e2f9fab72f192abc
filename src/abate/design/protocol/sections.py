"""The protocol's part of a design's report: flow, visits, estimands, files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abate.design.plan import Plan
from abate.design.protocol.consort import consort
from abate.design.protocol.file import DesignFile
from abate.design.protocol.sap import STRATEGIES, estimands_of
from abate.design.protocol.visits import schedule_rows

if TYPE_CHECKING:
    from abate.report.page import Section

__all__ = ["protocol_sections"]


def protocol_sections(design: DesignFile, made: Plan) -> tuple[Section, ...]:
    """Return the sections that a design file adds to the report."""
    import pandas as pd

    from abate.report.page import Figure, Prose, Section, Table
    from abate.report.tables import table

    heading, rows = schedule_rows(design)
    visits = pd.DataFrame(rows, columns=heading)
    control, treatment = made.randomised
    flow = Figure(
        "flow",
        consort(design, made),
        caption="Planned flow of people; the numbers come from the design.",
        alt=f"{control + treatment} people are randomised, {made.total} are to be analysed.",
        narrow=False,
    )
    estimands = pd.DataFrame(
        [
            {"Estimand": e.name, "Event": event, "Strategy": s.replace("-", " "), "Meaning": STRATEGIES[s]}
            for e in estimands_of(design, made)
            for event, s in e.intercurrent.items()
        ]
    )
    caption = "Strategies as in ICH E9(R1)"
    files = (
        "Beside this page: protocol/ (protocol and analysis-plan skeletons, sample-size paragraph, visits, flow), "
        "randomisation/ (a sealed list, the sites' kit numbers, a commitment) and adam-dummy/ (made-up data in ADaM's "
        "shape). The sealed list must not reach anybody who recruits."
    )
    return (
        Section("Who goes where", (flow,)),
        Section("Visits", (Table("visits", table(visits, caption="What is done when"), data=visits),)),
        Section("Estimands", (Table("estimands", table(estimands, caption=caption), data=estimands),)),
        Section("For the protocol", (Prose(files, role="note"),)),
    )
