"""Entries of the library, and a user's model shown like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from abate.ground.errors import InputError
from abate.report.entry import find, shelf

MINE = """model mine()
  substanceOnly species central;
  removed: central -> ; k*central;
  k = 0.2; central = 0;
end
"""


def test_a_users_model_is_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "mine.ant"
    path.write_text(MINE)
    entry = find(str(path))
    assert entry.kind == "model"
    assert entry.text == MINE
    assert entry.content()["equations"]["d central/dt"] == "-central*k"


def test_a_users_model_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.ant"):
        find(str(tmp_path / "mine.ant"))


def test_every_entry_has_a_title_and_can_be_read() -> None:
    for entry in shelf():
        assert entry.title
        assert entry.content()["name"] == entry.name
