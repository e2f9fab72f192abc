"""How fast this processor can multiply and add, and how much of that a step uses."""

from __future__ import annotations

import ctypes
import re
import time
from collections import Counter

from abate.engine.solver import System
from abate.engine.solver.native import _machine, native, optimised
from abate.engine.solver.rodas5p import RODAS5P
from abate.engine.solver.source import Layout, generate
from abate.engine.solver.straight import compile_to_ir
from abate.engine.solver.symbolic import formulate

_CHAINS, _ROUNDS = 16, 200_000


def fused_per_second() -> float:
    """Fused multiply-adds of float64 a second on one core: independent chains in registers."""
    lines = ["def chains(x: memory, out: memory) -> None:", "    a = load(x, 0)", "    b = load(x, 8)"]
    # chains go on from round to round through memory, or the compiler would do one; sixteen hide the latency
    body = [f"        v{i} = load(out, {8 * i})" for i in range(_CHAINS)]
    body += [f"        v{i} = fused(v{i}, b, a)" for _ in range(64) for i in range(_CHAINS)]
    body += [f"        store(out, {8 * i}, v{i})" for i in range(_CHAINS)]
    source = "\n".join([*lines, f"    for i in range({_ROUNDS // 64}):", *body]) + "\n"
    code = native(f"bound {source}", ("chains",), lambda: (compile_to_ir(source, 64), {}))
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(code.addresses["chains"])
    x, out = (ctypes.c_double * 16)(*[0.5] * 16), (ctypes.c_double * (8 * _CHAINS))()
    best = float("inf")
    for _ in range(10):
        began = time.process_time()
        function(ctypes.addressof(x), ctypes.addressof(out))
        best = min(best, time.process_time() - began)
    assert code.engine is not None
    return 8 * _CHAINS * 64 * (_ROUNDS // 64) / best


def operations_a_step(system: System) -> dict[str, int]:
    """Vector arithmetic instructions that one step of a half group executes, by kind.

    Counted in the machine code of the rates, the linearisation and the solve, which have no loops; the sums over stages
    and the error, which have, follow from the table of the method. A fused multiply-add is one.
    """
    problem = formulate(system)
    source = generate(problem, RODAS5P, Layout.lanes(64))
    assembly = _machine().emit_assembly(optimised(compile_to_ir(source.text, 64)))
    counts = {name: _count(assembly, name) for name in ("rates", "linearise", "solve")}
    total: Counter[str] = Counter()
    for name, calls in (("rates", RODAS5P.stages - 1), ("linearise", 1), ("solve", RODAS5P.stages)):
        for kind, count in counts[name].items():
            total[kind] += calls * count
    sums = sum(1 if b == (*a, 1.0) else len(b) for a, b in zip(RODAS5P.a, RODAS5P.a[1:], strict=False))
    sums += sum(len(row) for row in RODAS5P.c) + 1
    total["sums over stages"] = len(system.states) * sums
    total["error"] = len(system.states) * 8
    return dict(total)


_KINDS = {
    "fused": re.compile(r"\tvfn?m(add|sub)\d+pd"),
    "add, subtract": re.compile(r"\tv(add|sub)pd"),
    "multiply": re.compile(r"\tvmulpd"),
    "divide": re.compile(r"\tvdivpd"),
    "square root": re.compile(r"\tvsqrtpd"),
    "round, compare, select, bits": re.compile(
        r"\tv(rndscale|cmp\w*|blendm|max|min|psll|psrl|and|or|xor|pternlog)\w*[pq]?[dq]"
    ),
}


def _count(assembly: str, name: str) -> Counter[str]:
    """Vector instructions of a function in machine code, once for eight people."""
    body = assembly[assembly.index(f"\n{name}:") :]
    body = body[: body.index(".Lfunc_end")]
    found: Counter[str] = Counter()
    for kind, pattern in _KINDS.items():
        found[kind] = len(pattern.findall(body))
    return found
