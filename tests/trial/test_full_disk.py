"""A disk that takes no more: one clear line, nothing half-written, and a run that goes on to the same bytes."""

from __future__ import annotations

import errno
import hashlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from abate.ground.errors import InputError, StorageError
from abate.trial import assembly
from abate.trial.protocol import Trial, load_trial
from abate.trial.simulate import simulate


def hashes(study: Path) -> dict[str, str]:
    files = (p for p in study.rglob("*") if p.is_file())
    return {str(p.relative_to(study)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """The system's own refusal, as a full disk gives it, whoever writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Trial:
    monkeypatch.setattr(assembly, "CHUNK", 16)
    trial = load_trial("giacta")
    arms = dict(list(trial.arms.items())[:1])
    return trial.model_copy(update={"arms": arms, "weeks": 1, "groups": {}, "reference": None, "published": ()})


def test_a_file_that_cannot_be_written_ends_the_run_and_keeps_what_is_done(short: Trial, tmp_path: Path) -> None:
    simulate(short, tmp_path / "whole", patients=48)
    expected = hashes(tmp_path / "whole")
    tables = [p.stat().st_size for p in (tmp_path / "whole").glob("*.parquet")]
    with (
        no_file_larger_than(max(tables) - 1),  # the parts are smaller: it is the joining that fails
        pytest.raises(StorageError, match=r"there: could not be written \(.*\); free some space, then --resume"),
    ):
        simulate(short, tmp_path / "there", patients=48)
    assert not (tmp_path / "there").exists()
    assert len(list((tmp_path / ".there.partial").glob("*.done"))) == 3
    simulate(short, tmp_path / "there", patients=48, resume=True)
    assert hashes(tmp_path / "there") == expected
    assert sorted(p.name for p in tmp_path.iterdir()) == ["there", "whole"]


@pytest.mark.parametrize("step", ["write", "write_atomically"])
def test_a_disk_full_in_the_middle_of_a_part(
    short: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    simulate(short, tmp_path / "whole", patients=48)
    works, calls = getattr(assembly, step), 0

    def full(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        works(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(assembly, step, full)
        with pytest.raises(StorageError, match=r"could not be written \(No space left on device\).*--resume"):
            simulate(short, tmp_path / "there", patients=48)
    assert len(list((tmp_path / ".there.partial").glob("*.done"))) == 1
    simulate(short, tmp_path / "there", patients=48, resume=True)
    assert hashes(tmp_path / "there") == hashes(tmp_path / "whole")


@pytest.mark.parametrize("name", ["measurements.parquet", "daily.feather"])
def test_a_part_that_was_damaged_is_said(
    short: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def no_joining(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("abate.trial.simulate.assemble", no_joining)
        with pytest.raises(StorageError):
            simulate(short, tmp_path / "there", patients=32)
    part = next((tmp_path / ".there.partial").glob(f"*/{name}"))
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(InputError, match=r"there: a finished part is damaged .*; run it without --resume"):
        simulate(short, tmp_path / "there", patients=32, resume=True)
    assert not (tmp_path / "there").exists()
    simulate(short, tmp_path / "there", patients=32)
