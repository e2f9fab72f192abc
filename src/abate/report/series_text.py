"""What a paired series says in words: every sentence is made from the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abate.report.tables import number, percent

__all__ = ["change_sentence", "coverage", "lead", "p_value", "response_sentence", "sentences", "smallest_p_sentence"]

Results = Mapping[str, Any]

FEW = 20
"""Up to so many people the smallest p attainable is worth a word; above, it is below anybody's threshold."""


def p_value(p: float | None) -> str:
    """Write a p value with four digits that count, which hold the steps of an exact test of few people.

    Examples
    --------
    >>> p_value(0.03125), p_value(0.00001), p_value(1.0), p_value(None)
    ('0.03125', '< 0.0001', '1', '—')
    """
    if p is None:
        return number(None)
    if p < 0.0001:
        return "< 0.0001"
    return f"{p:.4g}"


def coverage(level: float) -> str:
    r"""Write the level of an interval.

    Examples
    --------
    >>> coverage(0.96875).replace("\u00a0", " ")
    '96.9 %'
    """
    return f"{100 * level:.3g}\u00a0%"


def between(row: Mapping[str, Any], wanted: float) -> str:
    """Write an interval with its level: ``96.9 % interval −22.5 to −4.5``; a range where no such interval exists."""
    if row["low"] is None or row["high"] is None:
        return "no interval"
    ends = f"{number(row['low'])} to {number(row['high'])}"
    if not row["level"]:
        return "one change has no interval"
    if row["level"] < wanted - 1e-9:
        return f"range {ends}, which covers {coverage(row['level'])}: no exact {coverage(wanted)} interval exists"
    return f"{coverage(row['level'])} interval {ends}"


def label_of(results: Results, visit: str) -> str:
    """Return the label of a visit by its slug."""
    return str(results["analysis"]["visits"][visit]["label"])


def change_sentence(results: Results, name: str, visit: str) -> str:
    """Say what happened to one measure by one visit.

    Parameters
    ----------
    results : mapping
        The payload of results.json, as plain JSON values.
    name, visit : str
        Slugs of the measure and of the visit.
    """
    measure = results["measures"][name]
    row, level = measure["visits"][visit], results["analysis"]["level"]
    known = not measure["direction_assumed"]
    falls = row["better"] if measure["direction"] == "higher-is-worse" else row["worse"]
    count, verb = (row["better"], "improved") if known else (falls, "fell")
    same = f", {row['same']} did not change" if row["same"] else ""
    unit = f" {measure['unit']}" if measure["unit"] else ""
    text = f"{measure['label']} {verb} in {count} of {people(row['n'])} by {label_of(results, visit)}{same}: "
    text += f"median {number(row['before']['estimate'])} before and {number(row['after']['estimate'])} after{unit}"
    if row["estimate"] is None:
        return f"{text}; nobody changed, so there is nothing to test."
    text += f", typical change {number(row['estimate'])} (Hodges-Lehmann; {between(row, level)})."
    if row["p"] == row["smallest_p"]:
        best = f"the smallest that {people(row['n_nonzero'])} who changed can give"
    else:
        best = f"where {people(row['n_nonzero'])} who changed could give {p_value(row['smallest_p'])} at best"
    if "normal approximation" in row["method"]:
        return f"{text} Signed-rank p = {p_value(row['p'])} (normal approximation)."
    if row["n_nonzero"] > FEW:
        return f"{text} Exact signed-rank p = {p_value(row['p'])}."
    return f"{text} Exact signed-rank p = {p_value(row['p'])}, {best}."


def people(count: int) -> str:
    """Write a number of people.

    Examples
    --------
    >>> people(1), people(6)
    ('1 person', '6 people')
    """
    return "1 person" if count == 1 else f"{count} people"


def response_sentence(results: Results, name: str) -> str:
    """Say how many responded at each visit, with the exact intervals."""
    response = results["responders"][name]
    parts = []
    for visit, row in response["visits"].items():
        ends = f"{percent(row['low'])} to {percent(row['high'])}"
        part = f"{row['events']} of {row['n']} at {label_of(results, visit)} ({percent(row['estimate'])}; {ends})"
        if row["not_told"]:
            worst, best = row["worst_case"], row["best_case"]
            part += (
                f", between {worst['events']} and {best['events']} of {worst['n']} whatever happened to the "
                f"{people(row['not_told'])} not seen"
            )
        parts.append(part)
    title = response["label"].partition(": ")
    return f"{title[0]}, {title[2]}: {'; '.join(parts)}."


def smallest_p_sentence(results: Results) -> str:
    """Say what this number of people can show at all; empty where they are many."""
    rows = [row for measure in results["measures"].values() for row in measure["visits"].values()]
    tests, most = len(rows), max(row["n_nonzero"] for row in rows)
    if most > FEW:
        return ""
    least = min(row["smallest_p"] for row in rows)
    change = "changes" if most == 1 else "change"
    text = (
        f"With {people(most)} who {change}, the smallest two-sided p of an exact signed-rank test is {p_value(least)}"
    )
    if least > 0.05:
        return f"{text}: no result could fall below 0.05, however large."
    hopeless = sum(row["smallest_p"] > 0.05 for row in rows)
    if hopeless:
        text += f"; in {hopeless} of {tests} tests too few people changed for any p below 0.05"
    if tests > 1 and tests * least > 0.05:
        text += f"; after Holm's correction for {tests} tests none can fall below 0.05"
    return f"{text}."


def sentences(results: Results) -> list[str]:
    """Return the reading of a paired series, a sentence a finding.

    Parameters
    ----------
    results : mapping
        What `abate.study.series.analyse` returned, or the content of results.json.

    Returns
    -------
    list of str
    """
    from abate.report.series_view import plain

    content = plain(results)
    told = [
        change_sentence(content, name, visit) for name in content["measures"] for visit in told_visits(content, name)
    ]
    told += [response_sentence(content, name) for name in shown_responses(content)]
    return [*told, *filter(None, (smallest_p_sentence(content), uncontrolled(content)))]


def told_visits(results: Results, name: str) -> list[str]:
    """Return the visits worth a sentence each: all of a few, the first and the last of many."""
    visits = list(results["measures"][name]["visits"])
    return visits if len(visits) <= 4 else [visits[0], visits[-1]]


def shown_responses(results: Results) -> list[str]:
    """Return the response rules worth a sentence: pain by 30 and 50 % where they are, else all."""
    wanted = [name for name in ("pain-30-percent", "pain-50-percent") if name in results["responders"]]
    return wanted or list(results["responders"])


def uncontrolled(results: Results) -> str:
    """Say what a series without a control group cannot show."""
    arms = results.get("between_arms")
    control = "Taken together, the arms have no control group" if arms else "There is no control group"
    return (
        f"{control}: a change may be the treatment, the expectation of it, the natural course, or "
        "regression to the mean in people chosen for being ill."
    )


def lead(results: Results) -> str:
    """Return one or two sentences for the head of the report."""
    name = next(iter(results["measures"]))
    visit = list(results["measures"][name]["visits"])[-1]
    first = change_sentence(results, name, visit)
    responses = shown_responses(results)
    second = f" {response_sentence(results, responses[0])}" if responses else ""
    return first + second
