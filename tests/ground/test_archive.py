"""Zip archives: damaged ones hold nothing, and unpacking stays inside its folder."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from abate.ground.archive import members, unpack
from abate.ground.errors import InputError


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    path = tmp_path / "whole.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("study.toml", 'name = "a"')
    return path.read_bytes()


def damaged(whole: bytes, offset: int, damage: bytes, record: bytes = b"PK\x01\x02") -> bytes:
    place = whole.index(record) + offset
    return whole[:place] + damage + whole[place + len(damage) :]


@pytest.mark.parametrize(
    ("offset", "damage"),
    [
        (0, b"XK"),  # not a directory entry
        (6, b"\x78\x00"),  # wants a version that there is not
        (8, b"\x00\x08"),  # says that names are UTF-8 ...
    ],
)
def test_a_damaged_directory_holds_nothing(whole: bytes, offset: int, damage: bytes, tmp_path: Path) -> None:
    broken = damaged(whole, offset, damage)
    if damage == b"\x00\x08":
        broken = damaged(broken, 46, b"\xf5")  # ... and this name is not
    path = tmp_path / "broken.zip"
    path.write_bytes(broken)
    assert members(path) == []


@pytest.mark.parametrize(
    ("record", "offset", "damage", "why"),
    [
        (b"PK\x01\x02", 16, b"\x00\x00\x00\x00", "Bad CRC"),
        (b"PK\x01\x02", 8, b"\x01\x00", "encrypted"),
        (b"PK\x01\x02", 10, struct.pack("<H", 99), "compression method"),
        (b"PK\x03\x04", 0, b"XK", "Bad magic number"),
    ],
)
def test_what_cannot_be_unpacked_says_why(
    whole: bytes, record: bytes, offset: int, damage: bytes, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "broken.zip"
    path.write_bytes(damaged(whole, offset, damage, record))
    with pytest.raises(InputError, match=f"cannot be unpacked .*{why}"):
        unpack(path, tmp_path / "to")


def test_unpacking_stays_inside(tmp_path: Path) -> None:
    path = tmp_path / "out.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../beside.txt", "x")
    with pytest.raises(InputError, match=r"beside\.txt: the archive points outside itself"):
        unpack(path, tmp_path / "to")
    assert not (tmp_path / "beside.txt").exists()
