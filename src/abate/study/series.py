"""The analysis of a paired series: the same people before and after, without a control group.

`analyse` returns what results.json holds for a paired series: ``measures.<slug>.visits.<slug>`` (change from baseline),
``responders.<slug>.visits.<slug>``, and beside them the mixed model, Friedman's test, subgroups and who is missing.

>>> import pandas as pd
>>> from abate.study.tables import StudyTables, empty
>>> values = {0: [70, 65, 80, 75, 60, 72], 12: [50, 52, 61, 70, 41, 66]}
>>> rows = [(f"P{k}", 7.0 * w, f"week {w}", "fiqr", "", v, "", "") for w, column in values.items()
...         for k, v in enumerate(column, 1)]
>>> columns = ["subject", "time", "visit", "measure", "item", "value", "unit", "censoring"]
>>> subjects = pd.DataFrame({"subject": [f"P{k}" for k in range(1, 7)], "arm": "all"})
>>> nothing = [empty(name) for name in ("doses", "events", "decisions")]
>>> results = analyse(StudyTables(subjects, pd.DataFrame(rows, columns=columns), *nothing))
>>> change = results["measures"]["fiqr"]["visits"]["week-12"]
>>> change["estimate"], change["p"], change["smallest_p"]
(-13.0, 0.03125, 0.03125)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abate.ground.errors import InputError, SolveError
from abate.ground.files import library_path, load_toml
from abate.ground.results import Estimate
from abate.science.instruments import Policy
from abate.study.between_arms import between_arms
from abate.study.paired import Measure, Response, Series, Visit, look
from abate.study.statistics.friedman import friedman
from abate.study.statistics.hodges_lehmann import hodges_lehmann
from abate.study.statistics.location import mean, median, quartiles
from abate.study.statistics.missing import change_with_missing, response_with_missing
from abate.study.statistics.mmrm import fit_mmrm
from abate.study.statistics.multiplicity import fixed_sequence, holm
from abate.study.statistics.permutation import paired_permutation
from abate.study.statistics.proportions import proportion
from abate.study.statistics.regression import regression_to_the_mean
from abate.study.statistics.sign import mcnemar, sign_test
from abate.study.statistics.signed_rank import signed_rank
from abate.study.statistics.subgroups import SMALLEST_TESTED, subgroup_display

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abate.study.store import Study
    from abate.study.tables import StudyTables

__all__ = ["analyse", "analyse_series"]

LARGEST_MODEL = 6
"""The mixed model is fitted to so many follow-up visits at most: its covariance has visits*(visits + 1)/2 numbers."""


def analyse(
    study: StudyTables | Study,
    *,
    level: float = 0.95,
    policy: Policy = "strict",
    arm: str | None = None,
    order: Sequence[tuple[str, str]] = (),
    smallest_subgroup: int = SMALLEST_TESTED,
) -> dict[str, Any]:
    """Analyse a Study, observed or simulated, as a paired series.

    Parameters
    ----------
    study : StudyTables or Study
    level : float
        Coverage of every interval, 0-1.
    policy : {"strict", "prorate"}
        For missing answers of a questionnaire.
    arm : str, optional
        Only the people of this arm; else all together, which compares each with themselves and no arm with another.
    order : sequence of (measure slug, visit slug), optional
        An order of testing fixed before the data were seen; adds ``p_hierarchical``.
    smallest_subgroup : int
        Below so many people in a subgroup nothing is tested.

    Returns
    -------
    dict
        The payload of results.json; see ``docs/statistics.md``.

    Raises
    ------
    InputError
        When the study has no baseline with a later value, no such arm, or ``order`` names what is not there.
    """
    series = look(study, policy=policy, arm=arm)
    return analyse_series(series, level=level, order=order, smallest_subgroup=smallest_subgroup)


def analyse_series(
    series: Series,
    *,
    level: float = 0.95,
    order: Sequence[tuple[str, str]] = (),
    smallest_subgroup: int = SMALLEST_TESTED,
) -> dict[str, Any]:
    """Analyse a series that is arranged already; parameters and result as for `analyse`."""
    measures = {measure.slug: _measure(series, measure, level) for measure in series.measures}
    family = _adjust(measures, order)
    apart = between_arms(series)
    return {
        "study": _study(series),
        "analysis": {
            "level": level,
            "policy": series.policy,
            "zeros": "wilcoxon",
            "baseline": series.baseline.slug,
            "visits": {visit.slug: {"label": visit.label, "day": visit.day} for visit in series.visits},
            **family,
        },
        "measures": measures,
        "responders": {response.slug: _response(series, response, level) for response in series.responses},
        "subgroups": {
            column: _subgroup(series, names, smallest_subgroup, level) for column, names in series.subgroups.items()
        },
        **({"between_arms": apart} if apart else {}),
    }


def _study(series: Series) -> dict[str, Any]:
    arms = list(dict.fromkeys(series.subjects["arm"].astype(str)))
    meta = {key: series.meta[key] for key in ("name", "source", "disease") if key in series.meta}
    return {**meta, "n": len(series.people), "arms": arms, "controlled": False}


def _measure(series: Series, measure: Measure, level: float) -> dict[str, Any]:
    table = measure.values.to_numpy(dtype=np.float64)
    visits: dict[str, Any] = {}
    for column, visit in enumerate(series.follow_ups, 1):
        if np.any(np.isfinite(table[:, 0]) & np.isfinite(table[:, column])):
            visits[visit.slug] = _change(series, measure, table, column, level)
    used = [0, *(k for k, visit in enumerate(series.follow_ups, 1) if visit.slug in visits)]
    ranked = friedman(table[:, used])
    start = table[:, 0]
    return {
        "label": measure.label,
        "unit": measure.unit,
        "direction": "higher-is-worse" if measure.higher_is_worse else "higher-is-better",
        "direction_assumed": not measure.direction_known,
        "instrument": measure.instrument.name if measure.instrument else None,
        "sheets_not_scored": measure.incomplete,
        "baseline": _summary(start, level),
        "no_baseline": [who for who, value in zip(series.people, start, strict=True) if math.isnan(value)],
        "visits": visits,
        "friedman": {"p": ranked.p, "method": ranked.method, "n": ranked.n, "smallest_p": ranked.smallest_p},
        "mixed_model": _mixed_model(series, table, used[1:], level),
    }


def _summary(values: NDArray[np.float64], level: float) -> dict[str, Any]:
    low, high = quartiles(values)
    kept = values[np.isfinite(values)]
    ends = (float(kept.min()), float(kept.max())) if len(kept) else (math.nan, math.nan)
    return {**median(values, level=level).as_dict(), "quartiles": [low, high], "range": list(ends)}


def _change(series: Series, measure: Measure, table: NDArray[np.float64], column: int, level: float) -> dict[str, Any]:
    entitled = np.isfinite(table[:, 0])
    before, after = table[entitled, 0], table[entitled, column]
    change = after - before
    test, shift = signed_rank(change), hodges_lehmann(change, level=level)
    sign, flipped = sign_test(change), paired_permutation(change)
    missing = change_with_missing(change, higher_is_worse=measure.higher_is_worse, level=level)
    seen = np.isfinite(change)
    cohort = _cohorts().get(measure.slug)
    line = regression_to_the_mean(before, after, population_mean=cohort["value"] if cohort else None, level=level)
    result: dict[str, Any] = {
        **shift.as_dict(),
        "method": f"{test.method}; {shift.method}",
        "p": test.p,
        "smallest_p": test.smallest_p,
        "n_nonzero": test.n_nonzero,
        "w_plus": test.w_plus,
        "w_minus": test.w_minus,
        "rank_biserial": test.rank_biserial,
        "better": sign.fell if measure.higher_is_worse else sign.rose,
        "worse": sign.rose if measure.higher_is_worse else sign.fell,
        "same": sign.same,
        "before": _summary(before[seen], level),
        "after": _summary(after[seen], level),
        "mean_change": mean(change, level=level),
        "sign_test": {"p": sign.p, "smallest_p": sign.smallest_p, "method": sign.method},
        "permutation_test": {"p": flipped.p, "smallest_p": flipped.smallest_p, "method": flipped.method},
        "missing": {"people": missing.missing},
        "regression_to_the_mean": _regression(line, cohort),
    }
    if test.n_nonzero < test.n:
        kept, kept_shift = signed_rank(change, zeros="pratt"), hodges_lehmann(change, zeros="pratt", level=level)
        result["pratt"] = {**kept_shift.as_dict(), "p": kept.p, "method": f"{kept.method}; {kept_shift.method}"}
    if missing.missing:
        who = [series.people[k] for k in np.flatnonzero(entitled)[~seen]]
        worst = {**missing.worst.as_dict(), "p": missing.worst_test.p, "method": missing.worst_test.method}
        result["missing"] |= {"who": who, "assumed_change": missing.assumed, "worst_case": worst}
    return result


def _cohorts() -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = load_toml(library_path("measures", "cohorts.toml")).data["cohorts"]
    return found


def _regression(line: Any, cohort: Mapping[str, Any] | None) -> dict[str, Any]:
    result: dict[str, Any] = {"tolerated": line.tolerated}
    if cohort and line.left:
        rows = [
            {"reliability": r, "expected": expected, **left.as_dict()}
            for r, expected, left in zip(line.reliability, line.expected, line.left, strict=True)
        ]
        source = {"value": cohort["value"], "source": cohort["source"], "grade": cohort["grade"]}
        result |= {"population": source, "line": rows, "explains_all_below": line.explains_all_below}
    return result


def _adjust(measures: dict[str, Any], order: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Add Holm's p over all changes from baseline, and the fixed sequence where an order was given."""
    family = [(name, visit) for name, measure in measures.items() for visit in measure["visits"]]
    adjusted = holm([measures[name]["visits"][visit]["p"] for name, visit in family])
    for (name, visit), p in zip(family, adjusted, strict=True):
        measures[name]["visits"][visit]["p_holm"] = float(p)
    for name, visit in order:
        if (name, visit) not in family:
            known = (f"{a}/{b}" for a, b in family)
            raise InputError("order of testing", "no such test", value=f"{name}/{visit}", allowed=known)
    sequence = fixed_sequence([measures[name]["visits"][visit]["p"] for name, visit in order])
    for (name, visit), p in zip(order, sequence, strict=True):
        measures[name]["visits"][visit]["p_hierarchical"] = float(p)
    return {"tests": len(family), "order": [f"{name}/{visit}" for name, visit in order]}


def _mixed_model(series: Series, table: NDArray[np.float64], columns: list[int], level: float) -> dict[str, Any]:
    """Change from baseline by visit, adjusted for baseline; estimates at the mean baseline of those analysed."""
    if not 2 <= len(columns) <= LARGEST_MODEL:
        many = "1 follow-up visit" if len(columns) == 1 else f"{len(columns)} follow-up visits"
        return {"fitted": False, "reason": f"{many}; made for 2 to {LARGEST_MODEL}"}
    change = table[:, columns] - table[:, [0]]
    person, visit = np.nonzero(np.isfinite(change))
    centred = table[person, 0] - table[np.unique(person), 0].mean()
    design = np.column_stack([np.eye(len(columns))[visit], centred])
    try:
        model = fit_mmrm(change[person, visit], design, person.tolist(), visit)
    except (InputError, SolveError) as error:
        return {"fitted": False, "reason": str(error).removeprefix("mixed model: ")}
    visits = {}
    for k, column in enumerate(columns):
        tested = model.contrast(np.eye(len(columns) + 1)[k], level=level)
        label = series.visits[column].slug
        visits[label] = {
            **tested.estimate.as_dict(),
            "p": tested.p,
            "standard_error": tested.standard_error,
            "df": tested.df,
        }
    return {"fitted": True, "n": model.n, "visits": visits}


def _response(series: Series, response: Response, level: float) -> dict[str, Any]:
    source = next((m for m in series.measures if m.slug == response.measure), None)
    start = None if source is None else source.values.iloc[:, 0].notna().to_numpy()
    visits: dict[str, Any] = {}
    told: list[tuple[Visit, NDArray[np.bool_], NDArray[np.bool_]]] = []
    for visit in series.follow_ups:
        column = response.met[visit.label]
        known, met = column.notna().to_numpy(), column.map(lambda value: value is True).to_numpy(dtype=bool)
        if not known.any():
            continue
        told.append((visit, known, met))
        total = len(series.people) if start is None else int(start.sum())
        bounds = response_with_missing(int(met.sum()), int(known.sum()), total, level=level)
        visits[visit.slug] = {
            **bounds.complete.as_dict(),
            "wilson": proportion(int(met.sum()), int(known.sum()), level=level, interval="wilson"),
            "not_told": bounds.missing,
            "worst_case": bounds.worst,
            "best_case": bounds.best,
        }
    result: dict[str, Any] = {
        "label": response.label, "measure": response.measure, "source": response.source, "visits": visits,
    }  # fmt: skip
    if len(told) > 1:
        (one, known_1, met_1), (two, known_2, met_2) = told[0], told[-1]
        both = known_1 & known_2
        pair = mcnemar(met_1[both], met_2[both], level=level)
        names = ("p", "smallest_p", "gained", "lost", "n", "method")
        result["between_visits"] = {"from": one.slug, "to": two.slug} | {name: getattr(pair, name) for name in names}
    return result


def _subgroup(series: Series, names: tuple[str, ...], smallest: int, level: float) -> dict[str, Any]:
    kept = [k for k, name in enumerate(names) if name]
    found: dict[str, Any] = {}
    for measure in series.measures:
        table = measure.values.to_numpy(dtype=np.float64)
        for column, visit in enumerate(series.follow_ups, 1):
            change = (table[:, column] - table[:, 0])[kept]
            if not np.isfinite(change).any():
                continue
            shown = subgroup_display(change, [names[k] for k in kept], smallest=smallest, level=level)
            groups: dict[str, Any] = {}
            for group in shown.groups:
                shift: Estimate | None = group.shift
                groups[group.name] = {"n": len(group.changes), "median_change": group.median, "shift": shift}
            test = {"p": shown.test.p, "method": shown.test.method} if shown.test else None
            place = found.setdefault(measure.slug, {"visits": {}})["visits"]
            place[visit.slug] = {"groups": groups, "test": test, "statement": shown.statement}
    sizes = {name: sum(names[k] == name for k in kept) for name in dict.fromkeys(names[k] for k in kept)}
    return {"sizes": sizes, "smallest_tested": smallest, "measures": found}
