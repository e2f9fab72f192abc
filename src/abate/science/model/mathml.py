"""The formulas of SBML as SymPy: a walk over libsbml's tree."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import libsbml
import sympy

from abate.ground.errors import InputError
from abate.science.model.equations import TIME

__all__ = ["FormulaReader"]

Node = Any

_ZERO, _ONE = sympy.Integer(0), sympy.Integer(1)


def _truth(value: Any) -> Any:
    """Read a value where a truth is needed: SBML counts every number but 0 as true."""
    return value if isinstance(value, (sympy.logic.boolalg.Boolean, bool)) else sympy.Ne(value, 0)


def _number(value: Any) -> Any:
    """Read a truth where a number is needed: 1 or 0."""
    if value is sympy.true or value is True:
        return _ONE
    if value is sympy.false or value is False:
        return _ZERO
    if isinstance(value, sympy.logic.boolalg.Boolean) and not isinstance(value, sympy.Symbol):
        return sympy.Piecewise((_ONE, value), (_ZERO, True))
    return value


def _chain(relation: Callable[[Any, Any], Any], values: list[Any]) -> Any:
    return sympy.And(*[relation(a, b) for a, b in pairwise(values)])


def _odd(truths: list[Any]) -> Any:
    return sympy.Xor(*truths) if truths else sympy.false


def _root(values: list[Any]) -> Any:
    degree, base = (sympy.Integer(2), values[0]) if len(values) == 1 else values
    return sympy.sqrt(base) if degree == 2 else base ** (1 / degree)


def _quotient(values: list[Any]) -> Any:
    ratio = values[0] / values[1]
    return sympy.Piecewise((sympy.floor(ratio), ratio >= 0), (sympy.ceiling(ratio), True))


def _log(values: list[Any]) -> Any:
    base, argument = (sympy.Integer(10), values[0]) if len(values) == 1 else values
    return sympy.log(argument) / sympy.log(base)


def _minus(values: list[Any]) -> Any:
    return -values[0] if len(values) == 1 else values[0] - values[1]


_FUNCTIONS: dict[int, Callable[[list[Any]], Any]] = {
    libsbml.AST_PLUS: lambda v: sympy.Add(*v),
    libsbml.AST_TIMES: lambda v: sympy.Mul(*v),
    libsbml.AST_MINUS: _minus,
    libsbml.AST_DIVIDE: lambda v: v[0] / v[1],
    libsbml.AST_POWER: lambda v: v[0] ** v[1],
    libsbml.AST_FUNCTION_POWER: lambda v: v[0] ** v[1],
    libsbml.AST_FUNCTION_ROOT: _root,
    libsbml.AST_FUNCTION_LN: lambda v: sympy.log(v[0]),
    libsbml.AST_FUNCTION_LOG: _log,
    libsbml.AST_FUNCTION_MIN: lambda v: sympy.Min(*v),
    libsbml.AST_FUNCTION_MAX: lambda v: sympy.Max(*v),
    libsbml.AST_FUNCTION_REM: lambda v: v[0] - v[1] * _quotient(v),
    libsbml.AST_FUNCTION_QUOTIENT: _quotient,
    libsbml.AST_FUNCTION_EXP: lambda v: sympy.exp(v[0]),
    libsbml.AST_FUNCTION_ABS: lambda v: sympy.Abs(v[0]),
    libsbml.AST_FUNCTION_FLOOR: lambda v: sympy.floor(v[0]),
    libsbml.AST_FUNCTION_CEILING: lambda v: sympy.ceiling(v[0]),
    libsbml.AST_FUNCTION_FACTORIAL: lambda v: sympy.factorial(v[0]),
}


def _unary(function: Any) -> Callable[[list[Any]], Any]:
    return lambda values: function(values[0])


# Trigonometric functions share their names with SymPy but for the "arc".
for _name in ("SIN", "COS", "TAN", "SEC", "CSC", "COT", "SINH", "COSH", "TANH", "SECH", "CSCH", "COTH"):
    _FUNCTIONS[getattr(libsbml, f"AST_FUNCTION_{_name}")] = _unary(getattr(sympy, _name.lower()))
    _FUNCTIONS[getattr(libsbml, f"AST_FUNCTION_ARC{_name}")] = _unary(getattr(sympy, f"a{_name.lower()}"))

_RELATIONS: dict[int, Callable[[list[Any]], Any]] = {
    libsbml.AST_RELATIONAL_EQ: lambda v: _chain(sympy.Eq, v),
    libsbml.AST_RELATIONAL_NEQ: lambda v: _chain(sympy.Ne, v),
    libsbml.AST_RELATIONAL_LT: lambda v: _chain(sympy.Lt, v),
    libsbml.AST_RELATIONAL_LEQ: lambda v: _chain(sympy.Le, v),
    libsbml.AST_RELATIONAL_GT: lambda v: _chain(sympy.Gt, v),
    libsbml.AST_RELATIONAL_GEQ: lambda v: _chain(sympy.Ge, v),
}

_LOGIC: dict[int, Callable[[list[Any]], Any]] = {
    libsbml.AST_LOGICAL_AND: lambda v: sympy.And(*v),
    libsbml.AST_LOGICAL_OR: lambda v: sympy.Or(*v),
    libsbml.AST_LOGICAL_XOR: _odd,
    libsbml.AST_LOGICAL_NOT: lambda v: sympy.Not(v[0]),
    libsbml.AST_LOGICAL_IMPLIES: lambda v: sympy.Or(sympy.Not(v[0]), v[1]),
}

_CONSTANTS: dict[int, Any] = {
    libsbml.AST_CONSTANT_PI: sympy.pi,
    libsbml.AST_CONSTANT_E: sympy.E,
    libsbml.AST_CONSTANT_TRUE: sympy.true,
    libsbml.AST_CONSTANT_FALSE: sympy.false,
    libsbml.AST_NAME_TIME: TIME,
    # By definition of the SBML specification, not a measured number.
    libsbml.AST_NAME_AVOGADRO: sympy.Float("6.02214179e23", 17),
}


class FormulaReader:
    """Turn libsbml formulas into SymPy, with function definitions written out.

    Parameters
    ----------
    model : libsbml.Model
        Whose function definitions may be called.
    where : str
        Named in errors.
    """

    def __init__(self, model: Any, where: str) -> None:
        self._where = where
        self._functions = {f.getId(): f.getMath() for f in model.getListOfFunctionDefinitions()}
        self.rate_of: Callable[[str], sympy.Expr] | None = None

    def read(self, node: Node, local: Mapping[str, Any] | None = None) -> Any:
        """Return the formula as a number-valued SymPy expression.

        Raises
        ------
        InputError
            For a formula that is empty or uses something outside core SBML, by name.
        """
        return _number(self._walk(node, local or {}))

    def truth(self, node: Node) -> Any:
        """Return a condition as a SymPy truth."""
        return _truth(self._walk(node, {}))

    def _walk(self, node: Node, local: Mapping[str, Any]) -> Any:
        if node is None:
            raise InputError(self._where, "a formula is missing", hint="give every rule and reaction its formula")
        kind = node.getType()
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if node.isNumber():
            return self._literal(node)
        if kind == libsbml.AST_NAME:
            name = node.getName()
            return local[name] if name in local else sympy.Symbol(name)
        if kind == libsbml.AST_FUNCTION_RATE_OF:
            return self._rate_of(node)
        children = [self._walk(node.getChild(i), local) for i in range(node.getNumChildren())]
        if kind in _FUNCTIONS:
            return _FUNCTIONS[kind]([_number(child) for child in children])
        if kind in _RELATIONS:
            return _RELATIONS[kind]([_number(child) for child in children])
        if kind in _LOGIC:
            return _LOGIC[kind]([_truth(child) for child in children])
        if kind == libsbml.AST_FUNCTION_PIECEWISE:
            return self._piecewise(children)
        if kind == libsbml.AST_FUNCTION:
            return self._call(node.getName(), children)
        what = "delay" if kind == libsbml.AST_FUNCTION_DELAY else (node.getName() or f"node type {kind}")
        raise InputError(
            self._where, "this is not supported in a formula", value=what, hint="write the model without it"
        )

    def _literal(self, node: Node) -> Any:
        if node.isInteger():
            return sympy.Integer(node.getInteger())
        if node.getType() == libsbml.AST_RATIONAL:
            return sympy.Rational(node.getNumerator(), node.getDenominator())
        value = node.getValue()
        if math.isnan(value):
            return sympy.nan
        if math.isinf(value):
            return sympy.oo if value > 0 else -sympy.oo
        return sympy.Integer(int(value)) if value.is_integer() and abs(value) < 1e6 else sympy.Float(value, 17)

    def _piecewise(self, children: list[Any]) -> Any:
        pairs = [
            (_number(children[i]), _truth(children[i + 1])) for i in range(0, len(children) - len(children) % 2, 2)
        ]
        if len(children) % 2:
            pairs.append((_number(children[-1]), True))
        return sympy.Piecewise(*pairs) if pairs else sympy.nan

    def _call(self, name: str, arguments: list[Any]) -> Any:
        if name not in self._functions:
            raise InputError(self._where, "this function is not defined in the model", value=name)
        body = self._functions[name]
        count = body.getNumChildren() - 1
        names = [body.getChild(i).getName() for i in range(count)]
        return self._walk(body.getChild(count), dict(zip(names, arguments, strict=True)))

    def _rate_of(self, node: Node) -> Any:
        if self.rate_of is None:
            raise InputError(self._where, "rateOf is not supported here", value=node.getChild(0).getName())
        return self.rate_of(node.getChild(0).getName())
