"""The analysis of a trial as its design file plans it: estimands, sensitivity, and what an early stop changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abate.design.analysis.compare import Compared
from abate.design.analysis.endpoints import Data, compared, data_of
from abate.design.analysis.people import Flags, People, people_of
from abate.design.analysis.periods import Crossed, crossed_of
from abate.design.analysis.sensitivity import sensitivity
from abate.design.plan import Plan, plan
from abate.design.protocol.file import ArmText, DesignFile, Endpoint, Estimand, Sequence
from abate.design.protocol.sap import STRATEGIES, estimands_of
from abate.design.stopping import after
from abate.ground.errors import AbateError, InputError
from abate.ground.results import slug

if TYPE_CHECKING:
    from abate.study.tables import StudyTables

__all__ = ["analyse_as_planned"]


def analyse_as_planned(
    tables: StudyTables, design: DesignFile, made: Plan, *, look: int | None = None, seed: int = 1
) -> dict[str, Any]:
    """Analyse a Study as a design file says.

    Parameters
    ----------
    tables : StudyTables
        What happened.
    design : DesignFile
    made : Plan
        Its size and looks.
    look : int, optional
        At which look these data were taken; the last by default.
    seed : int
        Of the imputations.

    Returns
    -------
    dict
        ``flow``, ``primary``, ``estimands.<slug>``, ``sensitivity``, ``sequential`` where there are looks, and
        ``secondary.<slug>``.

    Raises
    ------
    InputError
        When the Study is not of this design, or lacks its endpoint.

    References
    ----------
    ICH E9(R1) addendum on estimands and sensitivity analysis in clinical trials, 2019.
    """
    if made.comparison is None:
        raise InputError("design", "the design names no effect, so no test", hint="give assume: in the design file")
    if made.request.layout == "paired":
        raise InputError(
            "design, layout", "people before and after are analysed without a design", hint="abate analyse STUDY"
        )
    people, notes = people_of(tables, design)
    if "made-up" in tables.meta.get("provenance", {}):
        notes = ("these people are made up: nothing that is found here means anything", *notes)
    kind = made.comparison.endpoint
    data = _data(tables, design, people, design.endpoint, kind)
    rows = {slug(estimand.name): _estimand(data, estimand, made, seed) for estimand in estimands_of(design, made)}
    name, first = next(iter(rows.items()))
    body: dict[str, Any] = {
        "study": tables.meta.get("name"),
        "design": design.name,
        "title": design.title,
        "endpoint": {"name": design.endpoint.name, "week": design.endpoint.week, "kind": data.kind},
        "flow": _flow(people, data, design),
        "notes": list(notes),
        "primary": name,
        "estimands": {key: {k: v for k, v in row.items() if k != "found"} for key, row in rows.items()},
        "sensitivity": data.sensitivity() if isinstance(data, Crossed) else sensitivity(data, seed),
        "secondary": _secondary(tables, design, people),
    }
    if first.get("found") is not None and made.sequential.looks > 1:
        body["sequential"] = _sequential(first["found"], data, made, look)
    return body


def _data(tables: StudyTables, design: DesignFile, people: People, endpoint: Endpoint, kind: str) -> Data | Crossed:
    return (crossed_of if design.is_crossover else data_of)(tables, design, people, endpoint, kind)


def _compared(data: Data | Crossed, estimand: Estimand, seed: int) -> tuple[Compared, str]:
    return data.compared(estimand) if isinstance(data, Crossed) else compared(data, estimand, seed=seed)


def _estimand(data: Data | Crossed, estimand: Estimand, made: Plan, seed: int) -> dict[str, Any]:
    head = {
        "name": estimand.name,
        "population": estimand.population,
        "variable": estimand.variable,
        "treatment": estimand.treatment,
        "summary": estimand.summary,
        "intercurrent": {
            event: {"strategy": strategy, "meaning": STRATEGIES[strategy]}
            for event, strategy in estimand.intercurrent.items()
        },
    }
    try:
        found, words = _compared(data, estimand, seed)
    except AbateError as error:
        return {**head, "result": None, "not_estimated": str(error), "found": None}
    scale = made.comparison.scale() if made.comparison else None
    if scale is not None and made.comparison is not None and made.comparison.non_inferior:
        found = found.against(scale.null, above=scale.distance > 0)
    return {**head, "result": found.as_dict(), "missing": words, "found": found}


def _flow(people: People, data: Data | Crossed, design: DesignFile) -> dict[str, Any]:
    arms = {}
    both: tuple[Sequence | ArmText, ...] = (design.treatment, design.control)
    both = design.sequences if design.is_crossover else both
    for arm, mine in zip(both, (people.treated, ~people.treated), strict=True):
        periods = data.periods if isinstance(data, Crossed) else (data,)
        seen = [int((~np.isnan(one.values[mine, -1])).sum()) if one.values.size else int(mine.sum()) for one in periods]
        arms[arm.name] = {
            "label": arm.label,
            "randomised": int(mine.sum()),
            **(_first_period(data, mine) if isinstance(data, Crossed) else {}),
            "seen_at_the_end": seen[-1],
            **{
                event: int((people.day(event)[mine] <= people.days).sum())
                for event in ("stop", "rescue", "withdrawal", "flare")
                if event in people.first
            },
            **({"withdrew_for": causes} if (causes := _causes(people, mine)) else {}),
        }
    return arms


def _causes(people: People, mine: Flags) -> dict[str, int]:
    names = [event for event in people.first if event.startswith("withdrawal: ")]
    return {name[12:]: int((people.day(name)[mine] <= people.days).sum()) for name in names}


def _first_period(data: Crossed, mine: NDArray[np.bool_]) -> dict[str, int]:
    """Return who was seen at the end of the first period, and who in either."""
    gone = [np.isnan(one.values[mine, -1]) for one in data.periods]
    return {"seen_in_period_1": int((~gone[0]).sum()), "analysed": int((~(gone[0] & gone[1])).sum())}


def _secondary(tables: StudyTables, design: DesignFile, people: People) -> dict[str, Any]:
    """Estimate the secondary endpoints under the treatment policy, without a claim."""
    found: dict[str, Any] = {}
    for endpoint in design.secondary:
        graded = any(rule is not None for rule in (endpoint.fall, endpoint.at_most, endpoint.at_least))
        kind = "responders" if graded else "change"
        try:
            data = _data(tables, design, people, endpoint, kind)
            policy = Estimand(
                name="treatment policy", population="everybody randomised", variable=endpoint.name, summary="estimate"
            )
            one, words = _compared(data, policy, 1)
            what = one.as_dict()
            head = {"name": endpoint.name, "week": endpoint.week, "missing": words, "estimated": what.pop("name")}
            found[slug(endpoint.name)] = head | what
        except AbateError as error:
            found[slug(endpoint.name)] = {"name": endpoint.name, "week": endpoint.week, "not_estimated": str(error)}
    return found


def _sequential(found: Compared, data: Data | Crossed, made: Plan, look: int | None) -> dict[str, Any]:
    """Return what the looks make of the primary result."""
    design = made.sequential
    number = design.looks if look is None else look
    if not 1 <= number <= design.looks:
        raise InputError("--look", "there is no such look", value=look, allowed=f"1 to {design.looks}")
    assert made.comparison is not None
    scale = made.comparison.scale()
    value = math.log(found.estimate.estimate) if found.log else found.estimate.estimate
    null = scale.null
    # Where benefit lies is what the design assumed; the z of the test decides, and carries the estimate with it.
    sign = 1.0 if scale.distance > 0 else -1.0
    share = _share(found, data, made, number)
    actual = _with_information(made, number, share)
    told = after(actual.sequential, number, sign * found.z)
    time = float(actual.sequential.information[number - 1])
    error = (value - null) / found.z if abs(found.z) > 1e-9 else found.error
    body = told.as_dict(scale=sign * error * math.sqrt(time), shift=null, log=found.log, people=data.people.n)
    return body | {"information": time, "effect_name": found.name, "of": design.looks}


def _share(found: Compared, data: Data | Crossed, made: Plan, look: int) -> float:
    """Return the share of the planned information that is in."""
    if look == made.sequential.looks:
        return 1.0
    if data.kind == "time-to-flare" and made.comparison is not None:
        planned = made.comparison.events(made.control, made.treatment) or 1.0
        return float(sum(found.more["events"].values())) / planned
    return found.estimate.n / made.total


def _with_information(made: Plan, look: int, share: float) -> Plan:
    """Return the plan with the share of the information that a look really had, where its boundary spends the error."""
    planned = made.sequential.information
    if not made.sequential.boundary.spends or abs(share - planned[look - 1]) < 0.005:
        return made
    before = float(planned[look - 2]) if look > 1 else 0.0
    # Later looks keep their place unless this one has overtaken them.
    if not before + 0.01 < share < 0.99:
        return made
    later = [float(t) for t in planned[look:] if t > share + 0.01] or [1.0]
    shares_ = (*map(float, planned[: look - 1]), share, *later)
    looks = made.request.looks.model_copy(update={"number": None, "information": shares_})
    return plan(made.request.model_copy(update={"looks": looks}))
