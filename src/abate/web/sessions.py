"""Each browser has its own folder: its patient, its trials, its studies. The cookie that names it is signed."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abate.ground.errors import StorageError
from abate.ground.files import write_atomically

__all__ = ["KEPT", "Room", "Run", "default_home", "secret_of"]

KEPT = 12
"""Runs that a browser keeps; older ones are removed."""


@dataclass(frozen=True, slots=True)
class Run:
    """A trial or study that was run: its key, and what was noted of it."""

    key: str
    about: Mapping[str, Any]
    folder: Path

    @property
    def report(self) -> Path:
        """Folder of its report."""
        return self.folder / "report"


@dataclass(frozen=True, slots=True)
class Room:
    """What belongs to one browser.

    Attributes
    ----------
    folder : Path
    """

    folder: Path

    @classmethod
    def of(cls, home: Path, session: str) -> Room:
        """Return the room of a session; its folder's name does not give the session away."""
        name = hashlib.sha256(session.encode()).hexdigest()[:24]
        folder = home / "rooms" / name
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    @property
    def patient(self) -> Path:
        """The patient's file; it may not exist yet."""
        return self.folder / "patient.yaml"

    def new_run(self, kind: str) -> Path:
        """Return a fresh folder for a run of a kind, and forget the oldest."""
        runs = self.folder / kind
        runs.mkdir(parents=True, exist_ok=True)
        numbers = sorted(int(path.name) for path in runs.iterdir() if path.name.isdecimal())
        for old in numbers[: max(0, len(numbers) - KEPT + 1)]:
            shutil.rmtree(runs / str(old), ignore_errors=True)
        folder = runs / str(numbers[-1] + 1 if numbers else 1)
        folder.mkdir()
        return folder

    def note(self, run: Path, about: Mapping[str, Any]) -> None:
        """Note what a run is; only a noted run is listed."""
        write_atomically(run / "run.json", json.dumps(dict(about), ensure_ascii=False))

    def runs(self, kind: str) -> list[Run]:
        """Return the noted runs of a kind, the newest first."""
        found = []
        for path in (self.folder / kind).glob("*/run.json"):
            about = json.loads(path.read_text(encoding="utf-8"))
            found.append(Run(path.parent.name, about, path.parent))
        return sorted(found, key=lambda run: -int(run.key))

    def run(self, kind: str, key: str) -> Run | None:
        """Return one noted run of this browser."""
        return next((run for run in self.runs(kind) if run.key == key), None)


def default_home() -> Path:
    """Return where the app keeps its data unless told otherwise."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "abate" / "web"


def secret_of(home: Path) -> str:
    """Return the key that signs the cookies, made at the first start, readable by its owner alone.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    file = home / "secret"
    try:
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        if not file.exists():
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as stream:
                stream.write(secrets.token_urlsafe(32))
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{home}: could not be written ({error.strerror}); choose another --data") from error
