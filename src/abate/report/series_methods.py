"""The methods paragraph of a paired series: what was done, with a reference for each thing that was done."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from abate.report.series_citations import Reference, instrument_references, method_references
from abate.report.series_text import coverage
from abate.report.series_view import SeriesView

__all__ = ["methods"]


def methods(view: SeriesView) -> tuple[tuple[str, ...], tuple[Reference, ...]]:
    """Return the paragraphs of the methods section, and the references in the order in which they are cited."""
    instruments = instrument_references(view.series)
    said = [(text, keys) for text, keys in _sentences(view)]
    cited = (*instruments, *method_references(key for _, keys in said for key in keys))
    place = {reference.key: k for k, reference in enumerate(cited, 1)}
    text = " ".join(
        f"{sentence} [{_runs([place[key] for key in keys])}]." if keys else f"{sentence}." for sentence, keys in said
    )
    return (_design(view, [place[r.key] for r in instruments]), text), cited


def _design(view: SeriesView, numbers: list[int]) -> str:
    results, series = view.results, view.series
    visits = ", ".join(visit.label for visit in series.follow_ups)
    made = "Simulated people" if view.simulated else "People"
    text = (
        f"{made} were compared with themselves at {series.baseline.label} (baseline) and {visits}; there was no "
        f"control group. Intervals are at {coverage(results['analysis']['level'])} unless another level is given. "
    )
    scored = [measure for measure in series.measures if measure.instrument is not None]
    if scored:
        names = "; ".join(dict.fromkeys(m.instrument.title for m in scored if m.instrument))
        rule = {
            "strict": "missing answers were treated as the authors of each questionnaire say, and a score with more of "
            "them than they allow was left out",
            "prorate": "missing answers were prorated where a rule for it is known",
        }[series.policy]
        text += f"Scores: {names} [{_runs(numbers)}]; {rule}."
    return text


def _sentences(view: SeriesView) -> Iterator[tuple[str, tuple[str, ...]]]:
    results = view.results
    rows = [row for measure in results["measures"].values() for row in measure["visits"].values()]
    approximate = any("normal approximation" in row["method"] for row in rows)
    how = "exactly up to 400 people who changed and by a normal approximation above" if approximate else "exactly"
    yield (
        "Changes from baseline were tested with the two-sided Wilcoxon signed-rank test, computed " + how + " over all "
        "sign patterns with ties as they fell, people without change left out",
        ("wilcoxon1945",),
    )
    if any("pratt" in row for row in rows):
        yield (
            "Where somebody did not change, the test was repeated with these people ranked and then dropped",
            ("pratt1959",),
        )
    yield (
        "The typical change is the Hodges-Lehmann estimate; its interval inverts the same test, and where too few "
        "people changed for an exact interval the range is given with the level that it has",
        ("hodges1963",),
    )
    yield "The effect size is the matched rank-biserial correlation", ("kerby2014",)
    yield "Medians have order-statistic intervals", ("thompson1936",)
    yield (
        "An exact sign test and a paired permutation test of the mean stand beside the signed-rank test",
        ("fisher1935",),
    )
    if any(measure["friedman"]["n"] for measure in results["measures"].values()):
        yield "All visits together were compared with Friedman's test", ("friedman1937",)
    if results["analysis"]["tests"] > 1:
        yield f"Holm's method corrects for the {results['analysis']['tests']} tests of change", ("holm1979",)
    if results["responders"]:
        yield "Response rates have exact and score intervals", ("clopper1934", "wilson1927")
    if any("between_visits" in response for response in results["responders"].values()):
        yield "The first and the last follow-up were compared with an exact McNemar test", ("mcnemar1947",)
    if any(measure["mixed_model"]["fitted"] for measure in results["measures"].values()):
        yield (
            "A mixed model for repeated measures with baseline as covariate, unstructured covariance and restricted "
            "maximum likelihood supports these; its standard errors and degrees of freedom are Kenward and Roger's",
            ("kenward1997",),
        )
    if any(row["missing"]["people"] for row in rows):
        yield "Missing follow-up is shown as complete cases beside a worst case", ()
    yield "What regression to the mean could do is shown as a sensitivity line", ("barnett2005",)
    tested = [
        row["test"]
        for s in results["subgroups"].values()
        for m in s["measures"].values()
        for row in m["visits"].values()
    ]
    if any(tested):
        yield "Subgroups were compared with the Wilcoxon-Mann-Whitney test", ("mann1947",)
    elif tested:
        size = next(iter(results["subgroups"].values()))["smallest_tested"]
        yield f"Subgroups are shown and, with fewer than {size} people in the smallest, not tested", ()


def _runs(numbers: list[int]) -> str:
    """Write numbers as a reader expects them: ``1-3, 5``."""
    ordered = sorted(numbers)
    runs = [[n for _, n in run] for _, run in groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}\u2013{run[-1]}" for run in runs)
