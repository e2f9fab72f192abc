"""What each operation is in LLVM: on SIMD lanes, on plain numbers, and on both mixed."""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir

from abate.engine.solver.elementary import LIBRARY

Builder = Any
Value = Any

_FUSING = ("contract",)
_FIELDS = {64: (52, 1023), 32: (23, 127)}
"""Significand bits and exponent bias of the IEEE formats."""
_FOLDED = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv}


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_vector(value: Value) -> bool:
    return isinstance(getattr(value, "type", None), ir.VectorType)


def _is_whole(value: Value) -> bool:
    return isinstance(value, int) or isinstance(getattr(value, "type", None), ir.IntType)


class Machine:
    """Emits operations for lanes of float64 (``bits=64``) or float32 (``bits=32``).

    Plain numbers (time, step size) are float64 in either case.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.width = 512 // bits
        self.number = ir.DoubleType() if bits == 64 else ir.FloatType()
        self.vector = ir.VectorType(self.number, self.width)
        self.mask = ir.VectorType(ir.IntType(1), self.width)

    # --- conversions ----------------------------------------------------------------------------
    def scalar(self, builder: Builder, value: Value) -> Value:
        """A plain float64."""
        if _is_number(value):
            return ir.Constant(ir.DoubleType(), float(value))
        return builder.fpext(value, ir.DoubleType()) if isinstance(value.type, ir.FloatType) else value

    def lanes(self, builder: Builder, value: Value) -> Value:
        """A SIMD value; a number goes to every lane."""
        if _is_number(value):
            return ir.Constant(self.vector, [float(value)] * self.width)
        if _is_vector(value):
            return value
        if self.bits == 32 and isinstance(value.type, ir.DoubleType):
            value = builder.fptrunc(value, self.number)
        return self._everywhere(builder, value, self.vector)

    def _everywhere(self, builder: Builder, value: Value, kind: ir.VectorType) -> Value:
        unknown = ir.Constant(kind, ir.Undefined)
        first = builder.insert_element(unknown, value, ir.Constant(ir.IntType(32), 0))
        order = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
        return builder.shuffle_vector(first, unknown, order)

    def argument(self, value: Value, kind: ir.Type) -> Value:
        """A value as the argument of a compiled function."""
        return ir.Constant(kind, value) if _is_number(value) else value

    def _alike(self, builder: Builder, *values: Value) -> list[Value]:
        """All as SIMD values when one is, else all as plain numbers."""
        if any(_is_vector(v) for v in values):
            return [self.lanes(builder, v) for v in values]
        return [self.scalar(builder, v) for v in values]

    # --- arithmetic, comparison, logic ----------------------------------------------------------
    def arithmetic(self, builder: Builder, name: str, left: Value, right: Value) -> Value:
        """Sum, difference, product or quotient."""
        if _is_number(left) and _is_number(right):
            return _FOLDED[name](left, right)
        if _is_whole(left) and _is_whole(right):
            whole = [ir.Constant(ir.IntType(64), v) if isinstance(v, int) else v for v in (left, right)]
            return getattr(builder, name)(*whole)
        flags = () if name == "div" else _FUSING
        return getattr(builder, f"f{name}")(*self._alike(builder, left, right), flags=flags)

    def negative(self, builder: Builder, value: Value) -> Value:
        """Negation."""
        return -value if _is_number(value) else builder.fneg(value)

    def compare(self, builder: Builder, symbol: str, left: Value, right: Value) -> Value:
        """Truth lane by lane; only ``!=`` holds for NaN."""
        compare = builder.fcmp_unordered if symbol == "!=" else builder.fcmp_ordered
        return compare(symbol, *self._alike(builder, left, right))

    def _truths(self, builder: Builder, *values: Value) -> list[Value]:
        plain = [ir.Constant(ir.IntType(1), int(v)) if isinstance(v, bool) else v for v in values]
        if not any(_is_vector(v) for v in plain):
            return plain
        return [v if _is_vector(v) else self._everywhere(builder, v, self.mask) for v in plain]

    def both(self, builder: Builder, left: Value, right: Value) -> Value:
        """Logical and."""
        return builder.and_(*self._truths(builder, left, right))

    def either(self, builder: Builder, left: Value, right: Value) -> Value:
        """Logical or."""
        return builder.or_(*self._truths(builder, left, right))

    def one_of(self, builder: Builder, left: Value, right: Value) -> Value:
        """Logical exclusive or."""
        return builder.xor(*self._truths(builder, left, right))

    def opposite(self, builder: Builder, value: Value) -> Value:
        """Logical not."""
        return builder.not_(*self._truths(builder, value))

    def select(self, builder: Builder, condition: Value, chosen: Value, otherwise: Value) -> Value:
        """Choice lane by lane."""
        (truth,) = self._truths(builder, condition)
        if _is_vector(truth):
            values = [self.lanes(builder, chosen), self.lanes(builder, otherwise)]
        else:
            values = self._alike(builder, chosen, otherwise)
        return builder.select(truth, *values)

    # --- memory ---------------------------------------------------------------------------------
    def shift(self, builder: Builder, memory: Value, offset: Value) -> Value:
        """Pointer moved on by ``offset`` numbers."""
        index = ir.Constant(ir.IntType(64), offset) if isinstance(offset, int) else offset
        return builder.gep(memory, [index], inbounds=True)

    def load(self, builder: Builder, memory: Value, offset: Value) -> Value:
        """SIMD value from memory."""
        at = builder.bitcast(self.shift(builder, memory, offset), self.vector.as_pointer())
        return builder.load(at, align=self.bits // 8)

    def store(self, builder: Builder, memory: Value, offset: Value, value: Value) -> None:
        """SIMD value to memory."""
        at = builder.bitcast(self.shift(builder, memory, offset), self.vector.as_pointer())
        builder.store(self.lanes(builder, value), at, align=self.bits // 8)

    # --- operations with one LLVM counterpart ---------------------------------------------------
    def _llvm(self, builder: Builder, name: str, *values: Value) -> Value:
        operands = self._alike(builder, *values)
        kind = operands[0].type
        suffix = f"v{self.width}f{self.bits}" if _is_vector(operands[0]) else "f64"
        function = self._declared(builder.module, f"llvm.{name}.{suffix}", kind, len(operands))
        return builder.call(function, operands)

    @staticmethod
    def _declared(module: ir.Module, name: str, kind: ir.Type, count: int) -> ir.Function:
        if name in module.globals:
            return module.globals[name]
        return ir.Function(module, ir.FunctionType(kind, [kind] * count), name=name)

    def fused(self, builder: Builder, a: Value, b: Value, c: Value) -> Value:
        """Fused multiply-add."""
        return self._llvm(builder, "fma", a, b, c)

    def root(self, builder: Builder, x: Value) -> Value:
        """Square root."""
        return self._llvm(builder, "sqrt", x)

    def magnitude(self, builder: Builder, x: Value) -> Value:
        """Absolute value."""
        return self._llvm(builder, "fabs", x)

    def nearest_integer(self, builder: Builder, x: Value) -> Value:
        """Rounding, ties to even."""
        return self._llvm(builder, "rint", x)

    def floor(self, builder: Builder, x: Value) -> Value:
        """Rounding down."""
        return self._llvm(builder, "floor", x)

    def ceiling(self, builder: Builder, x: Value) -> Value:
        """Rounding up."""
        return self._llvm(builder, "ceil", x)

    # --- bits of a number -----------------------------------------------------------------------
    def _bits(self, value: Value) -> tuple[ir.Type, int, int, Any]:
        """Integer type of the same shape, significand bits, bias, and a maker of constants."""
        if _is_vector(value):
            kind = ir.VectorType(ir.IntType(self.bits), self.width)
            return kind, *_FIELDS[self.bits], lambda v: ir.Constant(kind, [v] * self.width)
        plain = ir.IntType(64)
        return plain, *_FIELDS[64], lambda v: ir.Constant(plain, v)

    def power_of_two(self, builder: Builder, exponent: Value) -> Value:
        """Add 1.5 * 2**fraction: the integer is then in the low bits, without a slow conversion."""
        kind, fraction, bias, whole = self._bits(exponent)
        shifted = self.arithmetic(builder, "add", exponent, 1.5 * 2.0**fraction + bias)
        raw = builder.shl(builder.bitcast(shifted, kind), whole(fraction))
        return builder.bitcast(raw, exponent.type)

    def exponent_of(self, builder: Builder, value: Value) -> Value:
        """Exponent field put into the low bits of 2**fraction, less that."""
        kind, fraction, bias, whole = self._bits(value)
        field = builder.lshr(builder.bitcast(value, kind), whole(fraction))
        raised = builder.or_(field, whole((bias + fraction) << fraction))
        return self.arithmetic(builder, "sub", builder.bitcast(raised, value.type), 2.0**fraction + bias)

    def significand_of(self, builder: Builder, value: Value) -> Value:
        """Significand field with the exponent of 1."""
        kind, fraction, bias, whole = self._bits(value)
        low = builder.and_(builder.bitcast(value, kind), whole((1 << fraction) - 1))
        return builder.bitcast(builder.or_(low, whole(bias << fraction)), value.type)

    def reciprocal_seed(self, builder: Builder, value: Value) -> Value:
        """Reflect the bits: exponent and significand of 1/x within 5.1 %, the constant found by minimising that."""
        kind, fraction, _, whole = self._bits(value)
        mirror = 0x7FDE62384C7C8326 if fraction == 52 else 0x7EF311C2
        return builder.bitcast(builder.sub(whole(mirror), builder.bitcast(value, kind)), value.type)

    def pick(self, _builder: Builder, like: Value, for64: float, for32: float) -> float:
        """A number by precision."""
        return for32 if self.bits == 32 and _is_vector(like) else for64

    # --- lane by lane ---------------------------------------------------------------------------
    def largest(self, builder: Builder, value: Value) -> Value:
        """Largest lane, as a plain number."""
        position = ir.IntType(32)
        lanes = [builder.extract_element(value, ir.Constant(position, i)) for i in range(self.width)]
        while len(lanes) > 1:
            pairs = zip(lanes[::2], lanes[1::2], strict=True)
            lanes = [builder.select(builder.fcmp_ordered(">", a, b), a, b) for a, b in pairs]
        return self.scalar(builder, lanes[0])

    def library(self, builder: Builder, name: str, value: Value) -> Value:
        """A rarely used function of the C library, called once a lane."""
        plain = ir.DoubleType()
        function = self._declared(builder.module, LIBRARY[name], plain, 1)
        if not _is_vector(value):
            return builder.call(function, [self.scalar(builder, value)])
        result = value
        for i in range(self.width):
            position = ir.Constant(ir.IntType(32), i)
            lane = builder.call(function, [self.scalar(builder, builder.extract_element(value, position))])
            lane = lane if self.bits == 64 else builder.fptrunc(lane, self.number)
            result = builder.insert_element(result, lane, position)
        return result
