"""Generated source for one person at a time: elementary functions written out, constants of the right precision.

`source.generate` and `elementary` speak of values without saying how many people are in one; here a value is one
person's number. In float32 every constant that meets such a number is narrowed first, or the card would compute the
whole expression in double precision; time, the step size and what depends on them alone stay in float64, by operations
whose names begin with ``wide_``.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable

from abate.engine.solver import elementary, operations

__all__ = ["single_source"]

_WIDE, _PERSON = "wide", "person"
"""Kinds of values: constants, time and step size in float64; numbers of a person."""

_WIDELY = "wide_"

_LOGIC = {"both", "either", "one_of", "opposite"}


def single_source(source: str, bits: int) -> str:
    """Functions of `source`, and the elementary ones that they call, for one person.

    Parameters
    ----------
    source : str
        As `source.generate` writes it.
    bits : int
        64 or 32.

    Returns
    -------
    str
        Function definitions in order of use, each decorated with ``device``.

    Examples
    --------
    >>> print(single_source("def f(x: memory, out: memory) -> None:\\n    store(out, 0, 0.5 * load(x, 0))", 32))
    @device
    def f(x, out):
        out[0] = narrow(0.5) * x[0]
    """
    generated = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    needed = _needed(generated)
    texts = [_Narrowing(bits, _tree(name), person=True).text() for name in needed]
    if bits == 32:
        texts += [_Narrowing(64, _tree(name), person=True, prefix=_WIDELY).text() for name in needed]
    return "\n\n\n".join([*texts, *(_Narrowing(bits, node).text() for node in generated)])


def _calls(node: ast.AST) -> Iterable[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
            yield inner.func.id


def _tree(name: str) -> ast.FunctionDef:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(vars(elementary)[name]))).body
    assert isinstance(node, ast.FunctionDef)
    return node


def _needed(functions: Iterable[ast.FunctionDef]) -> list[str]:
    """Elementary functions that are called, those that they call before them."""
    order: list[str] = []

    def visit(name: str) -> None:
        function = vars(elementary).get(name)
        if name in order or not inspect.isfunction(function) or function.__module__ != elementary.__name__:
            return
        for inner in _calls(_tree(name)):
            visit(inner)
        order.append(name)

    for node in functions:
        for name in _calls(node):
            visit(name)
    return order


class _Narrowing(ast.NodeTransformer):
    """Follows through straight-line code which values are a person's, and narrows what meets them."""

    def __init__(self, bits: int, function: ast.FunctionDef, *, person: bool = False, prefix: str = "") -> None:
        self.bits = bits
        self.function = function
        self.prefix = prefix
        # the arguments of elementary functions are numbers of a person; those of generated ones say what they are
        self.kinds = {a.arg: _PERSON if person else _WIDE for a in function.args.args}

    def text(self) -> str:
        """The function, decorated and without annotations."""
        body = [self._statement(s) for s in self.function.body if not _is_docstring(s)]
        names = ", ".join(a.arg for a in self.function.args.args)
        lines = "\n".join(ast.unparse(ast.fix_missing_locations(s)) for s in body)
        return f"@device\ndef {self.prefix}{self.function.name}({names}):\n{textwrap.indent(lines, '    ')}"

    def _statement(self, node: ast.stmt) -> ast.stmt:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            node.value, kind = self._value(node.value)
            self.kinds[node.targets[0].id] = kind
        elif isinstance(node, ast.Expr):
            return self._store(node.value) or ast.Expr(self._value(node.value)[0])
        elif isinstance(node, ast.For):
            node.body = [self._statement(inner) for inner in node.body]
        elif isinstance(node, ast.Return) and node.value is not None:
            node.value, _ = self._value(node.value)
        return node

    def _store(self, node: ast.expr) -> ast.stmt | None:
        """``memory[offset] = value`` for a call of ``store``."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "store"):
            return None
        memory, offset, value = node.args
        at = ast.Subscript(memory, offset, ast.Store())
        return ast.Assign([at], self._narrow(*self._value(value)), lineno=0)

    def _value(self, node: ast.expr) -> tuple[ast.expr, str]:
        if isinstance(node, ast.Constant):
            return node, _WIDE
        if isinstance(node, ast.Name):
            return node, self.kinds.get(node.id, _WIDE)
        if isinstance(node, ast.BinOp):
            (node.left, node.right), kind = self._alike([node.left, node.right])
            return node, kind
        if isinstance(node, ast.UnaryOp):
            node.operand, kind = self._value(node.operand)
            return node, kind
        if isinstance(node, ast.Compare):
            (node.left, node.comparators[0]), _ = self._alike([node.left, node.comparators[0]])
            return node, _WIDE
        assert isinstance(node, ast.Call)
        return self._call(node)

    def _call(self, node: ast.Call) -> tuple[ast.expr, str]:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name == "pick":
            return node.args[1 if self.bits == 64 else 2], _WIDE
        if name == "range":
            return node, _WIDE
        if name == "load":
            return ast.Subscript(node.args[0], node.args[1], ast.Load()), _PERSON
        if name == "shift":  # written out, because no function on a card may return memory
            return ast.Subscript(node.args[0], ast.Slice(node.args[1]), ast.Load()), _WIDE
        if name in _LOGIC:
            node.args = [self._value(a)[0] for a in node.args]
            return node, _WIDE
        if name == "select":
            node.args[0], _ = self._value(node.args[0])
            node.args[1:], kind = self._alike(node.args[1:])
            return node, kind
        if name in operations.__all__ or name in vars(elementary) or name in elementary.LIBRARY:
            node.args, kind = self._alike(node.args)
            widely = _WIDELY if self.bits == 32 and kind == _WIDE and name != "largest" else self.prefix
            node.func.id = widely + name
            return node, kind
        # another generated function: time and step size as they are, and memory
        node.args = [self._value(a)[0] for a in node.args]
        return node, _WIDE

    def _alike(self, nodes: list[ast.expr]) -> tuple[list[ast.expr], str]:
        values = [self._value(node) for node in nodes]
        if all(kind == _WIDE for _, kind in values):
            return [value for value, _ in values], _WIDE
        return [self._narrow(value, kind) for value, kind in values], _PERSON

    def _narrow(self, node: ast.expr, kind: str) -> ast.expr:
        if self.bits == 64 or kind == _PERSON:
            return node
        return ast.Call(ast.Name("narrow", ast.Load()), [node], [])


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
