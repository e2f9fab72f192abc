"""SymPy expressions as lines of Python that numba compiles for floats and for lanes alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import sympy
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

_FUNCTIONS: dict[type[sympy.Basic], str] = {
    sympy.exp: "exp({0})",
    sympy.log: "log({0})",
    sympy.sin: "sin({0})",
    sympy.cos: "cos({0})",
    sympy.tan: "tan({0})",
    sympy.cot: "(1.0 / tan({0}))",
    sympy.sec: "(1.0 / cos({0}))",
    sympy.csc: "(1.0 / sin({0}))",
    sympy.sinh: "sinh({0})",
    sympy.cosh: "cosh({0})",
    sympy.tanh: "tanh({0})",
    sympy.coth: "(1.0 / tanh({0}))",
    sympy.sech: "(1.0 / cosh({0}))",
    sympy.csch: "(1.0 / sinh({0}))",
    sympy.asin: "asin({0})",
    sympy.acos: "acos({0})",
    sympy.atan: "atan({0})",
    sympy.acot: "atan(1.0 / ({0}))",
    sympy.asec: "acos(1.0 / ({0}))",
    sympy.acsc: "asin(1.0 / ({0}))",
    sympy.asinh: "asinh({0})",
    sympy.acosh: "acosh({0})",
    sympy.atanh: "atanh({0})",
    sympy.acoth: "atanh(1.0 / ({0}))",
    sympy.asech: "acosh(1.0 / ({0}))",
    sympy.acsch: "asinh(1.0 / ({0}))",
    sympy.floor: "floor({0})",
    sympy.ceiling: "ceiling({0})",
    sympy.factorial: "gamma({0} + 1.0)",
    sympy.gamma: "gamma({0})",
    sympy.Abs: "magnitude({0})",
}

_RELATIONS: dict[type[sympy.Basic], str] = {
    sympy.StrictLessThan: "<",
    sympy.LessThan: "<=",
    sympy.StrictGreaterThan: ">",
    sympy.GreaterThan: ">=",
    sympy.Equality: "==",
    sympy.Unequality: "!=",
}


class UnsupportedExpression(ValueError):
    """A kind of expression that the kernels do not compute."""


class Printer:
    """Prints expressions in order, writing shared integer powers as products of temporaries."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._powers: dict[tuple[sympy.Expr, int], str] = {}
        self._reciprocals: dict[sympy.Expr, sympy.Symbol] = {}

    def assign(self, name: str, expression: sympy.Basic) -> None:
        """Add the line ``name = expression``."""
        text = self.text(expression)
        self.lines.append(f"{name} = {text}")

    def text(self, node: sympy.Basic) -> str:
        """``node`` as Python source, parenthesised where needed."""
        if isinstance(node, sympy.Symbol):
            return str(node.name)
        if isinstance(node, BooleanTrue | BooleanFalse):
            return str(bool(node))
        if isinstance(node, sympy.Expr) and node.is_number:
            return _number(node)
        printer = self._structural().get(type(node))
        if printer is not None:
            return str(printer(node))
        if type(node) in _RELATIONS:
            left, right = (self.text(a) for a in node.args)
            return f"({left} {_RELATIONS[type(node)]} {right})"
        if type(node) in _FUNCTIONS:
            return _FUNCTIONS[type(node)].format(*(self.text(a) for a in node.args))
        raise UnsupportedExpression(f"{type(node).__name__} in {node} is not supported")

    def _structural(self) -> dict[type[sympy.Basic], Callable[[sympy.Basic], str]]:
        return {
            sympy.Add: self._sum,
            sympy.Mul: self._product,
            sympy.Pow: self._power,
            sympy.Mod: self._modulo,
            sympy.Piecewise: self._piecewise,
            sympy.And: lambda node: self._chain("both", node.args),
            sympy.Or: lambda node: self._chain("either", node.args),
            sympy.Xor: lambda node: self._chain("one_of", node.args),
            sympy.Max: lambda node: self._chain("maximum", node.args),
            sympy.Min: lambda node: self._chain("minimum", node.args),
            sympy.ITE: self._if_then_else,
            sympy.Not: lambda node: f"opposite({self.text(node.args[0])})",
        }

    def _chain(self, function: str, args: Sequence[sympy.Basic]) -> str:
        text = self.text(args[0])
        for argument in args[1:]:
            text = f"{function}({text}, {self.text(argument)})"
        return text

    def _if_then_else(self, node: sympy.Basic) -> str:
        condition, chosen, otherwise = (self.text(a) for a in node.args)
        return f"either(both({condition}, {chosen}), both(opposite({condition}), {otherwise}))"

    def _sum(self, node: sympy.Basic) -> str:
        pieces: list[str] = []
        # numbers last: a*b + c*d + 1 fuses better than a sum that starts from a constant
        for term in sorted(node.args, key=lambda a: bool(a.is_number)):
            coefficient, _ = term.as_coeff_Mul()
            negative = bool(coefficient.is_number and coefficient.is_negative)
            text = self.text(-term if negative else term)
            pieces.append(f"{'-' if negative else '+'} {text}")
        first = pieces[0]
        text = first[2:] if first.startswith("+") else f"-{first[2:]}"
        return f"({' '.join([text, *pieces[1:]])})"

    def _product(self, node: sympy.Basic) -> str:
        factors = [self.text(factor) for factor in node.args if factor != -1]
        sign = "-" if sympy.Integer(-1) in node.args else ""
        return f"({sign}{' * '.join(factors)})"

    def _power(self, node: sympy.Basic) -> str:
        base, exponent = node.args
        if base == sympy.E:
            return f"exp({self.text(exponent)})"
        if exponent.is_Rational and (2 * exponent).is_Integer and abs(exponent) <= 32:
            return self._rational_power(base, exponent)
        return f"power({self.text(base)}, {self.text(exponent)})"

    def _rational_power(self, base: sympy.Expr, exponent: sympy.Rational) -> str:
        """Whole and half powers as products and a square root; negative ones of the shared reciprocal."""
        if exponent.is_negative:
            base, exponent = self._reciprocal(base), -exponent
        whole, half = divmod(exponent, 1)
        parts = [self._whole_power(base, int(whole))] if whole else []
        if half:
            parts.append(f"root({self.text(base)})")
        product = " * ".join(parts)
        return f"({product})" if len(parts) > 1 else product

    def _reciprocal(self, base: sympy.Expr) -> sympy.Symbol:
        """A division costs as much as sixteen products: one for each denominator."""
        if base not in self._reciprocals:
            self._reciprocals[base] = sympy.Symbol(self._bind(f"1.0 / {self.text(base)}"))
        return self._reciprocals[base]

    def _whole_power(self, base: sympy.Expr, exponent: int) -> str:
        key = (base, exponent)
        if key not in self._powers:
            if exponent == 1:
                text = self.text(base)
                self._powers[key] = text if base.is_Symbol else self._bind(text)
            else:
                small = self._whole_power(base, exponent // 2)
                large = self._whole_power(base, exponent - exponent // 2)
                self._powers[key] = self._bind(f"{small} * {large}")
        return self._powers[key]

    def _bind(self, text: str) -> str:
        name = f"w{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        return name

    def _modulo(self, node: sympy.Basic) -> str:
        left, right = (self.text(a) for a in node.args)
        return f"({left} - {right} * floor({left} / {right}))"

    def _piecewise(self, node: sympy.Basic) -> str:
        text = "NAN"
        for value, condition in reversed(node.args):
            if isinstance(condition, BooleanTrue):
                text = self.text(value)
            else:
                text = f"select({self.text(condition)}, {self.text(value)}, {text})"
        return text


def _number(node: sympy.Expr) -> str:
    if node.is_infinite or node is sympy.nan:
        return {sympy.oo: "INF", -sympy.oo: "(-INF)"}.get(node, "NAN")
    value = complex(node)
    if value.imag:
        raise UnsupportedExpression(f"{node} is not a real number")
    text = repr(value.real)
    return "NAN" if math.isnan(value.real) else f"({text})" if text.startswith("-") else text


def block(targets: Iterable[tuple[str, sympy.Expr]], prefix: str = "x") -> list[str]:
    """Lines that compute all targets, with common subexpressions computed once."""
    pairs = list(targets)
    names, expressions = [name for name, _ in pairs], [expression for _, expression in pairs]
    symbols = sympy.numbered_symbols(prefix)
    shared, reduced = sympy.cse(expressions, symbols=symbols, order="none")
    printer = Printer()
    for symbol, expression in shared:
        printer.assign(symbol.name, expression)
    for name, expression in zip(names, reduced, strict=True):
        printer.assign(name, expression)
    return printer.lines
