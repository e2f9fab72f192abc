"""The planned flow of people, in the manner of CONSORT, with the numbers of the design in its boxes."""

from __future__ import annotations

from abate.design.plan import Plan
from abate.design.protocol.file import DesignFile

__all__ = ["consort"]


def consort(design: DesignFile, made: Plan) -> str:
    """Return the diagram as SVG: randomised, allocated, expected to be lost, to be analysed."""
    from abate.report.flow import FlowArm, FlowStep, flow_diagram
    from abate.report.palette import arm_colours

    control, treatment = made.randomised
    colours = arm_colours([design.treatment.name, design.control.name])
    arms = []
    planned = [(design.treatment, treatment, made.treatment), (design.control, control, made.control)]
    for arm, allocated, analysed in planned if made.treatment else [(design.treatment, control, made.control)]:
        steps = (
            FlowStep("Allocated", allocated, detail=(arm.regimen,) if arm.regimen else ()),
            FlowStep("Expected to be lost", allocated - analysed, aside=True),
            FlowStep("Analysed", analysed),
        )
        arms.append(FlowArm(arm.label, colours[arm.name], steps))
    label = f"Planned flow: {control + treatment} people randomised, {made.total} analysed."
    first = FlowStep("Randomised", control + treatment, detail=("assessed and excluded: to be counted",))
    return flow_diagram(first, arms, label=label)
