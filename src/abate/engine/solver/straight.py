"""A small compiler: straight-line Python over SIMD lanes to LLVM.

Numba's front end takes some milliseconds a statement, and its vectoriser may give up on a long body; generated
kernels are thousands of statements of one simple kind. Here every value *is* a vector of eight float64 (or sixteen
float32) people, so code is vector code by construction. Floating-point freedom is named operation by operation: sums
and products may fuse into a fused multiply-add (flag ``contract``), nothing may be reordered, and `elementary` asks for
fused operations explicitly.

Understood are functions of assignments, ``for i in range(N)`` without values carried around, calls of each other, of
`operations` and of `elementary` (which are inlined), and a final ``return``. Arguments are annotated ``float``, ``int``
or ``memory`` (a pointer to numbers).
"""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from functools import lru_cache
from typing import Any

from llvmlite import ir

from abate.engine.solver import elementary, operations
from abate.engine.solver.intrinsics import Machine

Value = Any
"""A Python number, an LLVM scalar, vector, pointer or truth."""

_CONSTANTS: dict[str, float] = {"INF": math.inf, "NAN": math.nan}
_BINARY: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


def compile_to_ir(source: str, bits: int) -> ir.Module:
    """Translate all functions of a source text.

    Parameters
    ----------
    source : str
        Function definitions; each may call those before it.
    bits : int
        64 or 32: numbers in memory and lanes.

    Returns
    -------
    llvmlite.ir.Module
        One function a definition, of the same name.
    """
    module = ir.Module(name="abate_kernel")
    machine = Machine(bits)
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            _define(module, machine, node)
    return module


def _define(module: ir.Module, machine: Machine, node: ast.FunctionDef) -> None:
    kinds = {"float": ir.DoubleType(), "int": ir.IntType(64), "memory": machine.number.as_pointer()}
    arguments = [(a.arg, kinds[ast.unparse(a.annotation)]) for a in node.args.args if a.annotation]
    gives = ir.VoidType() if node.returns is None or ast.unparse(node.returns) == "None" else ir.DoubleType()
    function = ir.Function(module, ir.FunctionType(gives, [kind for _, kind in arguments]), name=node.name)
    function.attributes.add("noinline")  # called from many places: one copy stays in the instruction cache
    function.attributes.add("nounwind")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    names: dict[str, Value] = dict(zip([name for name, _ in arguments], function.args, strict=True))
    result = _Body(module, machine, builder).run(node, names)
    if isinstance(gives, ir.VoidType):
        builder.ret_void()
    else:
        builder.ret(machine.scalar(builder, result))


@lru_cache(maxsize=128)
def _elementary(name: str) -> ast.FunctionDef | None:
    """Syntax tree of an elementary function."""
    function = vars(elementary).get(name)
    if not inspect.isfunction(function) or function.__module__ != elementary.__name__:
        return None
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(node, ast.FunctionDef)
    return node


class _Body:
    """Emits the statements of one function, and of those inlined into it."""

    def __init__(self, module: ir.Module, machine: Machine, builder: ir.IRBuilder) -> None:
        self.module = module
        self.machine = machine
        self.builder = builder

    def run(self, node: ast.FunctionDef, names: dict[str, Value]) -> Value:
        """Emit a function's statements; the value that it returns."""
        for statement in node.body:
            if isinstance(statement, ast.Return):
                return None if statement.value is None else self.value(statement.value, names)
            self.statement(statement, names)
        return None

    def statement(self, node: ast.stmt, names: dict[str, Value]) -> None:
        """Emit an assignment, a call or a loop."""
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = self.value(node.value, names)
        elif isinstance(node, ast.Expr):
            if not isinstance(node.value, ast.Constant):  # a docstring is no code
                self.value(node.value, names)
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            self._loop(node, node.target.id, names)
        elif isinstance(node, ast.Pass):
            return
        else:
            raise _refusal(node)

    def _loop(self, node: ast.For, counter: str, names: dict[str, Value]) -> None:
        """``for counter in range(N)`` with a literal N; nothing assigned inside is seen outside."""
        assert isinstance(node.iter, ast.Call)
        count = self.value(node.iter.args[0], names)
        if count == 0:
            return
        builder, whole = self.builder, ir.IntType(64)
        before = builder.block
        inside, after = builder.append_basic_block("inside"), builder.append_basic_block("after")
        builder.branch(inside)
        builder.position_at_end(inside)
        index = builder.phi(whole)
        index.add_incoming(ir.Constant(whole, 0), before)
        local = {**names, counter: index}
        for statement in node.body:
            self.statement(statement, local)
        following = builder.add(index, ir.Constant(whole, 1))
        index.add_incoming(following, builder.block)
        builder.cbranch(builder.icmp_signed("<", following, ir.Constant(whole, count)), inside, after)
        builder.position_at_end(after)

    def value(self, node: ast.expr, names: dict[str, Value]) -> Value:
        """Emit an expression."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return names[node.id] if node.id in names else _CONSTANTS[node.id]
        if isinstance(node, ast.BinOp):
            left, right = self.value(node.left, names), self.value(node.right, names)
            return self.machine.arithmetic(self.builder, _BINARY[type(node.op)], left, right)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self.machine.negative(self.builder, self.value(node.operand, names))
        if isinstance(node, ast.Compare):
            left, right = self.value(node.left, names), self.value(node.comparators[0], names)
            return self.machine.compare(self.builder, _COMPARE[type(node.ops[0])], left, right)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node.func.id, [self.value(a, names) for a in node.args])
        raise _refusal(node)

    def _call(self, name: str, arguments: list[Value]) -> Value:
        if name in self.module.globals:
            function = self.module.globals[name]
            wanted = [a.type for a in function.args]
            given = [self.machine.argument(a, kind) for a, kind in zip(arguments, wanted, strict=True)]
            return self.builder.call(function, given)
        if name in operations.__all__:
            return getattr(self.machine, name)(self.builder, *arguments)
        if name in elementary.LIBRARY:
            return self.machine.library(self.builder, name, *arguments)
        inlined = _elementary(name)
        if inlined is None:
            raise NameError(f"no operation is called {name}")
        return self.run(inlined, dict(zip([a.arg for a in inlined.args.args], arguments, strict=True)))


def _refusal(node: ast.AST) -> SyntaxError:
    return SyntaxError(f"not straight-line code: {ast.unparse(node)}")
