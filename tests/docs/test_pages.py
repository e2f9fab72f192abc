"""Every command and code block of the pages runs as printed, page by page, in an empty folder.

A page is read from top to bottom. A block of any language with a title is written to the file that its title names;
`sh` blocks run in bash; `python` blocks share one namespace (with ``>>>`` they are doctests); `diff` blocks are applied
to a copy of the sources, which the page uses from then on. What stands in another language, or without one, is shown
and not run. Two remarks in the page's source change that:

- ``<!-- slow -->`` on a line of its own puts the page's test behind the mark `slow`;
- ``<!-- not run: the reason -->`` before a block leaves that block out.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"^(?P<skip><!-- not run: (?P<why>[^>]+) -->\n+)?```(?P<language>\w+)(?P<options>[^\n]*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
RUN = ("sh", "python", "diff")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file it is, if it is one, and its text."""

    language: str
    title: str | None
    code: str
    line: int


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page that are run or written, in order."""
    text = page.read_text()
    found = []
    for fence in FENCE.finditer(text):
        title = re.search(r'title="([^"]+)"', fence["options"])
        if fence["why"] or (fence["language"] not in RUN and title is None):
            continue
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Block(fence["language"], title and title[1], fence["code"], line))
    return found


def run(page: Path, folder: Path) -> None:
    """Run a page in a folder that has the project's examples and its program."""
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    (folder / "examples").symlink_to(ROOT / "examples")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "CI": "1"}
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page):
        where = f"{page.name}:{block.line}"
        if block.title is not None:
            (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.title).write_text(block.code)
        elif block.language == "diff":
            if not (folder / "src").exists():
                shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
                environment["PYTHONPATH"] = str(folder / "src")
            done = subprocess.run(
                ["git", "apply", "--verbose", "-"],
                cwd=folder,
                input=block.code,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{where}: the diff does not apply to the sources\n{done.stderr}"
        elif block.language == "sh":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.code],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{where}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        elif block.code.startswith(">>>"):
            example = doctest.DocTestParser().get_doctest(block.code, namespace, where, str(page), block.line)
            doctest.DebugRunner(optionflags=FLAGS).run(example, clear_globs=False)
            namespace.update(example.globs)
        else:
            exec(compile("\n" * block.line + block.code, str(page), "exec"), namespace)


def parameters() -> list[object]:
    marks = {True: [pytest.mark.slow], False: []}
    return [
        pytest.param(page, id=str(page.relative_to(ROOT)), marks=marks["<!-- slow -->" in page.read_text()])
        for page in PAGES
        if blocks(page)
    ]


@pytest.mark.parametrize("page", parameters())
def test_a_page_runs_as_printed(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_stands_in_a_block_that_runs(page: Path) -> None:
    unlabelled = re.findall(
        r"^```\n((?:\.venv/bin/)?abate .*)$|^    ((?:\.venv/bin/)?abate .*)$", page.read_text(), re.M
    )
    assert not unlabelled, f"give these blocks a language, sh: {unlabelled}"


@pytest.mark.parametrize(
    ("block", "error"),
    [
        ("```sh\nabate nonsense\n```\n", AssertionError),
        ("```python\nimport abate as ab\nab.nonsense\n```\n", AttributeError),
        ("```python\n>>> 1\n2\n```\n", doctest.DocTestFailure),
    ],
)
def test_a_page_that_is_wrong_fails(
    block: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "wrong.md"
    page.write_text(block)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=r"nonsense|wrong\.md"):
        run(page, tmp_path)
