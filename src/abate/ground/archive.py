"""Zip archives that people hand in: what lies in one, and unpacking it inside a folder and nowhere else."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

from abate.ground.errors import InputError

__all__ = ["members", "unpack"]

# All that zipfile raises on bytes that are not an archive, are damaged, encrypted or packed in a way it does not know.
BROKEN = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, struct.error, zlib.error)


def members(path: Path) -> list[zipfile.ZipInfo]:
    """Return what a zip holds; nothing where the file is no zip that can be read.

    Examples
    --------
    >>> members(Path("nowhere.zip"))
    []
    """
    if not path.is_file() or not zipfile.is_zipfile(path):
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except BROKEN:
        return []


def unpack(path: Path, folder: Path) -> None:
    """Unpack a zip into a folder.

    Raises
    ------
    InputError
        If a member points outside the folder, or the archive is damaged or encrypted.
    """
    for member in members(path):
        if not (folder / member.filename).resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{path}, {member.filename}", "the archive points outside itself")
    try:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    except BROKEN as error:
        why = " ".join(str(error).split())
        raise InputError(str(path), f"this archive cannot be unpacked ({why})", hint="pack it again") from error
