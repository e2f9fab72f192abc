"""A Study on disk: a folder or zip of Parquet tables, a TOML head and, for simulations, a Zarr of daily courses."""

from __future__ import annotations

import json
import shutil
import tomllib
import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from abate.ground.archive import members, unpack
from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, write_atomically
from abate.study.tables import TABLES, StudyTables, conform, empty

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Study", "is_study", "toml_text", "write"]

HEAD = "study.toml"
COURSES = "courses.zarr"


def is_study(path: str | Path) -> bool:
    """Tell whether a path is a Study: a folder with study.toml, or a zip of one."""
    source = Path(path)
    if source.is_dir():
        return (source / HEAD).is_file()
    return any(member.filename.rpartition("/")[2] == HEAD for member in members(source))


class Study:
    """What happened to people, read from a folder or a zip; tables are read when they are asked for.

    Parameters
    ----------
    path : str or Path
        Folder with ``study.toml``, or a zip of such a folder.

    Raises
    ------
    InputError
        If there is no Study at `path`.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> subjects = pd.DataFrame({"subject": ["1"], "arm": ["all"]})
    >>> folder = Path(tempfile.mkdtemp())
    >>> write(folder, {"name": "demo", "source": "observed"}, {"subjects": subjects})
    >>> Study(folder).subjects["arm"].tolist()
    ['all']
    """

    def __init__(self, path: str | Path) -> None:
        source = Path(path)
        if not source.exists():
            raise InputError(str(path), "there is no such Study", hint="check the name, or run: abate simulate giacta")
        if not is_study(source):
            raise InputError(str(path), "this is not a Study", allowed=f"a folder or zip with {HEAD}")
        self.path = source if source.is_dir() else self._unpack(source)
        self.name = source.name

    def __repr__(self) -> str:
        return f"Study({self.meta.get('name', self.name)!r}, {self.meta.get('source')}, {len(self.subjects)} people)"

    @cached_property
    def meta(self) -> dict[str, Any]:
        """The head: name, source, disease, arms, provenance."""
        try:
            return tomllib.loads((self.path / HEAD).read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{self.name}/{HEAD}", f"this is not TOML ({error})") from error

    def table(self, name: str) -> pd.DataFrame:
        """Return one table by name; an absent optional table is empty."""
        import pandas as pd

        if name not in TABLES:
            raise InputError("Study", "there is no such table", value=name, hint=did_you_mean(name, TABLES))
        file = self.path / f"{name}.parquet"
        if not file.exists():
            if name == "subjects":
                raise InputError(f"{self.name}/subjects.parquet", "the table of subjects is missing")
            return empty(name)
        try:
            frame = pd.read_parquet(file)
        except Exception as error:
            raise InputError(f"{self.name}/{file.name}", "this is not a Parquet table") from error
        return conform(name, frame, where=f"{self.name}/{file.name}")

    @cached_property
    def subjects(self) -> pd.DataFrame:
        """Who took part."""
        return self.table("subjects")

    @cached_property
    def doses(self) -> pd.DataFrame:
        """What they took."""
        return self.table("doses")

    @cached_property
    def measurements(self) -> pd.DataFrame:
        """What was measured."""
        return self.table("measurements")

    @cached_property
    def events(self) -> pd.DataFrame:
        """What happened."""
        return self.table("events")

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """The ledger."""
        return self.table("decisions")

    def tables(self) -> StudyTables:
        """Return all tables in memory."""
        return StudyTables(self.subjects, self.measurements, self.doses, self.events, self.decisions, dict(self.meta))

    def courses(self) -> xr.Dataset:
        """Return the daily courses of a simulation, lazily: dims (subject, day), coordinate ``arm`` along subject.

        Raises
        ------
        InputError
            If this Study holds none (an observed one never does).
        """
        import xarray as xr

        if not (self.path / COURSES).exists():
            raise InputError(self.name, "this Study holds no daily courses", allowed="a simulated Study")
        courses: xr.Dataset = xr.open_zarr(self.path / COURSES, consolidated=False, chunks=None)
        return courses

    def _unpack(self, source: Path) -> Path:
        root = Path(mkdtemp(prefix="abate-study-"))
        weakref.finalize(self, shutil.rmtree, root, ignore_errors=True)
        unpack(source, root)
        return next(root.rglob(HEAD)).parent


def write(directory: str | Path, meta: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> None:
    """Write head and tables into a directory (see `abate.ground.files.fresh_directory` for all-or-nothing)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        table = pa.Table.from_pandas(conform(name, frame), preserve_index=False)
        pq.write_table(table.replace_schema_metadata(None), folder / f"{name}.parquet", compression="zstd")
    write_atomically(folder / HEAD, toml_text(meta))


def toml_text(data: Mapping[str, Any]) -> str:
    """Write nested plain values as TOML (strings, numbers, booleans, lists, tables).

    Examples
    --------
    >>> print(toml_text({"name": "a", "provenance": {"seed": 1}}).strip())
    name = "a"
    <BLANKLINE>
    [provenance]
    seed = 1
    """
    lines: list[str] = []
    _toml_table(data, (), lines)
    return "\n".join(lines).strip() + "\n"


def _toml_table(data: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    plain = {k: v for k, v in data.items() if not isinstance(v, Mapping) and v is not None}
    if path and (plain or not data):
        lines += ["", f"[{'.'.join(_toml_key(part) for part in path)}]"]
    lines += [f"{_toml_key(key)} = {_toml_value(value)}" for key, value in plain.items()]
    for key, value in data.items():
        if isinstance(value, Mapping):
            _toml_table(value, (*path, key), lines)


def _toml_key(key: str) -> str:
    bare = bool(key) and all(c.isascii() and (c.isalnum() or c in "-_") for c in key)
    return key if bare else json.dumps(key, ensure_ascii=False)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml_key(str(k))} = {_toml_value(v)}" for k, v in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
