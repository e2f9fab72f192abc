"""The sections of a trial's report: who went where, flares, doses, courses, endpoints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from abate.report import figures
from abate.report.flow import FlowArm, FlowStep, flow_diagram
from abate.report.page import Figure, Part, Prose, Section
from abate.report.tables import brief, interval, number, percent
from abate.report.trial_endpoints import lines
from abate.study.statistics.location import median

if TYPE_CHECKING:
    from abate.report.figure_time import Band
    from abate.report.trial_view import TrialView

__all__ = ["COURSES", "Course", "courses", "doses", "flares", "flow"]


@dataclass(frozen=True, slots=True)
class Course:
    """A course that a report shows: where it is recorded, its title, and how to read it."""

    slug: str
    names: tuple[str, ...]
    title: str
    axis: str
    reading: str
    log: bool = False


COURSES = (
    Course("tocilizumab", ("C", "tocilizumab"), "Tocilizumab in plasma", "Tocilizumab", "", log=False),
    Course(
        "free-il6",
        ("il6",),
        "Free interleukin-6",
        "Free IL-6",
        "The antibody takes the receptor that would have cleared IL-6: on the drug free IL-6 is high because less of "
        "it is taken up, not because the disease is worse.",
        log=True,
    ),
    Course(
        "crp",
        ("crp",),
        "C-reactive protein",
        "CRP",
        "The liver makes CRP on the signal of IL-6, which the drug blocks: on the drug a normal CRP does not exclude a "
        "flare and does not show remission.",
        log=True,
    ),
    Course("disease-activity", ("symptoms", "u", "D"), "Disease activity", "Symptom score", ""),
    Course(
        "morning-cortisol",
        ("morning_cortisol", "cortisol"),
        "Morning cortisol",
        "Morning cortisol",
        "Cortisol in the morning with the tablet held: it falls on prednisone and returns over months, as the glands "
        "regrow. It is why a long course is tapered and never stopped at once.",
    ),
)


def flow(view: TrialView) -> Section:
    """Show who was randomised, who left and why, who had a flare or a rescue, and who is analysed."""
    arms, rows, left_for = [], [], _left_for(view)
    for arm in view.arms:
        people = view.people_of(arm)
        left = int((people["followed"] < view.days).sum())
        flared, rescued = int(people["flare"].notna().sum()), int(people["rescue"].notna().sum())
        failed = int(people["failure"].notna().sum())
        why = tuple(f"{cause}: {counts[arm.label]}" for cause, counts in left_for.items() if counts[arm.label])
        steps = [FlowStep("Allocated", arm.n), FlowStep(f"Left before week {view.weeks:g}", left, True, why)]
        steps.append(FlowStep(f"Followed to week {view.weeks:g}", arm.n - left))
        if failed:
            steps.append(FlowStep("Could not be solved", failed, aside=True))
        steps.append(FlowStep("Analysed", arm.n - failed, detail=(f"a flare: {flared}", f"a rescue: {rescued}")))
        arms.append(FlowArm(arm.label, view.colours[arm.label], tuple(steps)))
        rows.append((arm.label, arm.n, left, arm.n - left, flared, rescued, failed))
    columns = ["arm", "allocated", "left", "followed to the end", "with a flare", "with a rescue", "not solved"]
    data = pd.DataFrame(rows, columns=columns)
    for cause, counts in left_for.items():
        data[f"left: {cause}"] = data["arm"].map(counts)
    total = sum(arm.n for arm in view.arms)
    gone = sum(row[2] for row in rows)
    first = FlowStep("People simulated" if view.simulated else "Randomised", total)
    who = f"{total} {'person' if total == 1 else 'people'} in {len(arms)} arm{'' if len(arms) == 1 else 's'}"
    whys = ", ".join(f"{cause}: {sum(counts.values())}" for cause, counts in left_for.items())
    alt = f"{who}; {gone} left before week {view.weeks:g}{f' ({whys})' if whys else ''}."
    wide, narrow = (flow_diagram(first, arms, label=alt, width=w) for w in (720, 380))
    caption = "Flow of people through each arm. People who left stay in the analysis, as not in sustained remission."
    if left_for:
        caption += (
            " The time to a flare ends where somebody leaves. Who leaves because treatment fails might have flared: "
            "an endpoint with failed_by_leaving_for counts that as a failure."
        )
    picture = Figure("flow", wide, caption, alt, data, narrow=narrow, tall=True)
    return Section("Who took part", (Prose(alt, role="reading"), picture))


def _left_for(view: TrialView) -> dict[str, dict[str, int]]:
    """Count who left for each cause in each arm; nothing where no cause is recorded."""
    causes = sorted(set(view.people["left_for"]), key=lambda cause: (cause == "", cause))
    if not any(causes):
        return {}
    found: dict[str, dict[str, int]] = {}
    for cause in causes:
        counts = {}
        for arm in view.arms:
            people = view.people_of(arm)
            counts[arm.label] = int((people["withdrawal"].notna() & (people["left_for"] == cause)).sum())
        if any(counts.values()):
            found[cause.replace("-", " ") or "not said"] = counts
    return found


def flares(view: TrialView) -> Section:
    """Show Kaplan-Meier of the time to the first flare, with numbers at risk."""
    curves = {}
    for arm in view.arms:
        people = view.people_of(arm)
        weeks = (people["flare"].fillna(people["followed"]) / 7).to_numpy(float)
        if len(weeks):
            curves[arm.label] = figures.survival_curve(weeks, people["flare"].notna().to_numpy())
    options: dict[str, Any] = {"y": "Free of flare", "x_tick": _tick(view), "colours": view.colours}
    wide, narrow = figures.kaplan_meier(curves, **options), figures.kaplan_meier(curves, stacked=True, **options)
    ends = {label: float(curve.survival[-1]) for label, curve in curves.items()}
    said = "; ".join(f"{label}: {percent(share)}" for label, share in ends.items())
    reading = f"Free of a flare at week {view.weeks:g} (Kaplan-Meier): {said}."
    data = pd.concat(
        pd.DataFrame({"arm": label, "week": c.time, "free_of_flare": c.survival, "low": c.low, "high": c.high})
        for label, c in curves.items()
    )
    caption = (
        "Time to the first flare. Bands: 95 % pointwise confidence; ticks: people who left without a flare. Below: "
        "people still followed and free of flare."
    )
    told = lines(view, f"Free of a flare at week {view.weeks:g}", {k: percent(v) for k, v in ends.items()})
    return Section("Flares", (told, Figure("flares", wide, caption, reading, data, narrow)))


def doses(view: TrialView) -> Section:
    """Show prednisone over time and its sum."""
    daily = view.daily_glucocorticoid()
    weeks = np.arange(daily.shape[1]) / 7
    arms = view.people["arm"].to_numpy()
    bands = {a.label: figures.band_of(daily[np.isin(arms, a.members)], weeks) for a in view.arms}
    said = {label: _end_of_dose(band) for label, band in bands.items()}
    caption = "Prednisone each day: median and the band that holds 90 % of the people still followed."
    alt = f"Median dose of prednisone: {'; '.join(f'{label}: {text}' for label, text in said.items())}."
    over_time = _multiples(view, "prednisone", bands, "Prednisone (mg/day)", caption, alt, step=True)
    told = lines(view, "The median dose", said)
    return Section("Prednisone", (told, over_time, *_in_all(view)))


def _in_all(view: TrialView) -> tuple[Part, ...]:
    name = "cumulative-glucocorticoid-mg"
    sums = {a.label: view.people_of(a)["glucocorticoid_mg"].to_numpy(float) for a in view.arms}
    known = {a.label: view.published_for(a.slug, name) for a in view.arms}
    published = {label: row.figure for label, row in known.items() if row is not None}
    axis = "Cumulative prednisone (mg)"
    look: dict[str, Any] = {"x": axis, "published": published, "colours": view.colours}
    picture, narrow = figures.spread(sums, **look), figures.spread(sums, stacked=True, **look)
    said = {label: f"{interval(median(values).as_dict(), digits=4)} mg" for label, values in sums.items()}
    alt = f"Median prednisone taken in all: {'; '.join(f'{label}: {text}' for label, text in said.items())}."
    data = pd.DataFrame([(label, v) for label, values in sums.items() for v in np.sort(values)], columns=["arm", "mg"])
    caption = "Prednisone taken by each person up to the end, or up to leaving, rescue included."
    total = Figure("cumulative-prednisone", picture, caption, alt, data, narrow)
    told = lines(view, "Median taken in all, with its 95 % interval", said)
    return Prose("In all", role="heading"), told, total


def courses(view: TrialView) -> tuple[Section, ...]:
    """Show the daily courses of a simulation, one section each; none for an observed study."""
    sections = []
    for course in COURSES:
        found = view.course(course.names)
        if found is None:
            continue
        unit, bands = found
        if course.slug == "tocilizumab":  # an arm that never got it has nothing to show
            bands = {label: band for label, band in bands.items() if np.nanmax(band.high, initial=0) > 0}
        if not bands:
            continue
        unit = {"ug/mL": "µg/mL", "dimensionless": "1 = typical untreated", "point": "points"}.get(unit, unit)
        week = round(view.weeks / 2)
        middles = {label: number(float(b.middle[np.argmin(np.abs(b.time - week))])) for label, b in bands.items()}
        title = f"Median at week {week}{f', {unit}' if unit else ''}"
        alt = f"{course.title}. {title}: {'; '.join(f'{label}: {text}' for label, text in middles.items())}."
        caption = f"{course.title}: median and the band that holds 90 % of the people still followed."
        axis = figures.label(course.axis, unit or None)
        picture = _multiples(view, course.slug, bands, axis, caption, alt, log=course.log)
        parts: tuple[Part, ...] = (lines(view, title, middles), picture)
        sections.append(
            Section(course.title, (*parts, Prose(course.reading, role="note")) if course.reading else parts)
        )
    return tuple(sections)


def _multiples(
    view: TrialView, name: str, bands: Mapping[str, Band], axis: str, caption: str, alt: str, **look: Any
) -> Figure:
    options = {"y": axis, "x_tick": _tick(view), "colours": view.colours, "layout": "multiples", **look}
    wide = figures.median_and_band(bands, **options)
    narrow = figures.median_and_band(bands, columns=1, **options)
    data = pd.concat(
        pd.DataFrame({"arm": label, "week": b.time.round(4), "median": b.middle, "low": b.low, "high": b.high})
        for label, b in bands.items()
    )
    return Figure(name, wide, caption, alt, data.round(6), narrow, tall=True)


def _tick(view: TrialView) -> float:
    return 13.0 if view.weeks >= 39 else max(1.0, round(view.weeks / 6))


def _end_of_dose(band: Band) -> str:
    """Say when the median dose reached zero for good, or what it still was at the end."""
    on = np.flatnonzero(band.middle > 0)
    if not on.size:
        return "never on prednisone"
    if np.any(band.middle[on[-1] :] == 0):
        return f"0 mg from week {math.ceil(band.time[on[-1] + 1])}"
    return f"{brief(float(band.middle[on[-1]]))} mg at the end"
