"""Compiled kernels on disk, keyed by what they were generated from.

The generated module is written to the cache folder and numba keeps its machine code beside it. A
folder that cannot be written, or a disk that fills up, costs the cache and nothing else. Two
processes may meet in one folder: files are written beside and renamed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numba

_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Folders of kernels that could not be cached; removed when the process ends."""


def cache_directory() -> Path:
    """The folder of compiled kernels: ``ABATE_CACHE``, or ``abate/kernels`` in the user's cache."""
    chosen = os.environ.get("ABATE_CACHE")
    if chosen:
        return Path(chosen) / "kernels"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "abate" / "kernels"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "abate" / "kernels"


@lru_cache(maxsize=1)
def _generator_fingerprint() -> str:
    """Hash of the solver's own source: a changed generator never meets an old kernel."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def kernel_key(*parts: str) -> str:
    """Name of the kernel generated from ``parts`` by this version of the solver."""
    text = "\n".join([*parts, _generator_fingerprint()])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def load_module(key: str, write: Callable[[], str], compile_: Callable[[ModuleType], None]) -> ModuleType:
    """The compiled module of ``key``, from this process, from disk, or new.

    Parameters
    ----------
    key : str
        From :func:`kernel_key`.
    write : callable
        Makes the source; called only when it is not on disk yet.
    compile_ : callable
        Compiles the entry point of the module, or loads its machine code.
    """
    name = f"abate_kernel_{key}"
    if name in sys.modules:
        return sys.modules[name]
    source: str | None = None
    try:
        path = cache_directory() / f"{name}.py"
        if path.exists():
            source = path.read_text(encoding="utf-8")
        else:
            source = write()
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8"
            ) as part:
                part.write(source)
            os.replace(part.name, path)
        return _imported(name, path, compile_)
    except OSError:
        folder = tempfile.TemporaryDirectory(prefix="abate-kernel-")
        _KEPT.append(folder)
        path = Path(folder.name) / f"{name}.py"
        path.write_text(write() if source is None else source, encoding="utf-8")
        return _imported(name, path, compile_)


def _imported(name: str, path: Path, compile_: Callable[[ModuleType], None]) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import the generated kernel {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        compile_(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
