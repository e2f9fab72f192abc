"""Conditions in instrument files: arithmetic, comparisons and three-valued logic on named values.

A condition is a Python-like expression of names, numbers, ``+ - * /``, comparisons, ``and``, ``or``, ``not``.
A name without a value is *unknown*; a comparison with it is unknown; ``unknown and false`` is false and
``unknown or true`` is true (Kleene's strong logic), so a missing answer never hides a verdict that it could not change.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache

__all__ = ["Value", "evaluate", "names_in"]

Value = Fraction | bool | None

_COMPARE: dict[type[ast.cmpop], Callable[[Fraction, Fraction], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def names_in(rule: str) -> tuple[str, ...]:
    """Return the names that a condition uses.

    Raises
    ------
    ValueError
        If it holds anything but names, numbers, arithmetic, comparisons and logic.

    Examples
    --------
    >>> names_in("wpi >= 7 and sss >= 5")
    ('wpi', 'sss')
    """
    tree = _parse(rule)
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED) or (isinstance(node, ast.Constant) and not _is_number(node.value)):
            raise ValueError(f"the rule {rule!r} holds {type(node).__name__}, which no rule may hold")
    return tuple(dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)))


def evaluate(rule: str, values: Mapping[str, Value]) -> Value:
    """Evaluate a condition or an expression.

    Parameters
    ----------
    rule : str
        The condition.
    values : mapping of name to Fraction, bool or None
        None = unknown. A name that is not there is unknown too.

    Returns
    -------
    Fraction, bool or None
        None when it cannot be known.

    Examples
    --------
    >>> from fractions import Fraction
    >>> evaluate("wpi >= 7 and sss >= 5", {"wpi": None, "sss": Fraction(2)})
    False
    >>> evaluate("wpi >= 7 and sss >= 5", {"wpi": None, "sss": Fraction(9)}) is None
    True
    """
    return _value(_parse(rule), values)


@cache
def _parse(rule: str) -> ast.expr:
    try:
        return ast.parse(rule, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"the rule {rule!r} cannot be read: {error.msg}") from error


_LOGIC: tuple[type[ast.AST], ...] = (ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub)
_VALUES: tuple[type[ast.AST], ...] = (ast.Compare, ast.BinOp, ast.Name, ast.Load, ast.Constant)
_ALLOWED: tuple[type[ast.AST], ...] = _LOGIC + _VALUES + tuple(_COMPARE) + tuple(_ARITHMETIC)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _value(node: ast.expr, values: Mapping[str, Value]) -> Value:
    if isinstance(node, ast.Constant):
        return Fraction(str(node.value))
    if isinstance(node, ast.Name):
        return values.get(node.id)
    if isinstance(node, ast.BoolOp):
        return _logic(node, values)
    if isinstance(node, ast.UnaryOp):
        inner = _value(node.operand, values)
        if isinstance(node.op, ast.Not):
            truth = _truth(inner)
            return None if truth is None else not truth
        return None if inner is None else -Fraction(inner)
    if isinstance(node, ast.Compare):
        return _compare(node, values)
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, values), _value(node.right, values)
        if left is None or right is None or (right == 0 and isinstance(node.op, ast.Div)):
            return None
        return _ARITHMETIC[type(node.op)](Fraction(left), Fraction(right))
    raise ValueError(f"a rule may not hold {type(node).__name__}")


def _truth(value: Value) -> bool | None:
    return None if value is None else bool(value)


def _logic(node: ast.BoolOp, values: Mapping[str, Value]) -> bool | None:
    parts = [_truth(_value(part, values)) for part in node.values]
    deciding = isinstance(node.op, ast.Or)
    if deciding in parts:
        return deciding
    return None if None in parts else not deciding


def _compare(node: ast.Compare, values: Mapping[str, Value]) -> bool | None:
    chain = [_value(part, values) for part in (node.left, *node.comparators)]
    verdicts: list[bool | None] = []
    for test, left, right in zip(node.ops, chain, chain[1:], strict=False):
        known = left is not None and right is not None
        verdicts.append(_COMPARE[type(test)](Fraction(left), Fraction(right)) if known else None)  # type: ignore[arg-type]
    if False in verdicts:
        return False
    return None if None in verdicts else True
