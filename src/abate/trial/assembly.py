"""Parts of a Study on disk, and how they become one: chunk by chunk, so that memory stays flat however many people.

A part is whole when its mark is there; the Study takes its place only when it is whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.ground.errors import InputError
from abate.ground.files import write_atomically
from abate.study.observation import load_clinic
from abate.study.store import COURSES, write
from abate.study.tables import TABLES
from abate.trial.course import Course
from abate.trial.setup import Setup
from abate.trial.tables import study_rows

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["CHUNK", "Chunk", "assemble", "chunks_of", "is_whole", "write_part"]

CHUNK = 1024
"""People a chunk: a whole number of lane groups, and the chunk of the courses on disk."""
DAILY = "daily.feather"
DOSES = {"prednisone_dose": "prednisone", "prednisone_planned": "prednisone, planned"}
"""Courses that are no output of the model, with their labels."""


@dataclass(frozen=True)
class Chunk:
    """Some people of an arm."""

    arm: str
    index: int
    first: int
    patients: int

    @property
    def name(self) -> str:
        """Of its part on disk."""
        return f"{self.arm}-{self.index:06d}"


def chunks_of(sizes: dict[str, int]) -> Iterator[Chunk]:
    """Yield the chunks of arms of these sizes, in order."""
    for arm, size in sizes.items():
        for index, first in enumerate(range(0, size, CHUNK)):
            yield Chunk(arm, index, first, min(CHUNK, size - first))


def is_whole(parts: Path, chunk: Chunk) -> bool:
    """True when the part of a chunk was written to its end."""
    return (parts / f"{chunk.name}.done").exists()


def write_part(parts: Path, chunk: Chunk, course: Course, setup: Setup) -> None:
    """Write the people of a chunk beside the Study to be."""
    folder = parts / chunk.name
    shutil.rmtree(folder, ignore_errors=True)
    write(folder, {}, study_rows(course, chunk.arm, _subjects(chunk), load_clinic()))
    _write_daily(folder / DAILY, _daily(course, chunk, setup.trial.days))
    for file in folder.iterdir():
        with file.open("rb") as written:
            os.fsync(written.fileno())
    # The mark comes last, when all else is on the disk: a part without it is run again.
    write_atomically(parts / f"{chunk.name}.done", "")


def _subjects(chunk: Chunk) -> npt.NDArray[np.object_]:
    return np.array([f"{chunk.arm}/{chunk.first + number:06d}" for number in range(chunk.patients)], dtype=object)


def _daily(course: Course, chunk: Chunk, days: int) -> dict[str, npt.NDArray[np.float32]]:
    """Courses of a chunk by name, each (people, days + 1), NaN after a person has left."""
    n = chunk.patients
    gone = np.arange(days + 1)[None, :] > course.followed[:n, None]
    daily = {name: values[:n] for name, values in course.courses.items()}
    for name, mg in {"prednisone_dose": course.prednisone, "prednisone_planned": course.planned}.items():
        if mg is not None:
            daily[name] = np.concatenate([mg[:n], mg[:n, -1:]], axis=1)
    return {name: np.where(gone, np.float32(np.nan), values).astype(np.float32) for name, values in daily.items()}


def _write_daily(file: Path, daily: dict[str, npt.NDArray[np.float32]]) -> None:
    import pyarrow as pa
    from pyarrow import feather

    rows = {name: pa.FixedSizeListArray.from_arrays(a.ravel(), a.shape[1]) for name, a in daily.items()}
    feather.write_feather(pa.table(rows), str(file), compression="zstd")


def _read_daily(file: Path) -> dict[str, npt.NDArray[np.float32]]:
    from pyarrow import feather

    stored = feather.read_table(str(file)).combine_chunks()
    return {
        name: np.asarray(stored[name].chunk(0).flatten()).reshape(stored.num_rows, -1) for name in stored.column_names
    }


def _described(name: str, setup: Setup) -> dict[str, str]:
    """Attributes of a course."""
    if name in DOSES:
        return {"units": "mg/day", "long_name": DOSES[name]}
    output = setup.model.outputs.get(name)
    return {"units": output.unit if output else "", "long_name": output.label if output else name}


def assemble(parts: Path, chunks: Sequence[Chunk], head: dict[str, Any], target: Path, setup: Setup) -> None:
    """Put the parts together; the Study takes its place only when it is whole."""
    import pyarrow as pa

    whole = parts / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    try:
        for name in TABLES:
            _join_tables([parts / chunk.name / f"{name}.parquet" for chunk in chunks], whole / f"{name}.parquet")
        _join_courses(parts, chunks, whole / COURSES, setup)
    except (pa.ArrowInvalid, FileNotFoundError) as error:
        cause = str(error).partition("\n")[0]
        raise InputError(
            str(target), f"a finished part is damaged ({cause})", hint="run it without --resume"
        ) from error
    write(whole, head, {})
    old = parts / "old"
    if target.exists():
        os.replace(target, old)
    os.replace(whole, target)
    shutil.rmtree(parts, ignore_errors=True)


def _join_tables(files: list[Path], target: Path) -> None:
    import pyarrow.parquet as pq

    schema = pq.read_schema(files[0])
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for file in files:
            writer.write_table(pq.read_table(file).cast(schema))


def _join_courses(parts: Path, chunks: Sequence[Chunk], target: Path, setup: Setup) -> None:
    """Lay the first part out, make room for everybody, then put each part in its place, which looks at no other."""
    import xarray as xr
    import zarr

    whole: Any = None
    first = 0
    for chunk in chunks:
        columns: dict[str, npt.NDArray[Any]] = {**_read_daily(parts / chunk.name / DAILY)}
        columns["subject"] = _subjects(chunk).astype("U64")
        columns["arm"] = np.full(chunk.patients, chunk.arm, dtype="U64")
        if whole is None:
            data = {name: (("subject", "day")[: a.ndim], a, _described(name, setup)) for name, a in columns.items()}
            coordinates = {name: ("subject", data.pop(name)[1]) for name in ("subject", "arm")}
            laid = xr.Dataset(data, {**coordinates, "day": np.arange(setup.trial.days + 1)})
            encoding = {name: {"chunks": (CHUNK, *values.shape[1:])} for name, values in columns.items()}
            laid.to_zarr(target, mode="w", consolidated=False, zarr_format=2, encoding=encoding)
            whole = zarr.open_group(target, mode="r+", zarr_format=2, use_consolidated=False)
            for name, values in columns.items():
                whole[name].resize((sum(c.patients for c in chunks), *values.shape[1:]))
        else:
            for name, values in columns.items():
                whole[name][first : first + chunk.patients] = values
        first += chunk.patients
