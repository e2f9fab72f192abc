"""A file that was dropped, to results and a report; whatever is in it, it is read in a folder of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from abate.ground.archive import members
from abate.ground.errors import InputError

__all__ = ["LARGEST_UNPACKED", "analyse_file", "keep_upload", "report_file"]

LARGEST_UNPACKED = 200 * 1024 * 1024
"""Bytes that an archive (a workbook is one) may hold unpacked."""

Missing = Literal["strict", "prorate"]


def keep_upload(name: str, content: bytes, folder: Path) -> Path:
    """Write an upload under a plain name that keeps its ending; return its path.

    Raises
    ------
    InputError
        If it is empty, or an archive that unpacks to more than is read here.

    Examples
    --------
    >>> import tempfile
    >>> keep_upload("../../My study.csv", b"subject,visit", Path(tempfile.mkdtemp())).name
    'My-study.csv'
    """
    bare = re.split(r"[/\\\\]", name)[-1]
    stem, dot, ending = bare.rpartition(".")
    plain = re.sub(r"[^\w-]+", "-", stem if dot else bare)[:60].strip("-") or "study"
    plain += f".{re.sub(r'[^A-Za-z0-9]', '', ending)[:12].lower()}" if dot else ""
    if not content:
        raise InputError(plain, "the file is empty")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / plain
    path.write_bytes(content)
    unpacked = sum(member.file_size for member in members(path))
    if unpacked > LARGEST_UNPACKED:
        path.unlink()
        limit = f"{LARGEST_UNPACKED // 1024**2} MB"
        raise InputError(plain, "the archive unpacks to too much", value=f"{unpacked // 1024**2} MB", allowed=limit)
    return path


def analyse_file(path: Path, missing: Missing = "strict") -> tuple[str, dict[str, Any], Any]:
    """Read and analyse a file; return its kind (``trial`` or ``series``), its results, and its Study or tables."""
    from abate.study import readers
    from abate.study.arms import analyse_arms
    from abate.study.series import analyse
    from abate.study.store import Study, is_study

    if is_study(path):
        study = Study(path)
        if len(study.meta.get("arms", [])) > 1:
            return "trial", analyse_arms(study.tables()), study
        return "series", analyse(study.tables(), policy=missing), study.tables()
    reading = readers.read(path)
    results = analyse(reading.tables, policy=missing)
    results["source"] = reading.mapping.as_dict()
    return "series", results, reading.tables


def report_file(path: Path, missing: Missing, folder: Path, tell: Callable[[float], None]) -> dict[str, Any]:
    """Write the report of a file into ``folder/report``; return what names the run."""
    from abate.report import series, trial

    tell(0.05)
    kind, results, study = analyse_file(path, missing)
    tell(0.5)
    if kind == "trial":
        trial.write(study, folder / "report", results=results)
    else:
        series.write(study, results, folder / "report")
    found = series.sentences(results) if kind == "series" else []
    return {"title": path.name, "kind": kind, "found": list(found)}
