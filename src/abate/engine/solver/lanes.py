"""SIMD lanes as a numba type: eight float64 (or sixteen float32) people in one value.

A :class:`LanesType` value *is* an LLVM vector, so ``a * b + c`` in a compiled function is
vector code by construction; nothing is left to the loop vectoriser. Floating-point freedom is
named operation by operation: ``+ - *`` may fuse to a fused multiply-add (flag ``contract``),
nothing may be reordered, and the elementary functions ask for a fused operation explicitly. The
same Python source also runs on plain floats (one person, e.g. on a GPU).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import (
    lower_builtin,
    lower_cast,
    models,
    register_model,
)

LANES = 16
"""People in one lane group."""

CPointer: Any = types.__dict__["CPointer"]

_CONTRACT = ("contract",)

Function = Callable[..., Any]


def intrinsic(typing: Function) -> Function:
    """Numba's ``intrinsic``: ``typing`` says what is called with what, and how it is written."""
    return cast(Function, numba_intrinsic(typing))


class LanesType(types.Type):
    """Numba type of one SIMD value; ``bits`` is 64 (8 lanes) or 32 (16 lanes)."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.width = 512 // bits
        super().__init__(name=f"Lanes({self.width} x float{bits})")


class MaskType(types.Type):
    """Numba type of a comparison of two SIMD values."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.width = 512 // bits
        super().__init__(name=f"Mask({self.width} x float{bits})")


lanes64, lanes32 = LanesType(64), LanesType(32)
mask64, mask32 = MaskType(64), MaskType(32)
_SCALAR: dict[int, Any] = {64: types.float64, 32: types.float32}
_LANES = {64: lanes64, 32: lanes32}
_MASK = {64: mask64, 32: mask32}


def _element(bits: int) -> ir.Type:
    return ir.DoubleType() if bits == 64 else ir.FloatType()


def vector(bits: int) -> ir.VectorType:
    """LLVM type of the SIMD value with elements of ``bits`` bits."""
    return ir.VectorType(_element(bits), 512 // bits)


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, numba_type: LanesType) -> None:
        super().__init__(manager, numba_type, vector(numba_type.bits))


@register_model(MaskType)
class _MaskModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, numba_type: MaskType) -> None:
        super().__init__(manager, numba_type, ir.VectorType(ir.IntType(1), numba_type.width))


def splat(builder: Any, value: Any, like: ir.VectorType) -> Any:
    """A vector with ``value`` in every lane."""
    first = builder.insert_element(ir.Constant(like, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    order = ir.Constant(ir.VectorType(ir.IntType(32), like.count), [0] * like.count)
    return builder.shuffle_vector(first, ir.Constant(like, ir.Undefined), order)


def constant(like: ir.VectorType, value: float | int) -> ir.Constant:
    """A constant vector."""
    return ir.Constant(like, [value] * like.count)


def _to_lanes(context: Any, builder: Any, value: Any, from_type: Any, bits: int) -> Any:
    """``value`` as a vector, whether it is a vector, a float or an integer."""
    if isinstance(from_type, LanesType):
        return value
    scalar = context.cast(builder, value, from_type, _SCALAR[bits])
    return splat(builder, scalar, vector(bits))


def _cast_scalar(context: Any, builder: Any, from_type: Any, to_type: LanesType, value: Any) -> Any:
    return _to_lanes(context, builder, value, from_type, to_type.bits)


for _from in (types.Float, types.Integer):
    lower_cast(_from, LanesType)(_cast_scalar)


# --- arithmetic and comparison operators ------------------------------------------------------
def _emit_binary(name: str) -> Callable[..., Any]:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = next(a.bits for a in sig.args if isinstance(a, LanesType))
        left, right = (_to_lanes(context, builder, v, t, bits) for v, t in zip(args, sig.args, strict=True))
        return getattr(builder, name)(left, right, flags=_CONTRACT)

    return emit


def _emit_compare(symbol: str) -> Callable[..., Any]:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = next(a.bits for a in sig.args if isinstance(a, LanesType))
        left, right = (_to_lanes(context, builder, v, t, bits) for v, t in zip(args, sig.args, strict=True))
        compare = builder.fcmp_unordered if symbol == "!=" else builder.fcmp_ordered
        return compare(symbol, left, right)

    return emit


def _register(op: Any, emit: Callable[..., Any], result: dict[int, Any]) -> None:
    cases = []
    for bits, lanes in _LANES.items():
        for scalar in (types.float64, types.float32, types.int64):
            cases += [
                signature(result[bits], lanes, scalar),
                signature(result[bits], scalar, lanes),
            ]
        cases.insert(0, signature(result[bits], lanes, lanes))
    infer_global(op)(type(f"Lanes_{op.__name__}", (ConcreteTemplate,), {"cases": cases}))
    for case in cases:
        lower_builtin(op, *case.args)(emit)


for _op, _name in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _register(_op, _emit_binary(_name), _LANES)
for _op, _symbol in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
    (operator.ne, "!="),
):
    _register(_op, _emit_compare(_symbol), _MASK)


def _register_unary(op: Any, kinds: Iterable[Any], name: str) -> None:
    cases = [signature(kind, kind) for kind in kinds]
    infer_global(op)(type(f"Lanes_{op.__name__}", (ConcreteTemplate,), {"cases": cases}))
    for case in cases:
        lower_builtin(op, *case.args)(lambda _context, builder, _sig, args: getattr(builder, name)(args[0]))


_register_unary(operator.neg, _LANES.values(), "fneg")
_register_unary(operator.invert, _MASK.values(), "not_")


def _register_logic(op: Any, name: str) -> None:
    cases = [signature(m, m, m) for m in _MASK.values()]
    infer_global(op)(type(f"Mask_{op.__name__}", (ConcreteTemplate,), {"cases": cases}))
    for case in cases:
        lower_builtin(op, *case.args)(lambda _context, builder, _sig, args: getattr(builder, name)(args[0], args[1]))


_register_logic(operator.and_, "and_")
_register_logic(operator.or_, "or_")
_register_logic(operator.xor, "xor")


# --- memory -------------------------------------------------------------------------------------
@intrinsic
def address(_typing: Any, array: Any, offset: Any) -> Any:
    """Pointer to element ``offset`` of a contiguous array's data."""
    if not isinstance(array, types.Array):
        return None
    sig = CPointer(array.dtype)(array, offset)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return cgutils.gep_inbounds(builder, data, args[1])

    return sig, emit


@intrinsic
def shift(_typing: Any, pointer: Any, offset: Any) -> Any:
    """Pointer moved by ``offset`` elements."""
    if not isinstance(pointer, CPointer):
        return None

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return cgutils.gep_inbounds(builder, args[0], args[1])

    return pointer(pointer, offset), emit


def _bits_of(pointer: Any) -> int:
    return 64 if pointer.dtype == types.float64 else 32


@intrinsic
def load(_typing: Any, pointer: Any, offset: Any) -> Any:
    """The SIMD value at ``pointer + offset`` (in elements)."""
    if not isinstance(pointer, CPointer):
        return None
    bits = _bits_of(pointer)

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        at = cgutils.gep_inbounds(builder, args[0], args[1])
        return builder.load(builder.bitcast(at, vector(bits).as_pointer()), align=bits // 8)

    return _LANES[bits](pointer, offset), emit


@intrinsic
def store(_typing: Any, pointer: Any, offset: Any, value: Any) -> Any:
    """Write a SIMD value (or a float, to every lane) at ``pointer + offset``."""
    if not isinstance(pointer, CPointer):
        return None
    bits = _bits_of(pointer)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        at = cgutils.gep_inbounds(builder, args[0], args[1])
        lanes = _to_lanes(context, builder, args[2], sig.args[2], bits)
        builder.store(lanes, builder.bitcast(at, vector(bits).as_pointer()), align=bits // 8)
        return context.get_dummy_value()

    return types.void(pointer, offset, value), emit


# --- operations with one LLVM counterpart -------------------------------------------------------
def _llvm_call(builder: Any, name: str, result: Any, args: list[Any]) -> Any:
    kind = args[0].type
    suffix = (
        f"v{kind.count}f{64 if isinstance(kind.element, ir.DoubleType) else 32}"
        if isinstance(kind, ir.VectorType)
        else ("f64" if isinstance(kind, ir.DoubleType) else "f32")
    )
    function_type = ir.FunctionType(result, [a.type for a in args])
    function = cgutils.get_or_insert_function(builder.module, function_type, f"llvm.{name}.{suffix}")
    return builder.call(function, args)


def _common_type(*operands: Any) -> Any:
    """The SIMD type when any operand is one, else the float type."""
    for operand in operands:
        if isinstance(operand, LanesType):
            return operand
    for operand in operands:
        if operand == types.float32:
            return types.float32
    return types.float64


def _operands(context: Any, builder: Any, sig: Any, args: Any, kind: Any) -> list[Any]:
    return [context.cast(builder, v, t, kind) for v, t in zip(args, sig.args, strict=True)]


def _direct(name: str) -> Callable[[Any, Any], Any]:
    def typing(_typing: Any, value: Any) -> Any:
        kind = _common_type(value)

        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            operands = _operands(context, builder, sig, args, kind)
            return _llvm_call(builder, name, operands[0].type, operands)

        return kind(value), emit

    return typing


root = intrinsic(_direct("sqrt"))
nearest_integer = intrinsic(_direct("rint"))
floor = intrinsic(_direct("floor"))
ceiling = intrinsic(_direct("ceil"))
magnitude = intrinsic(_direct("fabs"))


@intrinsic
def fused(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` with a single rounding."""
    kind = _common_type(a, b, c)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        operands = _operands(context, builder, sig, args, kind)
        return _llvm_call(builder, "fma", operands[0].type, operands)

    return kind(a, b, c), emit


@intrinsic
def select(_typing: Any, condition: Any, chosen: Any, otherwise: Any) -> Any:
    """``chosen`` where ``condition`` holds, else ``otherwise``; both are computed."""
    kind = _LANES[condition.bits] if isinstance(condition, MaskType) else _common_type(chosen, otherwise)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        first = context.cast(builder, args[1], sig.args[1], kind)
        second = context.cast(builder, args[2], sig.args[2], kind)
        return builder.select(args[0], first, second)

    return kind(condition, chosen, otherwise), emit


def _maximum_step(builder: Any, left: Any, right: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", left, right), left, right)


@intrinsic
def largest(_typing: Any, value: Any) -> Any:
    """Largest lane of a SIMD value that holds no NaN (a float is its own)."""
    if not isinstance(value, LanesType):
        return types.float64(value), lambda _c, _b, _s, args: args[0]

    def emit(_context: Any, builder: Any, sig: Any, args: Any) -> Any:
        lanes = [builder.extract_element(args[0], ir.Constant(ir.IntType(32), i)) for i in range(sig.args[0].width)]
        while len(lanes) > 1:
            lanes = [_maximum_step(builder, a, b) for a, b in zip(lanes[::2], lanes[1::2], strict=True)]
        return lanes[0]

    return _SCALAR[value.bits](value), emit


# --- bits of a float ------------------------------------------------------------------------------
_FIELDS = {64: (52, 1023), 32: (23, 127)}
"""Significand bits and exponent bias of the IEEE formats."""


def _bit_view(kind: Any) -> tuple[Any, int, Callable[[int], Any]]:
    """Integer type of the same shape, element bits, and a maker of its constants."""
    element = kind.element if isinstance(kind, ir.VectorType) else kind
    bits = 64 if isinstance(element, ir.DoubleType) else 32
    if isinstance(kind, ir.VectorType):
        like = ir.VectorType(ir.IntType(bits), kind.count)
        return like, bits, lambda value: constant(like, value)
    return ir.IntType(bits), bits, lambda value: ir.Constant(ir.IntType(bits), value)


def _float_constant(kind: Any, value: float) -> Any:
    if isinstance(kind, ir.VectorType):
        return constant(kind, value)
    return ir.Constant(kind, value)


@intrinsic
def power_of_two(_typing: Any, exponent: Any) -> Any:
    """``2**exponent`` for an integer-valued float within the normal exponents."""
    result = _common_type(exponent)

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        kind = args[0].type
        integers, bits, integer = _bit_view(kind)
        fraction, bias = _FIELDS[bits]
        # adding 1.5 * 2**fraction leaves the integer in the low bits: no slow conversion needed
        shifted = builder.fadd(args[0], _float_constant(kind, 1.5 * 2.0**fraction + bias))
        raw = builder.shl(builder.bitcast(shifted, integers), integer(fraction))
        return builder.bitcast(raw, kind)

    return result(exponent), emit


@intrinsic
def exponent_of(_typing: Any, value: Any) -> Any:
    """Binary exponent of a positive normal float, as a float."""
    result = _common_type(value)

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        kind = args[0].type
        integers, bits, integer = _bit_view(kind)
        fraction, bias = _FIELDS[bits]
        field = builder.lshr(builder.bitcast(args[0], integers), integer(fraction))
        magic = (bias + fraction) << fraction  # bits of 2**fraction
        as_float = builder.bitcast(builder.or_(field, integer(magic)), kind)
        return builder.fsub(as_float, _float_constant(kind, 2.0**fraction + bias))

    return result(value), emit


@intrinsic
def significand_of(_typing: Any, value: Any) -> Any:
    """Significand in [1, 2) of a positive normal float."""
    result = _common_type(value)

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        kind = args[0].type
        integers, bits, integer = _bit_view(kind)
        fraction, bias = _FIELDS[bits]
        low = builder.and_(builder.bitcast(args[0], integers), integer((1 << fraction) - 1))
        return builder.bitcast(builder.or_(low, integer(bias << fraction)), kind)

    return result(value), emit


@intrinsic
def pick(_typing: Any, like: Any, for64: Any, for32: Any) -> Any:
    """The first number for a float64 kind of ``like``, the second for float32."""
    kind = _common_type(like)
    position = 2 if kind in (lanes32, types.float32) else 1

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.cast(builder, args[position], sig.args[position], kind)

    return kind(like, for64, for32), emit


@intrinsic
def extract(_typing: Any, value: Any, index: Any) -> Any:
    """One lane as a float."""
    if not isinstance(value, LanesType):
        return None

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.extract_element(args[0], args[1])

    return _SCALAR[value.bits](value, index), emit


@intrinsic
def insert(_typing: Any, value: Any, index: Any, lane: Any) -> Any:
    """The SIMD value with one lane replaced."""
    if not isinstance(value, LanesType):
        return None

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        scalar = context.cast(builder, args[2], sig.args[2], _SCALAR[value.bits])
        return builder.insert_element(args[0], scalar, args[1])

    return value(value, index, lane), emit


# --- logic on masks and plain booleans together --------------------------------------------------
def _logic(name: str) -> Callable[[Any, Any, Any], Any]:
    def typing(_typing: Any, first: Any, second: Any) -> Any:
        masks = [t for t in (first, second) if isinstance(t, MaskType)]
        kind = masks[0] if masks else types.boolean

        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            like = context.get_value_type(kind)
            bits = []
            for value, numba_type in zip(args, sig.args, strict=True):
                if masks and not isinstance(numba_type, MaskType):
                    value = splat(builder, context.cast(builder, value, numba_type, types.boolean), like)
                bits.append(value)
            return getattr(builder, name)(*bits)

        return kind(first, second), emit

    return typing


both = intrinsic(_logic("and_"))
either = intrinsic(_logic("or_"))
one_of = intrinsic(_logic("xor"))


@intrinsic
def opposite(_typing: Any, condition: Any) -> Any:
    """Logical not."""
    return condition(condition), lambda _c, builder, _s, args: builder.not_(args[0])


@intrinsic
def zeros(_typing: Any, pointer: Any) -> Any:
    """A SIMD value of zeros for the precision of ``pointer``."""
    bits = _bits_of(pointer)
    return _LANES[bits](pointer), lambda _c, _b, _s, _args: constant(vector(bits), 0.0)
