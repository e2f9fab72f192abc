"""Files: YAML and TOML with line numbers, nearest names, and output that is whole or absent."""

from __future__ import annotations

import difflib
import json
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import yaml

from abate.ground.errors import InputError, StorageError

__all__ = [
    "Document",
    "fresh_directory",
    "library_path",
    "load_toml",
    "load_yaml",
    "nearest",
    "set_path",
    "write_atomically",
]

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """What a file says, and on which line.

    Attributes
    ----------
    path : str
        Name shown in errors.
    data : dict
        The parsed content.
    lines : mapping from key path to line number, counted from 1
        ``("steps", 2, "mg")`` -> 14.
    """

    path: str
    data: dict[str, Any]
    lines: Mapping[Key, int] = field(default_factory=dict)

    def where(self, key: Iterable[str | int] = ()) -> str:
        """Return ``file, line N, a.b[2]`` for a key path; the line is that of its nearest known parent."""
        path = tuple(key)
        parts = [self.path]
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                parts.append(f"line {self.lines[path[:end]]}")
                break
        if path:
            parts.append(spell(path))
        return ", ".join(parts)

    def error(self, key: Iterable[str | int], problem: str, **details: Any) -> InputError:
        """Make an `InputError` that points at a key of this document."""
        return InputError(self.where(key), problem, **details)


def spell(key: Iterable[str | int]) -> str:
    """Write a key path as people do: ``steps[2].mg``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the nearest of some names, or None when nothing is near.

    Examples
    --------
    >>> nearest("tocilizumap", ["tocilizumab", "sarilumab"])
    'tocilizumab'
    """
    pool = {str(n).casefold(): str(n) for n in names}
    found = difflib.get_close_matches(name.casefold(), list(pool), n=1, cutoff=0.6)
    return pool[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str | None:
    """Return ``did you mean 'x'?`` for the nearest name, all of those that are equally near, or None.

    Examples
    --------
    >>> did_you_mean("gacta", ["giacta", "tenor"]), did_you_mean("week-3", ["week-1", "week-2"])
    ("did you mean 'giacta'?", "did you mean 'week-1' or 'week-2'?")
    """
    pool = {str(n).casefold(): str(n) for n in names}
    wanted = name.casefold()
    near = difflib.get_close_matches(wanted, list(pool), n=8, cutoff=0.6)
    ratios = [difflib.SequenceMatcher(None, found, wanted).ratio() for found in near]
    best = [pool[found] for found, ratio in zip(near, ratios, strict=True) if ratio >= ratios[0] - 1e-9]
    return f"did you mean {' or '.join(map(repr, sorted(best)))}?" if best else None


def library_path(*parts: str) -> Path:
    """Return the path of something in the shipped library.

    Examples
    --------
    >>> library_path("trials").name
    'trials'
    """
    return Path(str(package_files("abate"))).joinpath("library", *parts)


class _Loader(yaml.SafeLoader):
    """Safe YAML, with duplicate keys refused."""

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        """Refuse a date that no calendar has, such as 30 February, where it stands."""
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError as error:
            said = f"{node.value}: there is no such day; allowed: a date of the calendar, as in 2026-11-02"
            raise yaml.constructor.ConstructorError(None, None, said, node.start_mark) from error


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)


def load_yaml(path: str | Path, *, text: str | None = None) -> Document:
    """Read a YAML file (or `text`, shown as `path`) with the line of every key.

    Raises
    ------
    InputError
        If the file is missing, not UTF-8, not YAML, not a mapping, or has a key twice.
    """
    name, content = _read(path, text)
    try:
        node = yaml.compose(content, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}, line {mark.line + 1}" if mark else name
        raise InputError(place, f"this is not YAML ({getattr(error, 'problem', error)})") from error
    if node is None:
        raise InputError(name, "the file is empty", hint="start from: abate library NAME --yaml")
    if not isinstance(node, yaml.MappingNode):
        raise InputError(name, "the file must hold keys and values", allowed="key: value lines")
    lines: dict[Key, int] = {}
    _walk(node, (), name, lines)
    loader = _Loader(content)
    try:
        data = loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}, line {mark.line + 1}" if mark else name
        raise InputError(place, f"this is not plain YAML ({getattr(error, 'problem', error)})") from error
    finally:
        loader.dispose()
    return Document(name, data, lines)


def load_toml(path: str | Path, *, text: str | None = None) -> Document:
    """Read a TOML file (or `text`, shown as `path`), with the line of every table and key found by name."""
    name, content = _read(path, text)
    try:
        data = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise InputError(name, f"this is not TOML ({error})") from error
    lines: dict[Key, int] = {}
    table: Key = ()
    for number, line in enumerate(content.splitlines(), start=1):
        bare = line.split("#")[0].strip()
        if bare.startswith("[") and bare.endswith("]"):
            table = tuple(part.strip().strip('"') for part in bare.strip("[]").split("."))
            lines.setdefault(table, number)
        elif "=" in bare:
            key = tuple(part.strip().strip('"') for part in bare.split("=")[0].strip().split("."))
            lines.setdefault((*table, *key), number)
    return Document(name, data, lines)


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write a file so that it is either the old one or the whole new one.

    Raises
    ------
    StorageError
        If the disk refuses; nothing half-written stays behind.
    """
    target = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        raise StorageError(
            f"{target}: could not be written ({error.strerror}); free some space or choose --out"
        ) from error
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)


@contextmanager
def fresh_directory(path: str | Path) -> Iterator[Path]:
    """Yield a new directory beside `path`; on success it takes the place of `path`, on any failure it vanishes.

    Raises
    ------
    InputError
        If `path` is a file, a Study, or a non-empty folder without a results.json of abate.

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "study"
    >>> with fresh_directory(out) as new:
    ...     _ = (new / "results.json").write_text('{"abate": "0"}')
    >>> sorted(p.name for p in out.iterdir())
    ['results.json']
    """
    target = Path(path)
    check_replaceable(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        os.chmod(fresh, 0o755)
    except OSError as error:
        raise StorageError(f"{target}: could not be written ({error.strerror}); choose another --out") from error
    try:
        yield fresh
        old = fresh.with_name(fresh.name + ".old")
        if target.exists():
            os.replace(target, old)
        os.replace(fresh, target)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise StorageError(
            f"{target}: could not be written ({error.strerror}); free some space or choose --out"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def check_replaceable(target: Path, *, study: bool = False) -> None:
    """Refuse to replace a file, a folder that abate did not write, or a Study with something that is none.

    Parameters
    ----------
    target : Path
        Where an output is to go.
    study : bool
        Whether the output is a Study itself.
    """
    if target.is_file():
        raise InputError("--out", "this is a file", value=str(target), allowed="a new folder, or one that abate wrote")
    if not target.is_dir() or not any(target.iterdir()):
        return
    if (target / "study.toml").exists() and not study:
        raise InputError(
            "--out",
            "the folder holds a Study",
            value=str(target),
            allowed="a new folder, or a report that abate wrote",
            hint="choose another name, so that the Study is not lost",
        )
    if not (target / "study.toml").exists() and not _wrote(target / "results.json"):
        raise InputError(
            "--out",
            "the folder holds other files",
            value=str(target),
            allowed="a new folder, or one that abate wrote",
            hint="choose another name, so that nothing of yours is lost",
        )


def _wrote(results: Path) -> bool:
    """Tell whether a results.json is abate's own."""
    try:
        return "abate" in json.loads(results.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def set_path(data: Any, key: str, value: Any, *, where: str = "--set") -> Any:
    """Return a copy of nested `data` with ``a.b[2].c`` replaced; an unknown key is refused with the nearest name.

    Examples
    --------
    >>> set_path({"arms": {"placebo": {"patients": 50}}}, "arms.placebo.patients", 10)
    {'arms': {'placebo': {'patients': 10}}}
    """
    head, _, rest = key.replace("[", ".").replace("]", "").partition(".")
    index: Any = int(head) if isinstance(data, list) and head.isdigit() else head
    names = list(range(len(data))) if isinstance(data, list) else list(data)
    if index not in names:
        hint = did_you_mean(head, [str(n) for n in names])
        raise InputError(where, "there is no such key", value=key, allowed=[str(n) for n in names], hint=hint)
    copy: Any = list(data) if isinstance(data, list) else dict(data)
    if rest and not isinstance(copy[index], (dict, list)):
        raise InputError(where, "this key holds a value, not a group", value=key)
    copy[index] = set_path(copy[index], rest, value, where=where) if rest else value
    return copy


def _read(path: str | Path, text: str | None) -> tuple[str, str]:
    if text is not None:
        return str(path), text
    source = Path(path)
    try:
        return str(path), source.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(str(path), "there is no such file", hint="check the name") from error
    except IsADirectoryError as error:
        raise InputError(str(path), "this is a folder, not a file") from error
    except UnicodeDecodeError as error:
        raise InputError(str(path), "the file is not UTF-8 text", hint="save it as UTF-8") from error
    except OSError as error:
        raise InputError(str(path), f"the file cannot be read ({error.strerror})") from error


def _walk(node: yaml.Node, key: Key, name: str, lines: dict[Key, int]) -> None:
    lines.setdefault(key, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for child, value in node.value:
            line = child.start_mark.line + 1
            label = str(child.value)
            if label in seen:
                raise InputError(
                    f"{name}, line {line}, {spell((*key, label))}",
                    "the key stands twice",
                    hint=f"first on line {seen[label]}; keep one",
                )
            seen[label] = line
            lines[(*key, label)] = line
            _walk(value, (*key, label), name, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*key, index)] = value.start_mark.line + 1
            _walk(value, (*key, index), name, lines)
