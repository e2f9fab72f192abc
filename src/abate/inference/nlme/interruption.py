"""What long work keeps of itself, so that after an interruption it goes on to the same bits."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from abate.ground.errors import InputError
from abate.ground.files import write_atomically

__all__ = ["keep", "kept", "key_of"]


def key_of(parts: Iterable[Any]) -> str:
    """Return a key that is the same only for the same work.

    Examples
    --------
    >>> key_of([1, np.array([2.0])]) == key_of([1, np.array([2.0])]) != key_of([1, np.array([3.0])])
    True
    """
    text = "|".join(p.tobytes().hex() if isinstance(p, np.ndarray) else repr(p) for p in parts)
    return hashlib.sha256(text.encode()).hexdigest()


def keep(path: Path, key: str, held: Mapping[str, Any]) -> None:
    """Write numbers and arrays to a file, whole or not at all."""
    buffer = io.BytesIO()
    np.savez(buffer, key=key, **held)
    write_atomically(path, buffer.getvalue())


def kept(path: Path | None, key: str) -> dict[str, Any]:
    """Return what `keep` wrote; nothing where there is no file.

    Raises
    ------
    InputError
        If the file belongs to other work, or cannot be read.
    """
    if path is None or not path.is_file():
        return {}
    hint = "delete the file, or choose another --out"
    try:
        with np.load(path) as file:
            held = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError) as error:
        raise InputError(str(path), "what the interrupted fit left cannot be read", hint=hint) from error
    if str(held.pop("key", "")) != key:
        raise InputError(str(path), "the interrupted fit was another one", hint=hint)
    return held
