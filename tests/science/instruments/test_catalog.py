"""Instrument files: names, schema errors that point at a line, rules that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from abate.ground.errors import InputError
from abate.ground.files import library_path
from abate.science import instruments
from abate.science.instruments.rule import evaluate, names_in


def test_every_shipped_instrument_loads_and_names_its_sources() -> None:
    assert set(instruments.names()) == {
        *("facit-fatigue", "fibromyalgia-2010", "fibromyalgia-2011", "fibromyalgia-2016", "fiqr", "giacta", "haq-di"),
        *("omeract-pmr", "pain", "pmr-as", "pmr-classification-2012", "sf-36"),
    }
    for name in instruments.names():
        instrument = instruments.load(name)
        assert instrument.name == name
        assert all(source.citation for source in instrument.sources.values())


def test_an_item_that_two_instruments_share_is_the_same_item() -> None:
    for name in instruments.names():
        for item in instruments.load(name).items:
            assert item == instruments.items()[item.id], f"{name} and another instrument disagree about {item.id}"


def test_unknown_name_has_the_nearest() -> None:
    with pytest.raises(InputError, match=r"there is no such instrument: 'fiqrr'.*did you mean 'fiqr'"):
        instruments.load("fiqrr")


@pytest.mark.parametrize(
    ("find", "replace", "message"),
    [
        ('operation = "sum"', 'operation = "product"', "scores"),
        ('"fiqr/9"]', '"fiqr/99"]', "uses 'fiqr/99', which is no item and no earlier score"),
        ('source = "bennett-2009"', 'source = "nobody"', "the source 'nobody' is not among"),
        ('grade = "verified"', 'grade = "certain"', "it should be"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(tmp_path: Path, find: str, replace: str, message: str) -> None:
    text = library_path("instruments", "fiqr.toml").read_text().replace(find, replace)
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        instruments.load(file)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("wpi >= 7 and sssx >= 5", "names what is not there: 'sssx'; did you mean 'sss'"),
        ("__import__('os')", "which no rule may hold"),
        ("wpi >=", "cannot be read"),
        ("wpi == 'a'", "which no rule may hold"),
    ],
)
def test_a_bad_rule_is_refused(tmp_path: Path, rule: str, message: str) -> None:
    text = library_path("instruments", "fibromyalgia-2016.toml").read_text()
    line = 'rule = "(wpi >= 7 and sss >= 5) or (4 <= wpi <= 6 and sss >= 9)"'
    assert line in text
    file = tmp_path / "mine.toml"
    file.write_text(text.replace(line, f'rule = "{rule}"'))
    with pytest.raises(InputError, match=message):
        instruments.load(file)


def test_three_valued_logic() -> None:
    assert set(names_in("a + b / 2 > -c")) == {"a", "b", "c"}
    for rule, expected in [
        ("a > 1 or 1 > 0", True),
        ("a > 1 and 1 > 2", False),
        ("not a", None),
        ("not (1 > 2)", True),
        ("1 / 0 > 2", None),
        ("1 < 2 < 3", True),
        ("3 < 2 < a", False),
    ]:
        assert evaluate(rule, {"a": None}) is expected


def test_wording_stays_with_the_site(tmp_path: Path) -> None:
    file = tmp_path / "wording.toml"
    file.write_text('[items]\n"fiqr/1" = "a"\n"fiqr/77" = "b"\n')
    with pytest.raises(InputError, match=r"wording.toml, line 3, items.fiqr/77: this is no item of fiqr"):
        instruments.load_wording(file, instruments.load("fiqr"))
    file.write_text('[items]\n"fiqr/1" = 3\n')
    with pytest.raises(InputError, match="the wording must be text"):
        instruments.load_wording(file, instruments.load("fiqr"))
    file.write_text("")
    with pytest.raises(InputError, match="the table \\[items\\] is missing"):
        instruments.load_wording(file, instruments.load("fiqr"))
