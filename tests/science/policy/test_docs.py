"""The page on policies is made from the library and from running it; a stale page fails."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_is_fresh() -> None:
    page = runpy.run_path(str(DOCS / "make_policies.py"))["page"]
    assert (DOCS / "policies.md").read_text(encoding="utf-8") == page(), "run: python docs/make_policies.py"


def test_the_python_on_the_page_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "policies.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "docs/policies.md", "exec"), {})
