"""Designs by formula, for those who want them: ``~ batch + condition``."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from abate.ground.errors import InputError
from abate.ground.extras import optional
from abate.ground.files import did_you_mean
from abate.study.expression.contrast import Contrast, choose_levels, first_level, ordered
from abate.study.expression.counts import few
from abate.study.expression.design import Design, check_estimable, check_sides
from abate.study.expression.sheet import SampleSheet, as_text

__all__ = ["formula_design", "formula_table", "model_matrix"]


def formula_design(sheet: SampleSheet, formula: str, asked: Contrast, reference: str | None) -> Design:
    """Build the design of a formula; without a contrast, the last term is tested, as DESeq2 does.

    Parameters
    ----------
    sheet : SampleSheet
    formula : str
        Right-hand side with a leading ``~``; columns of the sheet.
    asked : Contrast
    reference : str or None

    Raises
    ------
    InputError
        If a column is unknown or has gaps, the formula cannot be read, the contrast is not in it, or it is confounded.
    """
    sheet, formula, original = _plain(sheet, formula)
    named = {name: word for word, name in original.items()}
    asked = replace(asked, factor=named.get(asked.factor or "", asked.factor))
    table = _named_columns(sheet, formula, "--design")
    if table.empty:
        raise InputError("--design", "the formula names no column", value=formula, allowed="~ batch + condition")
    exact = asked.factor if asked.tested is None else None
    factor = _factor(table, formula, asked) if exact is None or exact in table else None
    tested = base = ""
    if factor is not None and table[factor].dtype == object:
        tested, base = _levels(factor, table[factor], asked, reference)
    for name in table:
        if table[name].dtype == object:
            levels = ordered(list(table[name].unique()))
            first = base if name == factor else first_level(levels)
            table[name] = pd.Categorical(table[name], [first, *[level for level in levels if level != first]])
    matrix = model_matrix(formula, table)
    check_estimable("--design", matrix)
    if factor is None:
        contrast, label = _coefficient(matrix, str(exact)), str(exact)
    else:
        contrast = _contrast(matrix, factor, tested, base)
        label = f"{factor}: {tested} vs {base}" if tested else f"{factor}: per unit"
    design = _described(sheet, formula, matrix, contrast, label, factor, tested, base, table)
    return replace(design, factor=original.get(design.factor, design.factor))


def _plain(sheet: SampleSheet, formula: str) -> tuple[SampleSheet, str, dict[str, str]]:
    """Give columns whose names are no plain words (``cell.type``, ``age at entry``) one that a formula can hold.

    Returns
    -------
    sheet, formula : with the plain names
    original : dict of plain name to column

    Examples
    --------
    >>> sheet = SampleSheet(pd.DataFrame({"cell.type": ["x"], "group": ["y"]}), {}, "samples.csv")
    >>> _plain(sheet, "~ cell.type + group")[1]
    '~ cell_type + group'
    """
    columns = [str(c) for c in sheet.table.columns]
    plain: dict[str, str] = {}
    for name in sorted((c for c in columns if not c.isidentifier()), key=len, reverse=True):
        word = re.sub(r"\W+", "_", name).strip("_") or "column"
        word = f"x{word}" if word[0].isdigit() else word
        while word in columns or word in plain.values():
            word += "_"
        plain[name] = word
        formula = re.sub(rf"(?<![\w.])`?{re.escape(name)}`?(?![\w.])", word, formula)
    roles = {role: plain.get(name, name) for role, name in sheet.roles.items()}
    renamed = replace(sheet, table=sheet.table.rename(columns=plain), roles=roles)
    return renamed, formula, {word: name for name, word in plain.items()}


def formula_table(sheet: SampleSheet, formula: str, option: str) -> tuple[str, pd.DataFrame]:
    """Return a formula with plain names, and the columns of the sheet that it names.

    Parameters
    ----------
    sheet : SampleSheet
    formula : str
    option : str
        Which option gave it, for errors.

    Raises
    ------
    InputError
        If the formula cannot be read, a column is unknown or has gaps.
    """
    sheet, formula, _ = _plain(sheet, formula)
    return formula, _named_columns(sheet, formula, option)


def _named_columns(sheet: SampleSheet, formula: str, option: str) -> pd.DataFrame:
    formulas = optional("formulaic")
    try:
        variables = sorted(str(v) for v in formulas.Formula(formula.replace("~", "", 1)).required_variables)
    except Exception as error:
        raise InputError(option, "this formula cannot be read", value=formula, allowed="~ batch + condition") from error
    return _variables(sheet, variables, option)


def _variables(sheet: SampleSheet, variables: list[str], option: str) -> pd.DataFrame:
    blocks = {sheet.roles[role] for role in ("subject", "batch", "set") if role in sheet.roles}
    columns = {}
    for name in variables:
        if name not in sheet.table.columns:
            there = [str(c) for c in sheet.table.columns]
            raise InputError(
                option,
                f"{sheet.source} has no such column",
                value=name,
                allowed=there,
                hint=did_you_mean(name, there),
            )
        column = sheet.table[name]
        if column.isna().any():
            row = column.index[int(column.isna().to_numpy().argmax())]
            raise InputError(
                f"{sheet.source}, sample {row}, {name}",
                "the value is missing",
                hint="fill it in, or take the sample out",
            )
        numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        columns[name] = column.astype(float) if numeric and name not in blocks else as_text(column).astype(object)
    return pd.DataFrame(columns, index=sheet.table.index)


def _factor(table: pd.DataFrame, formula: str, asked: Contrast) -> str:
    if asked.factor is not None:
        if asked.factor in table:
            return asked.factor
        raise InputError(
            "--contrast", "the formula has no such column", value=asked.factor, allowed=list(table.columns),
            hint=did_you_mean(asked.factor, table.columns),
        )  # fmt: skip
    if asked.tested is not None:
        having = [name for name in table if asked.tested in set(table[name].astype(str))]
        if len(having) == 1:
            return str(having[0])
        many = "several columns have this level" if having else "no column of the formula has this level"
        raise InputError(
            "--contrast", many,
            value=asked.tested, allowed=[str(name) for name in having or table.columns],
            hint="write 'COLUMN: TESTED vs REFERENCE'",
        )  # fmt: skip
    # The column named last in the formula.
    return max(table.columns, key=lambda name: formula.rfind(str(name)))


def _levels(factor: str, column: pd.Series, asked: Contrast, reference: str | None) -> tuple[str, str]:
    levels = list(column.unique())
    if asked.tested is None and len(levels) > 2:
        base = reference if reference is not None else first_level(ordered(levels))
        asked = Contrast(factor, [level for level in ordered(levels) if level != base][-1], base)
    return choose_levels(factor, levels, asked, reference)


def _contrast(matrix: pd.DataFrame, factor: str, tested: str, base: str) -> npt.NDArray[np.float64]:
    names = [str(c) for c in matrix.columns]
    vector = np.zeros(len(names))
    wanted = [f"{factor}[T.{tested}]", f"C({factor})[T.{tested}]"] if tested else [factor]
    found = [name for name in wanted if name in names]
    if found:
        vector[names.index(found[0])] = 1.0
    elif f"{factor}[{tested}]" in names and f"{factor}[{base}]" in names:
        # A formula without intercept has one coefficient a level.
        vector[names.index(f"{factor}[{tested}]")], vector[names.index(f"{factor}[{base}]")] = 1.0, -1.0
    else:
        raise InputError(
            "--contrast", "this contrast is no coefficient of the formula", value=f"{factor}: {tested} vs {base}",
            allowed=names, hint="name a coefficient with --contrast",
        )  # fmt: skip
    return vector


def _coefficient(matrix: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    names = [str(c) for c in matrix.columns]
    if name not in names:
        raise InputError(
            "--contrast",
            "no column and no coefficient has this name",
            value=name,
            allowed=names,
            hint=did_you_mean(name, names),
        )
    vector = np.zeros(len(names))
    vector[names.index(name)] = 1.0
    return vector


def _described(
    sheet: SampleSheet, formula: str, matrix: pd.DataFrame, contrast: npt.NDArray[np.float64], label: str,
    factor: str | None,
    tested: str, base: str, table: pd.DataFrame,
) -> Design:  # fmt: skip
    subject = sheet.column("subject") if "subject" in sheet.roles else pd.Series(table.index, index=table.index)
    notes: list[str] = []
    positive, people, paired = None, {"subjects": int(subject.nunique())}, False
    others = [name for name in table if name != factor]
    strata = pd.Series("all", index=table.index)
    if tested:
        used = table[factor].isin([tested, base])
        sides = {side: table[factor] == side for side in (tested, base)}
        people = {side: int(subject[rows].nunique()) for side, rows in sides.items()}
        check_sides(sheet.source, people, [int(rows.sum()) for rows in sides.values()])
        inside = subject[used].groupby(subject[used]).size()
        paired = bool((inside > 1).all()) and any(
            table[name].astype(str).equals(subject.astype(str)) for name in others
        )
        if any(isinstance(table[name].dtype, pd.CategoricalDtype) is False for name in others) or any(
            m in formula for m in ":*"
        ):
            notes.append("labels cannot be exchanged under this formula, so there is no permutation")
        elif used.all():
            positive = table[factor] == tested
            if others:
                strata = table[others].astype(str).agg(" / ".join, axis=1)
        else:
            notes.append(f"{factor} has more levels than the two compared, so there is no permutation")
    if ":" in formula or "*" in formula:
        notes.append("with an interaction, this is the effect at the reference level of the other column")
    warnings = _pretended(sheet, subject, table, factor)
    matching = f"within {' and '.join(map(str, others))}" if others else "none: groups are compared as they are"
    return Design(
        "formula", formula.strip(), matrix, contrast, label, factor or label, tested, base, subject, positive, strata,
        paired, False,
        people, matching, tuple(notes), warnings,
    )  # fmt: skip


def _pretended(sheet: SampleSheet, subject: pd.Series, table: pd.DataFrame, factor: str | None) -> tuple[str, ...]:
    """Warn where a person was sampled several times and the formula takes the samples for different people."""
    sampled = subject.value_counts()
    several = sampled.index[sampled > 1]
    # A column of which every level is one person tells the people apart.
    apart = any(int(subject.groupby(table[name].astype(str)).nunique().max()) == 1 for name in table)
    if not len(several) or apart:
        return ()
    way = {"time": "before vs after", "group": "patients vs controls"}
    named = next((way[role] for role in way if sheet.roles.get(role) == factor), "both")
    column = sheet.roles["subject"]
    return (
        f"{len(several)} subjects have several samples ({few(several)}), and this formula takes each sample for another"
        f" person: its p values are wrong; take --design {named!r}, or put the subject into the formula"
        f" (~ {column} + {factor or 'time'})",
    )


def model_matrix(formula: str, table: pd.DataFrame, option: str = "--design") -> pd.DataFrame:
    """Return the columns of a formula, one row a row of the table.

    Parameters
    ----------
    formula : str
        With its leading ``~``.
    table : DataFrame
        Holds the columns that the formula names.
    option : str
        Which option gave it, for errors.

    Raises
    ------
    InputError
        If the formula cannot be built on this table.
    MissingExtra
        Unless the extra ``expression`` is installed.

    Examples
    --------
    >>> model_matrix("~ arm", pd.DataFrame({"arm": ["a", "b", "b"]}, index=["x", "y", "z"])).to_dict("list")
    {'Intercept': [1.0, 1.0, 1.0], 'arm[T.b]': [0.0, 1.0, 1.0]}
    """
    formulas = optional("formulaic")
    try:
        made = pd.DataFrame(formulas.model_matrix(formula.replace("~", "", 1), table)).astype(float)
    except Exception as error:
        raise InputError(option, f"this formula cannot be built ({error})", value=formula) from error
    return made.set_axis(table.index, axis=0)
