"""Antimony text to SBML; modules import each other from the folder of the file."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from abate.ground.errors import InputError

__all__ = ["antimony_to_sbml"]

# The antimony library keeps one global state.
_LOCK = threading.Lock()


def antimony_to_sbml(path: Path, *, where: str) -> str:
    """Translate the last module of an Antimony file, with what it imports, into flat SBML level 3 version 2.

    Parameters
    ----------
    path : Path
        The file.
    where : str
        Named in errors.

    Raises
    ------
    InputError
        With the line that antimony names.
    """
    import antimony

    if not path.is_file():
        raise InputError(where, "there is no such file", hint="check the name")
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8"
        raise InputError(where, f"this is not text in UTF-8 (byte {error.start + 1})", hint=hint) from error
    with _LOCK:
        antimony.clearPreviousLoads()
        antimony.addDirectory(str(path.resolve().parent))
        if antimony.loadAntimonyFile(str(path)) < 0:
            problem = " ".join((_said(antimony) or "it cannot be read").split())
            raise InputError(where, f"this is not an Antimony model ({problem[:300]})")
        text = antimony.getSBMLString(antimony.getMainModuleName())
        problem = _said(antimony) if not text else ""
        antimony.clearPreviousLoads()
        antimony.clearDirectories()
    if not text:
        raise InputError(where, f"the model cannot be written as SBML ({problem})")
    return str(text)


def _said(antimony: Any) -> str:
    """Return the library's last error; it may have cut a letter of more than one byte in half."""
    try:
        return str(antimony.getLastError() or "")
    except UnicodeDecodeError:
        return ""
