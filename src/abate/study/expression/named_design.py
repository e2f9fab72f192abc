"""Designs by name: patients vs controls, before vs after, and both with their interaction."""

from __future__ import annotations

import numpy as np
import pandas as pd

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.study.expression.contrast import Contrast, choose_levels, first_level, parse_contrast
from abate.study.expression.counts import few
from abate.study.expression.design import Design, check_estimable, check_sides
from abate.study.expression.formula_design import formula_design, formula_table
from abate.study.expression.likelihood_ratio import TESTS, with_reduced
from abate.study.expression.sheet import SampleSheet

__all__ = ["NAMES", "plan_design"]

UNPAIRED, PAIRED, BOTH = NAMES = ("patients vs controls", "before vs after", "both")
_ALIASES = {
    "unpaired": UNPAIRED, "cases vs controls": UNPAIRED, "case control": UNPAIRED, "paired": PAIRED,
    "after vs before": PAIRED,
    "pre vs post": PAIRED, "interaction": BOTH,
}  # fmt: skip


def plan_design(
    sheet: SampleSheet, design: str | None = None, *, contrast: str | None = None, reference: str | None = None,
    test: str = "wald", reduced: str | None = None,
) -> Design:  # fmt: skip
    """Turn a design's name or formula and a sample sheet into a `Design`.

    Parameters
    ----------
    sheet : SampleSheet
        In the order of the counts.
    design : str, optional
        One of `NAMES`, or a formula (``~ batch + condition``). Without it, the one that fits the sheet.
    contrast : str, optional
        See `abate.study.expression.contrast.parse_contrast`.
    reference : str, optional
        The level that the other is compared with.
    test : {"wald", "lrt"}
        Of the contrast, or the likelihood ratio of the model and a smaller one.
    reduced : str, optional
        Formula of the smaller model; without it, everything about the tested factor is left out.

    Raises
    ------
    InputError
        If the design is unknown, does not fit the sheet, is confounded, or has one sample on a side.

    Examples
    --------
    >>> from abate.study.expression import simulate_counts
    >>> table = simulate_counts(10, changed=1, design="before vs after", patients=3).samples
    >>> roles = {"subject": "subject", "group": "group", "time": "time", "batch": "batch"}
    >>> plan = plan_design(SampleSheet(table, roles, "samples.csv"))
    >>> plan.formula, plan.label, plan.people
    ('~ subject + time', 'after vs before', {'pairs': 3})
    """
    _check_test(test, reduced)
    asked = parse_contrast(contrast)
    name = _name(sheet, design)
    if name in NAMES:
        plan = {UNPAIRED: _unpaired, PAIRED: _paired, BOTH: _both}[name](sheet, asked, reference)
    else:
        plan = formula_design(sheet, name, asked, reference)
    if test == "wald":
        return plan
    if reduced is None:
        return with_reduced(plan)
    return with_reduced(plan, *formula_table(sheet, reduced, "--reduced"))


def _check_test(test: str, reduced: str | None) -> None:
    if test not in TESTS:
        raise InputError("--test", "there is no such test", value=test, allowed=TESTS, hint=did_you_mean(test, TESTS))
    if reduced is not None and test == "wald":
        raise InputError(
            "--reduced", "a smaller model belongs to the likelihood-ratio test", value=reduced, hint="add --test lrt"
        )


def _name(sheet: SampleSheet, design: str | None) -> str:
    if design is None:
        return _fitting(sheet)
    plain = " ".join(design.casefold().replace("-", " ").replace("_", " ").split())
    if plain in NAMES or plain in _ALIASES:
        return _ALIASES.get(plain, plain)
    if any(mark in design for mark in "~+*:") or design in sheet.table.columns:
        return design if design.lstrip().startswith("~") else f"~ {design}"
    raise InputError(
        "--design", "there is no such design", value=design, allowed=[*NAMES,
        "a formula such as '~ batch + condition'"],
        hint=did_you_mean(plain, [*NAMES, *_ALIASES]),
    )  # fmt: skip


def _fitting(sheet: SampleSheet) -> str:
    """Return the design that the sheet itself asks for."""
    groups = sheet.column("group").nunique() if "group" in sheet.roles else 1
    twice = "subject" in sheet.roles and "time" in sheet.roles and bool(sheet.column("subject").duplicated().any())
    if not twice:
        if groups == 1 and "group" not in sheet.roles:
            sheet.column("group")  # says which column is missing
        return UNPAIRED
    if groups == 1:
        return PAIRED
    per_group = sheet.column("time").groupby(sheet.column("group")).nunique()
    if (per_group > 1).all():
        return BOTH
    raise InputError(
        sheet.source, "two designs fit it: some subjects were sampled twice, some once", allowed=NAMES[:2],
        hint="say which with --design",
    )  # fmt: skip


def _unpaired(sheet: SampleSheet, asked: Contrast, reference: str | None) -> Design:
    group, notes = sheet.column("group"), []
    tested, base = choose_levels(sheet.roles["group"], list(group.unique()), asked, reference)
    keep = group.isin([tested, base])
    if "time" in sheet.roles and "subject" in sheet.roles and sheet.column("subject")[keep].duplicated().any():
        time = sheet.column("time")
        first = first_level(list(time[keep].unique()))
        # Controls who were sampled once count whatever their time is called.
        once = ~sheet.column("subject").duplicated(keep=False)
        keep &= (time == first) | once
        notes.append(f"of subjects sampled more than once, only the samples at {first!r} are used")
    table = pd.DataFrame({"group": group[keep]})
    subject = _subjects(sheet, keep)
    terms, strata, matching = [], pd.Series("all", index=table.index), "none: groups are compared as they are"
    if "set" in sheet.roles:
        table["set"] = sheet.column("set")[keep]
        complete = table.groupby("set")["group"].transform("nunique") == 2
        if not complete.all():
            notes.append(f"left out, because their set has nobody on the other side: {few(table.index[~complete], 8)}")
            table, subject = table[complete], subject[complete]
        if table.empty:
            raise InputError(sheet.source, "no matching set has both a patient and a control", hint="leave the set out")
        terms.append("set")
        strata, matching = (
            table["set"],
            f"{table['set'].nunique()} matched sets are kept together ({sheet.roles['set']})",
        )
    terms += _batch(sheet, table, "set" if terms else None, notes)
    if "batch" in terms and "set" not in terms:
        strata, matching = table["batch"], f"compared within {table['batch'].nunique()} batches"
    _refuse_replicates(sheet, subject)
    people = {side: int(subject[table["group"] == side].nunique()) for side in (tested, base)}
    check_sides(sheet.source, people, [int((table["group"] == side).sum()) for side in (tested, base)])
    positive = table["group"] == tested
    matrix = _dummies(table, terms)
    matrix[f"group[T.{tested}]"] = positive.astype(float)
    return _finished(
        UNPAIRED, ["group", *terms][::-1] if terms else ["group"], matrix, f"{tested} vs {base}",
        sheet.roles["group"], tested, base,
        subject, positive, strata, False, False, people, matching, notes,
    )  # fmt: skip


def _paired(sheet: SampleSheet, asked: Contrast, reference: str | None) -> Design:
    table, tested, base, notes = _pairs(sheet, asked, reference)
    if "group" in sheet.roles:
        groups = sheet.column("group")[table.index]
        if groups.nunique() > 1:
            notes.append(
                f"the change is averaged over the groups {few(sorted(groups.unique()))}; --design both compares it"
            )
    terms = ["subject", *_batch(sheet, table, "subject", notes)]
    people = {"pairs": int(table["subject"].nunique())}
    if people["pairs"] < 2:
        raise InputError(
            sheet.source,
            "there is one pair",
            allowed="two or more",
            hint="one pair shows no scatter: nothing can be tested",
        )
    positive = table["time"] == tested
    matrix = _dummies(table, terms)
    matrix[f"time[T.{tested}]"] = positive.astype(float)
    return _finished(
        PAIRED, [*terms, "time"], matrix, f"{tested} vs {base}", sheet.roles["time"], tested, base, table["subject"],
        positive,
        table["subject"], True, False, people, "each subject is its own control (block: subject)", notes,
    )  # fmt: skip


def _both(sheet: SampleSheet, asked: Contrast, reference: str | None) -> Design:
    in_time = asked.tested in set(sheet.column("time")) if asked.tested else False
    table, after, before, notes = _pairs(sheet, asked if in_time else Contrast(), reference if in_time else None)
    table["group"] = sheet.column("group")[table.index]
    groups = list(table["group"].unique())
    if len(groups) < 2:
        raise InputError(
            sheet.source, f"only {few(groups)} was sampled at both times, so changes cannot be compared between groups",
            allowed=NAMES[:2], hint="compare patients with controls and before with after, one by one",
        )  # fmt: skip
    tested, base = choose_levels(
        sheet.roles["group"], groups, Contrast() if in_time else asked, None if in_time else reference
    )
    table = table[table["group"].isin([tested, base])]
    changing = table.groupby("subject")["group"].nunique() > 1
    if changing.any():
        raise InputError(sheet.source, "a subject is in two groups", value=few(changing.index[changing]))
    terms = ["subject", *_batch(sheet, table, "subject", notes), "time"]
    people = {side: int(table.loc[table["group"] == side, "subject"].nunique()) for side in (tested, base)}
    check_sides(sheet.source, people, list(people.values()))
    matrix = _dummies(table, terms[:-1])
    matrix[f"time[T.{after}]"] = (table["time"] == after).astype(float)
    matrix[f"group[T.{tested}]:time[T.{after}]"] = ((table["time"] == after) & (table["group"] == tested)).astype(float)
    notes.append(
        "the groups' difference before is absorbed by the subjects; what is tested is whether they change alike"
    )
    return _finished(
        BOTH, [*terms, "group:time"], matrix, f"change from {before} to {after}, {tested} vs {base}",
        sheet.roles["group"], tested, base,
        table["subject"], table["group"] == tested, pd.Series("all", index=table.index), False, True, people,
        "each subject is its own control; changes are compared between groups", notes,
    )  # fmt: skip


def _pairs(sheet: SampleSheet, asked: Contrast, reference: str | None) -> tuple[pd.DataFrame, str, str, list[str]]:
    """Return subject and time of the samples in complete pairs, the two times, and what was left out."""
    time, subject, notes = sheet.column("time"), sheet.column("subject"), []
    tested, base = choose_levels(sheet.roles["time"], list(time.unique()), asked, reference)
    table = pd.DataFrame({"subject": subject, "time": time})[time.isin([tested, base])]
    repeated = table[table.duplicated(keep=False)]
    if len(repeated):
        raise InputError(
            sheet.source, "a subject has two samples at the same time", value=few(repeated.index),
            hint="add up the counts of replicates of one sample first: they are not more people",
        )  # fmt: skip
    complete = table.groupby("subject")["time"].transform("nunique") == 2
    if not complete.all():
        notes.append(f"left out, because the other time is missing: {few(table.index[~complete], 8)}")
    if not complete.any():
        raise InputError(
            sheet.source,
            f"no subject was sampled both at {base!r} and at {tested!r}",
            hint="check the column of subjects",
        )
    return table[complete].copy(), tested, base, notes


def _batch(sheet: SampleSheet, table: pd.DataFrame, within: str | None, notes: list[str]) -> list[str]:
    """Put the batch into the table where it can matter; return the term."""
    if "batch" not in sheet.roles:
        return []
    batch = sheet.column("batch")[table.index]
    if batch.nunique() < 2:
        return []
    if within and (batch.groupby(table[within]).nunique() == 1).all():
        notes.append(f"the batch is the same within each {within}, which absorbs it")
        return []
    table["batch"] = batch
    return ["batch"]


def _subjects(sheet: SampleSheet, keep: pd.Series) -> pd.Series:
    names = (
        sheet.column("subject") if "subject" in sheet.roles else pd.Series(sheet.table.index, index=sheet.table.index)
    )
    return names[keep].rename("subject")


def _refuse_replicates(sheet: SampleSheet, subject: pd.Series) -> None:
    twice = subject[subject.duplicated(keep=False)]
    if len(twice):
        raise InputError(
            sheet.source, f"subject {twice.iloc[0]!r} has several samples",
            value=few(twice.index[twice == twice.iloc[0]]),
            hint="add up the counts of replicates of one sample first: they are not more people",
        )  # fmt: skip


def _dummies(table: pd.DataFrame, terms: list[str]) -> pd.DataFrame:
    columns = {"Intercept": pd.Series(1.0, index=table.index)}
    for term in terms:
        for level in sorted(table[term].unique())[1:]:
            columns[f"{term}[T.{level}]"] = (table[term] == level).astype(float)
    return pd.DataFrame(columns, index=table.index)


def _finished(
    name: str, terms: list[str], matrix: pd.DataFrame, label: str, factor: str, tested: str, base: str,
    subject: pd.Series,
    positive: pd.Series, strata: pd.Series, paired: bool, difference: bool, people: dict[str, int], matching: str,
    notes: list[str],
) -> Design:  # fmt: skip
    check_estimable("--design", matrix)
    contrast = np.zeros(matrix.shape[1])
    contrast[-1] = 1.0
    return Design(
        name, "~ " + " + ".join(terms), matrix, contrast, label, factor, tested, base, subject, positive, strata,
        paired, difference,
        people, matching, tuple(notes),
    )  # fmt: skip
