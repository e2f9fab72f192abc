"""The report of a paired series: the same people before and after a treatment, without a control group.

`write` takes a Study (or its tables) and what `abate.study.series.analyse` returned, and fills a folder:

===================  =====================================================================================
``report.html``      one page, offline, accessible, printable on A4
``report.pdf``       the same for the desk drawer (``pdf=True``; needs the extra ``pdf``)
``data/*.csv``       every table, and the numbers behind every figure
``figures/*.svg``    every figure; also ``*.png`` where the extra ``pdf`` or ``figures`` is installed
``references.bib``   the methods that were used and the sources of the scores
===================  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abate.ground.errors import MissingExtra
from abate.ground.files import write_atomically
from abate.report import series_figures as figures
from abate.report import series_tables as tables
from abate.report.page import Figure, Honesty, Key, Keys, Part, Prose, Report, Section
from abate.report.page import write as write_page
from abate.report.series_citations import bibtex, numbered
from abate.report.series_methods import methods
from abate.report.series_people import table_one
from abate.report.series_text import (
    change_sentence,
    coverage,
    label_of,
    lead,
    p_value,
    people,
    response_sentence,
    sentences,
    shown_responses,
    smallest_p_sentence,
    told_visits,
    uncontrolled,
)
from abate.report.series_view import SeriesView, view
from abate.report.tables import interval, number, percent
from abate.study.between_arms import sentences as sentences_of_arms

if TYPE_CHECKING:
    from abate.report.series_tables import Shown
    from abate.study.store import Study
    from abate.study.tables import StudyTables

__all__ = ["compose", "sentences", "write"]

SENSITIVITY = {
    "mixed-model": "A mixed model uses everybody's visits together, also of those who missed one, and assumes that "
    "what is missing is missing at random. It supports the exact tests; with few people it leans on the normal "
    "distribution.",
    "missing": "Some people were not seen at every visit. The worst case says what their absence could hide.",
    "regression": "People are treated when they are at their worst, and by the next visit they are nearer to their own "
    "average without any treatment. Only a control group can measure this; the table says how much of it the finding "
    "bears.",
}


def write(
    study: StudyTables | Study,
    results: Mapping[str, Any],
    directory: str | Path,
    *,
    arm: str | None = None,
    pdf: bool = False,
    interactive: bool = False,
) -> Path:
    """Write the report of a paired series and return the path of its page.

    Parameters
    ----------
    study : StudyTables or Study
    results : mapping
        What `abate.study.series.analyse` returned for it; ``source`` in it, if any, is shown as how the file was read.
    directory : str or Path
        An existing or new folder.
    arm : str, optional
        As given to `analyse`.
    pdf : bool
        Also write ``report.pdf``.
    interactive : bool
        True makes the figures movable, at 5 MB.

    Raises
    ------
    MissingExtra
        For ``pdf=True`` without typst.
    StorageError
        If the disk refuses.
    """
    from abate.ground.version import __version__

    seen = view(study, results, arm=arm)
    report = compose(seen)
    folder = Path(directory)
    page = write_page(report, folder, interactive=interactive)
    write_atomically(folder / "references.bib", bibtex(methods(seen)[1], __version__))
    _write_png(report, folder)
    if pdf:
        from abate.report.document import write_pdf

        write_pdf(report, folder / "report.pdf")
    return page


def compose(seen: SeriesView) -> Report:
    """Make the report of a paired series as a value."""
    first, tests, rates = table_one(seen), [tables.changes(seen), tables.exact_tests(seen)], tables.responders(seen)
    checks = [t for t in (tables.mixed_models(seen), tables.missing(seen), tables.regression(seen)) if t]
    groups = list(tables.subgroups(seen))
    sections = [
        Section("What was found", _finding(seen)),
        Section("Who took part", (first.part(), figures.exposure(seen), *_not_analysed(seen))),
        *(_measure(seen, name) for name in seen.results["measures"]),
        *_responses(seen, rates),
        Section("Changes and exact tests", _tests(seen, tests)),
        Section("How far this can be trusted", _sensitivity(seen, checks)),
    ]
    apart = sentences_of_arms(seen.results.get("between_arms") or {})
    if apart:
        sections.append(Section("Between the arms", tuple(Prose(line) for line in apart)))
    if groups:
        sections.append(Section("Subgroups", (_subgroup_note(), *(group.part() for group in groups))))
    sections += [*_reading(seen), _methods(seen), Section("What stands behind this", (_honesty(seen),))]
    facts = {
        "People": str(len(seen.series.people)),
        "Visits": ", ".join(visit.label for visit in seen.series.visits[:6])
        + (" \u2026" if len(seen.series.visits) > 6 else ""),
        "Control group": "none" if not apart else "arms are compared below; nothing says how people came into them",
    }
    kind = "Simulated paired series" if seen.simulated else "Paired series"
    return Report(title=seen.title, kind=kind, sections=tuple(sections), lead=lead(seen.results), facts=facts)


def _finding(seen: SeriesView) -> tuple[Part, ...]:
    results, keys = seen.results, []
    for measure in list(results["measures"].values())[:3]:
        visit, row = list(measure["visits"].items())[-1]
        ends = f"{number(row['low'])} to {number(row['high'])} ({coverage(row['level'])})"
        detail = f"change by {label_of(results, visit)}; {ends}; exact p {p_value(row['p'])}"
        keys.append(Key(measure["label"], number(row["estimate"]), detail))
    for name in shown_responses(results)[:1]:
        visit, row = list(results["responders"][name]["visits"].items())[-1]
        label = results["responders"][name]["label"].partition(": ")[2]
        keys.append(
            Key(
                f"{results['responders'][name]['measure'].capitalize()}: {label}",
                f"{row['events']} of {row['n']}",
                f"at {label_of(results, visit)}: {interval(row, share=True)}",
            )
        )
    said = filter(None, (smallest_p_sentence(results), uncontrolled(results)))
    return (Keys(tuple(keys)), *(Prose(text, role="reading") for text in said))


def _not_analysed(seen: SeriesView) -> tuple[Part, ...]:
    said = []
    for measure in seen.results["measures"].values():
        if measure["no_baseline"]:
            who = measure["no_baseline"]
            named = ", ".join(who[:8]) + (" \u2026" if len(who) > 8 else "")
            said.append(f"{measure['label']}: no baseline for {named}, who can show no change.")
        if measure["sheets_not_scored"]:
            said.append(
                f"{measure['label']}: {measure['sheets_not_scored']} answer sheets not scored, answers missing."
            )
    return tuple(Prose(text, role="note") for text in said)


def _measure(seen: SeriesView, name: str) -> Section:
    entry = seen.results["measures"][name]
    said = [change_sentence(seen.results, name, visit) for visit in told_visits(seen.results, name)]
    parts: list[Part] = [Prose(text, role="reading") for text in said]
    parts.append(figures.people_by_visit(seen, seen.measure(name)))
    test = entry["friedman"]
    if test["n"] and len(entry["visits"]) > 1:
        parts.append(
            Prose(
                f"All visits together: {test['method']}, p = {p_value(test['p'])} ({people(test['n'])}).", role="note"
            )
        )
    return Section(entry["label"], tuple(parts))


def _responses(seen: SeriesView, rates: Shown | None) -> tuple[Section, ...]:
    if rates is None:
        return ()
    parts: list[Part] = [
        Prose(response_sentence(seen.results, n), role="reading") for n in shown_responses(seen.results)
    ]
    parts += figures.pain_waterfalls(seen)
    for name in shown_responses(seen.results)[:1]:
        pair = seen.results["responders"][name].get("between_visits")
        if pair:
            start, end = label_of(seen.results, pair["from"]), label_of(seen.results, pair["to"])
            text = (
                f"Responders between {start} and {end}: {pair['gained']} gained, {pair['lost']} lost; "
                f"{pair['method']}, p = {p_value(pair['p'])}, at best {p_value(pair['smallest_p'])}."
            )
            parts.append(Prose(text, role="note"))
    return (Section("Responders", (*parts, rates.part())),)


def _tests(seen: SeriesView, shown: list[Shown]) -> tuple[Part, ...]:
    least = smallest_p_sentence(seen.results)
    return (*([Prose(least, role="reading")] if least else []), *(table.part() for table in shown))


def _sensitivity(seen: SeriesView, shown: list[Shown]) -> tuple[Part, ...]:
    parts: list[Part] = []
    for table in shown:
        parts += [Prose(table.caption, role="heading"), Prose(SENSITIVITY[table.name]), table.part()]
    if not any(table.name == "missing" for table in shown):
        parts.append(
            Prose(
                "Nobody with a baseline missed a visit, so there is no missing follow-up to worry about.", role="note"
            )
        )
    unfitted = [m for m in seen.results["measures"].values() if not m["mixed_model"]["fitted"]]
    if len(unfitted) == len(seen.results["measures"]):
        reasons = "; ".join(dict.fromkeys(m["mixed_model"]["reason"] for m in unfitted))
        parts.append(Prose(f"No mixed model was fitted: {reasons}.", role="note"))
    return tuple(parts)


def _subgroup_note() -> Prose:
    return Prose(
        "Subgroups are shown so that nobody has to guess; a difference between groups this small is no finding."
    )


def _reading(seen: SeriesView) -> tuple[Section, ...]:
    """What the reader of the file understood, assumed, asked and could not place."""
    source = seen.results.get("source")
    if not source:
        return ()
    counts = source.get("counts") or {}
    parts: list[Part] = []
    if source.get("file") and counts:
        size = ", ".join(f"{value:,} {what}" for what, value in counts.items())
        parts.append(Prose(f"{source['file']} was read as a {source['shape']} {source['format']} file: {size}."))
    parts += [Prose(f"Please check: {text}") for text in source.get("questions") or ()]
    parts += [Prose(f"Assumed: {text}.") for text in source.get("assumptions") or ()]
    for what, key in (("Not understood and left out", "unmapped"), ("Left out as the map file asks", "ignored")):
        names = ", ".join(str(name) for name in source.get(key) or ())
        if names:
            parts.append(Prose(f"{what}: {names}."))
    if not source.get("unmapped"):
        parts.append(Prose("Every column of the file was understood."))
    found = tables.reading(source)
    return (Section("How the file was read", (*parts, *([found.part()] if found else []))),)


def _methods(seen: SeriesView) -> Section:
    paragraphs, cited = methods(seen)
    listed = tuple(Prose(line, role="note") for line in numbered(cited))
    return Section("Methods", (*(Prose(p) for p in paragraphs), Prose("References", role="heading"), *listed))


def _honesty(seen: SeriesView) -> Honesty:
    from abate.ground.version import __version__

    meta = seen.series.meta
    provenance = {"abate": __version__, "Source": str(meta.get("source") or "observed")}
    found = meta.get("provenance")
    if isinstance(found, Mapping):
        provenance |= {str(k).capitalize(): str(v) for k, v in found.items() if isinstance(v, (str, int, float))}
    n = len(seen.series.people)
    limits = [
        uncontrolled(seen.results),
        "A p value says how often chance alone would turn the signs of the changes as far as this; it does not measure "
        "how large or how important a change is.",
        "Exact intervals come in steps; the level beside each one is the level that it has.",
    ]
    if n < 10:
        limits.append(
            f"{people(n)}: one person more or less can change every conclusion ({percent(1 / n)} of the data)."
        )
    if seen.simulated:
        limits.append("These people are simulated; nothing here was observed in a clinic.")
    assumed = [m["label"] for m in seen.results["measures"].values() if m["direction_assumed"]]
    if assumed:
        limits.append(f"Higher was taken as worse for: {', '.join(assumed)}.")
    return Honesty(provenance=provenance, limits=tuple(limits))


def _write_png(report: Report, folder: Path) -> None:
    """Write each figure as PNG where something can draw it; the SVG beside it is always there."""
    from abate.report.export import save

    for section in report.sections:
        for part in section.parts:
            if isinstance(part, Figure):
                try:
                    save(part.figure, folder / "figures" / f"{part.name}.png", label=part.alt)
                except MissingExtra:
                    return
