"""The page of what is installed names what the locks install."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_has_every_package_of_the_locks_in_its_version() -> None:
    made = runpy.run_path(str(DOCS / "make_dependencies.py"))
    page = (DOCS / "developers" / "dependencies.md").read_text()
    shown = dict(re.findall(r"^\| ([\w.-]+) \| (\d[\w.]*) \|", page, re.MULTILINE))
    locks = {name: one.version for name, one in made["locked"]("dev").items()}
    assert shown == locks, "run: python docs/make_dependencies.py"
    assert set(made["locked"]("core")) < set(made["locked"]("run")) < set(locks)


def test_the_core_stays_below_what_the_project_set_itself() -> None:
    page = (DOCS / "developers" / "dependencies.md").read_text()
    total = re.search(r"takes \*\*(\d+) MB\*\*", page)
    assert total is not None
    assert int(total[1]) < 800
