"""The report of one patient's plan, from the content of its results.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from abate.report.figure_time import blank, fan
from abate.report.figures import arm_colours
from abate.report.page import Figure, Honesty, Key, Keys, Line, Part, Prose, Report, Section, Story, Table
from abate.report.palette import translucent
from abate.report.plan_front import searched
from abate.report.tables import brief, interval, percent, table

__all__ = ["compose", "flare_figure"]

CAUSES = ("flare", "withdrawal", "adrenals", "none of these")
NAMES = {
    "pmr": "polymyalgia rheumatica",
    "gca": "giant cell arteritis",
    "ra": "rheumatoid arthritis",
    "fibromyalgia": "fibromyalgia",
}


def compose(plan: Mapping[str, Any]) -> Report:
    """Make the report as a value.

    Parameters
    ----------
    plan : mapping
        As results.json of ``abate plan`` holds it (`abate.planner.plan.payload`), estimates as mappings.
    """
    patient, basis = plan["patient"], plan["basis"]
    flares = basis.get("flares_forecast", True)
    sections = [*_flags(plan), Section("In short", _short(plan)), *searched(plan)]
    sections += [Section("Flares", _flares(plan))] if flares else []
    sections += [Section("Prednisone", _doses(plan)), Section("Adrenals", _adrenals(plan))]
    sections.append(
        Section("Symptoms to expect", _symptoms(plan)) if flares else Section("Withdrawal", _withdrawal(plan))
    )
    sections += [*_explanation(plan), *_chosen(plan)]
    sections.append(Section("What stands behind this", (_honesty(plan),)))
    weeks = next(iter(plan["options"].values()))["weeks"]
    return Report(
        title=f"Plans for {patient['name']}",
        kind="One patient's taper",
        lead=f"{basis['says']} Forecast over {weeks} weeks, from {brief(patient['dose_mg'])} mg of prednisone a day.",
        facts={
            "Disease": NAMES.get(patient["disease"], patient["disease"]),
            "From": patient["today"],
            "Antibody now": patient["antibody"] or "none",
            "Virtual people": str(basis["people"]),
        },
        sections=tuple(sections),
        footer="For research and conversation with your clinician; not a prescription.",
    )


def _options(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {str(option["label"]): option for option in plan["options"].values()}


def _flags(plan: Mapping[str, Any]) -> list[Section]:
    rows = plan.get("red_flags") or []
    if not rows:
        return []
    lines = tuple(Line(r["date"], f"{r['says']}: {r['do']}", f"may be {r['about']}", "event") for r in rows)
    said = "The diary names signs that need care now. They come before every forecast on this page."
    return [Section("Red flags", (Prose(said, role="reading"), Story(lines)))]


def _short(plan: Mapping[str, Any]) -> tuple[Part, ...]:
    options = _options(plan)
    rows = pd.DataFrame(
        {
            "Option": list(options),
            "Flare": [interval(o["flare"]["total"], share=True, dash=True) for o in options.values()],
            "Prednisone (mg)": [interval(o["cumulative-prednisone-mg"], dash=True) for o in options.values()],
            "As planned (mg)": [brief(o["planned_total_mg"]) for o in options.values()],
            "Off, no flare": [percent(o["off-prednisone-without-flare"]["estimate"]) for o in options.values()],
            "Days off": [interval(o["days-off-prednisone"], dash=True) for o in options.values()],
        }
    )
    weeks = next(iter(options.values()))["weeks"]
    notes = (
        f"Within {weeks} weeks. Flare: share of virtual people with its 95 % interval of the simulation; what the "
        "model may "
        "have wrong is not in it. Prednisone and days off: median and the band of 90 % of people, flares and "
        "their rescue "
        "included.",
    )
    html = table(rows, caption="The options side by side", notes=notes, wrap=True)
    warned = [Prose(f"{label}: {w}.", role="note") for label, o in options.items() for w in o["warnings"]]
    basis = [Prose(w, role="note") for w in plan["basis"]["warnings"]]
    return (Table("options", html, rows), *_differences(plan), *warned, *basis)


def _differences(plan: Mapping[str, Any]) -> list[Part]:
    rows = plan.get("differences") or {}
    if not rows:
        return []
    label = plan["options"][plan["reference"]]["label"]
    frame = pd.DataFrame(
        {
            "Option": [plan["options"][slug]["label"] for slug in rows],
            "Flare (% points)": [_points(r["flare"]) for r in rows.values()],
            "Prednisone (mg)": [interval(r["cumulative-prednisone-mg"], digits=3) for r in rows.values()],
            "Days off": [interval(r["days-off-prednisone"], digits=3) for r in rows.values()],
        }
    )
    html = table(frame, caption=f"Difference from “{label}”, in the same virtual people", wrap=True)
    return [Table("differences", html, frame)]


def _points(row: Mapping[str, Any]) -> str:
    if row["estimate"] is None:
        return interval(row)
    return interval({k: 100 * row[k] for k in ("estimate", "low", "high")}, digits=2)


def _flares(plan: Mapping[str, Any]) -> tuple[Part, ...]:
    options = _options(plan)
    rows = [
        {"option": label, "week": w["week"], "estimate": w["estimate"], "low": w["low"], "high": w["high"]}
        for label, o in options.items()
        for w in o["flare"]["by_week"]
    ]
    least = min(options, key=lambda name: options[name]["flare"]["total"]["estimate"])
    said = f"Fewest flares: “{least}”, {interval(options[least]['flare']['total'], share=True)}."
    caption = (
        "Chance of a first flare by week, and its 95 % interval. It rises at visits: a flare is called when "
        "somebody looks."
    )
    figure = Figure("flares", flare_figure(options), caption, said, pd.DataFrame(rows))
    return Prose(said, role="reading"), figure


def flare_figure(options: Mapping[str, Any]) -> Any:
    """Draw the chance of a first flare by week, a line an option with its interval."""
    colours = arm_colours(options)
    figure = blank("Weeks from today", "Chance of a flare (%)")
    for label, option in options.items():
        weeks = [w["week"] for w in option["flare"]["by_week"]]
        low, middle, high = ([100 * w[k] for w in option["flare"]["by_week"]] for k in ("low", "estimate", "high"))
        edge = {"width": 0, "color": colours[label], "shape": "hv"}
        hidden = {"mode": "lines", "showlegend": False, "hoverinfo": "skip", "legendgroup": label, "line": edge}
        figure.add_scatter(x=weeks, y=low, **hidden)
        figure.add_scatter(x=weeks, y=high, fill="tonexty", fillcolor=translucent(colours[label], 0.10), **hidden)
        line = {"color": colours[label], "width": 2.2, "shape": "hv"}
        figure.add_scatter(x=weeks, y=middle, mode="lines", line=line, name=label, legendgroup=label)
    figure.update_yaxes(range=[0, 100])
    return figure


def _fans(plan: Mapping[str, Any], what: str, name: str, y: str, caption: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    for slug, option in plan["options"].items():
        rows = option["fans"][what]
        q = {float(level) / 100: np.asarray(v, float) for level, v in rows["quantiles"].items()}
        drawn = fan(np.asarray(rows["weeks"], float), q, y=y, x="Weeks from today")
        data = pd.DataFrame({"week": rows["weeks"], **{f"{k} %": v for k, v in rows["quantiles"].items()}})
        alt = (
            f"{option['label']}: the median ends at {brief(q[0.5][-1])}, 90 % of people between "
            f"{brief(q[0.05][-1])} and {brief(q[0.95][-1])}."
        )
        parts.append(Figure(f"{name}-{slug}", drawn, f"{option['label']}. {caption}", alt, data))
    return tuple(parts)


def _doses(plan: Mapping[str, Any]) -> tuple[Part, ...]:
    said = (
        "While nobody flares everybody takes the plan; where somebody does, prednisone goes up again, and "
        "the fan opens."
    )
    caption = "Prednisone a day, mean of each week: median, and the bands that hold 50 and 90 % of people."
    return Prose(said, role="reading"), *_fans(plan, "dose", "dose", "Prednisone (mg/day)", caption)


def _symptoms(plan: Mapping[str, Any]) -> tuple[Part, ...]:
    level = next(iter(plan["options"].values()))["flare"]["threshold"]["value"]
    caption = (
        f"Symptom score: median, and the bands that hold 50 and 90 % of people; from {brief(level)} points a "
        "visit calls a flare."
    )
    return _fans(plan, "symptoms", "symptoms", "Symptom score (points)", caption)


def _withdrawal(plan: Mapping[str, Any]) -> tuple[Part, ...]:
    caption = "Complaints of steroid withdrawal, in points of the symptom score: median, and bands of 50 and 90 %."
    return _fans(plan, "withdrawal", "withdrawal", "Withdrawal (points)", caption)


def _adrenals(plan: Mapping[str, Any]) -> tuple[Part, ...]:
    cut = plan["cut_offs"]
    ready, poor = cut["recovered"], cut["uncertain"]
    said = (
        f"Above {brief(ready['value'])} {ready['unit']} the adrenals have recovered; between "
        f"{brief(poor['value'])} and "
        f"{brief(ready['value'])} stay on the dose and test again; below, go on and test in months ({ready['source']})."
    )
    rows = [
        {
            "Option": option["label"],
            "Dose (mg)": brief(row["mg"]),
            "Week": brief(row["week"]),
            "Ready": interval(row["ready"], share=True, dash=True),
            "In between": percent(row["uncertain"]["estimate"]),
            "Not ready": percent(row["not_ready"]["estimate"]),
            "Morning cortisol": interval(row["morning-cortisol"], dash=True),
        }
        for option in plan["options"].values()
        for row in option["adrenal"]
    ]
    frame = pd.DataFrame(rows)
    notes = ("At the end of each step, of those without a flare until then; the tablet of that morning not yet taken.",)
    parts: list[Part] = [Prose(said, role="reading")]
    if rows:
        html = table(frame, caption="Chance that the adrenals are ready at each dose", group="Option", notes=notes)
        parts.append(Table("adrenals", html, frame))
    caption = "Morning cortisol with the tablet held: median and bands."
    return *parts, *_fans(plan, "morning-cortisol", "cortisol", "Morning cortisol (nmol/L)", caption)


def _explanation(plan: Mapping[str, Any]) -> list[Section]:
    found = plan.get("explanation")
    if not found:
        return []
    rows = pd.DataFrame(found["days"])
    figure = explanation_figure(found["days"])
    last = found["days"][-1]
    chances = ", ".join(f"{name} {percent(last[name])}" for name in CAUSES)
    alt = f"On the last day: {chances}."
    caption = (
        "Probability of each cause, given the diary up to that day. “None of these”: nothing adds enough to be felt."
    )
    best = pd.DataFrame(
        {
            "Next": [n["says"] for n in found["next"]],
            "Uncertainty it removes": [percent(n["removes"]) for n in found["next"]],
        }
    )
    parts: list[Part] = [
        Prose(found["advice"], role="reading"),
        Figure("explanation", figure, caption, alt, rows),
        Table("next", table(best, caption="What would tell them apart best"), best),
        *(Prose(note, role="note") for note in found["notes"]),
    ]
    return [Section("Flare, withdrawal or adrenals?", tuple(parts))]


def explanation_figure(days: list[Mapping[str, Any]]) -> Any:
    """Draw the probability of each cause day by day."""
    colours = arm_colours(CAUSES)
    figure = blank("", "Probability (%)")
    for name in CAUSES:
        line = {"color": colours[name], "width": 2.2}
        figure.add_scatter(
            x=[d["date"] for d in days], y=[100 * d[name] for d in days], mode="lines", line=line, name=name
        )
    figure.update_yaxes(range=[0, 100])
    return figure


def _chosen(plan: Mapping[str, Any]) -> list[Section]:
    found = plan.get("schedule")
    if not found:
        return []
    label = plan["options"][plan["chosen"]]["label"]
    lines = tuple(Line(r["date"], r["what"], r["why"], "decision") for r in found["reminders"])
    keys = Keys(
        (
            Key("First day", found["first_day"]),
            Key("Last day", found["last_day"], f"{found['days']} days"),
            Key("Prednisone as planned", f"{brief(found['total_mg'])} mg"),
        )
    )
    said = f"“{label}” by day is in schedule.csv, calendar.ics and handout.pdf beside this page."
    return [Section("The plan to take along", (Prose(said, role="reading"), keys, Story(lines)))]


def _honesty(plan: Mapping[str, Any]) -> Honesty:
    from abate.ground.version import __version__

    basis = plan["basis"]
    after = sorted({o["policy"] for o in plan["options"].values()})
    return Honesty(
        provenance={
            "abate": __version__,
            "Model": plan["model"]["name"],
            "Seed": str(plan.get("seed", "")),
            "Basis": basis["kind"],
            "Virtual people": f"{basis['people']} ({basis['effective_people']} distinct)",
        },
        calibrated=(
            "Flares, prednisone and remission in GiACTA and PMR-SPARE, and cohorts of polymyalgia rheumatica.",
        ),
        not_validated=tuple(plan["model"]["not_validated"]),
        limits=(
            "The intervals are those of the simulation: they shrink with more virtual people, what the model has "
            "wrong does not.",
            f"After a flare every option goes on as the policy {', '.join(after)} of the library does.",
            "The same virtual people, with the same noise to come, live through every option: differences are "
            "sharper than the "
            "chances themselves.",
        ),
    )
