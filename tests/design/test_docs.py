"""The numbers in docs/design.md are those of the code."""

import re
from pathlib import Path

import pytest

from abate.design.assurance import solve_from_pilot
from abate.design.pilot import PilotResponders
from abate.design.plan import plan
from abate.design.protocol.file import load_design
from abate.design.request import request

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (0\.\d\d) \| (\d+) \| (0\.\d\d) \| (0\.\d\d) \|$", PAGE, flags=re.M)


def test_the_table_is_there() -> None:
    assert len(ROWS) == 5


@pytest.mark.parametrize("row", ROWS)
def test_the_fibromyalgia_table(row: tuple[str, ...]) -> None:
    control, people, assured, ceiling = row
    pilot = PilotResponders(3, 6, float(control), prior_people=6)
    made, found = solve_from_pilot(pilot, request())
    assert made.total == int(people)
    assert f"{found.shrunk:.2f}" == assured
    assert found.ceiling == pytest.approx(float(ceiling), abs=0.0051)
    assert found.power_at_raw > 0.99


def test_the_example_file() -> None:
    design = load_design(ROOT / "examples" / "design" / "fibromyalgia.yaml")
    assert design.pilot is not None
    made, _ = solve_from_pilot(design.pilot.value(), design.request)
    expected = made.expected()
    words = f"{made.total} people at most, {expected['effect']:.0f} expected if the effect is as assumed"
    assert f"{words} and {expected['null']:.0f} if there is none" in " ".join(PAGE.split())


def test_options_named_in_the_page_exist() -> None:
    source = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "src/abate/cli").glob("design*.py"))
    shared = {"--out", "--json", "--seed", "--set", "--design"}  # the last is of abate analyse
    for name in set(re.findall(r"--[a-z][a-z-]+", PAGE)) - shared:
        # An option without a name of its own takes that of its argument.
        assert f'"{name}"' in source or f"    {name[2:].replace('-', '_')}:" in source, name


def test_the_pmr_formula_runs() -> None:
    assert plan(request(control=0.118, treatment=0.632)).total < 60
