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

from abate.ground.files import write_atomically
from abate.study.observation import load_clinic
from abate.study.store import COURSES, write
from abate.study.tables import TABLES
from abate.trial.course import Course
from abate.trial.setup import Setup
from abate.trial.tables import study_rows

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

__all__ = ["CHUNK", "Chunk", "assemble", "chunks_of", "is_whole", "write_part"]

CHUNK = 1024
"""People a chunk: a whole number of lane groups, and the chunk of the courses on disk."""


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
    numbers = chunk.first + np.arange(chunk.patients)
    subjects = np.array([f"{chunk.arm}/{number:06d}" for number in numbers], dtype=object)
    folder = parts / chunk.name
    shutil.rmtree(folder, ignore_errors=True)
    write(folder, {}, study_rows(course, chunk.arm, subjects, load_clinic()))
    _courses(course, chunk, subjects, setup).to_zarr(folder / COURSES, mode="w", consolidated=False, zarr_format=2)
    # The mark comes last: a part without it is run again.
    write_atomically(parts / f"{chunk.name}.done", "")


def _courses(course: Course, chunk: Chunk, subjects: npt.NDArray[np.object_], setup: Setup) -> xr.Dataset:
    import xarray as xr

    n, days = chunk.patients, setup.trial.days
    gone = np.arange(days + 1)[None, :] > course.followed[:n, None]
    data = {}
    for name, values in course.courses.items():
        output = setup.model.outputs.get(name)
        shown = np.where(gone, np.float32(np.nan), values[:n]).astype(np.float32)
        attributes = {"units": output.unit if output else "", "long_name": output.label if output else name}
        data[name] = (("subject", "day"), shown, attributes)
    daily = {"prednisone_dose": (course.prednisone, "prednisone")}
    if course.planned is not None:
        daily["prednisone_planned"] = (course.planned, "prednisone, planned")
    for name, (mg, label) in daily.items():
        dose = np.concatenate([mg[:n], mg[:n, -1:]], axis=1).astype(np.float32)
        attributes = {"units": "mg/day", "long_name": label}
        data[name] = (("subject", "day"), np.where(gone, np.float32(np.nan), dose), attributes)
    coordinates = {
        "subject": subjects.astype(str),
        "arm": ("subject", np.full(n, chunk.arm)),
        "day": np.arange(days + 1),
    }
    return xr.Dataset(data, coordinates)


def assemble(parts: Path, chunks: Sequence[Chunk], head: dict[str, Any], target: Path) -> None:
    """Put the parts together; the Study takes its place only when it is whole."""
    whole = parts / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    for name in TABLES:
        _join_tables([parts / chunk.name / f"{name}.parquet" for chunk in chunks], whole / f"{name}.parquet")
    _join_courses([parts / chunk.name / COURSES for chunk in chunks], whole / COURSES)
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


def _join_courses(folders: list[Path], target: Path) -> None:
    """Lay the first part out for everybody, then append the others array by array, which looks at no earlier part."""
    import xarray as xr
    import zarr

    for index, folder in enumerate(folders):
        part = xr.open_zarr(folder, consolidated=False, chunks=None).load()
        part = part.assign_coords(subject=part["subject"].astype("U64"), arm=part["arm"].astype("U64"))
        for variable in part.variables.values():
            variable.encoding.clear()
        by_person = [name for name, variable in part.variables.items() if variable.dims[:1] == ("subject",)]
        if index == 0:
            encoding = {name: {"chunks": (CHUNK, *part[name].shape[1:])} for name in by_person}
            part.to_zarr(target, mode="w", consolidated=False, zarr_format=2, encoding=encoding)
            continue
        whole = zarr.open_group(target, mode="r+", zarr_format=2, use_consolidated=False)
        for name in by_person:
            array: Any = whole[str(name)]
            array.append(part[name].to_numpy(), axis=0)
