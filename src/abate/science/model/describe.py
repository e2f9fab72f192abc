"""A model for readers: its equations as LaTeX, its numbers as a table, both as one page of Markdown."""

from __future__ import annotations

import math
import re

import sympy

from abate.science.model.loading import available, load
from abate.science.model.model import Model, Parameter

__all__ = ["equations_page", "latex", "table"]

_SPREAD = {"lognormal": "log", "logitnormal": "logit", "normal": ""}


def latex(model: Model) -> str:
    """Return the equations of a model as a LaTeX ``align*`` environment, ready for a paper.

    Assignments come first, in the order in which they need each other, then the rates, then the starting values.

    Examples
    --------
    >>> from abate.science.model import load
    >>> print(latex(load("tocilizumab/ra")).splitlines()[1])
    C &= \\frac{\\mathrm{central}}{V_{1}} \\\\
    """
    lines = ["\\begin{align*}"]
    lines += [f"{_symbol(model, name)} &= {_formula(model, e)} \\\\" for name, e in model.assignments.items()]
    for name, rate in model.rates.items():
        symbol = _symbol(model, name)
        lines.append(f"\\frac{{\\mathrm{{d}}\\,{symbol}}}{{\\mathrm{{d}}t}} &= {_formula(model, rate)} \\\\")
    for name, start in model.initial.items():
        lines.append(f"{_symbol(model, name)}(0) &= {_formula(model, start)} \\\\")
    return "\n".join([*lines, "\\end{align*}"])


def table(model: Model) -> list[dict[str, str]]:
    """Return the numbers of a model, one row each, as text.

    Returns
    -------
    list of dict
        Keys ``name`` (as people write it), ``label``, ``value``, ``unit``, ``spread`` (between people), ``covariates``,
        ``grade``, ``source``; the numbers of the equations first, then those of the observation.

    Examples
    --------
    >>> from abate.science.model import load
    >>> row = table(load("tocilizumab/ra"))[0]
    >>> row["name"], row["value"], row["unit"], row["spread"], row["grade"]
    ('CL', '0.3', 'L/day', 'SD 0.376 (log)', 'verified')
    """
    return [
        {
            "name": model.spell(p.name),
            "label": p.label,
            "value": f"{p.value:.6g}",
            "unit": "" if p.unit == "dimensionless" else p.unit,
            "spread": _spread(p),
            "covariates": "" if p.covariates is None else str(p.covariates),
            "grade": p.grade,
            "source": p.source,
        }
        for group in (model.parameters, model.observation)
        for p in group.values()
    ]


def equations_page() -> str:
    """Return the page of all models of the library, in Markdown with TeX formulas.

    It is kept as ``docs/equations.md``; a test fails when the page and the model files disagree.
    """
    parts = [
        "# Equations and numbers",
        "",
        "Generated from the model files and their numbers: `abate library NAME --latex` and `--table` give one entry.",
        "Time is in days. A grade says how far to trust a number: verified, derived, calibrated, assumed, unverified.",
        "",
    ]
    for entry, sets in available().items():
        model = load(f"{entry}/{sets[0]}")
        if model.modules:
            continue  # The whole is its modules; its page would repeat theirs.
        parts += [f"## {entry}", "", "$$", *latex(model).replace("align*", "aligned").splitlines(), "$$", ""]
        for chosen in sets:
            parts += _numbers_section(load(f"{entry}/{chosen}"))
    return "\n".join(parts)


def _numbers_section(model: Model) -> list[str]:
    rows = [f"### {model.name}: {model.title}", ""]
    columns = ("name", "label", "value", "unit", "spread", "grade", "source")
    rows += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    rows += ["| " + " | ".join(row[c].replace("|", "\\|") for c in columns) + " |" for row in table(model)]
    factors = [f"- `{r['name']}` is multiplied by `{r['covariates']}`" for r in table(model) if r["covariates"]]
    pairs = [f"- correlation of `{a}` and `{b}`: {rho:g}" for (a, b), rho in model.correlations.items()]
    return [*rows, "", *factors, *pairs, *([""] if factors or pairs else [])]


def _spread(parameter: Parameter) -> str:
    if parameter.distribution == "none" or not math.isfinite(parameter.spread) or parameter.spread == 0:
        return ""
    scale = _SPREAD[parameter.distribution]
    return f"SD {parameter.spread:.3g}" + (f" ({scale})" if scale else "")


def _formula(model: Model, expression: sympy.Expr) -> str:
    names = {s: "t" if str(s) == "time" else _symbol(model, str(s)) for s in expression.free_symbols}
    return str(sympy.latex(expression, symbol_names=names, ln_notation=True, mul_symbol="\\,"))


def _symbol(model: Model, name: str) -> str:
    """Write a name as TeX: the module's prefix goes; single letters are italic with the rest below, words upright."""
    own = model.spell(name).rpartition(".")[2]
    letter = re.fullmatch(r"([A-Za-z])(?:(\d+)|_(\w+))?", own)
    if letter:
        head, digits, tail = letter.groups()
        below = digits or (f"\\mathrm{{{tail.replace('_', chr(92) + ' ')}}}" if tail else "")
        return f"{head}_{{{below}}}" if below else str(head)
    return f"\\mathrm{{{own.replace('_', chr(92) + ' ')}}}"
