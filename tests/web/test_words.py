"""The Ukrainian catalogue holds every text of the pages, and nothing else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import abate.planner
import abate.web
from abate.planner.complaints import CAUSES
from abate.planner.explain import ADVICE, UNKNOWN
from abate.planner.flags import flags
from abate.planner.settings import candidate_list
from abate.planner.told import Told
from abate.web.words import LANGUAGES, Words, catalogue, choose

ROOM = Path(abate.web.__file__).parent
DISEASES = ("pmr", "gca", "ra", "fibromyalgia")


def texts() -> set[str]:
    """Every text that a page says; strings within f-strings too, which extraction by tokens does not see."""
    found = set()
    for file in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if name == "_" and node.args and isinstance(node.args[0], ast.Constant):
                    found.add(str(node.args[0].value))
    return found | planned()


def planned() -> set[str]:
    """What the planner says on a page, in its own words."""
    said = {text for flag in flags() for text in (flag.says, flag.do)} | {*ADVICE.values(), UNKNOWN, *CAUSES}
    for name in DISEASES:
        listed = candidate_list(name)
        said |= {option.label for option in listed.options} | ({listed.why} if listed.why else set())
    return said | {"Stay off prednisone"} | sentences()


def sentences() -> set[str]:
    """Templates of the sentences that remember how they were made."""
    found = set()
    for file in Path(abate.planner.__file__).parent.glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        inside = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "Told"]
        for node in inside:
            what = node.args[0]
            if isinstance(what, ast.Constant):
                found.add(str(what.value))
            elif isinstance(what, ast.Name):  # a variable: its values stand nearby as constants
                found |= {
                    str(a.value.value)
                    for a in ast.walk(tree)
                    if isinstance(a, ast.Assign)
                    and isinstance(a.value, ast.Constant)
                    and any(isinstance(t, ast.Name) and t.id == what.id for t in a.targets)
                }
    return found


def test_a_sentence_of_the_planner_is_said_in_ukrainian_with_what_is_in_it() -> None:
    fall = Told("today the dose falls from {top} to {low} mg within {within} days", top="20", low="5", within=7)
    said = Words("uk").told(Told("not used, because another illness moves it too: {names}", names=fall))
    assert said.endswith(": сьогодні доза знижується з 20 до 5 мг (за 7 дн.)")
    assert Words("uk").told("as it was written") == "as it was written"


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
