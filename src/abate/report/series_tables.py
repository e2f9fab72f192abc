"""Tables of a paired series: who took part, changes, exact tests, responders, sensitivity, subgroups.

Each function returns a `Shown`: the table as it reads, and the same as numbers for the CSV.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from abate.report.page import Table
from abate.report.series_text import coverage, label_of, p_value
from abate.report.series_view import SeriesView
from abate.report.tables import NONE, interval, number, table

__all__ = [
    "Shown",
    "changes",
    "exact_tests",
    "missing",
    "mixed_models",
    "reading",
    "regression",
    "responders",
    "subgroups",
]

Results = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """A table as it reads (``words``), its title, notes, and the numbers behind it."""

    name: str
    caption: str
    words: pd.DataFrame
    data: pd.DataFrame
    notes: tuple[str, ...] = ()
    group: str | None = None
    html: str = ""

    def turned(self) -> Shown:
        """The same table with the column of its groups behind the column that names the rows."""
        if self.group is None:
            return self
        columns = [c for c in self.words.columns if c != self.group]
        return replace(self, words=self.words[[columns[0], self.group, *columns[1:]]])

    def part(self) -> Table:
        """The table as a part of the page."""
        made = self.html or table(self.words, caption=self.caption, group=self.group, notes=self.notes)
        return Table(self.name, made, self.data)


def rows_of(results: Results) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Yield measure and visit with their entries, in the order of the report."""
    for measure in results["measures"].values():
        for visit, row in measure["visits"].items():
            yield measure["label"], label_of(results, visit), measure, row


def changes(view: SeriesView) -> Shown:
    """Return the change from baseline of each measure at each visit."""
    words, data = [], []
    level = view.results["analysis"]["level"]
    below = False
    for label, visit, measure, row in rows_of(view.results):
        unit = f" ({measure['unit']})" if measure["unit"] else ""
        mark = "*" if row["level"] < level - 1e-9 and row["estimate"] is not None else ""
        below = below or bool(mark)
        words.append(
            {
                "measure": label + unit,
                "visit": visit,
                "n": row["n"],
                "before": number(row["before"]["estimate"]),
                "after": number(row["after"]["estimate"]),
                "typical change (interval)": interval(row) + mark,
                "covers": coverage(row["level"]) if row["estimate"] is not None else NONE,
                "mean change (95 % t)" if level == 0.95 else "mean change (t)": interval(row["mean_change"]),
            }
        )
        kept = {key: row[key] for key in ("n", "estimate", "low", "high", "level", "method")}
        mean = {f"mean_{key}": row["mean_change"][key] for key in ("estimate", "low", "high", "level")}
        ends = {"median_before": row["before"]["estimate"], "median_after": row["after"]["estimate"]}
        data.append({"measure": label, "visit": visit, "unit": measure["unit"], **ends, **kept, **mean})
    notes = [
        "before, after: medians. Typical change: Hodges-Lehmann estimate, interval from the exact signed-rank test."
    ]
    if below:
        notes.append(
            f"* the range of the changes: so few people changed that no exact {coverage(level)} interval exists."
        )
    caption = "Change from baseline"
    return Shown("changes", caption, pd.DataFrame(words), pd.DataFrame(data), tuple(notes), group="measure").turned()


def exact_tests(view: SeriesView) -> Shown:
    """Return the exact tests with the smallest p that so many people can give."""
    words, data = [], []
    for label, visit, _measure, row in rows_of(view.results):
        words.append(
            {
                "measure": label,
                "visit": visit,
                "better / same / worse": f"{row['better']} / {row['same']} / {row['worse']}",
                "exact p": p_value(row["p"]),
                "smallest p attainable": p_value(row["smallest_p"]),
                "Holm": p_value(row["p_holm"]),
                "sign test": p_value(row["sign_test"]["p"]),
                "permutation": p_value(row["permutation_test"]["p"]),
                "effect size": number(row["rank_biserial"], 2),
            }
        )
        kept = {
            k: row[k] for k in ("n", "n_nonzero", "better", "same", "worse", "w_plus", "w_minus", "p", "smallest_p")
        }
        others = {
            "p_sign": row["sign_test"]["p"],
            "p_permutation": row["permutation_test"]["p"],
            "p_holm": row["p_holm"],
        }
        pratt = {"p_pratt": row["pratt"]["p"] if "pratt" in row else row["p"]}
        fixed = {"p_hierarchical": row["p_hierarchical"]} if "p_hierarchical" in row else {}
        data.append(
            {
                "measure": label,
                "visit": visit,
                **kept,
                **others,
                **pratt,
                **fixed,
                "rank_biserial": row["rank_biserial"],
            }
        )
    notes = [
        "exact p: Wilcoxon signed-rank test over all sign patterns, ties as they fall, people without change left out. "
        "Smallest p attainable: what so many changed people give when all change the same way.",
        f"{_corrected(view.results['analysis']['tests'])}"
        "Effect size: matched rank-biserial correlation, \u22121 when everybody fell, +1 when everybody rose.",
    ]
    zeros = [row for row in data if row["n_nonzero"] < row["n"]]
    if zeros:
        told = "; ".join(f"{row['measure']}, {row['visit']}: p = {p_value(row['p_pratt'])}" for row in zeros)
        notes.append(f"With the people who did not change ranked and then dropped (Pratt): {told}.")
    return Shown(
        "exact-tests", "Exact tests", pd.DataFrame(words), pd.DataFrame(data), tuple(notes), group="measure"
    ).turned()


def _corrected(tests: int) -> str:
    """Say for how many tests Holm's method corrects; a single one needs no correction."""
    return "" if tests < 2 else f"Holm: corrected for the {tests} tests of this table. "


def responders(view: SeriesView) -> Shown | None:
    """Return response rates with their exact and score intervals."""
    words, data = [], []
    for name, response in view.results["responders"].items():
        for visit, row in response["visits"].items():
            label = response["label"].partition(": ")[2] or response["label"]
            worst, best = row["worst_case"], row["best_case"]
            words.append(
                {
                    "rule": f"{response['measure']}: {label}",
                    "visit": label_of(view.results, visit),
                    "responders": f"{row['events']} of {row['n']}",
                    "share (exact)": interval(row, share=True),
                    "share (Wilson)": interval(row["wilson"], share=True),
                    "whatever the missing": (
                        f"{worst['events']} to {best['events']} of {worst['n']}"
                        if row["not_told"]
                        else "nobody missing"
                    ),
                }
            )
            kept = {key: row[key] for key in ("events", "n", "estimate", "low", "high", "level", "method", "not_told")}
            wilson = {"wilson_low": row["wilson"]["low"], "wilson_high": row["wilson"]["high"]}
            bounds = {"worst": worst["estimate"], "best": best["estimate"]}
            data.append({"rule": name, "visit": visit, **kept, **wilson, **bounds})
    if not words:
        return None
    notes = ("exact: Clopper-Pearson. A baseline of zero has no percentage change and is not counted.",)
    frame = pd.DataFrame(words)
    return Shown("responders", "Response rates", frame, pd.DataFrame(data), notes, group="rule").turned()


def missing(view: SeriesView) -> Shown | None:
    """Return complete cases beside the worst case, for the visits that somebody missed."""
    words, data = [], []
    for label, visit, _measure, row in rows_of(view.results):
        gone = row["missing"]
        if not gone["people"]:
            continue
        worst = gone["worst_case"]
        words.append(
            {
                "measure": label,
                "visit": visit,
                "missing": ", ".join(gone["who"]) if gone["people"] <= 8 else str(gone["people"]),
                "seen: change": interval(row),
                "p": p_value(row["p"]),
                "worst case: change": interval(worst),
                "p ": p_value(worst["p"]),
                "each missing person": f"{number(gone['assumed_change'])}",
            }
        )
        data.append(
            {
                "measure": label,
                "visit": visit,
                "missing": gone["people"],
                "assumed_change": gone["assumed_change"],
                **{f"complete_{k}": row[k] for k in ("n", "estimate", "low", "high", "p")},
                **{f"worst_{k}": worst[k] for k in ("n", "estimate", "low", "high", "p")},
            }
        )
    if not words:
        return None
    notes = ("Worst case: a missing person is given the worst change that anybody had, and no better than none.",)
    return Shown(
        "missing", "Missing follow-up", pd.DataFrame(words), pd.DataFrame(data), notes, group="measure"
    ).turned()


def mixed_models(view: SeriesView) -> Shown | None:
    """Return the mixed model's changes by visit, where it could be fitted."""
    words, data = [], []
    for measure in view.results["measures"].values():
        for visit, row in measure["mixed_model"].get("visits", {}).items():
            words.append(
                {
                    "measure": measure["label"],
                    "visit": label_of(view.results, visit),
                    "change (interval)": interval(row),
                    "standard error": number(row["standard_error"]),
                    "df": number(row["df"], 2),
                    "p": p_value(row["p"]),
                }
            )
            data.append({"measure": measure["label"], "visit": visit, **row})
    if not words:
        return None
    left = [m for m in view.results["measures"].values() if not m["mixed_model"]["fitted"]]
    notes = ["Change from baseline at the mean baseline; unstructured covariance, REML, Kenward-Roger."]
    notes += [f"{m['label']}: not fitted ({m['mixed_model']['reason']})." for m in left]
    frame = pd.DataFrame(words)
    caption = "Mixed model for repeated measures"
    return Shown("mixed-model", caption, frame, pd.DataFrame(data), tuple(notes), group="measure").turned()


def regression(view: SeriesView) -> Shown:
    """Return how far regression to the mean could carry each change."""
    words, data = [], []
    names: tuple[float, ...] = ()
    for label, visit, _measure, row in rows_of(view.results):
        line = row["regression_to_the_mean"]
        left = {r["reliability"]: r for r in line.get("line", ())}
        names = names or tuple(left)
        words.append(
            {
                "measure": label,
                "visit": visit,
                "change": interval(row),
                "could be chance at entry": number(line["tolerated"]),
                **{f"left at r = {r:g}": interval(left[r]) if r in left else NONE for r in (0.9, 0.7, 0.5)},
            }
        )
        data.append({"measure": label, "visit": visit, "tolerated": line["tolerated"]})
        for r, entry in left.items():
            data[-1] |= {f"expected_r_{r:g}": entry["expected"], f"left_r_{r:g}": entry["estimate"]}
            data[-1] |= {f"left_low_r_{r:g}": entry["low"], f"left_high_r_{r:g}": entry["high"]}
    frame = pd.DataFrame(words)
    if not names:
        frame = frame.drop(columns=[c for c in frame.columns if c.startswith("left at r")])
    notes = [
        "could be chance at entry: as much regression to the mean as the interval tolerates before it includes zero "
        "(0: it does already).",
    ]
    sources = {
        m["label"]: row["regression_to_the_mean"]["population"]
        for _, _, m, row in rows_of(view.results)
        if "population" in row["regression_to_the_mean"]
    }
    if sources:
        told = "; ".join(f"{label} {number(s['value'])} ({s['source']})" for label, s in sources.items())
        notes.append(
            "left at r: the change left when people chosen for being ill fall back towards a cohort not chosen so, "
            f"with r the correlation of two untreated measurements (looked over, not estimated). Cohort: {told}."
        )
    caption = "Regression to the mean"
    return Shown("regression", caption, frame, pd.DataFrame(data), tuple(notes), group="measure").turned()


def subgroups(view: SeriesView) -> Iterator[Shown]:
    """Yield one table for each way the people are divided."""
    for column, found in view.results["subgroups"].items():
        words, data, statements = [], [], []
        for name, measure in found["measures"].items():
            for visit, row in measure["visits"].items():
                place = {"measure": view.results["measures"][name]["label"], "visit": label_of(view.results, visit)}
                cells = {}
                for group, entry in row["groups"].items():
                    middle = entry["median_change"]
                    ends = f" ({number(middle['low'])} to {number(middle['high'])})" if entry["n"] > 1 else ""
                    cells[f"{group} (n = {found['sizes'][group]})"] = f"{number(middle['estimate'])}{ends}"
                    shift = entry["shift"] or {}
                    kept = {k: shift.get(k) for k in ("estimate", "low", "high")}
                    data.append({**place, "group": group, "n": entry["n"], "median": middle["estimate"], **kept})
                words.append({**place, **cells, "test": p_value(row["test"]["p"]) if row["test"] else "not tested"})
                statements.append(row["statement"])
        plain = dict.fromkeys(s for s in statements if s.startswith("not tested"))
        notes = (
            "Median change and its order-statistic interval or, with few people, the range.",
            *(f"{s}." for s in plain),
        )
        caption = f"Change from baseline by {column}"
        frame = pd.DataFrame(words)
        yield Shown(f"subgroup-{column}", caption, frame, pd.DataFrame(data), notes, group="measure").turned()


def reading(source: Results) -> Shown | None:
    """Return what each column, measure and visit of the file was read as, where its name was not kept."""
    named = [("column", theirs, ours) for ours, theirs in (source.get("roles") or {}).items()]
    for key, what in (("columns", "column"), ("measures", "measure"), ("visits", "visit")):
        named += [(what, theirs, ours) for theirs, ours in (source.get(key) or {}).items()]
    rows = [
        {"in the file": str(theirs), "is a": what, "read as": str(ours)}
        for what, theirs, ours in named
        if str(ours).removeprefix("subject:") != str(theirs)
    ]
    if not rows:
        return None
    frame = pd.DataFrame(rows)
    return Shown("reading", "Names in the file and what they were read as", frame, frame)
