"""The report of a trial, simulated or observed.

Examples
--------
``write(Study("giacta"), "giacta-report")`` writes ``giacta-report/report.html``, with CSV and SVG files beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abate.report import trial_sections as sections
from abate.report.page import Figure, Honesty, Key, Keys, Part, Prose, Report, Section, Story
from abate.report.page import write as write_page
from abate.report.palette import role_of
from abate.report.tables import interval, number, percent
from abate.report.terminal import ArmRow, Cell, arm_table
from abate.report.trial_endpoints import endpoint_section
from abate.report.trial_story import choose, course, portrait, story
from abate.report.trial_view import ArmView, TrialView, look

if TYPE_CHECKING:
    from rich.table import Table

    from abate.study.store import Study

__all__ = ["compose", "summary_table", "write"]

PERCENT = "\u00a0%"
SHORT = ("sustained-remission", "patients-with-a-flare", "cumulative-glucocorticoid-mg")


def write(
    study: Study,
    directory: str | Path,
    published: Iterable[Any] | None = None,
    *,
    results: Mapping[str, Any] | None = None,
    interactive: bool = False,
) -> Path:
    """Write the report of a trial and return the path of its page.

    Parameters
    ----------
    study : Study
    directory : str or Path
        Gets ``report.html``, ``data/*.csv`` and ``figures/*.svg``.
    published : iterable, optional
        Published figures to stand beside; else those of the trial of the same name in the library.
    results : mapping, optional
        The content of results.json; else the Study's own, else estimated from its tables.
    interactive : bool
        True makes the figures movable, at 5 MB.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    return write_page(compose(look(study, published, results)), directory, interactive=interactive)


def compose(view: TrialView) -> Report:
    """Make the report of a trial as a value."""
    names = _endpoints(view)
    parts = [_finding(view, names), endpoint_section(view, names), sections.flow(view), sections.flares(view)]
    parts += [sections.doses(view), *sections.courses(view)]
    told = _one_patient(view)
    parts += [told] if told else []
    parts.append(Section("What stands behind this", (_honesty(view),)))
    people = sum(arm.n for arm in view.arms)
    facts = {"People": f"{people:,}", "Arms": str(len(view.arms)), "Weeks": f"{view.weeks:g}"}
    provenance = _provenance(view)
    if "Seed" in provenance:
        facts["Seed"] = provenance["Seed"]
    return Report(
        title=view.title,
        kind="Simulated trial" if view.simulated else "Trial",
        sections=tuple(parts),
        lead=_lead(view),
        facts=facts,
    )


def summary_table(view: TrialView) -> Table:
    """Return the terminal's table: each arm's remission, flares and cumulative prednisone, beside the published.

    Where a trial published none of these, its own published endpoints stand in the table, four columns at most; where
    these are fewer than three, its other endpoints fill the table.
    A group of arms appears where a figure was published for the group alone.
    """
    names = _summarised(view)
    rows = []
    for arm in (*view.arms, *view.groups):
        known = [view.published_for(arm.slug, name) for name in names]
        if arm in view.groups and not any(known):
            continue
        cells = [
            Cell(view.estimate(arm.slug, name), row.figure if row else None, (view.estimator(name) == "proportion"))
            for name, row in zip(names, known, strict=True)
        ]
        rows.append(ArmRow(arm.label, arm.n, tuple(cells)))
    titles = [view.label(name) for name in names]
    people = sum(arm.n for arm in view.arms)
    beside = " beside published" if view.published else ""
    title = f"{view.title}: {people} people, {view.here} (95\u00a0% interval){beside}"
    return arm_table(rows, titles, title=title)


def _summarised(view: TrialView) -> list[str]:
    """Return the endpoints of the terminal's table, in the order of the study's own list."""
    known = _endpoints(view)
    published = [name for name in known if any(row.endpoint == name for row in view.published)]
    chosen = [name for name in known if name in SHORT]
    if len(chosen) < 3 and not set(chosen) & set(published):
        spent = [name for name in known if name.startswith("cumulative")]
        chosen = list(dict.fromkeys([*chosen, *(published or [*spent, *known])]))[:4]
    # A trial's own endpoints fill what is left of three columns.
    chosen += [name for name in known if name not in chosen][: max(3 - len(chosen), 0)]
    return [name for name in known if name in chosen]


def _endpoints(view: TrialView) -> list[str]:
    """Return the endpoints in the order of the study's own list, else those with an estimate, else the short list."""
    listed = [str(n) for n in view.study.meta.get("endpoints", ())]
    found = [name for arm in view.estimates.values() for name in arm]
    wanted = dict.fromkeys([*listed, *found, *(row.endpoint for row in view.published)])
    names = [name for name in wanted if view.knows(name)]
    return names or list(SHORT)


def _finding(view: TrialView, names: list[str]) -> Section:
    name = names[0]
    share = view.estimator(name) == "proportion"
    keys = []
    for arm in view.arms:
        estimate, known = view.estimate(arm.slug, name), view.published_for(arm.slug, name)
        low, high = (_one(estimate.get(end), share) for end in ("low", "high"))
        detail = f"95 % interval {low.removesuffix(PERCENT)} to {high}"
        detail += f"; published {_one(known.figure, share)}" if known else ""
        keys.append(
            Key(arm.label, _one(estimate.get("estimate"), share), detail, role_of(view.colours[arm.label]) or "")
        )
    parts: tuple[Part, ...] = (Prose(view.label(name), role="heading"), Keys(tuple(keys)))
    if name == "sustained-remission":
        said = (
            "Sustained remission contains CRP, which the drug itself makes normal; the endpoints below show it with "
            "and without the rule on CRP."
        )
        parts = (*parts, Prose(said, role="note"))
    return Section("In short", parts)


def _lead(view: TrialView) -> str:
    first = view.arms[0]
    others = [arm for arm in view.arms[1:] if arm.n]
    last = view.arm(view.reference) if view.reference else others[-1] if others else None
    last = None if last == first else last
    name = _endpoints(view)[0]
    if view.estimator(name) != "proportion":
        return ""
    said = f"{view.label(name)}: {_brief(view, first, name)} on “{first.label}”"
    said += f", {_brief(view, last, name)} on “{last.label}”." if last else "."
    source = "A model simulated every person here; nobody was treated." if view.simulated else ""
    return f"{said} {source}".strip()


def _brief(view: TrialView, arm: ArmView, name: str) -> str:
    return interval(view.estimate(arm.slug, name), share=True)


def _one(value: float | None, share: bool) -> str:
    return percent(value) if share else number(value, 4)


def _one_patient(view: TrialView) -> Section | None:
    subject = choose(view)
    if subject is None:
        return None
    note = (
        "Chosen by rule, not by hand: of the people with a flare, the one with the median number of decisions. The "
        f"ledger holds the same for everybody, in decisions.parquet; this is subject {subject}."
    )
    alt = f"Prednisone, symptoms and CRP of this person over {view.weeks:g} weeks, with a line at each flare."
    caption = "Prednisone each day, and what the visits measured. Dotted: a flare was called."
    picture = Figure("one-patient", portrait(view, subject), caption, alt, course(view, subject), tall=True)
    return Section("One patient", (Story(story(view, subject)), picture, Prose(note, role="note")))


def _provenance(view: TrialView) -> dict[str, str]:
    """Return what made this Study, in words: version, seed, hashes."""
    from abate.ground.version import __version__

    given = dict(view.study.meta.get("provenance") or {})
    names = {"version": "abate, at the run", "abate": "abate, at the run", "seed": "Seed", "model": "Model"}
    names |= {"model_hash": "Hash of the model", "library_hash": "Hash of the library", "set": "Changed with --set"}
    told = {"abate, of this report": __version__}
    for key, value in given.items():
        if key == "calibrated" or value in ("", None, []):  # what was calibrated has its own list
            continue
        rows = value.items() if isinstance(value, Mapping) else [("", value)]
        for part, said in rows:
            name = names.get(key, key.replace("_", " ").capitalize()) + (f", {part}" if part else "")
            told[name] = ", ".join(map(str, said)) if isinstance(said, (list, tuple)) else str(said)
    told["People"] = str(sum(arm.n for arm in view.arms))
    return told


def _honesty(view: TrialView) -> Honesty:
    limits = [
        "Intervals show chance in a trial of this size. They do not contain what the model may have wrong.",
        "People who left count as not in sustained remission.",
    ]
    if any(row.grade == "unverified" for row in view.published):
        limits.append("Figures graded “unverified” are commonly quoted and could not be confirmed in their source.")
    shown = [course.title for course in sections.COURSES if view.has_course(course.names)]
    not_validated = [f"Courses over time, compared with no published course of this trial: {', '.join(shown)}."]
    return Honesty(
        provenance=_provenance(view),
        calibrated=tuple(_cited(view, calibrated=True)),
        predicted=tuple(_cited(view, calibrated=False)),
        not_validated=tuple(not_validated if shown else ()) + tuple(view.study.meta.get("not_validated") or ()),
        limits=tuple(limits),
    )


def _cited(view: TrialView, *, calibrated: bool) -> list[str]:
    """List published figures by target, with the arms and the source."""
    told: dict[tuple[str, str, str], list[str]] = {}
    for row in view.published:
        if row.calibrated == calibrated:
            told.setdefault((row.target, row.source, row.grade), []).append(view.arm(row.arm).label)
    return [f"{what}: {', '.join(arms)} ({source}; {grade})." for (what, source, grade), arms in told.items()]
