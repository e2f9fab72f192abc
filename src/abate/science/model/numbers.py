"""Numbers of a model from TOML: parameters with unit, source and grade, doses, inputs, outputs, covariates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from abate.ground.files import Document, did_you_mean
from abate.ground.quantity import GRADES
from abate.ground.units import convert, dimension
from abate.science.model.model import Covariate, DoseTarget, Input, Output, Parameter, Residual

__all__ = ["Numbers", "read_numbers"]

_TABLES = {
    "parameters", "observation", "inputs", "outputs", "doses", "covariates", "correlations", "units",
    "title", "extends", "default", "modules", "quasi_steady",
}  # fmt: skip
_PARAMETER_KEYS = {
    "value", "unit", "in", "source", "grade", "label", "cv", "sd_log", "sd_logit", "sd", "covariates",
}  # fmt: skip
_SPREADS = {"cv": "lognormal", "sd_log": "lognormal", "sd_logit": "logitnormal", "sd": "normal"}


@dataclass(frozen=True)
class Numbers:
    """What one TOML file, with the files it extends, says about a module; names are the module's own."""

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    observation: Mapping[str, Parameter] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    doses: Mapping[tuple[str, str], DoseTarget] = field(default_factory=dict)
    covariates: Mapping[str, Covariate] = field(default_factory=dict)
    correlations: Mapping[tuple[str, str], float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    quasi_steady: tuple[str, ...] = ()
    title: str = ""
    warnings: tuple[str, ...] = ()

    def over(self, base: Numbers) -> Numbers:
        """Return these numbers laid over a base: what is said here wins, entry by entry."""
        tables = ("parameters", "observation", "inputs", "outputs", "doses", "covariates", "correlations", "units")
        merged = {name: {**getattr(base, name), **getattr(self, name)} for name in tables}
        fast = tuple(dict.fromkeys([*base.quasi_steady, *self.quasi_steady]))
        warnings = (*base.warnings, *self.warnings)
        return replace(self, **merged, quasi_steady=fast, title=self.title or base.title, warnings=warnings)


def read_numbers(document: Document, *, strict: bool) -> Numbers:
    """Read one parameter file.

    Parameters
    ----------
    document : Document
        From `abate.ground.files.load_toml`.
    strict : bool
        In the library a number without unit, source or grade is refused; in a user's file it is a warning.

    Raises
    ------
    InputError
        For an unknown key (with the nearest one), a missing or unusable value, or an unknown unit.
    """
    data = document.data
    for key in data:
        if key not in _TABLES:
            raise document.error((key,), "there is no such table", hint=did_you_mean(key, _TABLES))
    warnings: list[str] = []
    return Numbers(
        parameters=_parameters(document, "parameters", strict, warnings),
        observation=_parameters(document, "observation", strict, warnings),
        inputs={k: _entry(document, "inputs", k, v, Input, name=k) for k, v in data.get("inputs", {}).items()},
        outputs={k: _output(document, k, v) for k, v in data.get("outputs", {}).items()},
        doses={
            _drug_route(document, k): _entry(document, "doses", k, v, DoseTarget)
            for k, v in data.get("doses", {}).items()
        },
        covariates={
            k: _entry(document, "covariates", k, v, Covariate, name=k) for k, v in data.get("covariates", {}).items()
        },
        correlations=_correlations(document),
        units=dict(data.get("units", {})),
        quasi_steady=_names(document, "quasi_steady"),
        title=data.get("title", ""),
        warnings=tuple(warnings),
    )


def _names(document: Document, key: str) -> tuple[str, ...]:
    given = document.data.get(key, [])
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise document.error((key,), "this is not a list of names", allowed='["x1", "x2"]')
    return tuple(given)


def _parameters(document: Document, table: str, strict: bool, warnings: list[str]) -> dict[str, Parameter]:
    found = {}
    for name, row in document.data.get(table, {}).items():
        key = (table, name)
        if not isinstance(row, dict):
            row = {"value": row}
        for word in row:
            if word not in _PARAMETER_KEYS:
                raise document.error((*key, word), "there is no such key", hint=did_you_mean(word, _PARAMETER_KEYS))
        value = row.get("value")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise document.error((*key, "value"), "a parameter needs a number", value=value)
        missing = [word for word in ("unit", "source", "grade") if not row.get(word)]
        if missing and strict:
            raise document.error(key, f"a number of the library needs its {' and '.join(missing)}", value=value)
        if missing:
            warnings.append(f"{document.where(key)}: no {', '.join(missing)} given")
        grade = row.get("grade", "assumed")
        if grade not in GRADES:
            raise document.error((*key, "grade"), "this is no grade", value=grade, allowed=GRADES)
        found[name] = _parameter(document, key, name, row, float(value))
    return found


def _parameter(document: Document, key: tuple[str, str], name: str, row: Mapping[str, Any], value: float) -> Parameter:
    unit = row.get("unit", "")
    if unit:
        dimension(unit, where=document.where((*key, "unit")))
    if "in" in row:
        value, unit = convert(value, unit, row["in"], where=document.where((*key, "in"))), row["in"]
    spreads = [word for word in _SPREADS if word in row]
    if len(spreads) > 1:
        raise document.error(key, "the spread is given twice", value=spreads, allowed="one of cv, sd_log, sd_logit, sd")
    distribution, spread = "none", 0.0
    if spreads:
        distribution, spread = _SPREADS[spreads[0]], float(row[spreads[0]])
        if not (math.isfinite(spread) and spread >= 0):
            raise document.error((*key, spreads[0]), "a spread is 0 or more", value=spread)
        if spreads[0] == "cv":
            spread = math.sqrt(math.log1p(spread**2))
        if distribution == "lognormal" and value <= 0:
            raise document.error((*key, "value"), "a lognormal number is positive", value=value)
        if distribution == "logitnormal" and not 0 < value < 1:
            raise document.error((*key, "value"), "a logit-normal number lies between 0 and 1", value=value)
    return Parameter(
        name=name,
        value=value,
        unit=unit,
        source=row.get("source", ""),
        grade=row.get("grade", "assumed"),
        label=row.get("label", ""),
        distribution=distribution,  # type: ignore[arg-type]
        spread=spread,
        covariates=_expression(document, (*key, "covariates"), row["covariates"]) if "covariates" in row else None,
    )


def _expression(document: Document, key: tuple[str, ...], text: str) -> sympy.Expr:
    """Read a covariate factor; its names become plain symbols, whatever SymPy would make of them."""
    import libsbml

    from abate.science.model.mathml import FormulaReader

    node = libsbml.parseL3Formula(text)
    if node is None:
        raise document.error(key, "this formula cannot be read", value=text, allowed="like (bsa/1.8)^0.7")
    expression: sympy.Expr = FormulaReader(libsbml.Model(3, 2), document.where(key)).read(node)
    return expression


def _entry(document: Document, table: str, key: str, row: Any, kind: Any, **more: Any) -> Any:
    """Build a dataclass from a table, refusing words that it does not know."""
    allowed = [word for word in kind.__dataclass_fields__ if word not in more]
    if not isinstance(row, dict):
        raise document.error((table, key), "this must be a table", allowed=allowed)
    for word in row:
        if word not in allowed:
            raise document.error((table, key, word), "there is no such key", hint=did_you_mean(word, allowed))
    try:
        entry = kind(**more, **row)
    except TypeError as error:
        raise document.error((table, key), "a key is missing", allowed=allowed) from error
    if entry.unit:
        dimension(entry.unit, where=document.where((table, key, "unit")))
    return entry


def _output(document: Document, key: str, row: Any) -> Output:
    if isinstance(row, dict) and "residual" in row:
        wrong = [word for word in row["residual"] if word not in Residual.__dataclass_fields__]
        if wrong:
            raise document.error(("outputs", key, "residual"), "there is no such key", value=wrong[0])
        row = {**row, "residual": Residual(**row["residual"])}
    output: Output = _entry(document, "outputs", key, row, Output, name=key)
    return output


def _drug_route(document: Document, key: str) -> tuple[str, str]:
    drug, _, route = key.partition(" ")
    if not route:
        raise document.error(("doses", key), "a dose is named by drug and route", value=key, allowed='"tocilizumab sc"')
    return drug, route


def _correlations(document: Document) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for index, row in enumerate(document.data.get("correlations", [])):
        key = ("correlations", index)
        pair = row.get("between", [])
        if len(pair) != 2 or "value" not in row:
            raise document.error(key, "a correlation is between two parameters", allowed="between = [..], value = ..")
        if not -1 < row["value"] < 1:
            raise document.error(key, "a correlation lies between -1 and 1", value=row["value"])
        found[(str(pair[0]), str(pair[1]))] = float(row["value"])
    return found
