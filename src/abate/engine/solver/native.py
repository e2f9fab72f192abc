"""LLVM modules to machine code, kept on disk.

The object file of a kernel is stored under the hash of everything that it depends on: equations, method, the solver's
own source, the compiler's version and the processor. A folder that cannot be written, or a disk that fills up, costs
the cache and nothing else; two processes may meet in one folder, because files are written beside and renamed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
from llvmlite import ir

_LOCK = threading.Lock()
"""LLVM's setup is global."""


@dataclass(frozen=True)
class Code:
    """Machine code in this process.

    Attributes
    ----------
    addresses : dict of function name to int
    facts : dict of str to int
        What its maker stored with it.
    cached : bool
        True when it came from disk.
    """

    addresses: dict[str, int]
    facts: dict[str, int]
    cached: bool
    engine: Any = field(repr=False, compare=False)


def cache_directory() -> Path:
    """Return the folder of compiled kernels: in ``ABATE_CACHE`` or in the user's cache."""
    chosen = os.environ.get("ABATE_CACHE")
    if chosen:
        return Path(chosen) / "kernels"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "abate" / "kernels"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "abate" / "kernels"


@lru_cache(maxsize=1)
def _surroundings() -> str:
    """What machine code depends on beside the equations."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    parts = [digest.hexdigest(), llvmlite.__version__, llvm.get_default_triple(), llvm.get_host_cpu_name(), _features()]
    return "\n".join(parts)


def _features() -> str:
    return str(llvm.get_host_cpu_features().flatten())


def native(key: str, names: tuple[str, ...], write: Callable[[], tuple[ir.Module, dict[str, int]]]) -> Code:
    """Machine code of a module, from disk or new.

    Parameters
    ----------
    key : str
        Says what the module computes.
    names : tuple of str
        Functions to have the addresses of.
    write : callable
        Makes the module, with facts to store beside its code; called only when that is not on disk.
    """
    name = hashlib.sha256(f"{key}\n{_surroundings()}".encode()).hexdigest()[:32]
    path = cache_directory() / f"{name}.o"
    try:
        data = path.read_bytes()
    except OSError:
        data = b""
    with _LOCK:
        if data:
            with contextlib.suppress(RuntimeError, ValueError):  # a damaged file is compiled again
                return _linked(data, names, cached=True)
        module, facts = write()
        data = _packed(_compiled(module), facts)
        _keep(path, data)
        return _linked(data, names, cached=False)


def _packed(code: bytes, facts: dict[str, int]) -> bytes:
    """One line of JSON, with a checksum: LLVM does not survive a damaged object file."""
    head = {"facts": facts, "sha256": hashlib.sha256(code).hexdigest()}
    return json.dumps(head).encode() + b"\n" + code


def _unpacked(data: bytes) -> tuple[bytes, dict[str, int]]:
    head, _, code = data.partition(b"\n")
    said = json.loads(head)
    if hashlib.sha256(code).hexdigest() != said["sha256"]:
        raise ValueError("the stored kernel is damaged")
    return code, said["facts"]


@lru_cache(maxsize=1)
def _machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=3, reloc="pic", codemodel="jitdefault", jit=True
    )


def optimised(module: ir.Module) -> Any:
    """LLVM's own form of a module, optimised for this processor."""
    machine = _machine()
    module.triple = llvm.get_default_triple()
    module.data_layout = str(machine.target_data)
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = False  # values are vectors already
    tuning.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(parsed, builder)
    return parsed


def _compiled(module: ir.Module) -> bytes:
    return bytes(_machine().emit_object(optimised(module)))


def _linked(data: bytes, names: tuple[str, ...], *, cached: bool) -> Code:
    code, facts = _unpacked(data)
    _machine()
    empty = llvm.parse_assembly("")
    engine = llvm.create_mcjit_compiler(empty, _fresh_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    addresses = {name: engine.get_function_address(name) for name in names}
    if not all(addresses.values()):
        raise RuntimeError("the stored kernel is incomplete")
    return Code(addresses, facts, cached, engine)


def _fresh_machine() -> Any:
    # an execution engine owns its target machine
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=_features(), opt=3, jit=True)


def _keep(path: Path, data: bytes) -> None:
    """Write beside and rename; a cache that cannot be written is done without."""
    part = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, suffix=".part", delete=False) as file:
            part = file.name
            file.write(data)
        os.replace(part, path)
    except OSError:
        if part:
            with contextlib.suppress(OSError):
                os.unlink(part)
