"""The report of a trial, analysed as its design file planned it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from abate.design.plan import Plan
from abate.design.protocol.file import DesignFile
from abate.design.report_after import sentence

if TYPE_CHECKING:
    from abate.report.flow import FlowStep
    from abate.report.page import Part, Report

__all__ = ["study_report", "study_sentences"]


def study_report(body: Mapping[str, Any], design: DesignFile, made: Plan) -> Report:
    """Return the report of an analysis from `abate.design.analysis.planned.analyse_as_planned`."""
    from abate.ground.version import __version__
    from abate.report.page import Honesty, Prose, Report, Section

    sections = [
        Section(
            "What was found",
            (*_finding(body), *(Prose(note.capitalize() + ".", role="note") for note in body["notes"])),
        ),
        Section("Who went where", (_flow(body),)),
        Section("Estimands", _estimands(body)),
    ]
    if "sequential" in body:
        told = body["sequential"]
        sections.append(
            Section(
                "After the looks", (Prose(sentence(told, told["effect_name"]), role="reading"), _monitored(body, made))
            )
        )
    if body["sensitivity"]:
        sections.append(Section("What missing values could hide", _sensitivity(body)))
    if body["secondary"]:
        sections.append(Section("Secondary endpoints", _secondary(body)))
    limits = (
        "The analysis is that of the design file; anything looked at besides is exploratory.",
        "Secondary endpoints are estimated with their intervals, without a claim.",
        "That values are missing at random is an assumption that no data can test; the section on missing values shows "
        "what hangs on it.",
    )
    provenance = {"abate": __version__, "design": design.name, "study": str(body.get("study") or "")}
    sections.append(Section("What stands behind this", (Honesty(limits=limits, provenance=provenance),)))
    arms = ", ".join(f"{arm['label']}: {arm['randomised']}" for arm in body["flow"].values())
    facts = {"Design": design.title, "Endpoint": f"{design.endpoint.name}, week {design.endpoint.week}", "People": arms}
    return Report(title=f"Analysis: {design.title}", kind="Trial analysis", sections=tuple(sections), facts=facts)


def study_sentences(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was found, in words for a terminal."""
    for row in body["estimands"].values():
        yield f"{row['name'][0].upper()}{row['name'][1:]}: {_said(row)}"
    if "sequential" in body:
        yield sentence(body["sequential"], body["sequential"]["effect_name"])
    yield from (f"{note[0].upper()}{note[1:]}." for note in body["notes"])


def _said(row: Mapping[str, Any]) -> str:
    if row["result"] is None:
        return f"not estimated ({row['not_estimated']})"
    found = row["result"]
    one = found["estimate"]
    return (
        f"{found['name']} {_number(one['estimate'])} ({100 * one['level']:.3g} % interval {_between(one)}), "
        f"p {found['p']:.4g} ({found['method']})"
    )


def _finding(body: Mapping[str, Any]) -> tuple[Part, ...]:
    from abate.report.page import Key, Keys, Prose

    row = body["estimands"][body["primary"]]
    text = Prose(f"Primary estimand, {row['name']}: {_said(row)}.", role="reading")
    if row["result"] is None:
        return (text,)
    one, found = row["result"]["estimate"], row["result"]
    keys = [Key(found["name"], _number(one["estimate"]), _between(one)), Key("p", f"{found['p']:.4g}", row["missing"])]
    if "restricted_mean_difference" in found:
        mean = found["restricted_mean_difference"]
        detail = f"{_between(mean)} days, to day {mean['until']:.0f}"
        keys.append(Key("restricted mean difference", f"{mean['estimate']:.1f} days", detail))
    if "odds_ratio" in found:
        keys.append(Key("odds ratio", _number(found["odds_ratio"]["estimate"]), _between(found["odds_ratio"])))
    return (Keys(tuple(keys)), text)


def _flow(body: Mapping[str, Any]) -> Part:
    from abate.report.flow import FlowArm, FlowStep, flow_diagram
    from abate.report.page import Figure
    from abate.report.palette import arm_colours

    colours = arm_colours(list(body["flow"]))
    arms = []
    for name, arm in body["flow"].items():
        happened = [
            f"{arm[event]} {words}"
            for event, words in (("stop", "stopped the drug"), ("rescue", "needed rescue"), ("withdrawal", "withdrew"))
            if arm.get(event)
        ]
        happened += [f"{n} for {cause.replace('-', ' ')}" for cause, n in arm.get("withdrew_for", {}).items() if n]
        lost = arm["randomised"] - arm["seen_at_the_end"]
        steps = (
            FlowStep("Randomised", arm["randomised"], detail=tuple(happened)),
            *_first_period(arm),
            FlowStep("Not seen at the end", lost, aside=True),
            FlowStep("Seen at the end", arm["seen_at_the_end"]),
            FlowStep("Analysed", arm.get("analysed", arm["randomised"])),
        )
        arms.append(FlowArm(arm["label"], colours[name], steps))
    total = sum(arm["randomised"] for arm in body["flow"].values())
    analysed = sum(arm.get("analysed", arm["randomised"]) for arm in body["flow"].values())
    whole = analysed == total
    drawn = flow_diagram(FlowStep("Randomised", total), arms, label=f"{total} people randomised, {analysed} analysed.")
    return Figure(
        "flow",
        drawn,
        caption="Flow of people; everybody randomised is analysed, as randomised."
        if whole
        else "Flow of people; analysed is, as randomised, whoever was seen at the end of either period.",
        alt=f"{total} people were randomised.",
        narrow=False,
    )


def _first_period(arm: Mapping[str, Any]) -> tuple[FlowStep, ...]:
    from abate.report.flow import FlowStep

    if "seen_in_period_1" not in arm:
        return ()
    return (FlowStep("Seen at the end of the first period", arm["seen_in_period_1"]),)


def _estimands(body: Mapping[str, Any]) -> tuple[Part, ...]:
    import pandas as pd

    from abate.report.page import Table
    from abate.report.tables import table

    rows = []
    for row in body["estimands"].values():
        events = "; ".join(
            f"{event}: {how['strategy'].replace('-', ' ')}" for event, how in row["intercurrent"].items()
        )
        shown = {"Estimand": row["name"], "Intercurrent events": events, "Estimate": "", "p": "", "Missing": ""}
        if row["result"] is None:
            shown["Missing"] = row["not_estimated"]
        else:
            one = row["result"]["estimate"]
            shown |= {
                "Estimate": f"{row['result']['name']} {_number(one['estimate'])} ({_between(one)})",
                "p": f"{row['result']['p']:.4g}",
                "Missing": row["missing"],
            }
        rows.append(shown)
    frame = pd.DataFrame(rows)
    parts: list[Part] = [Table("estimands", table(frame, caption="Strategies as in ICH E9(R1)"), data=frame)]
    first = body["estimands"][body["primary"]]["result"]
    if first and "visits" in first:
        parts.append(_by_visit(first["visits"], first["name"]))
    if first and "cells" in first:
        from abate.design.report_periods import periods

        parts += periods(first, list(body["flow"].values()))
    return tuple(parts)


def _by_visit(visits: Mapping[str, Any], name: str) -> Part:
    import pandas as pd

    from abate.report.figures import blank
    from abate.report.page import Figure

    rows = [{"visit": visit, "week": float(visit.split()[-1]), **one} for visit, one in visits.items()]
    frame = pd.DataFrame(rows)
    figure = blank("Week", name.capitalize())
    reach = {
        "type": "data",
        "symmetric": False,
        "array": frame["high"] - frame["estimate"],
        "arrayminus": frame["estimate"] - frame["low"],
    }
    figure.add_scatter(
        x=frame["week"], y=frame["estimate"], error_y=reach, mode="lines+markers", name="treatment - control"
    )
    last = frame.iloc[-1]
    caption = f"Treatment minus control by visit, from the mixed model, with 95 % intervals; {last['visit']} decides."
    alt = f"The difference at {last['visit']} is {last['estimate']:.3g}."
    return Figure("by-visit", figure, caption=caption, alt=alt, data=frame[["visit", "estimate", "low", "high", "p"]])


def _monitored(body: Mapping[str, Any], made: Plan) -> Part:
    import pandas as pd

    from abate.report.page import Table
    from abate.report.tables import table

    told = body["sequential"]
    rows = [
        {"What": "usual, as if there had been one look", **_row(told["naive"])},
        {"What": "median-unbiased, stage-wise ordering", **_row(told["median_unbiased"])},
        {"What": "repeated interval", **_row(told["repeated"])},
    ]
    frame = pd.DataFrame(rows)
    share = f"{100 * told['information']:.0f} % of the information"
    caption = f"{told['effect_name'].capitalize()} at look {told['look']} of {told['of']}, with {share}"
    return Table("sequential", table(frame, caption=caption), data=frame)


def _row(one: Mapping[str, Any]) -> dict[str, str]:
    return {"Estimate": _number(one["estimate"]), "Interval": _between(one)}


def _sensitivity(body: Mapping[str, Any]) -> tuple[Part, ...]:
    import pandas as pd

    from abate.report.page import Prose, Table
    from abate.report.tables import table

    found = body["sensitivity"]
    rows = []
    for name, one in found.items():
        if not isinstance(one, Mapping) or name == "tipping_point":
            continue
        estimate = one["estimate"] if isinstance(one["estimate"], Mapping) else one
        rows.append({"Missing values": name.replace("-", " "), **_row(estimate), "p": f"{one['p']:.4g}"})
    parts: list[Part] = []
    if rows:
        frame = pd.DataFrame(rows)
        parts.append(
            Table(
                "sensitivity",
                table(frame, caption="The same comparison, by what the missing are taken for"),
                data=frame,
            )
        )
    tipping = found.get("tipping_point")
    if isinstance(tipping, Mapping):
        parts.append(Prose(_tipping_words(tipping)))
    elif tipping:
        parts.append(_tipping_table(tipping))
    if found.get("not_estimated"):
        parts.append(Prose(f"Not imputed by reference: {found['not_estimated']}.", role="note"))
    if not parts:
        parts.append(Prose("No value was missing."))
    return tuple(parts)


def _tipping_table(rows: list[dict[str, Any]]) -> Part:
    import pandas as pd

    from abate.report.page import Table
    from abate.report.tables import table

    frame = pd.DataFrame(rows)
    if "control_missing_category" in frame:
        caption = "Tipping point by category: how bad the missing on treatment may have been for the result to stand"
        heads = ["Missing on control taken for category", "Worst category of the missing on treatment"]
        said = [
            ["none is good enough" if value != value else f"{value:g}" for value in row]
            for row in frame.to_numpy(float)
        ]
        return Table("tipping", table(pd.DataFrame(said, columns=heads), caption=caption), data=frame)
    frame.columns = ["Responders among the missing on control", "Needed among the missing on treatment"]
    shown = frame.head(15).astype({frame.columns[0]: str})
    return Table("tipping", table(shown, caption="Tipping point (Fisher's exact test)"), data=frame)


def _tipping_words(tipping: Mapping[str, Any]) -> str:
    shift, furthest = tipping["shift"], tipping["tried_to"]
    if shift == 0:
        return "The result is not significant as it is, so no tipping point is looked for."
    if shift is None or math.isnan(shift):
        return f"With missing values on treatment {abs(furthest):.3g} worse than imputed the result would still stand."
    return f"Tipping point: with missing values on treatment {abs(shift):.3g} worse than imputed the result would turn."


def _secondary(body: Mapping[str, Any]) -> tuple[Part, ...]:
    import pandas as pd

    from abate.report.page import Table
    from abate.report.tables import table

    rows = []
    for one in body["secondary"].values():
        row = {"Endpoint": one["name"], "Week": one["week"], "Estimate": "", "Interval": "", "p": "", "Method": ""}
        if "not_estimated" in one:
            row["Method"] = one["not_estimated"]
        else:
            row |= {**_row(one["estimate"]), "p": f"{one['p']:.4g}", "Method": one["method"]}
        rows.append(row)
    frame = pd.DataFrame(rows)
    return (Table("secondary", table(frame, caption="Under the treatment policy; no claim is made"), data=frame),)


def _number(value: float | None) -> str:
    return "none" if value is None or math.isnan(value) else f"{value:.4g}"


def _between(one: Mapping[str, Any]) -> str:
    return f"{_number(one['low'])} to {_number(one['high'])}"
