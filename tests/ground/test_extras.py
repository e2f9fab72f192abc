"""Optional parts: the table is that of the package, and what is missing is named."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from abate.ground.errors import MissingExtra
from abate.ground.extras import EXTRAS, need, optional, there

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_is_that_of_the_package() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {extra: {re.split(r"[\[>=]", one)[0] for one in given} for extra, given in declared.items()}
    assert {extra: set(one.packages.values()) for extra, one in EXTRAS.items()} == names


@pytest.mark.parametrize(
    ("extra", "package"), [(extra, package) for extra, one in EXTRAS.items() for package in one.packages]
)
def test_a_missing_package_names_its_extra(extra: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    name = re.escape(f"{EXTRAS[extra].packages[package]} is not installed; it comes with: pip install 'abate[{extra}]'")
    assert not there(extra)
    with pytest.raises(MissingExtra, match=name):
        optional(package)
    with pytest.raises(MissingExtra, match=re.escape(f"pip install 'abate[{extra}]'")):
        need(extra)


def test_what_is_there_is_imported() -> None:
    assert optional("openpyxl").Workbook
    assert optional("fhir.resources.bundle").Bundle
    need("readers", "clinic")
    assert there("readers")
