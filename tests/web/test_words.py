"""The Ukrainian catalogue holds every text of the pages, and nothing else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import abate.web
from abate.planner.complaints import CAUSES
from abate.planner.explain import ADVICE
from abate.planner.flags import flags
from abate.web.words import LANGUAGES, Words, catalogue, choose

ROOM = Path(abate.web.__file__).parent


def texts() -> set[str]:
    """Every text that a page says; strings within f-strings too, which extraction by tokens does not see."""
    found = set()
    for file in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if name == "_" and node.args and isinstance(node.args[0], ast.Constant):
                    found.add(str(node.args[0].value))
    # What the planner says on a page, in its own words.
    return found | {text for flag in flags() for text in (flag.says, flag.do)} | set(ADVICE.values()) | set(CAUSES)


def test_everything_is_translated_and_nothing_is_left_over() -> None:
    assert texts() == set(catalogue("uk"))


def test_a_translation_keeps_the_places_for_values() -> None:
    for text, said in catalogue("uk").items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", said)), text
        assert re.search("[а-яіїєґ]", said.lower()) or not re.search("[a-z]{6}", text), text


def test_every_language_says_its_own_name() -> None:
    assert set(LANGUAGES) == {"en", "uk"}
    assert Words("en")("Library") == "Library"


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [("uk-UA,uk;q=0.9", "uk"), ("en-GB", "en"), ("", "en"), ("fr,uk;q=x,en", "en"), ("en;q=0.1,uk;q=0.2", "uk")],
)
def test_the_browser_is_asked_which_language_it_prefers(accepted: str, chosen: str) -> None:
    assert choose(accepted) == chosen
