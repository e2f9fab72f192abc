"""Everything that a protocol needs, written into one folder."""

from __future__ import annotations

import math
from pathlib import Path

from abate.design.allocate import export_minimisation
from abate.design.minimisation import Minimisation
from abate.design.plan import Plan
from abate.design.protocol.consort import consort
from abate.design.protocol.dummy import dummy_events, dummy_study
from abate.design.protocol.file import DesignFile
from abate.design.protocol.sample_size import paragraph
from abate.design.protocol.sap import sap
from abate.design.protocol.spirit import spirit
from abate.design.protocol.visits import schedule_csv
from abate.design.randomisation import AllocationList, export, permuted_blocks, strata_of
from abate.ground.errors import InputError
from abate.ground.files import write_atomically

__all__ = ["allocation_for", "write_protocol"]


def allocation_for(design: DesignFile, made: Plan, *, seed: int | None = None, spare: float = 2.0) -> AllocationList:
    """Return a randomisation list in whole blocks in every stratum.

    Strata fill unequally, so each has room for `spare` times its even share, but never for more than everybody.

    Raises
    ------
    InputError
        When the file asks for numbers that leave strata or arms unequal.
    """
    chosen = design.randomisation
    arms = _weights(design, made)
    if chosen.people is not None:
        people = chosen.people
    else:
        names, unit = strata_of(chosen.strata), sum(arms.values())
        each = math.ceil(sum(made.randomised) * min(1.0, spare / len(names)) / unit) * unit
        people = each * len(names)
    return permuted_blocks(arms, people=people, blocks=chosen.blocks, strata=chosen.strata, seed=seed)


def write_protocol(
    design: DesignFile, made: Plan, folder: str | Path, *, seed: int, size: str | None = None
) -> list[Path]:
    """Write protocol, analysis plan, schedule, flow diagram, randomisation lists and dummy ADaM data.

    Parameters
    ----------
    design : DesignFile
    made : Plan
    folder : str or Path
    seed : int
        Of the dummy data. The randomisation list never comes from it.
    size : str, optional
        The sample-size paragraph, where it says more than the plan knows.

    Returns
    -------
    list of Path
    """
    from abate.study.adam import Periods, TimeParameter, to_adam
    from abate.study.adam_files import write as write_adam
    from abate.study.store import write as write_study

    target = Path(folder)
    texts = {
        "protocol/protocol.md": spirit(design, made, size),
        "protocol/analysis-plan.md": sap(design, made, size),
        "protocol/sample-size.md": (size or paragraph(made)) + "\n",
        "protocol/visits.csv": schedule_csv(design),
        "protocol/flow.svg": _alone(consort(design, made)),
    }
    paths = []
    for name, text in texts.items():
        write_atomically(target / name, text)
        paths.append(target / name)
    paths += _randomisation(design, made, target / "randomisation")
    labels = {arm.name: arm.label for arm in (design.control, design.treatment)}
    periods = None
    if design.is_crossover:
        labels = {sequence.name: sequence.label for sequence in design.sequences}
        given = {sequence.name: (sequence.first.label, sequence.second.label) for sequence in design.sequences}
        periods = Periods(7.0 * design.second_period, given, apart=design.washout > 0)
    invented = dummy_study(design, made, allocation_for(design, made, seed=seed, spare=1.0), seed=seed)
    tables = {
        "subjects": invented.subjects,
        "measurements": invented.measurements,
        "doses": invented.doses,
        "events": invented.events,
    }
    write_study(target / "study-dummy", invented.meta, tables)
    times = tuple(TimeParameter.first(event) for event in dummy_events(design))
    adam = to_adam(
        invented,
        study=design.name,
        start=design.start,
        labels=labels,
        times=times,
        end=float(7 * design.weeks),
        factors=tuple(design.randomisation.strata),
        periods=periods,
    )
    paths += sorted((target / "study-dummy").iterdir())
    return [*paths, *write_adam(adam, target / "adam-dummy")]


def _randomisation(design: DesignFile, made: Plan, folder: Path) -> list[Path]:
    """Write the sealed list, or the sealed rule where people are minimised."""
    chosen = design.randomisation
    if chosen.method == "permuted-blocks":
        return export(allocation_for(design, made), folder)
    if set(_weights(design, made).values()) != {1}:
        raise InputError(
            "randomisation.method",
            "minimisation here keeps arms equal",
            value=f"ratio {made.request.ratio:g}",
            hint="nearest feasible: permuted-blocks, or ratio: 1",
        )
    rule = Minimisation(tuple(_weights(design, made)), chosen.strata, probability=chosen.probability)
    return export_minimisation(rule, sum(made.randomised), folder)


def _alone(svg: str) -> str:
    """Give a drawing for a page its own colours, so that it can stand alone."""
    from abate.report.drawing import colour_rules

    head, mark, rest = svg.partition(">")
    return svg if "<style>" in svg else f"{head}{mark}<style>{colour_rules(dark=False)}</style>{rest}"


def _weights(design: DesignFile, made: Plan) -> dict[str, int]:
    """Return how often each arm stands in the smallest block."""
    if not made.treatment:
        # A crossover randomises the order, one of each in a block.
        return {sequence.name: 1 for sequence in design.sequences}
    ratio = made.request.ratio
    for control in range(1, 11):
        treatment = round(ratio * control)
        if treatment and abs(treatment - ratio * control) < 1e-9:
            return {design.control.name: control, design.treatment.name: treatment}
    return {design.control.name: 1, design.treatment.name: max(1, round(ratio))}
